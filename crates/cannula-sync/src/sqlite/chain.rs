//! The states of one record, in the order of their versions.

use cannula_core::{Event, RecordKey};
use rusqlite::{OptionalExtension, Params, Row, Transaction, params};

use super::{
    Fault,
    row::{InboxRow, Stored, from_json, inbox_row, instant, record},
};
use crate::withdraw::moved_away;

/// A state of the record that is in the inbox.
struct Known {
    seq: i64,
    subject: Option<i64>,
    stamp: i64,
}

pub(super) fn last_event(tx: &Transaction<'_>, key: &RecordKey) -> Result<Option<Event>, Fault> {
    let Some(newest) = newest(tx, &record(key)?)? else { return Ok(None) };
    Ok(readable(&body(tx, newest.seq)?).and_then(Stored::event))
}

/// What is withdrawn from whom because of this new state, which is about `subject`: the state
/// before it, and, if it came late, itself.
pub(super) fn withdrawals(
    tx: &Transaction<'_>,
    row: &InboxRow,
    subject: Option<i64>,
) -> Result<Vec<InboxRow>, Fault> {
    let mut withdrawn = Vec::new();
    let Some(record) = &row.record else { return Ok(withdrawn) };
    let (before, after) = neighbours(tx, record, row.stamp)?;
    if let Some(before) = before
        && before.subject.is_some()
        && before.subject != subject
    {
        withdrawn.extend(withdraw(&body(tx, before.seq)?, row.stamp)?);
    }
    if let Some(after) = after
        && subject.is_some()
        && after.subject != subject
    {
        withdrawn.extend(withdraw(&row.body, after.stamp)?);
    }
    Ok(withdrawn)
}

/// The state as one more event, because it is what the source has now and the newest known state
/// is another: the record is again what it once was, or it was withdrawn and is there all the
/// same. `known` is the stamp of the event with the state's id.
pub(super) fn again(
    tx: &Transaction<'_>,
    row: &InboxRow,
    known: Option<i64>,
) -> Result<Option<InboxRow>, Fault> {
    let Some(record) = &row.record else { return Ok(None) };
    let Some(newest) = newest(tx, record)? else { return Ok(None) };
    let is_back = known.is_some_and(|known| known < row.stamp) && newest.stamp < row.stamp;
    // Of a state that is known, the event itself is the newest as a rule.
    let is_older = newest.stamp > row.stamp || (newest.stamp == row.stamp && known.is_none());
    if !is_back && !is_older {
        return Ok(None);
    }
    let Some(last) = readable(&body(tx, newest.seq)?) else { return Ok(None) };
    let Event { id, key, version, record } = from_json(&row.body)?;
    if last.version.digest == version.digest {
        return Ok(None);
    }
    let state = |stamp| {
        Event::new(key.practice.clone(), key.id.clone(), record.clone(), stamp, version.stamp)
    };
    let stamp = if is_back {
        version.stamp
    } else if last.event().is_some_and(|last| last.is_withdrawal()) && state(None).id != id {
        // The vendor's time of the last change, which says nothing of when it was there.
        instant(newest.stamp + 1)
    } else {
        return Ok(None);
    };
    // With this stamp, it has an id of its own.
    let InboxRow { outcome, detail, reasons, .. } = row;
    let (detail, reasons) = (detail.clone(), reasons.clone());
    Ok(Some(InboxRow { outcome, detail, reasons, ..inbox_row(&state(Some(stamp)))? }))
}

/// The states between which one with this stamp belongs.
fn neighbours(
    tx: &Transaction<'_>,
    record: &str,
    stamp: i64,
) -> rusqlite::Result<(Option<Known>, Option<Known>)> {
    // Most come in order, and then this one question is all.
    let newest = newest(tx, record)?;
    if newest.as_ref().is_none_or(|newest| newest.stamp <= stamp) {
        return Ok((newest, None));
    }
    let before = known(
        tx,
        "SELECT seq, subject, stamp FROM event WHERE record = ? AND stamp <= ?
         ORDER BY stamp DESC, seq DESC LIMIT 1",
        params![record, stamp],
    )?;
    let after = known(
        tx,
        "SELECT seq, subject, stamp FROM event WHERE record = ? AND stamp > ?
         ORDER BY stamp, seq LIMIT 1",
        params![record, stamp],
    )?;
    Ok((before, after))
}

fn newest(tx: &Transaction<'_>, record: &str) -> rusqlite::Result<Option<Known>> {
    let sql = "SELECT seq, subject, stamp FROM event WHERE record = ?
         ORDER BY stamp DESC, seq DESC LIMIT 1";
    known(tx, sql, [record])
}

fn known(tx: &Transaction<'_>, sql: &str, params: impl Params) -> rusqlite::Result<Option<Known>> {
    let read =
        |row: &Row<'_>| Ok(Known { seq: row.get(0)?, subject: row.get(1)?, stamp: row.get(2)? });
    tx.prepare_cached(sql)?.query_row(params, read).optional()
}

fn body(tx: &Transaction<'_>, seq: i64) -> rusqlite::Result<String> {
    tx.prepare_cached("SELECT body FROM event WHERE seq = ?")?.query_row([seq], |row| row.get(0))
}

/// The withdrawal of a state that the record left at the stamp `next`.
fn withdraw(body: &str, next: i64) -> Result<Option<InboxRow>, Fault> {
    let last = readable(body).and_then(Stored::event);
    let Some(event) = last.and_then(|last| moved_away(&last, instant(next))) else {
        return Ok(None);
    };
    Ok(Some(InboxRow { record: None, ..inbox_row(&event)? }))
}

/// The event, if this version can read it. What it cannot read keeps nothing else out.
fn readable(body: &str) -> Option<Stored> {
    let event = from_json(body).ok();
    if event.is_none() {
        tracing::warn!("an earlier state of a record cannot be read by this version");
    }
    event
}
