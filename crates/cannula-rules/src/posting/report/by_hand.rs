//! Refunds that staff recorded by hand, and those that nobody recorded.

use std::collections::BTreeSet;

use cannula_core::{LedgerRow, OrderNumber, PatientId, StoreRefund};
use chrono::NaiveDate;

use super::{
    Kind, Line,
    books::ByHand,
    compare::{Comparison, of_row},
};

/// A refund that staff may have recorded by hand.
pub(super) struct Unmarked {
    pub(super) date: NaiveDate,
    pub(super) order: OrderNumber,
    pub(super) refund: StoreRefund,
    /// Who have payments of the order on their ledgers.
    pub(super) patients: BTreeSet<PatientId>,
    pub(super) tender: String,
}

impl Comparison<'_, '_> {
    /// The oldest refund takes the oldest row: it could be recorded by any that a later one could.
    pub(super) fn match_refunds(&mut self) {
        let mut unmarked = std::mem::take(&mut self.unmarked);
        unmarked.sort_by(|one, other| one.place().cmp(&other.place()));
        for refund in unmarked {
            let by_hand = &mut self.books.by_hand;
            let own = by_hand.iter().position(|it| refund.is_recorded_by(it, true));
            let found =
                own.or_else(|| by_hand.iter().position(|it| refund.is_recorded_by(it, false)));
            match found.map(|index| by_hand.remove(index)) {
                Some(ByHand { row, .. }) => {
                    self.add_ledger(row, Some(refund.tender.clone()));
                    if row.payment.date != Some(refund.date) {
                        self.lines.push(refund.recorded_later(row));
                    }
                }
                None => self.lines.push(refund.missing()),
            }
        }
    }
}

impl Unmarked {
    fn place(&self) -> impl Ord + '_ {
        (self.date, &self.order, &self.refund.number)
    }

    /// Whether a row records it: the amount, not before the store gave it back, and either out of
    /// the order's own payment or on the ledger of a patient who has one.
    fn is_recorded_by(&self, it: &ByHand<'_>, own: bool) -> bool {
        let payment = &it.row.payment;
        let is_theirs = match &it.order {
            Some(order) => own && *order == self.order,
            None => !own && payment.patient.as_ref().is_some_and(|it| self.patients.contains(it)),
        };
        is_theirs
            && payment.amount == self.refund.amount.negated()
            && payment.date.is_none_or(|date| date >= self.date)
    }

    fn recorded_later(self, row: &LedgerRow) -> Line {
        let amount = Some(row.payment.amount);
        Line {
            store_date: Some(self.date),
            store_amount: amount,
            ledger_amount: amount,
            order: Some(self.order),
            refund: Some(self.refund.number),
            ..of_row(Kind::RecordedLater, row)
        }
        .saying("is recorded on the ledger, at another date than the store's.")
    }

    fn missing(self) -> Line {
        let how = if self.refund.online {
            "gave money back, and the ledger does not show it: record the refund on the patient's payment, without processing it."
        } else {
            "is a refund that the store only noted, and the ledger does not show it: find out how the money went back, then record it."
        };
        Line {
            store_date: Some(self.date),
            store_amount: Some(self.refund.amount.negated()),
            order: Some(self.order),
            refund: Some(self.refund.number),
            patient: self.patients.into_iter().next(),
            ..Line::new(Kind::RefundNotRecorded)
        }
        .saying(how)
    }
}
