//! The store in one SQLite file.
//!
//! SQLite is synchronous and has one writer, so each store has one thread that owns the
//! connection and works off closures; callers wait without blocking. JSON is written and read on
//! the callers' side of the channel, where there are more cores.

mod chain;
mod copier;
mod file;
mod forget;
mod ingest;
mod merged;
mod read;
mod row;
mod store_file;
#[cfg(test)]
mod tests;
mod thread;
mod work;

use std::{fmt, fs::File, path::Path, sync::Arc};

use async_trait::async_trait;
use cannula_core::{Error, ErrorKind, Event, Feed, Phi, RecordKey, Result, Retry, Subject};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};

pub use self::store_file::StoreFile;
use self::{copier::Copier, file::Opened, thread::StoreThread};
use crate::store::{
    Arrival, Claim, DeadLetter, FeedState, Forgotten, History, Ingest, Ingested, Parked,
    RejectedRow, Replay, Saved, Step, Store, Summary,
};

/// A [`Store`] in one SQLite file (write-ahead log, every commit synced), or in memory for tests.
///
/// ```no_run
/// # fn main() -> cannula_core::Result<()> {
/// let store = cannula_sync::SqliteStore::open("practice.db", "main")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    thread: Arc<StoreThread>,
    worker: Arc<Worker>,
    /// `None`: in memory.
    path: Option<Arc<Path>>,
}

/// Whose handle it is.
struct Worker {
    name: Box<str>,
    // Held for as long as the worker has a handle; the system lets go of it if the process dies.
    _lock: Option<File>,
}

impl SqliteStore {
    /// Opens the file (a path, or a [`StoreFile`] with its key), or makes it, as `worker`. It is
    /// readable by its owner only. The name may hold letters, digits, `-` and `_`; two processes
    /// may open one file only under two names.
    ///
    /// # Errors
    /// One sentence for a person if the file is another program's, was written by a newer
    /// version, cannot be opened, with this key or at all, or is open under the same name.
    pub fn open(file: impl Into<StoreFile>, worker: &str) -> Result<Self> {
        let file = file.into();
        let Opened { connection, second, lock } = file::open(&file, worker)?;
        let thread = StoreThread::start(connection, Some(Copier::start(second)?))?;
        Ok(Self::of(thread, worker, Some((&file.path, lock))))
    }

    /// A store that is gone with its last handle.
    ///
    /// # Errors
    /// If SQLite cannot be started.
    pub fn in_memory(worker: &str) -> Result<Self> {
        let thread = StoreThread::start(file::in_memory()?, None)?;
        Ok(Self::of(thread, worker, None))
    }

    /// Another worker's handle on the same store. In memory nothing keeps two handles from having
    /// one name.
    ///
    /// # Errors
    /// As [`SqliteStore::open`] if the name is not plain, or in use for this file.
    pub fn as_worker(&self, worker: &str) -> Result<Self> {
        file::check_worker(worker)?;
        let path = self.path.as_deref();
        let lock = path.map(|path| file::lock(path, worker)).transpose()?;
        let worker = Worker { name: worker.into(), _lock: lock };
        Ok(Self {
            thread: Arc::clone(&self.thread),
            worker: Arc::new(worker),
            path: self.path.clone(),
        })
    }

    fn of(thread: StoreThread, worker: &str, file: Option<(&Path, File)>) -> Self {
        let (path, lock) = file.map(|(path, lock)| (Arc::from(path), lock)).unzip();
        let worker = Worker { name: worker.into(), _lock: lock };
        Self { thread: Arc::new(thread), worker: Arc::new(worker), path }
    }

    /// Runs `work` in one transaction that takes the write lock at once, so that it never has to
    /// give up half way because another worker wrote in between.
    async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.call(operation, move |connection| at_once(connection, work)).await
    }

    /// Like [`SqliteStore::write`], and then no trace is left of what was removed.
    async fn remove<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.call(operation, move |connection| {
            let value = at_once(connection, work)?;
            forget::wipe_traces(connection)?;
            Ok(value)
        })
        .await
    }

    /// Runs `work` in one transaction that sees one state of the store.
    async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.call(operation, move |connection| work(&connection.transaction()?)).await
    }

    async fn call<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.thread.run(work).await.and_then(|it| it.map_err(|fault| fault.into_error(operation)))
    }
}

fn at_once<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("worker", &self.worker.name).finish_non_exhaustive()
    }
}

/// What goes wrong on the store's thread.
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
    /// The same fault for somebody else whom it befell.
    fn copy(&self) -> Self {
        match self {
            Self::Sqlite(rusqlite::Error::SqliteFailure(code, text)) => {
                Self::Sqlite(rusqlite::Error::SqliteFailure(*code, text.clone()))
            }
            // The others are no word of SQLite's own, but of the library around it.
            Self::Sqlite(_) => Self::Sqlite(rusqlite::Error::InvalidQuery),
            Self::Ours(error) => {
                Self::Ours(Error::new(error.kind(), error.message()).retry(error.retry_advice()))
            }
        }
    }

    fn into_error(self, operation: &'static str) -> Error {
        match self {
            Self::Ours(error) => error.operation(operation),
            Self::Sqlite(error) => sqlite_error(error).operation(operation),
        }
    }
}

