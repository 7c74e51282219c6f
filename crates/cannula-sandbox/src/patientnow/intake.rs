//! Customers from outside: checked for six members, never for being there already.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use cannula_core::PhoneUse;
use chrono::NaiveDate;
use serde_json::Value;

use super::{
    BASE_PATH, Server, customers, order::main_location, query::date, render, reply::Refusal,
};
use crate::{
    practice::{Address, Email, LOCATIONS, PatientState, PatientStatus, PhoneNumber},
    quirks::CreatedAnswer,
};

/// `POST /customers`. Sent twice, it makes two customers.
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body = object(&body)?;
    let blank = PatientState {
        given: String::new(),
        family: String::new(),
        birth_date: NaiveDate::default(),
        gender: "unknown",
        chart: 0,
        emails: Vec::new(),
        phones: Vec::new(),
        address: Address::default(),
        referral_source: None,
        general_practitioner: None,
        location: None,
        status: PatientStatus::Prospect,
    };
    let missing = REQUIRED.iter().filter(|name| text(&body, name).is_none());
    let mut problems: Vec<_> = missing
        .map(|name| ((*name).to_owned(), format!("The {name} field is required.")))
        .collect();
    let state = read(&body, blank, &mut problems);
    if !problems.is_empty() {
        return Err(Refusal::invalid(problems));
    }
    let id = server.practice.enroll(state);
    server.courier.wake();
    let inner = server.practice.lock();
    let row = inner.patients.get(id.as_str(), server.practice.now());
    let customer = row.map(|row| render::customer(&inner, &row)).unwrap_or_default();
    let number = customer["CustomerId"].clone();
    let mut response = match server.quirks().patientnow_created {
        CreatedAnswer::Object => (StatusCode::CREATED, Json(customer)).into_response(),
        CreatedAnswer::BareId => return Ok((StatusCode::OK, Json(number)).into_response()),
        CreatedAnswer::Location => StatusCode::CREATED.into_response(),
    };
    if let Ok(location) = HeaderValue::try_from(format!("{BASE_PATH}/customers/{number}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// `PUT /customers/{id}`: members that are there replace what was.
pub(super) async fn update(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    let body = object(&body)?;
    let (row, patient) = customers::find(&server, &id)?;
    let mut problems = Vec::new();
    let state = read(&body, row.version.state.clone(), &mut problems);
    if !problems.is_empty() {
        return Err(Refusal::invalid(problems));
    }
    server.practice.update_patient(&patient, |old| *old = state);
    customers::get(State(server), Path(id)).await
}

/// What a new customer must have: article 1350 of the CRM's help pages.
const REQUIRED: [&str; 6] = ["FirstName", "LastName", "Email", "MobilePhone", "Birthday", "Gender"];

fn object(body: &Bytes) -> Result<Value, Refusal> {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    body.filter(Value::is_object).ok_or_else(|| {
        Refusal::message(StatusCode::BAD_REQUEST, "The request body is not a valid object.")
    })
}

/// A text with something in it.
fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body[name].as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The members of a body over a state; what cannot be read is noted.
fn read(body: &Value, before: PatientState, problems: &mut Vec<(String, String)>) -> PatientState {
    let mut state = before;
    let mut invalid = |name: &str| {
        problems.push((name.to_owned(), format!("The {name} field is not valid.")));
    };
    let set = |name: &str, old: &mut String| {
        if let Some(new) = text(body, name) {
            new.clone_into(old);
        }
    };
    set("FirstName", &mut state.given);
    set("LastName", &mut state.family);
    set("Addr1", &mut state.address.line);
    set("City", &mut state.address.city);
    set("State", &mut state.address.state);
    set("Zipcode", &mut state.address.postal_code);
    if let Some(birthday) = text(body, "Birthday") {
        match date(birthday) {
            Some(birthday) => state.birth_date = birthday,
            None => invalid("Birthday"),
        }
    }
    if let Some(word) = text(body, "Gender") {
        match gender(word) {
            Some(gender) => state.gender = gender,
            None => invalid("Gender"),
        }
    }
    if let Some(email) = text(body, "Email") {
        if email.contains('@') {
            state.emails = vec![Email { address: email.to_owned(), private: false }];
        } else {
            invalid("Email");
        }
    }
    for (name, usage) in [
        ("MobilePhone", PhoneUse::Mobile),
        ("HomePhone", PhoneUse::Home),
        ("WorkPhone", PhoneUse::Work),
    ] {
        let Some(number) = text(body, name) else { continue };
        if number.chars().filter(char::is_ascii_digit).count() < 10 {
            invalid(name);
            continue;
        }
        state.phones.retain(|phone| phone.usage != usage);
        let (number, private, preferred, texts) = (number.to_owned(), false, false, false);
        state.phones.push(PhoneNumber { usage, number, private, preferred, texts });
    }
    let company = body["CompanyId"].as_u64().or_else(|| text(body, "CompanyId")?.parse().ok());
    if let Some(company) = company {
        match LOCATIONS.iter().find(|place| u64::from(place.id) == company) {
            Some(place) => state.location = Some(place),
            None => invalid("CompanyId"),
        }
    }
    state.location = state.location.or_else(|| Some(main_location()));
    state
}

fn gender(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "female" | "f" => "female",
        "male" | "m" => "male",
        "other" => "other",
        "unknown" => "unknown",
        _ => return None,
    })
}
