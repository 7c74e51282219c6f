use cannula_core::{Event, Feed, Phi, RecordId, RecordKey, RecordKind, Rejected};
use cannula_sync::{
    Arrival, Claim, EventUpdate, Forgotten, Ingest, Outcome, Replay, Step, Store, Summary,
};

use super::{StoreBench, arrivals, claim, claimed, effect, minute, page, rest, visit};
use crate::{patient, practice, subject};

/// Everything is done, with a state, a reason and, if wanted, an effect that is left over.
fn finished(claim: &Claim, left: bool) -> Step {
    let done = |event: &Event| EventUpdate {
        event: event.id.clone(),
        outcome: Outcome::Done,
        reasons: Some(vec!["Because of Mina.".to_owned()]),
        remark: None,
    };
    Step {
        state: Some("{\"name\":\"Mina\"}".to_owned().into()),
        events: claim.events.iter().map(done).collect(),
        outbox: Some(left.then(|| effect(&claim.events[0], "Mina")).into_iter().collect()),
        ..rest(claim)
    }
}

/// Takes in events and decides them.
async fn decided(store: &dyn Store, events: &[Event], left: bool) {
    store.add(arrivals(events), minute(0)).await.unwrap();
    let claims = claim(store, minute(0)).await;
    let steps = claims.iter().map(|claim| finished(claim, left)).collect();
    store.save(steps, minute(0)).await.unwrap();
}

fn rejected(id: &str, raw: &str) -> Rejected {
    let kind = RecordKind::Appointment;
    Rejected {
        key: Some(RecordKey { practice: practice(), kind, id: RecordId::new(id) }),
        path: "start".to_owned(),
        problem: "is no time".to_owned(),
        raw: raw.to_owned().into(),
    }
}

/// Ids of its events, so that the same events are no news; of rows that name it, what was wrong.
pub async fn a_purged_person_leaves_ids_and_nothing_else(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let events = [visit("a", "1", 0), patient("1", 1), visit("b", "2", 2)];
    decided(&*store, &events, true).await;
    let rows = [
        rejected("x", "{\"patient\":\"1\"}"),
        rejected("a", "{\"no\":\"patient\"}"),
        rejected("y", "{\"patient\":\"21\"}"),
    ];
    let page = Ingest { rejected: rows.into(), ..page(0, &[], "c1") };
    store.ingest(page.clone(), minute(1)).await.unwrap();

    let gone = store.purge(&subject("1"), minute(2)).await.unwrap();
    assert_eq!(gone, Forgotten { events: 2, effects: 1, rejected: 2 });
    let history = store.history(&subject("1")).await.unwrap();
    let left: Vec<_> = history.events.iter().map(|it| (&it.id, &it.key, &it.version)).collect();
    let ids: Vec<_> = events[..2].iter().map(|it| (&it.id, &it.key, &it.version)).collect();
    assert_eq!(left, ids);
    for entry in &history.events {
        assert_eq!((&entry.record, &entry.outcome), (&None, &Outcome::Done));
        assert!(!format!("{:?}", entry.reasons).contains("Mina"), "{entry:?}");
    }
    let states: Vec<_> = store.states(None, 9).await.unwrap();
    assert_eq!(states.into_iter().map(|(of, _)| of).collect::<Vec<_>>(), [subject("2")]);
    let left = store.rejected().await.unwrap();
    let mut texts: Vec<_> = left.iter().map(|row| row.rejected.raw.expose().as_str()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["", "", "{\"patient\":\"21\"}"]);
    assert!(left.iter().all(|row| row.rejected.problem == "is no time"));
    let other = store.history(&subject("2")).await.unwrap();
    assert_eq!(other.events[0].clone().event().as_ref(), Some(&events[2]));

    // Unreadable rows about the person come on, and nothing of them is kept.
    let later =
        [rejected("a", "{\"new\":\"Mina\"}"), rejected("z", "{\"patient\":\"1\",\"n\":\"Mina\"}")];
    let more = Ingest { revision: 1, rejected: later.into(), ..page.clone() };
    assert_eq!(store.ingest(more, minute(3)).await.unwrap().rejected, 2);
    let left = store.rejected().await.unwrap();
    assert!(left.iter().all(|row| !row.rejected.raw.expose().contains("Mina")));

    // Seen again, the same rows and events are no news.
    let again = store.ingest(Ingest { revision: 2, ..page }, minute(3)).await.unwrap();
    let events = store.add(arrivals(&events), minute(3)).await.unwrap();
    assert_eq!((again.rejected, events.new, events.duplicates), (0, 0, 3));
    assert_eq!(store.purge(&subject("1"), minute(4)).await.unwrap(), Forgotten::default());
}

/// Whatever comes, and whoever asks for it; even of somebody who was never seen before.
pub async fn nothing_is_ever_done_again_about_a_purged_person(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    decided(&*store, &[visit("a", "1", 0)], true).await;
    for person in ["1", "9"] {
        store.purge(&subject(person), minute(1)).await.unwrap();
    }
    let news = [visit("a", "1", 5), patient("1", 6), visit("n", "9", 7)];
    let read = page(0, &news[..1], "c1");
    assert_eq!(store.ingest(read, minute(10)).await.unwrap().new, 1);
    assert_eq!(store.add(arrivals(&news), minute(10)).await.unwrap().new, 2);
    for what in [Replay::All, Replay::Parked, Replay::Dead, Replay::Subject(subject("1"))] {
        assert_eq!(store.replay(what, minute(11)).await.unwrap(), 0);
    }
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(claim(&*store, minute(99)).await.len(), 0);
    let summary = store.summary().await.unwrap();
    assert_eq!(summary, Summary { done: 4, ..Summary::default() });
    for person in ["1", "9"] {
        let history = store.history(&subject(person)).await.unwrap();
        assert!(history.events.iter().all(|entry| entry.record.is_none()), "{history:?}");
    }
    for event in &news {
        assert_eq!(store.last_event(&event.key).await.unwrap(), None);
    }
}

