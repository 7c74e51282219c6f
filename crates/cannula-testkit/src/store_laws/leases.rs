use cannula_sync::{Next, Replay, Step};
use chrono::TimeDelta;
use futures::future::join;

use super::{StoreBench, arrivals, claim, claimed, effect, minute, rest, text, texts, visit};

/// While it lasts, neither another worker nor the owner itself gets the subject again.
pub async fn a_lease_excludes_everybody_else(bench: &dyn StoreBench) {
    let (store, other) = (bench.open("main").await, bench.open("other").await);
    let held = claimed(&*store, &[visit("a", "1", 0)]).await;
    assert_eq!((held.epoch, held.attempts), (1, 1));
    assert!(claim(&*other, minute(9)).await.is_empty());
    assert!(claim(&*store, minute(9)).await.is_empty());
    assert!(store.save(vec![rest(&held)], minute(9)).await.unwrap().lost.is_empty());
}

/// Side by side, when the subjects are due and when the leases on them have expired.
pub async fn two_workers_never_hold_the_same_subject(bench: &dyn StoreBench) {
    let (store, other) = (bench.open("main").await, bench.open("other").await);
    let events: Vec<_> = (0..60).map(|n| visit(&format!("a{n}"), &n.to_string(), n)).collect();
    store.add(arrivals(&events), minute(0)).await.unwrap();
    for (now, until) in [(minute(0), minute(10)), (minute(10), minute(20))] {
        let mut held = Vec::new();
        for _ in 0..30 {
            let (one, two) = join(store.claim(now, until, 3), other.claim(now, until, 3)).await;
            held.extend(one.unwrap());
            held.extend(two.unwrap());
        }
        let mut subjects: Vec<_> = held.into_iter().map(|claim| claim.subject).collect();
        assert_eq!(subjects.len(), 60);
        subjects.sort();
        subjects.dedup();
        assert_eq!(subjects.len(), 60);
    }
}

/// A worker that comes back after its lease was taken can write nothing.
pub async fn an_expired_lease_is_taken_and_fences_the_old_owner(bench: &dyn StoreBench) {
    let (store, other) = (bench.open("main").await, bench.open("other").await);
    let old = claimed(&*store, &[visit("a", "1", 0)]).await;
    let new = claim(&*other, minute(10)).await.remove(0);
    assert!(new.epoch > old.epoch);
    assert_eq!(new.events.len(), 1);
    let late = Step { state: Some("\"old\"".to_owned().into()), ..rest(&old) };
    let lost = store.save(vec![late], minute(11)).await.unwrap().lost;
    assert_eq!(lost, [old.subject]);
    let step = Step { state: Some("\"new\"".to_owned().into()), ..rest(&new) };
    assert!(other.save(vec![step], minute(11)).await.unwrap().lost.is_empty());
    store.add(arrivals(&[visit("b", "1", 1)]), minute(12)).await.unwrap();
    let again = claim(&*store, minute(12)).await.remove(0);
    assert_eq!(text(&again.state), Some("\"new\""));
}

/// Without waiting for its old leases to end; other workers keep theirs.
pub async fn a_restarted_worker_gets_its_subjects_back_at_once(bench: &dyn StoreBench) {
    let other = bench.open("other").await;
    let theirs = claimed(&*other, &[visit("b", "2", 0)]).await;
    let old = {
        let store = bench.open("main").await;
        claimed(&*store, &[visit("a", "1", 0)]).await
    };
    let store = bench.open("main").await;
    assert!(claim(&*store, minute(1)).await.is_empty());
    assert_eq!(store.reclaim(minute(1)).await.unwrap(), 1);
    let claims = claim(&*store, minute(1)).await;
    assert_eq!(claims.len(), 1);
    assert_eq!((&claims[0].subject, claims[0].attempts), (&old.subject, 2));
    assert!(claims[0].epoch > old.epoch);
    assert!(other.save(vec![rest(&theirs)], minute(1)).await.unwrap().lost.is_empty());
}

