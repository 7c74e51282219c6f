use cannula_core::{
    AppointmentStatus as Status, ErrorKind, Event, MembershipStatus, PatientId, PaymentStatus,
};
use cannula_sync::{EventUpdate, Forgotten, Outcome, Step, Store};

use super::{StoreBench, arrivals, claim, claimed, minute, page, rest, visit};
use crate::{appointment, membership, patient, payment, subject, without_stamp};

/// Decides everything that is due: `from` was merged into `into`, or is one of its own.
async fn merged(store: &dyn Store, from: &str, into: Option<&str>) {
    // Something to decide about.
    let minutes = store.summary().await.unwrap().events();
    let news = patient(from, i64::try_from(minutes).unwrap());
    store.add(arrivals(&[news]), minute(0)).await.unwrap();
    let claims = claim(store, minute(0)).await;
    let step = |claim| Step { state: Some("\"Mina\"".to_owned().into()), ..rest(claim) };
    let mut steps: Vec<_> = claims.iter().map(step).collect();
    let of = steps.iter_mut().find(|step| step.subject == subject(from)).unwrap();
    of.merged_into = into.map(Into::into);
    store.save(steps, minute(0)).await.unwrap();
}

/// The records of these that are about a patient by what the store knows last.
async fn held(store: &dyn Store, events: &[Event], patient: &str) -> usize {
    let mut held = 0;
    for event in events {
        let last = store.last_event(&event.key).await.unwrap();
        held += usize::from(last.and_then(|last| last.subject()) == Some(subject(patient)));
    }
    held
}

/// However it comes, through as many merges as there were, and once: as the event that a source
/// would have told that names the right one. What is about the person itself is not renamed, nor
/// is anything where it cannot be told who is left.
pub async fn what_names_a_merged_person_is_taken_for_the_one_that_is_left(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    merged(&*store, "1", Some("2")).await;
    merged(&*store, "2", Some("3")).await;
    let [read, moved, brought] = [visit("a", "1", 1), visit("a", "1", 6), visit("b", "2", 1)];
    let money = payment("p", "1", 100, PaymentStatus::Active, 1);
    let club = membership("m", "1", MembershipStatus::Active, 1);
    let all = [read, brought, money, club];
    store.ingest(page(0, &all[..1], "c1"), minute(1)).await.unwrap();
    store.add(arrivals(&all[1..2]), minute(1)).await.unwrap();
    store.add(arrivals(&[patient("9", 1)]), minute(1)).await.unwrap();
    let mut steps: Vec<_> = claim(&*store, minute(1)).await.iter().map(rest).collect();
    let finds = steps.iter_mut().find(|step| step.subject == subject("9")).unwrap();
    finds.arrivals = arrivals(&all[2..]);
    store.save(steps, minute(1)).await.unwrap();
    assert_eq!(held(&*store, &all, "3").await, 4);

    let right = |event: &Event| event.clone().with_patient(&PatientId::new("3"));
    let again = arrivals(&[all[0].clone(), right(&all[0]), right(&all[3])]);
    assert_eq!(store.add(again, minute(2)).await.unwrap().duplicates, 3);
    let moved = store.ingest(page(1, &[moved], "c2"), minute(2)).await.unwrap();
    assert_eq!((moved.new, moved.withdrawn), (1, 0), "it was this person's before");
    let itself = patient("1", 60);
    store.add(arrivals(std::slice::from_ref(&itself)), minute(2)).await.unwrap();
    assert_eq!(held(&*store, &[itself], "1").await, 1);

    // In a circle nobody is left.
    merged(&*store, "3", Some("1")).await;
    let circle = [visit("x", "1", 9), visit("y", "2", 9)];
    store.add(arrivals(&circle), minute(9)).await.unwrap();
    assert_eq!((held(&*store, &circle, "1").await, held(&*store, &circle, "2").await), (1, 1));
}

/// A state that is read again by the old name is no news, whether or not the vendor gives stamps;
/// one that the record came back to is.
pub async fn what_was_passed_on_and_is_read_again_by_the_old_name_is_no_news(
    bench: &dyn StoreBench,
) {
    let store = bench.open("main").await;
    let of = |patient, status| appointment("a", patient, "Consult", status, 0);
    let read = |status, at| without_stamp(&of("1", status), at);
    let stamped = visit("b", "1", 1);
    let all = [read(Status::Pending, 0), stamped.clone()];
    store.ingest(page(0, &all, "c"), minute(0)).await.unwrap();
    merged(&*store, "1", Some("2")).await;
    let told = [of("2", Status::Pending), visit("b", "2", 2)];
    store.add(arrivals(&told), minute(1)).await.unwrap();
    merged(&*store, "2", Some("3")).await;
    let told = [visit("a", "3", 3), visit("b", "3", 3)];
    store.add(arrivals(&told), minute(1)).await.unwrap();
    let mut news = Vec::new();
    for (revision, status) in [Status::Pending, Status::Confirmed, Status::Pending, Status::Pending]
        .into_iter()
        .enumerate()
    {
        let at = i64::try_from(revision).unwrap() + 5;
        let page = page(1 + revision as u64, &[read(status, at), stamped.clone()], "c");
        let ingested = store.ingest(page, minute(20)).await.unwrap();
        news.push((ingested.new, ingested.withdrawn));
    }
    assert_eq!(news, [(0, 0), (1, 0), (1, 0), (0, 0)]);
    assert_eq!(held(&*store, &all, "3").await, 2);
}

