//! The ledger: rows that are paid, voided, corrected and paid back, and the practice's books
//! beside them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cannula_core::{Money, PatientId, PaymentKind, PaymentStatus, RecordId};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    model::ZONE,
    payment::{LinkKind, PaymentState, cents},
    table::{Table, Version},
};

/// Money that went into or came out of the practice's purse for a patient.
#[derive(Debug)]
struct Entry {
    at: DateTime<Utc>,
    patient: PatientId,
    /// The row whose doing it was.
    row: RecordId,
    minor: i64,
}

/// How the rows of a void refer to each other in Practice+.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Linking {
    /// By their ids.
    Right,
    /// By ids of rows that nobody can find, as in the vendor's own sample.
    Dangling,
    /// Not at all: only the parts they play are told.
    PartsOnly,
}

impl Linking {
    fn to(self, row: &RecordId) -> Option<RecordId> {
        match self {
            Self::Right => Some(row.clone()),
            // Shorter than any id the practice gives.
            Self::Dangling => Some(RecordId::new(row.as_str().get(1..).unwrap_or("1"))),
            Self::PartsOnly => None,
        }
    }
}

/// All rows, and the books. Everything is done at an instant that is given, in the order of
/// instants for any one row.
#[derive(Debug)]
pub(crate) struct Ledger {
    pub(super) rows: Table<PaymentState>,
    /// What each row was made from: a void from what it voids, a refund from what it pays back.
    origins: HashMap<RecordId, RecordId>,
    /// The books, which know nothing of rows that void and rows that are void.
    entries: Vec<Entry>,
    next: u32,
    /// When something was last done by hand.
    latest: DateTime<Utc>,
}

impl Ledger {
    /// An empty one whose rows are numbered from `next`.
    pub(super) fn new(next: u32) -> Self {
        Self {
            rows: Table::default(),
            origins: HashMap::new(),
            entries: Vec::new(),
            next,
            latest: DateTime::UNIX_EPOCH,
        }
    }

    /// The timeline is complete: what follows is done by hand and numbered from `next`.
    pub(super) const fn hand_over(&mut self, next: u32) {
        self.next = next;
        self.latest = DateTime::UNIX_EPOCH;
    }

    /// The instant for something done by hand at `now`: not before what was done just before it,
    /// which may be a few milliseconds ahead of a clock that stands still.
    pub(super) fn moment(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = self.latest - now;
        if ahead < TimeDelta::seconds(1) { now.max(self.latest) } else { now }
    }

    pub(super) fn pay(&mut self, state: PaymentState, at: DateTime<Utc>) -> RecordId {
        let id = self.add(state, at);
        if let Some(state) = self.state(&id, at) {
            self.enter(at, &id, &state, 1);
        }
        id
    }

    /// Voids an active row: it stays in its period, and an opposite row takes the money back.
    pub(super) fn void(
        &mut self,
        id: &RecordId,
        at: DateTime<Utc>,
        linking: Linking,
    ) -> Option<RecordId> {
        let (state, at) = self.open(id, at)?;
        let void = self.oppose(id, &state, at, linking);
        self.mark_voided(id, at, linking.to(&void), None);
        self.enter(at, id, &state, -1);
        Some(void)
    }

    /// Voids an active row and enters it again with another amount.
    pub(super) fn void_and_correct(
        &mut self,
        id: &RecordId,
        amount: Money,
        at: DateTime<Utc>,
        linking: Linking,
    ) -> Option<(RecordId, RecordId)> {
        let (state, at) = self.open(id, at)?;
        let void = self.oppose(id, &state, at, linking);
        let mut again = PaymentState { amount, links: Vec::new(), ..state.clone() };
        again.claims.truncate(1);
        again.claims.iter_mut().for_each(|claim| claim.1 = amount);
        again.link(LinkKind::Recreates, linking.to(id));
        again.link(LinkKind::RecreatesVoiding, linking.to(&void));
        let again = self.pay(again, at);
        self.origins.insert(again.clone(), id.clone());
        self.mark_voided(id, at, linking.to(&void), Some(linking.to(&again)));
        self.enter(at, id, &state, -1);
        Some((void, again))
    }

    /// Pays some of an active payment back to whoever paid it. `None` also for a refund or an
    /// adjustment, and for an amount that is not positive.
    pub(super) fn refund(
        &mut self,
        id: &RecordId,
        amount: Money,
        at: DateTime<Utc>,
    ) -> Option<RecordId> {
        let state = self.state(id, at).filter(|state| state.status == PaymentStatus::Active)?;
        let payment = state.kind == PaymentKind::Payment && state.amount.minor() > 0;
        if !payment || amount.minor() <= 0 {
            return None;
        }
        let refund = PaymentState {
            amount: cents(-amount.minor()),
            date: at.with_timezone(&ZONE).date_naive(),
            note: Some("Refund".to_owned()),
            claims: Vec::new(),
            links: Vec::new(),
            ..state
        };
        let refund = self.pay(refund, at);
        self.origins.insert(refund.clone(), id.clone());
        Some(refund)
    }

    /// Deletes an active row as entered in error. It stays in listings.
    pub(super) fn delete(&mut self, id: &RecordId, at: DateTime<Utc>) -> bool {
        let Some((state, at)) = self.open(id, at) else { return false };
        self.enter(at, id, &state, -1);
        self.rows.change(id.as_str(), at, |state| {
            state.status = PaymentStatus::EnteredInError;
            state.updated = at;
        })
    }

