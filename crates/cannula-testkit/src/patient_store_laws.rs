//! What every [`PatientStore`] must do, one named function each. They panic when the law is broken;
//! [`patient_store_laws!`](macro@crate::patient_store_laws) makes a test of each.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a law fails by panicking")]

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use async_trait::async_trait;
use cannula_a360::{
    Action, AuditRow, Change, Counts, Integration, LinkChange, LinkFilter, LinkKey, LocalPatient,
    PatientQuery, PatientStore, Target,
};
use cannula_core::{ErrorKind, PatientId, Person, Phi};
use cannula_rules::patient_link::{name_key, name_words};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{Power, day_one, laws::set_of_laws};

/// One list of patients, with nobody in it at first.
#[async_trait]
pub trait PatientStoreBench: Debug + Send + Sync {
    /// Opens the list, as another process does.
    async fn open(&self) -> Arc<dyn PatientStore>;

    /// The powers that the list lacks, each with the reason; no law for lists needs one.
    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}

use PatientStoreBench as Bench;

set_of_laws! { $,
    /// Makes one test of each law for lists of patients. Takes an `async` function that returns a
    /// fresh [`PatientStoreBench`](crate::PatientStoreBench); the crate that uses it needs `tokio`
    /// with the feature `macros`.
    patient_store_laws,
    a_change_and_its_audit_are_one,
    a_change_decided_on_an_older_version_is_refused_whole,
    a_new_patient_is_refused_if_another_of_the_name_came_first,
    a_change_decided_by_name_is_refused_if_others_have_it_or_were_changed,
    a_contact_has_one_patient_in_each_location,
    a_patient_has_one_contact_in_each_location,
    a_broken_link_stays_until_another_takes_its_place,
    patients_are_listed_by_name_a_page_at_a_time,
    the_switch_is_kept_for_each_location,
    what_is_not_there_is_not_found,
    a_list_is_there_after_reopening,
}

type Store = Arc<dyn PatientStore>;

fn minute(minute: i64) -> DateTime<Utc> {
    day_one() + TimeDelta::minutes(minute)
}

fn key(location: &str, contact: &str) -> LinkKey {
    LinkKey { location: location.into(), contact: contact.into() }
}

