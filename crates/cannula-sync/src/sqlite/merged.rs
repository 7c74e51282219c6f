//! Persons who turned out to be others: whose the records are that go on naming them.

use cannula_core::{Event, PatientId, PersonId, Subject};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    Fault,
    row::{InboxRow, from_json, inbox_row},
};

/// Takes note of whom a person was merged into, or that it is one of its own.
pub(super) fn note(
    tx: &Transaction<'_>,
    subject: i64,
    into: Option<&PersonId>,
) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE subject SET merged_into = ?2 WHERE id = ?1 AND merged_into IS NOT ?2",
    )?
    .execute(params![subject, into.map(PersonId::as_str)])
    .map(drop)
}

/// The event as one of the person who is left, if it names one who is no more.
pub(super) fn renamed(tx: &Transaction<'_>, row: &InboxRow) -> Result<Option<InboxRow>, Fault> {
    let (Some(subject), Some(_)) = (&row.subject, &row.record) else { return Ok(None) };
    let Some(left) = left(tx, subject)? else { return Ok(None) };
    let event: Event = from_json(&row.body)?;
    let event = event.with_patient(&PatientId::new(left.as_str()));
    // What is about the person itself, and not only one of its records, stays.
    Ok((event.subject().as_ref() != Some(subject)).then(|| inbox_row(&event)).transpose()?)
}

/// Takes out what names a person who was merged and came while that was being decided. Taken in
/// again, it is that of whoever is left.
pub(super) fn take_late(tx: &Transaction<'_>, subject: i64) -> Result<Vec<InboxRow>, Fault> {
    let late: Vec<String> = tx
        .prepare_cached(
            "SELECT body FROM event
             WHERE subject = ? AND outcome = 'pending' AND record IS NOT NULL ORDER BY stamp, seq",
        )?
        .query_map([subject], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut taken = Vec::new();
    for body in late {
        // What this version cannot read is found unreadable by whoever is to decide about it.
        let Ok(event) = from_json::<Event>(&body) else { continue };
        let row = inbox_row(&event)?;
        if renamed(tx, &row)?.is_some() {
            tx.execute("DELETE FROM event WHERE id = ?", [row.id.as_str()])?;
            taken.push(row);
        }
    }
    Ok(taken)
}

/// Who is left of a person who was merged, through all merges that followed. `None`: itself, or
/// nobody, since they were merged in a circle.
pub(super) fn left(tx: &Transaction<'_>, subject: &Subject) -> rusqlite::Result<Option<PersonId>> {
    let mut passed = Vec::new();
    while let Some(next) = into(tx, subject, passed.last().unwrap_or(&subject.person))? {
        if next == subject.person || passed.contains(&next) {
            return Ok(None);
        }
        passed.push(next);
    }
    Ok(passed.pop())
}

fn into(
    tx: &Transaction<'_>,
    Subject { practice, .. }: &Subject,
    person: &PersonId,
) -> rusqlite::Result<Option<PersonId>> {
    let into = tx
        .prepare_cached("SELECT merged_into FROM subject WHERE practice = ? AND person = ?")?
        .query_row([practice.as_str(), person.as_str()], |row| row.get::<_, Option<String>>(0))
        .optional()?;
    Ok(into.flatten().map(PersonId::new))
}

/// The person and everybody who was merged into it.
pub(super) fn with_merged(
    tx: &Transaction<'_>,
    Subject { practice, person }: &Subject,
) -> rusqlite::Result<Vec<Subject>> {
    let mut select = tx.prepare(
        "WITH RECURSIVE all_of (person) AS (
             SELECT ?2 UNION SELECT subject.person FROM subject JOIN all_of
                 ON subject.practice = ?1 AND subject.merged_into = all_of.person)
         SELECT person FROM all_of",
    )?;
    let rows = select.query_map([practice.as_str(), person.as_str()], |row| {
        let person = PersonId::new(row.get::<_, String>(0)?);
        Ok(Subject { practice: practice.clone(), person })
    })?;
    rows.collect()
}

/// Whether the person who is left of this one was purged.
pub(super) fn into_purged(tx: &Transaction<'_>, subject: &Subject) -> rusqlite::Result<bool> {
    let Some(left) = left(tx, subject)? else { return Ok(false) };
    let sql = "SELECT 1 FROM subject
         WHERE practice = ? AND person = ? AND purged_at IS NOT NULL";
    tx.prepare_cached(sql)?.exists([subject.practice.as_str(), left.as_str()])
}
