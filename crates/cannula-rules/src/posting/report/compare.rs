//! One order after the other against the rows of the ledger.

use std::collections::BTreeSet;

use cannula_core::{LedgerRow, Money, OrderNumber, OrderState, StoreOrder};
use chrono::NaiveDate;

use super::{
    Kind, Line, Reconciliation,
    books::{Books, Found},
    by_hand::Unmarked,
    sums::{Adder, tender},
};
use crate::posting::due::is_refunded_whole;

/// The comparison as far as it has got.
pub(super) struct Comparison<'a, 'r> {
    period: &'a Reconciliation<'a>,
    pub(super) books: Books<'r>,
    pub(super) lines: Vec<Line>,
    adder: Adder,
    /// Refunds of the store that no marker shows.
    pub(super) unmarked: Vec<Unmarked>,
}

/// Money that the store says was taken or, negative, given back.
struct Expected {
    amount: Money,
    date: NaiveDate,
}

impl<'a, 'r> Comparison<'a, 'r> {
    pub(super) fn new(period: &'a Reconciliation<'a>, books: Books<'r>) -> Self {
        let (lines, adder, unmarked) = (Vec::new(), Adder::default(), Vec::new());
        Self { period, books, lines, adder, unmarked }
    }

    /// Compares an order's payment and refunds.
    pub(super) fn order(&mut self, order: &StoreOrder) {
        let mut posted = self.books.orders.remove(&order.number).unwrap_or_default();
        let rows = posted.payments.values().flat_map(|it| it.active.iter().chain(&it.voided));
        let patients: BTreeSet<_> = rows.filter_map(|row| row.payment.patient.clone()).collect();
        let is_active = posted.payments.values().any(|it| !it.active.is_empty());
        let parts: Vec<_> = posted.payments.into_values().collect();
        let captured = order.captured.as_ref().filter(|it| it.amount.minor() != 0);
        let expected =
            captured.map(|it| Expected { amount: it.amount, date: self.period.day(it.at) });
        if let (true, Some(expected)) = (parts.is_empty(), &expected) {
            self.unposted(order, expected);
        }
        self.leg(order, None, expected.as_ref(), &parts);
        if let Some(expected) = &expected
            && self.counts(expected.date, expected.amount)
        {
            self.adder.included(expected.date, order);
        }
        let gone = !is_active && is_gone(order);
        for refund in &order.refunds {
            let amount = refund.amount.negated();
            let expected = Expected { amount, date: self.period.day(refund.at) };
            let found = posted.refunds.remove(&refund.number);
            let parts: Vec<_> = found.into_iter().collect();
            self.leg(order, Some(&refund.number), Some(&expected), &parts);
            if !parts.is_empty() {
                continue;
            }
            if gone {
                // Where nothing is on the ledger there is nothing to record a refund of.
                self.push(order, Some(&refund.number), Line {
                    store_date: Some(expected.date),
                    store_amount: Some(amount),
                    ..Line::new(Kind::RefundedUnposted)
                }, "gave back money that is not on the ledger, so it is not recorded there either.");
                continue;
            }
            self.unmarked.push(Unmarked {
                date: expected.date,
                order: order.number.clone(),
                refund: refund.clone(),
                patients: patients.clone(),
                tender: tender(order),
            });
        }
        for (memo, found) in posted.refunds {
            self.leg(order, Some(&memo), None, &[found]);
        }
    }

    /// Money that was taken and is not on the ledger at all.
    fn unposted(&mut self, order: &StoreOrder, expected: &Expected) {
        let (kind, clause) = if expected.amount.currency() != self.period.currency {
            (
                Kind::OnlyInStore,
                "was paid in another currency than the ledger's, so it is neither posted nor in the sums.",
            )
        } else if order.state == OrderState::Held {
            (
                Kind::Held,
                "is on hold in the store, so its money is not on the ledger: take the hold off or refund it.",
            )
        } else if is_gone(order) {
            (
                Kind::RefundedUnposted,
                "was refunded whole before it was posted, so neither is on the ledger.",
            )
        } else {
            (
                Kind::OnlyInStore,
                "was paid in the store and is not on the ledger: see its sync status for why.",
            )
        };
        let line = Line {
            store_date: Some(expected.date),
            store_amount: Some(expected.amount),
            ..Line::new(kind)
        };
        self.push(order, None, line, clause);
    }

