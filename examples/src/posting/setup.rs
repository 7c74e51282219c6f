//! The parts of the posting service and how they are put together.

use std::{path::Path, sync::Arc};

use cannula::{
    PostingService,
    core::{Clock, OrderNumber, PatientChoice, PatientRegistry, PaymentLedger, PracticeId, Result},
    dermpro::{Dermpro, DermproConfig},
    http::SystemClock,
    nextech::{Nextech, NextechConfig},
    rules::posting::{PostingConfig, PostingRules},
    sync::{Engine, PostingFlow, Rehearsal, SqliteStore, Store},
};
use cannula_sandbox::{
    dermpro::StoreConfig,
    practice::{LOCATIONS, PRACTITIONERS, Product, ZONE},
};
use chrono::{DateTime, Utc};

use super::PostingOptions;
use crate::{
    VendorCalls, dermpro_at, nextech_at, referral_sources,
    setup::{INTERVAL, ctrl_c, pass_days, watched},
    world::{World, WorldConfig},
};

/// Patients of the synthetic practice whose store it is.
const PATIENTS: u32 = 120;

/// The running parts.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) engine: Engine<PostingFlow>,
    pub(super) rules: PostingRules,
    /// The ledger as the engine sees it.
    pub(super) ledger: Arc<dyn PaymentLedger>,
    practice: PracticeId,
    store: Arc<Dermpro>,
    emr: Arc<Nextech>,
    clock: Arc<dyn Clock>,
    /// What is made up; `None` if the vendors are real.
    world: Option<World>,
}

/// What a service is told, wherever it comes from.
struct Parts {
    dermpro: DermproConfig,
    nextech: NextechConfig,
    rules: PostingConfig,
}

impl Setup {
    /// A practice and a store made up for the occasion.
    pub(super) async fn sandbox(options: &PostingOptions, product: Product) -> Result<Self> {
        let world = World::start(WorldConfig {
            patients: PATIENTS,
            watch: options.watch,
            store: StoreConfig { customers: options.customers, days: 30 },
        })
        .await?;
        let (access, start) = (world.sandbox.access(), world.start);
        let mut nextech = nextech_at(access, product, start)?;
        // Days pass in seconds here, so limits per second mean nothing.
        nextech.requests_per_second = None;
        nextech.new_patients.referral_sources = referral_sources();
        let parts = Parts {
            dermpro: dermpro_at(access, start)?,
            nextech,
            rules: posting_rules(product, start),
        };
        let store: Arc<dyn Store> = match &options.db {
            Some(file) => Arc::new(SqliteStore::open(file, "main")?),
            None => Arc::new(SqliteStore::in_memory("main")?),
        };
        let setup = Self::compose(parts, store, Arc::clone(&world.clock), options.dry_run)?;
        Ok(Self { world: Some(world), ..setup })
    }

    /// A real store and a real practice, as a configuration file says.
    pub(super) fn live(file: &Path, dry_run: bool) -> Result<Self> {
        let config = PostingService::from_file(file)?;
        // A rehearsal leaves nothing behind, in our own store either.
        let store: Arc<dyn Store> = if dry_run {
            Arc::new(SqliteStore::in_memory("main")?)
        } else {
            Arc::new(SqliteStore::open(config.store, "main")?)
        };
        let parts = Parts { dermpro: config.dermpro, nextech: config.nextech, rules: config.rules };
        Self::compose(parts, store, Arc::new(SystemClock), dry_run)
    }

    /// Source, rules, register, ledger, store and clock: that is the whole service.
    fn compose(
        parts: Parts,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        dry_run: bool,
    ) -> Result<Self> {
        let practice = parts.dermpro.practice.clone();
        let source = Arc::new(Dermpro::new(parts.dermpro, Arc::clone(&clock))?);
        let emr = Arc::new(Nextech::new(parts.nextech, Arc::clone(&clock))?);
        let rules = PostingRules::new(
            parts.rules,
            PaymentLedger::info(&emr).clone(),
            PatientRegistry::info(&emr).clone(),
        );
        let (registry, ledger): (Arc<dyn PatientRegistry>, Arc<dyn PaymentLedger>) = if dry_run {
            let rehearsal = Rehearsal::new(Arc::clone(&emr), Arc::clone(&emr));
            (Arc::<Rehearsal<_, _>>::clone(&rehearsal), rehearsal)
        } else {
            (Arc::<Nextech>::clone(&emr), Arc::<Nextech>::clone(&emr))
        };
        let flow =
            PostingFlow::new(rules.clone(), registry, Arc::clone(&ledger), Arc::clone(&clock));
        let engine = Engine::new(Arc::<Dermpro>::clone(&source), flow, store, Arc::clone(&clock));
        Ok(Self { engine, rules, ledger, practice, store: source, emr, clock, world: None })
    }

    /// Lets the days pass, or polls once where they pass by themselves.
    pub(super) async fn catch_up(&self) -> Result<()> {
        match self.world.as_ref().and_then(|world| world.replay.as_deref()) {
            Some(clock) => pass_days(clock, || self.cycle(), || self.so_far()).await,
            None => self.cycle().await,
        }
    }

    async fn cycle(&self) -> Result<()> {
        let polled = self.engine.poll().await;
        self.engine.drain().await?;
        polled.map(drop)
    }

    /// Polls and posts until Ctrl-C.
    pub(super) async fn watch(&self) -> Result<()> {
        let run = self.engine.run(INTERVAL, ctrl_c());
        watched(run, self.clock.as_ref(), || self.so_far()).await
    }

    pub(super) async fn resolve(
        &self,
        order: &OrderNumber,
        choice: PatientChoice,
        remember: bool,
    ) -> Result<()> {
        self.engine.resolve(&self.practice, order, choice, remember, self.clock.now()).await
    }

    fn so_far(&self) -> String {
        let progress = self.engine.progress();
        format!("{} states of orders, {} steps", progress.ingested, progress.delivered)
    }

    /// HTTP requests so far, by vendor and operation.
    pub(super) fn calls(&self) -> VendorCalls {
        VendorCalls::from([("dermpro", self.store.calls()), ("nextech", self.emr.calls())])
    }
}

/// What the sandbox's practice has set: its own words for payments and new patients.
pub fn posting_rules(product: Product, start: DateTime<Utc>) -> PostingConfig {
    let rules = PostingConfig {
        location: Some(LOCATIONS[0].name.to_owned()),
        practitioner: Some(PRACTITIONERS[0].display(product)),
        referral_source: Some("DermPRO Store".to_owned()),
        accept_unused_words: true,
        ..PostingService::rules(ZONE, start)
    };
    match product {
        Product::Select => rules,
        Product::PracticePlus => PostingConfig {
            method: "CreditCard".to_owned(),
            card_type: Some("Visa".to_owned()),
            card_types: [("MC", "MasterCard"), ("AE", "AmericanExpress"), ("DI", "Discover")]
                .map(|(code, name)| (code.to_owned(), name.to_owned()))
                .into(),
            general_practitioner: rules.practitioner.clone(),
            ..rules
        },
    }
}
