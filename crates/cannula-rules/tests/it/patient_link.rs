//! A contact and a patient: the whole tables, and what holds whatever the data.

mod linking;
mod merging;
mod properties;
mod settings;

use cannula_core::{CrmContact, Person, Phi};
use chrono::NaiveDate;

fn today() -> NaiveDate {
    date("2026-03-02")
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn some(text: &str) -> Option<Phi<String>> {
    (!text.is_empty()).then(|| Phi::new(text.to_owned()))
}

fn born(text: &str) -> Option<Phi<NaiveDate>> {
    (!text.is_empty()).then(|| Phi::new(date(text)))
}

fn contact(first: &str, last: &str, birth_date: &str, phone: &str, email: &str) -> CrmContact {
    CrmContact {
        id: "c-1".into(),
        first_name: some(first),
        last_name: some(last),
        email: some(email),
        phone: some(phone),
        birth_date: born(birth_date),
        gender: None,
        street: None,
        city: None,
        state: None,
        postal_code: None,
        tags: Vec::new(),
        fields: Default::default(),
    }
}

fn person(first: &str, last: &str, birth_date: &str, phone: &str, email: &str) -> Person {
    Person {
        first_name: Phi::new(first.to_owned()),
        last_name: Phi::new(last.to_owned()),
        email: some(email),
        phone: some(phone),
        birth_date: born(birth_date),
    }
}
