//! The patient list in one SQLite file.

mod file;
mod row;

use std::{
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{ContactId, Error, ErrorKind, PatientId, Phi, PracticeId, Result, Retry};
use cannula_rules::patient_link::name_key;
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Params, Transaction, TransactionBehavior,
    params_from_iter,
};

use self::row::{PATIENT, from_json, json, patient, with_links};
use crate::{
    AuditRow, CRATE, Change, Counts, Integration, LinkFilter, LocalPatient, PatientQuery,
    PatientStore, Target,
    store::{check_names, contended, number_of, patient_id},
};

/// A [`PatientStore`] in one SQLite file (write-ahead log, every commit synced), which several
/// processes may open, or in memory.
///
/// ```no_run
/// # fn main() -> cannula_core::Result<()> {
/// let patients = cannula_a360::SqlitePatients::open("patients.db")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqlitePatients(Arc<Mutex<Connection>>);

impl fmt::Debug for SqlitePatients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlitePatients").finish_non_exhaustive()
    }
}

impl SqlitePatients {
    /// Opens the file, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// One sentence for a person if the file is another program's, was written by a newer version,
    /// or cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        file::open(path.as_ref()).map(Self::of)
    }

    /// A list that is gone with its last handle.
    ///
    /// # Errors
    /// If SQLite cannot be started.
    pub fn in_memory() -> Result<Self> {
        file::in_memory().map(Self::of)
    }

    fn of(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(connection)))
    }

    /// Reads in one transaction, which waits for nobody's writing.
    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.run(operation, TransactionBehavior::Deferred, work).await
    }

    /// Writes in one transaction. The write lock is taken at once, so that nobody has to give up
    /// half way.
    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.run(operation, TransactionBehavior::Immediate, work).await
    }

    /// Runs `work` on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let connection = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(behavior)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        let done = done.await.map_err(|cause| {
            Error::new(ErrorKind::Storage, "the patient list's thread has ended").source(cause)
        })?;
        done.map_err(|fault: Fault| fault.into_error(operation))
    }
}

/// What goes wrong with a transaction.
enum Fault {
    Sqlite(rusqlite::Error),
    Ours(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl Fault {
    fn into_error(self, operation: &'static str) -> Error {
        let error = match self {
            Self::Ours(error) => error,
            Self::Sqlite(error) => sqlite_error(error),
        };
        error.connector(CRATE).operation(operation)
    }
}

/// SQLite's error as ours; its own text may quote values and is kept as the source only.
fn sqlite_error(error: rusqlite::Error) -> Error {
    let ours = match error.sqlite_error_code() {
        // The only constraint that well-formed changes meet: a contact has one patient.
        Some(ErrorCode::ConstraintViolation) => {
            contended("the contact is linked to another patient now")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            let message = "another process holds the patient list; try again";
            Error::new(ErrorKind::Storage, message).retry(Retry::Backoff)
        }
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
            Error::new(ErrorKind::Storage, "the patient list's disk is full or fails")
                .retry(Retry::Backoff)
        }
        _ => Error::new(ErrorKind::Storage, "the patient list cannot be read or written"),
    };
    ours.source(error)
}

/// The patients that a query finds, with their links.
fn all(connection: &Connection, sql: &str, by: impl Params) -> Result<Vec<LocalPatient>, Fault> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(by, patient)?.collect::<Result<Vec<_>, _>>()?;
    rows.into_iter().map(|row| with_links(connection, row?)).collect()
}

fn same_name(connection: &Connection, key: &Phi<String>) -> Result<Vec<LocalPatient>, Fault> {
    let sql = format!("SELECT {PATIENT} FROM patients p WHERE name_key = ?1 ORDER BY id");
    all(connection, &sql, [key.expose()])
}

fn by_number(connection: &Connection, number: u64) -> Result<Option<LocalPatient>, Fault> {
    let sql = format!("SELECT {PATIENT} FROM patients p WHERE id = ?1");
    Ok(all(connection, &sql, [number])?.pop())
}

fn commit(connection: &Connection, change: &Change) -> Result<LocalPatient, Fault> {
    check_names(change, &same_name(connection, &name_key(&change.audit.after))?)?;
    let (number, before) = match &change.target {
        Target::New { details } => {
            let last: Option<u64> =
                connection.query_row("SELECT max(id) FROM patients", [], |row| row.get(0))?;
            let number = last.unwrap_or(0) + 1;
            (number, LocalPatient::blank(patient_id(number), details.clone()))
        }
        Target::Existing { id, version } => {
            let number = number_of(id).unwrap_or(0);
            match by_number(connection, number)?.filter(|it| it.version == *version) {
                Some(patient) => (number, patient),
                None => return Err(contended("the patient was changed in the meantime").into()),
            }
        }
    };
    let after = change.applied_to(&before);
    row::write(connection, number, &after)?;
    connection
        .prepare_cached("INSERT INTO audit (patient, row) VALUES (?1, ?2)")?
        .execute((number, json(&change.audit)?))?;
    Ok(after)
}

