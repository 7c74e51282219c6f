//! What is on the other side of the service.

use std::{sync::Arc, time::Duration};

use cannula::{
    EmrSection,
    core::{Clock, Error, ErrorKind, Result},
    http::SystemClock,
};
use cannula_sandbox::{
    Quirks, Sandbox, SandboxConfig, dermpro::StoreConfig, practice::PracticeConfig,
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Days, TimeZone, Utc};
use tokio::task::JoinSet;

use crate::{Emr, receiver::Receiver};

/// How far the replay's clock moves between two looks at the vendors.
pub(crate) const STEP: Duration = Duration::from_secs(3_600);
/// How many such steps there are.
pub(crate) const STEPS: u64 = DAYS as u64 * 24;
/// How many days are replayed, or have passed when a watch begins.
const DAYS: u32 = 30;
/// Decides everything about the synthetic practice that is left to chance.
const SEED: u64 = 1;

/// A sandbox, and what moves it.
#[derive(Debug)]
pub(crate) struct World {
    /// The vendors.
    pub(crate) sandbox: Sandbox,
    /// When the practice began.
    pub(crate) start: DateTime<Utc>,
    /// The clock of everything.
    pub(crate) clock: Arc<dyn Clock>,
    /// The same, where days pass as fast as they can be synced; `None` at the pace of the real one.
    pub(crate) replay: Option<Arc<ManualClock>>,
    /// What receives webhooks ends with the sandbox.
    receivers: JoinSet<()>,
}

/// What is made up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorldConfig {
    /// Patients of the practice.
    pub(crate) patients: u32,
    /// Time passes at the pace of the real clock.
    pub(crate) watch: bool,
    /// The online store.
    pub(crate) store: StoreConfig,
}

impl World {
    /// A practice, a CRM and a store made up for the occasion.
    pub(crate) async fn start(world: WorldConfig) -> Result<Self> {
        let replay = (!world.watch).then(first_day).transpose()?;
        let replay = replay.map(|day| Arc::new(ManualClock::at(day)));
        let clock: Arc<dyn Clock> = match &replay {
            Some(clock) => Arc::<ManualClock>::clone(clock),
            None => Arc::new(SystemClock),
        };
        // Whoever watches sees thirty days caught up with, and then what happens next.
        let (start, days) = match &replay {
            Some(_) => (clock.now(), DAYS),
            None => (clock.now() - Days::new(DAYS.into()), DAYS * 2),
        };
        let practice = PracticeConfig::new(SEED, world.patients, days, start);
        let mut config = SandboxConfig::new(Arc::clone(&clock), practice);
        // Days pass in seconds here, so the vendors' limits per second mean nothing.
        config.quirks = Quirks { limits: false, ..Quirks::default() };
        // A replay asks for them when it has moved the clock.
        config.deliver_webhooks = world.watch;
        config.store = world.store;
        let sandbox = Sandbox::start(config).await?;
        Ok(Self { sandbox, start, clock, replay, receivers: JoinSet::new() })
    }

    /// Receives on loopback, and has the sandbox send the EMR's webhooks there.
    ///
    /// # Errors
    /// If there is no free port.
    pub(crate) async fn connect<E: Emr>(&mut self, receiver: &Receiver) -> Result<()> {
        let address = receiver.serve_here(&mut self.receivers).await?;
        let url = format!("http://{address}/webhooks/{}", E::Config::NAME);
        self.sandbox.subscribe(E::VENDOR, &url)
    }
}

/// A Monday; thirty days from it cross the start of daylight saving time.
fn first_day() -> Result<DateTime<Utc>> {
    Utc.with_ymd_and_hms(2026, 2, 16, 5, 0, 0)
        .single()
        .ok_or_else(|| Error::new(ErrorKind::Config, "the first day is no date"))
}
