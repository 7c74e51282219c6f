//! The parts of the service and how they are put together.

use std::{future::Future, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use cannula::{
    EmrSection, IntakeService, ServiceConfig,
    aesthetix::{Aesthetix, AesthetixConfig, Webhooks},
    core::{Clock, CrmNeeds, Error, ErrorKind, Result},
    http::SystemClock,
    rules::{Categories, Rules, RulesConfig},
    sync::{CrmFlow, Engine, IntakeFlow, SqliteStore, Store},
};
use cannula_sandbox::{Access, dermpro::StoreConfig, practice::ZONE};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    Emr, Options, VendorCalls, aesthetix_at, intake_engine,
    receiver::Receiver,
    world::{STEP, STEPS, World, WorldConfig},
};

/// The CRM's name among the vendors.
pub(crate) const CRM: &str = "aesthetix";

/// How often the CRM vendor's own product polls.
pub(crate) const INTERVAL: Duration = Duration::from_secs(300);
/// How often the progress bar of `--watch` is brought up to date.
const TICK: Duration = Duration::from_millis(500);

/// The running parts.
#[derive(Debug)]
pub(crate) struct Setup<E> {
    pub(crate) engine: Arc<Engine<CrmFlow>>,
    /// Makes patients of tagged contacts, where a practice asks for it.
    pub(crate) intake: Option<Arc<Engine<IntakeFlow>>>,
    pub(crate) crm: Arc<Aesthetix>,
    pub(crate) needs: CrmNeeds,
    pub(crate) zone: Tz,
    source: Arc<E>,
    clock: Arc<dyn Clock>,
    /// What is made up; `None` if the vendors are real.
    world: Option<World>,
    receiver: Receiver,
    /// Where a live service receives webhooks.
    listen: Option<SocketAddr>,
}

impl<E: Emr> Setup<E> {
    /// A practice and a CRM made up for the occasion.
    pub(crate) async fn sandbox(
        options: &Options,
        at: impl FnOnce(&Access, DateTime<Utc>) -> Result<E::Config>,
    ) -> Result<Self> {
        let config = WorldConfig {
            patients: options.patients,
            watch: options.watch,
            store: StoreConfig::default(),
        };
        let mut world = World::start(config).await?;
        let sandbox = &world.sandbox;
        let parts = Parts {
            emr: at(sandbox.access(), world.start)?,
            // Days pass in seconds here, so limits per second mean nothing.
            aesthetix: AesthetixConfig { quota: None, ..aesthetix_at(sandbox.access())? },
            rules: E::Config::rules(ZONE),
            categories: categories(&E::categories(sandbox.practice()))?,
        };
        let store: Arc<dyn Store> = match &options.db {
            Some(file) => Arc::new(SqliteStore::open(file, "main")?),
            None => Arc::new(SqliteStore::in_memory("main")?),
        };
        let setup = Self::compose(parts, store, Arc::clone(&world.clock))?;
        if !setup.receiver.is_empty() {
            world.connect::<E>(&setup.receiver).await?;
        }
        Ok(Self { world: Some(world), ..setup })
    }

    /// A real practice and a real CRM, as a configuration file says.
    pub(crate) fn live(file: &Path, listen: Option<SocketAddr>) -> Result<Self> {
        let config = ServiceConfig::<E::Config>::from_file(file)?;
        let store = Arc::new(SqliteStore::open(config.store.clone(), "main")?);
        let parts = Parts {
            emr: config.emr,
            aesthetix: config.aesthetix,
            rules: config.rules,
            categories: config.categories,
        };
        let mut setup = Self::compose(parts, store, Arc::new(SystemClock))?;
        if let Some(intake) = config.intake {
            setup = setup.with_intake(intake)?;
        }
        if listen.is_some() && setup.receiver.is_empty() {
            return Err(nothing_to_hear::<E>());
        }
        Ok(Self { listen, ..setup })
    }

    /// The intake beside the visits, on the same two vendors.
    fn with_intake(mut self, intake: IntakeService) -> Result<Self> {
        let store = Arc::new(SqliteStore::open(intake.store.clone(), "main")?);
        let (registry, crm) = (Arc::clone(&self.source), Arc::clone(&self.crm));
        let (visits, clock) = (Arc::clone(&self.engine), Arc::clone(&self.clock));
        let tagged = Arc::new(crm.tag_source(intake.rules.watched_tags()));
        let engine = intake_engine(intake.rules, registry, tagged, crm, visits, store, clock);
        let engine = Arc::new(engine);
        if let Some(config) = intake.webhooks {
            let decoder = Arc::new(Webhooks::new(config)?);
            self.receiver = self.receiver.with("crm", &engine, decoder, &self.clock);
        }
        self.intake = Some(engine);
        Ok(self)
    }

