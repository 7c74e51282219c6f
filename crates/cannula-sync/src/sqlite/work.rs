//! Leases and the work under them.

use cannula_core::{Event, EventId, Phi, Subject};
use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    Fault, forget,
    ingest::{self, Origin},
    merged,
    row::{StepRow, UpdateRow, from_json, micros, status_word, unknown_effect},
};
use crate::store::{Claim, Ingested, Next, OutboxRow, Replay, SETTLE_AFTER, Saved};

/// A claim whose events are still text.
pub(super) struct Claimed {
    claim: Claim,
    pending: Vec<(EventId, String)>,
}

impl Claimed {
    /// Reads the events; the ids of those this version cannot read go to `unreadable`.
    pub(super) fn decode(self, unreadable: &mut Vec<EventId>) -> Claim {
        let mut claim = self.claim;
        for (id, body) in self.pending {
            match from_json::<Event>(&body) {
                Ok(event) => claim.events.push(event),
                Err(_) => unreadable.push(id),
            }
        }
        claim.events.sort_by(|a, b| {
            (a.version.stamp, &a.key, &a.version.digest).cmp(&(
                b.version.stamp,
                &b.key,
                &b.version.digest,
            ))
        });
        claim
    }
}

/// Why an event is dead that was never decided: no later decision is about it.
const UNREADABLE: &str = "this version cannot read the stored event";

/// Events an older or newer version of this program wrote in a shape this one cannot read.
pub(super) fn set_aside(tx: &Transaction<'_>, events: &[EventId]) -> Result<(), Fault> {
    for event in events {
        tx.execute(
            "UPDATE event SET outcome = 'dead', detail = ? WHERE id = ?",
            params![UNREADABLE, event.as_str()],
        )?;
    }
    Ok(())
}

/// When what has an outcome that is not known may be looked up, where `?2` is the earliest time.
const SETTLE_AT: &str = "CASE WHEN EXISTS
    (SELECT 1 FROM outbox WHERE outbox.subject = subject.id AND status = 'unknown') THEN ?2 END";

pub(super) fn reclaim(
    tx: &Transaction<'_>,
    worker: &str,
    now: DateTime<Utc>,
) -> Result<u64, Fault> {
    let freed = tx.execute(
        &format!(
            "UPDATE subject SET owner = NULL, lease_until = NULL, epoch = epoch + 1, due_at = ?1,
                 settle_at = {SETTLE_AT} WHERE owner = ?3"
        ),
        params![micros(now), micros(now + SETTLE_AFTER), worker],
    )?;
    Ok(freed as u64)
}

