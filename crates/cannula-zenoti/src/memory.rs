//! What the source has seen lately, so that it need not ask again.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cannula_core::Patient;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::{cache::Recent, group::Place};

/// Bookings, memberships and invoices that are known.
const KNOWN: usize = 20_000;
/// How often one guest may have been merged, and the other again.
const MERGES_IN_A_ROW: usize = 10;
/// Guests that are kept for a moment.
const GUESTS: usize = 500;

/// Shared by everything a source does; nothing in it is needed to be right.
#[derive(Debug)]
pub(crate) struct Memory(Mutex<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    /// Bookings, by group.
    pub(crate) places: Recent<String, Place>,
    /// Whose a membership is.
    pub(crate) members: Recent<String, String>,
    /// Invoices and their own days, which no reading makes younger: each is read again for as long
    /// as its day is one of the last, and no longer.
    pub(crate) invoices: Recent<String, NaiveDate>,
    /// Guests whose ids are dead, and into whom they were merged.
    pub(crate) merged: Recent<String, String>,
    /// Merges of guests that were looked into.
    pub(crate) merges: Recent<Vec<String>, ()>,
    guests: Recent<String, (DateTime<Utc>, Patient)>,
}

impl Memory {
    /// How long a guest who was read is good for those who were not told of a change.
    const FRESH: TimeDelta = TimeDelta::seconds(30);

    pub(crate) fn new() -> Self {
        Self(Mutex::new(Inner {
            places: Recent::new(KNOWN),
            members: Recent::new(KNOWN),
            invoices: Recent::new(KNOWN),
            merged: Recent::new(KNOWN),
            merges: Recent::new(GUESTS),
            guests: Recent::new(GUESTS),
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every entry is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn guest(&self, id: &str, now: DateTime<Utc>) -> Option<(DateTime<Utc>, Patient)> {
        let inner = self.lock();
        let found = inner.guests.get(&id.to_owned())?;
        let age = now - found.0;
        (TimeDelta::zero() <= age && age < Self::FRESH).then(|| found.clone())
    }

    /// Who is left of a guest, as far as is known: one whose id is dead has no lists any more.
    pub(crate) fn left(&self, guest: &str) -> String {
        let inner = self.lock();
        let mut left = guest.to_owned();
        // Not for ever, if they are said to be merged in a circle.
        for _ in 0..MERGES_IN_A_ROW {
            match inner.merged.get(&left) {
                Some(into) => left.clone_from(into),
                None => break,
            }
        }
        left
    }

    pub(crate) fn keep_guest(&self, patient: &Patient, read_at: DateTime<Utc>) {
        let id = patient.id.as_str().to_owned();
        self.lock().guests.insert(id, (read_at, patient.clone()));
    }
}

impl Inner {
    /// Takes note of an invoice. One without a day has that of its first reading.
    pub(crate) fn keep_invoice(&mut self, id: &str, day: NaiveDate) {
        let id = id.to_owned();
        let day = self.invoices.get(&id).map_or(day, |known| day.min(*known));
        self.invoices.insert(id, day);
    }

    /// The invoices of visits from one day to another, oldest first.
    pub(crate) fn invoices_between(
        &self,
        from: NaiveDate,
        to: NaiveDate,
    ) -> BTreeSet<(NaiveDate, String)> {
        let visits = self.places.iter();
        let visits = visits.filter_map(|(_, place)| Some((place.day, place.invoice.clone()?)));
        let others = self.invoices.iter().map(|(id, day)| (*day, id.clone()));
        visits.chain(others).filter(|(day, _)| (from..=to).contains(day)).collect()
    }

    /// The guests of visits from one day to another, with a center of theirs.
    pub(crate) fn guests_between(
        &self,
        from: NaiveDate,
        to: NaiveDate,
    ) -> impl Iterator<Item = (String, String)> {
        let visits = self.places.iter().map(|(_, place)| place);
        let visits = visits.filter(move |place| (from..=to).contains(&place.day));
        visits.map(|place| (place.guest.clone(), place.center.clone()))
    }
}
