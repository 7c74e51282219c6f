//! The table of the merge: every state of every field of the contact, against a patient who has
//! everything, nothing but a name, and placeholders.

use std::{collections::BTreeMap, fmt::Write as _};

use cannula_core::{Person, Phi};
use cannula_rules::patient_link::{FieldRule, LinkPolicy, Merge, Offer, is_another_person, merge};
use insta::assert_snapshot;

use super::{contact, person, some, today};

/// What a field of the contact can be beside the patient's: a word for it, and the value.
type State = (&'static str, &'static str);

const NAMES: [State; 4] = [
    ("missing", ""),
    ("same", "Mara|Okafor-Lee"),
    ("different", "Mara|Okafor"),
    ("invalid", "Mara|"),
];
const BIRTH_DATES: [State; 4] = [
    ("missing", ""),
    ("same", "1990-02-03"),
    ("different", "1991-05-06"),
    ("invalid", "1900-01-01"),
];
const PHONES: [State; 4] = [
    ("missing", ""),
    ("same", "+19185550123"),
    ("different", "+19185550199"),
    ("invalid", "+10000000000"),
];
const EMAILS: [State; 4] = [
    ("missing", ""),
    ("same", "Mara.Lee@example.test"),
    ("different", "mara@example.test"),
    ("invalid", "none@none.com"),
];

