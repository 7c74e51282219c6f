use std::sync::Arc;

use cannula::{
    core::{Clock, CrmSink, PatientRegistry, Source},
    rules::intake::{Intake, IntakeConfig},
    sync::{CrmFlow, Engine, IntakeFlow, Store},
};

/// The engine that makes patients of tagged contacts, beside the engine of the visits: the same
/// two vendors the other way round, with a store of its own. What it makes, it tells the visits.
/// `tagged` is the CRM's contacts with the tags that `config` watches.
pub fn intake_engine(
    config: IntakeConfig,
    registry: Arc<dyn PatientRegistry>,
    tagged: Arc<dyn Source>,
    crm: Arc<dyn CrmSink>,
    visits: Arc<Engine<CrmFlow>>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> Engine<IntakeFlow> {
    let rules = Intake::new(config, registry.info().clone());
    let flow = IntakeFlow::new(rules, registry, crm, visits, Arc::clone(&clock));
    Engine::new(tagged, flow, store, clock)
}
