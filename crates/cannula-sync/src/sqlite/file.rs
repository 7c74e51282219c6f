//! Opening the file: ours, of a version we know, and nobody else's under our name.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use cannula_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Fault, StoreFile, forget, sqlite_error, store_file::NO_ENCRYPTION};

const SCHEMA: &str = include_str!("schema.sql");
/// "CANU": SQLite keeps it in the file's header, so that a file of another program is known.
const APPLICATION_ID: i32 = 0x4341_4E55;
const VERSION: i32 = 5;
/// From version 1, which overwrote nothing that it deleted.
const SECOND: &str = "ALTER TABLE subject ADD COLUMN purged_at INTEGER;
    CREATE TABLE traces (since INTEGER NOT NULL) STRICT;
    INSERT INTO traces (since) VALUES (0)";
/// From version 2, where what named a merged person after the merge was nobody's.
const THIRD: &str = "ALTER TABLE subject ADD COLUMN merged_into TEXT";
/// From version 3, where nobody was looked at again.
const FOURTH: &str = "ALTER TABLE subject ADD COLUMN look_at INTEGER;
    CREATE INDEX subject_look ON subject (look_at) WHERE look_at IS NOT NULL AND owner IS NULL";
/// From version 4, where effects of unknown outcome were looked up at any time.
const FIFTH: &str = "ALTER TABLE subject ADD COLUMN settle_at INTEGER;
    CREATE INDEX subject_purged ON subject (practice) WHERE purged_at IS NOT NULL";
/// What an SQLite file that is not encrypted begins with.
const PLAIN: &[u8] = b"SQLite format 3\0";
/// Longer than any transaction of another worker takes.
const BUSY: Duration = Duration::from_secs(30);
const STATEMENTS: usize = 64;
/// Pages in the log before everybody waits until they are copied into the file: 200 MB. The copier
/// has done most of it by then.
const LONGEST_LOG: i32 = 50_000;

/// Makes sure that a worker's name can be a part of a file's.
pub(super) fn check_worker(worker: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if worker.is_empty() || !worker.chars().all(plain) {
        let message =
            format!("the worker name “{worker}” must be made of letters, digits, `-` and `_`");
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(())
}

/// Takes the lock that makes `worker` ours on a store that is there. The file lock ends with the
/// process, however it ends.
pub(super) fn lock(path: &Path, worker: &str) -> Result<File> {
    // Two names of one file must not have two locks.
    let real = path.canonicalize().map_err(|cause| cannot_open(path, cause))?;
    let mut name = real.into_os_string();
    name.push(format!(".{worker}.lock"));
    let lock_path = PathBuf::from(name);
    let file = private(&lock_path).map_err(|cause| cannot_open(path, cause))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            ErrorKind::Contended,
            format!(
                "{} is in use by another process as worker “{worker}”; stop it or choose another worker name",
                path.display()
            ),
        )),
        Err(TryLockError::Error(cause)) => Err(cannot_open(path, cause)),
    }
}

/// A file that is ours.
pub(super) struct Opened {
    pub(super) connection: Connection,
    /// Another connection to the same file.
    pub(super) second: Connection,
    pub(super) lock: File,
}

/// Opens the file and takes the worker's lock.
pub(super) fn open(file: &StoreFile, worker: &str) -> Result<Opened> {
    let StoreFile { path, key } = file;
    check_worker(worker)?;
    if key.is_some() && !cfg!(feature = "encryption") {
        return Err(Error::new(ErrorKind::Config, NO_ENCRYPTION));
    }
    let begins = begins(path).map_err(|cause| cannot_open(path, cause))?;
    let mut connection = connect(file)?;
    // Looked at before anything is written, there or beside it: another program's file and its
    // folder stay as they are.
    check(&connection, file, &begins)?;
    let lock = lock(path, worker)?;
    for part in ["", "-wal", "-shm", &format!(".{worker}.lock")] {
        close_to_others(path, part).map_err(|cause| cannot_open(path, cause))?;
    }
    configure(&mut connection).map_err(sqlite_error)?;
    // A crash may have come between a removal and its end.
    let wiped = forget::wipe_traces_or_leave_them(&connection);
    wiped.map_err(|fault: Fault| fault.into_error("wipe traces"))?;
    Ok(Opened { connection, second: connect(file)?, lock })
}

