//! What the disk and other processes do to the store.

use std::{path::Path, pin::pin, sync::mpsc};

use cannula_core::{
    Appointment, AppointmentStatus, Cursor, ErrorKind, Event, Named, PracticeId, Record, RecordId,
    RecordKind,
};
use chrono::{DateTime, TimeDelta};
use futures::future;

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
        merged_into: None,
        fetched: Vec::new(),
        arrivals: Vec::new(),
        events: ids.map(update).collect(),
        outbox: None,
        next: Next::Rest { look_at: None },
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

/// Adds events while the store's thread is busy, so that they wait for it together.
async fn add_together(store: &SqliteStore, events: &[Event]) -> Vec<Result<Ingested>> {
    let (started, is_busy) = mpsc::channel();
    let (go_on, gate) = mpsc::channel();
    let busy = store.call("be busy", move |_| {
        let _ = started.send(());
        Ok(gate.recv().is_ok())
    });
    let add =
        |event: &Event| store.add(vec![Arrival { event: event.clone(), verdict: None }], now());
    let mut busy = pin!(busy);
    assert!(futures::poll!(busy.as_mut()).is_pending());
    is_busy.recv().unwrap();
    let mut added = pin!(future::join_all(events.iter().map(add)));
    assert!(futures::poll!(added.as_mut()).is_pending());
    go_on.send(()).unwrap();
    assert!(busy.await.unwrap());
    added.await
}

#[tokio::test]
async fn events_that_wait_together_fail_together_and_each_is_stored_once_when_it_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("store.db"), "main").unwrap();
    let limit = |pages: u32| {
        store.call("limit", move |connection| {
            Ok(connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
        })
    };
    limit(1).await.unwrap();
    let large = |n: usize| visit(&format!("large-{n}"), &"x".repeat(3_000));
    let mut events: Vec<_> = (0..20).map(large).collect();
    // There is room for this one, and it comes first.
    events.insert(0, visit("small", "Consult"));
    for added in add_together(&store, &events).await {
        let error = added.unwrap_err();
        assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Storage, Retry::Backoff));
        let said = "store events: the store's disk is full (storage, sqlite=13)";
        assert_eq!(error.to_string(), said);
    }
    assert_eq!(store.summary().await.unwrap(), Summary::default());
    let alone = Arrival { event: events.remove(0), verdict: None };
    assert_eq!(store.add(vec![alone], now()).await.unwrap().new, 1);

    limit(100_000).await.unwrap();
    for new in [1, 0] {
        for added in add_together(&store, &events).await {
            let added = added.unwrap();
            assert_eq!((added.new, added.duplicates), (new, 1 - new));
        }
    }
    assert_eq!(store.summary().await.unwrap().events(), 21);
}

#[tokio::test]
async fn a_state_this_version_cannot_read_keeps_out_no_later_one() {
    let store = SqliteStore::in_memory("main").unwrap();
    store.ingest(page(vec![visit("1", "Consult")]), now()).await.unwrap();
    let spoil = "UPDATE event SET body = 'v2:' || body";
    store.call("edit", move |connection| Ok(connection.execute(spoil, [])?)).await.unwrap();
    let mut moved = visit("1", "Consult");
    if let Record::Appointment(appointment) = &mut moved.record {
        appointment.patient = Some("bea".into());
    }
    let Event { key, record, .. } = moved;
    let later = now() + TimeDelta::minutes(1);
    let moved = Event::new(key.practice, key.id, record, Some(later), later);
    let ingested = store.ingest(Ingest { revision: 1, ..page(vec![moved]) }, later).await.unwrap();
    assert_eq!((ingested.new, ingested.withdrawn), (1, 0));
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
        next: Next::Rest { look_at: Some(now()) },
        ..finished(&held)
    };
    let shown = format!("{step:?}");
    store.save(vec![step], now()).await.unwrap();
    let shown = format!("{shown}{:?}{:?}", claim(&store).await, store.states(None, 9).await);
    assert!(!shown.contains("Mina"), "{shown}");
}

/// A store with one person in it, of whom its files tell.
async fn with_ada(dir: &Path) -> (SqliteStore, Subject) {
    let store = SqliteStore::open(dir.join("store.db"), "main").unwrap();
    store.ingest(page(vec![visit("1", "canary")]), now()).await.unwrap();
    let held = claim(&store).await;
    let state = Some(Phi::new("\"canary\"".to_owned()));
    store.save(vec![Step { state, ..finished(&held) }], now()).await.unwrap();
    (store, held.subject)
}

/// The files as a process leaves them that dies now.
fn die(dir: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    for name in ["store.db", "store.db-wal"] {
        std::fs::copy(dir.join(name), left.path().join(name)).unwrap();
    }
    left
}

fn tells(dir: &Path) -> bool {
    let holds = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        bytes.windows(6).any(|window| window == b"canary")
    };
    std::fs::read_dir(dir).unwrap().any(|file| holds(&file.unwrap().path()))
}

#[tokio::test]
async fn a_crash_in_a_purge_leaves_all_of_the_person_or_nothing_after_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ada) = with_ada(dir.path()).await;
    let (path, person) = (dir.path().to_owned(), ada.clone());
    let in_the_middle = store.call("die", move |connection| {
        let tx = connection.transaction()?;
        forget::purge(&tx, &person, now())?;
        Ok(die(&path))
    });
    let left = in_the_middle.await.unwrap();
    let restarted = SqliteStore::open(left.path().join("store.db"), "main").unwrap();
    assert!(restarted.history(&ada).await.unwrap().events[0].record.is_some());
    assert_eq!(restarted.states(None, 9).await.unwrap().len(), 1);

    let (path, person) = (dir.path().to_owned(), ada.clone());
    store.write("purge", move |tx| forget::purge(tx, &person, now())).await.unwrap();
    let left = die(&path);
    assert!(tells(left.path()), "the removal is done, its traces are there");
    let restarted = SqliteStore::open(left.path().join("store.db"), "main").unwrap();
    assert!(!tells(left.path()));
    assert!(restarted.history(&ada).await.unwrap().events[0].record.is_none());
    let traces = |connection: &mut Connection| {
        Ok(connection.query_row("SELECT count(*) FROM traces", [], |row| row.get::<_, i64>(0))?)
    };
    assert_eq!(restarted.call("count", traces).await.unwrap(), 0);
}

#[tokio::test]
async fn traces_that_a_reader_holds_on_to_are_told_of_and_wiped_the_next_time() {
    let dir = tempfile::tempdir().unwrap();
    let (store, ada) = with_ada(dir.path()).await;
    let impatient =
        |connection: &mut Connection| Ok(connection.busy_timeout(std::time::Duration::ZERO)?);
    store.call("be impatient", impatient).await.unwrap();
    let reader = Connection::open(dir.path().join("store.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM event").unwrap();
    let error = store.purge(&ada, now()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Contended, Retry::Backoff));
    assert!(store.history(&ada).await.unwrap().events[0].record.is_none(), "it is purged");
    assert!(tells(dir.path()));
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(store.purge(&ada, now()).await.unwrap(), Forgotten::default());
    assert!(!tells(dir.path()));
}