/// Patients to merge into, each with what it holds.
fn patients() -> [(&'static str, Person); 3] {
    let full = ("1990-02-03", "(918) 555-0123", "mara.lee@example.test");
    [
        ("full", person("Mara", "Okafor-Lee", full.0, full.1, full.2)),
        ("bare", person("Mara", "Okafor-Lee", "", "", "")),
        ("placeholders", person("Mara", "Okafor-Lee", "1970-01-01", "000-000-0000", "n/a")),
    ]
}

fn merged(cell: [State; 4], patient: &Person) -> Merge {
    let [name, birth_date, phone, email] = cell.map(|(_, value)| value);
    let (first, last) = name.split_once('|').unwrap_or_default();
    let contact = contact(first, last, birth_date, phone, email);
    let policy = LinkPolicy::default();
    let offer = Offer::read(&contact, None, &policy, today());
    merge(&offer, patient, &policy, today())
}

fn held(person: &Person) -> [String; 4] {
    let text = |text: &Option<Phi<String>>| text.clone().map_or("-".to_owned(), Phi::into_inner);
    let born = person.birth_date.as_ref().map_or("-".to_owned(), |it| it.expose().to_string());
    let name = format!("{} {}", person.first_name.expose(), person.last_name.expose());
    [name, born, text(&person.phone), text(&person.email)]
}

fn rules(merge: &Merge) -> [FieldRule; 4] {
    [merge.rules.name, merge.rules.birth_date, merge.rules.phone, merge.rules.email]
}

/// All cells: 4 × 4 × 4 × 4.
fn cells() -> impl Iterator<Item = [State; 4]> {
    NAMES.into_iter().flat_map(|name| {
        BIRTH_DATES.into_iter().flat_map(move |born| {
            PHONES.into_iter().flat_map(move |phone| {
                EMAILS.into_iter().map(move |email| [name, born, phone, email])
            })
        })
    })
}

#[test]
fn every_cell_of_the_table_has_its_result() {
    for (label, patient) in patients() {
        let mut table = String::from(
            "the contact's name | birth date | phone | e-mail => what the patient holds, field by field\n",
        );
        for cell in cells() {
            let merge = merged(cell, &patient);
            let states = cell.map(|(state, _)| format!("{state:9}")).join(" ");
            let results = held(&merge.person).into_iter().zip(rules(&merge));
            let results = results.map(|(value, rule)| format!("{value} ({})", rule.as_str()));
            let results = results.collect::<Vec<_>>().join(" | ");
            writeln!(table, "{states} => {results}").unwrap();
        }
        assert_eq!(table.lines().count(), 257);
        assert_snapshot!(format!("merge_into_{label}"), table);
    }
}

#[test]
fn a_field_ends_by_its_own_state_whatever_the_others_are() {
    for (label, patient) in patients() {
        let mut seen: BTreeMap<(usize, &str), (FieldRule, String)> = BTreeMap::new();
        for cell in cells() {
            let merge = merged(cell, &patient);
            for (index, result) in rules(&merge).into_iter().zip(held(&merge.person)).enumerate() {
                let first = seen.entry((index, cell[index].0)).or_insert_with(|| result.clone());
                assert_eq!(*first, result, "{label}, field {index}, {cell:?}");
            }
        }
        assert_eq!(seen.len(), 16);
    }
}

#[test]
fn the_documented_rows_end_as_documented() {
    let policy = LinkPolicy::default();
    let row = |contact_says: [&str; 5], patient: &Person| {
        let [first, last, birth_date, phone, email] = contact_says;
        let contact = contact(first, last, birth_date, phone, email);
        merge(&Offer::read(&contact, None, &policy, today()), patient, &policy, today())
    };
    let local = person("Ines", "Vidal", "1988-07-09", "(918) 555-0123", "old@example.test");
    let merge = row(["Ines", "Sala", "1900-01-01", "", "ines@example.test"], &local);
    assert_eq!(
        held(&merge.person),
        ["Ines Sala", "1988-07-09", "(918) 555-0123", "ines@example.test"]
    );
    let [name, birth_date, phone, email] = rules(&merge);
    assert_eq!((name, birth_date), (FieldRule::Crm, FieldRule::CrmUnusable));
    assert_eq!((phone, email), (FieldRule::CrmMissing, FieldRule::Crm));

    let no_date = Person { birth_date: None, ..local.clone() };
    let merge = row(["Ines", "Vidal", "1988-07-10", "9185550123", "OLD@example.test "], &no_date);
    assert_eq!(merge.rules.birth_date, FieldRule::Crm);
    assert_eq!(held(&merge.person)[1], "1988-07-10");
    assert_eq!((merge.rules.phone, merge.rules.email), (FieldRule::Same, FieldRule::Same));
    assert_eq!(held(&merge.person)[2], "(918) 555-0123", "another spelling is no change");
    assert_eq!(held(&merge.person)[3], "old@example.test");

    let merge = row(["Ines", "Vidal", "1988-07-10", "", ""], &local);
    assert_eq!(merge.rules.birth_date, FieldRule::Conflict);
    assert_eq!(held(&merge.person)[1], "1988-07-09");
}

#[test]
fn phones_are_compared_as_numbers_of_their_country_with_their_extensions() {
    let policy = LinkPolicy::default();
    let rule = |ours: &str, theirs: &str| {
        let contact = contact("", "", "", theirs, "");
        let patient = person("Ines", "Vidal", "", ours, "");
        let offer = Offer::read(&contact, None, &policy, today());
        merge(&offer, &patient, &policy, today()).rules.phone
    };
    for (ours, theirs, expected) in [
        ("918.555.0123", "+1 918 555 0123", FieldRule::Same),
        ("918-555-0123 ext. 7", "+19185550123 x7", FieldRule::Same),
        ("918-555-0123", "+19185550123 x7", FieldRule::Crm),
        ("020 7946 0958", "+442079460958", FieldRule::Crm),
        ("+44 20 7946 0958", "+442079460958", FieldRule::Same),
        ("call after six", "+19185550123", FieldRule::Crm),
        ("918-555-0123", "call after six", FieldRule::CrmUnusable),
        ("918-555-0123", "555-0123", FieldRule::CrmUnusable),
    ] {
        assert_eq!(rule(ours, theirs), expected, "{ours} {theirs}");
    }
}

#[test]
fn the_custom_field_stands_in_for_a_birth_date_and_staff_for_both() {
    let policy = LinkPolicy::default();
    for (own, field, given, expected) in [
        ("1990-02-03", "1991-05-06", None, Some(("1990-02-03", FieldRule::Crm))),
        ("", "1991-05-06", Some("1992-01-01"), Some(("1991-05-06", FieldRule::CrmField))),
        ("1900-01-01", "05/06/1991", None, Some(("1991-05-06", FieldRule::CrmField))),
        ("", "1991-05-06T00:00:00Z", None, Some(("1991-05-06", FieldRule::CrmField))),
        ("", "1991/05/06", None, Some(("1991-05-06", FieldRule::CrmField))),
        ("", "05-06-1991", None, Some(("1991-05-06", FieldRule::CrmField))),
        ("", "1991.05.06", None, Some(("1991-05-06", FieldRule::CrmField))),
        ("", "05_06_1991", None, Some(("1991-05-06", FieldRule::CrmField))),
        ("", "05/06/91", None, None),
        ("", "31/12/1991", None, None),
        ("", "next spring", Some("1992-01-01"), Some(("1992-01-01", FieldRule::Staff))),
        ("2026-03-03", "1895-12-31", Some("1970-01-01"), None),
        ("", " ", None, None),
    ] {
        let mut contact = contact("Ines", "Vidal", own, "", "");
        contact.fields.extend(some(field).map(|text| ("NXT Birthday".to_owned(), text)));
        let given = given.map(super::date);
        let offer = Offer::read(&contact, given, &policy, today());
        let patient = person("Ines", "Vidal", "", "", "");
        let merge = merge(&offer, &patient, &policy, today());
        let taken = merge.person.birth_date.map(|date| date.expose().to_string());
        let expected_date = expected.map(|(date, _)| date.to_owned());
        assert_eq!(taken, expected_date, "{own} {field}");
        if let Some((_, rule)) = expected {
            assert_eq!(merge.rules.birth_date, rule);
        }
    }
}

#[test]
fn a_contact_with_another_name_and_another_birth_date_is_another_person() {
    let policy = LinkPolicy::default();
    let patient = person("Ines", "Vidal", "1988-07-09", "", "");
    for (last, birth_date, another) in [
        ("Sala", "1990-02-03", true),
        ("Sala", "1988-07-09", false),
        ("Sala", "1900-01-01", false),
        ("VIDAL", "1990-02-03", false),
        ("", "1990-02-03", false),
    ] {
        let contact = contact("Inés", last, birth_date, "", "");
        let offer = Offer::read(&contact, None, &policy, today());
        let is_another = is_another_person(&offer, &patient, &policy, today());
        assert_eq!(is_another, another, "{last} {birth_date}");
    }
}

#[test]
fn blanks_are_nothing() {
    let policy = LinkPolicy::default();
    let contact = contact(" ", "\t", "", "  ", " ");
    let patient = person("Ines", "Vidal", "1988-07-09", "918-555-0123", "i@example.test");
    let merge = merge(&Offer::read(&contact, None, &policy, today()), &patient, &policy, today());
    assert_eq!(merge.person, patient);
    assert_eq!(rules(&merge), [FieldRule::CrmMissing; 4]);
}
