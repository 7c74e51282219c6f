//! Hands for tests: what the front desk does in Zenoti and in no other product.

use std::collections::BTreeMap;

use cannula_core::{Currency, Money, PatientId, RecordId};
use chrono::{DateTime, Utc};

use super::{
    amount::Amount,
    book::{
        Extra, InvoiceItem, InvoiceState, ItemKind, MembershipStanding, MembershipState, Merge, day,
    },
    draw::CATEGORIZATION_CSV,
    ids,
    visit::Visit,
};
use crate::practice::{Inner, Practice, Version};

/// What Zenoti knows of the practice, and what its front desk does. Ids of appointments are the
/// practice's own; those of invoices and memberships are the vendor's GUIDs in lower case. Done by
/// hand, a thing drops what was planned for the same record.
impl Practice {
    /// The group that an appointment of the practice is drawn as.
    pub fn zenoti_group(&self, appointment: &RecordId) -> RecordId {
        RecordId::new(ids::group(appointment.as_str()))
    }

    /// The appointments of the group, one for each service.
    pub fn zenoti_appointments(&self, appointment: &RecordId) -> Vec<RecordId> {
        let inner = self.lock();
        let extras = inner.zenoti.extras.get(appointment.as_str()).map_or(0, Vec::len);
        (0..=extras)
            .map(|index| RecordId::new(ids::appointment(appointment.as_str(), index)))
            .collect()
    }

    /// The invoice of an appointment, open until it is closed.
    pub fn zenoti_invoice_of(&self, appointment: &RecordId) -> RecordId {
        RecordId::new(ids::invoice(appointment.as_str()))
    }

