//! Patients that turned out to be one person.

use cannula_core::{
    ContactId, ContactLink, CrmEffect, CrmLinks, Event, Inheritance, Patient, PatientMerge,
    PersonName, Record, RecordId,
};
use cannula_rules::{Outcome, PersonState, Plan, Reason, StagePolicy};

use crate::support::{Crm, PATIENT, event, instant, rules};

const BOOKED: &str = "2026-03-02 10:00 | A | Surgical Consult | pending | 2026-03-10 09:00";
const NOW: &str = "2026-03-02 12:00";

fn decide(state: PersonState, events: &[Event]) -> Plan {
    rules(StagePolicy::AllAppointments).decide(state, events, instant(NOW))
}

fn lines(lines: &[&str]) -> Vec<Event> {
    lines.iter().map(|line| event(line)).collect()
}

/// Patient `p1` was merged into `p2`.
fn merge() -> Event {
    let record = Record::PatientMerge(PatientMerge { patient: "p1".into(), into: "p2".into() });
    let at = instant("2026-03-02 11:00");
    Event::new("practice".into(), RecordId::new("p1"), record, Some(at), at)
}

/// The patient that is left.
fn left() -> Event {
    let patient = Patient {
        id: "p2".into(),
        chart_number: None,
        name: PersonName { given: "Mina".to_owned().into(), family: "Sol".to_owned().into() },
        birth_date: None,
        emails: vec!["mina@example.test".to_owned().into()],
        phones: Vec::new(),
        is_new: false,
    };
    let at = instant("2026-01-01 08:00");
    Event::new("practice".into(), RecordId::new("p2"), Record::Patient(patient), Some(at), at)
}

/// A patient with a noted visit and a contact, and what was told when it was merged.
fn merged() -> (PersonState, Vec<Event>) {
    let state =
        Crm::default().deliver_all(decide(PersonState::default(), &lines(&[PATIENT, BOOKED])));
    let plan = decide(state, &[merge()]);
    assert!(plan.effects.is_empty(), "{:?}", plan.effects);
    assert_eq!(plan.wants, None);
    (plan.state, plan.told)
}

fn notes(plan: &Plan) -> usize {
    plan.effects.iter().filter(|it| matches!(it.effect, CrmEffect::Note(_))).count()
}

#[test]
fn what_a_merged_patient_has_is_told_to_the_one_that_is_left_and_told_once() {
    let (state, told) = merged();
    let kinds: Vec<_> = told.iter().map(|it| it.record.kind().as_str()).collect();
    assert_eq!(kinds, ["contact_link", "appointment"]);
    for event in &told {
        assert_eq!(event.subject().unwrap().person.as_str(), "p2");
    }
    let read = event(BOOKED).version;
    assert!(told[1].version > read, "it comes behind what the other one may have read of it");
    assert!(decide(state.clone(), &[merge()]).told.is_empty());
    assert!(decide(state.clone(), &lines(&[PATIENT, BOOKED])).told.is_empty());
    // Another record that was still read as this one's follows.
    let late = "2026-03-02 10:30 | B | Surgical Consult | pending | 2026-03-12 09:00";
    let plan = decide(state.clone(), &lines(&[late]));
    assert_eq!(plan.told.len(), 2, "{:?}", plan.told);
    assert_eq!(state.merged_into(), Some(&"p2".into()));
    // So does another state of what was passed on, which came in between: that one, and once.
    let moved = BOOKED.replace("03-02 10:00", "03-02 11:30").replace("03-10", "03-11");
    let again = decide(state, &lines(&[&moved]));
    let start = |event: &Event| match &event.record {
        Record::Appointment(it) => it.start.map(|start| start.date().to_string()),
        _ => None,
    };
    let starts: Vec<_> = again.told.iter().filter_map(start).collect();
    assert_eq!(starts, ["2026-03-11"]);
    assert!(decide(again.state, &lines(&[&moved])).told.is_empty());
    assert_eq!(plan.verdicts[0].1.reasons, [Reason::PassedOn { into: "p2".into() }]);
    assert!(plan.effects.is_empty() && plan.state.undelivered().next().is_none());
}

#[test]
fn what_was_read_as_the_other_patients_before_is_not_taken_back_by_the_merge() {
    let state = decide(PersonState::default(), &lines(&[PATIENT, BOOKED])).state;
    let gone = "2026-03-02 10:30 | A | Surgical Consult | entered-in-error | 2026-03-10 09:00";
    let plan = decide(state, &[lines(&[gone]), vec![merge()]].concat());
    assert_eq!(plan.told, []);
}

