//! What every patient store must do.

use std::{collections::BTreeMap, sync::Arc};

use cannula_a360::{
    Action, AuditRow, Change, Counts, Integration, LinkChange, LinkFilter, LinkKey, LocalPatient,
    MemoryStore, PatientQuery, PatientStore, SqlitePatients, Target,
};
use cannula_core::{ErrorKind, PatientId, Person, Phi};
use cannula_rules::patient_link::{name_key, name_words};
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::person;

macro_rules! laws {
    ($($law:ident)*) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $law() {
                super::$law(std::sync::Arc::new(super::MemoryStore::default())).await;
            })*
        }
        mod in_sqlite {
            $(#[tokio::test]
            async fn $law() {
                let store = super::SqlitePatients::in_memory().unwrap();
                super::$law(std::sync::Arc::new(store)).await;
            })*
        }
    };
}

laws! {
    a_change_and_its_audit_are_one
    a_change_decided_on_an_older_version_is_refused_whole
    a_new_patient_is_refused_if_another_of_the_name_came_first
    a_contact_has_one_patient_in_each_location
    a_patient_has_one_contact_in_each_location
    a_broken_link_stays_until_another_takes_its_place
    patients_are_listed_by_name_a_page_at_a_time
    the_switch_is_kept_for_each_location
    what_is_not_there_is_not_found
}

type Store = Arc<dyn PatientStore>;

fn minute(minute: i64) -> DateTime<Utc> {
    "2026-03-02T15:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

fn key(location: &str, contact: &str) -> LinkKey {
    LinkKey { location: location.into(), contact: contact.into() }
}

fn row(after: Person, at: i64) -> AuditRow {
    AuditRow {
        at: minute(at),
        by: "dr.lind".to_owned(),
        action: Action::Linked,
        contact: None,
        before: None,
        after,
        rules: None,
    }
}

fn new(person: Person, link: LinkChange) -> Change {
    let details = BTreeMap::from([("Title".to_owned(), Phi::new("Dr".to_owned()))]);
    Change { target: Target::New { details, same_name: vec![] }, link, audit: row(person, 0) }
}

fn change(of: &LocalPatient, after: Person, link: LinkChange, at: i64) -> Change {
    let target = Target::Existing { id: of.id.clone(), version: of.version };
    Change { target, link, audit: row(after, at) }
}

async fn add(store: &Store, first: &str, last: &str, link: LinkChange) -> LocalPatient {
    store.commit(&new(person(first, last, "1990-02-03"), link)).await.unwrap()
}

async fn a_change_and_its_audit_are_one(store: Store) {
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    assert_eq!(mara.version, 1);
    assert_eq!(store.patient(&mara.id).await.unwrap().as_ref(), Some(&mara));
    let renamed = person("Mara", "Lee", "1990-02-03");
    let again = LinkChange::Set(key("l1", "c1"));
    let after = store.commit(&change(&mara, renamed.clone(), again.clone(), 5)).await.unwrap();
    assert_eq!((after.version, &after.person), (2, &renamed));
    assert_eq!(after.details["Title"].expose(), "Dr");
    assert_eq!(
        (after.links[&"l1".into()].since, after.links[&"l1".into()].checked_at),
        (minute(0), minute(5))
    );
    assert_eq!(store.patient(&mara.id).await.unwrap().as_ref(), Some(&after));
    let looked = store.commit(&change(&after, renamed.clone(), again, 9)).await.unwrap();
    assert_eq!((looked.version, looked.links[&"l1".into()].checked_at), (2, minute(9)));
    let audit = store.audit(&mara.id).await.unwrap();
    assert_eq!(audit.iter().map(|row| row.at).collect::<Vec<_>>(), [0, 5, 9].map(minute));
    assert_eq!(audit[1], row(renamed, 5));
}

async fn a_change_decided_on_an_older_version_is_refused_whole(store: Store) {
    let mara = add(&store, "Mara", "Okafor", LinkChange::Keep).await;
    let lee = change(&mara, person("Mara", "Lee", ""), LinkChange::Keep, 1);
    let after = store.commit(&lee).await.unwrap();
    let error = store.commit(&lee).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Contended);
    assert_eq!(store.patient(&mara.id).await.unwrap(), Some(after));
    assert_eq!(store.audit(&mara.id).await.unwrap().len(), 2);
    let nobody = LocalPatient { id: "p99".into(), ..mara };
    let error = store.commit(&change(&nobody, Person::default(), LinkChange::Keep, 1)).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Contended);
}

async fn a_new_patient_is_refused_if_another_of_the_name_came_first(store: Store) {
    let mara = add(&store, "Mara", "Okafor-Lee", LinkChange::Keep).await;
    let twin = new(person("MARA", "Okafor Lee", "1960-01-02"), LinkChange::Keep);
    assert_eq!(store.commit(&twin).await.unwrap_err().kind(), ErrorKind::Contended);
    assert_eq!(store.counts(&"l1".into()).await.unwrap().patients, 1);
    let target = Target::New { details: BTreeMap::new(), same_name: vec![mara.id.clone()] };
    let twin = store.commit(&Change { target, ..twin }).await.unwrap();
    let same = store.same_name(&name_key(&mara.person)).await.unwrap();
    assert_eq!(same, [mara, twin]);
}

