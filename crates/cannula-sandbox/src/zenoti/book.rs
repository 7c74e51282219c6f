//! What only Zenoti keeps of the practice: invoices, memberships, further services of a visit,
//! guests that were merged, and the books.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{Money, PatientId, RecordId};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{ZenotiSettings, amount::Amount, ids};
use crate::practice::{Table, Version, ZONE};

/// What an item of an invoice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A service that was rendered.
    Service,
    /// A product.
    Product,
    /// A membership.
    Membership,
}

impl ItemKind {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Service => 0,
            Self::Product => 2,
            Self::Membership => 3,
        }
    }
}

/// One item of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceItem {
    /// What was sold.
    pub name: String,
    /// What it is.
    pub kind: ItemKind,
    /// What it costs, without tax.
    pub price: Amount,
    /// The tax on it.
    pub tax: Amount,
}

impl InvoiceItem {
    /// An item with a tax of 8 %, to the ten-thousandth.
    pub fn taxed(name: impl Into<String>, kind: ItemKind, price: Amount) -> Self {
        Self { name: name.into(), kind, price, tax: Amount(price.0 * 8 / 100) }
    }

    fn back(&self) -> Self {
        Self { price: self.price.back(), tax: self.tax.back(), ..self.clone() }
    }
}

/// One state of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceState {
    /// Whose it is.
    pub guest: PatientId,
    /// The appointment of the practice that it is for; absent for what was sold at the desk.
    pub appointment: Option<RecordId>,
    /// Its number.
    pub number: u32,
    /// What is on it.
    pub items: Vec<InvoiceItem>,
    /// It is closed: paid, and counted in the books.
    pub closed: bool,
    /// It pays money back; all its amounts are negative.
    pub refund: bool,
    /// The day it was closed last, or else drawn up, on the practice's calendar.
    pub date: NaiveDate,
}

impl InvoiceState {
    /// The sum of all items with tax.
    pub fn total(&self) -> Amount {
        self.items.iter().flat_map(|item| [item.price, item.tax]).sum()
    }
}

/// Where a membership stands, as far as the practice's timeline goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MembershipStanding {
    /// In force.
    Active,
    /// Frozen.
    Frozen,
    /// Cancelled.
    Cancelled,
}

impl MembershipStanding {
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Active => 1,
            Self::Frozen => 3,
            Self::Cancelled => 4,
        }
    }
}

/// One state of a membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipState {
    /// Whose it is.
    pub guest: PatientId,
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub standing: MembershipStanding,
    /// Its first day.
    pub start: NaiveDate,
    /// Its last day.
    pub end: NaiveDate,
    /// What it costs.
    pub price: Amount,
    /// The invoice that it was sold with.
    pub invoice: RecordId,
}

/// A service beside the one that was booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extra {
    pub(crate) name: String,
    pub(crate) minutes: i64,
    pub(crate) add_on: bool,
}

/// A guest that became another.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    pub(crate) at: DateTime<Utc>,
    pub(crate) from: PatientId,
    pub(crate) into: PatientId,
}

/// Money of a guest that came or went with an invoice.
#[derive(Clone, Debug)]
struct Entry {
    at: DateTime<Utc>,
    guest: PatientId,
    invoice: String,
    amount: Money,
}

/// All of it. Deeds are done at an instant that is given.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) invoices: Table<InvoiceState>,
    pub(crate) memberships: Table<MembershipState>,
    /// By appointment of the practice.
    pub(crate) extras: BTreeMap<String, Vec<Extra>>,
    /// In order.
    pub(crate) merges: Vec<Merge>,
    /// What a merged guest had goes on naming it.
    dead_ids: bool,
    /// The id of a merged guest leads nowhere.
    dead_ids_not_found: bool,
    /// Appointments that ended by losing all their services.
    pub(crate) emptied: BTreeSet<String>,
    /// Guests who agreed to marketing, by hand, and when.
    pub(crate) opted_in: Vec<(DateTime<Utc>, PatientId)>,
    entries: Vec<Entry>,
    sold: u32,
}

impl Book {
    /// The next number of an invoice, and for those without an appointment their name too.
    pub(super) const fn next_number(&mut self) -> u32 {
        self.sold += 1;
        8_000 + self.sold
    }

    /// Enters an invoice that is closed at once.
    pub(super) fn enter(&mut self, id: &str, state: InvoiceState, at: DateTime<Utc>) {
        self.entries.push(Entry {
            at,
            guest: state.guest.clone(),
            invoice: id.to_owned(),
            amount: state.total().money(),
        });
        self.invoices.add(id, vec![Version { at, state }]);
    }