/// What follows from a state holds until there is another.
pub async fn a_person_who_is_one_again_has_its_records_again(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    merged(&*store, "1", Some("2")).await;
    store.add(arrivals(&[patient("1", 1)]), minute(1)).await.unwrap();
    // A step without a state decides nothing.
    let steps = claim(&*store, minute(1)).await.iter().map(rest).collect();
    store.save(steps, minute(1)).await.unwrap();
    let visits = [visit("a", "1", 2), visit("b", "1", 3)];
    store.add(arrivals(&visits[..1]), minute(2)).await.unwrap();
    merged(&*store, "1", None).await;
    store.add(arrivals(&visits[1..]), minute(3)).await.unwrap();
    assert_eq!((held(&*store, &visits, "2").await, held(&*store, &visits, "1").await), (1, 1));
}

/// Whatever it is about, nothing of it is taken back from anybody.
pub async fn what_comes_while_a_merge_is_decided_is_taken_for_the_one_that_is_left(
    bench: &dyn StoreBench,
) {
    let store = bench.open("main").await;
    let held = claimed(&*store, &[visit("a", "1", 0)]).await;
    let late = [visit("a", "1", 5), visit("b", "1", 5)];
    store.add(arrivals(&late), minute(1)).await.unwrap();
    let told = visit("a", "2", 1);
    let done = EventUpdate {
        event: held.events[0].id.clone(),
        outcome: Outcome::Done,
        reasons: None,
        remark: None,
    };
    let step = Step {
        state: Some("1".to_owned().into()),
        merged_into: Some("2".into()),
        arrivals: arrivals(std::slice::from_ref(&told)),
        events: vec![done],
        ..rest(&held)
    };
    let saved = store.save(vec![step], minute(1)).await.unwrap();
    assert_eq!((saved.ingested.new, saved.ingested.withdrawn), (1, 1));
    let history = store.history(&subject("2")).await.unwrap().events;
    let ids: Vec<_> = history.into_iter().map(|entry| entry.id).collect();
    let right = late.map(|event| event.with_patient(&PatientId::new("2")).id);
    assert_eq!(ids, [vec![told.id], right.to_vec()].concat());
}

/// Who was merged in turn passes it on together with what else belongs to it.
pub async fn what_a_merged_person_passes_on_goes_to_whom_it_names(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    merged(&*store, "2", Some("3")).await;
    store.add(arrivals(&[visit("a", "1", 0)]), minute(1)).await.unwrap();
    let claims = claim(&*store, minute(1)).await;
    let of = claims.iter().find(|claim| claim.subject == subject("1")).unwrap();
    let told = visit("a", "2", 1);
    let step = Step {
        state: Some("1".to_owned().into()),
        merged_into: Some("2".into()),
        arrivals: arrivals(std::slice::from_ref(&told)),
        ..rest(of)
    };
    let saved = store.save(vec![step], minute(1)).await.unwrap();
    assert_eq!((saved.ingested.new, saved.ingested.withdrawn), (1, 1));
    assert_eq!(held(&*store, &[told], "2").await, 1);
}

/// They are one person. So is who turns out to be the purged one later.
pub async fn a_purge_takes_along_who_was_merged_into_the_person(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    merged(&*store, "1", Some("2")).await;
    merged(&*store, "2", Some("3")).await;
    merged(&*store, "4", None).await;
    let gone = store.purge(&subject("3"), minute(1)).await.unwrap();
    assert_eq!(gone, Forgotten { events: 2, ..Forgotten::default() });
    let left = store.states(None, 9).await.unwrap();
    assert_eq!(left.iter().map(|(of, _)| of.clone()).collect::<Vec<_>>(), [subject("4")]);
    merged(&*store, "4", Some("1")).await;
    assert_eq!(store.states(None, 9).await.unwrap(), []);
    let late = visit("a", "4", 9);
    store.add(arrivals(std::slice::from_ref(&late)), minute(9)).await.unwrap();
    assert_eq!(store.last_event(&late.key).await.unwrap(), None);
    for person in ["1", "2", "3", "4"] {
        let history = store.history(&subject(person)).await.unwrap();
        assert!(history.events.iter().all(|entry| entry.record.is_none()), "{history:?}");
    }
    assert_eq!(claim(&*store, minute(99)).await.len(), 0);
}

/// Nothing of anybody is gone then. Once the one that is left is purged, the old one is as well.
pub async fn a_purge_by_an_old_name_is_refused_and_says_who_is_left(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    merged(&*store, "1", Some("2")).await;
    merged(&*store, "2", Some("3")).await;
    merged(&*store, "3", None).await;
    let error = store.purge(&subject("1"), minute(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("merged into 3: purge 3"), "{error}");
    assert_eq!(store.states(None, 9).await.unwrap().len(), 3);
    store.purge(&subject("3"), minute(2)).await.unwrap();
    assert_eq!(store.states(None, 9).await.unwrap(), []);
    let again = store.purge(&subject("1"), minute(3)).await.unwrap();
    assert_eq!(again, Forgotten::default());
}
