//! Reconciliation: what the store took and gave back, against what the ledger has of it.

mod books;
mod by_hand;
mod compare;
mod line;
mod notes;
mod sums;

use std::collections::BTreeMap;

use cannula_core::{Currency, LedgerRow, OrderState, StoreOrder};
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use self::{books::Books, compare::Comparison};
pub use self::{
    line::{Kind, Line},
    sums::{DaySums, Sums, TenderSums},
};

/// What is compared: a day, a month or any other period of the practice's calendar. Pure.
#[derive(Clone, Copy, Debug)]
pub struct Reconciliation<'a> {
    /// Its first day.
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
    /// The practice's time zone.
    pub zone: Tz,
    /// The ledger's currency.
    pub currency: Currency,
    /// The category of the store's payments. Rows without our marker are the store's if they
    /// have it.
    pub category: Option<&'a str>,
}

/// What the store and the ledger have for a period, and where they differ.
///
/// Differences and refunds recorded later explain the sums: on each day, what their store's side
/// has less what their ledger's side has is the day's difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// The ISO code of all amounts.
    pub currency: &'static str,
    /// Sums for each day and tender with any money, in this order; rows of the ledger without a
    /// date first.
    pub days: Vec<DaySums>,
    /// Sums of the period for each tender.
    pub tenders: Vec<TenderSums>,
    /// Sums of the period.
    pub total: Sums,
    /// What one side has and the other has not, or has otherwise; by date.
    pub differences: Vec<Line>,
    /// What is as it should be and good to know: refunds that were recorded later, and what paid
    /// for an order and is no money; by date.
    pub notes: Vec<Line>,
}

impl Reconciliation<'_> {
    /// Compares the store's orders with the ledger's rows.
    ///
    /// Each order is given as it stands now. `orders` and `rows` should reach beyond the period:
    /// a row is looked for at every date, and an order of which only a part is given looks as if
    /// the rest were missing. Begin the rows where the oldest of the orders was placed.
    pub fn report<'o>(
        &self,
        orders: impl IntoIterator<Item = &'o StoreOrder>,
        rows: &[LedgerRow],
    ) -> Report {
        // An order that was moved to another customer is here once more as theirs.
        let orders = orders.into_iter().filter(|order| order.state != OrderState::Moved);
        let orders: BTreeMap<_, _> = orders.map(|order| (&order.number, order)).collect();
        let mut comparison = Comparison::new(self, Books::open(rows));
        let mut notes = Vec::new();
        for order in orders.into_values() {
            comparison.order(order);
            notes.extend(self.notes(order));
        }
        let (lines, ledger) = comparison.close();
        let (later, mut differences): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.kind == Kind::RecordedLater);
        notes.extend(later);
        for lines in [&mut differences, &mut notes] {
            lines.retain(|line| self.is_about(line));
            lines.sort_by(|one, other| one.place().cmp(&other.place()));
        }
        let (days, tenders, total) = ledger.sums(self.currency);
        let (from, to, currency) = (self.from, self.to, self.currency.code());
        Report { from, to, currency, days, tenders, total, differences, notes }
    }

    fn covers(&self, date: NaiveDate) -> bool {
        (self.from..=self.to).contains(&date)
    }

    /// A line is about the period if either side dates it there, or if nobody dates it.
    fn is_about(&self, line: &Line) -> bool {
        let mut dates = [line.store_date, line.ledger_date].into_iter().flatten().peekable();
        dates.peek().is_none() || dates.any(|date| self.covers(date))
    }

    fn day(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.zone).date_naive()
    }
}
