//! The body of a new guest. Pure.

use cannula_core::{Error, ErrorKind, NewPatient, PatientField, Phi, Result};
use serde::Serialize;

use crate::{config::ZenotiConfig, phone::Dialling};

/// The body of `POST /v1/guests`, after "create a guest".
#[derive(Serialize)]
pub(crate) struct Body<'a> {
    center_id: &'a str,
    personal_info: PersonalInfo<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address_info: Option<AddressInfo<'a>>,
}

#[derive(Serialize)]
struct PersonalInfo<'a> {
    first_name: &'a str,
    last_name: &'a str,
    email: &'a str,
    mobile_phone: MobilePhone,
    gender: i8,
    date_of_birth: String,
}

#[derive(Serialize)]
struct MobilePhone {
    /// Zenoti's own number of the country, not the dialling code.
    country_code: i64,
    number: Phi<String>,
}

#[derive(Serialize)]
struct AddressInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    address_1: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    country_id: i64,
    /// −2 is "other": the state is in `state_other`, as in the vendor's sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    state_id: Option<i8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_other: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zip_code: Option<&'a str>,
}

/// Writes the body, or says what of the required is missing: Zenoti would refuse it.
pub(crate) fn body<'a>(
    config: &'a ZenotiConfig,
    dialling: &Dialling,
    patient: &'a NewPatient,
) -> Result<Body<'a>> {
    complete(config, patient)?;
    let phone = dialling.written(patient.phone.expose())?;
    Ok(Body {
        center_id: center(config, patient)?,
        personal_info: PersonalInfo {
            first_name: patient.name.given.expose().trim(),
            last_name: patient.name.family.expose().trim(),
            email: patient.email.expose().trim(),
            mobile_phone: MobilePhone { country_code: phone.country, number: phone.digits },
            gender: gender(patient.gender.as_ref()),
            date_of_birth: patient.birth_date.expose().format("%Y-%m-%dT00:00:00").to_string(),
        },
        address_info: address(config, patient),
    })
}

/// The chosen center; the first where there is no choice.
fn center<'a>(config: &'a ZenotiConfig, patient: &NewPatient) -> Result<&'a str> {
    let wrong =
        || Error::new(ErrorKind::Invalid, "the location is not one of the practice's centers");
    match patient.location.as_ref().map(|location| location.id.as_deref()) {
        None => config.centers.first(),
        Some(id) => id.and_then(|id| config.center(id)),
    }
    .map(|center| &*center.id)
    .ok_or_else(wrong)
}

/// 0 is a woman, 1 a man; whatever else the CRM says is not specified.
fn gender(word: Option<&Phi<String>>) -> i8 {
    match word.map(|word| word.expose().trim().to_lowercase()).as_deref() {
        Some("female" | "f" | "woman") => 0,
        Some("male" | "m" | "man") => 1,
        _ => -1,
    }
}

fn address<'a>(config: &ZenotiConfig, patient: &'a NewPatient) -> Option<AddressInfo<'a>> {
    let NewPatient { street, city, state, postal_code, .. } = patient;
    [street, city, state, postal_code].into_iter().find_map(part)?;
    Some(AddressInfo {
        address_1: part(street),
        city: part(city),
        country_id: config.country_id,
        state_id: part(state).map(|_| -2),
        state_other: part(state),
        zip_code: part(postal_code),
    })
}

fn part(field: &Option<Phi<String>>) -> Option<&str> {
    field.as_ref().map(|it| it.expose().trim()).filter(|it| !it.is_empty())
}

fn complete(config: &ZenotiConfig, patient: &NewPatient) -> Result<()> {
    let has = |field: &PatientField| match field {
        PatientField::FirstName => !patient.name.given.expose().trim().is_empty(),
        PatientField::LastName => !patient.name.family.expose().trim().is_empty(),
        PatientField::Email => !patient.email.expose().trim().is_empty(),
        PatientField::Phone => !patient.phone.expose().trim().is_empty(),
        PatientField::Gender => gender(patient.gender.as_ref()) >= 0,
        PatientField::Street => part(&patient.street).is_some(),
        PatientField::City => part(&patient.city).is_some(),
        PatientField::State => part(&patient.state).is_some(),
        PatientField::PostalCode => part(&patient.postal_code).is_some(),
        _ => true,
    };
    let always = [PatientField::FirstName, PatientField::LastName];
    let missing: Vec<_> =
        always.iter().chain(&config.required_fields).filter(|it| !has(it)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<_> = missing.into_iter().map(ToString::to_string).collect();
    let message = format!("Zenoti needs more of a new guest: {}", missing.join(", "));
    Err(Error::new(ErrorKind::Invalid, message))
}