/// The condition of a filter on the link `l` of a patient.
const fn condition(filter: LinkFilter) -> &'static str {
    match filter {
        LinkFilter::All => "true",
        LinkFilter::Linked => "l.contact IS NOT NULL AND l.broken_at IS NULL",
        LinkFilter::LocalOnly => "l.contact IS NULL OR l.broken_at IS NOT NULL",
        LinkFilter::Broken => "l.broken_at IS NOT NULL",
    }
}

fn list(connection: &Connection, query: &PatientQuery) -> Result<Vec<LocalPatient>, Fault> {
    let words: String = query.words.iter().map(|_| " AND instr(p.name_key, ?) > 0").collect();
    let sql = format!(
        "SELECT {PATIENT} FROM patients p
         LEFT JOIN links l ON l.patient = p.id AND l.location = ?
         WHERE ({}){words} ORDER BY p.sort_key, p.id LIMIT {} OFFSET {}",
        condition(query.filter),
        query.limit,
        query.skip,
    );
    let values = query.words.iter().map(|word| word.expose().as_str());
    all(connection, &sql, params_from_iter([query.location.as_str()].into_iter().chain(values)))
}

#[async_trait]
impl PatientStore for SqlitePatients {
    async fn integration(&self, location: &PracticeId) -> Result<Option<Integration>> {
        let location = location.clone();
        self.read("read the switch", move |connection| {
            let sql = "SELECT row FROM integrations WHERE location = ?1";
            let row = connection
                .query_row(sql, [location.as_str()], |row| row.get::<_, String>(0))
                .optional()?;
            row.map(|row| from_json(&row)).transpose()
        })
        .await
    }

    async fn set_integration(&self, location: &PracticeId, to: &Integration) -> Result<()> {
        let (location, to) = (location.clone(), to.clone());
        self.write("set the switch", move |connection| {
            let sql = "INSERT INTO integrations (location, row) VALUES (?1, ?2)
                       ON CONFLICT (location) DO UPDATE SET row = excluded.row";
            connection.execute(sql, (location.as_str(), json(&to)?))?;
            Ok(())
        })
        .await
    }

    async fn patient(&self, id: &PatientId) -> Result<Option<LocalPatient>> {
        let Some(number) = number_of(id) else { return Ok(None) };
        self.read("read a patient", move |connection| by_number(connection, number)).await
    }

    async fn patients(&self, query: &PatientQuery) -> Result<Vec<LocalPatient>> {
        let query = query.clone();
        self.read("list patients", move |connection| list(connection, &query)).await
    }

    async fn same_name(&self, key: &Phi<String>) -> Result<Vec<LocalPatient>> {
        let key = key.clone();
        self.read("find patients by name", move |connection| same_name(connection, &key)).await
    }

    async fn linked(
        &self,
        location: &PracticeId,
        contacts: &[ContactId],
    ) -> Result<Vec<LocalPatient>> {
        let (location, contacts) = (location.clone(), contacts.to_vec());
        self.read("find linked patients", move |connection| {
            let sql = format!(
                "SELECT {PATIENT} FROM patients p JOIN links l ON l.patient = p.id
                 WHERE l.location = ?1 AND l.contact = ?2"
            );
            let each = contacts
                .iter()
                .map(|contact| all(connection, &sql, [location.as_str(), contact.as_str()]));
            Ok(each.collect::<Result<Vec<_>, Fault>>()?.concat())
        })
        .await
    }

    async fn counts(&self, location: &PracticeId) -> Result<Counts> {
        let location = location.clone();
        self.read("count patients", move |connection| {
            let count = |filter| {
                let sql = format!(
                    "SELECT count(*) FROM patients p
                     LEFT JOIN links l ON l.patient = p.id AND l.location = ?1 WHERE {}",
                    condition(filter)
                );
                connection.query_row(&sql, [location.as_str()], |row| row.get(0))
            };
            Ok(Counts {
                patients: count(LinkFilter::All)?,
                linked: count(LinkFilter::Linked)?,
                broken: count(LinkFilter::Broken)?,
            })
        })
        .await
    }

    async fn commit(&self, change: &Change) -> Result<LocalPatient> {
        let change = change.clone();
        self.write("change a patient", move |connection| commit(connection, &change)).await
    }

    async fn audit(&self, patient: &PatientId) -> Result<Vec<AuditRow>> {
        let Some(number) = number_of(patient) else { return Ok(Vec::new()) };
        self.read("read the audit", move |connection| {
            let sql = "SELECT row FROM audit WHERE patient = ?1 ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([number], |row| row.get::<_, String>(0))?;
            rows.map(|row| from_json(&row?)).collect()
        })
        .await
    }
}
