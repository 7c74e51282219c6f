//! What the engine relies on between decisions.

use cannula_core::{
    ContactDetail, ContactId, CrmEffect, Delivered, Event, ParkReason, Receipt, Taken,
};
use cannula_rules::{Outcome, PersonState, Plan, Reason, Rules, StagePolicy};
use chrono::TimeDelta;

use crate::support::{Crm, PATIENT, config, document, effect, event, instant, rules};

const BOOKED: &str = "2026-03-02 10:00 | A | Surgical Consult | pending | 2026-03-10 09:00";
const NOW: &str = "2026-03-02 10:05";

fn decide(state: PersonState, lines: &[&str]) -> Plan {
    let events: Vec<Event> = lines.iter().map(|line| event(line)).collect();
    rules(StagePolicy::AllAppointments).decide(state, &events, instant(NOW))
}

fn labels(plan: &Plan) -> Vec<&'static str> {
    plan.effects.iter().map(|planned| planned.effect.label()).collect()
}

#[test]
fn a_first_event_needs_four_writes_and_deciding_again_none() {
    let plan = decide(PersonState::default(), &[PATIENT, BOOKED]);
    assert_eq!(labels(&plan), ["contact", "add tags", "note", "stage"]);
    let state = Crm::default().deliver_all(plan);
    assert!(labels(&decide(state.clone(), &[])).is_empty());
    assert!(labels(&decide(state, &[PATIENT, BOOKED])).is_empty());
}

#[test]
fn effects_thrown_away_are_planned_again() {
    let mut plan = decide(PersonState::default(), &[PATIENT, BOOKED]);
    let first = plan.effects.clone();
    plan = decide(plan.state, &[]);
    assert_eq!(
        first.iter().map(|p| &p.effect).collect::<Vec<_>>(),
        plan.effects.iter().map(|p| &p.effect).collect::<Vec<_>>()
    );
    let mut crm = Crm::default();
    crm.deliver(&plan.effects[0].effect, &mut plan.state);
    assert_eq!(labels(&decide(plan.state, &[])), ["add tags", "note", "stage"]);
}

#[test]
fn undelivered_lists_the_events_whose_notes_are_due() {
    let mut plan = decide(PersonState::default(), &[PATIENT, BOOKED]);
    let id = event(BOOKED).id;
    assert_eq!(plan.state.undelivered().collect::<Vec<_>>(), [&id]);
    assert!(!plan.state.is_dormant());
    let note = plan.effects.iter().find(|p| matches!(p.effect, CrmEffect::Note(_))).unwrap();
    plan.state.applied(&note.effect, &Receipt::applied());
    assert_eq!(plan.state.undelivered().count(), 0);
}

#[test]
fn a_broken_link_writes_everything_anew_except_the_notes() {
    let mut state = Crm::default().deliver_all(decide(PersonState::default(), &[PATIENT, BOOKED]));
    assert_eq!(state.links().contact, Some(ContactId::new("c1")));
    let pipeline = "Surgery: Lead 2 Patient";
    assert_eq!(state.placements().collect::<Vec<_>>(), [(pipeline, "Consult Booked")]);
    state.link_broken();
    assert_eq!((&state.links().contact, state.placements().count()), (&None, 0));
    assert_eq!(labels(&decide(state, &[])), ["contact", "add tags", "stage"]);
}

#[test]
fn a_missing_opportunity_is_tried_again_with_the_next_event_only() {
    let mut config = config(StagePolicy::AllAppointments);
    config.create_opportunities = false;
    let rules = Rules::new(config, document(""));
    let decide = |state, lines: &[&str]| {
        let events: Vec<Event> = lines.iter().map(|line| event(line)).collect();
        rules.decide(state, &events, instant(NOW))
    };
    let state = Crm::default().deliver_all(decide(PersonState::default(), &[PATIENT, BOOKED]));
    assert!(labels(&decide(state.clone(), &[])).is_empty());
    let confirmed = BOOKED.replace("10:00 |", "11:00 |").replace("pending", "confirmed");
    let mut plan = decide(state, &[&confirmed]);
    assert_eq!(labels(&plan), ["contact", "note", "stage"]);
    for planned in &plan.effects {
        let receipt = Receipt::applied();
        plan.state.applied(&planned.effect, &receipt);
    }
    assert!(labels(&decide(plan.state, &[&confirmed])).is_empty());
}

