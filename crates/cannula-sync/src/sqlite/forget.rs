//! Forgetting: one person altogether, and of everybody what is long over.
//!
//! What a transaction deletes is still in the file for a while: in the log, in pages that are free,
//! in the gaps of pages that were rebuilt (`secure_delete` reaches the first two, not the third).
//! So each removal notes that the file has to be written anew, in its own transaction, and the note
//! goes when that is done. Whoever opens the file next makes up for a crash in between.

use cannula_core::{Error, ErrorKind, Feed, Result, Retry, Subject};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, params};
use serde_json::Value;

use super::{
    Fault, merged,
    row::{InboxRow, from_json, json, micros},
};
use crate::store::Forgotten;

/// What is left of an event: its id, its record's key and its version.
const LEFT: &str = "json_remove(body, '$.record')";
/// An event that more than that is left of.
const WHOLE: &str = "(json_valid(body) AND json_type(body, '$.record') IS NOT NULL)";

/// Why nothing comes of an event.
const PURGED: &str = "The person was purged: nothing of it is kept, and nothing is done about it.";

/// As [`purge`], but for a person who turned out to be another: whoever names the old one may not
/// know whom that is about.
pub(super) fn purge_by_name(
    tx: &Transaction<'_>,
    subject: &Subject,
    now: DateTime<Utc>,
) -> Result<Forgotten, Fault> {
    match merged::left(tx, subject)? {
        Some(left) if !merged::into_purged(tx, subject)? => {
            let message = format!("{subject} was merged into {left}: purge {left}, who has it all");
            Err(Error::new(ErrorKind::Invalid, message).into())
        }
        _ => purge(tx, subject, now),
    }
}

/// Removes what is known of a person and of all who were merged into them, and remembers to know
/// nothing of them from now on.
pub(super) fn purge(
    tx: &Transaction<'_>,
    subject: &Subject,
    now: DateTime<Utc>,
) -> Result<Forgotten, Fault> {
    let mut all = Forgotten::default();
    for subject in merged::with_merged(tx, subject)? {
        let Forgotten { events, effects, rejected } = purge_one(tx, &subject, now)?;
        all.events += events;
        all.effects += effects;
        all.rejected += rejected;
    }
    Ok(all)
}

fn purge_one(
    tx: &Transaction<'_>,
    subject: &Subject,
    now: DateTime<Utc>,
) -> Result<Forgotten, Fault> {
    let Subject { practice, person } = subject;
    // The new epoch refuses the step of whoever is at work on the person.
    let id: i64 = tx.query_row(
        "INSERT INTO subject (practice, person, purged_at) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET purged_at = ifnull(purged_at, excluded.purged_at),
             due_at = NULL, look_at = NULL, owner = NULL, lease_until = NULL, epoch = epoch + 1,
             attempts = 0, error = NULL
         RETURNING id",
        params![practice.as_str(), person.as_str(), micros(now)],
        |row| row.get(0),
    )?;
    let rejected = strip_rejected(tx, id, subject)?;
    let effects = tx.execute("DELETE FROM outbox WHERE subject = ?", [id])?;
    let states = tx.execute("DELETE FROM state WHERE subject = ?", [id])?;
    // What no version of ours wrote has no key to keep.
    let unreadable =
        tx.execute("DELETE FROM event WHERE subject = ? AND NOT json_valid(body)", [id])?;
    let events = tx.execute(
        &format!(
            "UPDATE event SET outcome = 'done', detail = NULL, reasons = ?2, body = {LEFT}
             WHERE subject = ?1 AND reasons <> ?2"
        ),
        params![id, reasons()?],
    )?;
    let events = events + unreadable;
    if events + effects + states + rejected > 0 {
        note_traces(tx, now)?;
    }
    Ok(forgotten(events, effects, rejected))
}

/// Removes what is over since before `before`: the content of events that are done and whose
/// record has a newer state, and that of rows no source could read.
pub(super) fn forget_before(
    tx: &Transaction<'_>,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Forgotten, Fault> {
    let events = tx.execute(
        &format!(
            "UPDATE event SET body = {LEFT}
             WHERE outcome = 'done' AND received_at < ?1 AND {WHOLE} AND (
                 record IS NULL OR EXISTS (
                     SELECT 1 FROM event AS newer WHERE newer.record = event.record
                         AND (newer.stamp, newer.seq) > (event.stamp, event.seq)))"
        ),
        [micros(before)],
    )?;
    let rejected = tx.execute(
        "UPDATE rejected SET raw = '' WHERE received_at < ? AND raw <> ''",
        [micros(before)],
    )?;
    if events + rejected > 0 {
        note_traces(tx, now)?;
    }
    Ok(forgotten(events, 0, rejected))
}

