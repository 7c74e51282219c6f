//! The body of a new patient. Pure.

use cannula_core::{Error, ErrorKind, Named, NewPatient, PatientField, Phi, Result};
use serde::Serialize;

use crate::{
    new_patients::NewPatients,
    phone,
    profile::{Product, Profile},
    written::{Extension, Reference, Value, reference},
};

/// The body of `POST /Patient/`, after "Create Patient" of each product's API documentation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    resource_type: &'static str,
    extension: Vec<Extension<'a>>,
    name: [Name<'a>; 1],
    telecom: [Telecom<'a>; 2],
    birth_date: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    address: Vec<Address<'a>>,
    /// A list: one sample has an object here, and the answer to it a list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    general_practitioner: Vec<Reference<'a>>,
}

#[derive(Serialize)]
struct Name<'a> {
    #[serde(rename = "use")]
    usage: &'static str,
    family: &'a str,
    /// One entry, also for `Mary Ann`: Nextech takes a second one for a middle name.
    given: [&'a str; 1],
}

#[derive(Serialize)]
struct Telecom<'a> {
    system: &'static str,
    value: Phi<std::borrow::Cow<'a, str>>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rank: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Address<'a> {
    #[serde(rename = "use")]
    usage: &'static str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    city: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    postal_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
}

/// Writes the body, or says what of the required is missing: Nextech would refuse it, or make a
/// patient without it.
pub(crate) fn body<'a>(
    product: Product,
    practice: &'a NewPatients,
    patient: &'a NewPatient,
) -> Result<Body<'a>> {
    let profile = product.profile();
    complete(profile, patient)?;
    let extension = Extensions { product, profile };
    let status = Extension::new(profile.extension("patient-status"), Value::Text(&practice.status));
    let source =
        extension.reference("referral-source", "referral-source", &patient.referral_source)?;
    let location = extension.reference("patient-location", "location", &patient.location)?;
    let practitioner = match &patient.general_practitioner {
        Some(practitioner) => vec![displayed(product, "practitioner", practitioner)?],
        None => Vec::new(),
    };
    let plus = product == Product::PracticePlus;
    let mobile = Telecom {
        system: "phone",
        value: Phi::new(phone::written(product, patient.phone.expose()).into()),
        usage: Some("mobile"),
        rank: plus.then_some(1),
    };
    let email = Telecom {
        system: "email",
        value: Phi::new(patient.email.expose().as_str().into()),
        usage: None,
        rank: None,
    };
    Ok(Body {
        resource_type: "Patient",
        extension: [source, location, Some(status)].into_iter().flatten().collect(),
        name: [Name {
            usage: "official",
            family: patient.name.family.expose(),
            given: [patient.name.given.expose()],
        }],
        telecom: [mobile, email],
        birth_date: patient.birth_date.expose().format("%Y-%m-%d").to_string(),
        address: address(plus, practice, patient).into_iter().collect(),
        general_practitioner: practitioner,
    })
}

/// The home address, if there is anything to say about it.
fn address<'a>(
    plus: bool,
    practice: &'a NewPatients,
    patient: &'a NewPatient,
) -> Option<Address<'a>> {
    let NewPatient { street, city, state, postal_code, .. } = patient;
    [street, city, state, postal_code].into_iter().find_map(part)?;
    Some(Address {
        usage: "home",
        kind: plus.then_some("both"),
        line: part(street).map(|street| [street]),
        city: part(city),
        state: part(state),
        postal_code: part(postal_code),
        country: practice.country.as_deref(),
    })
}

fn part(field: &Option<Phi<String>>) -> Option<&str> {
    field.as_ref().map(|it| it.expose().trim()).filter(|it| !it.is_empty())
}

/// Whether all that the product demands is there.
fn complete(profile: &Profile, patient: &NewPatient) -> Result<()> {
    let has = |field: &PatientField| match field {
        PatientField::FirstName => !patient.name.given.expose().trim().is_empty(),
        PatientField::LastName => !patient.name.family.expose().trim().is_empty(),
        PatientField::Email => !patient.email.expose().trim().is_empty(),
        PatientField::Phone => !patient.phone.expose().trim().is_empty(),
        PatientField::Street => part(&patient.street).is_some(),
        PatientField::City => part(&patient.city).is_some(),
        PatientField::State => part(&patient.state).is_some(),
        PatientField::PostalCode => part(&patient.postal_code).is_some(),
        PatientField::Location => patient.location.is_some(),
        PatientField::ReferralSource => patient.referral_source.is_some(),
        PatientField::GeneralPractitioner => patient.general_practitioner.is_some(),
        _ => true,
    };
    let missing: Vec<_> = profile.required.iter().filter(|field| !has(field)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<_> = missing.into_iter().map(ToString::to_string).collect();
    Err(Error::new(
        ErrorKind::Invalid,
        format!("{} needs more of a new patient: {}", profile.name, missing.join(", ")),
    ))
}

/// Writes the product's extensions.
struct Extensions {
    product: Product,
    profile: &'static Profile,
}

impl Extensions {
    fn reference<'a>(
        &self,
        name: &str,
        kind: &str,
        target: &'a Option<Named>,
    ) -> Result<Option<Extension<'a>>> {
        let Some(target) = target else { return Ok(None) };
        let target = displayed(self.product, kind, target)?;
        Ok(Some(Extension::new(self.profile.extension(name), Value::Reference(target))))
    }
}

/// A reference by id; the samples of Practice+ carry the name too.
fn displayed<'a>(product: Product, kind: &str, target: &'a Named) -> Result<Reference<'a>> {
    let display = (product == Product::PracticePlus).then_some(target.name.as_str());
    Ok(Reference { display, ..reference(kind, target)? })
}
