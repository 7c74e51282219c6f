use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cannula::{
    aesthetix::{Aesthetix, AesthetixConfig},
    core::{
        Clock, CrmSink, EmrSource, Error, ErrorKind, Event, PatientRegistry, RecordId, Result,
        WebhookDecoder,
    },
    nextech::{Nextech, NextechConfig},
    patientnow::{PatientNow, PatientNowConfig, PatientNowWebhooks},
    rules::{
        AppointmentTitles, Categories, ContactsFor, PaymentPipelines, Rules, RulesConfig,
        StagePolicy,
    },
    sync::{CrmFlow, Engine, Flow, Replay, Store},
    zenoti::{Zenoti, ZenotiConfig, ZenotiWebhooks},
};
use cannula_examples::{aesthetix_at, nextech_at, referral_sources};
use cannula_sandbox::{
    Access, DeliveryState, FaultRates, Quirks, Sandbox, SandboxConfig, Vendor, WebhookDelivery,
    practice::{PracticeConfig, Product, ZONE},
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, TimeZone, Utc};

use crate::{
    Emr, Patience, Receiver,
    emr::{patientnow_config, zenoti_config},
};

/// What a world is made from.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The practice and everything left to chance.
    pub practice: PracticeConfig,
    /// The EMR it is on.
    pub emr: Emr,
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
    /// PatientNow: whether one appointment is read from the list of its customer.
    pub by_customer: bool,
}

impl WorldConfig {
    /// A practice that starts on a Monday before daylight saving time does.
    pub fn new(seed: u64, patients: u32, days: u32, emr: impl Into<Emr>) -> Self {
        let start = Utc.with_ymd_and_hms(2026, 2, 16, 5, 0, 0).single().unwrap_or_default();
        Self {
            practice: PracticeConfig::new(seed, patients, days, start),
            emr: emr.into(),
            faults: false,
            policy: StagePolicy::AllAppointments,
            payments: PaymentPipelines::default(),
            // A change between two pages may replace one that nobody has seen yet.
            quirks: Quirks { changes_between_pages: 0, ..Quirks::default() },
            page_size: 50,
            limits: false,
            by_customer: false,
        }
    }

    /// A practice of nobody, to be filled by hand.
    pub fn empty(emr: impl Into<Emr>) -> Self {
        let mut config = Self::new(0, 0, 0, emr);
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
            for vendor in [config.emr.vendor(), Vendor::Crm] {
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
        self.rules_with(self.config.emr.categories(self.sandbox.practice()))
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
        let sold = match self.config.emr {
            Emr::Nextech(_) => return config,
            Emr::PatientNow => "Order",
            Emr::Zenoti => "Invoice",
        };
        // As the CRM's help pages have it for an EMR that sends webhooks: data, not code.
        config.titles.appointments = AppointmentTitles::BookedThenUpdate;
        config.titles.payment = format!("{sold} Closed");
        config.titles.payment_noun = sold.to_owned();
        config.memberships.enabled = true;
        config.contacts_for = ContactsFor::AnyRecord;
        config
    }

    /// Everything that ever happens at the practice, as the EMR tells it.
    pub fn history(&self) -> Vec<(DateTime<Utc>, Event)> {
        self.config.emr.history(self.sandbox.practice())
    }

    /// Invoices without a visit, for what was sold at the desk or was paid back, whose webhook was
    /// lost. Zenoti has no list of invoices, and these no visit leads to: no sweep finds them.
    pub fn unfindable(&self) -> BTreeSet<RecordId> {
        if self.config.emr != Emr::Zenoti {
            return BTreeSet::new();
        }
        let sandbox = &self.sandbox;
        let log = sandbox.webhook_log(Vendor::Zenoti);
        let told = |event: &WebhookDelivery| event.state != DeliveryState::Lost;
        let lost = log.iter().filter(|it| it.event == "Invoice.Closed" && !told(it));
        let lost = lost.map(|event| RecordId::new(&*event.record));
        let alone = |id: &RecordId| {
            let state = sandbox.practice().zenoti_invoice(id);
            state.is_some_and(|it| it.appointment.is_none() || it.refund)
                && !log.iter().any(|it| told(it) && it.record == id.as_str())
        };
        lost.filter(alone).collect()
    }

    /// A source for the practice's EMR.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn source(&self) -> Result<Arc<dyn EmrSource>> {
        Ok(match self.config.emr {
            Emr::Nextech(product) => self.nextech(product)?,
            Emr::PatientNow => self.patientnow()?,
            Emr::Zenoti => self.zenoti()?,
        })
    }

