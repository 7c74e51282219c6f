//! A line of the report.

use std::fmt;

use cannula_core::{Money, OrderNumber, PatientId, RecordId};
use chrono::NaiveDate;
use serde::Serialize;

use super::sums::decimal_or_none;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// The store took money that is not on the ledger.
    OnlyInStore,
    /// The ledger has money that the store does not have.
    OnlyInLedger,
    /// Both have it, with different amounts.
    AmountDiffers,
    /// Both have it, at different dates.
    DateDiffers,
    /// Several active rows carry the same marker.
    DuplicateMarker,
    /// The order is on hold, so its money is not on the ledger yet.
    Held,
    /// It was on the ledger and was voided or deleted there.
    VoidedInLedger,
    /// The store gave money back, and the ledger does not show it.
    RefundNotRecorded,
    /// All of it was given back before it was posted, so neither is on the ledger.
    RefundedUnposted,
    /// Staff recorded a refund at a later date than the store's.
    RecordedLater,
    /// A gift card or store credit paid a part, or all.
    GiftCard,
    /// A part of the total is unaccounted for; another module's, often a gift card's.
    Unexplained,
    /// A discount was given.
    Discount,
    /// Reward points paid a part.
    Rewards,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::OnlyInStore,
        Self::OnlyInLedger,
        Self::AmountDiffers,
        Self::DateDiffers,
        Self::DuplicateMarker,
        Self::Held,
        Self::VoidedInLedger,
        Self::RefundNotRecorded,
        Self::RefundedUnposted,
        Self::RecordedLater,
        Self::GiftCard,
        Self::Unexplained,
        Self::Discount,
        Self::Rewards,
    ];
}

/// The kind as a heading.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OnlyInStore => "only in the store",
            Self::OnlyInLedger => "only in the ledger",
            Self::AmountDiffers => "amount differs",
            Self::DateDiffers => "date differs",
            Self::DuplicateMarker => "duplicate marker",
            Self::Held => "held",
            Self::VoidedInLedger => "voided in the ledger",
            Self::RefundNotRecorded => "refund not recorded",
            Self::RefundedUnposted => "refunded before posting",
            Self::RecordedLater => "refund recorded later",
            Self::GiftCard => "gift card",
            Self::Unexplained => "unexplained",
            Self::Discount => "discount",
            Self::Rewards => "rewards",
        })
    }
}

/// One difference or note. What was given back is a negative amount here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is about.
    pub kind: Kind,
    /// The order, unless the row belongs to none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderNumber>,
    /// The credit memo, if it is about money given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund: Option<String>,
    /// The rows of the ledger.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RecordId>,
    /// Whose ledger they are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// The day at which the store has it, on the practice's calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_date: Option<NaiveDate>,
    /// What the store has.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "decimal_or_none")]
    pub store_amount: Option<Money>,
    /// The day at which the ledger has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger_date: Option<NaiveDate>,
    /// What the ledger has.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "decimal_or_none")]
    pub ledger_amount: Option<Money>,
    /// What is the matter and what to do, for staff.
    pub sentence: String,
}

impl Line {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            order: None,
            refund: None,
            rows: Vec::new(),
            patient: None,
            store_date: None,
            store_amount: None,
            ledger_date: None,
            ledger_amount: None,
            sentence: String::new(),
        }
    }

    /// Where it stands among the others.
    pub(super) fn place(&self) -> impl Ord + '_ {
        let date = self.store_date.or(self.ledger_date);
        (date, &self.order, &self.refund, self.kind, &self.rows)
    }

    /// What it is about, as the beginning of a sentence.
    pub(super) fn subject(&self) -> String {
        match (&self.order, &self.refund) {
            (Some(order), Some(refund)) => format!("Credit memo {refund} of order {order}"),
            (Some(order), None) => format!("Order {order}"),
            (None, _) => "A payment".to_owned(),
        }
    }

    pub(super) fn saying(mut self, clause: impl fmt::Display) -> Self {
        self.sentence = format!("{} {clause}", self.subject());
        self
    }
}
