//! Opening the file: ours, of a version we know, readable by its owner only.

use std::{fs::OpenOptions, path::Path, time::Duration};

use cannula_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, TransactionBehavior};

use super::{Fault, sqlite_error};

const SCHEMA: &str = include_str!("schema.sql");
/// "A360": SQLite keeps it in the file's header, so that a file of another program is known.
const APPLICATION_ID: i32 = 0x4133_3630;
const VERSION: i32 = 1;
/// Longer than any transaction of another process takes.
const BUSY: Duration = Duration::from_secs(30);

pub(super) fn open(path: &Path) -> Result<Connection> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|cause| {
        let message = format!("cannot open the patient list {}: {}", path.display(), cause.kind());
        Error::new(ErrorKind::Storage, message).source(cause)
    })?;
    let connection = Connection::open(path).map_err(sqlite_error)?;
    prepare(connection).map_err(|fault| match fault {
        Fault::Sqlite(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) =>
        {
            foreign().with("file", path.display())
        }
        fault => fault.into_error("open the patient list").with("file", path.display()),
    })
}

pub(super) fn in_memory() -> Result<Connection> {
    let connection = Connection::open_in_memory().map_err(sqlite_error)?;
    prepare(connection).map_err(|fault| fault.into_error("open the patient list"))
}

fn prepare(mut connection: Connection) -> Result<Connection, Fault> {
    connection.busy_timeout(BUSY)?;
    // In one transaction, because two processes may meet on a new file. Nothing is written to
    // another program's.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |sql: &str| transaction.query_row(sql, [], |row| row.get::<_, i32>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (application, version) {
        (APPLICATION_ID, VERSION) => {}
        (APPLICATION_ID, _) => {
            let message = "the patient list was written by a newer version; update this program";
            return Err(Error::new(ErrorKind::Config, message).into());
        }
        (0, 0) if tables == 0 => {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        _ => return Err(foreign().into()),
    }
    transaction.commit()?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn foreign() -> Error {
    let message = "the file is not a patient list but another program's; choose another file";
    Error::new(ErrorKind::Config, message)
}
