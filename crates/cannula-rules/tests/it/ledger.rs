//! The ledger adds up, in whatever order it became known, and is never rewritten.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{CrmEffect, Event, EventId, PaymentStatus, Record, RecordId, RecordKind};
use cannula_rules::{PersonState, StagePolicy};
use proptest::{collection::vec, prelude::*};

use crate::{
    convergence::{history, live, rules, settle, shuffled},
    support::{Crm, PATIENT, event, instant},
};

const VISIT: &str = "2026-03-01 10:00 | V | Non-Surgical Consult | fulfilled | 2026-03-01 09:00";
const NOW: &str = "2026-03-05 12:00";

/// The books, kept in the most obvious way: a row counts with its newest state, unless any of its
/// states says that it does not count.
fn books(history: &[Event]) -> i64 {
    let mut rows = BTreeMap::<&RecordId, Vec<&Event>>::new();
    for event in history.iter().filter(|event| event.key.kind == RecordKind::Payment) {
        rows.entry(&event.key.id).or_default().push(event);
    }
    let payment = |event: &Event| match &event.record {
        Record::Payment(payment) => payment.clone(),
        other => panic!("no payment: {other:?}"),
    };
    rows.values()
        .filter(|states| states.iter().all(|it| payment(it).status == PaymentStatus::Active))
        .filter_map(|states| states.iter().max_by_key(|it| &it.version))
        .filter_map(|newest| payment(newest).counted())
        .map(|counted| counted.minor())
        .sum()
}

fn changes(state: &PersonState) -> Vec<(EventId, i64)> {
    let change = |it: cannula_rules::Posting<'_>| (it.event.clone(), it.change.unwrap().minor());
    state.postings().map(change).collect()
}

fn paid(state: &PersonState) -> i64 {
    state.lifetime_value().map_or(0, |value| value.minor())
}

/// A history of somebody with a visit, so that payments are noted.
fn visited(mut history: Vec<Event>) -> Vec<Event> {
    history.extend([PATIENT, VISIT].map(event));
    history
}

proptest! {
    #[test]
    fn in_every_order_of_arrival_the_signed_entries_add_up_to_the_books(
        (history, arrival) in history().prop_flat_map(shuffled),
        batch in 1..5usize,
    ) {
        let rules = rules(StagePolicy::AllAppointments, "");
        let (state, _) = live(&rules, &arrival, batch, 0);
        prop_assert_eq!(paid(&state), books(&history));
        prop_assert_eq!(changes(&state).iter().map(|(_, change)| change).sum::<i64>(), paid(&state));
        let events: BTreeSet<_> = changes(&state).into_iter().map(|(event, _)| event).collect();
        let payments = history.iter().filter(|event| event.key.kind == RecordKind::Payment);
        prop_assert_eq!(events, payments.map(|event| event.id.clone()).collect());
    }

    #[test]
    fn what_is_in_the_ledger_is_never_changed_by_what_comes_after(
        history in history(),
        batch in 1..5usize,
    ) {
        let rules = rules(StagePolicy::AllAppointments, "");
        let mut state = PersonState::default();
        for events in history.chunks(batch) {
            let before = changes(&state);
            state = rules.decide(state, events, instant(NOW)).state;
            prop_assert_eq!(&changes(&state)[..before.len()], before.as_slice());
        }
    }

    #[test]
    fn whatever_is_replayed_the_notes_are_left_once_and_tell_every_change(
        (arrival, replay) in history().prop_map(visited).prop_flat_map(shuffled),
        batch in 1..5usize,
        delivered in 0..6usize,
        again in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let rules = rules(StagePolicy::AllAppointments, "");
        let (mut state, mut crm) = live(&rules, &arrival, batch, delivered);
        for index in again {
            let plan = rules.decide(state, &replay[..index.index(replay.len())], instant(NOW));
            state = crm.deliver_all(plan);
        }
        settle(&rules, state.clone(), &mut crm);
        let left: BTreeSet<_> = crm.notes.iter().map(|(reference, _)| reference.as_str()).collect();
        prop_assert_eq!(left.len(), crm.notes.len());
        let noted = |event: &EventId| left.contains(event.reference());
        let changes = changes(&state);
        let told: i64 = changes.iter().filter(|it| noted(&it.0)).map(|it| it.1).sum();
        prop_assert_eq!(told, paid(&state));
        let shown = crm.fields.get("Patient Lifetime Value").cloned();
        prop_assert_eq!(shown, state.lifetime_value().map(|value| value.to_string()));
    }
}

#[test]
fn rows_are_read_as_they_are_now() {
    let lines = [
        "2026-03-02 10:00 | pay 2 | 80.00 | active |",
        "2026-03-02 11:00 | pay 1 | 20.00 | active |",
        "2026-03-02 12:00 | pay 1 | 25.00 | active |",
        "2026-03-02 10:00 | pay 2 | 80.00 | voided |",
    ];
    let rules = rules(StagePolicy::AllAppointments, "");
    let plan = rules.decide(PersonState::default(), &lines.map(event), instant(NOW));
    let rows: Vec<_> = plan
        .state
        .payments()
        .map(|(row, payment)| (row.as_str(), payment.amount.to_string(), payment.status))
        .collect();
    assert_eq!(
        rows,
        [
            ("1", "$25.00".to_owned(), PaymentStatus::Active),
            ("2", "$80.00".to_owned(), PaymentStatus::Voided)
        ]
    );
    assert_eq!(plan.state.lifetime_value().unwrap().to_string(), "$25.00");
    assert!(plan.state.is_dormant(), "a payment makes no contact");
    assert_eq!(PersonState::default().lifetime_value(), None);
}

#[test]
fn a_row_of_the_ledger_and_an_appointment_may_have_one_id() {
    let lines = [PATIENT, VISIT, "2026-03-02 10:00 | pay V | 80.00 | active |"];
    let late = "2026-03-01 09:30 | V | Non-Surgical Consult | arrived | 2026-03-01 09:00";
    let rules = rules(StagePolicy::AllAppointments, "");
    let mut crm = Crm::default();
    let plan = rules.decide(PersonState::default(), &lines.map(event), instant(NOW));
    let state = crm.deliver_all(plan);
    crm.deliver_all(rules.decide(state, &[event(late)], instant(NOW)));
    let titles: Vec<_> = crm.notes.iter().map(|(_, it)| it.lines().next().unwrap()).collect();
    assert_eq!(titles, ["Appointment Fulfilled", "Payment Received", "Appointment Arrived"]);
}

#[test]
fn a_payment_without_an_owner_is_explained() {
    let rules = rules(StagePolicy::AllAppointments, "");
    let payment = event("2026-03-02 10:00 | pay 1 | 80.00 | active |");
    assert_eq!(rules.unattended(&payment).reasons, [cannula_rules::Reason::NoOwner]);
}

#[test]
fn the_description_of_a_payment_is_never_written_nor_printed() {
    let lines = [PATIENT, VISIT, "2026-03-02 10:00 | pay 1 | 80.00 | active |"];
    let rules = rules(StagePolicy::AllAppointments, "");
    let plan = rules.decide(PersonState::default(), &lines.map(event), instant(NOW));
    assert!(!format!("{plan:?}").contains(crate::support::DESCRIPTION));
    for planned in &plan.effects {
        if let CrmEffect::Note(note) = &planned.effect {
            assert!(!note.body.expose().contains("glabella"));
        }
    }
}
