//! A person's payments: what became known, in the order in which it did, each entry with the
//! signed change it makes to the lifetime value.

use std::collections::BTreeMap;

use cannula_core::{Event, EventId, Money, Payment, PaymentStatus, RecordId, Version};
use serde::{Deserialize, Serialize};

use crate::{
    Outcome,
    payment::{Movement, Scope, movement},
    person::NoteState,
    tally::{Tally, Unsummable},
};

/// Every distinct state of every row of the EMR's ledger, oldest news first. It only grows: a void
/// is one more entry with a negative change, never an entry taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Ledger {
    entries: Vec<LedgerEntry>,
}

/// One state of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LedgerEntry {
    pub(crate) event: EventId,
    pub(crate) record: RecordId,
    pub(crate) version: Version,
    pub(crate) payment: Payment,
    #[serde(default)]
    pub(crate) note: NoteState,
    /// The outcome told last; `None` before the first decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Outcome>,
    /// The scope it was told in.
    #[serde(default)]
    pub(crate) scope: Scope,
}

/// One entry of a person's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting<'a> {
    /// The event that brought it.
    pub event: &'a EventId,
    /// The row it is a state of.
    pub record: &'a RecordId,
    /// The signed change it makes to the lifetime value: nothing for what does not count. `None`
    /// if the row changed its currency.
    pub change: Option<Money>,
}

/// What an entry does to the ledger as it stood before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaymentStep {
    pub(crate) movement: Movement,
    /// The entry that was the row's current state before.
    pub(crate) was: Option<usize>,
    pub(crate) change: Option<Money>,
    /// The lifetime value with this entry and all before it.
    pub(crate) balance: Result<Money, Unsummable>,
}

/// The ledger, added up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// One for each entry.
    pub(crate) steps: Vec<PaymentStep>,
    /// The entries that are their rows' current states, by row.
    pub(crate) current: Vec<usize>,
}

impl LedgerEntry {
    /// What decides which of two states of one row is its current one. The change that voids a
    /// row can carry the row's old stamp (Nextech Practice+ samples of `PaymentReconciliation`),
    /// and a row never becomes active again; so a void beats every active state.
    fn precedence(&self) -> impl Ord + '_ {
        let Version { stamp, digest } = &self.version;
        (self.payment.status != PaymentStatus::Active, stamp, rank(self.payment.status), digest)
    }
}

const fn rank(status: PaymentStatus) -> u8 {
    match status {
        PaymentStatus::Active => 0,
        PaymentStatus::Voided => 1,
        PaymentStatus::EnteredInError => 2,
    }
}

impl Ledger {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [LedgerEntry] {
        &mut self.entries
    }

    /// Appends what is new among `events`. What arrives together is entered in the order of its
    /// versions.
    pub(crate) fn take_in(&mut self, events: &[Event]) {
        let known = self.entries.len();
        for event in events {
            let cannula_core::Record::Payment(payment) = &event.record else { continue };
            if self.entries.iter().any(|entry| entry.event == event.id) {
                continue;
            }
            self.entries.push(LedgerEntry {
                event: event.id.clone(),
                record: event.key.id.clone(),
                version: event.version.clone(),
                payment: payment.clone(),
                note: NoteState::None,
                outcome: None,
                scope: Scope::default(),
            });
        }
        self.entries[known..].sort_by(|a, b| order(a).cmp(&order(b)));
    }

    /// Walks the ledger from its first entry: nothing is kept from one decision to the next.
    pub(crate) fn books(&self) -> Books {
        let mut steps = Vec::with_capacity(self.entries.len());
        let mut current = BTreeMap::<&RecordId, usize>::new();
        let mut tally = Tally::default();
        for (index, entry) in self.entries.iter().enumerate() {
            let was = current.get(&entry.record).copied();
            let before = was.map(|at| &self.entries[at]);
            let superseded = before.is_some_and(|it| it.precedence() > entry.precedence());
            let counted_before = before.and_then(|it| it.payment.counted());
            let mut change = Some(Money::zero(entry.payment.amount.currency()));
            if !superseded {
                current.insert(&entry.record, index);
                let counted = entry.payment.counted();
                change = difference(counted_before, counted, &entry.payment);
                counted_before.into_iter().for_each(|amount| tally.remove(amount));
                counted.into_iter().for_each(|amount| tally.add(amount));
            }
            steps.push(PaymentStep {
                movement: if superseded {
                    Movement::Superseded
                } else {
                    movement(before.map(|it| &it.payment), &entry.payment)
                },
                was,
                change,
                balance: tally.total(entry.payment.amount.currency()),
            });
        }
        Books { steps, current: current.into_values().collect() }
    }

    /// The rows as they are now.
    pub(crate) fn current(&self) -> impl Iterator<Item = &LedgerEntry> {
        self.books().current.into_iter().map(|index| &self.entries[index])
    }

    pub(crate) fn postings(&self) -> impl Iterator<Item = Posting<'_>> {
        self.entries.iter().zip(self.books().steps).map(|(entry, step)| Posting {
            event: &entry.event,
            record: &entry.record,
            change: step.change,
        })
    }

    /// What counts of the rows as they are now, as far as they satisfy `included`; `None` if
    /// there are no rows.
    ///
    /// # Errors
    /// What counts is in several currencies or too much to be held.
    pub(crate) fn sum(
        &self,
        books: &Books,
        included: impl Fn(&LedgerEntry) -> bool,
    ) -> Result<Option<Money>, Unsummable> {
        let rows = || books.current.iter().map(|index| &self.entries[*index]);
        let Some(first) = rows().next() else { return Ok(None) };
        let mut tally = Tally::default();
        for row in rows().filter(|row| included(row)) {
            row.payment.counted().into_iter().for_each(|amount| tally.add(amount));
        }
        tally.total(first.payment.amount.currency()).map(Some)
    }
}

fn order(entry: &LedgerEntry) -> impl Ord + '_ {
    let Version { stamp, digest } = &entry.version;
    (stamp, rank(entry.payment.status), &entry.record, digest)
}

/// `None` if the two are not in one currency.
fn difference(before: Option<Money>, now: Option<Money>, payment: &Payment) -> Option<Money> {
    let zero = Money::zero(payment.amount.currency());
    let (before, now) = (before.unwrap_or(zero), now.unwrap_or(zero));
    let back = Money::from_minor(before.minor().checked_neg()?, before.currency());
    now.checked_add(back)
}
