//! What became of an order, and why.

use cannula_core::{OrderNumber, PatientChoice, PatientId, RecordId};
use serde::{Deserialize, Serialize};

use super::due::{Later, Nothing, Unclear};
use crate::Outcome;

/// How an event of the store ended and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostingVerdict {
    /// How it ended; never [`Outcome::Waiting`].
    pub outcome: Outcome,
    /// Why, in the order to read them.
    pub reasons: Vec<PostingReason>,
}

impl PostingVerdict {
    pub(super) fn done(reasons: impl Into<Vec<PostingReason>>) -> Self {
        Self { outcome: Outcome::Done, reasons: reasons.into() }
    }
}

/// Why an event of the store ended as it did. Stored with the verdict, so it holds no personal
/// data and no amounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PostingReason {
    /// A newer state of the order is known.
    Superseded,
    /// The order was placed while posting was off.
    Disabled,
    /// The order was placed before posting began.
    BeforeStart,
    /// Nothing is due yet.
    Later {
        /// Why.
        why: Later,
    },
    /// Nothing is due.
    Nothing {
        /// Why.
        why: Nothing,
    },
    /// What the order says of its money cannot be posted.
    Unclear {
        /// What is wrong.
        what: Unclear,
    },
    /// Another form of the order has the first claim.
    Related {
        /// That order.
        posted: OrderNumber,
    },
    /// The customer is being looked for.
    Identifying,
    /// The customer could be several patients, or perhaps one.
    Ambiguous {
        /// How many.
        count: usize,
        /// They are the customer by all that is known.
        surely: bool,
    },
    /// The customer is nobody's, and cannot be made a patient.
    NoPatient {
        /// Why not, one sentence each.
        problems: Vec<String>,
    },
    /// A row of the ledger may be this payment.
    LooksPosted {
        /// The row.
        row: RecordId,
    },
    /// The ledger took the payment and has never shown it since.
    Unseen,
    /// The payment could not be posted.
    Refused {
        /// In its words.
        problem: String,
    },
    /// The payment is on its way.
    Posting {
        /// To whose ledger.
        patient: PatientId,
    },
    /// The EMR took the payment, and does not show it yet.
    Accepted {
        /// To whose ledger.
        patient: PatientId,
    },
    /// The payment is in the ledger.
    Posted {
        /// Whose.
        patient: PatientId,
        /// The patient was made for it.
        created: bool,
        /// The rows.
        rows: Vec<RecordId>,
    },
    /// Refunds are recorded in the ledger.
    RefundsRecorded {
        /// The credit memos.
        refunds: Vec<String>,
    },
    /// Refunds must be recorded by hand.
    RefundsOpen {
        /// The credit memos.
        refunds: Vec<String>,
    },
    /// The ledger refused a refund.
    RefundRefused {
        /// The credit memo.
        refund: String,
        /// In its words.
        problem: String,
    },
    /// Staff decided whose order it is.
    Decided {
        /// The order.
        order: OrderNumber,
        /// Whose.
        choice: PatientChoice,
        /// For other orders too.
        remember: bool,
    },
    /// Posting has no use for this kind of record.
    NotUsed,
}

impl PostingReason {
    /// The reason as a sentence for staff: what happened, why, and what would change it.
    pub fn sentence(&self) -> String {
        let listed = |all: &[String]| all.join(", ");
        match self {
            Self::Superseded => "A newer state of the order is known, and that one counts.".to_owned(),
            Self::Disabled => "Posting was off when the order was placed, so it stays in the store only.".to_owned(),
            Self::BeforeStart => "The order was placed before posting began (`start_from`), so it stays in the store only.".to_owned(),
            Self::Later { why: Later::OnHold } => "The order is on hold in the store, by its risk score or by staff. Its card may have been charged; it is posted when the hold is taken off.".to_owned(),
            Self::Later { why: Later::NotPaid } => "The store has taken no money for the order yet; it is posted when it has.".to_owned(),
            Self::Nothing { why } => match why {
                Nothing::Free => "The order costs nothing, so there is nothing to post.",
                Nothing::GiftCard => "A gift card, store credit or points paid for the whole order, so no money came in and there is nothing to post.",
                Nothing::Canceled => "The order was canceled before money was taken, so there is nothing to post.",
                Nothing::RefundedWhole => "All the money was given back before it was posted, so neither is posted.",
                Nothing::Replaced => "The order was edited, and the form that took its place is posted instead.",
                Nothing::CarriedOver => "The order is an edited form of one that is posted, over the same money, so there is nothing to post.",
                Nothing::Moved => "The order belongs to another customer of the store now, and is handled there.",
            }
            .to_owned(),
            Self::Unclear { what } => format!("Nothing is posted: {}.", what.problem()),
            Self::Related { posted } => format!(
                "The order is an edited or re-created form of order {posted}, so it is not posted beside it before staff have looked."
            ),
            Self::Identifying => "The customer is looked for among the patients.".to_owned(),
            Self::Ambiguous { count, surely: true } => format!(
                "Duplicated customer: {count} patients have the customer's e-mail, phone and name."
            ),
            Self::Ambiguous { count, surely: false } => {
                let who = if *count == 1 { "a patient".to_owned() } else { format!("{count} patients") };
                format!("Possible match: {who} could be the customer, but not surely, so staff decide.")
            }
            Self::NoPatient { problems } => format!(
                "The customer is no patient yet and cannot be made one: {}",
                problems.join(" ")
            ),
            Self::LooksPosted { row } => format!(
                "Row {row} of the patient's ledger has the same amount at the same date and not our marker, so the order may have been posted by somebody else."
            ),
            Self::Unseen => "The EMR took the payment and does not show it, so staff look for it; it is not sent again unless they say so.".to_owned(),
            Self::Refused { problem } => format!("The payment could not be posted: {problem}"),
            Self::Posting { patient } => format!("The payment goes to the ledger of patient {patient}."),
            Self::Accepted { patient } => format!("The payment was taken for the ledger of patient {patient}, which does not show it yet; it is looked for, and not sent again."),
            Self::Posted { patient, created, rows } => {
                let rows: Vec<_> = rows.iter().map(RecordId::as_str).collect();
                let made = if *created { ", who was created for it" } else { "" };
                format!("The payment is on the ledger of patient {patient}{made}: row {}.", rows.join(", "))
            }
            Self::RefundsRecorded { refunds } => {
                format!("The ledger has the refund of credit memo {}.", listed(refunds))
            }
            Self::RefundsOpen { refunds } => format!(
                "The store gave money back by credit memo {}, and the ledger does not show it yet: staff record it.",
                listed(refunds)
            ),
            Self::RefundRefused { refund, problem } => {
                format!("The refund of credit memo {refund} was refused: {problem}")
            }
            Self::Decided { order, choice: PatientChoice::Patient(patient), remember } => {
                let scope = if *remember { " and the customer's other orders" } else { "" };
                format!("Staff say that order {order}{scope} belong to patient {patient}.")
            }
            Self::Decided { order, choice: PatientChoice::New, .. } => {
                format!("Staff say that the customer of order {order} is none of the patients who were found.")
            }
            Self::NotUsed => "This kind of record is not used by posting.".to_owned(),
        }
    }
}