async fn a_contact_has_one_patient_in_each_location(store: Store) {
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    let error =
        store.commit(&new(person("Ada", "Lee", ""), LinkChange::Set(key("l1", "c1")))).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Contended);
    assert_eq!(store.counts(&"l1".into()).await.unwrap().patients, 1, "nothing was written");
    let ada = add(&store, "Ada", "Lee", LinkChange::Set(key("l2", "c1"))).await;
    let ids =
        |found: Vec<LocalPatient>| found.into_iter().map(|it| it.id).collect::<Vec<PatientId>>();
    for (location, patient) in [("l1", &mara), ("l2", &ada)] {
        let contacts = ["c0".into(), "c1".into()];
        let found = store.linked(&location.into(), &contacts).await.unwrap();
        assert_eq!(ids(found), std::slice::from_ref(&patient.id));
    }
    let steal = change(&ada, ada.person.clone(), LinkChange::Set(key("l1", "c1")), 1);
    assert_eq!(store.commit(&steal).await.unwrap_err().kind(), ErrorKind::Contended);
    assert_eq!(store.patient(&ada.id).await.unwrap(), Some(ada));
}

async fn a_patient_has_one_contact_in_each_location(store: Store) {
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    let other = LinkChange::Set(key("l1", "c2"));
    let mara = store.commit(&change(&mara, mara.person.clone(), other, 1)).await.unwrap();
    let second = LinkChange::Set(key("l2", "c9"));
    let mara = store.commit(&change(&mara, mara.person.clone(), second, 2)).await.unwrap();
    assert_eq!(mara.links.len(), 2);
    assert_eq!(mara.contact_in(&"l1".into()), Some(&"c2".into()));
    assert!(store.linked(&"l1".into(), &["c1".into()]).await.unwrap().is_empty());
}

async fn a_broken_link_stays_until_another_takes_its_place(store: Store) {
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    let broken = change(&mara, mara.person.clone(), LinkChange::Break("l1".into()), 3);
    let mara = store.commit(&broken).await.unwrap();
    assert_eq!(mara.links[&"l1".into()].broken_at, Some(minute(3)));
    assert_eq!(mara.contact_in(&"l1".into()), None);
    let counts = Counts { patients: 1, linked: 0, broken: 1 };
    assert_eq!(store.counts(&"l1".into()).await.unwrap(), counts);
    let found = store.linked(&"l1".into(), &["c1".into()]).await.unwrap();
    assert_eq!(found, std::slice::from_ref(&mara));
    let again = change(&mara, mara.person.clone(), LinkChange::Set(key("l1", "c1")), 4);
    let mara = store.commit(&again).await.unwrap();
    assert_eq!(mara.contact_in(&"l1".into()), Some(&"c1".into()));
    assert_eq!((mara.version, mara.links[&"l1".into()].since), (3, minute(4)));
}

async fn patients_are_listed_by_name_a_page_at_a_time(store: Store) {
    let linked = LinkChange::Set(key("l1", "c1"));
    for (first, last, link) in [
        ("Zoë", "Núñez", LinkChange::Keep),
        ("Ana", "o'Neil", linked),
        ("Ana", "Lee", LinkChange::Keep),
        ("Bea", "Lee", LinkChange::Set(key("l2", "c2"))),
    ] {
        add(&store, first, last, link).await;
    }
    let list = async |filter, words: &str, skip, limit| {
        let words = name_words(&Phi::new(words.to_owned()));
        let query = PatientQuery { location: "l1".into(), filter, words, skip, limit };
        let found = store.patients(&query).await.unwrap().into_iter();
        found.map(|it| it.person.first_name.into_inner()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list(LinkFilter::All, "", 0, 9).await, "Ana Bea Zoë Ana");
    assert_eq!(list(LinkFilter::All, "", 1, 2).await, "Bea Zoë");
    assert_eq!(list(LinkFilter::Linked, "", 0, 9).await, "Ana");
    assert_eq!(list(LinkFilter::LocalOnly, "", 0, 9).await, "Ana Bea Zoë");
    assert_eq!(list(LinkFilter::Broken, "", 0, 9).await, "");
    assert_eq!(list(LinkFilter::All, "nunez zoe", 0, 9).await, "Zoë");
    assert_eq!(list(LinkFilter::All, "O'NEIL", 0, 9).await, "Ana");
    assert_eq!(list(LinkFilter::LocalOnly, "lee b", 0, 9).await, "Bea");
}

async fn the_switch_is_kept_for_each_location(store: Store) {
    assert_eq!(store.integration(&"l1".into()).await.unwrap(), None);
    let mut on = Integration {
        enabled: true,
        push: true,
        refresh: false,
        changed_at: minute(0),
        changed_by: "dr.lind".to_owned(),
    };
    store.set_integration(&"l1".into(), &on).await.unwrap();
    on.enabled = false;
    store.set_integration(&"l1".into(), &on).await.unwrap();
    assert_eq!(store.integration(&"l1".into()).await.unwrap(), Some(on));
    assert_eq!(store.integration(&"l2".into()).await.unwrap(), None);
}

async fn what_is_not_there_is_not_found(store: Store) {
    for id in ["p1", "7", "", "p-1", "p99999999999999999999"] {
        assert_eq!(store.patient(&id.into()).await.unwrap(), None);
        assert!(store.audit(&id.into()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_file_keeps_everything_and_is_its_owners() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("patients.db");
    let store: Store = Arc::new(SqlitePatients::open(&path).unwrap());
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    drop(store);
    let store = SqlitePatients::open(&path).unwrap();
    assert_eq!(store.patient(&mara.id).await.unwrap(), Some(mara.clone()));
    assert_eq!(store.audit(&mara.id).await.unwrap().len(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
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