    /// Changes an active row in place, as staff can with a row that was entered again.
    pub(super) fn edit(
        &mut self,
        id: &RecordId,
        at: DateTime<Utc>,
        change: impl FnOnce(&mut PaymentState),
    ) -> bool {
        let Some((before, at)) = self.open(id, at) else { return false };
        self.enter(at, id, &before, -1);
        let mut after = before;
        change(&mut after);
        after.updated = at;
        self.enter(at, id, &after, 1);
        self.rows.change(id.as_str(), at, |state| *state = after)
    }

    /// Puts a row, whatever its status, into another patient's ledger.
    pub(super) fn hand_to(&mut self, id: &RecordId, patient: &PatientId, at: DateTime<Utc>) {
        self.forget(id, at);
        let Some(found) = self.rows.get(id.as_str(), at) else { return };
        let before = found.version.state.clone();
        let at = at.max(found.version.at + TimeDelta::milliseconds(1));
        self.latest = at;
        let after = PaymentState { patient: Some(patient.clone()), updated: at, ..before.clone() };
        self.enter(at, id, &before, -1);
        self.enter(at, id, &after, 1);
        self.rows.change(id.as_str(), at, |state| *state = after);
    }

    /// The row as it is at an instant.
    pub(super) fn state(&self, id: &RecordId, at: DateTime<Utc>) -> Option<PaymentState> {
        Some(self.rows.get(id.as_str(), at)?.version.state.clone())
    }

    /// What each patient has paid, less what went back, up to and with an instant.
    pub(super) fn books(&self, at: DateTime<Utc>) -> BTreeMap<PatientId, Money> {
        let mut sums = BTreeMap::<PatientId, i64>::new();
        for entry in self.entries.iter().filter(|entry| entry.at <= at) {
            *sums.entry(entry.patient.clone()).or_default() += entry.minor;
        }
        sums.into_iter().map(|(patient, minor)| (patient, cents(minor))).collect()
    }

    /// An active row with nothing planned for it any more, and when it can change at the
    /// earliest: two changes within a stamp's resolution would be one version to every client.
    fn open(&mut self, id: &RecordId, at: DateTime<Utc>) -> Option<(PaymentState, DateTime<Utc>)> {
        let found = self.rows.get(id.as_str(), at)?;
        let state = found.version.state.clone();
        if state.status != PaymentStatus::Active {
            return None;
        }
        self.forget(id, at);
        let at = at.max(found.version.at + TimeDelta::milliseconds(1));
        self.latest = at;
        Some((state, at))
    }

    /// Takes away what is planned for a row and for all that was made from it.
    fn forget(&mut self, id: &RecordId, at: DateTime<Utc>) {
        let mut family = BTreeSet::from([id.clone()]);
        let mut found = vec![id.clone()];
        while let Some(parent) = found.pop() {
            let children = self.origins.iter().filter(|(_, origin)| **origin == parent);
            let children: Vec<_> = children.map(|(child, _)| child.clone()).collect();
            family.extend(children.iter().cloned());
            found.extend(children);
        }
        for id in &family {
            self.rows.forget(id.as_str(), at);
        }
        self.entries.retain(|entry| entry.at <= at || !family.contains(&entry.row));
    }

    fn add(&mut self, state: PaymentState, at: DateTime<Utc>) -> RecordId {
        let id = RecordId::new(self.next.to_string());
        self.next += 1;
        self.latest = at;
        let state = PaymentState { updated: at, ..state };
        self.rows.add(id.as_str(), vec![Version { at, state }]);
        id
    }

    /// The opposite of a row. It is cancelled from the start, so that the two are nothing.
    fn oppose(
        &mut self,
        id: &RecordId,
        state: &PaymentState,
        at: DateTime<Utc>,
        linking: Linking,
    ) -> RecordId {
        let negative = |amount: Money| cents(-amount.minor());
        let mut void = PaymentState {
            amount: negative(state.amount),
            status: PaymentStatus::Voided,
            claims: state.claims.iter().map(|(id, part)| (*id, negative(*part))).collect(),
            links: Vec::new(),
            ..state.clone()
        };
        void.link(LinkKind::Voids, linking.to(id));
        let void = self.add(void, at);
        self.origins.insert(void.clone(), id.clone());
        void
    }

    /// Marks a row as voided; what it says of its last change stays as it was.
    fn mark_voided(
        &mut self,
        id: &RecordId,
        at: DateTime<Utc>,
        by: Option<RecordId>,
        again: Option<Option<RecordId>>,
    ) {
        self.rows.change(id.as_str(), at, |state| {
            state.status = PaymentStatus::Voided;
            state.link(LinkKind::VoidedBy, by);
            if let Some(again) = again {
                state.link(LinkKind::RecreatedBy, again);
            }
        });
    }

    /// Enters a row's money in the books, or takes it out again.
    fn enter(&mut self, at: DateTime<Utc>, row: &RecordId, state: &PaymentState, times: i64) {
        if let Some(patient) = state.patient.clone().filter(|_| state.counts()) {
            let minor = state.amount.minor() * times;
            self.entries.push(Entry { at, patient, row: row.clone(), minor });
        }
    }
}