    /// Compares what the store has with the rows of its markers, and counts both.
    ///
    /// The store keeps the date of the last money only, so what was posted before that is taken
    /// to be dated as it was posted.
    fn leg(
        &mut self,
        order: &StoreOrder,
        memo: Option<&str>,
        expected: Option<&Expected>,
        parts: &[Found<'r>],
    ) {
        let mut rest = expected.map(|it| it.amount);
        for (index, found) in parts.iter().enumerate() {
            let Some(row) = found.row() else { continue };
            let is_last = index + 1 == parts.len();
            let amount = row.payment.amount;
            let (date, store) = match expected {
                None => (None, None),
                Some(expected) if is_last => (Some(expected.date), rest),
                Some(expected) => {
                    rest = rest.and_then(|rest| rest.checked_add(amount.negated()));
                    (Some(row.payment.date.unwrap_or(expected.date)), Some(amount))
                }
            };
            self.add_store(order, date, store);
            for row in &found.active {
                self.add_ledger(row, Some(tender(order)));
            }
            self.part(order, memo, found, (date, store));
        }
        if let (true, Some(expected)) = (parts.is_empty(), expected) {
            self.add_store(order, Some(expected.date), Some(expected.amount));
        }
    }

    /// Compares one part of the money with the rows of its marker.
    fn part(
        &mut self,
        order: &StoreOrder,
        memo: Option<&str>,
        found: &Found<'r>,
        (date, store): (Option<NaiveDate>, Option<Money>),
    ) {
        let Some(row) = found.row() else { return };
        let (ledger_date, amount) = (row.payment.date, row.payment.amount);
        let is_active = !found.active.is_empty();
        let Some(store) = store else {
            if is_active {
                let line = Line { ledger_amount: Some(amount), ..of_row(Kind::OnlyInLedger, row) };
                self.push(
                    order,
                    memo,
                    line,
                    "is on the ledger, and the store has no such money: look at both.",
                );
            }
            return;
        };
        for row in found.active.iter().skip(1) {
            let ledger_amount = Some(row.payment.amount);
            let line = Line { ledger_amount, ..of_row(Kind::DuplicateMarker, row) };
            let what = format!(
                "is on the ledger more than once: void row {} if it is one too many.",
                row.id
            );
            self.push(order, memo, line, what);
        }
        if !is_active {
            let line = Line {
                store_date: date,
                store_amount: Some(amount),
                ..of_row(Kind::VoidedInLedger, row)
            };
            let line = Line { ledger_date: None, ..line };
            self.push(order, memo, line, format!(
                "was posted as row {} and voided or deleted on the ledger, while the store still has it.", row.id
            ));
        }
        if store != amount {
            let line = Line {
                store_date: date,
                store_amount: Some(store),
                ledger_amount: Some(amount),
                ..of_row(Kind::AmountDiffers, row)
            };
            self.push(
                order,
                memo,
                line,
                format!(
                    "is {store} in the store and {amount} on the ledger: correct row {}.",
                    row.id
                ),
            );
        }
        if is_active && date != ledger_date {
            let both = (store == amount).then_some(amount);
            let line = Line {
                store_date: date,
                store_amount: both,
                ledger_amount: both,
                ..of_row(Kind::DateDiffers, row)
            };
            let shown = |date: Option<NaiveDate>| {
                date.map_or_else(|| "without a date".to_owned(), |date| format!("of {date}"))
            };
            self.push(
                order,
                memo,
                line,
                format!(
                    "is {} in the store and {} on the ledger: correct row {}.",
                    shown(date),
                    shown(ledger_date),
                    row.id
                ),
            );
        }
    }

    /// Finds refunds that staff recorded, and lists what is left. The lines, and the sums.
    pub(super) fn close(mut self) -> (Vec<Line>, Adder) {
        self.match_refunds();
        let left = std::mem::take(&mut self.books);
        let rows = left.orders.into_iter().flat_map(|(order, posted)| {
            let found = posted.payments.into_values().chain(posted.refunds.into_values());
            found.flat_map(|it| it.active).map(move |row| (Some(order.clone()), row))
        });
        let by_hand = left.by_hand.into_iter().map(|it| (it.order, it.row));
        let strange = left.strange.into_iter().map(|row| (None, row));
        for (order, row) in rows.chain(by_hand).chain(strange) {
            if order.is_some() || self.is_of_store(row) {
                self.add_ledger(row, None);
                self.lines.push(only_in_ledger(order, row));
            }
        }
        (self.lines, self.adder)
    }

    fn is_of_store(&self, row: &LedgerRow) -> bool {
        let (ours, its) = (self.period.category, row.payment.category.as_deref());
        matches!((ours, its), (Some(ours), Some(its)) if ours.eq_ignore_ascii_case(its))
    }

    fn counts(&self, date: NaiveDate, amount: Money) -> bool {
        self.period.covers(date) && amount.currency() == self.period.currency
    }

    fn add_store(&mut self, order: &StoreOrder, date: Option<NaiveDate>, amount: Option<Money>) {
        if let (Some(date), Some(amount)) = (date, amount)
            && self.counts(date, amount)
        {
            self.adder.store(date, tender(order), amount);
        }
    }

    pub(super) fn add_ledger(&mut self, row: &LedgerRow, tender: Option<String>) {
        let payment = &row.payment;
        if payment.date.is_none_or(|date| self.period.covers(date))
            && payment.amount.currency() == self.period.currency
        {
            self.adder.ledger(payment.date, tender, payment.amount);
        }
    }

    fn push(
        &mut self,
        order: &StoreOrder,
        memo: Option<&str>,
        line: Line,
        clause: impl std::fmt::Display,
    ) {
        let (order, refund) = (Some(order.number.clone()), memo.map(str::to_owned));
        self.lines.push(Line { order, refund, ..line }.saying(clause));
    }
}

pub(super) fn of_row(kind: Kind, row: &LedgerRow) -> Line {
    Line {
        rows: vec![row.id.clone()],
        patient: row.payment.patient.clone(),
        ledger_date: row.payment.date,
        ..Line::new(kind)
    }
}

fn only_in_ledger(order: Option<OrderNumber>, row: &LedgerRow) -> Line {
    let ledger_amount = Some(row.payment.amount);
    let clause = if order.is_some() {
        "is on the ledger, and the store has no such money: look at both."
    } else {
        "of the store's category is on the ledger and belongs to no order: somebody entered it by hand, or something else posts the store's orders too."
    };
    Line { order, ledger_amount, ..of_row(Kind::OnlyInLedger, row) }.saying(clause)
}

/// Nothing of the money is left in the store.
fn is_gone(order: &StoreOrder) -> bool {
    order.captured.as_ref().is_none_or(|captured| is_refunded_whole(order, captured))
}
