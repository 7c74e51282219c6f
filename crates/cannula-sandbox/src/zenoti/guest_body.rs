//! The guest that a caller sends, and what the organisation demands of it.

use cannula_core::PhoneUse;
use chrono::NaiveDate;
use serde_json::Value;

use super::{
    phone::{self, Country, HOME},
    query::center_of,
    reply::Refused,
    settings::ZenotiSettings,
};
use crate::practice::{Address, Email, PatientState, PatientStatus, PhoneNumber};

/// Reads a guest. What is not in the body is empty in it, which for an update wipes it.
pub(super) fn read(body: &Value, settings: &ZenotiSettings) -> Result<PatientState, Refused> {
    let (personal, home) = (&body["personal_info"], &body["address_info"]);
    let text = |part: &Value, name: &str| {
        part[name].as_str().map(str::trim).unwrap_or_default().to_owned()
    };
    match body["center_id"].as_str() {
        Some(center) if center_of(center).is_none() => return Err(Refused::wrong_center()),
        Some(_) => {}
        None => return Err(Refused::guest(481, "Guest mandatory fields are missing: center_id.")),
    }
    let address = Address {
        line: text(home, "address_1"),
        city: text(home, "city"),
        state: text(home, "state_other"),
        postal_code: text(home, "zip_code"),
    };
    if !matches!(home["country_id"].as_i64(), None | Some(-1))
        && home["country_id"].as_i64().and_then(phone::by_id).is_none()
    {
        return Err(Refused::guest(484, "Country, nationality or state is not valid."));
    }
    let email = text(personal, "email");
    let state = PatientState {
        given: text(personal, "first_name"),
        family: text(personal, "last_name"),
        birth_date: birth_date(&personal["date_of_birth"]),
        gender: match personal["gender"].as_i64() {
            Some(0) => "female",
            Some(1) => "male",
            _ => "unknown",
        },
        chart: 0,
        emails: [email].into_iter().filter(|it| !it.is_empty()).map(address_of).collect(),
        phones: phones(personal)?,
        address,
        referral_source: None,
        general_practitioner: None,
        location: None,
        status: PatientStatus::Prospect,
    };
    demand(&state, personal, settings)?;
    Ok(state)
}

const fn address_of(address: String) -> Email {
    Email { address, private: false }
}

fn demand(
    state: &PatientState,
    personal: &Value,
    settings: &ZenotiSettings,
) -> Result<(), Refused> {
    let missing = |field: &str| match field {
        "first_name" => state.given.is_empty(),
        "last_name" => state.family.is_empty(),
        "email" => state.emails.is_empty(),
        "mobile" => !state.phones.iter().any(|phone| phone.usage == PhoneUse::Mobile),
        "birthday" => state.birth_date == nobody_knows(),
        "address_1" => state.address.line.is_empty(),
        "city" => state.address.city.is_empty(),
        "zip_code" => state.address.postal_code.is_empty(),
        "gender" => personal["gender"].is_null(),
        _ => false,
    };
    let always = ["first_name", "last_name"];
    let required = settings.required.iter().map(String::as_str);
    match always.into_iter().chain(required).find(|field| missing(field)) {
        Some(field) => {
            Err(Refused::guest(481, format!("Guest mandatory fields are missing: {field}.")))
        }
        None => Ok(()),
    }
}

/// What staff type when they do not know it.
fn nobody_knows() -> NaiveDate {
    NaiveDate::from_ymd_opt(1900, 1, 1).unwrap_or_default()
}

fn birth_date(value: &Value) -> NaiveDate {
    let date = value.as_str().and_then(|text| text.get(..10)?.parse::<NaiveDate>().ok());
    date.filter(|date| *date > nobody_knows()).unwrap_or_else(nobody_knows)
}

/// The three phones. A country is one of the vendor's own numbers; whoever sends a dialling code
/// gets another country, or 484 if no country has the number.
fn phones(personal: &Value) -> Result<Vec<PhoneNumber>, Refused> {
    let mut phones = Vec::new();
    for (name, usage) in [
        ("mobile_phone", PhoneUse::Mobile),
        ("work_phone", PhoneUse::Work),
        ("home_phone", PhoneUse::Home),
    ] {
        let Some(number) = personal[name]["number"].as_str().filter(|it| !it.trim().is_empty())
        else {
            continue;
        };
        let country: &Country = match personal[name]["country_code"].as_i64() {
            None => &HOME,
            Some(id) => phone::by_id(id).ok_or_else(|| {
                Refused::guest(484, "Country, nationality or state is not valid.")
            })?,
        };
        if !country.fits(number) || number.contains('+') {
            return Err(Refused::guest(482, "The mobile number is not in the length range."));
        }
        let number = country.typed(number);
        phones.push(PhoneNumber { usage, number, private: false, preferred: false, texts: false });
    }
    Ok(phones)
}
