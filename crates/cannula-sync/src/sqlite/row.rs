//! Between our types and rows: what is JSON in the store is written and read here.

use cannula_core::{
    Error, ErrorKind, Event, EventId, IdempotencyKey, ParkReason, PersonId, Phi, Record, RecordKey,
    RecordKind, Result, Subject, Version,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    flow::Ruling,
    store::{Arrival, EffectStatus, EventUpdate, Next, OutboxRow, Outcome, Step},
};

/// A row of the inbox, ready to be written.
pub(super) struct InboxRow {
    pub(super) id: EventId,
    pub(super) subject: Option<Subject>,
    pub(super) record: Option<String>,
    pub(super) stamp: i64,
    pub(super) outcome: &'static str,
    pub(super) detail: Option<String>,
    pub(super) reasons: String,
    pub(super) body: String,
}

/// An event as the inbox has it.
#[derive(Deserialize)]
pub(super) struct Stored {
    pub(super) id: EventId,
    pub(super) key: RecordKey,
    pub(super) version: Version,
    /// `None`: it was forgotten.
    #[serde(default)]
    pub(super) record: Option<Record>,
}

impl Stored {
    pub(super) fn event(self) -> Option<Event> {
        let Self { id, key, version, record } = self;
        Some(Event { id, key, version, record: record? })
    }
}

/// A step, ready to be written.
pub(super) struct StepRow {
    pub(super) subject: Subject,
    pub(super) epoch: u64,
    pub(super) state: Option<Phi<String>>,
    pub(super) merged_into: Option<PersonId>,
    pub(super) fetched: Vec<InboxRow>,
    pub(super) arrivals: Vec<InboxRow>,
    pub(super) events: Vec<UpdateRow>,
    pub(super) outbox: Option<Vec<OutboxRow>>,
    pub(super) next: Next,
}

/// A change of an event's standing, ready to be written.
pub(super) struct UpdateRow {
    pub(super) event: EventId,
    pub(super) outcome: &'static str,
    pub(super) detail: Option<String>,
    pub(super) reasons: Option<String>,
    pub(super) remark: Option<String>,
}

pub(super) fn inbox(arrivals: &[Arrival]) -> Result<Vec<InboxRow>> {
    arrivals
        .iter()
        .map(|arrival| {
            let Some(verdict) = &arrival.verdict else { return inbox_row(&arrival.event) };
            let outcome = match &verdict.ruling {
                // Nothing can be fetched for an event about nobody, so it does not wait either.
                Ruling::Done | Ruling::Waiting(_) => Outcome::Done,
                Ruling::Parked(reason) => Outcome::Parked(reason.clone()),
            };
            let (word, detail) = outcome_columns(outcome)?;
            let reasons = json(&verdict.reasons)?;
            Ok(InboxRow { outcome: word, detail, reasons, ..inbox_row(&arrival.event)? })
        })
        .collect()
}

pub(super) fn inbox_row(event: &Event) -> Result<InboxRow> {
    // A pointer is a message, and no other will ever be about the same one.
    let record = (event.key.kind != RecordKind::Pointer).then(|| record(&event.key)).transpose()?;
    Ok(InboxRow {
        id: event.id.clone(),
        subject: event.subject(),
        record,
        stamp: micros(event.version.stamp),
        outcome: "pending",
        detail: None,
        reasons: "[]".to_owned(),
        body: json(event)?,
    })
}

/// A record's key as one text.
pub(super) fn record(key: &RecordKey) -> Result<String> {
    json(&(key.practice.as_str(), key.kind.as_str(), key.id.as_str()))
}

pub(super) fn steps(steps: Vec<Step>) -> Result<Vec<StepRow>> {
    steps
        .into_iter()
        .map(|step| {
            Ok(StepRow {
                fetched: step.fetched.iter().map(inbox_row).collect::<Result<_>>()?,
                arrivals: inbox(&step.arrivals)?,
                events: step.events.into_iter().map(update_row).collect::<Result<_>>()?,
                subject: step.subject,
                epoch: step.epoch,
                state: step.state,
                merged_into: step.merged_into,
                outbox: step.outbox,
                next: step.next,
            })
        })
        .collect()
}

fn update_row(update: EventUpdate) -> Result<UpdateRow> {
    let (outcome, detail) = outcome_columns(update.outcome)?;
    let reasons = update.reasons.as_ref().map(json).transpose()?;
    Ok(UpdateRow { event: update.event, outcome, detail, reasons, remark: update.remark })
}

fn outcome_columns(outcome: Outcome) -> Result<(&'static str, Option<String>)> {
    Ok(match outcome {
        Outcome::Pending => ("pending", None),
        Outcome::Delivering => ("delivering", None),
        Outcome::Done => ("done", None),
        Outcome::Parked(reason) => ("parked", Some(json(&reason)?)),
        Outcome::Held(reason) => ("held", Some(json(&reason)?)),
        Outcome::Dead(error) => ("dead", Some(error)),
    })
}

pub(super) fn outcome(word: &str, detail: Option<String>) -> Result<Outcome> {
    let detail = detail.unwrap_or_default();
    Ok(match word {
        "pending" => Outcome::Pending,
        "delivering" => Outcome::Delivering,
        "done" => Outcome::Done,
        "parked" => Outcome::Parked(from_json::<ParkReason>(&detail)?),
        "held" => Outcome::Held(from_json::<ParkReason>(&detail)?),
        "dead" => Outcome::Dead(detail),
        _ => return Err(unreadable()),
    })
}

pub(super) const fn status_word(status: EffectStatus) -> &'static str {
    match status {
        EffectStatus::Unknown => "unknown",
        EffectStatus::Pending => "pending",
        EffectStatus::Parked => "parked",
        EffectStatus::Dead => "dead",
    }
}

pub(super) fn unknown_effect(row: &rusqlite::Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow {
        cause: EventId::new(row.get::<_, String>(0)?),
        key: IdempotencyKey::new(row.get::<_, String>(1)?),
        effect: Phi::new(row.get(2)?),
        status: EffectStatus::Unknown,
        error: row.get(3)?,
    })
}

pub(super) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|cause| {
        Error::new(ErrorKind::Storage, "a value cannot be written as JSON").source(cause)
    })
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    // The cause is dropped: it may quote personal data.
    serde_json::from_str(text).map_err(|_| unreadable())
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Storage, "this version cannot read a row of the store")
}

pub(super) const fn micros(instant: DateTime<Utc>) -> i64 {
    instant.timestamp_micros()
}

pub(super) fn instant(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}