/// So that who was at work on the person when it was purged stores nothing.
pub async fn a_purge_takes_the_lease_away(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let held = claimed(&*store, &[visit("a", "1", 0)]).await;
    store.purge(&subject("1"), minute(1)).await.unwrap();
    let lost = store.save(vec![finished(&held, true)], minute(2)).await.unwrap();
    assert_eq!(lost.lost, [subject("1")]);
    assert_eq!(store.states(None, 9).await.unwrap(), []);
    assert_eq!(store.reclaim(minute(3)).await.unwrap(), 0);
    assert_eq!(claim(&*store, minute(99)).await.len(), 0);
}

/// What was withdrawn from the purged person stays unknown, what is withdrawn from others is not.
pub async fn a_record_that_leaves_or_reaches_a_purged_person_is_the_others_concern(
    bench: &dyn StoreBench,
) {
    let store = bench.open("main").await;
    decided(&*store, &[visit("a", "1", 0), visit("b", "2", 0)], false).await;
    store.purge(&subject("1"), minute(1)).await.unwrap();
    let leaves = store.add(arrivals(&[visit("a", "3", 5)]), minute(6)).await.unwrap();
    assert_eq!((leaves.new, leaves.withdrawn), (1, 0));
    let reaches = store.add(arrivals(&[visit("b", "1", 5)]), minute(6)).await.unwrap();
    assert_eq!((reaches.new, reaches.withdrawn), (1, 1));
    let mut due: Vec<_> = claim(&*store, minute(7))
        .await
        .into_iter()
        .map(|it| (it.subject, it.events.len()))
        .collect();
    due.sort();
    assert_eq!(due, [(subject("2"), 1), (subject("3"), 1)]);
    // A state that came late is withdrawn from the purged person without being told.
    store.add(arrivals(&[visit("a", "1", 3)]), minute(8)).await.unwrap();
    let history = store.history(&subject("1")).await.unwrap();
    assert!(history.events.iter().all(|entry| entry.record.is_none()), "{history:?}");
}

/// The newest state of a record can still be withdrawn; what waits can still be decided.
pub async fn what_is_over_is_forgotten_and_what_still_counts_is_not(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [old, new, waits] = [visit("a", "1", 0), visit("a", "1", 5), visit("b", "2", 0)];
    decided(&*store, &[old.clone(), new.clone()], true).await;
    store.add(arrivals(&[waits.clone(), visit("b", "2", 9)]), minute(1)).await.unwrap();
    let feed = Feed { practice: practice(), kind: RecordKind::Appointment };
    let page = Ingest { feed, rejected: vec![rejected("x", "Mina")], ..page(0, &[], "c1") };
    store.ingest(page.clone(), minute(1)).await.unwrap();
    assert_eq!(store.forget_before(minute(0), minute(60)).await.unwrap(), Forgotten::default());

    let gone = store.forget_before(minute(30), minute(60)).await.unwrap();
    assert_eq!(gone, Forgotten { events: 1, effects: 0, rejected: 1 });
    let history = store.history(&subject("1")).await.unwrap().events;
    assert_eq!((&history[0].id, &history[0].record), (&old.id, &None));
    assert_eq!(history[0].reasons, ["Because of Mina."], "why it was so stays");
    assert_eq!(history[1].clone().event().as_ref(), Some(&new));
    assert_eq!(store.last_event(&new.key).await.unwrap(), Some(new));
    assert_eq!(claim(&*store, minute(61)).await.remove(0).events[0], waits);
    let states: Vec<(_, Phi<String>)> = store.states(None, 9).await.unwrap();
    assert_eq!(states.len(), 1);
    assert_eq!(store.rejected().await.unwrap()[0].rejected.raw.expose(), "");
    let again = store.ingest(Ingest { revision: 1, ..page }, minute(62)).await.unwrap();
    assert_eq!(again.rejected, 0);
    let none = store.forget_before(minute(30), minute(63)).await.unwrap();
    assert_eq!(none, Forgotten::default());
}

/// Nor is one that was delivered again, and the record can still move.
pub async fn a_forgotten_state_that_is_read_again_is_no_news(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let [old, new] = [visit("a", "1", 0), visit("a", "1", 5)];
    decided(&*store, &[old.clone(), new], false).await;
    store.forget_before(minute(30), minute(60)).await.unwrap();
    let old = || Arrival { event: old.clone(), verdict: None };
    assert_eq!(store.add(vec![old()], minute(61)).await.unwrap().duplicates, 1);
    let read = Ingest { arrivals: vec![old()], ..page(0, &[], "c1") };
    assert_eq!(store.ingest(read, minute(61)).await.unwrap().duplicates, 1);
    let moved = store.add(arrivals(&[visit("a", "2", 9)]), minute(62)).await.unwrap();
    assert_eq!((moved.new, moved.withdrawn), (1, 1));
}
