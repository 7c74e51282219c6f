//! The table of the link: what the contact has, whom it meets, and what staff say.

use std::fmt::Write as _;

use cannula_core::{ContactId, Person, Phi};
use cannula_rules::patient_link::{
    Candidate, Choice, LinkDecision, LinkPolicy, Offer, PushDecision, Question, contact_of, decide,
    decide_push, name_key, name_words,
};
use insta::assert_snapshot;

use super::{contact, person, today};

fn candidate(id: &str, name: (&str, &str), birth_date: &str, taken_by: Option<&str>) -> Candidate {
    Candidate {
        id: id.into(),
        person: person(name.0, name.1, birth_date, "", ""),
        taken_by: taken_by.map(ContactId::new),
    }
}

const SAME: (&str, &str) = ("Mara", "Okafor");
const BORN: &str = "1990-02-03";

/// The patients that have the contact's name.
fn namesakes() -> Vec<(&'static str, Vec<Candidate>)> {
    let same = |id: &str| candidate(id, SAME, BORN, None);
    let without = |id: &str| candidate(id, SAME, "", None);
    let other = |id: &str| candidate(id, SAME, "1950-01-02", None);
    vec![
        ("nobody", vec![]),
        ("p1 of the birth date", vec![same("p1")]),
        ("p1 of it, linked elsewhere", vec![candidate("p1", SAME, BORN, Some("c-other"))]),
        ("p1 and p2 of it", vec![same("p1"), same("p2")]),
        ("p1 without one", vec![without("p1")]),
        ("p1 with a placeholder", vec![candidate("p1", SAME, "1900-01-01", None)]),
        ("p1 of another", vec![other("p1")]),
        ("p1 of it, p2 without", vec![same("p1"), without("p2")]),
        ("p1 of another, p2 without", vec![other("p1"), without("p2")]),
    ]
}

fn choices() -> Vec<(&'static str, Option<Choice>)> {
    let is = |candidate| Some(Choice::Is(candidate));
    vec![
        ("nothing", None),
        ("somebody new", Some(Choice::New)),
        ("p7, who has the name", is(candidate("p7", SAME, "", None))),
        ("p7, who has the birth date", is(candidate("p7", ("Mara", "Lee"), BORN, None))),
        ("p7, who has neither", is(candidate("p7", ("Ada", "Lee"), "1950-01-02", None))),
        ("p7, who is linked elsewhere", is(candidate("p7", SAME, BORN, Some("c-other")))),
    ]
}

fn told(decision: &LinkDecision) -> String {
    match decision {
        LinkDecision::Linked(patient) => format!("is {patient} already"),
        LinkDecision::Link(patient) => format!("is {patient}"),
        LinkDecision::Create => "is somebody new".to_owned(),
        LinkDecision::Ask(question) => format!("? {}", question.sentence()),
    }
}

#[test]
fn every_cell_of_the_table_has_its_decision() {
    let mut table = String::new();
    for (required, named) in [(true, "required"), (false, "not required")] {
        let policy = LinkPolicy { birth_date_required: required, ..LinkPolicy::default() };
        for (last, birth_date, has) in [
            ("Okafor", BORN, "name and birth date"),
            ("Okafor", "", "name only"),
            ("Okafor", "1900-01-01", "name and placeholder"),
            ("", BORN, "half a name and birth date"),
        ] {
            let contact = contact("Mara", last, birth_date, "", "");
            let offer = Offer::read(&contact, None, &policy, today());
            writeln!(table, "\n== {has}; a birth date is {named}").unwrap();
            for (meets, namesakes) in namesakes() {
                let same_name = if last.is_empty() { &[][..] } else { &namesakes };
                for (says, choice) in choices() {
                    for linked in [None, Some("p9".into())] {
                        let decision = decide(
                            &offer,
                            &contact.id,
                            linked.as_ref(),
                            same_name,
                            choice.as_ref(),
                            &policy,
                            today(),
                        );
                        let link = if linked.is_some() { "linked to p9" } else { "no link" };
                        let decision = told(&decision);
                        writeln!(table, "{link:12} | {meets:26} | {says:27} => {decision}")
                            .unwrap();
                    }
                }
            }
        }
    }
    assert_snapshot!("links", table);
}