/// What was sent last may still be at work, after a restart as well, and whatever arrives meanwhile.
pub async fn what_is_unknown_is_left_alone_for_a_minute(bench: &dyn StoreBench) {
    let event = visit("a", "1", 0);
    let again = Next::Again { due_at: minute(4), error: None };
    let unknown = |held, next| Step { outbox: Some(vec![effect(&event, "x")]), next, ..rest(held) };
    let almost = |at| at - TimeDelta::seconds(1);
    let store = bench.open("main").await;
    let held = claimed(&*store, std::slice::from_ref(&event)).await;
    store.save(vec![unknown(&held, again.clone())], minute(4)).await.unwrap();
    store.add(arrivals(&[visit("b", "1", 1)]), minute(4)).await.unwrap();
    let who = Replay::Subject(held.subject.clone());
    store.replay(who, minute(4)).await.unwrap();
    assert!(claim(&*store, almost(minute(5))).await.is_empty());
    assert_eq!(store.next_due().await.unwrap(), Some(minute(5)));
    assert_eq!(store.history(&held.subject).await.unwrap().due_at, Some(minute(5)));
    let held = claim(&*store, minute(5)).await.remove(0);
    assert_eq!(texts(&held.unknown), ["x"]);
    store.save(vec![unknown(&held, Next::Send)], minute(5)).await.unwrap();
    drop(store);
    let store = bench.open("main").await;
    store.reclaim(minute(6)).await.unwrap();
    assert!(claim(&*store, almost(minute(7))).await.is_empty());
    assert_eq!(store.next_due().await.unwrap(), Some(minute(7)));
    let held = claim(&*store, minute(7)).await.remove(0);
    // Once it is known, nothing waits any more.
    let settled = Step { outbox: Some(Vec::new()), next: again, ..rest(&held) };
    store.save(vec![settled], minute(7)).await.unwrap();
    assert_eq!(claim(&*store, minute(7)).await.len(), 1);
}

/// It is not in the claim, so it must not be forgotten when the claim ends.
pub async fn an_event_that_arrives_during_a_lease_makes_the_subject_due_after_it(
    bench: &dyn StoreBench,
) {
    let store = bench.open("main").await;
    let held = claimed(&*store, &[visit("a", "1", 0)]).await;
    store.add(arrivals(&[visit("b", "1", 1)]), minute(1)).await.unwrap();
    assert!(claim(&*store, minute(2)).await.is_empty());
    let put_off = Next::Again { due_at: minute(60), error: None };
    store.save(vec![Step { next: put_off, ..rest(&held) }], minute(2)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), Some(minute(1)));
    assert_eq!(claim(&*store, minute(2)).await.len(), 1);
}

/// Attempts are counted until it comes to rest. Whoever is only looked at again then is due by no date,
/// but claimed from then on.
pub async fn a_subject_rests_until_it_is_due(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let mut held = claimed(&*store, &[visit("a", "1", 0)]).await;
    for attempt in 1..4_u32 {
        assert_eq!(held.attempts, attempt);
        let due = minute(i64::from(attempt) * 10);
        let next = Next::Again { due_at: due, error: Some("down".to_owned()) };
        store.save(vec![Step { next, ..rest(&held) }], minute(0)).await.unwrap();
        assert_eq!(store.next_due().await.unwrap(), Some(due));
        let history = store.history(&held.subject).await.unwrap();
        assert_eq!((history.due_at, history.error.as_deref()), (Some(due), Some("down")));
        assert!(claim(&*store, due - TimeDelta::seconds(1)).await.is_empty());
        held = claim(&*store, due).await.remove(0);
    }
    let next = Next::Rest { look_at: Some(minute(50)) };
    store.save(vec![Step { next, ..rest(&held) }], minute(40)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);
    assert!(claim(&*store, minute(49)).await.is_empty());
    held = claim(&*store, minute(50)).await.remove(0);
    assert_eq!(held.attempts, 1);
    store.save(vec![rest(&held)], minute(50)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);
    assert!(claim(&*store, minute(1000)).await.is_empty());
    store.add(arrivals(&[visit("b", "1", 1)]), minute(1001)).await.unwrap();
    assert_eq!(claim(&*store, minute(1001)).await.remove(0).attempts, 1);
}

/// Even if no event of theirs is dead. Why they are is there to read until then, and what is in the
/// outbox is not lost.
pub async fn whoever_is_stuck_waits_for_a_replay(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let event = visit("a", "1", 0);
    let held = claimed(&*store, std::slice::from_ref(&event)).await;
    let outbox = Some(vec![effect(&event, "x")]);
    let send = Step { outbox, next: Next::Send, ..rest(&held) };
    store.save(vec![send], minute(1)).await.unwrap();
    let next = Next::Stuck { error: "unreadable".to_owned() };
    store.save(vec![Step { next, ..rest(&held) }], minute(1)).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);
    let history = store.history(&held.subject).await.unwrap();
    assert_eq!((history.due_at, history.error.as_deref()), (None, Some("unreadable")));
    assert!(claim(&*store, minute(1000)).await.is_empty());
    assert_eq!(store.replay(Replay::Dead, minute(1001)).await.unwrap(), 1);
    let again = claim(&*store, minute(1001)).await.remove(0);
    assert_eq!((again.attempts, again.unknown.len()), (1, 1));
}
