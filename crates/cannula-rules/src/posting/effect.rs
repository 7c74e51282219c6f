//! What posting writes, and what it learns by writing.

use cannula_core::{Candidate, Money, OrderNumber, PatientId, Phi, RecordId, StoreCustomer};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::PostedPart;

/// One outward step of posting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostingEffect {
    /// Find the customer among the patients, or make a patient of them.
    Identify(Box<Identification>),
    /// Put money on the patient's ledger, or take it off.
    Post(Box<PostPayment>),
    /// Find the row of a payment that the EMR took.
    Confirm {
        /// The payment.
        post: Box<PostPayment>,
        /// When the EMR took it.
        since: DateTime<Utc>,
    },
    /// See whether staff have recorded a refund.
    FindRefund(Box<RefundLookup>),
}

impl PostingEffect {
    /// The effect as one or two words for tables and metrics.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Identify(_) => "identify",
            Self::Post(post) if post.amount.is_negative() => "post refund",
            Self::Post(_) => "post payment",
            Self::Confirm { .. } => "confirm payment",
            Self::FindRefund(_) => "find refund",
        }
    }
}

/// A customer who is to be found among the patients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identification {
    /// The order that asks.
    pub order: OrderNumber,
    /// The customer as the order has them.
    pub customer: StoreCustomer,
    /// Patients who are not the customer: staff said so, or the EMR has them no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<PatientId>,
}

/// Money to be posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostPayment {
    /// The order.
    pub order: OrderNumber,
    /// Whose ledger.
    pub patient: PatientId,
    /// How much; negative for a refund.
    pub amount: Money,
    /// The day on the practice's calendar.
    pub date: NaiveDate,
    /// What it is for, the [`Marker`](super::Marker) first.
    pub description: Phi<String>,
    /// The store's code of the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
    /// Staff have seen the row that looks like this payment, and say that it is another.
    #[serde(default)]
    pub insist: bool,
}

/// A refund that staff are to record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundLookup {
    /// The order.
    pub order: OrderNumber,
    /// The credit memo.
    pub refund: String,
    /// Whose ledger.
    pub patient: PatientId,
    /// How much, as a positive amount.
    pub amount: Money,
    /// When the store gave it back: it is not recorded before that.
    pub since: NaiveDate,
}

/// Who the customer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identified {
    /// This patient, who was there.
    Matched(PatientId),
    /// This patient, who was made for it.
    Created(PatientId),
    /// Each of these by all the store knows.
    Duplicated(Vec<Candidate>),
    /// Perhaps one of these.
    Possible(Vec<Candidate>),
    /// Nobody, and what a patient must have is missing: a sentence a field.
    Incomplete(Vec<String>),
    /// Nobody, and the EMR refused the new patient.
    Refused(String),
}

impl Identified {
    /// The patient, if it is clear who it is.
    pub const fn patient(&self) -> Option<&PatientId> {
        match self {
            Self::Matched(patient) | Self::Created(patient) => Some(patient),
            _ => None,
        }
    }

    /// The patients among whom staff must choose.
    pub fn candidates(&self) -> &[Candidate] {
        match self {
            Self::Duplicated(all) | Self::Possible(all) => all,
            _ => &[],
        }
    }
}

impl PostingReceipt {
    /// The row of the ledger, if there is one now.
    pub fn row(&self) -> Option<RecordId> {
        match self {
            Self::Posted(part) => part.row().cloned(),
            Self::RefundFound(row) => Some(row.clone()),
            _ => None,
        }
    }
}

/// What was learned by delivering an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PostingReceipt {
    /// What came of an [`PostingEffect::Identify`].
    Identified(Identified),
    /// The payment is in the ledger, as this.
    Posted(PostedPart),
    /// The EMR took the payment at this time, and does not show it yet.
    Accepted(DateTime<Utc>),
    /// The EMR may have taken the payment, and whether it has cannot be seen there.
    Unseen,
    /// The ledger has a row that may be this payment; nothing was posted.
    LooksPosted(RecordId),
    /// The EMR does not have the patient any more.
    PatientGone,
    /// The payment could not be posted: the EMR refused it, or what is there cannot be read.
    Refused(String),
    /// The refund is recorded by this row.
    RefundFound(RecordId),
    /// The refund is not recorded yet.
    RefundMissing,
}