/// Writes the file anew if a removal has left traces in it.
pub(super) fn wipe_traces(connection: &Connection) -> Result<(), Fault> {
    // Another process may note more of them meanwhile.
    let last: Option<i64> =
        connection.query_row("SELECT max(rowid) FROM traces", [], |row| row.get(0))?;
    let Some(last) = last else { return Ok(()) };
    connection.execute_batch("VACUUM")?;
    // The pages as they were are in the log until it is cut.
    let busy =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0))?;
    if busy {
        let message = "what was removed may still be in the store's log, because another process \
                       reads the store; do it again when it does not";
        return Err(Error::new(ErrorKind::Contended, message).retry(Retry::Backoff).into());
    }
    connection.execute("DELETE FROM traces WHERE rowid <= ?", [last])?;
    Ok(())
}

/// The same, where somebody else who reads the store is no fault: then the next start does it.
pub(super) fn wipe_traces_or_leave_them(connection: &Connection) -> Result<(), Fault> {
    match wipe_traces(connection) {
        Err(Fault::Ours(error)) if error.kind() == ErrorKind::Contended => {
            tracing::warn!(%error, "left for the next start");
            Ok(())
        }
        wiped => wiped,
    }
}

/// An event of a person who was purged, as it is kept.
pub(super) fn tombstone(row: &InboxRow) -> Result<InboxRow> {
    let mut body: Value = from_json(&row.body)?;
    if let Some(body) = body.as_object_mut() {
        body.remove("record");
    }
    Ok(InboxRow {
        id: row.id.clone(),
        subject: row.subject.clone(),
        record: row.record.clone(),
        stamp: row.stamp,
        outcome: "done",
        detail: None,
        reasons: reasons()?,
        body: json(&body)?,
    })
}

fn reasons() -> Result<String> {
    json(&[PURGED])
}

fn note_traces(tx: &Transaction<'_>, now: DateTime<Utc>) -> rusqlite::Result<()> {
    tx.execute("INSERT INTO traces (since) VALUES (?)", [micros(now)]).map(drop)
}

/// Empties the rejected rows that are about one of the person's records or name the person's id.
fn strip_rejected(
    tx: &Transaction<'_>,
    id: i64,
    Subject { practice, person }: &Subject,
) -> Result<usize, Fault> {
    let mut select = tx.prepare(
        "SELECT digest, raw, EXISTS (
             SELECT 1 FROM event WHERE subject = ?2
                 AND event.record = json_array(rejected.practice, rejected.kind, rejected.record))
         FROM rejected WHERE practice = ?1 AND raw <> ''",
    )?;
    let mut rows = select.query(params![practice.as_str(), id])?;
    let mut found = Vec::<String>::new();
    while let Some(row) = rows.next()? {
        let raw: String = row.get(1)?;
        if row.get(2)? || names(&raw, person.as_str()) {
            found.push(row.get(0)?);
        }
    }
    for digest in &found {
        tx.execute("UPDATE rejected SET raw = '' WHERE digest = ?", [digest])?;
    }
    Ok(found.len())
}

/// Whether an unreadable row is about a record of somebody who was purged, or names one.
pub(super) fn is_of_purged(
    tx: &Transaction<'_>,
    feed: &Feed,
    record: Option<&str>,
    raw: &str,
) -> Result<bool, Fault> {
    let mut select = tx.prepare_cached(
        "SELECT person, EXISTS (
             SELECT 1 FROM event WHERE event.subject = subject.id AND event.record = json_array(?1, ?2, ?3))
         FROM subject WHERE practice = ?1 AND purged_at IS NOT NULL",
    )?;
    let mut rows = select.query(params![feed.practice.as_str(), feed.kind.as_str(), record])?;
    while let Some(row) = rows.next()? {
        if row.get(1)? || names(raw, &row.get::<_, String>(0)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the id is in the text as a word of its own. A number that only looks like it costs the
/// text of a row that its source still has.
fn names(raw: &str, id: &str) -> bool {
    let part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    raw.match_indices(id).any(|(at, found)| {
        let (before, behind) = (&raw[..at], &raw[at + found.len()..]);
        !part(before.chars().next_back()) && !part(behind.chars().next())
    })
}

const fn forgotten(events: usize, effects: usize, rejected: usize) -> Forgotten {
    Forgotten { events: events as u64, effects: effects as u64, rejected: rejected as u64 }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn an_id_is_found_as_a_word_and_not_as_a_part_of_one() {
        for raw in [r#"{"p":"42"}"#, r#"{"p":42}"#, "Patient/42", "42", r#"["a","P-42"]"#] {
            assert!(names(raw, "42"), "{raw}");
        }
        for raw in [r#"{"p":"142"}"#, r#"{"p":"42a"}"#, "é42", "", r#"{"p":420}"#] {
            assert!(!names(raw, "42"), "{raw}");
        }
    }
}