#[test]
fn withheld_contact_details_keep_their_last_known_values() {
    let plan = decide(PersonState::default(), &[PATIENT, BOOKED]);
    let mut crm = Crm::default();
    let state = crm.deliver_all(plan);
    let before = crm.contact.clone();
    let plan = decide(state, &["2026-03-03 08:00 | patient | Mina Sol | | | "]);
    assert!(plan.effects.is_empty());
    let state = crm.deliver_all(plan);
    let plan = decide(state, &["2026-03-04 08:00 | patient | Mina Sol-Reyes | | | "]);
    assert_eq!(
        plan.effects.iter().map(|p| effect(&p.effect)).collect::<Vec<_>>(),
        ["contact: person"]
    );
    crm.deliver_all(plan);
    assert_eq!(crm.contact.unwrap(), before.unwrap().replace("Mina Sol", "Mina Sol-Reyes"));
}

#[test]
fn a_patient_record_is_told_by_what_it_changed() {
    let state = Crm::default().deliver_all(decide(PersonState::default(), &[PATIENT, BOOKED]));
    let reasons = |line: &str| decide(state.clone(), &[line]).verdicts[0].1.reasons.clone();
    let again = PATIENT.replace("2026-01-01", "2026-02-01");
    assert_eq!(reasons(&again), [Reason::NothingChanged]);
    assert_eq!(reasons(&again.replace("0100", "0199")), [Reason::PersonUpdated]);
    let before = PATIENT.replace("2026-01-01", "2025-12-01").replace("0100", "0199");
    assert_eq!(reasons(&before), [Reason::ArrivedLate]);
}

/// Whether the state `again` of a record whose state `said` was noted leaves a note of its own.
fn noted(said: &str, again: &str) -> bool {
    let (rules, now) = (any_record(), instant("2026-03-02 12:00"));
    let plan = rules.decide(PersonState::default(), &[PATIENT, said].map(event), now);
    let plan = rules.decide(Crm::default().deliver_all(plan), &[event(again)], now);
    plan.effects.iter().any(|planned| matches!(planned.effect, CrmEffect::Note(_)))
}

#[test]
fn a_change_of_anything_that_a_note_says_is_noted_and_of_nothing_else() {
    const VISIT: &str =
        "2026-03-02 10:00 | A | Surgical Consult | pending | 2026-03-10 09:00 | Nose | Rao | Main";
    const MEMBERSHIP: &str =
        "2026-03-02 10:00 | member 1 | Glow Monthly | active | 2026-03-02 | 2027-03-02 | 99.00";
    const PAYMENT: &str = "2026-03-02 10:00 | pay 1 | 80.00 | active | 2026-03-02 | | Visa | Skin | Rao | Main | Serum";
    for (said, changes) in [
        (
            VISIT,
            &[
                ("Surgical Consult", "Surgical Appointment"),
                ("pending", "confirmed"),
                ("03-10 09:00", "03-10 09:30"),
                ("Nose", "Ears"),
                ("Nose", "Nose + Ears"),
                ("Rao", "Okafor"),
                ("Rao", ""),
                ("Main", "North"),
            ][..],
        ),
        (
            MEMBERSHIP,
            &[
                ("Glow Monthly", "Glow Yearly"),
                ("active", "frozen"),
                ("| 2026-03-02 |", "| 2026-03-03 |"),
                ("2027-03-02", "2027-03-03"),
                ("99.00", "89.00"),
            ],
        ),
        (
            PAYMENT,
            &[
                ("80.00", "85.00"),
                ("| |", "| insurer |"),
                ("| |", "| adjustment |"),
                ("| 2026-03-02 |", "| 2026-03-03 |"),
                ("Visa", "Cash"),
                ("Skin", "Products"),
                ("Rao", "Okafor"),
                ("Main", "North"),
                ("Serum", "Serum + Peel"),
            ],
        ),
    ] {
        let again = said.replace("03-02 10:00", "03-02 10:01");
        assert!(!noted(said, &again), "{said}");
        for (of, now) in changes {
            assert!(noted(said, &again.replace(of, now)), "{of} became {now}");
        }
    }
}

