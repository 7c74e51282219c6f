use cannula_core::{AppointmentStatus, Cursor, ErrorKind, Rejected};
use cannula_sync::{Arrival, Ingested, Outcome, Ruling, Step, Verdict};
use futures::future::join;

use super::{StoreBench, arrivals, claim, claimed, feed, minute, page, rest, visit};
use crate::{appointment, subject};

/// Events and cursor are stored together, and the revision grows by one.
pub async fn a_page_is_stored_with_its_cursor(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    assert_eq!(store.feed(&feed()).await.unwrap(), cannula_sync::FeedState::default());
    let events = [visit("a", "1", 0), visit("b", "2", 1)];
    let ingested = store.ingest(page(0, &events, "c1"), minute(0)).await.unwrap();
    assert_eq!(ingested, Ingested { new: 2, ..Ingested::default() });
    let state = store.feed(&feed()).await.unwrap();
    assert_eq!((state.revision, state.cursor), (1, Some(Cursor::new("c1"))));
    assert_eq!(claim(&*store, minute(0)).await.len(), 2);
}

/// Somebody else has read on: neither cursor nor events of the late page are stored.
pub async fn a_page_read_at_a_stale_revision_is_refused_whole(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    store.ingest(page(0, &[visit("a", "1", 0)], "c1"), minute(0)).await.unwrap();
    let late = store.ingest(page(0, &[visit("b", "2", 1)], "other"), minute(0)).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Contended);
    assert_eq!(store.feed(&feed()).await.unwrap().cursor, Some(Cursor::new("c1")));
    assert_eq!(store.summary().await.unwrap().events(), 1);
}

/// Two workers read on from the same place side by side.
pub async fn of_two_pages_at_one_revision_one_is_stored(bench: &dyn StoreBench) {
    let (store, other) = (bench.open("main").await, bench.open("other").await);
    for revision in 0..20_u64 {
        let visit = |who: &str| visit(&format!("{who}{revision}"), who, 0);
        let (one, two) =
            (page(revision, &[visit("1")], "one"), page(revision, &[visit("2")], "two"));
        let (one, two) = join(store.ingest(one, minute(0)), other.ingest(two, minute(0))).await;
        let (stored, refused) = match (one, two) {
            (Ok(_), Err(error)) => ("one", error),
            (Err(error), Ok(_)) => ("two", error),
            both => panic!("revision {revision}: {both:?}"),
        };
        assert_eq!(refused.kind(), ErrorKind::Contended, "{refused}");
        let state = store.feed(&feed()).await.unwrap();
        assert_eq!((state.revision, state.cursor), (revision + 1, Some(Cursor::new(stored))));
        assert_eq!(store.summary().await.unwrap().events(), revision + 1);
    }
}

/// By poll and by webhook, or in two overlapping sweeps.
pub async fn an_event_seen_twice_is_stored_once(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let event = visit("a", "1", 0);
    let claimed = claimed(&*store, std::slice::from_ref(&event)).await;
    store.save(vec![rest(&claimed)], minute(0)).await.unwrap();
    let ingested = store.ingest(page(0, &[event], "c1"), minute(1)).await.unwrap();
    assert_eq!(ingested, Ingested { duplicates: 1, ..Ingested::default() });
    assert_eq!(store.summary().await.unwrap().events(), 1);
    assert!(claim(&*store, minute(2)).await.is_empty(), "a duplicate makes nobody due");
}

/// A block has no subject, so no claim would ever bring it.
pub async fn an_event_about_nobody_is_decided_at_once(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let mut event = appointment("lunch", "", "Lunch", AppointmentStatus::Pending, 0);
    if let cannula_core::Record::Appointment(appointment) = &mut event.record {
        appointment.patient = None;
    }
    let verdict = Verdict { ruling: Ruling::Done, reasons: vec!["Nobody's.".to_owned()] };
    let arrival = Arrival { event, verdict: Some(verdict) };
    store.add(vec![arrival], minute(0)).await.unwrap();
    assert!(claim(&*store, minute(0)).await.is_empty());
    assert_eq!(store.summary().await.unwrap().done, 1);
}

/// Sweeps overlap, so the same unreadable row comes again and again.
pub async fn a_rejected_row_is_kept_once(bench: &dyn StoreBench) {
    let store = bench.open("main").await;
    let rejected = Rejected {
        key: None,
        path: "entry[3].resource.start".to_owned(),
        problem: "not a date and time".to_owned(),
        raw: "{\"start\":\"soon\"}".to_owned().into(),
    };
    for revision in 0..2 {
        let mut page = page(revision, &[], "c");
        page.rejected.push(rejected.clone());
        let ingested = store.ingest(page, minute(0)).await.unwrap();
        assert_eq!(ingested.rejected, 1 - revision);
    }
    let rows = store.rejected().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0].rejected, &rows[0].feed), (&rejected, &feed()));
}

/// Inbox, state, outbox and cursor.
pub async fn everything_is_there_after_reopening(bench: &dyn StoreBench) {
    let events = [visit("a", "1", 0), visit("b", "1", 1)];
    {
        let store = bench.open("main").await;
        store.ingest(page(0, &events, "c1"), minute(0)).await.unwrap();
        let claimed = claim(&*store, minute(0)).await.remove(0);
        let done = cannula_sync::EventUpdate {
            event: events[0].id.clone(),
            outcome: Outcome::Done,
            reasons: Some(vec!["Because.".to_owned()]),
            remark: None,
        };
        let step = Step {
            state: Some("{\"seen\":1}".to_owned().into()),
            events: vec![done],
            outbox: Some(vec![super::effect(&events[0], "x")]),
            ..rest(&claimed)
        };
        store.save(vec![step], minute(0)).await.unwrap();
    }
    let store = bench.open("main").await;
    assert_eq!(store.feed(&feed()).await.unwrap().cursor, Some(Cursor::new("c1")));
    let history = store.history(&subject("1")).await.unwrap();
    let outcomes: Vec<_> = history.events.iter().map(|entry| entry.outcome.clone()).collect();
    assert_eq!(outcomes, [Outcome::Done, Outcome::Pending]);
    assert_eq!(history.events[0].reasons, ["Because."]);
    assert_eq!(history.events[0].clone().event().as_ref(), events.first());
    store.add(arrivals(&[visit("c", "1", 2)]), minute(1)).await.unwrap();
    let claimed = claim(&*store, minute(1)).await.remove(0);
    assert_eq!(super::text(&claimed.state), Some("{\"seen\":1}"));
    assert_eq!(super::texts(&claimed.unknown), ["x"]);
    assert_eq!(claimed.events.len(), 2);
}
