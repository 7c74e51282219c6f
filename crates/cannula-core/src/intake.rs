//! What it takes to make a patient.

use std::{collections::BTreeMap, fmt};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Named, Person, PersonName, Phi};

/// A field of a patient that a registry can demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PatientField {
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// E-mail address.
    Email,
    /// Phone number.
    Phone,
    /// Birth date.
    BirthDate,
    /// Gender.
    Gender,
    /// Street and number.
    Street,
    /// City.
    City,
    /// State or region.
    State,
    /// Postal code.
    PostalCode,
    /// The practice's location.
    Location,
    /// How the patient came to the practice.
    ReferralSource,
    /// The practitioner in charge of the patient.
    GeneralPractitioner,
}

impl fmt::Display for PatientField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FirstName => "first name",
            Self::LastName => "last name",
            Self::Email => "e-mail",
            Self::Phone => "phone",
            Self::BirthDate => "birth date",
            Self::Gender => "gender",
            Self::Street => "street address",
            Self::City => "city",
            Self::State => "state",
            Self::PostalCode => "postal code",
            Self::Location => "location",
            Self::ReferralSource => "referral source",
            Self::GeneralPractitioner => "general practitioner",
        })
    }
}

/// What a registry is and demands. Fixed at construction: asking for it does no I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryInfo {
    /// The connector and product, for example `nextech-select`.
    pub name: &'static str,
    /// The product as staff call it, for notes: `Nextech Select`.
    pub product: &'static str,
    /// The practice whose patients it keeps.
    pub practice: crate::PracticeId,
    /// What every new patient must have. A location is demanded only where the practice has
    /// several.
    pub required: Vec<PatientField>,
    /// The postal code to use for a contact without one, if the practice configured one.
    pub default_postal_code: Option<String>,
}

/// The entries that a field's value must equal, in the practice's spelling.
pub type PickLists = BTreeMap<PatientField, Vec<Named>>;

/// A patient to be created: checked, trimmed, and with list entries resolved to the vendor's ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPatient {
    /// Official name.
    pub name: PersonName,
    /// E-mail address.
    pub email: Phi<String>,
    /// Phone number as staff typed it; the registry writes it in the vendor's form.
    pub phone: Phi<String>,
    /// Birth date.
    pub birth_date: Phi<NaiveDate>,
    /// Gender, in the CRM's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Phi<String>>,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<Phi<String>>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Phi<String>>,
    /// State or region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Phi<String>>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Phi<String>>,
    /// The practice's location.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Named>,
    /// How the patient came to the practice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral_source: Option<Named>,
    /// The practitioner in charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub general_practitioner: Option<Named>,
}

impl NewPatient {
    /// Whom to search for.
    pub fn person(&self) -> Person {
        Person {
            first_name: self.name.given.clone(),
            last_name: self.name.family.clone(),
            email: Some(self.email.clone()),
            phone: Some(self.phone.clone()),
            birth_date: Some(self.birth_date.clone()),
        }
    }
}
