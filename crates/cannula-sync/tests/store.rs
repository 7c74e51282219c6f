//! The store laws for SQLite, in a file and in memory, and what is particular to the file.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;

use cannula_core::ErrorKind;
use cannula_sync::{SqliteStore, Store};
use cannula_testkit::{StoreBench, async_trait};

#[derive(Debug)]
struct InMemory(SqliteStore);

#[async_trait]
impl StoreBench for InMemory {
    async fn open(&self, worker: &str) -> Arc<dyn Store> {
        Arc::new(self.0.as_worker(worker).unwrap())
    }
}

#[derive(Debug)]
struct InFile(tempfile::TempDir);

#[async_trait]
impl StoreBench for InFile {
    async fn open(&self, worker: &str) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(self.0.path().join("store.db"), worker).unwrap())
    }
}

mod in_memory {
    async fn bench() -> super::InMemory {
        super::InMemory(cannula_sync::SqliteStore::in_memory("main").unwrap())
    }
    cannula_testkit::store_laws!(bench);
}

mod in_a_file {
    async fn bench() -> super::InFile {
        super::InFile(tempfile::tempdir().unwrap())
    }
    cannula_testkit::store_laws!(bench);
}

/// Opens a file and expects it to be refused.
fn refused(path: &std::path::Path, worker: &str) -> cannula_core::Error {
    SqliteStore::open(path, worker).unwrap_err()
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    let text = "Nothing to see here, only a text that is longer than a header.".repeat(10);
    std::fs::write(&path, &text).unwrap();
    let error = refused(&path, "main");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().ends_with(
        "is not a Cannula store but another program's file, or it is encrypted; choose another file, or give its key"
    ));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_database_of_another_program_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE event (id)").unwrap();
    drop(other);
    let before = std::fs::read(&path).unwrap();
    assert!(refused(&path, "main").message().contains("another program's file"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    drop(SqliteStore::open(&path, "main").unwrap());
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 9).unwrap();
    drop(newer);
    let error = refused(&path, "main");
    assert!(error.message().contains("newer version of Cannula (store version 9"), "{error}");
}

#[test]
fn two_processes_cannot_be_the_same_worker() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let first = SqliteStore::open(&path, "main").unwrap();
    let error = refused(&path, "main");
    assert_eq!(error.kind(), ErrorKind::Contended);
    assert!(error.message().contains("in use by another process as worker “main”"), "{error}");
    drop(SqliteStore::open(&path, "other").unwrap());
    drop(first);
    SqliteStore::open(&path, "main").unwrap();
}

#[test]
fn a_second_worker_on_one_handle_needs_a_free_name_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let main = SqliteStore::open(&path, "main").unwrap();
    let other = main.as_worker("other").unwrap();
    assert_eq!(main.as_worker("main").unwrap_err().kind(), ErrorKind::Contended);
    assert_eq!(refused(&path, "other").kind(), ErrorKind::Contended);
    assert_eq!(main.as_worker("../x").unwrap_err().kind(), ErrorKind::Config);
    // A name is free again when its last handle is gone, whoever else has the store open.
    drop(other);
    SqliteStore::open(&path, "other").unwrap();
}

#[cfg(unix)]
#[test]
fn another_name_of_the_file_is_not_another_file() {
    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (dir.path().join("store.db"), dir.path().join("link.db"));
    drop(SqliteStore::open(&path, "main").unwrap());
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let _first = SqliteStore::open(&link, "main").unwrap();
    assert_eq!(refused(&path, "main").kind(), ErrorKind::Contended);
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let error = refused(&dir.path().join("missing/store.db"), "main");
    assert!(error.message().contains("missing/store.db: its folder does not exist"), "{error}");
}

#[test]
fn a_worker_name_that_is_a_path_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(refused(&dir.path().join("store.db"), "../x").kind(), ErrorKind::Config);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0, "no store is made");
}

/// The files of a folder that others than their owner may touch.
#[cfg(unix)]
fn open_to_others(dir: &std::path::Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt;
    let mut open = Vec::new();
    for file in std::fs::read_dir(dir).unwrap() {
        let file = file.unwrap();
        if file.metadata().unwrap().permissions().mode() & 0o077 != 0 {
            open.push(file.file_name().to_string_lossy().into_owned());
        }
    }
    open
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file_its_log_and_its_lock() {
    let dir = tempfile::tempdir().unwrap();
    let _store = SqliteStore::open(dir.path().join("store.db"), "main").unwrap();
    for part in ["", "-wal", "-shm", ".main.lock"] {
        assert!(dir.path().join(format!("store.db{part}")).exists(), "{part}");
    }
    assert_eq!(open_to_others(dir.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_file_that_was_copied_back_open_to_others_is_closed_to_them() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    drop(SqliteStore::open(&path, "main").unwrap());
    fs::write(dir.path().join("store.db-wal"), "").unwrap();
    for file in fs::read_dir(dir.path()).unwrap() {
        fs::set_permissions(file.unwrap().path(), fs::Permissions::from_mode(0o664)).unwrap();
    }
    assert_eq!(open_to_others(dir.path()).len(), 3);
    let _store = SqliteStore::open(&path, "main").unwrap();
    assert_eq!(open_to_others(dir.path()), [""; 0]);
}

#[tokio::test]
async fn a_file_of_version_1_is_taken_over_without_the_traces_it_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    drop(SqliteStore::open(&path, "main").unwrap());
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "DROP INDEX subject_purged;
         ALTER TABLE subject DROP COLUMN purged_at;
         ALTER TABLE subject DROP COLUMN merged_into;
         DROP INDEX subject_look;
         ALTER TABLE subject DROP COLUMN look_at;
         ALTER TABLE subject DROP COLUMN settle_at;
         DROP TABLE traces;
         PRAGMA user_version = 1;
         INSERT INTO subject (practice, person) VALUES ('p', 'ada');
         INSERT INTO state (subject, body) VALUES (1, printf('%.9000c', 'x') || 'canary');
         UPDATE state SET body = '{}';",
    )
    .unwrap();
    drop(old);
    let holds = |text: &str| {
        let bytes = std::fs::read(&path).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    assert!(holds("canary"));
    let store = SqliteStore::open(&path, "main").unwrap();
    assert!(!holds("canary") && holds("ada"));
    assert_eq!(store.states(None, 9).await.unwrap().len(), 1);
}

#[cfg(not(feature = "encryption"))]
#[test]
fn a_key_without_the_feature_is_refused_and_makes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let key = Some(cannula_core::Secret::new("canary"));
    let error = SqliteStore::open(cannula_sync::StoreFile { path, key }, "main").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("the feature `encryption`"), "{error}");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
}
