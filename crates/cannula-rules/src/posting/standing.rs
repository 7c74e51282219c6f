//! An order as staff see it.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use cannula_core::{Candidate, LineKind, Money, ParkReason, PatientId, StoreOrder};
use chrono::NaiveDate;
use serde::Serialize;

use super::{
    Identified, PostedPart, PostingReason, PostingRules, PostingState, PostingVerdict,
    RefundStanding,
    due::{Later, Nothing},
    position::Position,
    state::{Entry, Obstacle},
};
use crate::Outcome;

/// The sync status of an order, in the words of the store's manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SyncStatus {
    /// Its payment will be posted.
    WaitingForSync,
    /// Its payment is posted.
    Synced,
    /// Its payment could not be posted: a person must act.
    NotSynced,
    /// It is not posted, because posting was off when it was placed.
    Disabled,
    /// It is held in the store.
    OnHold,
    /// No money was taken that could be posted.
    NothingToSync,
}

impl SyncStatus {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::WaitingForSync,
        Self::Synced,
        Self::NotSynced,
        Self::Disabled,
        Self::OnHold,
        Self::NothingToSync,
    ];
}

impl fmt::Display for SyncStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::WaitingForSync => "Waiting for Sync",
            Self::Synced => "Synced",
            Self::NotSynced => "Not Synced",
            Self::Disabled => "Disabled",
            Self::OnHold => "On Hold",
            Self::NothingToSync => "Nothing to Sync",
        })
    }
}

/// What staff do with a payment that is posted: the EMR's interface applies it to nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum FollowUp {
    /// Make a bill for the products and apply the payment.
    Bill,
    /// Make a quote for the services or memberships and apply the payment as a pre-payment.
    QuoteAndPrepay,
    /// A gift card was bought: its value is spent in the store, so do not use the payment.
    DoNotUse,
    /// Record that the store gave money back, as a refund that is not processed.
    RecordRefund {
        /// The credit memo.
        refund: String,
        /// How much, as a plain decimal number.
        amount: String,
        /// The day.
        date: NaiveDate,
        /// By the way it was paid. A credit memo that was made offline moves no money.
        online: bool,
    },
}

impl fmt::Display for FollowUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bill => f.write_str("bill and apply"),
            Self::QuoteAndPrepay => f.write_str("quote, apply as pre-payment"),
            Self::DoNotUse => f.write_str("gift card: do not use"),
            Self::RecordRefund { refund, amount, date, online: true } => {
                write!(f, "record refund {refund} of {amount} on {date}")
            }
            Self::RecordRefund { refund, amount, date, online: false } => write!(
                f,
                "refund {refund} of {amount} on {date} was made offline: record it if money was given back"
            ),
        }
    }
}

/// An order, where it stands and what is to be done.
#[derive(Clone, Debug)]
pub struct OrderStanding<'a> {
    /// The order as the store had it last.
    pub order: &'a StoreOrder,
    /// Its status.
    pub status: SyncStatus,
    /// Why, as sentences.
    pub reasons: Vec<PostingReason>,
    /// What a person must do before it goes on.
    pub park: Option<ParkReason>,
    /// Whose ledger it is on or goes to, if that is known.
    pub patient: Option<PatientId>,
    /// The patients to choose among.
    pub candidates: &'a [Candidate],
    /// What is posted.
    pub parts: &'a [PostedPart],
    /// What will be posted next.
    pub next: Option<(Money, NaiveDate)>,
    /// What staff do with what is posted.
    pub follow_ups: Vec<FollowUp>,
}