    /// A client of one of Nextech's products.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn nextech(&self, product: Product) -> Result<Arc<Nextech>> {
        let WorldConfig { practice, page_size, limits, .. } = &self.config;
        let mut config = nextech_at(self.sandbox.access(), product, practice.start)?;
        config.page_size = *page_size;
        config.requests_per_second = config.requests_per_second.filter(|_| *limits);
        Ok(Arc::new(Nextech::new(config, Arc::clone(&self.clock) as _)?))
    }

    /// A client of PatientNow.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn patientnow(&self) -> Result<Arc<PatientNow>> {
        let config = self.patientnow_config()?;
        Ok(Arc::new(PatientNow::new(config, Arc::clone(&self.clock) as _)?))
    }

    /// A client of Zenoti.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn zenoti(&self) -> Result<Arc<Zenoti>> {
        Ok(Arc::new(Zenoti::new(self.zenoti_config()?, Arc::clone(&self.clock) as _)?))
    }

    fn patientnow_config(&self) -> Result<PatientNowConfig> {
        let mut config = patientnow_config(self.sandbox.access(), self.config.practice.start)?;
        config.rows = self.config.page_size;
        config.dialect.appointments_by_customer = self.config.by_customer;
        if !self.config.limits {
            (config.daily_requests, config.requests_per_second) = (None, None);
        }
        Ok(config)
    }

    fn zenoti_config(&self) -> Result<ZenotiConfig> {
        let mut config = zenoti_config(self.sandbox.access())?;
        config.requests_per_minute = config.requests_per_minute.filter(|_| self.config.limits);
        Ok(config)
    }

    /// What proves and reads the EMR's webhooks.
    ///
    /// # Errors
    /// If the EMR has none.
    pub fn decoder(&self) -> Result<Arc<dyn WebhookDecoder>> {
        Ok(match self.config.emr {
            Emr::Nextech(_) => {
                return Err(Error::new(ErrorKind::Config, "Nextech sends no webhooks"));
            }
            Emr::PatientNow => Arc::new(PatientNowWebhooks::new(&self.patientnow_config()?)?),
            Emr::Zenoti => Arc::new(ZenotiWebhooks::new(&self.zenoti_config()?)?),
        })
    }

    /// Receives the EMR's webhooks for an engine; the EMR knows where.
    ///
    /// # Errors
    /// If no port is free, or the EMR has no webhooks.
    pub async fn receive(&self, engine: &Arc<Engine<CrmFlow>>) -> Result<Receiver> {
        let receiver = Receiver::of(engine, self.decoder()?, &self.clock).await?;
        self.sandbox.subscribe(self.config.emr.vendor(), &receiver.url())?;
        Ok(receiver)
    }

    /// The EMR's register of patients.
    ///
    /// # Errors
    /// If the configuration cannot be used.
    pub fn registry(&self) -> Result<Arc<dyn PatientRegistry>> {
        Ok(match self.config.emr {
            Emr::Nextech(product) => {
                let start = self.config.practice.start;
                let mut config = nextech_config(self.sandbox.access(), product, start)?;
                config.new_patients.referral_sources = referral_sources();
                Arc::new(Nextech::new(config, Arc::clone(&self.clock) as _)?)
            }
            Emr::PatientNow => self.patientnow()?,
            Emr::Zenoti => self.zenoti()?,
        })
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

    /// Decides everything once more, as by the calendar of now.
    ///
    /// # Errors
    /// If the store fails.
    ///
    /// # Panics
    /// If that moves anything or leaves a note: then it was not done when it was said to be.
    pub async fn decide_again(&self, engine: &Engine<CrmFlow>) -> Result<()> {
        let told = || {
            let contacts = self.sandbox.crm().contacts.into_iter();
            contacts.map(|it| (it.id, it.tags, it.notes, it.opportunities)).collect::<Vec<_>>()
        };
        let before = told();
        engine.replay(Replay::All).await?;
        self.drain(engine).await?;
        assert_eq!(told(), before, "deciding again changes something");
        Ok(())
    }

    /// Polls and delivers until all feeds are read and nothing is left to do, through whatever
    /// faults there are. The service's clock runs ahead where it has to wait.
    ///
    /// # Errors
    /// As [`Patience::settle`].
    pub async fn settle<F: Flow>(&self, engine: &Engine<F>) -> Result<()> {
        Patience(&self.clock).settle(engine).await
    }

    /// Reads all feeds to their ends.
    ///
    /// # Errors
    /// As [`World::settle`].
    pub async fn poll<F: Flow>(&self, engine: &Engine<F>) -> Result<()> {
        Patience(&self.clock).poll(engine).await
    }

    /// Delivers until nothing is left to do.
    ///
    /// # Errors
    /// As [`World::settle`].
    pub async fn drain<F: Flow>(&self, engine: &Engine<F>) -> Result<()> {
        Patience(&self.clock).drain(engine).await
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