    /// The appointment categorization document for the names that services have in Zenoti, as CSV
    /// with the columns `type`, `purpose` and `category`.
    pub const fn zenoti_categorization_csv(&self) -> &'static str {
        CATEGORIZATION_CSV
    }

    /// Adds a service to a visit. It is told with the next change of the visit.
    pub fn zenoti_add_service(&self, appointment: &RecordId, name: &str, add_on: bool) -> bool {
        let now = self.stamp();
        let mut inner = self.lock();
        let extra = Extra { name: name.to_owned(), minutes: 30, add_on };
        let known = inner.appointments.change(appointment.as_str(), now, |_| ());
        if known {
            let extras = inner.zenoti.extras.entry(appointment.as_str().to_owned());
            extras.or_default().push(extra);
        }
        known
    }

    /// Takes all services out of a visit, which ends it.
    pub fn zenoti_remove_services(&self, appointment: &RecordId) -> bool {
        let now = self.stamp();
        let mut inner = self.lock();
        inner.zenoti.emptied.insert(appointment.as_str().to_owned());
        inner.appointments.delete(appointment.as_str(), now)
    }

    /// Puts the services back into a visit that lost them. `false` if there is none.
    pub fn zenoti_put_services_back(&self, appointment: &RecordId) -> bool {
        let now = self.stamp();
        self.lock().appointments.restore(appointment.as_str(), now)
    }

    /// Merges a guest into another: the first id dies. `false` if either is unknown or they are
    /// the same.
    pub fn zenoti_merge_guests(&self, from: &PatientId, into: &PatientId) -> bool {
        let (at, now) = (self.stamp(), self.now());
        let mut inner = self.lock();
        let known = |id: &PatientId| inner.patients.get(id.as_str(), now).is_some();
        if from == into || !known(from) || !known(into) {
            return false;
        }
        inner.zenoti.merges.push(Merge { at, from: from.clone(), into: into.clone() });
        inner.patients.delete(from.as_str(), at)
    }

    /// Who a guest is now, after all merges.
    pub fn zenoti_survivor(&self, guest: &PatientId) -> PatientId {
        self.look(|inner, now| inner.zenoti.survivor(guest, now))
    }

    /// Deletes a guest.
    pub fn zenoti_delete_guest(&self, guest: &PatientId) -> bool {
        let at = self.stamp();
        self.lock().patients.delete(guest.as_str(), at)
    }

    /// A guest agrees to marketing.
    pub fn zenoti_opt_in(&self, guest: &PatientId) {
        let at = self.stamp();
        self.lock().zenoti.opted_in.push((at, guest.clone()));
    }

    /// Closes an appointment's invoice, or one that was opened again. Items take the place of
    /// those on it; without, they stay. Returns the invoice; `None` if it is closed already or
    /// there is no such appointment of a guest.
    pub fn zenoti_close_invoice(
        &self,
        appointment: &RecordId,
        items: Option<Vec<InvoiceItem>>,
    ) -> Option<RecordId> {
        let at = self.stamp();
        let inner = &mut *self.lock();
        let id = ids::invoice(appointment.as_str());
        if inner.zenoti.invoice(&id, at).is_some() {
            return inner.zenoti.close(&id, items, at).then(|| RecordId::new(id));
        }
        let row = inner.appointments.get(appointment.as_str(), at)?;
        let open = Visit::of(&row, &inner.zenoti, at).open_invoice()?;
        let items = items.unwrap_or_else(|| open.items.clone());
        inner.zenoti.enter(&id, InvoiceState { closed: true, date: day(at), items, ..open }, at);
        Some(RecordId::new(id))
    }

    /// Sells something over the counter, on an invoice of its own that is closed at once.
    pub fn zenoti_sell(&self, guest: &PatientId, items: Vec<InvoiceItem>) -> RecordId {
        let at = self.stamp();
        let mut inner = self.lock();
        let number = inner.zenoti.next_number();
        let id = ids::guid_of("invoice", &format!("sale/{number}"));
        let guest = guest.clone();
        let (appointment, refund, date) = (None, false, day(at));
        let state = InvoiceState { guest, appointment, number, items, closed: true, refund, date };
        inner.zenoti.enter(&id, state, at);
        RecordId::new(id)
    }

    /// Opens a closed invoice again. `false` if there is none.
    pub fn zenoti_reopen_invoice(&self, invoice: &RecordId) -> bool {
        let at = self.stamp();
        self.lock().zenoti.reopen(invoice.as_str(), at)
    }

    /// Pays the first so many items of a closed invoice back. Returns the invoice that does, with
    /// negative amounts.
    pub fn zenoti_refund(&self, invoice: &RecordId, items: usize) -> Option<RecordId> {
        let at = self.stamp();
        self.lock().zenoti.refund(invoice.as_str(), items, at).map(RecordId::new)
    }

    /// The invoice as it is now; `None` for one that nobody has closed yet.
    pub fn zenoti_invoice(&self, invoice: &RecordId) -> Option<InvoiceState> {
        self.lock().zenoti.invoice(invoice.as_str(), self.now())
    }

    /// The ids of all invoices that were ever closed until now.
    pub fn zenoti_invoice_ids(&self) -> Vec<RecordId> {
        let view = self.lock().zenoti.invoices.view(self.now());
        view.rows.iter().map(|row| RecordId::new(&*row.id)).collect()
    }

    /// A guest buys a membership for a year, on an invoice that is closed at once.
    pub fn zenoti_join(&self, guest: &PatientId, name: &str, price: Amount) -> RecordId {
        let item = InvoiceItem::taxed(name, ItemKind::Membership, price);
        let invoice = self.zenoti_sell(guest, vec![item]);
        let (at, id) = (self.stamp(), ids::guid_of("membership", invoice.as_str()));
        let start = day(at);
        let end = start.checked_add_months(chrono::Months::new(12)).unwrap_or(start);
        let (guest, name) = (guest.clone(), name.to_owned());
        let standing = MembershipStanding::Active;
        let state = MembershipState { guest, name, standing, start, end, price, invoice };
        self.lock().zenoti.memberships.add(&id, vec![Version { at, state }]);
        RecordId::new(id)
    }

    /// Freezes, cancels or takes a membership up again. `false` if there is no such membership.
    pub fn zenoti_change_membership(&self, id: &RecordId, standing: MembershipStanding) -> bool {
        let at = self.stamp();
        let memberships = &mut self.lock().zenoti.memberships;
        memberships.change(id.as_str(), at, |state| state.standing = standing)
    }

    /// The ids of all memberships that exist now.
    pub fn zenoti_membership_ids(&self) -> Vec<RecordId> {
        let view = self.lock().zenoti.memberships.view(self.now());
        view.rows.iter().map(|row| RecordId::new(&*row.id)).collect()
    }

    /// What a guest has paid until now by closed invoices, less what went back or was opened
    /// again: the books, kept beside the invoices and not made from them.
    pub fn zenoti_lifetime_value(&self, guest: &PatientId) -> Money {
        self.zenoti_lifetime_values().remove(guest).unwrap_or(Money::zero(Currency::USD))
    }

    /// [`Practice::zenoti_lifetime_value`] of every guest who ever paid.
    pub fn zenoti_lifetime_values(&self) -> BTreeMap<PatientId, Money> {
        self.lock().zenoti.values(self.now())
    }

    /// A visit by a test that its GUIDs must pass, at this moment of the clock.
    pub(super) fn find_visit(&self, wanted: impl Fn(&str) -> bool) -> Option<Visit> {
        let now = self.now();
        let view = self.appointments_view();
        let row = view.rows.iter().find(|row| !row.phantom && wanted(&row.id))?;
        Some(Visit::of(row, &self.lock().zenoti, now))
    }

    /// Looks at everything at this moment of the clock.
    pub(super) fn look<T>(&self, read: impl FnOnce(&mut Inner, DateTime<Utc>) -> T) -> T {
        let now = self.now();
        read(&mut self.lock(), now)
    }
}