#[test]
fn a_linked_person_without_contact_details_is_not_parked() {
    let mut state = PersonState::default();
    let link = Receipt { contact: Some("c9".into()), ..Receipt::applied() };
    state.applied(&CrmEffect::AddTags { tags: Vec::new() }, &link);
    let plan = decide(state, &["2026-01-01 08:00 | patient | Mina Sol | | |", BOOKED]);
    assert_eq!(labels(&plan), ["contact", "add tags", "note", "stage"]);
    // Nor when the contact is gone, for the note was left.
    let mut state = Crm::default().deliver_all(plan);
    state.link_broken();
    let plan = decide(state, &[BOOKED]);
    assert_eq!((plan.effects.len(), &plan.verdicts[0].1.outcome), (0, &Outcome::Done));
}

#[test]
fn an_earlier_event_is_told_again_when_it_ends_differently() {
    let plan =
        decide(PersonState::default(), &["2026-01-01 08:00 | patient | Mina Sol | | |", BOOKED]);
    let id = event(BOOKED).id;
    let of = |plan: &Plan| plan.verdicts.iter().find(|(event, _)| *event == id).unwrap().1.clone();
    assert_eq!(of(&plan).outcome, Outcome::Parked(ParkReason::NoContactDetails));
    assert!(plan.effects.is_empty());
    let plan = decide(plan.state, &["2026-03-02 12:00 | patient | Mina Sol | | 212 555 0100 |"]);
    assert_eq!(of(&plan).outcome, Outcome::Done);
    assert_eq!(labels(&plan), ["contact", "add tags", "note", "stage"]);
}

#[test]
fn a_block_without_a_patient_is_done_and_says_so() {
    let verdict = rules(StagePolicy::AllAppointments).unattended(&event(BOOKED));
    assert_eq!(verdict.outcome, Outcome::Done);
    assert_eq!(verdict.reasons, [Reason::NoPatient]);
}

#[test]
fn the_state_survives_the_store() {
    let state = Crm::default().deliver_all(decide(PersonState::default(), &[PATIENT, BOOKED]));
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<PersonState>(&json).unwrap(), state);
    assert_eq!(serde_json::from_str::<PersonState>("{}").unwrap(), PersonState::default());
}

