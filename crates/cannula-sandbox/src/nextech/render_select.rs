//! Resources as Select prints them.

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

pub(super) const EXTENSIONS: &str = "https://select.nextech-api.com/api/structuredefinition";

/// The practice's own names of statuses, with their ids.
pub(crate) static STATUSES: [(u32, &str); 7] = [
    (0, "Pending"),
    (1, "In"),
    (2, "Out"),
    (3, "No Show"),
    (4, "Cancelled"),
    (9, "Hold"),
    (11, "Web Request"),
];

pub(crate) fn appointment(row: &Visible<AppointmentState>, quirks: &Quirks) -> Value {
    let state = &row.version.state;
    let variant = variant(&row.id);
    let updated = stamp(row.version.at, variant, quirks);
    let mut resource = head("Appointment", &row.id, updated, quirks);
    if quirks.contained {
        resource.insert("contained".to_owned(), contained(state, quirks));
    }
    resource.insert("extension".to_owned(), extensions(state));
    if let Some(code) = code(&state.status) {
        resource.insert("status".to_owned(), code.into());
    }
    extend(
        &mut resource,
        json!({
            "description": description(state),
            "start": local_time(state.start, false),
            "end": local_time(state.end(), false),
            "created": stamp(row.entered, variant + 1, quirks),
            "participant": participants(state, variant, quirks),
        }),
    );
    finish(resource, row.spoil)
}

fn description(state: &AppointmentState) -> String {
    let kind = state.kind.iter();
    kind.chain(&state.purposes).map(|named| named.name.as_str()).collect::<Vec<_>>().join(" - ")
}

/// Copies of the location and the practitioner; some names end with an empty string.
fn contained(state: &AppointmentState, quirks: &Quirks) -> Value {
    let location = state.location.map(|location| {
        let id = location.id.to_string();
        json!({
            "resourceType": "Location",
            "id": id,
            "identifier": [{ "use": "official", "value": id }],
            "name": location.name,
        })
    });
    let practitioner = state.practitioner.map(|person| practitioner(person, quirks));
    location.into_iter().chain(practitioner).collect()
}

pub(crate) fn practitioner(person: &Practitioner, quirks: &Quirks) -> Value {
    let id = person.id.to_string();
    json!({
        "resourceType": "Practitioner",
        "id": id,
        "identifier": [{ "use": "official", "value": id }],
        "active": true,
        "name": [{
            "text": person.display(Product::Select),
            "family": person.family,
            "given": given(person.given, quirks),
        }],
    })
}

fn given(name: &str, quirks: &Quirks) -> Vec<String> {
    let mut given = vec![name.to_owned()];
    if quirks.empty_given {
        given.push(String::new());
    }
    given
}

fn extensions(state: &AppointmentState) -> Value {
    let extension = |kind: &str, named: &Named| json!({ "url": format!("{EXTENSIONS}/{kind}"), "valueReference": lookup(kind, named) });
    let status = extension("appointment-status", &own_status(&state.status));
    let kind = state.kind.iter().map(|kind| extension("appointment-type", kind));
    let purposes = state.purposes.iter().map(|purpose| extension("appointment-purpose", purpose));
    std::iter::once(status).chain(kind).chain(purposes).collect()
}

/// The practice's own status. Confirmation is a mark beside `Pending` and not a status.
fn own_status(status: &AppointmentStatus) -> Named {
    let name = match status {
        AppointmentStatus::Proposed => "Hold",
        AppointmentStatus::Arrived => "In",
        AppointmentStatus::Fulfilled => "Out",
        AppointmentStatus::Cancelled => "Cancelled",
        AppointmentStatus::NoShow => "No Show",
        AppointmentStatus::PracticeDefined(name) => name,
        _ => "Pending",
    };
    let id = STATUSES.iter().find(|(_, known)| *known == name).map(|(id, _)| id.to_string());
    Named { id, name: name.to_owned() }
}

fn participants(state: &AppointmentState, variant: u32, quirks: &Quirks) -> Value {
    let patient = state.patient.as_ref().map(|id| {
        json!({ "actor": {
            "reference": patient_reference(id.as_str(), variant, quirks),
            "display": "Patient",
        }})
    });
    let location = state.location.map(|location| {
        json!({ "actor": {
            "reference": format!("Location/{}", location.id),
            "display": location.name,
        }})
    });
    let practitioner = state.practitioner.map(|person| {
        json!({ "actor": {
            "reference": format!("Practitioner/{}", person.id),
            "display": person.display(Product::Select),
        }})
    });
    let mut all: Vec<_> = patient.into_iter().chain(location).chain(practitioner).collect();
    // The order is nobody's promise.
    let shift = if quirks.mixed_case { variant as usize % all.len().max(1) } else { 0 };
    all.rotate_left(shift);
    Value::Array(all)
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
                { "system": "http://hl7.org/fhir/sid/us-ssn", "value": "###-##-0000" },
            ],
            "name": names(state, variant, quirks),
            "telecom": telecom(state),
            "gender": state.gender,
            "birthDate": state.birth_date.to_string(),
            "address": [address(&state.address, Some("USA"))],
        }),
    );
    if let Some(who) = state.general_practitioner {
        let reference = json!({
            "reference": format!("practitioner/{}", who.id),
            "display": who.display(Product::Select),
        });
        resource.insert("generalPractitioner".to_owned(), json!([reference]));
    }
    finish(resource, row.spoil)
}

fn patient_extensions(state: &PatientState) -> Value {
    let extension = |name: &str, key: &str, value: Value| json!({ "url": format!("{EXTENSIONS}/{name}"), key: value });
    let mut all = vec![
        extension("patient-status", "valueString", state.status.shown(Product::Select).into()),
        extension("patients-referred", "valueInteger", 0.into()),
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

/// The official name, and for some a nickname before it.
fn names(state: &PatientState, variant: u32, quirks: &Quirks) -> Value {
    let official = json!({
        "use": "official",
        "text": format!("{} {}", state.given, state.family),
        "family": state.family,
        "given": given(&state.given, quirks),
    });
    let nick = || json!({ "use": "nickname", "text": "Nick", "given": ["Nick"] });
    if variant.is_multiple_of(6) { json!([nick(), official]) } else { json!([official]) }
}

/// What is not private; other phones have a system of their own.
fn telecom(state: &PatientState) -> Value {
    let emails = state
        .emails
        .iter()
        .filter(|email| !email.private)
        .map(|email| json!({ "system": "email", "value": email.address }));
    let phones = state.phones.iter().filter(|phone| !phone.private).map(|phone| {
        let mut entry = Map::new();
        let (system, usage) = match phone.usage {
            PhoneUse::Mobile => ("phone", Some("mobile")),
            PhoneUse::Home => ("phone", Some("home")),
            PhoneUse::Work => ("phone", Some("work")),
            PhoneUse::Other => ("other", None),
        };
        entry.insert("system".to_owned(), system.into());
        entry.insert("value".to_owned(), phone.number.as_str().into());
        if let Some(usage) = usage {
            entry.insert("use".to_owned(), usage.into());
        }
        if phone.preferred {
            entry.insert("rank".to_owned(), 1.into());
        }
        Value::Object(entry)
    });
    // A flag and no number: the patient has a wish about text messages.
    let texts = state.phones.iter().any(|phone| phone.texts).then(|| {
        json!({
            "extension": [{ "url": format!("{EXTENSIONS}/method-privacy"), "valueBoolean": true }],
            "system": "sms",
        })
    });
    emails.chain(phones).chain(texts).collect()
}
