//! A store that only its key opens.

#![cfg(feature = "encryption")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc};

use cannula_core::{AppointmentStatus, ErrorKind, Secret};
use cannula_sync::{Arrival, SqliteStore, Store, StoreFile};
use cannula_testkit::{StoreBench, appointment, async_trait, day_one, subject};

const KEY: &str = "canary-key: 'it''s' \"long\"; --";

fn file(path: &Path, key: &str) -> StoreFile {
    StoreFile { path: path.to_owned(), key: Some(Secret::new(key)) }
}

#[derive(Debug)]
struct Encrypted(tempfile::TempDir);

#[async_trait]
impl StoreBench for Encrypted {
    async fn open(&self, worker: &str) -> Arc<dyn Store> {
        // Without deriving the key from a passphrase, which takes its time.
        let key = format!("x'{}'", "0f".repeat(32));
        Arc::new(SqliteStore::open(file(&self.0.path().join("store.db"), &key), worker).unwrap())
    }
}

mod laws {
    async fn bench() -> super::Encrypted {
        super::Encrypted(tempfile::tempdir().unwrap())
    }
    cannula_testkit::store_laws!(bench);
}

async fn add(store: &SqliteStore) {
    let event = appointment("a", "1", "canary-visit", AppointmentStatus::Pending, 0);
    store.add(vec![Arrival { event, verdict: None }], day_one()).await.unwrap();
}

#[tokio::test]
async fn no_file_shows_anything_and_the_key_opens_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(file(&path, KEY), "main").unwrap();
    add(&store).await;
    for again in [false, true] {
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            for text in ["canary", "SQLite format", "CREATE TABLE"] {
                let shows = bytes.windows(text.len()).any(|window| window == text.as_bytes());
                assert!(!shows, "{text} {again}");
            }
        }
        if !again {
            store.purge(&subject("nobody"), day_one()).await.unwrap();
        }
    }
    drop(store);
    let store = SqliteStore::open(file(&path, KEY), "main").unwrap();
    assert_eq!(store.history(&subject("1")).await.unwrap().events.len(), 1);
    assert!(!format!("{store:?}{:?}", file(&path, KEY)).contains("canary"));
}

#[tokio::test]
async fn another_key_no_key_and_a_key_for_a_plain_file_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (secret, plain) = (dir.path().join("secret.db"), dir.path().join("plain.db"));
    add(&SqliteStore::open(file(&secret, KEY), "main").unwrap()).await;
    add(&SqliteStore::open(&plain, "main").unwrap()).await;
    let before = (std::fs::read(&secret).unwrap(), std::fs::read(&plain).unwrap());
    let attempts = [
        (file(&secret, "canary-other"), "the key does not open "),
        (StoreFile::from(&secret), "or it is encrypted; choose another file, or give its key"),
        (file(&plain, KEY), "is not encrypted, and a key is given for it; leave the key out"),
    ];
    for (attempt, said) in attempts {
        let error = SqliteStore::open(attempt, "main").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(said), "{error}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
    assert_eq!((std::fs::read(&secret).unwrap(), std::fs::read(&plain).unwrap()), before);
}

/// The recipe in `docs/privacy.md`, word for word but for the name and the key.
#[tokio::test]
async fn a_plain_file_becomes_an_encrypted_one_as_the_documentation_says() {
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/privacy.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let recipe = docs.split('`').find(|code| code.contains("sqlcipher_export")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (plain, secret) = (dir.path().join("plain.db"), dir.path().join("secret.db"));
    add(&SqliteStore::open(&plain, "main").unwrap()).await;
    let recipe = recipe.replace("new.db", secret.to_str().unwrap()).replace('…', "canary-key");
    rusqlite::Connection::open(&plain).unwrap().execute_batch(&recipe).unwrap();
    let store = SqliteStore::open(file(&secret, "canary-key"), "main").unwrap();
    assert_eq!(store.history(&subject("1")).await.unwrap().events.len(), 1);
}
