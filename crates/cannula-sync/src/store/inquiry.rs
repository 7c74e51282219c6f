//! What people ask the store, and what it answers.

use cannula_core::{
    Event, EventId, Feed, ParkReason, Record, RecordKey, Rejected, Subject, Version,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Outcome;

/// Counts for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Events not decided yet.
    pub pending: u64,
    /// Events whose effects are on their way.
    pub delivering: u64,
    /// Events done.
    pub done: u64,
    /// Events that wait for a person, for the rules or for the sink.
    pub parked: u64,
    /// Events with an effect that was refused for good, or that could not be decided.
    pub dead: u64,
    /// Rows no source could read.
    pub rejected: u64,
    /// Persons of whom something was decided.
    pub subjects: u64,
    /// Effects in the outbox.
    pub undelivered: u64,
}

impl Summary {
    /// All events in the inbox.
    pub const fn events(&self) -> u64 {
        self.pending + self.delivering + self.done + self.parked + self.dead
    }
}

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Events that lost their content.
    pub events: u64,
    /// Undelivered effects.
    pub effects: u64,
    /// Unreadable rows that lost their text.
    pub rejected: u64,
}

/// Events that wait for a person for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// The reason, which knows the next step.
    pub reason: ParkReason,
    /// How many events.
    pub events: u64,
    /// One of them.
    pub example: RecordKey,
}

/// What nothing is done about any more until a person has acted: an effect that was refused for
/// good, or events that could not be decided or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Whom it is about.
    pub subject: Subject,
    /// The event that caused it, or one of those.
    pub cause: EventId,
    /// The error's text.
    pub error: String,
}

/// What happened to one person's events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The events, oldest version first.
    pub events: Vec<HistoryEntry>,
    /// When the subject is tried again, if it is.
    pub due_at: Option<DateTime<Utc>>,
    /// Why it had to be.
    pub error: Option<String>,
}

/// One event of a [`History`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The event's id.
    pub id: EventId,
    /// The record.
    pub key: RecordKey,
    /// Which of its states this is.
    pub version: Version,
    /// The state; `None` once it was forgotten.
    pub record: Option<Record>,
    /// When it reached the inbox.
    pub received_at: DateTime<Utc>,
    /// Its standing.
    pub outcome: Outcome,
    /// Why.
    pub reasons: Vec<String>,
}

impl HistoryEntry {
    /// The event, unless its content was forgotten.
    pub fn event(self) -> Option<Event> {
        let Self { id, key, version, record, .. } = self;
        Some(Event { id, key, version, record: record? })
    }
}

/// A row no source could read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedRow {
    /// The feed it came from.
    pub feed: Feed,
    /// The row.
    pub rejected: Rejected,
    /// When it was first seen.
    pub received_at: DateTime<Utc>,
}
