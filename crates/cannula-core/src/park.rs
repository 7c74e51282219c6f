//! Why work waits for a person, and what that person should do.

use serde::{Deserialize, Serialize};

use crate::{ContactId, PatientId};

/// Each reason is a type with the exact next step. None carries personal data.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParkReason {
    /// The appointment categorization document has no row for this type and purpose.
    UnmappedAppointmentType {
        /// The type's name as the practice spells it.
        name: String,
        /// The first purpose, if there is one.
        purpose: Option<String>,
    },
    /// The appointment has no type at all.
    MissingAppointmentType,
    /// A status the practice defined, or a code never seen, without a mapping.
    UnmappedStatus {
        /// The status as the vendor spells it.
        name: String,
    },
    /// The patient has neither an e-mail address nor a usable phone number in the EMR.
    NoContactDetails,
    /// The EMR does not return the patient the record names.
    PatientNotFound,
    /// The patient's e-mail or phone belongs to a contact with another name or birth date.
    ContactConflict {
        /// The contact that has it.
        contact: ContactId,
        /// What they share: `email` or `phone`.
        shared: String,
    },
    /// The CRM does not return the contact that was tagged.
    ContactNotFound,
    /// Fields of the contact must be filled in or corrected before a patient can be made of it.
    ContactIncomplete {
        /// What is wrong, one sentence a field, by the CRM's names and without their values.
        problems: Vec<String>,
    },
    /// Several patients could be this person, or one could but not surely.
    SeveralPatients {
        /// The patients.
        candidates: Vec<Candidate>,
    },
    /// The EMR refused the new patient.
    PatientRefused {
        /// In the EMR's words, as far as they can be shown.
        problem: String,
    },
}

/// A patient who could be the person in question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Candidate {
    /// The patient.
    pub patient: PatientId,
    /// What agrees, in words: `e-mail, last name`.
    pub agrees: String,
    /// What does not, in words: `birth date`.
    pub differs: String,
}

impl ParkReason {
    /// What is wrong, in one clause.
    pub fn summary(&self) -> String {
        match self {
            Self::UnmappedAppointmentType { name, purpose: Some(purpose) } => {
                format!("appointment type “{name}” with purpose “{purpose}” has no category")
            }
            Self::UnmappedAppointmentType { name, purpose: None } => {
                format!("appointment type “{name}” has no category")
            }
            Self::MissingAppointmentType => "the appointment has no type".to_owned(),
            Self::UnmappedStatus { name } => {
                format!("appointment status “{name}” is not mapped")
            }
            Self::NoContactDetails => {
                "the patient has neither an e-mail address nor a phone number in the EMR".to_owned()
            }
            Self::PatientNotFound => "the EMR does not return the appointment's patient".to_owned(),
            Self::ContactConflict { contact, shared } => format!(
                "the patient's {shared} belongs to CRM contact {contact}, who has another name or birth date"
            ),
            Self::ContactNotFound => "the CRM does not return the tagged contact".to_owned(),
            Self::ContactIncomplete { problems } => {
                format!("the contact is not ready to become a patient: {}", problems.join(" "))
            }
            Self::SeveralPatients { candidates } => {
                let one = |it: &Candidate| {
                    let Candidate { patient, agrees, differs } = it;
                    let but = if differs.is_empty() { "" } else { ", other " };
                    format!("{patient} (same {agrees}{but}{differs})")
                };
                let all: Vec<_> = candidates.iter().map(one).collect();
                format!("the EMR has patients who could be this person: {}", all.join("; "))
            }
            Self::PatientRefused { problem } => format!("the EMR refused the patient: {problem}"),
        }
    }

    /// What to do, in one sentence.
    pub fn next_step(&self) -> String {
        match self {
            Self::UnmappedAppointmentType { name, purpose } => format!(
                "Add the row `{},{},<category>` to the appointment categorization document, then replay.",
                csv_cell(name),
                csv_cell(purpose.as_deref().unwrap_or_default())
            ),
            Self::MissingAppointmentType => {
                "Give the appointment a type in the EMR; it is picked up with the next poll."
                    .to_owned()
            }
            Self::UnmappedStatus { name } => format!(
                "Map “{name}” to pending, confirmed, arrived, fulfilled, cancelled, no_show or held under `rules.statuses`, then replay."
            ),
            Self::NoContactDetails => {
                "Add an e-mail address or a phone number to the patient in the EMR (or lift its privacy mark); it is picked up with the next poll."
                    .to_owned()
            }
            Self::PatientNotFound => {
                "Check that the patient still exists in the EMR and that the API user may see it, then replay."
                    .to_owned()
            }
            Self::ContactNotFound => {
                "Check that the contact was neither deleted nor merged, then apply the tag to the one that is left."
                    .to_owned()
            }
            Self::ContactIncomplete { .. } => {
                "Correct the fields on the CRM contact, then apply the tag again.".to_owned()
            }
            Self::SeveralPatients { .. } => {
                "Find the person in the EMR. If it is one of them, put that patient's chart number on the CRM contact, or the word `new` if it is none of them, then apply the tag again."
                    .to_owned()
            }
            Self::PatientRefused { .. } => {
                "Correct what the EMR objects to on the CRM contact, then apply the tag again."
                    .to_owned()
            }
            Self::ContactConflict { shared, .. } => format!(
                "Correct the {shared} in the EMR or on the CRM contact if they are two people, or make name and birth date agree if they are one, then replay."
            ),
        }
    }
}

/// Quotes a value for a CSV row where it needs quoting.
fn csv_cell(value: &str) -> String {
    if value.contains([',', '"', '\n']) || value.trim() != value {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}
