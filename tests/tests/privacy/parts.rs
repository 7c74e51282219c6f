//! The services, each built from real clients.

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use cannula::{
    aesthetix::Aesthetix,
    core::{Clock, CrmSink, EmrSource, PatientRegistry, PaymentLedger},
    dermpro::Dermpro,
    nextech::Nextech,
    patientnow::PatientNow,
    rules::{
        intake::IntakeConfig,
        posting::{PostingConfig, PostingRules, RefundPolicy},
    },
    sync::{CrmFlow, Engine, IntakeFlow, PostingFlow, Replay, SqliteStore},
    zenoti::Zenoti,
};
use cannula_examples::{dermpro_at, intake_engine, nextech_at, posting_rules, referral_sources};
use cannula_sandbox::practice::Product;
use cannula_tests::{Emr, World, patientnow_config};

use crate::{
    doors::Doors,
    said::Said,
    trouble::{BuggyLedger, BuggyRegistry, BuggySink, Trouble},
};

/// An engine and its store.
#[derive(Debug)]
pub(crate) struct Part<F: cannula::sync::Flow> {
    pub(crate) engine: Arc<Engine<F>>,
    store: Arc<SqliteStore>,
}

/// A part of whatever flow.
#[async_trait]
pub(crate) trait Carrier: Debug {
    /// Polls and drains once.
    async fn work(&self, said: &mut Said);
    /// Somebody has what was put off or refused tried again.
    async fn again(&self);
    /// Asks for everything there is to ask for.
    async fn ask(&self, said: &mut Said);
}

#[async_trait]
impl<F: cannula::sync::Flow> Carrier for Part<F>
where
    F::State: Debug,
{
    async fn work(&self, said: &mut Said) {
        said.work(&self.engine).await;
    }

    async fn again(&self) {
        for what in [Replay::Parked, Replay::Dead] {
            self.engine.replay(what).await.unwrap();
        }
    }

    async fn ask(&self, said: &mut Said) {
        said.ask(&self.engine, &*self.store).await;
    }
}

fn store() -> Arc<SqliteStore> {
    Arc::new(SqliteStore::in_memory("main").unwrap())
}

pub(crate) fn visits(world: &World, doors: &Doors, trouble: Trouble) -> Part<CrmFlow> {
    let sink: Arc<dyn CrmSink> =
        if trouble == Trouble::Panics { Arc::new(BuggySink) } else { crm(world, doors) };
    let (source, _) = emr(world, doors);
    let store = store();
    let engine = world.engine_of(source, world.rules(), sink, Arc::clone(&store) as _).unwrap();
    Part { engine: Arc::new(engine), store }
}

pub(crate) fn intake(
    world: &World,
    doors: &Doors,
    visits: &Part<CrmFlow>,
    trouble: Trouble,
) -> Part<IntakeFlow> {
    let (_, mut registry) = emr(world, doors);
    if trouble == Trouble::Panics {
        registry = Arc::new(BuggyRegistry(registry));
    }
    let config = IntakeConfig::new(vec![world.config.emr.create_tag().to_owned()]);
    let store = store();
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    let visits = Arc::clone(&visits.engine);
    let crm = crm(world, doors);
    let tagged = Arc::new(crm.tag_source(config.watched_tags()));
    let on = Arc::clone(&store) as _;
    let engine = intake_engine(config, registry, tagged, crm, visits, on, clock);
    Part { engine: Arc::new(engine), store }
}

pub(crate) fn posting(
    world: &World,
    doors: &Doors,
    product: Product,
    trouble: Trouble,
) -> Part<PostingFlow> {
    let (start, clock) = (world.config.practice.start, Arc::clone(&world.clock) as Arc<dyn Clock>);
    let config = dermpro_at(&doors.access, start).unwrap();
    let source = Arc::new(Dermpro::new(config, Arc::clone(&clock)).unwrap());
    let emr = nextech(world, doors, product);
    let refunds = RefundPolicy::Post;
    let rules = PostingRules::new(
        PostingConfig { refunds, ..posting_rules(product, start) },
        PaymentLedger::info(&emr).clone(),
        PatientRegistry::info(&emr).clone(),
    );
    let mut ledger = Arc::clone(&emr) as Arc<dyn PaymentLedger>;
    if trouble == Trouble::Panics {
        ledger = Arc::new(BuggyLedger(ledger));
    }
    let flow = PostingFlow::new(rules, emr, ledger, Arc::clone(&clock));
    let store = store();
    let engine = Engine::new(source, flow, Arc::clone(&store) as _, clock);
    Part { engine: Arc::new(engine), store }
}

fn nextech(world: &World, doors: &Doors, product: Product) -> Arc<Nextech> {
    let mut config = nextech_at(&doors.access, product, world.config.practice.start).unwrap();
    config.requests_per_second = None;
    config.new_patients.referral_sources = referral_sources();
    Arc::new(Nextech::new(config, Arc::clone(&world.clock) as _).unwrap())
}

pub(crate) fn crm(world: &World, doors: &Doors) -> Arc<Aesthetix> {
    Arc::new(Aesthetix::new(doors.crm(), Arc::clone(&world.clock) as _).unwrap())
}

fn emr(world: &World, doors: &Doors) -> (Arc<dyn EmrSource>, Arc<dyn PatientRegistry>) {
    let start = world.config.practice.start;
    let clock = Arc::clone(&world.clock) as Arc<dyn Clock>;
    match world.config.emr {
        Emr::Nextech(product) => {
            let client = nextech(world, doors, product);
            (Arc::clone(&client) as _, client)
        }
        Emr::PatientNow => {
            let mut config = patientnow_config(&doors.access, start).unwrap();
            (config.daily_requests, config.requests_per_second) = (None, None);
            let client = Arc::new(PatientNow::new(config, clock).unwrap());
            (Arc::clone(&client) as _, client)
        }
        Emr::Zenoti => {
            let client = Arc::new(Zenoti::new(doors.zenoti(), clock).unwrap());
            (Arc::clone(&client) as _, client)
        }
    }
}
