//! Resources as Practice+ prints them.

use cannula_core::{AppointmentStatus, Named, PhoneUse};
use serde_json::{Map, Value, json};

use super::render::{
    address, code, extend, finish, guid, head, local_time, lookup, patient_reference, stamp,
    variant,
};
use crate::{
    practice::{AppointmentState, PatientState, Practitioner, Product, Visible},
    quirks::Quirks,
};

pub(super) const EXTENSIONS: &str = "https://api.pm.nextech.com/api/structuredefinition";

pub(crate) fn appointment(row: &Visible<AppointmentState>, quirks: &Quirks) -> Value {
    let state = &row.version.state;
    let variant = variant(&row.id);
    let updated = stamp(row.version.at, variant, quirks);
    let mut resource = head("Appointment", &row.id, updated, quirks);
    extend(
        &mut resource,
        json!({
            "extension": extensions(state, quirks),
            "status": shown_status(&state.status),
            "start": local_time(state.start, quirks.fixed_offset),
            "end": local_time(state.end(), quirks.fixed_offset),
            "created": stamp(row.entered, variant + 1, quirks),
            "participant": participants(state, variant, quirks),
        }),
    );
    finish(resource, row.spoil)
}

/// Statuses that a practice makes up are a thing of Select; here they are pending.
pub(crate) fn shown_status(status: &AppointmentStatus) -> &str {
    code(status).unwrap_or("pending")
}

fn extensions(state: &AppointmentState, quirks: &Quirks) -> Value {
    let url = |name: &str| {
        if quirks.bare_extensions { name.to_owned() } else { format!("{EXTENSIONS}/{name}") }
    };
    let midnight = state.start.date().and_time(chrono::NaiveTime::MIN);
    let mut extensions = vec![
        // Midnight is a placeholder and not an arrival.
        json!({
            "url": url("arrival-time"),
            "valueDateTime": local_time(midnight, quirks.fixed_offset),
        }),
        json!({
            "url": url("modifiedBy"),
            "valueIdentifier": { "id": "modifiedBy", "value": "front.desk@juniper.example.test" },
        }),
    ];
    let reference = |kind: &str, named: &Named| json!({ "url": url(kind), "valueReference": lookup(kind, named) });
    extensions.extend(state.kind.iter().map(|kind| reference("appointment-type", kind)));
    extensions.extend(
        state
            .purposes
            .iter()
            // Purposes are free text here: a name and nothing to refer to.
            .map(|purpose| reference("appointment-purpose", &Named::new(&*purpose.name))),
    );
    Value::Array(extensions)
}

fn participants(state: &AppointmentState, variant: u32, quirks: &Quirks) -> Value {
    let entry = |reference: String, display: String| json!({ "actor": { "reference": reference, "display": display }, "status": "accepted" });
    let patient = state
        .patient
        .as_ref()
        .map(|id| entry(patient_reference(id.as_str(), variant, quirks), "Patient".to_owned()));
    let location = state.location.map(|location| {
        // One sample of the vendor's writes it in lower case.
        let kind =
            if quirks.mixed_case && variant.is_multiple_of(2) { "location" } else { "Location" };
        entry(format!("{kind}/{}", location.id), location.name.to_owned())
    });
    let practitioner = state.practitioner.map(|person| {
        entry(format!("Practitioner/{}", person.id), person.display(Product::PracticePlus))
    });
    patient.into_iter().chain(location).chain(practitioner).collect()
}

pub(crate) fn practitioner(person: &Practitioner) -> Value {
    let id = person.id.to_string();
    json!({
        "resourceType": "Practitioner",
        "id": id,
        "identifier": [{ "use": "official", "value": id }],
        "active": true,
        "name": [{
            "text": person.display(Product::PracticePlus),
            "family": person.family,
            "given": [person.given],
        }],
    })
}

pub(crate) fn patient(row: &Visible<PatientState>, quirks: &Quirks) -> Value {
    let state = &row.version.state;
    let variant = variant(&row.id);
    let id = guid(&row.id, variant, quirks);
    let mut resource = head("Patient", &id, stamp(row.version.at, variant, quirks), quirks);
    extend(
        &mut resource,
        json!({
            "extension": patient_extensions(state),
            "identifier": [
                { "use": "official", "value": id },
                { "use": "usual", "value": state.chart.to_string() },
                // Unmasked, as Practice+ sends it: nobody may store or print it.
                { "system": "http://hl7.org/fhir/sid/us-ssn", "value": "000000000" },
            ],
            "name": [{
                "use": "official",
                "text": format!("{} {}", state.given, state.family),
                "family": state.family,
                "given": [state.given],
            }],
            "telecom": telecom(state),
            "gender": state.gender,
            "birthDate": state.birth_date.to_string(),
            "address": [address(&state.address, None)],
        }),
    );
    if let Some(who) = state.general_practitioner {
        let reference = json!({
            "reference": format!("practitioner/{}", who.id),
            "display": format!("{} MD", who.family),
        });
        resource.insert("generalPractitioner".to_owned(), json!([reference]));
    }
    finish(resource, row.spoil)
}

fn patient_extensions(state: &PatientState) -> Value {
    let extension = |name: &str, key: &str, value: Value| json!({ "url": format!("{EXTENSIONS}/{name}"), key: value });
    let mut all = vec![
        extension(
            "patient-status",
            "valueString",
            state.status.shown(Product::PracticePlus).into(),
        ),
        extension("patients-referred", "valueDecimal", 0.into()),
        extension("self-pay", "valueBoolean", true.into()),
    ];
    all.extend(state.referral_source.map(|source| {
        let reference = json!({
            "reference": format!("referral-source/{}", source.id),
            "display": source.name,
        });
        extension("referral-source", "valueReference", reference)
    }));
    all.extend(state.location.map(|place| {
        let reference =
            json!({ "reference": format!("location/{}", place.id), "display": place.name });
        extension("patient-location", "valueReference", reference)
    }));
    Value::Array(all)
}

/// Everything is there; a mobile that takes text messages has the system `sms`, and other
/// numbers hide under `use: old`. Nothing here says what is private.
fn telecom(state: &PatientState) -> Value {
    let phones = state.phones.iter().map(|phone| {
        let (system, usage) = match phone.usage {
            PhoneUse::Mobile if phone.texts => ("sms", "mobile"),
            PhoneUse::Mobile => ("phone", "mobile"),
            PhoneUse::Home => ("phone", "home"),
            PhoneUse::Work => ("phone", "work"),
            PhoneUse::Other => ("phone", "old"),
        };
        let mut entry = Map::new();
        entry.insert("system".to_owned(), system.into());
        entry.insert("value".to_owned(), phone.number.as_str().into());
        entry.insert("use".to_owned(), usage.into());
        if phone.preferred {
            entry.insert("rank".to_owned(), 1.into());
        }
        Value::Object(entry)
    });
    let emails = state
        .emails
        .iter()
        .map(|email| json!({ "system": "email", "value": email.address, "rank": 2 }));
    phones.chain(emails).collect()
}
