//! The parts of the service and how they are put together.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use cannula::{
    IntakeService, ServiceConfig,
    aesthetix::{Aesthetix, AesthetixConfig, Webhooks},
    core::{Clock, CrmNeeds, Error, ErrorKind, Result},
    http::SystemClock,
    nextech::{Nextech, NextechConfig},
    rules::{Categories, Rules, RulesConfig},
    sync::{CrmFlow, Engine, IntakeFlow, SqliteStore, Store, webhook_router},
};
use cannula_examples::{VendorCalls, aesthetix_at, intake_engine, nextech_at};
use cannula_sandbox::{
    Access, Quirks, Sandbox, SandboxConfig,
    practice::{self, PracticeConfig, ZONE},
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Days, TimeZone, Utc};
use chrono_tz::Tz;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::net::TcpListener;

use crate::{Args, Product};

/// The CRM's name among the vendors.
pub(crate) const CRM: &str = "aesthetix";

/// How often the vendor's product polls.
const INTERVAL: Duration = Duration::from_secs(300);
/// How often the progress bar of `--watch` is brought up to date.
const TICK: Duration = Duration::from_millis(500);
/// How far the replay's clock moves between two polls.
const STEP: Duration = Duration::from_secs(3_600);
/// How long the synthetic practice's timeline is.
const DAYS: u32 = 30;
/// Decides everything about the synthetic practice that is left to chance.
const SEED: u64 = 1;

/// The running parts.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) engine: Arc<Engine<CrmFlow>>,
    /// Makes patients of tagged contacts, where a practice asks for it.
    pub(crate) intake: Option<Arc<Engine<IntakeFlow>>>,
    pub(crate) crm: Arc<Aesthetix>,
    pub(crate) needs: CrmNeeds,
    pub(crate) zone: Tz,
    source: Arc<Nextech>,
    clock: Arc<dyn Clock>,
    world: World,
    /// Where webhooks are received, and what reads them.
    webhooks: Option<(SocketAddr, Arc<Webhooks>)>,
}

/// What is on the other side.
#[derive(Debug)]
enum World {
    /// The vendors themselves.
    Live,
    /// A sandbox at the pace of real clocks.
    RealTime { _sandbox: Sandbox },
    /// A sandbox whose days pass as fast as they can be synced.
    Replay { _sandbox: Sandbox, clock: Arc<ManualClock> },
}

impl Setup {
    /// A practice and a CRM made up for the occasion.
    pub(crate) async fn sandbox(args: &Args) -> Result<Self> {
        let replay = Arc::new(ManualClock::at(first_day()?));
        let clock: Arc<dyn Clock> =
            if args.watch { Arc::new(SystemClock) } else { Arc::<ManualClock>::clone(&replay) };
        let start = if args.watch { clock.now() - Days::new(DAYS.into()) } else { clock.now() };
        let practice = PracticeConfig::new(SEED, args.patients, DAYS, start);
        let mut config = SandboxConfig::new(Arc::clone(&clock), practice);
        // Days pass in seconds here, so the vendors' limits per second mean nothing.
        config.quirks = Quirks { limits: false, ..Quirks::default() };
        let sandbox = Sandbox::start(config).await?;
        let access = sandbox.access();
        let parts = Parts {
            nextech: nextech_config(access, args.product, start)?,
            aesthetix: aesthetix_config(access)?,
            rules: RulesConfig::new(ZONE),
            categories: categories(sandbox.practice().categorization_csv())?,
        };
        let store: Arc<dyn Store> = match &args.db {
            Some(file) => Arc::new(SqliteStore::open(file, "main")?),
            None => Arc::new(SqliteStore::in_memory("main")?),
        };
        let world = if args.watch {
            World::RealTime { _sandbox: sandbox }
        } else {
            World::Replay { _sandbox: sandbox, clock: replay }
        };
        Self::compose(parts, store, clock, world)
    }

    /// A real practice and a real CRM, as a configuration file says.
    pub(crate) fn live(file: &Path, listen: Option<SocketAddr>) -> Result<Self> {
        let config = ServiceConfig::from_file(file)?;
        let store = Arc::new(SqliteStore::open(&config.store, "main")?);
        let intake = config.intake;
        let parts = Parts {
            nextech: config.nextech,
            aesthetix: config.aesthetix,
            rules: config.rules,
            categories: config.categories,
        };
        let setup = Self::compose(parts, store, Arc::new(SystemClock), World::Live)?;
        match (intake, listen) {
            (Some(intake), _) => setup.with_intake(intake, listen),
            (None, None) => Ok(setup),
            (None, Some(_)) => Err(nothing_to_hear()),
        }
    }

