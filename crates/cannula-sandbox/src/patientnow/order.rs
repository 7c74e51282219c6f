//! What the sales register keeps, as the practice knows it.

use cannula_core::{Currency, MembershipStatus, Money, PatientId, RecordId};
use chrono::{DateTime, NaiveDate, Utc};

use crate::practice::{KINDS, LOCATIONS, Location};

/// So many cents.
pub(super) const fn cents(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderStatus {
    /// Rung up, or opened again.
    Open,
    /// Closed at the register.
    Closed,
    /// Taken back as if it had never been.
    Voided,
    /// Paid back in full.
    Refunded,
}

impl OrderStatus {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Closed => "Closed",
            Self::Voided => "Voided",
            Self::Refunded => "Refunded",
        }
    }
}

/// What a line of an order sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// A treatment or a consultation.
    Service,
    /// Something to take home.
    Product,
    /// A membership.
    Membership,
}

impl LineKind {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Service => "Service",
            Self::Product => "Product",
            Self::Membership => "Membership",
        }
    }
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// What it sells.
    pub kind: LineKind,
    /// The id of the service, product or membership.
    pub item: u32,
    /// Its name.
    pub name: String,
    /// How many, from 1.
    pub quantity: u32,
    /// What one costs, in US dollars.
    pub price: Money,
    /// What is taken off the line, in US dollars.
    pub discount: Money,
}

impl OrderLine {
    /// One piece at its full price in cents. A service has the id that the practice gave to the
    /// type of that name.
    pub fn new(kind: LineKind, name: &str, minor: i64) -> Self {
        let known = KINDS.iter().find(|known| known.name == name).map(|known| known.id);
        let plan = PLANS.iter().find(|plan| plan.1 == name).map(|plan| plan.0);
        let product = PRODUCTS.iter().find(|product| product.1 == name).map(|product| product.0);
        let item = match kind {
            LineKind::Service => known,
            LineKind::Product => product,
            LineKind::Membership => plan,
        };
        Self {
            kind,
            item: item.unwrap_or(999),
            name: name.to_owned(),
            quantity: 1,
            price: cents(minor),
            discount: cents(0),
        }
    }

    /// What the line costs before anything is taken off.
    pub fn full(&self) -> Money {
        cents(self.price.minor() * i64::from(self.quantity))
    }

    /// What the line costs.
    pub fn total(&self) -> Money {
        cents(self.full().minor() - self.discount.minor())
    }
}

/// One state of an order. All amounts are in US dollars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    /// Whose it is.
    pub patient: PatientId,
    /// Where it was rung up.
    pub location: &'static Location,
    /// Where it stands.
    pub status: OrderStatus,
    /// When it was rung up.
    pub opened: DateTime<Utc>,
    /// When it was closed; an order that is opened again is not closed.
    pub closed: Option<DateTime<Utc>>,
    /// What it sells.
    pub lines: Vec<OrderLine>,
    /// What is left for the staff.
    pub tip: Money,
    /// What a closed order still waits for.
    pub due: Money,
}

impl OrderState {
    /// An open order at the first location.
    pub fn new(patient: &PatientId, lines: Vec<OrderLine>) -> Self {
        Self {
            patient: patient.clone(),
            location: main_location(),
            status: OrderStatus::Open,
            opened: DateTime::UNIX_EPOCH,
            closed: None,
            lines,
            tip: cents(0),
            due: cents(0),
        }
    }

    /// The lines before and after discounts.
    pub fn subtotals(&self) -> (Money, Money) {
        let sum = |of: fn(&OrderLine) -> Money| {
            cents(self.lines.iter().map(|line| of(line).minor()).sum())
        };
        (sum(OrderLine::full), sum(OrderLine::total))
    }

    /// What it comes to.
    pub fn total(&self) -> Money {
        cents(self.subtotals().1.minor() + self.tip.minor())
    }

    /// It is closed, and nothing is due any more: only then does its money count.
    pub fn is_settled(&self) -> bool {
        self.status == OrderStatus::Closed && self.due.minor() == 0
    }

    /// What counts towards the patient's lifetime value.
    pub fn value(&self) -> Money {
        if self.is_settled() { self.total() } else { cents(0) }
    }

    pub(super) fn membership(&self) -> Option<&OrderLine> {
        self.lines.iter().find(|line| line.kind == LineKind::Membership)
    }
}

/// One state of a membership that a patient bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientNowMembership {
    /// Whose it is.
    pub patient: PatientId,
    /// The id of what was bought.
    pub plan: u32,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: MembershipStatus,
    /// Its first day, on the practice's calendar.
    pub start: NaiveDate,
    /// Its last day.
    pub end: Option<NaiveDate>,
    /// What it costs a month, in US dollars.
    pub price: Money,
    /// The order that sold it.
    pub order: RecordId,
}

pub(super) fn main_location() -> &'static Location {
    let [first, ..] = &LOCATIONS;
    first
}

/// Memberships that are sold: id, name, price in cents.
pub(super) static PLANS: [(u32, &str, i64); 2] =
    [(77, "Glow Monthly", 19_900), (78, "Smooth Skin Club", 12_950)];

/// Products that are sold: id, name, price in cents.
pub(super) static PRODUCTS: [(u32, &str, i64); 3] = [
    (301, "Vitamin C Serum", 8_600),
    (302, "Mineral Sunscreen SPF 50", 4_225),
    (303, "Post-Peel Balm", 3_199),
];
