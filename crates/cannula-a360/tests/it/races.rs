//! Somebody else gets in between, or the list fails half-way.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cannula_a360::{
    A360, Action, AuditRow, Change, Counts, Integration, LinkChange, LocalPatient, MemoryStore,
    Options, PatientQuery, PatientStore, Selection, SqlitePatients, Target,
};
use cannula_core::{
    ContactId, Error, ErrorKind, PatientId, Person, Phi, PracticeId, Result, Retry,
};
use cannula_rules::patient_link::Question;
use tokio::{task::JoinSet, time::timeout};

use crate::support::{Crm, admin, app, contact, doctor, done, person, select};

/// A list in which something happens at a call that the test names.
#[derive(Debug, Default)]
struct Meddled {
    list: MemoryStore,
    /// Is committed just before the next change.
    first: Mutex<Option<Change>>,
    /// Looking for a name fails from this call on.
    names_fail_at: AtomicUsize,
    names: AtomicUsize,
}

impl Meddled {
    fn meddle(&self, change: Change) {
        *self.first.lock().unwrap() = Some(change);
    }

    /// Looking for a name works so many times more.
    fn fail_after(&self, calls: usize) {
        self.names_fail_at.store(self.names.load(Ordering::Relaxed) + calls + 1, Ordering::Relaxed);
    }
}

#[async_trait]
impl PatientStore for Meddled {
    async fn integration(&self, location: &PracticeId) -> Result<Option<Integration>> {
        self.list.integration(location).await
    }

    async fn set_integration(&self, location: &PracticeId, to: &Integration) -> Result<()> {
        self.list.set_integration(location, to).await
    }

    async fn patient(&self, id: &PatientId) -> Result<Option<LocalPatient>> {
        self.list.patient(id).await
    }

    async fn patients(&self, query: &PatientQuery) -> Result<Vec<LocalPatient>> {
        self.list.patients(query).await
    }

    async fn same_name(&self, key: &Phi<String>) -> Result<Vec<LocalPatient>> {
        let call = self.names.fetch_add(1, Ordering::Relaxed) + 1;
        let fails = self.names_fail_at.load(Ordering::Relaxed);
        if fails > 0 && call >= fails {
            return Err(Error::new(ErrorKind::Storage, "the list fails"));
        }
        self.list.same_name(key).await
    }

    async fn linked(&self, at: &PracticeId, contacts: &[ContactId]) -> Result<Vec<LocalPatient>> {
        self.list.linked(at, contacts).await
    }

    async fn counts(&self, location: &PracticeId) -> Result<Counts> {
        self.list.counts(location).await
    }

    async fn commit(&self, change: &Change) -> Result<LocalPatient> {
        let first = self.first.lock().unwrap().take();
        if let Some(first) = first {
            self.list.commit(&first).await?;
        }
        self.list.commit(change).await
    }

    async fn audit(&self, patient: &PatientId) -> Result<Vec<AuditRow>> {
        self.list.audit(patient).await
    }
}

async fn meddled(crm: &Arc<Crm>) -> (Arc<Meddled>, A360) {
    let store = Arc::new(Meddled::default());
    let app = app(crm, &(Arc::clone(&store) as _));
    app.enable(&admin(), Options::default()).await.unwrap();
    (store, app)
}

/// Mara Okafor, added by hand.
fn adds_mara() -> Change {
    adds(person("Mara", "Okafor", "1990-02-03"))
}

pub(crate) fn adds(after: Person) -> Change {
    Change {
        target: Target::New { details: BTreeMap::new() },
        same_name: None,
        link: LinkChange::Keep,
        audit: AuditRow {
            at: "2026-03-02T15:00:00Z".parse().unwrap(),
            by: "a colleague".to_owned(),
            action: Action::Added,
            contact: None,
            before: None,
            after,
            rules: None,
        },
    }
}

#[tokio::test]
async fn a_link_by_name_and_birth_date_is_asked_about_if_a_second_patient_of_them_gets_in_between()
{
    let crm = Crm::at("l1");
    crm.put(contact("c1", "Mara", "Okafor", "1990-02-03"));
    let (store, app) = meddled(&crm).await;
    store.commit(&adds_mara()).await.unwrap();
    store.meddle(adds_mara());
    let several = Question::SeveralPatients { patients: vec!["p1".into(), "p2".into()] };
    assert_eq!(select(&app, "c1").await, Selection::Ask(several));
    assert_eq!(app.status().await.unwrap().counts.linked, 0);
}

#[tokio::test]
async fn a_list_that_fails_says_so_before_anything_is_written() {
    let crm = Crm::at("l1");
    crm.put(contact("c1", "Mara", "Okafor", "1990-02-03"));
    // However far an addition and a selection get before it fails.
    for calls in 0..3 {
        let (store, app) = meddled(&crm).await;
        store.fail_after(calls);
        let ada = person("Ada", "Lee", "1980-05-05");
        let added = app.add(&doctor(), ada, BTreeMap::new()).await;
        let selected = app.select(&doctor(), &"c1".into(), &Default::default()).await;
        let written = usize::from(added.is_ok()) + usize::from(selected.is_ok());
        let counts = app.status().await.unwrap().counts;
        assert_eq!(usize::try_from(counts.patients), Ok(written), "{added:?} {selected:?}");
    }
}

#[tokio::test]
async fn two_processes_on_one_file_make_one_patient_of_a_hundred_selections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("patients.db");
    let crm = Crm::at("l1");
    crm.put(contact("c1", "Mara", "Okafor", "1990-02-03"));
    let apps = [(); 2].map(|()| app(&crm, &(Arc::new(SqlitePatients::open(&path).unwrap()) as _)));
    apps[0].enable(&admin(), Options::default()).await.unwrap();
    let mut all = JoinSet::new();
    for number in 0..100 {
        let app = apps[number % 2].clone();
        all.spawn(async move { done(select(&app, "c1").await).action });
    }
    let actions = all.join_all().await;
    assert_eq!(actions.iter().filter(|it| **it == Action::Created).count(), 1);
    for app in &apps {
        let counts = app.status().await.unwrap().counts;
        assert_eq!((counts.patients, counts.linked, counts.broken), (1, 1, 0));
        assert_eq!(app.audit(&doctor(), &"p1".into()).await.unwrap().len(), 100);
    }
}

#[tokio::test]
async fn a_list_that_another_process_holds_can_be_read_and_says_within_seconds_that_it_cannot_be_written()
 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("patients.db");
    let crm = Crm::at("l1");
    crm.put(contact("c1", "Mara", "Okafor", "1990-02-03"));
    let store: Arc<dyn PatientStore> = Arc::new(SqlitePatients::open(&path).unwrap());
    let first = app(&crm, &store);
    first.enable(&admin(), Options::default()).await.unwrap();
    select(&first, "c1").await;

    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let second = app(&crm, &(Arc::new(SqlitePatients::open(&path).unwrap()) as _));
    let all = Default::default();
    let listed = timeout(Duration::from_secs(4), second.search(&all)).await;
    assert_eq!(listed.unwrap().unwrap().patients.len(), 1, "reading waits for nobody");
    let (actor, contact, answer) = (doctor(), "c1".into(), Default::default());
    let selected = timeout(Duration::from_secs(20), first.select(&actor, &contact, &answer)).await;
    let error = selected.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Storage, Retry::Backoff));
    assert!(error.message().contains("try again"), "{error}");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(done(select(&first, "c1").await).action, Action::Unchanged);
}
