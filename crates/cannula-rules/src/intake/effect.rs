//! What the intake writes, and what it learns by writing.

use cannula_core::{Candidate, ContactLink, CrmContact, CrmEffect, Patient, PatientId, Phi};
use serde::{Deserialize, Serialize};

use super::FieldProblem;

/// One outward write of the intake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IntakeEffect {
    /// Find or create the patient. What comes of it decides everything else.
    Register(Box<Registration>),
    /// Tell the visits who the patient's contact is.
    Link(ContactLink),
    /// Tell staff, on the contact.
    Crm(CrmEffect),
}

impl IntakeEffect {
    /// The effect as one or two words for tables and metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Register(_) => "register",
            Self::Link(_) => "link",
            Self::Crm(effect) => effect.label(),
        }
    }
}

/// A contact that is to become a patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The contact as it was when the work began.
    pub contact: CrmContact,
    /// The candidates that were told to staff before: the word `new` means none of these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<PatientId>,
}

/// A patient by the names staff and programs have for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registrant {
    /// The EMR's id.
    pub patient: PatientId,
    /// The chart number, where the EMR has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Phi<String>>,
}

impl From<&Patient> for Registrant {
    fn from(patient: &Patient) -> Self {
        Self { patient: patient.id.clone(), chart: patient.chart_number.clone() }
    }
}

/// Patients among whom a person must decide, each with the chart number staff know it by.
pub type Candidates = Vec<(Candidate, Option<Phi<String>>)>;

/// What came of a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registered {
    /// The patient was created.
    Created(Registrant),
    /// The EMR had the patient already.
    Linked(Registrant),
    /// The EMR has the patient, found after an attempt whose answer got lost.
    Confirmed(Registrant),
    /// Fields must be filled in or corrected first; nothing was created.
    Incomplete(Vec<FieldProblem>),
    /// Patients who could be this person; nothing was created.
    Several(Candidates),
    /// The EMR refused the patient: in its words, as far as they can be shown.
    Refused(String),
}

impl Registered {
    /// The patient, if there is one now.
    pub const fn registrant(&self) -> Option<&Registrant> {
        match self {
            Self::Created(it) | Self::Linked(it) | Self::Confirmed(it) => Some(it),
            Self::Incomplete(_) | Self::Several(_) | Self::Refused(_) => None,
        }
    }
}

/// What was learned by delivering an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntakeReceipt {
    /// What came of an [`IntakeEffect::Register`].
    Registered(Registered),
    /// It holds; there was nothing to learn.
    Applied,
}
