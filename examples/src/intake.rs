use std::sync::Arc;

use cannula::{
    aesthetix::Aesthetix,
    core::{Clock, PatientRegistry},
    rules::intake::{Intake, IntakeConfig},
    sync::{CrmFlow, Engine, IntakeFlow, Store},
};

/// The engine that makes patients of tagged contacts, beside the engine of the visits: the same
/// two vendors the other way round, with a store of its own. What it makes, it tells the visits.
pub fn intake_engine(
    config: IntakeConfig,
    registry: Arc<dyn PatientRegistry>,
    crm: Arc<Aesthetix>,
    visits: Arc<Engine<CrmFlow>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> Engine<IntakeFlow> {
    let tagged = crm.tag_source(config.watched_tags());
    let rules = Intake::new(config, registry.info().clone());
    let flow = IntakeFlow::new(rules, registry, crm, visits, Arc::clone(&clock));
    Engine::new(Arc::new(tagged), flow, store, clock)
}
