use cannula::core::Named;
use cannula_sandbox::{
    NewContact,
    practice::{LOCATIONS, PRACTITIONERS, Product, REFERRAL_SOURCES},
};
use chrono::{NaiveDate, TimeDelta};

/// A made-up lead whose contact holds everything that either product demands of a new patient.
/// E-mail, phone and birth date are made from `number`.
pub fn lead(product: Product, first: &str, last: &str, number: u32) -> NewContact {
    let fields = [
        ("NXT Location", LOCATIONS[0].name.to_owned()),
        ("Referral Source", REFERRAL_SOURCES[0].name.to_owned()),
        ("General Practitioner", PRACTITIONERS[0].display(product)),
    ];
    NewContact {
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        email: Some(format!("{first}.{last}.{number}@example.test").to_lowercase()),
        phone: Some(format!("+1646555{number:04}")),
        birth_date: Some(birthday(number)),
        address1: Some("12 Quay Street".to_owned()),
        city: Some("Newport".to_owned()),
        state: Some("RI".to_owned()),
        postal_code: Some("02840".to_owned()),
        fields: fields.map(|(name, value)| (name.to_owned(), value.into())).into(),
        ..NewContact::default()
    }
}

/// The birth date of the lead of a number: for each another.
pub fn birthday(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(1975, 3, 4).unwrap_or_default() + TimeDelta::days(number.into())
}

/// The sandbox practice's referral sources, as a practice configures them: no endpoint lists them.
pub fn referral_sources() -> Vec<Named> {
    let named = |id: u32, name: &str| Named { id: Some(id.to_string()), name: name.to_owned() };
    REFERRAL_SOURCES.iter().map(|it| named(it.id, it.name)).collect()
}