fn connect(StoreFile { path, key }: &StoreFile) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite_error)?;
    connection.busy_timeout(BUSY).map_err(sqlite_error)?;
    if let Some(key) = key {
        // SQLCipher would write to standard error on its own; what it has to say comes back as an
        // error. The cause is dropped: it may quote the statement, and that holds the key.
        let _ = connection.pragma_update(None, "cipher_log_level", "NONE");
        connection.pragma_update(None, "key", key.expose()).map_err(|_| {
            Error::new(ErrorKind::Config, "the store's key cannot be used as a key")
        })?;
    }
    Ok(connection)
}

pub(super) fn in_memory() -> Result<Connection> {
    let mut connection = Connection::open_in_memory().map_err(sqlite_error)?;
    configure(&mut connection).map_err(sqlite_error)?;
    Ok(connection)
}

/// What the file begins with; it is made if it is not there.
fn begins(path: &Path) -> io::Result<Vec<u8>> {
    let mut begins = Vec::new();
    private(path)?.take(PLAIN.len() as u64).read_to_end(&mut begins)?;
    Ok(begins)
}

/// Takes the file, or another that belongs to it, away from everybody but its owner: it may have
/// been copied back from somewhere.
fn close_to_others(path: &Path, part: &str) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut name = path.canonicalize()?.into_os_string();
        name.push(part);
        let file = match File::open(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file?,
        };
        let mode = file.metadata()?.permissions().mode();
        if mode & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(mode & 0o700))?;
        }
    }
    Ok(())
}

/// Opens or makes a file that only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn check(connection: &Connection, file: &StoreFile, begins: &[u8]) -> Result<()> {
    let path = &file.path;
    let pragma = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let header = pragma("PRAGMA application_id").and_then(|application| {
        let tables = pragma("SELECT count(*) FROM sqlite_schema")?;
        Ok((application, pragma("PRAGMA user_version")?, tables))
    });
    match header {
        Ok((APPLICATION_ID, version, _)) if version > VERSION => Err(Error::new(
            ErrorKind::Config,
            format!(
                "{} was written by a newer version of Cannula (store version {version}, this one reads {VERSION}); update Cannula or choose another file",
                path.display()
            ),
        )),
        Ok((APPLICATION_ID, ..) | (0, 0, 0)) => Ok(()),
        Ok(_) => Err(foreign(path)),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(closed(file, begins))
        }
        Err(error) => Err(sqlite_error(error)),
    }
}

fn configure(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.query_row(&format!("PRAGMA wal_autocheckpoint = {LONGEST_LOG}"), [], |_| Ok(()))?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Nothing of a person is written outside of the store's own files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // In one transaction, because two workers may meet on a new file.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version == 0 {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    } else {
        for (older, change) in [(2, SECOND), (3, THIRD), (4, FOURTH), (5, FIFTH)] {
            if version < older {
                transaction.execute_batch(change)?;
            }
        }
    }
    if version < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()
}

/// Why SQLite can make nothing of the file.
fn closed(file: &StoreFile, begins: &[u8]) -> Error {
    let path = file.path.display();
    let message = match (&file.key, begins) {
        (Some(_), PLAIN) => format!(
            "{path} is not encrypted, and a key is given for it; leave the key out, or encrypt a copy of the file"
        ),
        (Some(_), _) => format!(
            "the key does not open {path}: it is another file's key, or the file is not a Cannula store"
        ),
        (None, _) => format!(
            "{path} is not a Cannula store but another program's file, or it is encrypted; choose another file, or give its key"
        ),
    };
    Error::new(ErrorKind::Config, message)
}

fn foreign(path: &Path) -> Error {
    let message = format!(
        "{} is not a Cannula store but another program's file; choose another file",
        path.display()
    );
    Error::new(ErrorKind::Config, message)
}

fn cannot_open(path: &Path, cause: io::Error) -> Error {
    // The file itself is made where it is missing.
    let why = match cause.kind() {
        io::ErrorKind::NotFound => "its folder does not exist".to_owned(),
        kind => kind.to_string(),
    };
    let message = format!("cannot open the store {}: {why}", path.display());
    Error::new(ErrorKind::Storage, message).source(cause)
}
