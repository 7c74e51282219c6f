//! The ledger's rows, by what they were posted for.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{LedgerRow, OrderNumber, PaymentStatus};

use crate::posting::{Marker, marker, marker::Part};

/// The rows of one marker.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// Those that count.
    pub(super) active: Vec<&'a LedgerRow>,
    /// Those that were voided or deleted, without the rows that void them.
    pub(super) voided: Vec<&'a LedgerRow>,
}

impl<'a> Found<'a> {
    fn add(&mut self, row: &'a LedgerRow, is_refund: bool) {
        let payment = &row.payment;
        if payment.counted().is_some() {
            self.active.push(row);
        } else if payment.status != PaymentStatus::Active
            && payment.amount.is_negative() == is_refund
        {
            self.voided.push(row);
        }
    }

    fn is_empty(&self) -> bool {
        self.active.is_empty() && self.voided.is_empty()
    }

    /// The row that is taken for it: the first that counts, else the first that did.
    pub(super) fn row(&self) -> Option<&'a LedgerRow> {
        self.active.first().or(self.voided.first()).copied()
    }
}

/// The rows of one order.
#[derive(Debug, Default)]
pub(super) struct Posted<'a> {
    /// Payments, the first first.
    pub(super) payments: BTreeMap<u32, Found<'a>>,
    /// Refunds by credit memo.
    pub(super) refunds: BTreeMap<String, Found<'a>>,
}

/// A refund of unclear origin: nothing of ours, or one that was made out of a payment of ours and
/// took over its description.
#[derive(Clone, Debug)]
pub(super) struct ByHand<'a> {
    pub(super) order: Option<OrderNumber>,
    pub(super) row: &'a LedgerRow,
}

/// All rows.
#[derive(Debug, Default)]
pub(super) struct Books<'a> {
    pub(super) orders: BTreeMap<OrderNumber, Posted<'a>>,
    /// Active refunds that no marker claims, the oldest first.
    pub(super) by_hand: Vec<ByHand<'a>>,
    /// Other active money without a marker.
    pub(super) strange: Vec<&'a LedgerRow>,
}

impl<'a> Books<'a> {
    pub(super) fn open(rows: &'a [LedgerRow]) -> Self {
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| (row.payment.date, &row.id));
        let mut seen = BTreeSet::new();
        rows.retain(|row| seen.insert(&row.id));
        let mut books = Self::default();
        for row in rows {
            books.enter(row);
        }
        for posted in books.orders.values_mut() {
            posted.payments.retain(|_, found| !found.is_empty());
            posted.refunds.retain(|_, found| !found.is_empty());
        }
        books
    }

    fn enter(&mut self, row: &'a LedgerRow) {
        let goes_back = row.payment.counted().is_some_and(|amount| amount.is_negative());
        match marker(row) {
            Some(Marker { order, part: Part::Payment(_) }) if goes_back => {
                self.by_hand.push(ByHand { order: Some(order), row });
            }
            Some(Marker { order, part: Part::Payment(number) }) => {
                let posted = self.orders.entry(order).or_default();
                posted.payments.entry(number).or_default().add(row, false);
            }
            Some(Marker { order, part: Part::Refund(memo) }) => {
                let posted = self.orders.entry(order).or_default();
                posted.refunds.entry(memo).or_default().add(row, true);
            }
            None if goes_back => self.by_hand.push(ByHand { order: None, row }),
            None if row.payment.counted().is_some() => self.strange.push(row),
            None => {}
        }
    }
}
