//! An empty practice on Select, the service in front of it, and hands to act with.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use cannula::{
    core::{AppointmentStatus, PatientId, PracticeId, RecordId, Subject},
    rules::{Rules, StagePolicy},
    sync::{CrmFlow, Engine, Line, SqliteStore},
};
use cannula_sandbox::{
    ContactSnapshot, Vendor,
    practice::{AppointmentState, PatientState, Product},
};
use cannula_tests::{World, WorldConfig};
use chrono::NaiveDateTime;

/// Five minutes, as the service polls in real life.
const POLL: Duration = Duration::from_secs(5 * 60);

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) engine: Engine<CrmFlow>,
    store: Arc<SqliteStore>,
}

impl Scene {
    /// A service by the practice's own document. It has looked at the CRM already, so that the
    /// first person's calls are that person's.
    pub(crate) async fn open() -> Self {
        Self::with_policy(StagePolicy::AllAppointments).await
    }

    pub(crate) async fn with_policy(policy: StagePolicy) -> Self {
        let config = WorldConfig { policy, ..WorldConfig::empty(Product::Select) };
        let world = World::start(config).await.unwrap();
        let store = Arc::new(SqliteStore::in_memory("main").unwrap());
        let engine = world.engine(store.clone()).unwrap();
        engine.check().await.unwrap();
        Self { world, engine, store }
    }

    /// Starts the service again on its store, with other rules.
    pub(crate) fn restart_with(&mut self, rules: Rules) {
        let (source, sink) = (self.world.source().unwrap(), self.world.sink().unwrap());
        self.engine = self.world.engine_of(source, rules, sink, self.store.clone()).unwrap();
    }

    /// Registers a patient with an e-mail address and a mobile number made from `number`.
    pub(crate) fn patient(&self, given: &str, family: &str, number: u32) -> PatientId {
        self.world.sandbox.practice().add_patient(PatientState::new(given, family, number))
    }

    /// Books a pending appointment; `start` is like `2026-03-02T10:00`.
    pub(crate) fn book(&self, patient: &PatientId, kind: &str, start: &str) -> RecordId {
        let start = NaiveDateTime::parse_from_str(start, "%Y-%m-%dT%H:%M").unwrap();
        self.world.sandbox.practice().book(AppointmentState::new(patient, kind, start))
    }

    pub(crate) fn set(&self, appointment: &RecordId, status: AppointmentStatus) {
        let practice = self.world.sandbox.practice();
        assert!(practice.update_appointment(appointment, |state| state.status = status));
    }

    /// Edits the patient in the EMR.
    pub(crate) fn edit(&self, patient: &PatientId, change: impl FnOnce(&mut PatientState)) {
        assert!(self.world.sandbox.practice().update_patient(patient, change));
    }

    /// Five minutes pass; the service polls and delivers.
    pub(crate) async fn sync(&self) {
        self.world.pass(POLL);
        self.world.settle(&self.engine).await.unwrap();
    }

    /// Requests to the CRM that the next poll costs, by `METHOD /template`.
    pub(crate) async fn cost(&self) -> BTreeMap<String, u64> {
        let before = self.world.sandbox.calls(Vendor::Crm);
        self.sync().await;
        let mut calls = self.world.sandbox.calls(Vendor::Crm);
        for (call, count) in before {
            *calls.entry(call).or_default() -= count;
        }
        calls.retain(|_, count| *count > 0);
        calls
    }

    /// The only contact with this first name.
    pub(crate) fn contact(&self, first_name: &str) -> ContactSnapshot {
        let mut found = self.contacts(first_name);
        assert_eq!(found.len(), 1, "{first_name}: {found:#?}");
        found.remove(0)
    }

    pub(crate) fn contacts(&self, first_name: &str) -> Vec<ContactSnapshot> {
        let mut contacts = self.world.sandbox.crm().contacts;
        contacts.retain(|contact| contact.first_name.as_deref() == Some(first_name));
        contacts
    }

    /// The stage of the contact's opportunity in a pipeline.
    pub(crate) fn stage(&self, first_name: &str, pipeline: &str) -> Option<String> {
        let opportunities = self.contact(first_name).opportunities;
        let found = opportunities.into_iter().find(|it| it.pipeline == pipeline);
        found.map(|it| it.stage)
    }

    pub(crate) async fn explain(&self, patient: &PatientId) -> Vec<Line> {
        let practice = PracticeId::new(Product::Select.practice_id());
        let subject = Subject { practice, person: patient.as_str().into() };
        self.engine.explain(&subject).await.unwrap()
    }

    /// Everything the service says about an appointment, in order.
    pub(crate) async fn told(&self, patient: &PatientId, appointment: &RecordId) -> String {
        let lines = self.explain(patient).await;
        let lines = lines.into_iter().filter(|line| line.record.id == *appointment);
        lines.flat_map(|line| line.sentences).collect::<Vec<_>>().join("\n")
    }

    /// How many events wait for a person.
    pub(crate) async fn parked(&self) -> u64 {
        let summary = self.engine.summary().await.unwrap();
        assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
        summary.parked
    }
}

/// The titles of a contact's notes, oldest first.
pub(crate) fn titles(contact: &ContactSnapshot) -> Vec<&str> {
    contact.notes.iter().filter_map(|note| note.lines().next()).collect()
}