    /// Source, rules, sink, store and clock: that is the whole service. An EMR that sends webhooks
    /// has a decoder besides.
    fn compose(
        parts: Parts<E::Config>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let zone = parts.rules.zone;
        let rules = Rules::new(parts.rules, parts.categories);
        let needs = rules.needs();
        let decoder = E::webhooks(&parts.emr)?;
        let source = Arc::new(E::connect(parts.emr, Arc::clone(&clock))?);
        let crm = Arc::new(Aesthetix::new(parts.aesthetix, Arc::clone(&clock))?);
        let flow = CrmFlow::new(rules, Arc::<Aesthetix>::clone(&crm));
        let engine = Engine::new(Arc::<E>::clone(&source), flow, store, Arc::clone(&clock));
        let engine = Arc::new(engine);
        let receiver = Receiver::default();
        let receiver = match decoder {
            Some(decoder) => receiver.with(E::Config::NAME, &engine, decoder, &clock),
            None => receiver,
        };
        Ok(Self {
            engine,
            intake: None,
            crm,
            needs,
            zone,
            source,
            clock,
            world: None,
            receiver,
            listen: None,
        })
    }

    /// Whether both vendors can be reached and have what is needed.
    pub(crate) async fn check(&self) -> Result<()> {
        self.engine.check().await?;
        match &self.intake {
            Some(intake) => intake.check().await,
            None => Ok(()),
        }
    }

    /// Lets the days pass, or polls once where they pass by themselves.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        let replay = self.world.as_ref().and_then(|it| Some((&it.sandbox, it.replay.as_ref()?)));
        let Some((sandbox, clock)) = replay else { return self.cycle().await };
        let step = || async {
            sandbox.deliver_webhooks().await;
            self.cycle().await
        };
        pass_days(clock, step, || self.so_far()).await
    }

    /// One poll and one delivery. A source that is down keeps nothing back from the CRM.
    async fn cycle(&self) -> Result<()> {
        if let Some(intake) = &self.intake {
            let polled = intake.poll().await;
            intake.drain().await?;
            polled?;
        }
        let polled = self.engine.poll().await;
        self.engine.drain().await?;
        polled.map(drop)
    }

    /// Receives, polls and delivers until Ctrl-C.
    pub(crate) async fn watch(&self) -> Result<()> {
        watched(self.run(), self.clock.as_ref(), || self.so_far()).await
    }

    /// Everything side by side until Ctrl-C, or until one of them cannot go on.
    async fn run(&self) -> Result<()> {
        let visits = self.engine.run(INTERVAL, ctrl_c());
        let intake = async {
            match &self.intake {
                Some(intake) => intake.run(INTERVAL, ctrl_c()).await,
                None => Ok(()),
            }
        };
        let server = async {
            match self.listen {
                Some(address) => self.receiver.serve(address, ctrl_c()).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(visits, intake, server).map(drop)
    }

    fn so_far(&self) -> String {
        let progress = self.engine.progress();
        format!("{} events, {} writes", progress.ingested, progress.delivered)
    }

    /// Webhooks so far.
    pub(crate) fn webhooks(&self) -> u64 {
        self.receiver.taken()
    }

    /// HTTP requests so far, by vendor and operation.
    pub(crate) fn calls(&self) -> VendorCalls {
        VendorCalls::from([(E::Config::NAME, self.source.sent()), (CRM, self.crm.calls())])
    }
}

pub(crate) async fn ctrl_c() {
    drop(tokio::signal::ctrl_c().await);
}

/// Lets all days of a replay pass, a step after the other, with a progress bar.
pub(crate) async fn pass_days<F: Future<Output = Result<()>>>(
    clock: &ManualClock,
    step: impl Fn() -> F,
    so_far: impl Fn() -> String,
) -> Result<()> {
    let bar = ProgressBar::new(STEPS).with_style(style("{bar:40} {percent:>3} %  {msg}"));
    for _ in 0..STEPS {
        clock.advance(STEP);
        step().await?;
        bar.set_message(so_far());
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Shows how far `work` has come while it goes on.
pub(crate) async fn watched(
    work: impl Future<Output = Result<()>>,
    clock: &dyn Clock,
    so_far: impl Fn() -> String,
) -> Result<()> {
    let spinner = ProgressBar::new_spinner().with_style(style("{spinner} {msg}"));
    let show = async {
        loop {
            spinner.set_message(format!("{}; Ctrl-C ends", so_far()));
            spinner.tick();
            clock.sleep(TICK).await;
        }
    };
    let outcome = tokio::select! {
        outcome = work => outcome,
        () = show => Ok(()),
    };
    spinner.finish_and_clear();
    outcome
}

fn nothing_to_hear<E: Emr>() -> Error {
    let crm = "the sections `[intake]` and `[aesthetix.webhooks]`";
    let needs = if E::SENDS_WEBHOOKS {
        format!("the section `[{}.webhooks]`, or {crm}", E::Config::NAME)
    } else {
        crm.to_owned()
    };
    Error::new(ErrorKind::Config, format!("`--listen` needs {needs}"))
}

/// What a service is told, wherever it comes from.
struct Parts<C> {
    emr: C,
    aesthetix: AesthetixConfig,
    rules: RulesConfig,
    categories: Categories,
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn categories(document: &str) -> Result<Categories> {
    Categories::from_csv(document).or_else(|problems| {
        problems.into_result("the categorization document", Categories::default())
    })
}