    /// Closes an open invoice, with other items where some are given.
    pub(super) fn close(
        &mut self,
        id: &str,
        items: Option<Vec<InvoiceItem>>,
        at: DateTime<Utc>,
    ) -> bool {
        let Some(mut state) = self.invoice(id, at).filter(|state| !state.closed) else {
            return false;
        };
        state.items = items.unwrap_or(state.items);
        let amount = state.total().money();
        self.put(id, at, InvoiceState { closed: true, date: day(at), ..state }, amount)
    }

    /// Opens a closed invoice again: its money is not the practice's until it is closed again.
    pub(super) fn reopen(&mut self, id: &str, at: DateTime<Utc>) -> bool {
        let Some(state) = self.invoice(id, at).filter(|state| state.closed && !state.refund) else {
            return false;
        };
        let amount = state.total().back().money();
        self.put(id, at, InvoiceState { closed: false, ..state }, amount)
    }

    /// Pays so many of a closed invoice's items back, on an invoice of its own.
    pub(super) fn refund(&mut self, id: &str, items: usize, at: DateTime<Utc>) -> Option<String> {
        let state = self.invoice(id, at).filter(|state| state.closed && !state.refund)?;
        let items: Vec<_> = state.items.iter().take(items).map(InvoiceItem::back).collect();
        if items.is_empty() {
            return None;
        }
        let number = self.next_number();
        let refund = ids::guid_of("invoice", &format!("refund/{number}"));
        let state = InvoiceState { items, number, refund: true, date: day(at), ..state };
        self.enter(&refund, state, at);
        Some(refund)
    }

    /// Puts a state in place of what was, and of what was planned.
    fn put(&mut self, id: &str, at: DateTime<Utc>, state: InvoiceState, amount: Money) -> bool {
        // As states do, entries of one invoice follow each other.
        let last = self.invoices.get(id, at).map_or(at, |row| row.version.at);
        let at = at.max(last + TimeDelta::milliseconds(1));
        self.entries.retain(|entry| entry.invoice != id || entry.at <= at);
        let guest = state.guest.clone();
        self.entries.push(Entry { at, guest, invoice: id.to_owned(), amount });
        self.invoices.change(id, at, |current| *current = state)
    }

    pub(crate) fn invoice(&self, id: &str, now: DateTime<Utc>) -> Option<InvoiceState> {
        Some(self.invoices.get(id, now)?.version.state.clone())
    }

    /// Who a guest is at an instant, after all merges until then.
    pub(crate) fn survivor(&self, guest: &PatientId, now: DateTime<Utc>) -> PatientId {
        let until = self.merges.iter().filter(|merge| merge.at <= now);
        until.fold(
            guest.clone(),
            |guest, merge| {
                if merge.from == guest { merge.into.clone() } else { guest }
            },
        )
    }

    pub(super) const fn heed(&mut self, settings: &ZenotiSettings) {
        self.dead_ids = settings.dead_ids;
        self.dead_ids_not_found = settings.dead_ids_not_found;
    }

    /// Whom a guest's id in a path leads to at an instant.
    pub(super) fn led_to(&self, id: &str, now: DateTime<Utc>) -> PatientId {
        let guest = PatientId::new(id.to_lowercase());
        if self.dead_ids_not_found { guest } else { self.survivor(&guest, now) }
    }

    /// Whom something of a guest's names at an instant.
    pub(super) fn named(&self, guest: &PatientId, now: DateTime<Utc>) -> PatientId {
        if self.dead_ids { guest.clone() } else { self.survivor(guest, now) }
    }

    /// What each guest has paid until an instant, less what went back or was opened again.
    pub(super) fn values(&self, now: DateTime<Utc>) -> BTreeMap<PatientId, Money> {
        let mut values = BTreeMap::<PatientId, Money>::new();
        for entry in self.entries.iter().filter(|entry| entry.at <= now) {
            let guest = self.survivor(&entry.guest, now);
            let value = values.entry(guest).or_insert(Money::zero(entry.amount.currency()));
            *value = value.checked_add(entry.amount).unwrap_or(*value);
        }
        values
    }
}

/// The day on the practice's calendar.
pub(super) fn day(at: DateTime<Utc>) -> NaiveDate {
    at.with_timezone(&ZONE).date_naive()
}