/// SQLite's error as ours. Its text is kept as the source only: it may quote SQL.
fn sqlite_error(error: rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    let (kind, retry, message) = match error.sqlite_error_code() {
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => {
            (ErrorKind::Contended, Retry::Backoff, "another process holds the store's write lock")
        }
        Some(Code::DiskFull) => (ErrorKind::Storage, Retry::Backoff, "the store's disk is full"),
        Some(Code::SystemIoFailure) => {
            (ErrorKind::Storage, Retry::Backoff, "the store's disk cannot be read or written")
        }
        Some(Code::ReadOnly | Code::PermissionDenied) => {
            (ErrorKind::Storage, Retry::Never, "the store's file is read-only")
        }
        Some(Code::DatabaseCorrupt | Code::NotADatabase) => {
            (ErrorKind::Storage, Retry::Never, "the store's file is damaged; restore a copy")
        }
        _ => (ErrorKind::Storage, Retry::Never, "the store refuses the operation"),
    };
    let code = error.sqlite_error().map_or(0, |cause: &ffi::Error| cause.extended_code);
    Error::new(kind, message).retry(retry).with("sqlite", code).source(error)
}

#[async_trait]
impl Store for SqliteStore {
    async fn feed(&self, feed: &Feed) -> Result<FeedState> {
        let feed = feed.clone();
        self.read("read cursor", move |tx| ingest::feed(tx, &feed)).await
    }

    async fn ingest(&self, page: Ingest, now: DateTime<Utc>) -> Result<Ingested> {
        let rows = row::inbox(&page.arrivals)?;
        self.write("store page", move |tx| ingest::ingest(tx, &page, &rows, now)).await
    }

    async fn add(&self, arrivals: Vec<Arrival>, now: DateTime<Utc>) -> Result<Ingested> {
        let rows = row::inbox(&arrivals)?;
        self.thread.add(rows, now).await
    }

    async fn last_event(&self, key: &RecordKey) -> Result<Option<Event>> {
        let key = key.clone();
        self.read("read a record", move |tx| chain::last_event(tx, &key)).await
    }

    async fn reclaim(&self, now: DateTime<Utc>) -> Result<u64> {
        let worker = Arc::clone(&self.worker);
        self.write("reclaim leases", move |tx| work::reclaim(tx, &worker.name, now)).await
    }

    async fn claim(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Claim>> {
        let worker = Arc::clone(&self.worker);
        let claimed = self
            .write("claim subjects", move |tx| work::claim(tx, &worker.name, now, until, limit))
            .await?;
        let mut unreadable = Vec::new();
        let claims = claimed.into_iter().map(|claimed| claimed.decode(&mut unreadable)).collect();
        if !unreadable.is_empty() {
            self.write("set events aside", move |tx| work::set_aside(tx, &unreadable)).await?;
        }
        Ok(claims)
    }

    async fn save(&self, steps: Vec<Step>, now: DateTime<Utc>) -> Result<Saved> {
        let worker = Arc::clone(&self.worker);
        let rows = row::steps(steps)?;
        self.call("save steps", move |connection| {
            let saved = at_once(connection, |tx| work::save(tx, &worker.name, rows, now))?;
            if !saved.lost.is_empty() {
                // Perhaps because the person was merged into one who was purged.
                forget::wipe_traces_or_leave_them(connection)?;
            }
            Ok(saved)
        })
        .await
    }

    async fn replay(&self, what: Replay, now: DateTime<Utc>) -> Result<u64> {
        self.write("replay", move |tx| work::replay(tx, &what, now)).await
    }

    async fn purge(&self, subject: &Subject, now: DateTime<Utc>) -> Result<Forgotten> {
        let subject = subject.clone();
        self.remove("purge", move |tx| forget::purge_by_name(tx, &subject, now)).await
    }

    async fn forget_before(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Forgotten> {
        self.remove("forget", move |tx| forget::forget_before(tx, before, now)).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        self.read("next due", read::next_due).await
    }

    async fn summary(&self) -> Result<Summary> {
        self.read("summary", read::summary).await
    }

    async fn parked(&self) -> Result<Vec<Parked>> {
        self.read("list parked", read::parked).await
    }

    async fn dead(&self) -> Result<Vec<DeadLetter>> {
        self.read("list dead letters", read::dead).await
    }

    async fn history(&self, subject: &Subject) -> Result<History> {
        let subject = subject.clone();
        self.read("read history", move |tx| read::history(tx, &subject)).await
    }

    async fn states(
        &self,
        after: Option<Subject>,
        limit: usize,
    ) -> Result<Vec<(Subject, Phi<String>)>> {
        self.read("read states", move |tx| read::states(tx, after.as_ref(), limit)).await
    }

    async fn rejected(&self) -> Result<Vec<RejectedRow>> {
        self.read("list rejected", read::rejected).await
    }
}
