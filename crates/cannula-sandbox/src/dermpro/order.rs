//! An order as the store keeps it.

use cannula_core::OrderNumber;
use chrono::{DateTime, Utc};

use super::{
    checkout::{Line, StoreTender, Totals},
    shopper::{Identity, Shopper},
};

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreState {
    /// Placed; nothing was taken yet.
    New,
    /// Paid at least in part, something is still to be done.
    Processing,
    /// Paid, and nothing is left to be done.
    Complete,
    /// Refunded whole.
    Closed,
    /// Given up.
    Canceled,
    /// On hold.
    Held,
}

impl StoreState {
    /// `state` on the wire.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Processing => "processing",
            Self::Complete => "complete",
            Self::Closed => "closed",
            Self::Canceled => "canceled",
            Self::Held => "holded",
        }
    }

    /// `status` on the wire: a label of the store's own, which nobody should decide on.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::New => "pending",
            Self::Held => "fraud_review",
            other => other.code(),
        }
    }
}

/// An invoice, of money that was taken; or a credit memo, of money that went back or is said to.
#[derive(Clone, Debug)]
pub(super) struct Paper {
    pub(super) id: u32,
    pub(super) increment: String,
    pub(super) amount: i64,
    pub(super) at: DateTime<Utc>,
    /// The gateway's transaction. An invoice without one only repeats what the order's predecessor
    /// took; for a credit memo without one no gateway moved money.
    pub(super) txn: Option<String>,
    /// Entered and not carried out.
    pub(super) open: bool,
}

impl Paper {
    /// `state` on the wire: carried out is 2 for both kinds.
    pub(super) const fn state(&self) -> u32 {
        if self.open { 1 } else { 2 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TxnKind {
    Authorization,
    Capture,
    Refund,
}

impl TxnKind {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Capture => "capture",
            Self::Refund => "refund",
        }
    }
}

/// What the gateway did.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) id: u32,
    pub(super) kind: TxnKind,
    pub(super) txn: String,
    pub(super) parent: Option<(u32, String)>,
    pub(super) at: DateTime<Utc>,
}

/// How an order came from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It is another one, edited.
    Edited(OrderNumber),
    /// It was ordered again and paid again.
    Reordered(OrderNumber),
}

/// Another order that this one came from or went to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) id: u32,
    pub(super) increment: String,
}

/// One order.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) id: u32,
    pub(super) increment: String,
    pub(super) view: u32,
    /// The number it was first placed under, if it is another.
    pub(super) original: Option<String>,
    pub(super) edits: u32,
    pub(super) origin: Option<Origin>,
    pub(super) parent: Option<Relation>,
    pub(super) child: Option<Relation>,
    pub(super) state: StoreState,
    pub(super) before_hold: StoreState,
    pub(super) placed_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) customer: Option<u32>,
    pub(super) shopper: Shopper,
    pub(super) identity: Identity,
    pub(super) lines: Vec<Line>,
    /// The id of the first row; a configurable line has two.
    pub(super) first_item: u32,
    pub(super) tender: StoreTender,
    pub(super) coupon: Option<String>,
    pub(super) totals: Totals,
    pub(super) invoices: Vec<Paper>,
    pub(super) memos: Vec<Paper>,
    pub(super) transactions: Vec<Transaction>,
}

impl Order {
    pub(super) fn number(&self) -> OrderNumber {
        number(self.view, &self.increment)
    }

    /// The number it was first placed under.
    pub(super) fn first_number(&self) -> OrderNumber {
        number(self.view, self.original.as_deref().unwrap_or(&self.increment))
    }

    pub(super) fn paid(&self) -> i64 {
        self.invoices.iter().map(|invoice| invoice.amount).sum()
    }

    pub(super) fn refunded(&self) -> i64 {
        self.memos.iter().filter(|memo| !memo.open).map(|memo| memo.amount).sum()
    }

    /// What of [`Order::refunded`] the gateway paid back.
    pub(super) fn refunded_online(&self) -> i64 {
        let online = self.memos.iter().filter(|memo| !memo.open && memo.txn.is_some());
        online.map(|memo| memo.amount).sum()
    }

    pub(super) fn ships(&self) -> bool {
        self.lines.iter().any(|line| line.article.ships())
    }
}

/// The number of an order as the project's configuration writes it: with its view unless that is
/// the main one.
fn number(view: u32, increment: &str) -> OrderNumber {
    match view {
        1 => OrderNumber::new(increment),
        view => OrderNumber::new(format!("{view}:{increment}")),
    }
}
