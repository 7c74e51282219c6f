//! Hands for tests: what staff do at the sales register, and ids as PatientNow has them.

use std::collections::BTreeMap;

use cannula_core::{Currency, MembershipStatus, Money, PatientId, RecordId};
use chrono::{DateTime, Utc};

use super::{
    book::Book,
    ids,
    order::{LineKind, OrderLine, OrderState, OrderStatus, PatientNowMembership, cents},
};
use crate::practice::Practice;

/// Everything done by hand drops what the timeline had planned for the same order. Two deeds
/// within a millisecond are a millisecond apart.
impl Practice {
    /// Rings an order up now; what `state` says of the time is set to now.
    pub fn ring_up(&self, state: OrderState) -> RecordId {
        self.with_book(|book, now| book.ring_up(state, now))
    }

    /// Rings up one service of the first location now, at a price in cents, and leaves it open.
    pub fn open_order(&self, patient: &PatientId, service: &str, minor: i64) -> RecordId {
        let line = OrderLine::new(LineKind::Service, service, minor);
        self.ring_up(OrderState::new(patient, vec![line]))
    }

    /// Closes an open order at the register now, paid in full. `false` if there is no such order or
    /// it is not open.
    pub fn close_order(&self, id: &RecordId) -> bool {
        self.change_order(id, |state, at| {
            let open = state.status == OrderStatus::Open;
            (state.status, state.closed) = (OrderStatus::Closed, Some(at));
            state.due = cents(0);
            open
        })
    }

    /// Opens a closed order again now: it counts no more. `false` if there is no such order or it
    /// is not closed.
    pub fn reopen_order(&self, id: &RecordId) -> bool {
        self.change_order(id, |state, _| {
            let closed = state.status == OrderStatus::Closed;
            (state.status, state.closed) = (OrderStatus::Open, None);
            state.due = cents(0);
            closed
        })
    }

    /// Voids an open or closed order now. `false` if there is none.
    pub fn void_order(&self, id: &RecordId) -> bool {
        self.change_order(id, |state, _| {
            let there = matches!(state.status, OrderStatus::Open | OrderStatus::Closed);
            state.status = OrderStatus::Voided;
            there
        })
    }

    /// Pays a closed order back in full now. `false` if there is none.
    pub fn refund_order(&self, id: &RecordId) -> bool {
        self.change_order(id, |state, _| {
            let closed = state.status == OrderStatus::Closed;
            state.status = OrderStatus::Refunded;
            closed
        })
    }

    /// Changes an order in any way now. `false` if there is none.
    pub fn update_order(&self, id: &RecordId, change: impl FnOnce(&mut OrderState)) -> bool {
        self.change_order(id, |state, _| {
            change(state);
            true
        })
    }

    /// Sells a membership in an order of its own, closed now; the price is in cents. Returns the
    /// order and the membership.
    pub fn sell_membership(
        &self,
        patient: &PatientId,
        name: &str,
        minor: i64,
    ) -> (RecordId, RecordId) {
        let line = OrderLine::new(LineKind::Membership, name, minor);
        let state = OrderState::new(patient, vec![line]);
        self.with_book(|book, now| {
            let order = book.ring_up(OrderState { status: OrderStatus::Closed, ..state }, now);
            // A settled order with such a line always sells one.
            let membership = book.sold_by(&order).unwrap_or_else(|| order.clone());
            (order, membership)
        })
    }

    /// Ends a membership now. `false` if there is none.
    pub fn cancel_membership(&self, id: &RecordId) -> bool {
        self.with_book(|book, now| book.end_membership(id, MembershipStatus::Cancelled, now))
    }

    /// Suspends a membership now. `false` if there is none.
    pub fn freeze_membership(&self, id: &RecordId) -> bool {
        self.with_book(|book, now| book.end_membership(id, MembershipStatus::Frozen, now))
    }

    /// Books a further service within an appointment now. `false` if there is no such appointment.
    pub fn add_service(&self, id: &RecordId, name: &str) -> bool {
        let kind = crate::practice::kind(name);
        self.lock().patientnow.also.insert(id.as_str().to_owned(), kind);
        self.update_appointment(id, |_| ())
    }

    /// The order as it is now.
    pub fn order(&self, id: &RecordId) -> Option<OrderState> {
        let found = self.lock().patientnow.orders.get(id.as_str(), self.now())?;
        Some(found.version.state.clone())
    }

    /// The ids of all orders that exist now, in order of entry.
    pub fn order_ids(&self) -> Vec<RecordId> {
        let view = self.lock().patientnow.orders.view(self.now());
        view.rows.iter().map(|row| RecordId::new(&*row.id)).collect()
    }

    /// The membership as it is now.
    pub fn membership(&self, id: &RecordId) -> Option<PatientNowMembership> {
        let found = self.lock().patientnow.memberships.get(id.as_str(), self.now())?;
        Some(found.version.state.clone())
    }

    /// The ids of all memberships that exist now, in order of entry.
    pub fn membership_ids(&self) -> Vec<RecordId> {
        let view = self.lock().patientnow.memberships.view(self.now());
        view.rows.iter().map(|row| RecordId::new(&*row.id)).collect()
    }

    /// What a patient's orders come to now, of those that are closed and paid: the lifetime value
    /// as PatientNow means it.
    pub fn order_value(&self, patient: &PatientId) -> Money {
        self.order_values().remove(patient).unwrap_or(Money::zero(Currency::USD))
    }

    /// [`Practice::order_value`] of every patient with an order, by the practice's own ids.
    pub fn order_values(&self) -> BTreeMap<PatientId, Money> {
        self.lock().patientnow.values(self.now())
    }

    /// The `CustomerId` under which PatientNow knows a patient of the practice.
    pub fn customer_id(&self, patient: &PatientId) -> Option<PatientId> {
        ids::customer_of(&self.lock().patients, patient.as_str()).map(PatientId::new)
    }

    /// The patient of the practice whom PatientNow knows under a `CustomerId`.
    pub fn patient_of_customer(&self, customer: &PatientId) -> Option<PatientId> {
        let inner = self.lock();
        Some(PatientId::new(&*ids::patient_of(&inner.patients, customer.as_str())?))
    }

    fn change_order(
        &self,
        id: &RecordId,
        change: impl FnOnce(&mut OrderState, DateTime<Utc>) -> bool,
    ) -> bool {
        self.with_book(|book, now| book.change(id, now, change))
    }

    fn with_book<T>(&self, deed: impl FnOnce(&mut Book, DateTime<Utc>) -> T) -> T {
        let now = self.stamp();
        deed(&mut self.lock().patientnow, now)
    }
}
