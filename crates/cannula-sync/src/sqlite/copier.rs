//! Copying the log into the file, beside the work.
//!
//! SQLite would do it within a commit, and everybody whose commit is behind that one would wait for
//! it. On a connection of its own it holds up nobody.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use cannula_core::{Error, ErrorKind, Result};
use rusqlite::Connection;

/// How long after a change: what changes often is copied once.
const DELAY: Duration = Duration::from_secs(1);

pub(super) struct Copier {
    shared: Arc<Shared>,
    handle: Option<thread::JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    wants: Mutex<Wants>,
    changed: Condvar,
}

#[derive(Default)]
struct Wants {
    copy: bool,
    end: bool,
}

impl Copier {
    pub(super) fn start(connection: Connection) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let handle = thread::Builder::new()
            .name("cannula-copier".to_owned())
            .spawn(move || {
                while theirs.is_wanted() {
                    copy(&connection);
                }
            })
            .map_err(|cause| {
                Error::new(ErrorKind::Storage, "cannot start the store's copier").source(cause)
            })?;
        Ok(Self { shared, handle: Some(handle) })
    }

    /// There is something to copy.
    pub(super) fn wake(&self) {
        let mut wants = self.shared.wants();
        if !wants.copy {
            wants.copy = true;
            self.shared.changed.notify_one();
        }
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        self.shared.wants().end = true;
        self.shared.changed.notify_one();
        if let Some(handle) = self.handle.take() {
            let _ = handle.join();
        }
    }
}

impl Shared {
    fn wants(&self) -> MutexGuard<'_, Wants> {
        self.wants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is to be copied; `false` if it is over.
    fn is_wanted(&self) -> bool {
        let wait = self.changed.wait_while(self.wants(), |wants| !wants.copy && !wants.end);
        let wants = wait.unwrap_or_else(PoisonError::into_inner);
        let wait = self.changed.wait_timeout_while(wants, DELAY, |wants| !wants.end);
        let (mut wants, _) = wait.unwrap_or_else(PoisonError::into_inner);
        wants.copy = false;
        !wants.end
    }
}

/// Copies as much as can be without anybody waiting. What is left, or fails, is done by the next
/// one, or by the writer when the log grows long.
fn copy(connection: &Connection) {
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        let code = error.sqlite_error_code();
        tracing::debug!(?code, "the store's log could not be copied now");
    }
}
