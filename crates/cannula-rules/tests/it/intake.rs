//! The intake: contacts that ask to become patients.

mod contacts;
mod identity;
mod scenarios;
mod settings;

use cannula_core::{CrmContact, Named, PatientField, Phi, PickLists, RegistryInfo};
use cannula_rules::intake::{Intake, IntakeConfig};

const FIVE: [PatientField; 5] = [
    PatientField::FirstName,
    PatientField::LastName,
    PatientField::Email,
    PatientField::Phone,
    PatientField::BirthDate,
];

const ELEVEN: [PatientField; 11] = [
    PatientField::FirstName,
    PatientField::LastName,
    PatientField::Email,
    PatientField::Phone,
    PatientField::BirthDate,
    PatientField::Street,
    PatientField::City,
    PatientField::State,
    PatientField::PostalCode,
    PatientField::ReferralSource,
    PatientField::GeneralPractitioner,
];

fn registry(required: &[PatientField]) -> RegistryInfo {
    RegistryInfo {
        name: "memory",
        product: "Memory EMR",
        practice: "practice".into(),
        required: required.to_vec(),
        default_postal_code: None,
    }
}

fn intake(required: &[PatientField]) -> Intake {
    Intake::new(IntakeConfig::new(vec!["NXT Create".to_owned()]), registry(required))
}

/// One location, two general practitioners, six referral sources.
fn lists() -> PickLists {
    let named = |names: &[&str]| {
        names
            .iter()
            .enumerate()
            .map(|(index, name)| Named { id: Some((index + 1).to_string()), ..Named::new(*name) })
            .collect::<Vec<_>>()
    };
    PickLists::from([
        (PatientField::Location, named(&["Main Street"])),
        (PatientField::GeneralPractitioner, named(&["Dr. Ada Reyes", "Dr. Ben Okafor"])),
        (
            PatientField::ReferralSource,
            named(&["Walk In", "Google Ads", "Friend", "Radio", "Instagram", "Billboard"]),
        ),
    ])
}

/// A contact without a fault.
fn contact() -> CrmContact {
    let text = |text: &str| Some(Phi::new(text.to_owned()));
    CrmContact {
        gender: None,
        id: "c1".into(),
        first_name: text("Mina"),
        last_name: text("Sol"),
        email: text("mina@example.test"),
        phone: text("+1 (212) 555-0100"),
        birth_date: Some(Phi::new("1990-05-17".parse().unwrap())),
        street: text("1 Elm St"),
        city: text("Springfield"),
        state: text("IL"),
        postal_code: text("62701"),
        tags: vec!["nxt create".to_owned()],
        fields: [("Referral Source", "Google Ads"), ("General Practitioner", "Dr. Ada Reyes")]
            .map(|(name, value)| (name.to_owned(), Phi::new(value.to_owned())))
            .into(),
    }
}