#[test]
fn a_name_alone_links_nobody_and_nobody_is_picked_of_several() {
    let policy = LinkPolicy::default();
    let nameless = contact("Mara", "Okafor", "", "+19185550123", "mara@example.test");
    let dated = contact("Mara", "Okafor", BORN, "", "");
    for (meets, same_name) in namesakes() {
        let decision = |contact: &_| {
            let offer = Offer::read(contact, None, &policy, today());
            decide(&offer, &"c-1".into(), None, &same_name, None, &policy, today())
        };
        assert!(
            matches!(decision(&nameless), LinkDecision::Ask(Question::NoBirthDate { .. })),
            "{meets}"
        );
        let of_the_date = same_name.iter().filter(|it| {
            it.person.birth_date.as_ref().is_some_and(|it| it.expose().to_string() == BORN)
        });
        let links = matches!(decision(&dated), LinkDecision::Link(_));
        assert!(!links || of_the_date.count() == 1, "{meets}");
    }
}

#[test]
fn a_patient_is_pushed_to_the_contact_it_surely_is_or_asked_about() {
    let policy = LinkPolicy::default();
    let patient = person("Mara", "Okafor", BORN, "", "mara@example.test");
    let offer = |first: &str, birth_date: &str| {
        Offer::read(&contact(first, "Okafor", birth_date, "", ""), None, &policy, today())
    };
    let push = |contacts: &[(&str, &str, &str)], is_new| {
        let contacts: Vec<_> = contacts
            .iter()
            .map(|(id, first, born)| (ContactId::new(*id), offer(first, born)))
            .collect();
        decide_push(&patient, &contacts, is_new, &policy, today())
    };
    assert_eq!(push(&[], false), PushDecision::Create);
    assert_eq!(push(&[("c1", "MÁRA", BORN)], false), PushDecision::Link("c1".into()));
    assert_eq!(
        push(&[("c1", "Mara", BORN), ("c2", "Mara", "")], true),
        PushDecision::Link("c1".into())
    );
    assert_eq!(
        push(&[("c1", "Mara", "1950-01-02"), ("c2", "Ada", BORN)], false),
        PushDecision::Create
    );
    let possible = Question::PossibleContacts { contacts: vec!["c2".into()] };
    assert_eq!(push(&[("c2", "Mara", "")], false), PushDecision::Ask(possible));
    assert_eq!(push(&[("c2", "Mara", "")], true), PushDecision::Create);
    let several = Question::SeveralContacts { contacts: vec!["c1".into(), "c2".into()] };
    assert_eq!(
        push(&[("c1", "Mara", BORN), ("c2", "Mara", BORN)], true),
        PushDecision::Ask(several)
    );
}

#[test]
fn a_patient_without_enough_of_its_own_is_not_pushed() {
    let policy = LinkPolicy::default();
    let missing = |person: &Person| match decide_push(person, &[], true, &policy, today()) {
        PushDecision::Ask(Question::PatientIncomplete { missing }) => missing.join(", "),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        missing(&person("Mara", " ", "1900-01-01", "none", "n/a")),
        "last name, birth date, phone number or e-mail address"
    );
    assert_eq!(missing(&person("", "Okafor", BORN, "", "mara@example.test")), "first name");
}

#[test]
fn a_contact_is_made_without_a_number_nobody_can_call_and_an_address_that_cannot_be_one() {
    let policy = LinkPolicy::default();
    let made = |phone: &str, email: &str| {
        let made = contact_of(&person("Mara", "Okafor", BORN, phone, email), &policy);
        (made.phone.map(Phi::into_inner), made.email.map(Phi::into_inner))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(made("000-000-0000", "m@example.test"), (None, some("m@example.test")));
    assert_eq!(made("918-555-0123", "none@none.com"), (some("918-555-0123"), None));
}

#[test]
fn case_accents_punctuation_and_the_cut_of_a_double_name_do_not_count() {
    let key = |first: &str, last: &str| name_key(&person(first, last, "", "", ""));
    for (ours, theirs) in [
        (("Zoë", "O’Neil"), ("zoe", "O'NEIL")),
        (("Ana", "Smith-Jones"), ("Ana Smith", "Jones")),
        (("José", "Núñez "), ("Jose\u{301}", "Nunez")),
    ] {
        assert_eq!(key(ours.0, ours.1), key(theirs.0, theirs.1));
    }
    assert_ne!(key("Ana", "Smith"), key("Anna", "Smith"));
    let words = name_words(&Phi::new(" O'Neil  Zoë - ".to_owned()));
    assert_eq!(words.iter().map(|it| it.expose().as_str()).collect::<Vec<_>>(), ["oneil", "zoe"]);
}
