//! The body of a new customer, and what its answer says. Pure.

use cannula_core::{Error, ErrorKind, NewPatient, PatientField, Result};
use cannula_http::{HeaderMap, Response};
use serde_json::{Map, Value};

use crate::{
    complaint::Sent,
    config::PatientNowConfig,
    phone, requests,
    row::{Row, bare_id},
};

/// Writes the body, or says everything that is missing: PatientNow refuses a customer who lacks
/// any of the six (troubleshooting article 1350).
pub(crate) fn body(config: &PatientNowConfig, patient: &NewPatient) -> Result<Map<String, Value>> {
    let gender = patient.gender.as_ref().map(|it| it.expose().trim()).filter(|it| !it.is_empty());
    complete(patient, gender)?;
    let dialect = &config.dialect;
    let Some(gender) = gender.and_then(|gender| dialect.words.gender(gender)) else {
        let known: Vec<_> = dialect.words.genders().into_iter().collect();
        let what = format!("the gender must be one of: {}", known.join(", "));
        return Err(Error::new(ErrorKind::Invalid, what));
    };
    let fields = &dialect.fields;
    let mut body = Map::new();
    let location = patient.location.as_ref().and_then(|it| it.id.as_deref());
    if let Some(company) = location.or(config.company_id.as_deref()) {
        body.insert(fields.company_id.to_owned(), requests::id(company));
    }
    let born = patient.birth_date.expose().format("%Y-%m-%d").to_string();
    let phone = phone::written(patient.phone.expose());
    let mut text = |field: &str, value: &str| {
        body.insert(field.to_owned(), Value::from(value.trim()));
    };
    text(fields.first_name, patient.name.given.expose());
    text(fields.last_name, patient.name.family.expose());
    text(fields.email, patient.email.expose());
    text(fields.mobile_phone, &phone);
    text(fields.birthday, &born);
    text(fields.gender, gender);
    if dialect.send_address {
        for (field, value) in [
            (fields.street, &patient.street),
            (fields.city, &patient.city),
            (fields.state, &patient.state),
            (fields.postal_code, &patient.postal_code),
        ] {
            if let Some(value) = value {
                text(field, value.expose());
            }
        }
    }
    Ok(body)
}

/// Names all that is missing at once.
fn complete(patient: &NewPatient, gender: Option<&str>) -> Result<()> {
    let needed = [
        (PatientField::FirstName, patient.name.given.expose().as_str()),
        (PatientField::LastName, patient.name.family.expose()),
        (PatientField::Email, patient.email.expose()),
        (PatientField::Phone, patient.phone.expose()),
        (PatientField::Gender, gender.unwrap_or_default()),
    ];
    let missing = needed.iter().filter(|(_, value)| value.trim().is_empty());
    let missing: Vec<_> = missing.map(|(field, _)| field.to_string()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what = format!("PatientNow demands what the new patient lacks: {}", missing.join(", "));
    Err(Error::new(ErrorKind::Invalid, what))
}

/// What was sent, in the spellings it may come back in.
pub(crate) fn sent(body: &Map<String, Value>, patient: &NewPatient) -> Sent {
    let born = patient.birth_date.expose();
    let texts = body.values().filter_map(Value::as_str).map(str::to_owned);
    let dates = ["%Y-%m-%d", "%m/%d/%Y", "%-m/%-d/%Y", "%d.%m.%Y", "%B %-d, %Y", "%-d %B %Y"];
    let dates = dates.map(|format| born.format(format).to_string());
    let names = [patient.name.given.expose(), patient.name.family.expose()];
    let words = names.into_iter().flat_map(|name| name.split_whitespace()).map(str::to_owned);
    Sent::new(texts.chain(dates).chain(words).chain([patient.phone.expose().clone()]))
}

/// What the answer to a creation says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The customer itself.
    Customer,
    /// The customer's id and nothing else.
    Id(String),
    /// Nothing that could be understood.
    Unclear,
}

/// Reads an answer: the whole customer, a bare id, or nothing but a `Location`.
pub(crate) fn answer(config: &PatientNowConfig, response: &Response) -> Answer {
    let text = std::str::from_utf8(&response.body).unwrap_or_default().trim();
    let fields = &config.dialect.fields;
    if let Some(row) = Row::read(text) {
        let has_name = row.has(fields.first_name) || row.has(fields.last_name);
        return match row.id(fields.customer_id).or_else(|| row.id("Id")) {
            Some(_) if has_name && row.has(fields.customer_id) => Answer::Customer,
            Some(id) => Answer::Id(id),
            None => Answer::Unclear,
        };
    }
    let id =
        bare_id(text).or_else(|| if text.is_empty() { location(&response.headers) } else { None });
    id.map_or(Answer::Unclear, Answer::Id)
}

/// The last segment of the header `Location`.
fn location(headers: &HeaderMap) -> Option<String> {
    let location = headers.get("location")?.to_str().ok()?;
    let path = location.split(['?', '#']).next()?.trim_end_matches('/');
    let last = path.rsplit('/').next()?;
    bare_id(&format!("\"{last}\""))
}
