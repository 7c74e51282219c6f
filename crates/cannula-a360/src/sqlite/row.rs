//! Rows of the tables to patients and back.

use std::collections::BTreeMap;

use cannula_core::{ContactId, Error, ErrorKind, PracticeId};
use cannula_rules::patient_link::name_key;
use rusqlite::{Connection, Row, params};
use serde::{Serialize, de::DeserializeOwned};

use super::Fault;
use crate::{
    Link, LocalPatient,
    store::{patient_id, sort_key},
};

/// The columns that [`patient`] reads, of a table or alias `p`.
pub(super) const PATIENT: &str = "p.id, p.version, p.person, p.details";

/// A patient without its links.
pub(super) fn patient(row: &Row<'_>) -> rusqlite::Result<Result<(u64, LocalPatient), Fault>> {
    let number: u64 = row.get(0)?;
    let version = row.get(1)?;
    let (person, details): (String, String) = (row.get(2)?, row.get(3)?);
    let read = || {
        Ok(LocalPatient {
            id: patient_id(number),
            version,
            person: from_json(&person)?,
            details: from_json(&details)?,
            links: BTreeMap::new(),
        })
    };
    Ok(read().map(|patient| (number, patient)))
}

/// Adds the links of a patient.
pub(super) fn with_links(
    connection: &Connection,
    (number, mut patient): (u64, LocalPatient),
) -> Result<LocalPatient, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT location, contact, since, checked_at, broken_at FROM links WHERE patient = ?1",
    )?;
    let mut rows = statement.query([number])?;
    while let Some(row) = rows.next()? {
        let (location, contact): (String, String) = (row.get(0)?, row.get(1)?);
        let link = Link {
            contact: ContactId::new(contact),
            since: instant(&row.get::<_, String>(2)?)?,
            checked_at: instant(&row.get::<_, String>(3)?)?,
            broken_at: row.get::<_, Option<String>>(4)?.map(|it| instant(&it)).transpose()?,
        };
        patient.links.insert(PracticeId::new(location), link);
    }
    Ok(patient)
}

/// Writes a patient with its links over what is there.
pub(super) fn write(
    connection: &Connection,
    number: u64,
    patient: &LocalPatient,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO patients (id, version, person, details, name_key, sort_key)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, person = excluded.person,
                 details = excluded.details, name_key = excluded.name_key,
                 sort_key = excluded.sort_key",
        )?
        .execute(params![
            number,
            patient.version,
            json(&patient.person)?,
            json(&patient.details)?,
            name_key(&patient.person).expose(),
            sort_key(&patient.person),
        ])?;
    connection.prepare_cached("DELETE FROM links WHERE patient = ?1")?.execute([number])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO links (location, contact, patient, since, checked_at, broken_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (location, link) in &patient.links {
        insert.execute(params![
            location.as_str(),
            link.contact.as_str(),
            number,
            link.since.to_rfc3339(),
            link.checked_at.to_rfc3339(),
            link.broken_at.map(|at| at.to_rfc3339()),
        ])?;
    }
    Ok(())
}

pub(super) fn json(value: &impl Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|cause| unreadable().source(cause).into())
}

pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|cause| unreadable().source(cause).into())
}

fn instant(text: &str) -> Result<chrono::DateTime<chrono::Utc>, Fault> {
    text.parse().map_err(|cause: chrono::ParseError| unreadable().source(cause).into())
}

fn unreadable() -> Error {
    Error::new(ErrorKind::Storage, "a row of the patient list cannot be read or written")
}