impl PostingRules {
    /// All orders of a customer as staff see them, in the order in which they were placed.
    pub fn standings<'a>(&self, state: &'a PostingState) -> Vec<OrderStanding<'a>> {
        state.in_order().map(|entry| self.standing(state, entry)).collect()
    }

    /// The orders whose money is to be on the ledger, as the ledger should have them: without
    /// those that are not posted at all, and an edited order as one with the form before, which
    /// has the same money.
    pub fn booked<'a>(&self, state: &'a PostingState) -> Vec<Cow<'a, StoreOrder>> {
        let (mut booked, mut given_back) = (BTreeMap::new(), Vec::new());
        for entry in state.in_order() {
            match self.position(state, entry) {
                Position::Disabled
                | Position::BeforeStart
                | Position::Nothing(Nothing::Moved | Nothing::Replaced) => {}
                Position::CarriedOver { from } => {
                    given_back.push((&from.order.number, &entry.order.refunds));
                }
                _ => {
                    let mut order = Cow::Borrowed(&entry.order);
                    if let Some(captured) = &entry.order.captured {
                        let own = state.own_money(entry, captured);
                        if own != *captured {
                            order.to_mut().captured = Some(own);
                        }
                    }
                    booked.insert(&entry.order.number, order);
                }
            }
        }
        for (number, refunds) in given_back.into_iter().filter(|(_, refunds)| !refunds.is_empty()) {
            if let Some(order) = booked.get_mut(number) {
                order.to_mut().refunds.extend(refunds.iter().cloned());
            }
        }
        booked.into_values().collect()
    }

    pub(super) fn standing<'a>(
        &self,
        state: &'a PostingState,
        entry: &'a Entry,
    ) -> OrderStanding<'a> {
        let number = &entry.order.number;
        let mut standing = OrderStanding {
            order: &entry.order,
            status: SyncStatus::NotSynced,
            reasons: Vec::new(),
            park: None,
            patient: None,
            candidates: &[],
            parts: &entry.parts,
            next: None,
            follow_ups: Vec::new(),
        };
        let position = self.position(state, entry);
        let is_booked = position.booked(entry).is_some();
        let (status, reason) = match position {
            Position::Disabled => (SyncStatus::Disabled, PostingReason::Disabled),
            Position::BeforeStart => (SyncStatus::Disabled, PostingReason::BeforeStart),
            Position::Later(why) => {
                let status = match why {
                    Later::OnHold => SyncStatus::OnHold,
                    Later::NotPaid => SyncStatus::WaitingForSync,
                };
                (status, PostingReason::Later { why })
            }
            Position::Nothing(why) => (SyncStatus::NothingToSync, PostingReason::Nothing { why }),
            Position::CarriedOver { .. } => {
                let why = Nothing::CarriedOver;
                (SyncStatus::NothingToSync, PostingReason::Nothing { why })
            }
            Position::Unclear(what) => {
                let (order, problem) = (number.clone(), what.problem());
                standing.park = Some(ParkReason::OrderUnclear { order, problem });
                (SyncStatus::NotSynced, PostingReason::Unclear { what })
            }
            Position::Related(other) => {
                let (order, posted) = (number.clone(), other.clone());
                standing.park = Some(ParkReason::RelatedOrder { order, posted: posted.clone() });
                (SyncStatus::NotSynced, PostingReason::Related { posted })
            }
            Position::Identify(_) => (SyncStatus::WaitingForSync, PostingReason::Identifying),
            Position::Unidentified(identified) => {
                standing.candidates = identified.candidates();
                let (park, reason) = unidentified(number.clone(), identified);
                standing.park = Some(park);
                (SyncStatus::NotSynced, reason)
            }
            Position::Blocked(Obstacle::LooksPosted { row, patient }) => {
                standing.patient = Some(patient.clone());
                let (order, row, patient) = (number.clone(), row.clone(), patient.clone());
                standing.park = Some(ParkReason::LooksPosted { order, row: row.clone(), patient });
                (SyncStatus::NotSynced, PostingReason::LooksPosted { row })
            }
            Position::Blocked(Obstacle::Unseen) => {
                standing.park = Some(ParkReason::PaymentUnseen { order: number.clone() });
                (SyncStatus::NotSynced, PostingReason::Unseen)
            }
            Position::Blocked(Obstacle::Refused(problem)) => {
                let (order, problem) = (number.clone(), problem.clone());
                standing.park =
                    Some(ParkReason::PaymentRefused { order, problem: problem.clone() });
                (SyncStatus::NotSynced, PostingReason::Refused { problem })
            }
            Position::Post { patient, amount, date } => {
                standing.patient = Some(patient.clone());
                standing.next = Some((amount, date));
                (SyncStatus::WaitingForSync, PostingReason::Posting { patient })
            }
            Position::Accepted { part, .. } => {
                standing.patient = Some(part.patient.clone());
                let patient = part.patient.clone();
                (SyncStatus::WaitingForSync, PostingReason::Accepted { patient })
            }
            Position::Posted { patient } => {
                standing.patient = Some(patient.clone());
                let created = matches!(&entry.identified, Some(Identified::Created(_)));
                let rows = entry.parts.iter().filter_map(PostedPart::row).cloned().collect();
                (SyncStatus::Synced, PostingReason::Posted { patient, created, rows })
            }
        };
        standing.status = status;
        standing.reasons.push(reason);
        if entry.parts.iter().any(|part| part.row().is_some()) {
            standing.follow_ups.extend(entry.order.lines.iter().map(|line| match line.kind {
                LineKind::Product => FollowUp::Bill,
                LineKind::Service | LineKind::Membership => FollowUp::QuoteAndPrepay,
                LineKind::GiftCard => FollowUp::DoNotUse,
            }));
        }
        if is_booked {
            self.add_refunds(entry, &mut standing);
        }
        standing.follow_ups.sort();
        standing.follow_ups.dedup();
        standing
    }

    fn add_refunds(&self, entry: &Entry, standing: &mut OrderStanding<'_>) {
        let (mut open, mut recorded) = (Vec::new(), Vec::new());
        for refund in &entry.order.refunds {
            match entry.refunds.get(&refund.number) {
                Some(RefundStanding::Recorded(_) | RefundStanding::Accepted(_)) => {
                    recorded.push(refund.number.clone());
                    continue;
                }
                Some(RefundStanding::Refused(problem)) => {
                    let (refund, problem) = (refund.number.clone(), problem.clone());
                    standing.reasons.push(PostingReason::RefundRefused { refund, problem });
                }
                Some(RefundStanding::Open) | None => {}
            }
            open.push(refund.number.clone());
            standing.follow_ups.push(FollowUp::RecordRefund {
                refund: refund.number.clone(),
                amount: refund.amount.decimal(),
                date: self.day(refund.at),
                online: refund.online,
            });
        }
        if !recorded.is_empty() {
            standing.reasons.push(PostingReason::RefundsRecorded { refunds: recorded });
        }
        if !open.is_empty() {
            standing.reasons.push(PostingReason::RefundsOpen { refunds: open.clone() });
            let order = entry.order.number.clone();
            let task = ParkReason::RefundToRecord { order, refunds: open };
            standing.park.get_or_insert(task);
        }
    }
}

