//! From record states to events.
//!
//! Zenoti does not say when a record changed. The content of a state identifies it, which makes
//! one event of a state that is read twice. A record that goes back to an earlier state must be a
//! new event all the same; so the last state of each record is remembered, and a state that
//! differs from it is stamped with the time it was read.

use std::sync::{Mutex, PoisonError};

use cannula_core::{Event, PracticeId, Record, RecordId, RecordKey};
use chrono::{DateTime, TimeDelta, Utc};

use crate::cache::Recent;

/// Records whose last state is remembered.
const REMEMBERED: usize = 50_000;

/// Makes events of what was read.
#[derive(Debug)]
pub(crate) struct Events {
    practice: PracticeId,
    last: Mutex<Recent<RecordKey, Last>>,
}

/// The last state of a record.
#[derive(Clone, Debug)]
struct Last {
    digest: String,
    /// What its event was stamped with.
    stamp: Option<DateTime<Utc>>,
    /// When it was asked for last.
    asked_at: DateTime<Utc>,
    /// No version of it is newer.
    newest: DateTime<Utc>,
}

impl Events {
    pub(crate) fn new(practice: PracticeId) -> Self {
        Self { practice, last: Mutex::new(Recent::new(REMEMBERED)) }
    }

    /// The key of a record.
    pub(crate) fn key(&self, kind: cannula_core::RecordKind, id: &str) -> RecordKey {
        RecordKey { practice: self.practice.clone(), kind, id: RecordId::new(id) }
    }

    /// An event with the vendor's own time.
    pub(crate) fn stamped(&self, id: &str, record: Record, stamp: DateTime<Utc>) -> Event {
        Event::new(self.practice.clone(), RecordId::new(id), record, Some(stamp), stamp)
    }

    /// The event of a state that was asked for at `asked_at`. `told`: somebody says that the
    /// record changed, so a first reading is not taken for one of before this process started.
    pub(crate) fn event(
        &self,
        id: &str,
        record: Record,
        asked_at: DateTime<Utc>,
        told: bool,
    ) -> Event {
        let make = |record, stamp| {
            Event::new(self.practice.clone(), RecordId::new(id), record, stamp, asked_at)
        };
        let plain = make(record.clone(), None);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = plain.version.digest.clone();
        match last.get(&plain.key).cloned() {
            Some(known) if known.digest == digest => {
                let asked_at = known.asked_at.max(asked_at);
                let newest = known.newest.max(asked_at);
                last.insert(plain.key.clone(), Last { asked_at, newest, ..known });
                known.stamp.map_or(plain, |stamp| make(record, Some(stamp)))
            }
            // Asked before what is known already: it may be older, and is not to replace it.
            Some(known) if asked_at < known.asked_at => make(record, Some(asked_at)),
            Some(known) => {
                let newest = asked_at.max(known.newest + TimeDelta::microseconds(1));
                let stamp = Some(newest);
                last.insert(plain.key, Last { digest, stamp, asked_at, newest });
                make(record, stamp)
            }
            None => {
                let stamp = told.then_some(asked_at);
                let known = Last { digest, stamp, asked_at, newest: asked_at };
                last.insert(plain.key.clone(), known);
                if told { make(record, stamp) } else { plain }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cannula_core::{Currency, Money, Payer, Payment, PaymentKind, PaymentStatus};

    fn paid(minor: i64) -> Record {
        Record::Payment(Payment {
            patient: None,
            kind: PaymentKind::Payment,
            payer: Payer::Patient,
            status: PaymentStatus::Active,
            amount: Money::from_minor(minor, Currency::USD),
            date: None,
            method: None,
            category: None,
            items: Vec::new(),
            description: None,
            practitioner: None,
            location: None,
            corrections: Vec::new(),
        })
    }

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    #[test]
    fn a_state_that_is_read_twice_is_one_event() {
        let events = Events::new("p".into());
        let first = events.event("i", paid(1), at(1), false);
        let other = Events::new("p".into());
        assert_eq!(first.id, events.event("i", paid(1), at(9), true).id);
        assert_eq!(first.id, other.event("i", paid(1), at(50), false).id);
        let changed = events.event("i", paid(2), at(10), false);
        assert_eq!(changed.id, events.event("i", paid(2), at(11), false).id);
    }

    #[test]
    fn a_record_that_goes_back_to_a_state_is_a_new_event_and_the_newest() {
        let events = Events::new("p".into());
        let open = events.event("i", paid(0), at(1), false);
        let closed = events.event("i", paid(5), at(2), false);
        let open_again = events.event("i", paid(0), at(2), false);
        assert_ne!(open.id, open_again.id);
        assert!(open.version < closed.version && closed.version < open_again.version);
    }

    #[test]
    fn an_answer_that_comes_late_does_not_replace_a_newer_one() {
        let events = Events::new("p".into());
        events.event("i", paid(0), at(1), false);
        let newer = events.event("i", paid(5), at(5), false);
        let late = events.event("i", paid(3), at(4), false);
        assert!(late.version < newer.version);
        // What it said is news if it is still so.
        let still = events.event("i", paid(3), at(6), false);
        assert!(still.version > newer.version && still.id != late.id);
    }

    #[test]
    fn what_somebody_says_is_new_is_new_even_to_a_process_that_just_started() {
        let before = Events::new("p".into()).event("i", paid(0), at(1), false);
        let after = Events::new("p".into()).event("i", paid(0), at(9), true);
        assert_ne!(before.id, after.id);
        assert!(before.version < after.version);
    }
}