pub(super) fn claim(
    tx: &Transaction<'_>,
    worker: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Claimed>, Fault> {
    // Three selects, because each has its own index; expired leases are few and come first.
    const EXPIRED: &str = "SELECT id, practice, person, epoch, attempts, error FROM subject
         WHERE owner IS NOT NULL AND lease_until <= ? ORDER BY lease_until LIMIT ?";
    const DUE: &str = "SELECT id, practice, person, epoch, attempts, error FROM subject
         WHERE owner IS NULL AND due_at <= ?1 AND ifnull(settle_at, ?1) <= ?1
         ORDER BY due_at LIMIT ?";
    const LOOK: &str = "SELECT id, practice, person, epoch, attempts, error FROM subject
         WHERE owner IS NULL AND look_at <= ? AND ifnull(due_at, ?1 + 1) > ?1
         ORDER BY look_at LIMIT ?";
    let mut found = Vec::new();
    for sql in [EXPIRED, DUE, LOOK] {
        let mut select = tx.prepare_cached(sql)?;
        let left = limit.saturating_sub(found.len());
        let rows = select.query_map(params![micros(now), left], |row| {
            let subject = Subject {
                practice: row.get::<_, String>(1)?.as_str().into(),
                person: row.get::<_, String>(2)?.as_str().into(),
            };
            let claim = Claim {
                subject,
                epoch: row.get::<_, u64>(3)? + 1,
                attempts: row.get::<_, u32>(4)? + 1,
                error: row.get(5)?,
                state: None,
                events: Vec::new(),
                open: Vec::new(),
                unknown: Vec::new(),
            };
            Ok((row.get::<_, i64>(0)?, claim))
        })?;
        for row in rows {
            found.push(row?);
        }
    }
    let mut lease = tx.prepare_cached(
        "UPDATE subject SET owner = ?, lease_until = ?, epoch = epoch + 1, due_at = NULL,
                            look_at = NULL, attempts = attempts + 1 WHERE id = ?",
    )?;
    found
        .into_iter()
        .map(|(id, claim)| {
            lease.execute(params![worker, micros(until), id])?;
            load(tx, id, claim)
        })
        .collect()
}

/// Reads what the subject has into its claim.
fn load(tx: &Transaction<'_>, id: i64, mut claim: Claim) -> Result<Claimed, Fault> {
    claim.state = tx
        .prepare_cached("SELECT body FROM state WHERE subject = ?")?
        .query_row([id], |row| Ok(Phi::new(row.get(0)?)))
        .optional()?;
    claim.unknown = tx
        .prepare_cached(
            "SELECT cause, key, effect, error FROM outbox
             WHERE subject = ? AND status = 'unknown' ORDER BY seq",
        )?
        .query_map([id], unknown_effect)?
        .collect::<Result<Vec<_>, _>>()?;
    let mut pending = Vec::new();
    let mut select = tx.prepare_cached(
        "SELECT id, CASE WHEN outcome = 'pending' OR (outcome = 'dead' AND reasons = '[]')
             THEN body END FROM event
         WHERE subject = ? AND outcome IN ('pending', 'delivering', 'held', 'dead')
             AND detail IS NOT ?",
    )?;
    let mut rows = select.query(params![id, UNREADABLE])?;
    while let Some(row) = rows.next()? {
        let event = EventId::new(row.get::<_, String>(0)?);
        match row.get(1)? {
            Some(body) => pending.push((event, body)),
            None => claim.open.push(event),
        }
    }
    Ok(Claimed { claim, pending })
}

pub(super) fn save(
    tx: &Transaction<'_>,
    worker: &str,
    steps: Vec<StepRow>,
    now: DateTime<Utc>,
) -> Result<Saved, Fault> {
    let mut saved = Saved::default();
    let mut leased = tx.prepare_cached(
        "SELECT id FROM subject WHERE practice = ? AND person = ? AND epoch = ? AND owner = ?",
    )?;
    for step in steps {
        let Subject { practice, person } = &step.subject;
        let id = leased
            .query_row(params![practice.as_str(), person.as_str(), step.epoch, worker], |row| {
                row.get(0)
            })
            .optional()?;
        match id {
            Some(id) => {
                saved.ingested.add(save_step(tx, id, &step, now)?);
                if step.merged_into.is_some() && merged::into_purged(tx, &step.subject)? {
                    forget::purge(tx, &step.subject, now)?;
                    saved.lost.push(step.subject);
                }
            }
            None => saved.lost.push(step.subject),
        }
    }
    Ok(saved)
}

fn save_step(
    tx: &Transaction<'_>,
    id: i64,
    step: &StepRow,
    now: DateTime<Utc>,
) -> Result<Ingested, Fault> {
    if let Some(state) = &step.state {
        tx.prepare_cached(
            "INSERT INTO state (subject, body) VALUES (?, ?)
             ON CONFLICT DO UPDATE SET body = excluded.body",
        )?
        .execute(params![id, state.expose()])?;
        merged::note(tx, id, step.merged_into.as_ref())?;
    }
    let mut ingested = Ingested::default();
    for event in &step.fetched {
        if ingest::known(tx, event)?.is_none() {
            ingest::insert(tx, event, Some(id), now)?;
            ingested.new += 1;
        }
    }
    for update in &step.events {
        update_event(tx, id, update)?;
    }
    if step.merged_into.is_some() {
        let late = merged::take_late(tx, id)?;
        ingested.add(ingest::add(tx, &step.arrivals, Origin::PassedOn, now)?);
        // They were counted when they came.
        ingested.withdrawn += ingest::add(tx, &late, Origin::Read, now)?.withdrawn;
    } else {
        ingested.add(ingest::add(tx, &step.arrivals, Origin::Read, now)?);
    }
    if let Some(outbox) = &step.outbox {
        replace_outbox(tx, id, outbox)?;
    }
    let (due_at, look_at, error) = match &step.next {
        Next::Send => return Ok(ingested),
        Next::Again { due_at, error } => (Some(*due_at), None, error.as_deref()),
        Next::Stuck { error } => (None, None, Some(&**error)),
        Next::Rest { look_at } => (None, *look_at, None),
    };
    // An event that arrived during the lease has set due_at: the earlier of the two counts.
    tx.prepare_cached(&format!(
        "UPDATE subject SET owner = NULL, lease_until = NULL, look_at = ?4, error = ?5,
             due_at = min(ifnull(due_at, ?3), ifnull(?3, due_at)), settle_at = {SETTLE_AT},
             attempts = CASE WHEN ?3 IS NULL THEN 0 ELSE attempts END
         WHERE id = ?1"
    ))?
    .execute(params![
        id,
        micros(now + SETTLE_AFTER),
        due_at.map(micros),
        look_at.map(micros),
        error
    ])?;
    Ok(ingested)
}

fn update_event(tx: &Transaction<'_>, subject: i64, update: &UpdateRow) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE event SET outcome = ?, detail = ?, reasons = ifnull(?, reasons)
         WHERE id = ? AND subject = ?",
    )?
    .execute(params![
        update.outcome,
        update.detail,
        update.reasons,
        update.event.as_str(),
        subject
    ])?;
    if let Some(remark) = &update.remark {
        tx.prepare_cached(
            "UPDATE event SET reasons = json_insert(reasons, '$[#]', ?2)
             WHERE id = ?1 AND ?2 NOT IN (SELECT value FROM json_each(reasons))",
        )?
        .execute(params![update.event.as_str(), remark])?;
    }
    Ok(())
}

