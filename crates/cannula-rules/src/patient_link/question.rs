use cannula_core::{ContactId, PatientId};
use serde::Serialize;

/// What a person must answer before a contact and a patient are one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    /// Several patients have the contact's name and birth date.
    SeveralPatients {
        /// The patients.
        patients: Vec<PatientId>,
    },
    /// Patients have the contact's name, and no birth date that could tell.
    PossiblePatients {
        /// The patients.
        patients: Vec<PatientId>,
    },
    /// The patient is linked to another contact.
    PatientTaken {
        /// The patient.
        patient: PatientId,
        /// The contact it is linked to.
        by: ContactId,
    },
    /// The contact is linked to another patient.
    ContactTaken {
        /// The contact.
        contact: ContactId,
        /// The patient it is linked to.
        by: PatientId,
    },
    /// The contact has no birth date that could be one; a name alone links nobody.
    NoBirthDate {
        /// The patients who have the name.
        same_name: Vec<PatientId>,
    },
    /// The contact lacks a first or a last name.
    NoName,
    /// The patient that was named has neither the contact's name nor its birth date.
    NothingAgrees {
        /// The patient.
        patient: PatientId,
    },
    /// Several contacts have the patient's name and birth date.
    SeveralContacts {
        /// The contacts.
        contacts: Vec<ContactId>,
    },
    /// Contacts have the patient's name, and no birth date that could tell.
    PossibleContacts {
        /// The contacts.
        contacts: Vec<ContactId>,
    },
    /// A contact that is not surely the patient has the patient's e-mail address or phone number.
    ContactConflict {
        /// The contact.
        contact: ContactId,
        /// What they share: `email` or `phone`.
        shared: String,
    },
    /// The patient's own data is not enough for a contact.
    PatientIncomplete {
        /// What is missing.
        missing: Vec<&'static str>,
    },
}

impl Question {
    /// One sentence about what stands in the way, and one about what to do. It names no person.
    pub fn sentence(&self) -> String {
        match self {
            Self::SeveralPatients { patients } => format!(
                "Patients {} have this name and birth date. Say which one it is.",
                list(patients)
            ),
            Self::PossiblePatients { patients } => format!(
                "Patients {} have this name and no birth date. Say which one it is, or that it is somebody new.",
                list(patients)
            ),
            Self::PatientTaken { patient, by } => format!(
                "Patient {patient} is linked to contact {by}. If both contacts are one person, merge them in the CRM and select the one that is left; else add this one as a new patient."
            ),
            Self::ContactTaken { contact, by } => format!(
                "Contact {contact} is linked to patient {by}. If both patients are one person, go on with {by}."
            ),
            Self::NoBirthDate { same_name } if same_name.is_empty() => {
                "The contact has no valid birth date. Give it here, or fill it in in the CRM and select again.".to_owned()
            }
            Self::NoBirthDate { same_name } => format!(
                "The contact has no valid birth date, and a name alone links nobody: patients {} have it. Give the birth date, or say which patient it is.",
                list(same_name)
            ),
            Self::NoName => {
                "The contact lacks a first or a last name. Fill it in in the CRM and select again.".to_owned()
            }
            Self::NothingAgrees { patient } => format!(
                "Patient {patient} has neither the contact's name nor its birth date. Correct one of the two, and select again."
            ),
            Self::SeveralContacts { contacts } => format!(
                "Contacts {} have this name and birth date. Merge them in the CRM, or select the right one and name the patient.",
                list(contacts)
            ),
            Self::PossibleContacts { contacts } => format!(
                "Contacts {} have this name and no valid birth date. Select the right one and name the patient, or say that none of them is.",
                list(contacts)
            ),
            Self::ContactConflict { contact, shared } => format!(
                "Contact {contact} has the same {shared}, which no two contacts may have. If it is this patient, correct the name or birth date of one of the two; family who share it need an address or number of their own."
            ),
            Self::PatientIncomplete { missing } => {
                format!("The patient lacks: {}. Fill it in and push again.", missing.join(", "))
            }
        }
    }
}

fn list<T: ToString>(ids: &[T]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
