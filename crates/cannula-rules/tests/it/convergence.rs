//! The state is a fold: order and batching of arrival do not matter, nor does what was delivered
//! in between, nor when the document learned a type.

use cannula_core::{CrmEffect, Event, RecordKind};
use cannula_rules::{
    AppointmentTitles, ContactsFor, PaymentPipelines, PersonState, Plan, Rules, RulesConfig,
    StagePolicy,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::support::{Crm, config, document, event, instant};

/// Types 0 to 6 are the categories; the last is in the document only once it was amended.
const TYPES: [&str; 8] = [
    "Surgical Consult",
    "Surgical Appointment",
    "Non-Surgical Consult",
    "Non-Surgical Appointment",
    "Pre-Op Appointment",
    "Post-Op Appointment",
    "Block",
    "Laser Reset",
];
const AMENDMENT: &str = "Laser Reset,,Non-Surgical Appointment\n";
const STATUSES: [&str; 10] = [
    "pending",
    "confirmed",
    "arrived",
    "fulfilled",
    "cancelled",
    "no-show",
    "proposed",
    "entered-in-error",
    "Online Appt",
    "Nobody knows",
];
const NOW: &str = "2026-03-05 12:00";

fn appointment() -> impl Strategy<Value = String> {
    let parts = (0..40u8, select(&["A", "B", "C"][..]), select(&TYPES[..]), select(&STATUSES[..]));
    let also = select(&["", "", "", "+ Block", "+ Surgical Consult", "+ Laser Reset + Block"][..]);
    (parts, 1..12u8, select(&["", "Uptown", "Harbor"][..]), also).prop_map(
        |((minute, record, kind, status), day, location, also)| {
            // Types are mostly a record's own, so that histories look like histories.
            let own = TYPES[usize::from(record.as_bytes()[0] - b'A') * 2 + 1];
            let kind = if minute % 3 == 0 { kind } else { own };
            format!("2026-03-02 10:{minute:02} | {record} | {kind} {also} | {status} | 2026-03-{day:02} 09:00 | | | {location}")
        },
    )
}

fn patient() -> impl Strategy<Value = String> {
    let name = select(&["Mina Sol", "Mina Sol-Reyes"][..]);
    let email = select(&["", "mina@example.test", "sol@example.test"][..]);
    let birth = select(&["", "1990-05-17"][..]);
    let what = select(&["patient", "patient", "new patient"][..]);
    (0..40u8, name, email, select(&["", "212 555 0100"][..]), birth, what).prop_map(
        |(minute, name, email, phone, birth, what)| {
            format!("2026-03-02 10:{minute:02} | {what} | {name} | {email} | {phone} | {birth}")
        },
    )
}

fn payment() -> impl Strategy<Value = String> {
    let row = (0..40u8, select(&["X", "Y", "Z"][..]), -5000..20_000i64);
    let status = select(&["active", "active", "voided", "deleted"][..]);
    let parts = select(&["", "", "insurer", "adjustment", "voids Y", "recreates X"][..]);
    (row, status, 1..12u8, parts).prop_map(|((minute, row, cents), status, day, parts)| {
        let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.abs());
        let (whole, rest) = (cents / 100, cents % 100);
        format!("2026-03-02 10:{minute:02} | pay {row} | {sign}{whole}.{rest:02} | {status} | 2026-03-{day:02} | {parts}")
    })
}

fn membership() -> impl Strategy<Value = String> {
    let name = select(&["Glow Monthly", "Laser Club"][..]);
    let status = select(&["active", "active", "frozen", "cancelled", "Past due"][..]);
    (0..40u8, select(&["K", "L"][..]), name, status, select(&["", "2026-03-02"][..])).prop_map(
        |(minute, id, name, status, start)| {
            format!("2026-03-02 10:{minute:02} | member {id} | {name} | {status} | {start}")
        },
    )
}

/// Appointments, patient data, payments and memberships.
pub(crate) fn history() -> impl Strategy<Value = Vec<Event>> {
    let (money, members) = (vec(payment(), 0..8), vec(membership(), 0..6));
    (vec(appointment(), 0..12), vec(patient(), 0..3), money, members).prop_map(
        |(mut lines, patients, money, members)| {
            lines.extend(patients);
            lines.extend(money);
            lines.extend(members);
            lines.iter().map(|line| event(line)).collect()
        },
    )
}

fn policy() -> impl Strategy<Value = StagePolicy> {
    select(vec![StagePolicy::AllAppointments, StagePolicy::LastEvent])
}

fn contacts() -> impl Strategy<Value = ContactsFor> {
    select(vec![ContactsFor::Visits, ContactsFor::AnyRecord])
}

pub(crate) fn shuffled(history: Vec<Event>) -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    (Just(history.clone()), Just(history).prop_shuffle())
}

/// Decides batch by batch and delivers the first few effects of each plan.
pub(crate) fn live(
    rules: &Rules,
    events: &[Event],
    batch: usize,
    delivered: usize,
) -> (PersonState, Crm) {
    let (mut state, mut crm) = (PersonState::default(), Crm::default());
    for events in events.chunks(batch) {
        let plan = rules.decide(state, events, instant(NOW));
        state = plan.state;
        for planned in plan.effects.iter().take(delivered) {
            crm.deliver(&planned.effect, &mut state);
        }
    }
    (state, crm)
}

