use cannula_core::{CrmContact, Person};
use cannula_rules::patient_link::{FieldRule, LinkPolicy, Merge, Offer, merge};
use chrono::NaiveDate;
use proptest::{prelude::*, sample::select};

use super::{contact, person, some, today};

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["", "  ", "Mara", "mara ", "Okafor-Lee", "O'Neil", "Núñez", "-", "李"])
            .prop_map(str::to_owned),
        "[ a-zA-Zé'-]{0,8}",
    ]
}

fn dates() -> impl Strategy<Value = String> {
    let known =
        select(vec!["", "1900-01-01", "1970-01-01", "0001-01-01", "2026-03-03", "1895-01-01"]);
    prop_oneof![
        known.prop_map(str::to_owned),
        (1897..2026_i32, 1..13_u32, 1..29_u32)
            .prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}")),
    ]
}

fn phones() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["", " ", "000-000-0000", "none", "555", "+442079460958", "9185550123 x7"])
            .prop_map(str::to_owned),
        "(\\+1|1-)?918-?555-?01[0-9]{2}",
    ]
}

fn emails() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec!["", " ", "n/a", "none@none.com", "mara@", "a b@c.test"])
            .prop_map(str::to_owned),
        "[a-cA-C]{1,2}@example\\.test ?",
    ]
}

fn contacts() -> impl Strategy<Value = CrmContact> {
    (names(), names(), dates(), phones(), emails(), dates()).prop_map(
        |(first, last, born, phone, email, field)| {
            let mut contact = contact(&first, &last, &born, &phone, &email);
            contact.fields.extend(some(&field).map(|it| ("NXT Birthday".to_owned(), it)));
            contact
        },
    )
}

fn patients() -> impl Strategy<Value = Person> {
    (names(), names(), dates(), phones(), emails())
        .prop_map(|(first, last, born, phone, email)| person(&first, &last, &born, &phone, &email))
}

fn select_into(contact: &CrmContact, patient: &Person, given: Option<NaiveDate>) -> Merge {
    let policy = LinkPolicy::default();
    merge(&Offer::read(contact, given, &policy, today()), patient, &policy, today())
}

fn blank(text: &str) -> bool {
    text.trim().is_empty()
}

proptest! {
    #[test]
    fn a_merge_never_blanks_a_value(contact in contacts(), patient in patients()) {
        let after = select_into(&contact, &patient, None).person;
        for (before, after) in [
            (Some(&patient.first_name), Some(&after.first_name)),
            (Some(&patient.last_name), Some(&after.last_name)),
            (patient.phone.as_ref(), after.phone.as_ref()),
            (patient.email.as_ref(), after.email.as_ref()),
        ] {
            let had = before.is_some_and(|text| !blank(text.expose()));
            prop_assert!(!had || after.is_some_and(|text| !blank(text.expose())));
        }
        prop_assert!(patient.birth_date.is_none() || after.birth_date.is_some());
    }

    #[test]
    fn a_merge_never_changes_a_valid_birth_date(contact in contacts(), patient in patients()) {
        let after = select_into(&contact, &patient, None).person;
        let valid = |it: &Person| {
            let date = it.birth_date.as_ref().map(|it| *it.expose());
            date.filter(|it| LinkPolicy::default().is_birth_date(*it, today()))
        };
        if let Some(before) = valid(&patient) {
            prop_assert_eq!(valid(&after), Some(before));
        }
    }

    #[test]
    fn a_second_merge_changes_nothing(contact in contacts(), patient in patients()) {
        let first = select_into(&contact, &patient, None);
        let second = select_into(&contact, &first.person, None);
        prop_assert_eq!(&second.person, &first.person);
        let took = [second.rules.name, second.rules.birth_date, second.rules.phone, second.rules.email];
        prop_assert!(!took.contains(&FieldRule::Crm) && !took.contains(&FieldRule::CrmField));
    }

    #[test]
    fn a_value_of_the_patient_changes_only_where_the_rule_says_so(contact in contacts(), patient in patients()) {
        let Merge { person: after, rules } = select_into(&contact, &patient, None);
        let taken = |rule: FieldRule| matches!(rule, FieldRule::Crm | FieldRule::CrmField);
        let renamed = (&patient.first_name, &patient.last_name) != (&after.first_name, &after.last_name);
        prop_assert_eq!(renamed, taken(rules.name));
        prop_assert_eq!(patient.birth_date != after.birth_date, taken(rules.birth_date));
        prop_assert_eq!(patient.phone != after.phone, taken(rules.phone));
        prop_assert_eq!(patient.email != after.email, taken(rules.email));
    }
}