fn replace_outbox(
    tx: &Transaction<'_>,
    subject: i64,
    outbox: &[OutboxRow],
) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM outbox WHERE subject = ?")?.execute([subject])?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO outbox (subject, seq, cause, key, effect, status, error)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for (seq, row) in outbox.iter().enumerate() {
        insert.execute(params![
            subject,
            seq,
            row.cause.as_str(),
            row.key.as_str(),
            row.effect.expose(),
            status_word(row.status),
            row.error,
        ])?;
    }
    Ok(())
}

pub(super) fn replay(
    tx: &Transaction<'_>,
    what: &Replay,
    now: DateTime<Utc>,
) -> Result<u64, Fault> {
    const EITHER: &str = "('parked', 'held', 'dead')";
    let by_outcome = |outcomes| {
        (format!("SELECT DISTINCT subject FROM event WHERE outcome IN {outcomes}"), outcomes)
    };
    let (select, outcomes) = match what {
        Replay::Parked => by_outcome("('parked', 'held')"),
        Replay::Dead => {
            let (dead, outcomes) = by_outcome("('dead')");
            // Whoever is stuck need not have an event that is.
            let stuck = "SELECT id FROM subject WHERE error IS NOT NULL AND due_at IS NULL
                 AND owner IS NULL AND purged_at IS NULL";
            (format!("{dead} UNION {stuck}"), outcomes)
        }
        Replay::All => ("SELECT id FROM subject WHERE purged_at IS NULL".to_owned(), EITHER),
        Replay::Subject(_) => (
            "SELECT id FROM subject WHERE practice = ? AND person = ? AND purged_at IS NULL"
                .to_owned(),
            EITHER,
        ),
    };
    let mut select = tx.prepare(&select)?;
    let id = |row: &rusqlite::Row<'_>| row.get::<_, Option<i64>>(0);
    let subjects = match what {
        Replay::Subject(Subject { practice, person }) => {
            select.query_map(params![practice.as_str(), person.as_str()], id)?
        }
        _ => select.query_map([], id)?,
    }
    .collect::<Result<Vec<_>, _>>()?;
    let mut due = tx.prepare(
        "UPDATE subject SET due_at = min(ifnull(due_at, ?1), ?1), attempts = 0 WHERE id = ?2",
    )?;
    let mut undecided = tx.prepare(&format!(
        "UPDATE event SET outcome = 'pending', detail = NULL
         WHERE subject = ? AND outcome IN {outcomes}"
    ))?;
    let mut count = 0;
    // An event about nobody has no subject: it was decided for good when it came.
    for subject in subjects.into_iter().flatten() {
        due.execute(params![micros(now), subject])?;
        undecided.execute([subject])?;
        count += 1;
    }
    Ok(count)
}