pub(crate) fn settle(rules: &Rules, state: PersonState, crm: &mut Crm) {
    let state = crm.deliver_all(rules.decide(state, &[], instant(NOW)));
    let again = rules.decide(state, &[], instant(NOW));
    assert!(again.effects.is_empty(), "deciding again wants {:?}", again.effects);
}

/// The CRM without the notes' texts, which tell what was known when they were left, and without
/// values of nothing, which are only set where there was something before.
fn without_notes(crm: &Crm) -> Crm {
    let mut crm = Crm { notes: Vec::new(), ..crm.clone() };
    crm.values.retain(|_, value| value.minor() != 0);
    crm
}

/// What a note says beside its title and its reference; of a removal, that it is one.
fn substance(note: &str) -> Vec<&str> {
    if note.starts_with("Appointment Entered in Error\n") {
        return vec!["Appointment Entered in Error"];
    }
    note.lines().skip(1).filter(|line| !line.starts_with("Ref: ")).collect()
}

/// The effects without payment notes, which tell the ledger in the order in which it became known.
fn without_payment_notes(plan: Plan, history: &[Event]) -> Vec<CrmEffect> {
    let effects = plan.effects.into_iter().map(|planned| planned.effect);
    effects
        .filter(|effect| match effect {
            CrmEffect::Note(note) => !is_payment(history, &note.reference),
            _ => true,
        })
        .collect()
}

fn is_payment(history: &[Event], reference: &str) -> bool {
    let of = |event: &&Event| event.id.reference() == reference;
    history.iter().find(of).is_some_and(|event| event.key.kind == RecordKind::Payment)
}

/// For everybody: by default a person who turns out to be surgical keeps what was written before.
fn everything(policy: StagePolicy) -> RulesConfig {
    let mut config = config(policy);
    config.payments.pipelines = PaymentPipelines::All;
    config.memberships.enabled = true;
    config
}

pub(crate) fn rules(policy: StagePolicy, rows: &str) -> Rules {
    Rules::new(everything(policy), document(rows))
}

fn rules_with(policy: StagePolicy, contacts_for: ContactsFor, rows: &str) -> Rules {
    Rules::new(RulesConfig { contacts_for, ..everything(policy) }, document(rows))
}

proptest! {
    #[test]
    fn any_order_and_any_batching_of_arrival_project_the_same_crm(
        (history, arrival) in history().prop_flat_map(shuffled),
        (policy, contacts_for) in (policy(), contacts()),
        updates in any::<bool>(),
        batch in 1..5usize,
    ) {
        let mut config = RulesConfig { contacts_for, ..everything(policy) };
        if updates {
            config.titles.appointments = AppointmentTitles::BookedThenUpdate;
        }
        let rules = Rules::new(config, document(""));
        let whole = rules.decide(PersonState::default(), &history, instant(NOW));
        let (state, _) = live(&rules, &arrival, batch, 0);
        let expected = without_payment_notes(whole, &history);
        let effects = without_payment_notes(rules.decide(state, &[], instant(NOW)), &history);
        prop_assert_eq!(effects, expected);
    }

    #[test]
    fn whatever_was_delivered_in_between_the_crm_ends_the_same(
        (history, arrival) in history().prop_flat_map(shuffled),
        (policy, contacts_for) in (policy(), contacts()),
        batch in 1..5usize,
        delivered in 0..6usize,
    ) {
        let rules = rules_with(policy, contacts_for, "");
        let mut expected = Crm::default();
        expected.deliver_all(rules.decide(PersonState::default(), &history, instant(NOW)));
        let (state, mut crm) = live(&rules, &arrival, batch, delivered);
        settle(&rules, state, &mut crm);
        prop_assert_eq!(without_notes(&crm), without_notes(&expected));
        for (reference, note) in &expected.notes {
            let count = crm.notes.iter().filter(|(left, _)| left == reference).count();
            prop_assert!(count <= 1, "note {} twice", reference);
            if note.starts_with("Patient Created") {
                let left = crm.notes.iter().filter(|(_, left)| left.starts_with("Patient Created"));
                prop_assert_eq!(left.count(), 1);
            }
            // A late version whose note would only repeat what stands there leaves none.
            let said = crm.notes.iter().any(|(_, left)| substance(left) == substance(note));
            prop_assert!(said || is_payment(&history, reference), "note {}", reference);
        }
    }

    #[test]
    fn a_type_mapped_late_ends_as_if_it_had_been_mapped_from_the_start(
        (history, arrival) in history().prop_flat_map(shuffled),
        (policy, contacts_for) in (policy(), contacts()),
        batch in 1..5usize,
        delivered in 0..6usize,
    ) {
        let amended = rules_with(policy, contacts_for, AMENDMENT);
        let mut expected = Crm::default();
        expected.deliver_all(amended.decide(PersonState::default(), &history, instant(NOW)));
        let (state, mut crm) = live(&rules_with(policy, contacts_for, ""), &arrival, batch, delivered);
        settle(&amended, state, &mut crm);
        prop_assert_eq!(without_notes(&crm), without_notes(&expected));
    }
}