#[test]
fn the_patient_that_is_left_takes_over_the_contact_and_repeats_no_note() {
    let (_, told) = merged();
    let mut events = vec![left()];
    events.extend(told);
    let plan = decide(PersonState::default(), &events);
    assert_eq!(plan.state.links().contact, Some(ContactId::new("c1")));
    assert_eq!(notes(&plan), 0, "{:?}", plan.effects);
    assert!(plan.effects.iter().any(|it| matches!(it.effect, CrmEffect::Contact(_))));
    let again = decide(plan.state.clone(), &events);
    assert_eq!((again.state, again.told), (plan.state, Vec::new()));
}

#[test]
fn a_contact_that_both_had_is_written_whole_again() {
    let (_, told) = merged();
    let state =
        Crm::default().deliver_all(decide(PersonState::default(), &[left(), visit_of_p2()]));
    assert!(decide(state.clone(), &[]).effects.is_empty());
    let plan = decide(state, &told[..1]);
    assert_eq!(plan.told, []);
    let labels: Vec<_> = plan.effects.iter().map(|it| it.effect.label()).collect();
    assert_eq!(labels, ["contact", "add tags", "stage"]);
}

#[test]
fn of_payments_and_memberships_those_are_told_that_are_not_over() {
    let events = lines(&[
        PATIENT,
        "2026-03-02 10:00 | pay 1 | 80.00 | active |",
        "2026-03-02 10:00 | pay 2 | 80.00 | voided |",
        "2026-03-02 10:00 | pay 3 | 80.00 | deleted |",
        "2026-03-02 10:00 | member 4 | Glow | active",
        "2026-03-02 10:00 | member 5 | Glow | frozen",
        "2026-03-02 10:00 | member 6 | Glow | cancelled",
        "2026-03-02 10:00 | member 7 | Glow | expired",
    ]);
    let state = decide(PersonState::default(), &events).state;
    let told = decide(state, &[merge()]).told;
    let ids: Vec<_> = told.iter().map(|it| it.key.id.as_str()).collect();
    assert_eq!(ids, ["1", "2", "4", "5"]);
}

#[test]
fn a_contact_passes_on_with_what_it_has_all_notes_of() {
    let noted = |state: PersonState| {
        let told = decide(state, &[merge()]).told;
        let Record::ContactLink(link) = &told[0].record else { panic!("{told:?}") };
        let noted = &link.inherited.as_ref().unwrap().noted;
        let of_it = told.iter().filter(|it| noted.contains(&it.id));
        of_it.map(|it| it.key.id.as_str().to_owned()).collect::<Vec<_>>()
    };
    let block = "2026-03-02 10:10 | B | Block | pending | 2026-03-11 09:00";
    let events = lines(&[PATIENT, BOOKED, block]);
    let state = Crm::default().deliver_all(decide(PersonState::default(), &events));
    assert_eq!(noted(state.clone()), ["A"], "a block leaves no note");
    let confirmed = "2026-03-02 10:20 | A | Surgical Consult | confirmed | 2026-03-10 09:00";
    let state = decide(state, &lines(&[confirmed])).state;
    assert!(noted(state).is_empty(), "one of its notes is still due");
}

#[test]
fn a_contact_beside_the_own_one_is_given_back_and_nothing_is_written_anew() {
    let state =
        Crm::default().deliver_all(decide(PersonState::default(), &[left(), visit_of_p2()]));
    let inherited = Some(Inheritance { from: "p1".into(), noted: Vec::new() });
    let link = ContactLink { patient: "p2".into(), contact: ContactId::new("c9"), inherited };
    let (record, at) = (Record::ContactLink(link), instant("2026-03-02 11:00"));
    let other = Event::new("practice".into(), RecordId::new("c9"), record, Some(at), at);
    let plan = decide(state, &[other]);
    assert_eq!((plan.effects, plan.told.len()), (Vec::new(), 1));
}

