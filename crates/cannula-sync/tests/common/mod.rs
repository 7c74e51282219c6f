//! A small practice, a CRM in memory, and engines between them.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;

use cannula_core::{AppointmentStatus, CrmSink, Event, RecordKind};
use cannula_rules::{Categories, Rules, RulesConfig};
use cannula_sync::{CrmFlow, DrainReport, Engine, SqliteStore, Store};
use cannula_testkit::{ManualClock, MemoryCrm, ScriptedSource, appointment, day_one, patient};

pub(crate) const DOCUMENT: &str = "type,purpose,category\n\
     Consult,,Surgical Consult\n\
     Surgery,,Surgical Appointment\n\
     Filler,,Non-Surgical Appointment\n";

pub(crate) struct World {
    pub(crate) source: Arc<ScriptedSource>,
    pub(crate) crm: Arc<MemoryCrm>,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            source: Arc::default(),
            crm: Arc::default(),
            clock: Arc::new(ManualClock::at(day_one())),
        }
    }

    /// One patient per name, with a booked consult each.
    pub(crate) fn with_consults(names: &[&str]) -> Self {
        let world = Self::new();
        world.source.page(RecordKind::Patient, names.iter().map(|name| patient(name, 0)).collect());
        world
            .source
            .page(RecordKind::Appointment, names.iter().map(|name| consult(name)).collect());
        world
    }

    pub(crate) fn engine(&self, store: Arc<dyn Store>) -> Engine<CrmFlow> {
        self.engine_with(store, self.crm.clone(), DOCUMENT)
    }

    pub(crate) fn engine_with(
        &self,
        store: Arc<dyn Store>,
        sink: Arc<dyn CrmSink>,
        document: &str,
    ) -> Engine<CrmFlow> {
        Engine::new(self.source.clone(), flow(sink, document), store, self.clock.clone())
    }

    /// Drains, moves the clock to when something is due, and drains again, until nothing is.
    pub(crate) async fn drain_all(&self, engine: &Engine<CrmFlow>) -> cannula_core::Result<()> {
        for _ in 0..50 {
            let Some(due) = engine.drain().await?.next_due else { return Ok(()) };
            self.clock.set(due);
        }
        panic!("there is always something due");
    }

    /// Labels of what was sent to the CRM so far, sorted, with counts.
    pub(crate) fn sent(&self, label: &str) -> usize {
        self.crm.sent().iter().filter(|(_, sent)| *sent == label).count()
    }
}

/// The flow into a CRM, by this categorization document.
pub(crate) fn flow(sink: Arc<dyn CrmSink>, document: &str) -> CrmFlow {
    let categories = Categories::from_csv(document).unwrap();
    CrmFlow::new(Rules::new(RulesConfig::new(chrono_tz::America::New_York), categories), sink)
}

pub(crate) fn store() -> Arc<dyn Store> {
    Arc::new(SqliteStore::in_memory("main").unwrap())
}

/// The booked consult of a patient.
pub(crate) fn consult(name: &str) -> Event {
    visit(name, "Consult", AppointmentStatus::Pending, 1)
}

/// A state of the one appointment of its kind that a patient has.
pub(crate) fn visit(name: &str, kind: &str, status: AppointmentStatus, minute: i64) -> Event {
    appointment(&format!("{name}-{kind}"), name, kind, status, minute)
}

pub(crate) fn delivered(report: &DrainReport) -> u64 {
    report.delivered.values().sum()
}
