use std::{sync::Arc, time::Duration};

use cannula::{
    aesthetix::{Aesthetix, AesthetixConfig},
    core::{Clock, CrmSink, EmrSource, Error, Result, Retry},
    nextech::{Nextech, NextechConfig},
    rules::{Categories, PaymentPipelines, Rules, RulesConfig, StagePolicy},
    sync::{CrmFlow, Engine, Flow, Store},
};
use cannula_examples::{aesthetix_at, nextech_at};
use cannula_sandbox::{
    Access, FaultRates, Quirks, Sandbox, SandboxConfig, Vendor,
    practice::{PracticeConfig, Product, ZONE},
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, TimeZone, Utc};

/// How many seeds to try; `CANNULA_SEEDS` asks for more than the 20 that every run tries.
pub fn seeds() -> u64 {
    std::env::var("CANNULA_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20)
}

/// What a world is made from.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The practice and everything left to chance.
    pub practice: PracticeConfig,
    /// The product it is polled as.
    pub product: Product,
    /// Whether both vendors fail at believable rates.
    pub faults: bool,
    /// What moves an opportunity.
    pub policy: StagePolicy,
    /// Which pipelines payments count in.
    pub payments: PaymentPipelines,
    /// The vendors' meannesses.
    pub quirks: Quirks,
    /// Rows the service asks for at once.
    pub page_size: u32,
    /// Whether both vendors limit requests, as they do by default. Then the service keeps to its
    /// own default quotas, and time is one: where it waits, the practice moves on.
    pub limits: bool,
}

impl WorldConfig {
    /// A practice that starts on a Monday before daylight saving time does.
    pub fn new(seed: u64, patients: u32, days: u32, product: Product) -> Self {
        let start = Utc.with_ymd_and_hms(2026, 2, 16, 5, 0, 0).single().unwrap_or_default();
        Self {
            practice: PracticeConfig::new(seed, patients, days, start),
            product,
            faults: false,
            policy: StagePolicy::AllAppointments,
            payments: PaymentPipelines::default(),
            // A change between two pages may replace one that nobody has seen yet.
            quirks: Quirks { changes_between_pages: 0, ..Quirks::default() },
            page_size: 50,
            limits: false,
        }
    }

    /// A practice of nobody, to be filled by hand.
    pub fn empty(product: Product) -> Self {
        let mut config = Self::new(0, 0, 0, product);
        config.practice = PracticeConfig::empty(config.practice.start);
        config
    }

    /// The same with faults.
    #[must_use]
    pub const fn with_faults(mut self) -> Self {
        self.faults = true;
        self
    }

    /// The same with limits.
    #[must_use]
    pub const fn with_limits(mut self) -> Self {
        self.limits = true;
        self
    }
}

/// Both vendors, and what a service needs to reach them. Without limits the practice has a clock
/// of its own, so that the waits of a client that is refused do not move the practice on.
#[derive(Debug)]
pub struct World {
    /// The vendors.
    pub sandbox: Sandbox,
    /// The service's clock.
    pub clock: Arc<ManualClock>,
    /// What the world was made from.
    pub config: WorldConfig,
    practice_clock: Arc<ManualClock>,
}

