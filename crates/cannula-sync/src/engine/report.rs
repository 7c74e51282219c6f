//! What the engine says about its work.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cannula_core::RecordKey;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;

use crate::store::{EventUpdate, History, Ingested, Outcome};

/// What one poll brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PollReport {
    /// Pages read and stored.
    pub pages: u64,
    /// Events not seen before.
    pub new: u64,
    /// Events seen before: sweeps overlap on purpose.
    pub duplicates: u64,
    /// Unreadable rows not seen before.
    pub rejected: u64,
}

impl PollReport {
    pub(super) const fn add(&mut self, ingested: Ingested) {
        self.new += ingested.new;
        self.duplicates += ingested.duplicates;
        self.rejected += ingested.rejected;
    }
}

/// What one drain did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DrainReport {
    /// Times a person's work was taken up.
    pub claims: u64,
    /// Events that became done.
    pub done: u64,
    /// Events that came to wait for a person.
    pub parked: u64,
    /// Events with an effect that was refused for good.
    pub dead: u64,
    /// Times a person's work was put off after an error.
    pub postponed: u64,
    /// Effects of unknown outcome that were looked up.
    pub settled: u64,
    /// Effects delivered, by label.
    pub delivered: BTreeMap<&'static str, u64>,
    /// The sink's allowance is used up until then.
    pub paused_until: Option<DateTime<Utc>>,
    /// When there is something to do again.
    pub next_due: Option<DateTime<Utc>>,
}

impl DrainReport {
    pub(super) fn delivered(&mut self, label: &'static str) {
        *self.delivered.entry(label).or_default() += 1;
    }

    pub(super) fn outcomes(&mut self, updates: &[EventUpdate]) {
        for update in updates {
            match update.outcome {
                Outcome::Done => self.done += 1,
                Outcome::Parked(_) | Outcome::Held(_) => self.parked += 1,
                Outcome::Dead(_) => self.dead += 1,
                Outcome::Pending | Outcome::Delivering => {}
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.claims += other.claims;
        self.done += other.done;
        self.parked += other.parked;
        self.dead += other.dead;
        self.postponed += other.postponed;
        self.settled += other.settled;
        for (label, count) in other.delivered {
            *self.delivered.entry(label).or_default() += count;
        }
    }
}

/// Counts since the engine was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Events stored in the inbox, wherever they came from.
    pub ingested: u64,
    /// Of these, messages that only point to a record, which is an event of its own once it is
    /// read.
    pub messages: u64,
    /// Events that left the inbox: done, parked or dead.
    pub finished: u64,
    /// Effects delivered.
    pub delivered: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    ingested: AtomicU64,
    messages: AtomicU64,
    finished: AtomicU64,
    delivered: Mutex<BTreeMap<&'static str, u64>>,
}

impl Counters {
    pub(super) fn ingested(&self, ingested: Ingested) {
        self.ingested.fetch_add(ingested.new + ingested.withdrawn, Ordering::Relaxed);
        self.messages.fetch_add(ingested.messages, Ordering::Relaxed);
    }

    pub(super) fn delivered(&self, label: &'static str) {
        let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        *delivered.entry(label).or_default() += 1;
    }

    pub(super) fn by_label(&self) -> BTreeMap<&'static str, u64> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn finished(&self, updates: &[EventUpdate]) {
        let on_the_way = |update: &&EventUpdate| {
            matches!(update.outcome, Outcome::Pending | Outcome::Delivering)
        };
        let finished = updates.len() - updates.iter().filter(on_the_way).count();
        self.finished.fetch_add(finished as u64, Ordering::Relaxed);
    }

    pub(super) fn progress(&self) -> Progress {
        Progress {
            ingested: self.ingested.load(Ordering::Relaxed),
            messages: self.messages.load(Ordering::Relaxed),
            finished: self.finished.load(Ordering::Relaxed),
            delivered: self.by_label().values().sum(),
        }
    }
}

/// One event of a person, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// When the record changed, by the vendor's clock.
    pub when: DateTime<Utc>,
    /// The record.
    pub record: RecordKey,
    /// What became of the event.
    pub outcome: Outcome,
    /// Why, and what to do if something is to be done.
    pub sentences: Vec<String>,
}

pub(super) fn lines(history: History) -> Vec<Line> {
    let retry = history.due_at.map(|due| {
        let due = due.to_rfc3339_opts(SecondsFormat::Secs, true);
        match &history.error {
            Some(error) => format!("It is tried again at {due}, because of: {error}."),
            None => format!("It is taken up at {due}."),
        }
    });
    history
        .events
        .into_iter()
        .map(|entry| {
            let mut sentences = entry.reasons;
            match &entry.outcome {
                Outcome::Pending | Outcome::Delivering => sentences.extend(retry.clone()),
                Outcome::Done => {}
                Outcome::Parked(reason) => sentences.push(reason.next_step()),
                Outcome::Held(reason) => {
                    sentences.push(format!("It waits, because {}.", reason.summary()));
                    sentences.push(reason.next_step());
                }
                Outcome::Dead(error) => sentences.push(format!(
                    "It was refused for good: {error}. Correct the cause, then replay."
                )),
            }
            let (when, record) = (entry.version.stamp, entry.key);
            Line { when, record, outcome: entry.outcome, sentences }
        })
        .collect()
}
