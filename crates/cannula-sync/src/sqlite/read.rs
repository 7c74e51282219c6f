//! What people ask the store.

use cannula_core::{
    EventId, Feed, Phi, PracticeId, RecordId, RecordKey, RecordKind, Rejected, Subject,
};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Deserialize;

use super::{
    Fault,
    row::{Stored, from_json, instant, json, outcome},
};
use crate::store::{DeadLetter, History, HistoryEntry, Parked, RejectedRow, Summary};

pub(super) fn next_due(tx: &Transaction<'_>) -> Result<Option<DateTime<Utc>>, Fault> {
    let due: Option<i64> = tx
        .prepare_cached(
            "SELECT min(max(due_at, ifnull(settle_at, due_at))) FROM subject
             WHERE due_at IS NOT NULL AND owner IS NULL",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(due.map(instant))
}

pub(super) fn summary(tx: &Transaction<'_>) -> Result<Summary, Fault> {
    let mut summary = Summary::default();
    let mut select = tx.prepare("SELECT outcome, count(*) FROM event GROUP BY outcome")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let count = counted(row, 1)?;
        match row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)? {
            "pending" => summary.pending += count,
            "delivering" => summary.delivering += count,
            "done" => summary.done += count,
            "dead" => summary.dead += count,
            _ => summary.parked += count,
        }
    }
    let count = |table: &str| {
        tx.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| counted(row, 0))
    };
    summary.rejected = count("rejected")?;
    // What messages are about while nothing but they is known has never had a state; who was purged
    // has none any more.
    summary.subjects = count("state")?;
    summary.undelivered = count("outbox")?;
    Ok(summary)
}

fn counted(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

/// An event of which this version may not be able to read the rest.
#[derive(Deserialize)]
struct Keyed {
    key: RecordKey,
}

pub(super) fn parked(tx: &Transaction<'_>) -> Result<Vec<Parked>, Fault> {
    // With a bare max(), SQLite takes the other columns from the row that has the maximum.
    let mut select = tx.prepare(
        "SELECT detail, count(*), body, max(seq) FROM event
         WHERE outcome IN ('parked', 'held') GROUP BY detail ORDER BY count(*) DESC, detail",
    )?;
    let mut rows = select.query([])?;
    let mut parked = Vec::new();
    while let Some(row) = rows.next()? {
        let Keyed { key: example } = from_json(&row.get::<_, String>(2)?)?;
        let reason = from_json(&row.get::<_, String>(0)?)?;
        parked.push(Parked { reason, events: counted(row, 1)?, example });
    }
    Ok(parked)
}

pub(super) fn dead(tx: &Transaction<'_>) -> Result<Vec<DeadLetter>, Fault> {
    let mut select = tx.prepare(
        "SELECT practice, person, cause, outbox.error
         FROM outbox JOIN subject ON subject.id = outbox.subject
         WHERE status = 'dead'
         UNION ALL
         SELECT practice, person, min(event.id), detail
         FROM event JOIN subject ON subject.id = event.subject
         WHERE outcome = 'dead' AND NOT EXISTS (
             SELECT 1 FROM outbox WHERE outbox.subject = event.subject AND status = 'dead')
         GROUP BY event.subject, detail
         ORDER BY 1, 2",
    )?;
    let letters = select.query_map([], |row| {
        Ok(DeadLetter {
            subject: Subject {
                practice: row.get::<_, String>(0)?.as_str().into(),
                person: row.get::<_, String>(1)?.as_str().into(),
            },
            cause: EventId::new(row.get::<_, String>(2)?),
            error: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        })
    })?;
    Ok(letters.collect::<Result<_, _>>()?)
}

pub(super) fn history(tx: &Transaction<'_>, subject: &Subject) -> Result<History, Fault> {
    let found = tx
        .query_row(
            "SELECT id, max(due_at, ifnull(settle_at, due_at)), error FROM subject
             WHERE practice = ? AND person = ?",
            params![subject.practice.as_str(), subject.person.as_str()],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?, row.get(2)?)),
        )
        .optional()?;
    let Some((id, due_at, error)) = found else { return Ok(History::default()) };
    let mut select = tx.prepare(
        "SELECT body, received_at, outcome, detail, reasons FROM event WHERE subject = ?",
    )?;
    let mut rows = select.query([id])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(entry(row)?);
    }
    events.sort_by(|a, b| a.version.cmp(&b.version));
    Ok(History { events, due_at: due_at.map(instant), error })
}

fn entry(row: &Row<'_>) -> Result<HistoryEntry, Fault> {
    let Stored { id, key, version, record } = from_json(&row.get::<_, String>(0)?)?;
    Ok(HistoryEntry {
        id,
        key,
        version,
        record,
        received_at: instant(row.get(1)?),
        outcome: outcome(&row.get::<_, String>(2)?, row.get(3)?)?,
        reasons: from_json(&row.get::<_, String>(4)?)?,
    })
}

pub(super) fn states(
    tx: &Transaction<'_>,
    after: Option<&Subject>,
    limit: usize,
) -> Result<Vec<(Subject, Phi<String>)>, Fault> {
    let mut select = tx.prepare_cached(
        "SELECT practice, person, body FROM state JOIN subject ON subject.id = state.subject
         WHERE (practice, person) > (?, ?) ORDER BY practice, person LIMIT ?",
    )?;
    // No practice has an empty id, so the first page starts before all of them.
    let (practice, person) =
        after.map_or(("", ""), |it| (it.practice.as_str(), it.person.as_str()));
    let states = select.query_map(params![practice, person, limit], |row| {
        let (practice, person): (String, String) = (row.get(0)?, row.get(1)?);
        Ok((
            Subject { practice: practice.as_str().into(), person: person.as_str().into() },
            Phi::new(row.get(2)?),
        ))
    })?;
    Ok(states.collect::<Result<_, _>>()?)
}

pub(super) fn rejected(tx: &Transaction<'_>) -> Result<Vec<RejectedRow>, Fault> {
    let mut select = tx.prepare(
        "SELECT practice, kind, record, path, problem, raw, received_at FROM rejected
         ORDER BY received_at DESC, digest",
    )?;
    let mut rows = select.query([])?;
    let mut rejected = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: RecordKind = from_json(&json(&row.get::<_, String>(1)?)?)?;
        let feed = Feed { practice: PracticeId::new(row.get::<_, String>(0)?), kind };
        let key = row.get::<_, Option<String>>(2)?.map(|id| RecordKey {
            practice: feed.practice.clone(),
            kind,
            id: RecordId::new(id),
        });
        rejected.push(RejectedRow {
            rejected: Rejected {
                key,
                path: row.get(3)?,
                problem: row.get(4)?,
                raw: row.get::<_, String>(5)?.into(),
            },
            feed,
            received_at: instant(row.get(6)?),
        });
    }
    Ok(rejected)
}