#[test]
fn debug_output_of_state_and_plan_shows_no_personal_data() {
    let plan = decide(PersonState::default(), &[PATIENT, BOOKED]);
    let text = format!("{plan:?}");
    for secret in ["Mina", "mina@example.test", "212 555", "1990-05-17"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

const VISIT: &str = "2026-03-02 10:00 | A | Non-Surgical Consult | pending | 2026-03-10 09:00";
const PAID: &str = "2026-03-02 10:05 | pay 101 | 149.50 | active | 2026-03-02";

#[test]
fn a_payment_needs_three_writes_and_deciding_again_none() {
    let mut crm = Crm::default();
    let state = crm.deliver_all(decide(PersonState::default(), &[PATIENT, VISIT]));
    let plan = decide(state, &[PAID]);
    assert_eq!(labels(&plan), ["contact", "note", "value"]);
    let state = crm.deliver_all(plan);
    assert_eq!(state.notes_left(), 2);
    assert!(labels(&decide(state.clone(), &[])).is_empty());
    assert!(labels(&decide(state.clone(), &[PAID])).is_empty());
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<PersonState>(&json).unwrap(), state);
}

#[test]
fn a_payment_that_was_void_before_it_was_read_says_whether_there_was_money() {
    let reasons = |row: &str| {
        let plan = decide(PersonState::default(), &[PATIENT, VISIT, row]);
        let of_row = plan.verdicts.into_iter().find(|(id, _)| *id == event(row).id);
        of_row.unwrap().1.reasons
    };
    assert_eq!(reasons("2026-03-02 10:05 | pay 9 | 0.00 | voided |"), [Reason::ZeroAmount]);
    assert_eq!(reasons("2026-03-02 10:05 | pay 9 | 5.00 | voided |"), [Reason::VoidedBeforeSeen]);
}

#[test]
fn a_broken_link_writes_the_values_anew_and_no_payment_note() {
    let lines = [PATIENT, VISIT, PAID];
    let mut state = Crm::default().deliver_all(decide(PersonState::default(), &lines));
    assert_eq!(state.values().map(|(_, value)| value.to_string()).collect::<Vec<_>>(), ["$149.50"]);
    state.link_broken();
    assert_eq!(state.values().count(), 0);
    assert_eq!(labels(&decide(state, &[])), ["contact", "add tags", "stage", "value"]);
}

#[test]
fn a_value_without_an_opportunity_is_tried_again_with_the_next_event_only() {
    let mut plan = decide(PersonState::default(), &[PATIENT, VISIT, PAID]);
    for planned in &plan.effects {
        let delivered = match planned.effect {
            CrmEffect::Value(_) => Delivered::OpportunityMissing,
            _ => Delivered::Applied,
        };
        let receipt = Receipt { delivered, contact: Some("c1".into()), ..Receipt::applied() };
        plan.state.applied(&planned.effect, &receipt);
    }
    assert_eq!(plan.state.values().count(), 0);
    let plan = decide(plan.state, &[]);
    assert!(labels(&plan).is_empty());
    assert_eq!(labels(&decide(plan.state, &[PATIENT])), ["value"]);
}

#[test]
fn what_another_contact_has_is_written_again_until_it_is_free() {
    const MOVED: &str =
        "2026-02-01 08:00 | patient | Mina Sol | mina@example.test | 212 555 0199 | 1990-05-17";
    let now = instant(NOW);
    let state = Crm::default().deliver_all(decide(PersonState::default(), &[PATIENT, BOOKED]));
    assert_eq!(state.look_again(now), None);
    let mut plan = decide(state, &[MOVED]);
    let by = ContactId::new("c9");
    let taken = vec![Taken { detail: ContactDetail::Phone, by }];
    plan.state.applied(&plan.effects[0].effect, &Receipt { taken, ..Receipt::applied() });
    assert_eq!(plan.state.look_again(now), Some(now + TimeDelta::days(1)));
    let mut plan = decide(plan.state, &[]);
    assert_eq!(labels(&plan), ["contact"]);
    assert!(matches!(&plan.effects[0].effect, CrmEffect::Contact(write) if write.write_person));
    plan.state.applied(&plan.effects[0].effect, &Receipt::applied());
    assert_eq!(plan.state.look_again(now), None);
    assert!(decide(plan.state, &[]).effects.is_empty());
}

#[test]
fn a_link_whose_contact_is_gone_is_not_made_again_by_its_event() {
    const LINK: &str = "2026-03-02 10:00 | link | c9";
    let mut state = Crm::default().deliver_all(decide(PersonState::default(), &[PATIENT, LINK]));
    assert_eq!(state.links().contact, Some(ContactId::new("c9")));
    state.link_broken();
    let plan = decide(state, &[LINK]);
    assert_eq!(plan.state.links().contact, None);
    assert_eq!(
        plan.verdicts[0].1.reasons,
        [Reason::LinkedContactGone { contact: ContactId::new("c9") }]
    );
    let again = decide(plan.state, &["2026-03-03 10:00 | link | c7"]);
    assert_eq!(again.state.links().contact, Some(ContactId::new("c7")));
}

/// Why an event ended as it did.
fn reasons_of<'a>(plan: &'a Plan, line: &str) -> &'a [Reason] {
    let id = event(line).id;
    &plan.verdicts.iter().find(|(of, _)| *of == id).unwrap().1.reasons
}

#[test]
fn no_event_is_late_because_it_is_given_twice() {
    let lines = [PATIENT, BOOKED, MEMBER];
    let (rules, now) = (any_record(), instant(NOW));
    let plan = rules.decide(PersonState::default(), &lines.map(event), now);
    let again = rules.decide(plan.state, &lines.map(event), now);
    for line in lines {
        let reasons = reasons_of(&again, line);
        assert!(!reasons.contains(&Reason::ArrivedLate), "{line}: {reasons:?}");
    }
}

