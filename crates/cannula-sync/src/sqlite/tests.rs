//! What the disk and other processes do to the store.

use cannula_core::{
    Appointment, AppointmentStatus, Cursor, ErrorKind, Event, Named, PracticeId, Record, RecordId,
    RecordKind,
};
use chrono::{DateTime, TimeDelta};

use super::*;
use crate::store::{EventUpdate, Next, Outcome};

fn visit(id: &str, kind: &str) -> Event {
    let record = Record::Appointment(Appointment {
        also: Vec::new(),
        patient: Some("ada".into()),
        status: AppointmentStatus::Pending,
        kind: Some(Named::new(kind)),
        purposes: Vec::new(),
        start: None,
        end: None,
        practitioner: None,
        location: None,
    });
    Event::new(PracticeId::new("p"), RecordId::new(id), record, Some(now()), now())
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn page(events: Vec<Event>) -> Ingest {
    Ingest {
        feed: Feed { practice: PracticeId::new("p"), kind: RecordKind::Appointment },
        revision: 0,
        arrivals: events.into_iter().map(|event| Arrival { event, verdict: None }).collect(),
        rejected: Vec::new(),
        next: Cursor::new("next"),
    }
}

async fn claim(store: &SqliteStore) -> Claim {
    store.claim(now(), now() + TimeDelta::minutes(1), 10).await.unwrap().remove(0)
}

fn finished(claim: &Claim) -> Step {
    let ids = claim.events.iter().map(|event| &event.id).chain(&claim.open);
    let update = |event: &cannula_core::EventId| EventUpdate {
        event: event.clone(),
        outcome: Outcome::Done,
        reasons: None,
        remark: None,
    };
    Step {
        subject: claim.subject.clone(),
        epoch: claim.epoch,
        state: None,
        fetched: Vec::new(),
        events: ids.map(update).collect(),
        outbox: None,
        next: Next::Rest { due_at: None, error: None },
    }
}

#[tokio::test]
async fn a_full_disk_stores_nothing_of_a_page_and_is_worth_another_try() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("store.db"), "main").unwrap();
    let limit = |pages: u32| {
        store.call("limit", move |connection| {
            Ok(connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
        })
    };
    // SQLite keeps what is used already, and allows no page more.
    limit(1).await.unwrap();
    let events: Vec<_> = (0..200).map(|n| visit(&n.to_string(), &"x".repeat(500))).collect();
    let error = store.ingest(page(events.clone()), now()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Storage, Retry::Backoff));
    assert_eq!(error.to_string(), "store page: the store's disk is full (storage, sqlite=13)");
    assert_eq!(store.summary().await.unwrap(), Summary::default());
    assert_eq!(store.feed(&page(Vec::new()).feed).await.unwrap(), FeedState::default());

    limit(100_000).await.unwrap();
    assert_eq!(store.ingest(page(events), now()).await.unwrap().new, 200);
}

#[tokio::test]
async fn a_write_lock_that_another_process_keeps_is_worth_another_try() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = SqliteStore::open(&path, "main").unwrap();
    let impatient =
        |connection: &mut Connection| Ok(connection.busy_timeout(std::time::Duration::ZERO)?);
    store.call("be impatient", impatient).await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.ingest(page(vec![visit("1", "Consult")]), now()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Contended, Retry::Backoff));
    assert_eq!(store.summary().await.unwrap().events(), 0, "reading goes on");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.ingest(page(vec![visit("1", "Consult")]), now()).await.unwrap().new, 1);
}

#[tokio::test]
async fn an_event_this_version_cannot_read_stays_dead_until_it_is_replayed() {
    let store = SqliteStore::in_memory("main").unwrap();
    store.ingest(page(vec![visit("1", "Consult")]), now()).await.unwrap();
    let body =
        |sql: &'static str| store.call("edit", move |connection| Ok(connection.execute(sql, [])?));
    body("UPDATE event SET body = 'v2:' || body").await.unwrap();
    let held = claim(&store).await;
    assert_eq!((held.events.len(), held.open.len()), (0, 0));
    store.save(vec![finished(&held)], now()).await.unwrap();
    assert_eq!(store.summary().await.unwrap().dead, 1);

    // The next change of the person is decided without it, and must not call it done.
    let next = Arrival { event: visit("2", "Consult"), verdict: None };
    store.add(vec![next], now()).await.unwrap();
    let held = claim(&store).await;
    assert_eq!((held.events.len(), held.open.len()), (1, 0));
    store.save(vec![finished(&held)], now()).await.unwrap();
    let summary = store.summary().await.unwrap();
    assert_eq!((summary.done, summary.dead), (1, 1));

    body("UPDATE event SET body = substr(body, 4) WHERE outcome = 'dead'").await.unwrap();
    assert_eq!(store.replay(Replay::Dead, now()).await.unwrap(), 1);
    assert_eq!(claim(&store).await.events, [visit("1", "Consult")]);
}

#[tokio::test]
async fn debug_shows_nothing_of_a_person() {
    let store = SqliteStore::in_memory("main").unwrap();
    store.ingest(page(vec![visit("1", "Consult")]), now()).await.unwrap();
    let held = claim(&store).await;
    let secret = || Phi::new("{\"name\":\"Mina\"}".to_owned());
    let row = crate::store::OutboxRow {
        cause: held.events[0].id.clone(),
        key: "k".into(),
        effect: secret(),
        status: crate::store::EffectStatus::Unknown,
        error: None,
    };
    let step = Step {
        state: Some(secret()),
        outbox: Some(vec![row]),
        next: Next::Rest { due_at: Some(now()), error: None },
        ..finished(&held)
    };
    let shown = format!("{step:?}");
    store.save(vec![step], now()).await.unwrap();
    let shown = format!("{shown}{:?}{:?}", claim(&store).await, store.states(None, 9).await);
    assert!(!shown.contains("Mina"), "{shown}");
}