    /// The intake beside the visits, on the same two vendors.
    fn with_intake(mut self, intake: IntakeService, listen: Option<SocketAddr>) -> Result<Self> {
        if let Some(address) = listen {
            let config = intake.webhooks.ok_or_else(nothing_to_hear)?;
            self.webhooks = Some((address, Arc::new(Webhooks::new(config)?)));
        }
        let store = Arc::new(SqliteStore::open(&intake.store, "main")?);
        let (nextech, crm) = (Arc::clone(&self.source), Arc::clone(&self.crm));
        let (visits, clock) = (Arc::clone(&self.engine), Arc::clone(&self.clock));
        let engine = intake_engine(intake.rules, nextech, crm, visits, store, clock);
        self.intake = Some(Arc::new(engine));
        Ok(self)
    }

    /// Source, rules, sink, store and clock: that is the whole service.
    fn compose(
        parts: Parts,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        world: World,
    ) -> Result<Self> {
        let zone = parts.rules.zone;
        let rules = Rules::new(parts.rules, parts.categories);
        let needs = rules.needs();
        let source = Arc::new(Nextech::new(parts.nextech, Arc::clone(&clock))?);
        let crm = Arc::new(Aesthetix::new(parts.aesthetix, Arc::clone(&clock))?);
        let flow = CrmFlow::new(rules, Arc::<Aesthetix>::clone(&crm));
        let engine = Engine::new(Arc::<Nextech>::clone(&source), flow, store, Arc::clone(&clock));
        let engine = Arc::new(engine);
        Ok(Self { engine, intake: None, crm, needs, zone, source, clock, world, webhooks: None })
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
        let World::Replay { clock, .. } = &self.world else {
            return self.cycle().await;
        };
        let steps = u64::from(DAYS) * 24 * 3_600 / STEP.as_secs();
        let bar = ProgressBar::new(steps).with_style(style("{bar:40} {percent:>3} %  {msg}"));
        for _ in 0..steps {
            clock.advance(STEP);
            self.cycle().await?;
            bar.set_message(self.so_far());
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
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

    /// Polls and delivers at the vendor's rhythm until Ctrl-C.
    pub(crate) async fn watch(&self) -> Result<()> {
        let spinner = ProgressBar::new_spinner().with_style(style("{spinner} {msg}"));
        let show = async {
            loop {
                spinner.set_message(format!("{}; Ctrl-C ends", self.so_far()));
                spinner.tick();
                self.clock.sleep(TICK).await;
            }
        };
        let outcome = tokio::select! {
            outcome = self.run() => outcome,
            () = show => Ok(()),
        };
        spinner.finish_and_clear();
        outcome
    }

    /// Everything side by side until Ctrl-C, or until one of them cannot go on.
    async fn run(&self) -> Result<()> {
        let visits = self.engine.run(INTERVAL, ctrl_c());
        let Some(intake) = &self.intake else { return visits.await };
        let Some((address, decoder)) = &self.webhooks else {
            return tokio::try_join!(visits, intake.run(INTERVAL, ctrl_c())).map(drop);
        };
        let cannot = |cause| {
            let message = format!("cannot receive webhooks on {address}");
            Error::new(ErrorKind::Config, message).source(cause)
        };
        let listener = TcpListener::bind(address).await.map_err(cannot)?;
        let decoder = Arc::<Webhooks>::clone(decoder);
        let router = webhook_router(Arc::clone(intake), decoder, Arc::clone(&self.clock));
        let app = axum::Router::new().nest("/webhooks/crm", router);
        let server = async move {
            axum::serve(listener, app).with_graceful_shutdown(ctrl_c()).await.map_err(cannot)
        };
        tokio::try_join!(visits, intake.run(INTERVAL, ctrl_c()), server).map(drop)
    }

    fn so_far(&self) -> String {
        let progress = self.engine.progress();
        format!("{} events, {} writes", progress.ingested, progress.delivered)
    }

    /// HTTP requests so far, by vendor and operation.
    pub(crate) fn calls(&self) -> VendorCalls {
        VendorCalls::from([("nextech", self.source.calls()), (CRM, self.crm.calls())])
    }
}

async fn ctrl_c() {
    drop(tokio::signal::ctrl_c().await);
}

fn nothing_to_hear() -> Error {
    let message = "`--listen` needs the sections `[intake]` and `[aesthetix.webhooks]`";
    Error::new(ErrorKind::Config, message)
}

/// What a service is told, wherever it comes from.
struct Parts {
    nextech: NextechConfig,
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

/// A Monday; thirty days from it cross the start of daylight saving time.
fn first_day() -> Result<DateTime<Utc>> {
    Utc.with_ymd_and_hms(2026, 2, 16, 5, 0, 0)
        .single()
        .ok_or_else(|| Error::new(ErrorKind::Config, "the first day is no date"))
}

/// Days pass in seconds here, so limits per second mean nothing.
fn nextech_config(
    access: &Access,
    product: Product,
    start: DateTime<Utc>,
) -> Result<NextechConfig> {
    let product = match product {
        Product::Select => practice::Product::Select,
        Product::PracticePlus => practice::Product::PracticePlus,
    };
    Ok(NextechConfig { requests_per_second: None, ..nextech_at(access, product, start)? })
}

fn aesthetix_config(access: &Access) -> Result<AesthetixConfig> {
    Ok(AesthetixConfig { quota: None, ..aesthetix_at(access)? })
}