fn person(first: &str, last: &str) -> Person {
    Person {
        first_name: Phi::new(first.to_owned()),
        last_name: Phi::new(last.to_owned()),
        birth_date: "1990-02-03".parse().ok().map(Phi::new),
        ..Person::default()
    }
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

/// A new patient, whoever has the name.
fn new(person: Person, link: LinkChange) -> Change {
    let details = BTreeMap::from([("Title".to_owned(), Phi::new("Dr".to_owned()))]);
    Change { target: Target::New { details }, same_name: None, link, audit: row(person, 0) }
}

/// A change of a patient, whoever has the name.
fn change(of: &LocalPatient, after: Person, link: LinkChange, at: i64) -> Change {
    let target = Target::Existing { id: of.id.clone(), version: of.version };
    Change { target, same_name: None, link, audit: row(after, at) }
}

fn versions(patients: &[&LocalPatient]) -> Option<Vec<(PatientId, u64)>> {
    Some(patients.iter().map(|it| (it.id.clone(), it.version)).collect())
}

async fn add(store: &Store, first: &str, last: &str, link: LinkChange) -> LocalPatient {
    store.commit(&new(person(first, last), link)).await.unwrap()
}

async fn refused(store: &Store, change: &Change) {
    assert_eq!(store.commit(change).await.unwrap_err().kind(), ErrorKind::Contended);
}

/// A patient is as the change left it, with one row of the audit for each change; one that only
/// looked at the contact again is no new version.
pub async fn a_change_and_its_audit_are_one(bench: &dyn Bench) {
    let store = bench.open().await;
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    assert_eq!(mara.version, 1);
    assert_eq!(store.patient(&mara.id).await.unwrap().as_ref(), Some(&mara));
    let renamed = person("Mara", "Lee");
    let again = LinkChange::Set(key("l1", "c1"));
    let after = store.commit(&change(&mara, renamed.clone(), again.clone(), 5)).await.unwrap();
    assert_eq!((after.version, &after.person), (2, &renamed));
    assert_eq!(after.details["Title"].expose(), "Dr");
    let link = &after.links[&"l1".into()];
    assert_eq!((link.since, link.checked_at), (minute(0), minute(5)));
    assert_eq!(store.patient(&mara.id).await.unwrap().as_ref(), Some(&after));
    let looked = store.commit(&change(&after, renamed.clone(), again, 9)).await.unwrap();
    assert_eq!((looked.version, looked.links[&"l1".into()].checked_at), (2, minute(9)));
    let audit = store.audit(&mara.id).await.unwrap();
    assert_eq!(audit.iter().map(|row| row.at).collect::<Vec<_>>(), [0, 5, 9].map(minute));
    assert_eq!(audit[1], row(renamed, 5));
}

/// Nothing of a change is written if its patient has another version, or is not there.
pub async fn a_change_decided_on_an_older_version_is_refused_whole(bench: &dyn Bench) {
    let store = bench.open().await;
    let mara = add(&store, "Mara", "Okafor", LinkChange::Keep).await;
    let lee = change(&mara, person("Mara", "Lee"), LinkChange::Keep, 1);
    let after = store.commit(&lee).await.unwrap();
    refused(&store, &lee).await;
    assert_eq!(store.patient(&mara.id).await.unwrap(), Some(after));
    assert_eq!(store.audit(&mara.id).await.unwrap().len(), 2);
    let nobody = LocalPatient { id: "nobody".into(), ..mara };
    refused(&store, &change(&nobody, Person::default(), LinkChange::Keep, 1)).await;
}

/// A patient who was found to be new is not added beside one of the name who was added since.
pub async fn a_new_patient_is_refused_if_another_of_the_name_came_first(bench: &dyn Bench) {
    let store = bench.open().await;
    let mara = add(&store, "Mara", "Okafor-Lee", LinkChange::Keep).await;
    let twin = new(person("MARA", "Okafor Lee"), LinkChange::Keep);
    refused(&store, &Change { same_name: Some(Vec::new()), ..twin.clone() }).await;
    assert_eq!(store.counts(&"l1".into()).await.unwrap().patients, 1);
    let twin = Change { same_name: versions(&[&mara]), ..twin };
    let twin = store.commit(&twin).await.unwrap();
    let same = store.same_name(&name_key(&mara.person)).await.unwrap();
    assert_eq!(same, [mara, twin]);
}

/// A patient who was found by name is not linked if others have the name since, or one who has it
/// was changed.
pub async fn a_change_decided_by_name_is_refused_if_others_have_it_or_were_changed(
    bench: &dyn Bench,
) {
    let store = bench.open().await;
    let mara = add(&store, "Mara", "Okafor", LinkChange::Keep).await;
    let link = change(&mara, mara.person.clone(), LinkChange::Set(key("l1", "c1")), 1);
    let alone = Change { same_name: versions(&[&mara]), ..link.clone() };
    let twin = add(&store, "MARA", "O'Kafor", LinkChange::Keep).await;
    let both = Change { same_name: versions(&[&mara, &twin]), ..link.clone() };
    let phone = Some(Phi::new("918-555-0123".to_owned()));
    let twin = change(&twin, Person { phone, ..twin.person.clone() }, LinkChange::Keep, 2);
    let twin = store.commit(&twin).await.unwrap();
    for old in [alone, both] {
        refused(&store, &old).await;
        assert_eq!(store.patient(&mara.id).await.unwrap().as_ref(), Some(&mara));
    }
    let now = Change { same_name: versions(&[&mara, &twin]), ..link };
    store.commit(&now).await.unwrap();
}

/// A contact is linked to one patient at most; the same id in another location is another contact.
pub async fn a_contact_has_one_patient_in_each_location(bench: &dyn Bench) {
    let store = bench.open().await;
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    refused(&store, &new(person("Ada", "Lee"), LinkChange::Set(key("l1", "c1")))).await;
    assert_eq!(store.counts(&"l1".into()).await.unwrap().patients, 1, "nothing was written");
    let ada = add(&store, "Ada", "Lee", LinkChange::Set(key("l2", "c1"))).await;
    for (location, patient) in [("l1", &mara), ("l2", &ada)] {
        let contacts = ["c0".into(), "c1".into()];
        let found = store.linked(&location.into(), &contacts).await.unwrap();
        assert_eq!(found, std::slice::from_ref(patient));
    }
    let steal = change(&ada, ada.person.clone(), LinkChange::Set(key("l1", "c1")), 1);
    refused(&store, &steal).await;
    assert_eq!(store.patient(&ada.id).await.unwrap(), Some(ada));
}

/// Another contact of a location takes the place of the one before; contacts of other locations
/// stay beside it.
pub async fn a_patient_has_one_contact_in_each_location(bench: &dyn Bench) {
    let store = bench.open().await;
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    let other = LinkChange::Set(key("l1", "c2"));
    let mara = store.commit(&change(&mara, mara.person.clone(), other, 1)).await.unwrap();
    let second = LinkChange::Set(key("l2", "c9"));
    let mara = store.commit(&change(&mara, mara.person.clone(), second, 2)).await.unwrap();
    assert_eq!(mara.links.len(), 2);
    assert_eq!(mara.contact_in(&"l1".into()), Some(&"c2".into()));
    assert_eq!(store.patient(&mara.id).await.unwrap(), Some(mara));
    assert!(store.linked(&"l1".into(), &["c1".into()]).await.unwrap().is_empty());
}

/// A broken link is still found by its contact, and the same contact can be linked again.
pub async fn a_broken_link_stays_until_another_takes_its_place(bench: &dyn Bench) {
    let store = bench.open().await;
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

/// A page has the patients whom filter and words let through, in order, after those to skip.
pub async fn patients_are_listed_by_name_a_page_at_a_time(bench: &dyn Bench) {
    let store = bench.open().await;
    for (first, last, link) in [
        ("Zoë", "Núñez", LinkChange::Keep),
        ("Ana", "o'Neil", LinkChange::Set(key("l1", "c1"))),
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

/// The last setting of a location's switch counts, and is no other location's.
pub async fn the_switch_is_kept_for_each_location(bench: &dyn Bench) {
    let store = bench.open().await;
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

/// An id that the list did not give out is nobody's, however much it looks like one, and no error.
pub async fn what_is_not_there_is_not_found(bench: &dyn Bench) {
    let store = bench.open().await;
    let mara = add(&store, "Mara", "Okafor", LinkChange::Keep).await;
    let looks = ["", " ", "0", "7", "p2", "p-1", "p+1", "p01", "p1 ", "P1"];
    let long = ["p9999999999999999999", "p99999999999999999999", "p99999999999999999999999999999"];
    for id in looks.into_iter().chain(long).map(PatientId::new).filter(|id| *id != mara.id) {
        assert_eq!(store.patient(&id).await.unwrap(), None, "{id}");
        assert!(store.audit(&id).await.unwrap().is_empty(), "{id}");
    }
}

/// Patients, audit and switch are there for whoever opens the list next.
pub async fn a_list_is_there_after_reopening(bench: &dyn Bench) {
    let store = bench.open().await;
    let mara = add(&store, "Mara", "Okafor", LinkChange::Set(key("l1", "c1"))).await;
    drop(store);
    let store = bench.open().await;
    assert_eq!(store.patient(&mara.id).await.unwrap(), Some(mara.clone()));
    assert_eq!(store.audit(&mara.id).await.unwrap(), [row(mara.person, 0)]);
}
