//! EMRs that send webhooks.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod accepting;
mod convergence;
mod intake;
mod merging;
mod patientnow;
mod zenoti;

use cannula::{core::ParkReason, rules::PaymentPipelines};
use cannula_sandbox::{ContactSnapshot, practice::PatientState};
use cannula_tests::{Clinic, Emr, World, WorldConfig};
use chrono::NaiveDateTime;

/// A clinic of nobody, where payments count in every pipeline.
async fn clinic(emr: Emr) -> Clinic {
    let mut config = WorldConfig::empty(emr);
    config.payments = PaymentPipelines::All;
    Clinic::open(World::start(config).await.unwrap()).await.unwrap()
}

/// The only contact with this first name.
fn contact(clinic: &Clinic, first_name: &str) -> ContactSnapshot {
    let mut found = clinic.contacts(first_name);
    assert_eq!(found.len(), 1, "{first_name}: {found:#?}");
    found.remove(0)
}

/// The titles of a contact's notes, oldest first.
fn titles(contact: &ContactSnapshot) -> Vec<&str> {
    contact.notes.iter().filter_map(|note| note.lines().next()).collect()
}

/// A custom field of a contact, as text; empty if it is not set.
fn field(contact: &ContactSnapshot, name: &str) -> String {
    let value = contact.fields.get(name).filter(|value| !value.is_null());
    value.map(|value| value.to_string().trim_matches('"').to_owned()).unwrap_or_default()
}

/// A patient with neither e-mail nor phone.
fn out_of_reach(first_name: &str, number: u32) -> PatientState {
    let patient = PatientState::new(first_name, "Smith", number);
    PatientState { emails: Vec::new(), phones: Vec::new(), ..patient }
}

/// A time like `2026-03-02T10:00`.
fn time(text: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").unwrap()
}

/// What waits for a person, and why.
async fn parked(clinic: &Clinic) -> Vec<(ParkReason, u64)> {
    let parked = clinic.engine.parked().await.unwrap();
    parked.into_iter().map(|parked| (parked.reason, parked.events)).collect()
}
