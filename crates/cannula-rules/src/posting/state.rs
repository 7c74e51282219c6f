//! What is known of one customer of the store, kept by the engine between decisions.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{
    EventId, Money, OrderNumber, PatientChoice, PatientId, RecordId, StoreOrder, Version,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    Identified, Marker, PostPayment, PostingEffect, PostingReceipt, PostingVerdict, marker::Part,
};

/// What is known of one customer: their orders and what was posted for each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostingState {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) orders: BTreeMap<OrderNumber, Entry>,
    /// Decisions of staff, the newest of each order.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) decisions: BTreeMap<OrderNumber, Decided>,
    /// The patients about whom staff were asked so far.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) asked: BTreeSet<PatientId>,
    /// Patients whom the EMR had and has no more.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) gone: BTreeSet<PatientId>,
}

/// A decision of staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Decided {
    pub(super) version: Version,
    pub(super) choice: PatientChoice,
    /// It holds for the customer's other orders too.
    pub(super) remember: bool,
}

/// An order, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The event with the newest state.
    pub(super) event: EventId,
    pub(super) version: Version,
    pub(super) order: StoreOrder,
    /// Posting was off when the order was first seen, so it is not posted.
    #[serde(default)]
    pub(super) disabled: bool,
    /// Who the customer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) identified: Option<Identified>,
    /// What was posted, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<PostedPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) obstacle: Option<Obstacle>,
    /// Staff decided after they were told of [`Obstacle::LooksPosted`].
    #[serde(default)]
    pub(super) insist: bool,
    /// Credit memos by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) refunds: BTreeMap<String, RefundStanding>,
    /// The verdict told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) told: Option<PostingVerdict>,
}

/// Why a payment is not in the ledger although it is clear whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Obstacle {
    LooksPosted {
        row: RecordId,
        patient: PatientId,
    },
    /// The ledger took the payment and never showed it.
    Unseen,
    Refused(String),
}

/// A payment that is in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedPart {
    /// What is seen of it.
    pub seen: Seen,
    /// Whose ledger.
    pub patient: PatientId,
    /// How much.
    pub amount: Money,
    /// The day it was posted for.
    pub date: NaiveDate,
}

/// What is seen in a ledger of a payment that is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// This row.
    Row(RecordId),
    /// Nothing yet: the EMR took it then.
    NotYet(DateTime<Utc>),
}

impl PostedPart {
    /// The row, once there is one.
    pub fn row(&self) -> Option<&RecordId> {
        match &self.seen {
            Seen::Row(row) => Some(row),
            Seen::NotYet(_) => None,
        }
    }
}

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStanding {
    /// This row of the ledger records it.
    Recorded(RecordId),
    /// It was posted, and the EMR took it then and does not show it yet.
    Accepted(DateTime<Utc>),
    /// Staff have to record it.
    Open,
    /// The EMR refused it as a negative payment, so staff have to record it.
    Refused(String),
}

impl Entry {
    pub(super) fn new(event: EventId, version: Version, order: StoreOrder, disabled: bool) -> Self {
        Self {
            event,
            version,
            order,
            disabled,
            identified: None,
            parts: Vec::new(),
            obstacle: None,
            insist: false,
            refunds: BTreeMap::new(),
            told: None,
        }
    }

    /// What was posted so far; `None` if it cannot be summed.
    pub(super) fn posted(&self) -> Option<Money> {
        let mut parts = self.parts.iter().map(|part| part.amount);
        let first = parts.next()?;
        parts.try_fold(first, Money::checked_add)
    }

    /// Forgets why it did not go through, so that it is tried again.
    pub(super) fn try_again(&mut self) {
        if self.identified.as_ref().is_some_and(|it| it.patient().is_none()) {
            self.identified = None;
        }
        self.obstacle = None;
        self.refunds.retain(|_, standing| {
            matches!(standing, RefundStanding::Recorded(_) | RefundStanding::Accepted(_))
        });
    }
}

