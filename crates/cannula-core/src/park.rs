//! Why work waits for a person, and what that person should do.

use serde::{Deserialize, Serialize};

use crate::{ContactId, OrderNumber, PatientId, RecordId};

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
    /// Several patients are the store's customer by all that the store knows.
    DuplicatedCustomer {
        /// The order.
        order: OrderNumber,
        /// The patients.
        candidates: Vec<Candidate>,
    },
    /// Patients could be the store's customer, but none surely is.
    PossibleMatch {
        /// The order.
        order: OrderNumber,
        /// The patients.
        candidates: Vec<Candidate>,
    },
    /// The store's customer is no patient yet, and what a new patient must have is missing.
    CustomerIncomplete {
        /// The order.
        order: OrderNumber,
        /// What is missing or cannot be true, one sentence a field, without the values.
        problems: Vec<String>,
    },
    /// The EMR refused the store's customer as a new patient.
    CustomerRefused {
        /// The order.
        order: OrderNumber,
        /// In the EMR's words, as far as they can be shown.
        problem: String,
    },
    /// What an order says of its money is not to be posted as it stands.
    OrderUnclear {
        /// The order.
        order: OrderNumber,
        /// What is wrong.
        problem: String,
    },
    /// An order is an edited or re-created form of one that was posted, and has money of its own.
    RelatedOrder {
        /// The order.
        order: OrderNumber,
        /// The one that was posted.
        posted: OrderNumber,
    },
    /// The ledger has a payment that may be this order's, entered by somebody else.
    LooksPosted {
        /// The order.
        order: OrderNumber,
        /// The row.
        row: RecordId,
        /// The patient whose ledger it is in.
        patient: PatientId,
    },
    /// The ledger took the payment and has never shown it since.
    PaymentUnseen {
        /// The order.
        order: OrderNumber,
    },
    /// The payment could not be posted.
    PaymentRefused {
        /// The order.
        order: OrderNumber,
        /// In the EMR's words, as far as they can be shown.
        problem: String,
    },
    /// Money was given back in the store, and the ledger does not show it yet.
    RefundToRecord {
        /// The order.
        order: OrderNumber,
        /// The credit memos.
        refunds: Vec<String>,
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
                format!("the EMR has patients who could be this person: {}", listed(candidates))
            }
            Self::PatientRefused { problem } => format!("the EMR refused the patient: {problem}"),
            Self::DuplicatedCustomer { order, candidates } => {
                format!("duplicated customer of order {order}: {}", listed(candidates))
            }
            Self::PossibleMatch { order, candidates } => {
                format!("order {order}: patients who could be the customer: {}", listed(candidates))
            }
            Self::CustomerIncomplete { order, problems } => format!(
                "the customer of order {order} is no patient yet and cannot become one: {}",
                problems.join(" ")
            ),
            Self::CustomerRefused { order, problem } => {
                format!("the EMR refused the customer of order {order} as a patient: {problem}")
            }
            Self::OrderUnclear { order, problem } => format!("order {order}: {problem}"),
            Self::RelatedOrder { order, posted } => format!(
                "order {order} is another form of order {posted}, which is posted, and has money of its own"
            ),
            Self::LooksPosted { order, row, patient } => format!(
                "row {row} on the ledger of patient {patient} may be order {order}, entered by somebody else"
            ),
            Self::PaymentUnseen { order } => {
                format!("the EMR may have taken the payment of order {order} and does not show it")
            }
            Self::PaymentRefused { order, problem } => {
                format!("the payment of order {order} could not be posted: {problem}")
            }
            Self::RefundToRecord { order, refunds } => format!(
                "order {order} was refunded in the store and the ledger does not show it: credit memo {}",
                refunds.join(", ")
            ),
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
                "Add an e-mail address or a phone number to the patient in the EMR (or lift its privacy mark). It is picked up as soon as the EMR tells of the change, and else with the patient's next appointment or payment; a replay looks at once."
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
            Self::DuplicatedCustomer { .. } | Self::PossibleMatch { .. } => {
                "Choose the patient and resolve the order with it, or with `new` if it is none of them."
                    .to_owned()
            }
            Self::CustomerIncomplete { .. } => {
                "Register the patient in the EMR, or complete the customer in the store; then resolve the order with the patient, or replay."
                    .to_owned()
            }
            Self::CustomerRefused { .. } => {
                "Register the patient in the EMR, then resolve the order with it.".to_owned()
            }
            Self::OrderUnclear { .. } => {
                "Look at the order in the store; it is read again when it changes. If it is to stay as it is, enter the payment by hand."
                    .to_owned()
            }
            Self::RelatedOrder { .. } => {
                "Look at both orders in the store. If both were paid, resolve this one with its patient; if not, leave it."
                    .to_owned()
            }
            Self::LooksPosted { .. } => {
                "Look at the row. If it is this order, leave it; if it is not, resolve the order with its patient, and it is posted."
                    .to_owned()
            }
            Self::PaymentUnseen { .. } => {
                "Look for the payment in the EMR. If it is there, under whatever description, leave it; if it is not, resolve the order with its patient, and it is posted again."
                    .to_owned()
            }
            Self::PaymentRefused { .. } => {
                "Correct what the EMR objects to, mostly in the configuration, then replay."
                    .to_owned()
            }
            Self::RefundToRecord { .. } => {
                "Record the refund on the patient's payment in the EMR (a refund that is only recorded, not processed), then replay."
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

fn listed(candidates: &[Candidate]) -> String {
    let one = |it: &Candidate| {
        let Candidate { patient, agrees, differs } = it;
        let but = if differs.is_empty() { "" } else { ", other " };
        format!("{patient} (same {agrees}{but}{differs})")
    };
    candidates.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Quotes a value for a CSV row where it needs quoting.
fn csv_cell(value: &str) -> String {
    if value.contains([',', '"', '\n']) || value.trim() != value {
        format!("\"{}\"", value.replace('"', "\"\""))
    } else {
        value.to_owned()
    }
}