impl World {
    /// Starts the vendors.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(config: WorldConfig) -> Result<Self> {
        let clock = Arc::new(ManualClock::at(config.practice.start));
        // On a clock that stands still while the service works, no limit per second ever ends.
        let practice_clock = if config.limits {
            Arc::clone(&clock)
        } else {
            Arc::new(ManualClock::at(config.practice.start))
        };
        let mut sandbox =
            SandboxConfig::new(Arc::clone(&practice_clock) as Arc<dyn Clock>, config.practice);
        sandbox.quirks = Quirks { limits: config.limits, ..config.quirks.clone() };
        let sandbox = Sandbox::start(sandbox).await?;
        if config.faults {
            for vendor in [Vendor::Nextech, Vendor::Crm] {
                sandbox.faults(vendor).set_rates(FaultRates::believable());
            }
        }
        Ok(Self { sandbox, clock, config, practice_clock })
    }

    /// Lets time pass at the practice; the service's clock is set to the same instant.
    pub fn pass(&self, duration: Duration) -> DateTime<Utc> {
        self.practice_clock.advance(duration);
        let now = self.practice_clock.now();
        self.clock.set(now);
        now
    }

    /// What the practice's clock shows.
    pub fn now(&self) -> DateTime<Utc> {
        self.practice_clock.now()
    }

    /// The rules, with the practice's own categorization document.
    pub fn rules(&self) -> Rules {
        self.rules_with(self.sandbox.practice().categorization_csv())
    }

    /// The rules with another document.
    pub fn rules_with(&self, csv: &str) -> Rules {
        Rules::new(self.rules_config(), Categories::from_csv(csv).unwrap_or_default())
    }

    /// What the rules are configured with.
    pub fn rules_config(&self) -> RulesConfig {
        let mut config = RulesConfig::new(ZONE);
        config.policy = self.config.policy;
        config.payments.pipelines = self.config.payments;
        config
    }

    /// A source for the practice's product.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn source(&self) -> Result<Arc<Nextech>> {
        let WorldConfig { product, practice, page_size, limits, .. } = &self.config;
        let mut config = nextech_at(self.sandbox.access(), *product, practice.start)?;
        config.page_size = *page_size;
        config.requests_per_second = config.requests_per_second.filter(|_| *limits);
        Ok(Arc::new(Nextech::new(config, Arc::clone(&self.clock) as _)?))
    }

    /// A sink for the sandbox's CRM.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn sink(&self) -> Result<Arc<Aesthetix>> {
        let mut config = aesthetix_at(self.sandbox.access())?;
        config.quota = config.quota.filter(|_| self.config.limits);
        Ok(Arc::new(Aesthetix::new(config, Arc::clone(&self.clock) as _)?))
    }

    /// The service on a store.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn engine(&self, store: Arc<dyn Store>) -> Result<Engine<CrmFlow>> {
        self.engine_of(self.source()?, self.rules(), self.sink()?, store)
    }

    /// The service from other parts.
    ///
    /// # Errors
    /// None so far.
    pub fn engine_of(
        &self,
        source: Arc<dyn EmrSource>,
        rules: Rules,
        sink: Arc<dyn CrmSink>,
        store: Arc<dyn Store>,
    ) -> Result<Engine<CrmFlow>> {
        Ok(Engine::new(source, CrmFlow::new(rules, sink), store, Arc::clone(&self.clock) as _))
    }

    /// Polls and delivers until all feeds are read and nothing is left to do, through whatever
    /// faults there are. The service's clock runs ahead where it has to wait.
    ///
    /// # Errors
    /// An error that no retry can heal, and one that 100 retries did not heal.
    pub async fn settle<F: Flow>(&self, engine: &Engine<F>) -> Result<()> {
        self.poll(engine).await?;
        self.drain(engine).await
    }

    /// Reads all feeds to their ends.
    ///
    /// # Errors
    /// As [`World::settle`].
    pub async fn poll<F: Flow>(&self, engine: &Engine<F>) -> Result<()> {
        let mut failures = 0;
        while let Err(error) = engine.poll().await {
            self.again(error, &mut failures).await?;
        }
        Ok(())
    }

    /// Delivers until nothing is left to do.
    ///
    /// # Errors
    /// As [`World::settle`].
    pub async fn drain<F: Flow>(&self, engine: &Engine<F>) -> Result<()> {
        let mut failures = 0;
        loop {
            match engine.drain().await.map(|report| report.next_due) {
                Ok(None) => return Ok(()),
                Ok(Some(due)) => {
                    let wait = (due - self.clock.now()).to_std().unwrap_or_default();
                    self.clock.sleep(wait).await;
                }
                Err(error) => self.again(error, &mut failures).await?,
            }
        }
    }

    /// Waits a second, if trying again can heal the error.
    async fn again(&self, error: Error, failures: &mut u32) -> Result<()> {
        *failures += 1;
        if error.retry_advice() == Retry::Never || *failures > 100 {
            return Err(error);
        }
        self.clock.sleep(Duration::from_secs(1)).await;
        Ok(())
    }
}

/// How to reach a sandbox's Nextech, without limits of our own.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn nextech_config(
    access: &Access,
    product: Product,
    start_from: DateTime<Utc>,
) -> Result<NextechConfig> {
    let config = nextech_at(access, product, start_from)?;
    Ok(NextechConfig { requests_per_second: None, ..config })
}

/// How to reach a sandbox's CRM, without limits of our own.
///
/// # Errors
/// If the sandbox's address is no URL.
pub fn aesthetix_config(access: &Access) -> Result<AesthetixConfig> {
    Ok(AesthetixConfig { quota: None, ..aesthetix_at(access)? })
}
