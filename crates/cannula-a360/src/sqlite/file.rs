//! Opening the file: ours, of a version we know, readable by its owner only.

use std::{
    fs::{self, OpenOptions},
    io,
    path::Path,
    time::Duration,
};

use cannula_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, TransactionBehavior};

use super::{Fault, sqlite_error};

const SCHEMA: &str = include_str!("schema.sql");
/// "A360": SQLite keeps it in the file's header, so that a file of another program is known.
const APPLICATION_ID: i32 = 0x4133_3630;
const VERSION: i32 = 1;
/// Much longer than a transaction of another process takes, and what people wait.
const BUSY: Duration = Duration::from_secs(5);

pub(super) fn open(path: &Path) -> Result<Connection> {
    let cannot = |cause: io::Error| {
        let message = format!("cannot open the patient list {}: {}", path.display(), cause.kind());
        Error::new(ErrorKind::Storage, message).source(cause)
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(cannot)?;
    let connection = Connection::open(path).map_err(sqlite_error)?;
    let connection = prepare(connection).map_err(|fault| match fault {
        Fault::Sqlite(error)
            if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) =>
        {
            foreign().with("file", path.display())
        }
        fault => fault.into_error("open the patient list").with("file", path.display()),
    })?;
    #[cfg(unix)]
    close_to_others(path).map_err(cannot)?;
    Ok(connection)
}

/// The list and the log beside it are their owner's, though they were copied back from somewhere.
#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<()> {
    for part in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(part);
        match fs::set_permissions(name, std::os::unix::fs::PermissionsExt::from_mode(0o600)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            closed => closed?,
        }
    }
    Ok(())
}

pub(super) fn in_memory() -> Result<Connection> {
    let connection = Connection::open_in_memory().map_err(sqlite_error)?;
    prepare(connection).map_err(|fault| fault.into_error("open the patient list"))
}

fn prepare(mut connection: Connection) -> Result<Connection, Fault> {
    connection.busy_timeout(BUSY)?;
    // Nothing is written to another program's file, and to ours only if it is new.
    if is_new(&connection)? {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Two processes may meet on a new file.
        if is_new(&transaction)? {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", VERSION)?;
        }
        transaction.commit()?;
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Nothing of a person is written outside of the list's own files.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Whether the file is empty. One that is neither that nor ours is refused.
fn is_new(connection: &Connection) -> Result<bool, Fault> {
    // One statement, which sees one state of a file that another process may be making.
    let sql = "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)
               FROM pragma_application_id, pragma_user_version";
    let header = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, i32>(2)?));
    match connection.query_row(sql, [], header)? {
        (APPLICATION_ID, VERSION, _) => Ok(false),
        (APPLICATION_ID, _, _) => {
            let message = "the patient list was written by a newer version; update this program";
            Err(Error::new(ErrorKind::Config, message).into())
        }
        (0, 0, 0) => Ok(true),
        _ => Err(foreign().into()),
    }
}

fn foreign() -> Error {
    let message = "the file is not a patient list but another program's; choose another file";
    Error::new(ErrorKind::Config, message)
}