#[test]
fn a_contact_is_given_back_if_there_is_another_and_is_tidied_up() {
    let (state, told) = merged();
    let mut other = Crm::default().deliver_all(decide(PersonState::default(), &[left()]));
    let own = CrmLinks { contact: Some(ContactId::new("c7")), ..CrmLinks::default() };
    let json = serde_json::to_value(&other).unwrap();
    let mut json = json.as_object().unwrap().clone();
    json.insert("links".to_owned(), serde_json::to_value(own).unwrap());
    other = serde_json::from_value(json.into()).unwrap();
    let plan = decide(other, &told);
    assert_eq!(plan.state.links().contact, Some(ContactId::new("c7")));
    assert_eq!(notes(&plan), 1, "the other contact has no note of it");
    let [back] = &plan.told[..] else { panic!("{:?}", plan.told) };
    assert_eq!(back.subject().unwrap().person.as_str(), "p1");

    let gone = "2026-03-02 11:00 | A | Surgical Consult | entered-in-error | 2026-03-10 09:00";
    let plan = decide(state, &[lines(&[gone]), vec![back.clone()]].concat());
    assert!(plan.told.is_empty());
    let kept = Reason::ContactKept { contact: ContactId::new("c1") };
    assert!(plan.verdicts.iter().any(|(id, it)| *id == back.id && it.reasons == [kept.clone()]));
    let cleared = plan.effects.iter().find_map(|it| match &it.effect {
        CrmEffect::Contact(write) => Some(write.fields.contains_key("Next Visit Date")),
        _ => None,
    });
    assert_eq!(cleared, Some(true), "{:?}", plan.effects);
}

#[test]
fn a_patient_that_is_read_again_after_the_merge_is_one_again() {
    let (state, _) = merged();
    let back = PATIENT.replace("2026-01-01 08:00", "2026-03-02 11:30");
    let plan = decide(state, &lines(&[&back]));
    assert_eq!(plan.told, []);
    assert_eq!(plan.state.merged_into(), None);
    let later = "2026-03-02 11:40 | B | Surgical Consult | pending | 2026-03-12 09:00";
    let plan = decide(plan.state, &lines(&[later]));
    assert_eq!((plan.told.len(), notes(&plan)), (0, 1));
    let plan = decide(plan.state, &[merge()]);
    assert_eq!(plan.told, []);
    assert_eq!(plan.verdicts[0].1.reasons, [Reason::MergeUndone { into: "p2".into() }]);
}

#[test]
fn what_waited_for_a_merged_patients_address_waits_no_more() {
    let nameless = "2026-01-01 08:00 | patient | Mina Sol";
    let plan = decide(PersonState::default(), &lines(&[nameless, BOOKED]));
    let parked =
        |plan: &Plan| plan.verdicts.iter().any(|(_, it)| matches!(it.outcome, Outcome::Parked(_)));
    assert!(parked(&plan));
    let plan = decide(plan.state, &[merge()]);
    assert!(!parked(&plan) && plan.verdicts.len() == 2, "{:?}", plan.verdicts);
    assert_eq!(plan.told.len(), 1);
}

#[test]
fn a_visit_of_an_unknown_type_is_the_other_patients_to_park() {
    let unknown = BOOKED.replace("Surgical Consult", "Snood Fitting");
    let events = lines(&[PATIENT, &unknown]);
    let plan = decide(PersonState::default(), &events);
    let outcome = |plan: &Plan| {
        let of = |(id, _): &&(_, _)| *id == events[1].id;
        plan.verdicts.iter().find(of).map(|(_, verdict)| verdict.outcome.clone())
    };
    assert!(matches!(outcome(&plan), Some(Outcome::Parked(_))), "{:?}", plan.verdicts);
    let plan = decide(plan.state, &[merge()]);
    assert_eq!(outcome(&plan), Some(Outcome::Done));
    let there = decide(PersonState::default(), &[vec![left()], plan.told].concat());
    let parked =
        |(_, verdict): &(_, cannula_rules::Verdict)| matches!(verdict.outcome, Outcome::Parked(_));
    assert_eq!(there.verdicts.iter().filter(|it| parked(it)).count(), 1, "{:?}", there.verdicts);
}

fn visit_of_p2() -> Event {
    let Event { key, version, record, .. } = event(BOOKED);
    let Record::Appointment(mut appointment) = record else { panic!("{record:?}") };
    appointment.patient = Some("p2".into());
    let (record, stamp) = (Record::Appointment(appointment), version.stamp);
    Event::new(key.practice, RecordId::new("Z"), record, Some(stamp), stamp)
}