#[test]
fn what_moves_the_dates_is_told_once() {
    const OTHER: &str = "2026-03-02 10:01 | B | Surgical Consult | pending | 2026-03-20 09:00";
    const MOVED: &str = "2026-03-02 10:02 | A | Surgical Consult | pending | 2026-03-25 09:00";
    let plan = decide(PersonState::default(), &[PATIENT, BOOKED, OTHER]);
    let plan = decide(plan.state, &[MOVED]);
    let reasons = reasons_of(&plan, MOVED);
    let elsewhere = |reasons: &[Reason]| {
        reasons.iter().any(|it| {
            matches!(it, Reason::NextVisitElsewhere { .. } | Reason::LastVisitElsewhere { .. })
        })
    };
    assert!(reasons.iter().any(|it| matches!(it, Reason::NextVisit { .. })), "{reasons:?}");
    assert!(!elsewhere(reasons), "{reasons:?}");

    const CAME: &str = "2026-03-02 10:00 | A | Surgical Consult | fulfilled | 2026-02-20 09:00";
    const BEFORE: &str = "2026-03-02 10:01 | B | Surgical Consult | fulfilled | 2026-02-15 09:00";
    const CORRECTED: &str =
        "2026-03-02 10:02 | A | Surgical Consult | fulfilled | 2026-02-10 09:00";
    let plan = decide(PersonState::default(), &[PATIENT, CAME, BEFORE]);
    let plan = decide(plan.state, &[CORRECTED]);
    let reasons = reasons_of(&plan, CORRECTED);
    assert!(reasons.iter().any(|it| matches!(it, Reason::LastVisit { .. })), "{reasons:?}");
    assert!(!elsewhere(reasons), "{reasons:?}");
}

#[test]
fn of_two_changes_at_one_moment_surgery_decides_the_stage() {
    let stage = |lines: &[&str]| {
        let plan = decide(PersonState::default(), lines);
        plan.effects.into_iter().find_map(|it| match it.effect {
            CrmEffect::Stage(to) => Some(to.stage),
            _ => None,
        })
    };
    const SURGERY: &str =
        "2026-03-02 10:00 | B | Surgical Appointment | pending | 2026-03-20 09:00";
    assert_ne!(stage(&[PATIENT, SURGERY]), stage(&[PATIENT, BOOKED]));
    assert_eq!(stage(&[PATIENT, BOOKED, SURGERY]), stage(&[PATIENT, SURGERY]));
}

#[test]
fn a_link_event_given_twice_says_the_same_twice() {
    const LINK: &str = "2026-03-02 10:00 | link | c9";
    let plan = decide(PersonState::default(), &[LINK]);
    assert!(plan.wants.is_some());
    let again = decide(plan.state, &[LINK, PATIENT]);
    let reasons = &again.verdicts.iter().find(|(id, _)| *id == event(LINK).id).unwrap().1.reasons;
    assert_eq!(*reasons, [Reason::LinkedByIntake { contact: ContactId::new("c9") }]);
}

const MEMBER: &str = "2026-03-02 10:06 | member 1 | Glow Monthly | active | 2026-03-02";
const NEW_PATIENT: &str = "2026-01-01 08:00 | new patient | Mina Sol | mina@example.test";

/// Rules of a practice with memberships, where any record makes a contact.
fn any_record() -> cannula_rules::Rules {
    let mut config = crate::support::config(StagePolicy::AllAppointments);
    config.memberships.enabled = true;
    config.contacts_for = cannula_rules::ContactsFor::AnyRecord;
    cannula_rules::Rules::new(config, crate::support::document(""))
}

#[test]
fn a_new_patient_with_an_order_and_a_membership_is_written_once_and_survives_the_store() {
    let rules = any_record();
    let events = [NEW_PATIENT, PAID, MEMBER].map(event);
    let now = instant("2026-03-02 12:00");
    let plan = rules.decide(PersonState::default(), &events, now);
    assert_eq!(labels(&plan), ["contact", "add tags", "note", "note", "note"]);
    let due: Vec<_> = plan.state.undelivered().cloned().collect();
    assert_eq!(due, events.clone().map(|event| event.id));
    let state = Crm::default().deliver_all(plan);
    assert_eq!((state.notes_left(), state.undelivered().count()), (3, 0));
    let json = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<PersonState>(&json).unwrap(), state);
    assert!(labels(&rules.decide(state.clone(), &[], now)).is_empty());
    let memberships: Vec<_> =
        state.memberships().map(|(id, it)| (id.as_str(), it.name.as_str())).collect();
    assert_eq!(memberships, [("1", "Glow Monthly")]);
    let again = rules.decide(state, &events, now);
    assert!(again.effects.is_empty(), "{:?}", again.effects);
}

