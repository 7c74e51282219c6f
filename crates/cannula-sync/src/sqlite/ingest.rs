//! Into the inbox: events first, then the cursor, in the caller's one transaction.

use cannula_core::{Cursor, Error, ErrorKind, Feed, Rejected, Retry, Subject};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};

use super::{
    Fault, chain, forget, merged,
    row::{InboxRow, micros},
};
use crate::store::{FeedState, Ingest, Ingested};

pub(super) fn feed(tx: &Transaction<'_>, feed: &Feed) -> Result<FeedState, Fault> {
    let state = tx
        .prepare_cached("SELECT revision, cursor FROM feed WHERE practice = ? AND kind = ?")?
        .query_row(params![feed.practice.as_str(), feed.kind.as_str()], |row| {
            let cursor = Some(Cursor::new(row.get::<_, String>(1)?));
            Ok(FeedState { revision: row.get(0)?, cursor })
        })
        .optional()?;
    Ok(state.unwrap_or_default())
}

pub(super) fn ingest(
    tx: &Transaction<'_>,
    page: &Ingest,
    rows: &[InboxRow],
    now: DateTime<Utc>,
) -> Result<Ingested, Fault> {
    let here = feed(tx, &page.feed)?.revision;
    if here != page.revision {
        let error = Error::new(ErrorKind::Contended, "another worker has read this feed on")
            .retry(Retry::Backoff)
            .with("feed", &page.feed);
        return Err(error.into());
    }
    let mut ingested = add(tx, rows, Origin::Read, now)?;
    for rejected in &page.rejected {
        ingested.rejected += reject(tx, &page.feed, rejected, now)?;
    }
    tx.prepare_cached(
        "INSERT INTO feed (practice, kind, revision, cursor) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET revision = excluded.revision, cursor = excluded.cursor",
    )?
    .execute(params![
        page.feed.practice.as_str(),
        page.feed.kind.as_str(),
        page.revision + 1,
        page.next.as_str(),
    ])?;
    Ok(ingested)
}

/// How an event came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was read: the record was so at that moment.
    Read,
    /// It was brought, perhaps not for the first time.
    Delivered,
    /// Somebody who was merged passes it on.
    PassedOn,
}

pub(super) fn add(
    tx: &Transaction<'_>,
    rows: &[InboxRow],
    origin: Origin,
    now: DateTime<Utc>,
) -> Result<Ingested, Fault> {
    let mut ingested = Ingested::default();
    for row in rows {
        let renamed = match origin {
            Origin::PassedOn => None,
            Origin::Read | Origin::Delivered => merged::renamed(tx, row)?,
        };
        // What is known by the name of somebody who was merged since was passed on.
        let known = known(tx, row)?;
        let row = renamed.as_ref().unwrap_or(row);
        let known = match known {
            None if renamed.is_some() => self::known(tx, row)?,
            known => known,
        };
        let again = match origin {
            Origin::Read => chain::again(tx, row, known)?,
            Origin::Delivered | Origin::PassedOn => None,
        };
        if known.is_some() && again.is_none() {
            ingested.duplicates += 1;
        }
        for row in Some(row).filter(|_| known.is_none()).into_iter().chain(&again) {
            ingested.withdrawn += take(tx, row, now)?;
            ingested.new += 1;
            ingested.messages += u64::from(row.record.is_none());
        }
    }
    Ok(ingested)
}

/// Takes in an event that is new. Returns how many states it withdrew from somebody.
fn take(tx: &Transaction<'_>, row: &InboxRow, now: DateTime<Utc>) -> Result<u64, Fault> {
    let owner = owner(tx, row, now)?;
    let mut withdrawn = 0;
    for withdrawal in chain::withdrawals(tx, row, owner.map(|owner| owner.id))? {
        if known(tx, &withdrawal)?.is_none() {
            keep(tx, &withdrawal, self::owner(tx, &withdrawal, now)?, now)?;
            withdrawn += 1;
        }
    }
    keep(tx, row, owner, now)?;
    Ok(withdrawn)
}

/// Whom an event is about.
#[derive(Clone, Copy)]
struct Owner {
    id: i64,
    purged: bool,
}

fn owner(
    tx: &Transaction<'_>,
    row: &InboxRow,
    now: DateTime<Utc>,
) -> rusqlite::Result<Option<Owner>> {
    row.subject.as_ref().map(|subject| due(tx, subject, now)).transpose()
}

/// Inserts what may be kept of an event.
fn keep(
    tx: &Transaction<'_>,
    row: &InboxRow,
    owner: Option<Owner>,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let subject = owner.map(|owner| owner.id);
    match owner {
        Some(Owner { purged: true, .. }) => insert(tx, &forget::tombstone(row)?, subject, now)?,
        _ => insert(tx, row, subject, now)?,
    }
    Ok(())
}

/// The stamp of the event, if it is in the inbox.
pub(super) fn known(tx: &Transaction<'_>, row: &InboxRow) -> rusqlite::Result<Option<i64>> {
    tx.prepare_cached("SELECT stamp FROM event WHERE id = ?")?
        .query_row([row.id.as_str()], |row| row.get(0))
        .optional()
}

pub(super) fn insert(
    tx: &Transaction<'_>,
    row: &InboxRow,
    subject: Option<i64>,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO event (id, subject, record, stamp, received_at, outcome, detail, reasons, body)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        row.id.as_str(),
        subject,
        row.record,
        row.stamp,
        micros(now),
        row.outcome,
        row.detail,
        row.reasons,
        row.body,
    ])?;
    Ok(())
}

/// Makes a subject due now, known before or not, unless it was purged.
fn due(tx: &Transaction<'_>, subject: &Subject, now: DateTime<Utc>) -> rusqlite::Result<Owner> {
    tx.prepare_cached(
        "INSERT INTO subject (practice, person, due_at) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET due_at = CASE WHEN purged_at IS NULL
             THEN min(ifnull(due_at, excluded.due_at), excluded.due_at) END
         RETURNING id, purged_at IS NOT NULL",
    )?
    .query_row(params![subject.practice.as_str(), subject.person.as_str(), micros(now)], |row| {
        Ok(Owner { id: row.get(0)?, purged: row.get(1)? })
    })
}

/// Keeps an unreadable row, but nothing of a person who was purged. Sweeps overlap, so the same row
/// comes again with every sweep.
fn reject(
    tx: &Transaction<'_>,
    feed: &Feed,
    rejected: &Rejected,
    now: DateTime<Utc>,
) -> Result<u64, Fault> {
    let mut hasher = Sha256::new();
    hasher.update(format!("{feed}\n"));
    hasher.update(rejected.raw.expose());
    let digest: String = hasher.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let record = rejected.key.as_ref().map(|key| key.id.as_str());
    let purged = forget::is_of_purged(tx, feed, record, rejected.raw.expose())?;
    let written = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO rejected
                 (digest, practice, kind, record, path, problem, raw, received_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            digest,
            feed.practice.as_str(),
            feed.kind.as_str(),
            record,
            rejected.path,
            rejected.problem,
            if purged { "" } else { rejected.raw.expose() },
            micros(now),
        ])?;
    Ok(written as u64)
}