impl OrderStanding<'_> {
    pub(super) fn verdict(self) -> PostingVerdict {
        let outcome = self.park.map_or(Outcome::Done, Outcome::Parked);
        PostingVerdict { outcome, reasons: self.reasons }
    }
}

fn unidentified(
    order: cannula_core::OrderNumber,
    identified: &Identified,
) -> (ParkReason, PostingReason) {
    let ambiguous = |candidates: &[Candidate], surely| PostingReason::Ambiguous {
        count: candidates.len(),
        surely,
    };
    match identified {
        Identified::Duplicated(candidates) => (
            ParkReason::DuplicatedCustomer { order, candidates: candidates.clone() },
            ambiguous(candidates, true),
        ),
        Identified::Possible(candidates) => (
            ParkReason::PossibleMatch { order, candidates: candidates.clone() },
            ambiguous(candidates, false),
        ),
        Identified::Incomplete(problems) => (
            ParkReason::CustomerIncomplete { order, problems: problems.clone() },
            PostingReason::NoPatient { problems: problems.clone() },
        ),
        Identified::Refused(problem) => (
            ParkReason::CustomerRefused { order, problem: problem.clone() },
            PostingReason::NoPatient { problems: vec![problem.clone()] },
        ),
        // Not reached: then it is clear who it is.
        Identified::Matched(_) | Identified::Created(_) => (
            ParkReason::PossibleMatch { order, candidates: Vec::new() },
            PostingReason::Identifying,
        ),
    }
}