impl PostingState {
    /// Records that `effect` was delivered, so that it is not planned again.
    pub fn applied(&mut self, effect: &PostingEffect, receipt: &PostingReceipt) {
        match (effect, receipt) {
            (PostingEffect::Identify(asked), PostingReceipt::Identified(identified)) => {
                let candidates = identified.candidates().iter();
                self.asked.extend(candidates.map(|it| it.patient.clone()));
                if let Some(entry) = self.orders.get_mut(&asked.order) {
                    entry.identified = Some(identified.clone());
                }
            }
            (PostingEffect::Post(post) | PostingEffect::Confirm { post, .. }, receipt) => {
                match Marker::parse(post.description.expose()).map(|it| it.part) {
                    Some(Part::Refund(memo)) => self.refunded(post, memo, receipt),
                    Some(Part::Payment(number)) => self.paid(post, number, receipt),
                    // Not reached: every description begins with a marker.
                    None => {}
                }
            }
            (PostingEffect::FindRefund(lookup), receipt) => {
                let Some(entry) = self.orders.get_mut(&lookup.order) else { return };
                let standing = match receipt {
                    PostingReceipt::RefundFound(row) => RefundStanding::Recorded(row.clone()),
                    _ => RefundStanding::Open,
                };
                entry.refunds.insert(lookup.refund.clone(), standing);
            }
            _ => {}
        }
    }

    fn paid(&mut self, post: &PostPayment, number: u32, receipt: &PostingReceipt) {
        if *receipt == PostingReceipt::PatientGone {
            self.gone(&post.patient);
            return;
        }
        let Some(entry) = self.orders.get_mut(&post.order) else { return };
        let part = match receipt {
            PostingReceipt::Posted(part) => part.clone(),
            PostingReceipt::Accepted(at) => PostedPart {
                seen: Seen::NotYet(*at),
                patient: post.patient.clone(),
                amount: post.amount,
                date: post.date,
            },
            PostingReceipt::LooksPosted(row) => {
                let (row, patient) = (row.clone(), post.patient.clone());
                entry.obstacle = Some(Obstacle::LooksPosted { row, patient });
                return;
            }
            PostingReceipt::Unseen => {
                entry.obstacle = Some(Obstacle::Unseen);
                return;
            }
            PostingReceipt::Refused(problem) => {
                entry.obstacle = Some(Obstacle::Refused(problem.clone()));
                return;
            }
            _ => return,
        };
        entry.insist = false;
        let index = usize::try_from(number).unwrap_or(1).saturating_sub(1);
        match entry.parts.get_mut(index) {
            Some(accepted) => *accepted = part,
            None => entry.parts.push(part),
        }
    }

    fn refunded(&mut self, post: &PostPayment, memo: String, receipt: &PostingReceipt) {
        let standing = match receipt {
            PostingReceipt::Accepted(at) => RefundStanding::Accepted(*at),
            PostingReceipt::Refused(problem) => RefundStanding::Refused(problem.clone()),
            PostingReceipt::Unseen => {
                RefundStanding::Refused("the ledger took it and does not show it".to_owned())
            }
            PostingReceipt::PatientGone => {
                RefundStanding::Refused("the EMR does not have the patient any more".to_owned())
            }
            receipt => match receipt.row() {
                Some(row) => RefundStanding::Recorded(row),
                None => return,
            },
        };
        if let Some(entry) = self.orders.get_mut(&post.order) {
            entry.refunds.insert(memo, standing);
        }
    }

    /// Forgets a patient whom the EMR has no more, as after a merge.
    fn gone(&mut self, patient: &PatientId) {
        self.gone.insert(patient.clone());
        self.decisions.retain(|_, it| it.choice != PatientChoice::Patient(patient.clone()));
        for entry in self.orders.values_mut() {
            if entry.identified.as_ref().and_then(Identified::patient) == Some(patient) {
                entry.identified = None;
            }
        }
    }

    /// Whether staff chose this patient for one of the orders.
    pub fn is_chosen(&self, patient: &PatientId) -> bool {
        let mut choices = self.decisions.values().map(|it| &it.choice);
        choices.any(|it| matches!(it, PatientChoice::Patient(chosen) if chosen == patient))
    }

    /// The rows of the ledger that are accounted for: posted by us, or the record of a refund.
    pub fn rows(&self) -> impl Iterator<Item = &RecordId> {
        self.orders.values().flat_map(|entry| {
            let refunds = entry.refunds.values().filter_map(|standing| match standing {
                RefundStanding::Recorded(row) => Some(row),
                _ => None,
            });
            entry.parts.iter().filter_map(PostedPart::row).chain(refunds)
        })
    }

    /// An order as the store had it last.
    pub fn order(&self, number: &OrderNumber) -> Option<&StoreOrder> {
        self.orders.get(number).map(|entry| &entry.order)
    }

    /// What was posted for an order, or for the one that it is an edited form of.
    pub fn parts(&self, number: &OrderNumber) -> &[PostedPart] {
        let Some(entry) = self.orders.get(number) else { return &[] };
        let first = self.orders.get(&entry.order.first_number);
        let booked = Some(entry).filter(|entry| !entry.parts.is_empty()).or(first);
        booked.map_or(&[], |entry| &entry.parts)
    }
}