#[test]
fn of_two_registrations_the_first_is_noted_whichever_came_first() {
    const AGAIN: &str = "2026-01-02 08:00 | new patient | Mina Sol | mina@example.test";
    for lines in [[NEW_PATIENT, AGAIN], [AGAIN, NEW_PATIENT]] {
        let now = instant("2026-03-02 12:00");
        let plan = any_record().decide(PersonState::default(), &lines.map(event), now);
        let noted = plan.effects.iter().filter_map(|it| match &it.effect {
            CrmEffect::Note(note) => Some(note.reference.as_str()),
            _ => None,
        });
        assert_eq!(noted.collect::<Vec<_>>(), [event(NEW_PATIENT).id.reference()]);
    }
}

#[test]
fn a_patient_who_is_only_known_is_no_record_that_makes_a_contact() {
    let plan = any_record().decide(PersonState::default(), &[event(PATIENT)], instant(NOW));
    assert_eq!(labels(&plan), [""; 0]);
    assert!(plan.state.is_dormant());
}

#[test]
fn a_membership_that_says_the_same_as_a_later_one_already_noted_is_not_noted_again() {
    const LATER: &str = "2026-03-03 10:06 | member 1 | Glow Monthly | active | 2026-03-02";
    let (rules, now) = (any_record(), instant("2026-03-04 12:00"));
    let plan = rules.decide(PersonState::default(), &[NEW_PATIENT, LATER].map(event), now);
    let state = Crm::default().deliver_all(plan);
    let plan = rules.decide(state, &[event(MEMBER)], now);
    assert_eq!(labels(&plan), [""; 0]);
    let reasons = reasons_of(&plan, MEMBER);
    assert!(reasons.contains(&Reason::AlreadyNoted), "{reasons:?}");
}

#[test]
fn a_broken_link_writes_membership_fields_and_tag_anew_and_no_note() {
    let rules = any_record();
    let now = instant("2026-03-02 12:00");
    let plan = rules.decide(PersonState::default(), &[NEW_PATIENT, MEMBER].map(event), now);
    let mut state = Crm::default().deliver_all(plan);
    state.link_broken();
    assert_eq!(labels(&rules.decide(state, &[], now)), ["contact", "add tags"]);
}

#[test]
fn a_membership_of_an_unknown_person_asks_for_the_patient_only_where_it_makes_a_contact() {
    let now = instant("2026-03-02 12:00");
    let plan = any_record().decide(PersonState::default(), &[event(MEMBER)], now);
    assert!(plan.wants.is_some());
    assert_eq!(plan.verdicts[0].1.outcome, Outcome::Waiting);
    let plan = decide(PersonState::default(), &[MEMBER]);
    assert!(plan.wants.is_none());
    assert_eq!(plan.verdicts[0].1.reasons, [Reason::MembershipsOff]);
    assert!(plan.state.is_dormant());
}

#[test]
fn a_membership_that_leaves_no_note_does_not_wait_for_the_patient() {
    const SAME: &str = "2026-03-03 10:06 | member 1 | Glow Monthly | active | 2026-03-02";
    const UNREACHABLE: &str = "2026-01-01 08:00 | patient | Mina Sol";
    for (patient, first) in [
        (None, Outcome::Waiting),
        (Some(UNREACHABLE), Outcome::Parked(ParkReason::NoContactDetails)),
    ] {
        let lines = patient.into_iter().chain([MEMBER, SAME]);
        let events: Vec<_> = lines.map(event).collect();
        let plan = any_record().decide(PersonState::default(), &events, instant(NOW));
        let outcome = |line| {
            let id = event(line).id;
            &plan.verdicts.iter().find(|(of, _)| *of == id).unwrap().1.outcome
        };
        assert_eq!((outcome(MEMBER), outcome(SAME)), (&first, &Outcome::Done));
    }
    let plan = decide(PersonState::default(), &[BOOKED, MEMBER]);
    let outcomes: Vec<_> = plan.verdicts.iter().map(|(_, verdict)| &verdict.outcome).collect();
    assert_eq!(outcomes, [&Outcome::Waiting, &Outcome::Done]);
}
