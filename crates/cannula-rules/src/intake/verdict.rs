//! What became of a request, and why.

use cannula_core::PatientId;
use serde::{Deserialize, Serialize};

use super::FieldProblem;
use crate::Outcome;

/// How an event of the intake ended and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeVerdict {
    /// How it ended. [`Outcome::Waiting`] is for the contact.
    pub outcome: Outcome,
    /// Why, in the order to read them.
    pub reasons: Vec<IntakeReason>,
}

impl IntakeVerdict {
    pub(super) fn done(reason: IntakeReason) -> Self {
        Self { outcome: Outcome::Done, reasons: vec![reason] }
    }
}

/// Why an event of the intake ended as it did. Stored with the verdict, so it holds no personal
/// data: patients appear by the EMR's id, not by chart number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum IntakeReason {
    /// The contact bears none of the create tags.
    NotAsked {
        /// The tag that asks.
        tag: String,
    },
    /// The contact must be read first.
    WaitingForContact,
    /// The patient is being looked for, and created if there is none.
    Registering {
        /// The EMR.
        product: String,
    },
    /// The contact no longer bore the tag when the work began.
    Withdrawn {
        /// The tag that asks.
        tag: String,
    },
    /// Another request for the same contact was at work.
    AnsweredWith {
        /// That request's reference, as in its note.
        reference: String,
    },
    /// The tag was applied again, and that request's outcome counts.
    AnsweredLater {
        /// That request's reference, as in its note.
        reference: String,
    },
    /// The patient was created.
    Created {
        /// The EMR.
        product: String,
        /// The patient.
        patient: PatientId,
    },
    /// The EMR had the patient.
    Linked {
        /// The EMR.
        product: String,
        /// The patient.
        patient: PatientId,
    },
    /// The patient was found after an attempt whose answer got lost.
    Confirmed {
        /// The EMR.
        product: String,
        /// The patient.
        patient: PatientId,
    },
    /// The contact was made a patient before.
    Already {
        /// The EMR.
        product: String,
        /// The patient.
        patient: PatientId,
    },
    /// Fields are missing or wrong.
    Incomplete {
        /// Which, and what is wrong.
        problems: Vec<FieldProblem>,
    },
    /// Patients could be the person.
    Several {
        /// The EMR.
        product: String,
        /// How many.
        count: usize,
    },
    /// The EMR refused the patient.
    Refused {
        /// The EMR.
        product: String,
        /// In its words.
        problem: String,
    },
    /// The tag belongs to another product.
    WrongTag {
        /// The tag on the contact.
        tag: String,
        /// Whose it is.
        product: String,
        /// The EMR of this practice.
        ours: String,
        /// Its tag.
        right: String,
    },
    /// The contact is gone, so nobody can be told on it.
    ContactGone,
    /// The contact was read to answer a request.
    ContactRead,
    /// The intake has no use for this kind of record.
    NotUsed,
}

impl IntakeReason {
    /// The reason as a sentence for staff: what happened, why, and what would change it.
    pub fn sentence(&self) -> String {
        match self {
            Self::NotAsked { tag } => format!(
                "The contact does not bear the tag “{tag}”, so no patient is asked for. A space and a hyphen in a tag are different characters."
            ),
            Self::WaitingForContact => "The contact has not been read from the CRM yet; the work begins as soon as it is.".to_owned(),
            Self::Registering { product } => format!(
                "The person is looked for in {product} and created there if nobody is found."
            ),
            Self::Withdrawn { tag } => format!(
                "When the contact was read the tag “{tag}” was no longer on it: somebody removed it, or it was worked off before. Nothing was done."
            ),
            Self::AnsweredWith { reference } => format!(
                "The tag was already being worked off, so this request is answered by the one before it ({reference})."
            ),
            Self::AnsweredLater { reference } => format!(
                "The tag was applied again later, and that request answers this one too ({reference})."
            ),
            Self::Created { product, patient } => format!("Created in {product} as patient {patient}."),
            Self::Linked { product, patient } => format!(
                "{product} has the person already as patient {patient}, so the contact is linked and nobody is created."
            ),
            Self::Confirmed { product, patient } => format!(
                "The answer to an earlier attempt got lost; {product} has the person as patient {patient}, so nobody is created again."
            ),
            Self::Already { product, patient } => format!(
                "The contact was made patient {patient} in {product} before, so nobody is created."
            ),
            Self::Incomplete { problems } => {
                let all: Vec<_> = problems.iter().map(FieldProblem::to_string).collect();
                format!("No patient is created: {}", all.join(" "))
            }
            Self::Several { product, count } => {
                let who = match count {
                    1 => "a patient".to_owned(),
                    count => format!("{count} patients"),
                };
                format!(
                    "{product} has {who} who could be this person, so nobody is created before staff have decided."
                )
            }
            Self::Refused { product, problem } => {
                format!("{product} refused the patient: {problem}")
            }
            Self::WrongTag { tag, product, ours, right } => format!(
                "The tag “{tag}” makes patients in {product}. This practice's patients are in {ours}: apply “{right}” instead."
            ),
            Self::ContactGone => "The contact is gone from the CRM (deleted or merged), so the outcome cannot be left on it.".to_owned(),
            Self::ContactRead => "The contact was read to see whether it still asks for a patient, and with what data.".to_owned(),
            Self::NotUsed => "This kind of record is not used by the intake.".to_owned(),
        }
    }
}
