//! The two lists of this crate under the laws for lists, and what is the file's own.

use std::sync::Arc;

use async_trait::async_trait;
use cannula_a360::{MemoryStore, PatientStore, SqlitePatients};
use cannula_core::ErrorKind;
use cannula_testkit::PatientStoreBench;

#[derive(Debug, Default)]
struct InMemory(Arc<MemoryStore>);

#[async_trait]
impl PatientStoreBench for InMemory {
    async fn open(&self) -> Arc<dyn PatientStore> {
        Arc::<MemoryStore>::clone(&self.0)
    }
}

#[derive(Debug)]
struct InFile(tempfile::TempDir);

#[async_trait]
impl PatientStoreBench for InFile {
    async fn open(&self) -> Arc<dyn PatientStore> {
        Arc::new(SqlitePatients::open(self.0.path().join("patients.db")).unwrap())
    }
}

mod in_memory {
    async fn bench() -> super::InMemory {
        super::InMemory::default()
    }
    cannula_testkit::patient_store_laws!(bench);
}

mod in_a_file {
    async fn bench() -> super::InFile {
        super::InFile(tempfile::tempdir().unwrap())
    }
    cannula_testkit::patient_store_laws!(bench);
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_and_its_log_are_their_owners_though_they_were_copied_back_from_somewhere() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("patients.db");
    let first = SqlitePatients::open(&path).unwrap();
    // The log is made when it is first needed.
    first.counts(&"l1".into()).await.unwrap();
    let mode = |name: &str| {
        let file = std::fs::metadata(folder.path().join(name)).unwrap();
        (name.to_owned(), file.permissions().mode() & 0o777)
    };
    let parts = ["patients.db", "patients.db-wal", "patients.db-shm"];
    assert_eq!(parts.map(mode), parts.map(|name| (name.to_owned(), 0o600)));
    for name in parts {
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(folder.path().join(name), open).unwrap();
    }
    let second = SqlitePatients::open(&path).unwrap();
    assert_eq!(parts.map(mode), parts.map(|name| (name.to_owned(), 0o600)));
    drop((first, second));
}

#[test]
fn another_programs_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "buy milk\n".repeat(200);
    std::fs::write(&path, &text).unwrap();
    let error = SqlitePatients::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("another program's"), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    let missing = SqlitePatients::open(folder.path().join("no/such/folder.db")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Storage);
}
