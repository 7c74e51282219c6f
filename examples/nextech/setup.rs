//! The parts of the service and how they are put together.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use cannula::{
    ServiceConfig,
    aesthetix::{self, Aesthetix, AesthetixConfig},
    core::{Clock, Error, ErrorKind, PracticeId, Result, Secret},
    http::SystemClock,
    nextech::{self, Nextech, NextechConfig},
    rules::{Categories, PersonState, Rules, RulesConfig},
    sync::{CrmFlow, Engine, SqliteStore, Store},
};
use cannula_examples::Totals;
use cannula_sandbox::{
    Access, Quirks, Sandbox, SandboxConfig,
    practice::{PracticeConfig, ZONE},
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Days, TimeZone, Utc};
use indicatif::{ProgressBar, ProgressStyle};

use crate::{Args, Product, STEP};

/// How long the synthetic practice's timeline is.
const DAYS: u32 = 30;
/// Decides everything about the synthetic practice that is left to chance.
const SEED: u64 = 1;

/// The running parts.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) engine: Engine<CrmFlow>,
    pub(crate) source: Arc<Nextech>,
    pub(crate) crm: Arc<Aesthetix>,
    world: World,
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
        let real: Arc<dyn Clock> = Arc::new(SystemClock);
        let replay = Arc::new(ManualClock::at(first_day()?));
        let (clock, start) = if args.watch {
            (Arc::clone(&real), real.now() - Days::new(DAYS.into()))
        } else {
            (Arc::clone(&replay) as Arc<dyn Clock>, replay.now())
        };
        let practice = PracticeConfig::new(SEED, args.patients, DAYS, start);
        let mut config = SandboxConfig::new(Arc::clone(&clock), practice);
        // Days pass in seconds here, so the vendors' limits per second mean nothing.
        config.quirks = Quirks { limits: false, ..Quirks::default() };
        let sandbox = Sandbox::start(config).await?;
        let categories = Categories::from_csv(sandbox.practice().categorization_csv())
            .or_else(|problems| problems.into_result("the categorization document", Categories::default()))?;
        let access = sandbox.access();
        let nextech = nextech_config(access, args.product, start)?;
        let aesthetix = aesthetix_config(access)?;
        let store: Arc<dyn Store> = match &args.db {
            Some(file) => Arc::new(SqliteStore::open(file, "main")?),
            None => Arc::new(SqliteStore::in_memory("main")?),
        };
        let rules = Rules::new(RulesConfig::new(ZONE), categories);
        let world = if args.watch {
            World::RealTime { _sandbox: sandbox }
        } else {
            World::Replay { _sandbox: sandbox, clock: replay }
        };
        Self::compose(nextech, aesthetix, rules, store, clock, world)
    }

    /// A real practice and a real CRM, as a configuration file says.
    pub(crate) fn live(file: &Path) -> Result<Self> {
        let config = ServiceConfig::from_file(file)?;
        let store = Arc::new(SqliteStore::open(&config.store, "main")?);
        let rules = Rules::new(config.rules, config.categories);
        let clock = Arc::new(SystemClock);
        Self::compose(config.nextech, config.aesthetix, rules, store, clock, World::Live)
    }

    /// Source, rules, sink, store and clock: that is the whole service.
    fn compose(
        nextech: NextechConfig,
        aesthetix: AesthetixConfig,
        rules: Rules,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        world: World,
    ) -> Result<Self> {
        let source = Arc::new(Nextech::new(nextech, Arc::clone(&clock))?);
        let crm = Arc::new(Aesthetix::new(aesthetix, Arc::clone(&clock))?);
        let flow = CrmFlow::new(rules, Arc::clone(&crm) as _);
        let engine = Engine::new(Arc::clone(&source) as _, flow, store, clock);
        Ok(Self { engine, source, crm, world })
    }

    /// Lets the days pass, or polls once where they pass by themselves.
    pub(crate) async fn catch_up(&self, totals: &mut Totals) -> Result<()> {
        let World::Replay { clock, .. } = &self.world else {
            return self.cycle(totals).await;
        };
        let steps = u64::from(DAYS) * 24 * 3_600 / STEP.as_secs();
        let style = ProgressStyle::with_template("{bar:40} {percent:>3}% of the practice's days, {msg}");
        let bar = ProgressBar::new(steps);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        for _ in 0..steps {
            clock.advance(STEP);
            self.cycle(totals).await?;
            let progress = self.engine.progress();
            bar.set_message(format!("{} events, {} writes", progress.ingested, progress.delivered));
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }

    async fn cycle(&self, totals: &mut Totals) -> Result<()> {
        totals.polled(&self.engine.poll().await?);
        totals.drained(&self.engine.drain().await?);
        Ok(())
    }

    /// HTTP requests so far, by vendor and operation.
    pub(crate) fn calls(&self) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
        BTreeMap::from([("nextech", self.source.calls()), ("aesthetix", self.crm.calls())])
    }

    /// Prints the notes of the contact that has most of them, as the CRM shows them.
    #[allow(clippy::print_stdout, reason = "the program's output")]
    pub(crate) async fn print_notes(&self) -> Result<()> {
        let mut best = None;
        self.engine
            .for_each_state(|_, state: &PersonState| {
                let contact = state.links().contact.clone().map(|it| (state.notes_left(), it));
                best = best.take().max(contact);
            })
            .await?;
        let Some((_, contact)) = best else { return Ok(()) };
        match self.crm.client().notes(&contact).await {
            Ok(notes) => {
                println!("\nNotes of contact {contact}, as the CRM shows them");
                for note in notes {
                    println!("\n  {}", note.body.expose().replace('\n', "\n  "));
                }
                Ok(())
            }
            // The sandbox's CRM starts empty with every run; its notes were left in an earlier one.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A Monday; thirty days from it cross the start of daylight saving time.
fn first_day() -> Result<DateTime<Utc>> {
    Utc.with_ymd_and_hms(2026, 2, 16, 5, 0, 0)
        .single()
        .ok_or_else(|| Error::new(ErrorKind::Config, "the first day is no date"))
}

fn nextech_config(access: &Access, product: Product, start: DateTime<Utc>) -> Result<NextechConfig> {
    let select = &access.nextech.select;
    let plus = &access.nextech.practice_plus;
    let (product, practice, credentials, base_url, token_url) = match product {
        Product::Select => (
            nextech::Product::Select,
            &select.practice_id,
            nextech::Credentials::Password {
                client_id: select.client_id.clone(),
                username: select.username.clone(),
                password: Secret::new(&select.password),
                resource: select.resource.clone(),
            },
            &select.base_url,
            &select.token_url,
        ),
        Product::PracticePlus => (
            nextech::Product::PracticePlus,
            &plus.practice_id,
            nextech::Credentials::ClientSecret {
                client_id: plus.client_id.clone(),
                client_secret: Secret::new(&plus.client_secret),
                resource: plus.resource.clone(),
            },
            &plus.base_url,
            &plus.token_url,
        ),
    };
    let practice = PracticeId::new(practice);
    let mut config = NextechConfig::new(product, practice, credentials, ZONE, start);
    config.base_url = url(base_url)?;
    config.token_url = url(token_url)?;
    config.requests_per_second = None;
    Ok(config)
}

fn aesthetix_config(access: &Access) -> Result<AesthetixConfig> {
    let crm = &access.crm;
    let credentials = aesthetix::Credentials::PrivateToken(Secret::new(&crm.private_token));
    let mut config = AesthetixConfig::new(url(&crm.base_url)?, &crm.location_id, credentials);
    config.quota = None;
    Ok(config)
}

fn url(text: &str) -> Result<url::Url> {
    text.parse().map_err(|cause| {
        Error::new(ErrorKind::Config, "the sandbox's address is not a URL").source(cause)
    })
}
