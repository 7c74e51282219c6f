//! What is removed from the SQLite store is in none of its files any more.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use cannula_core::{AppointmentStatus, Cursor, Event, Feed, Phi, RecordKind, Rejected};
use cannula_sync::{
    Arrival, Claim, EffectStatus, EventUpdate, Ingest, Next, OutboxRow, Outcome, SqliteStore, Step,
    Store,
};
use cannula_testkit::{appointment, day_one, practice, subject};
use chrono::{DateTime, TimeDelta, Utc};

const PERSONS: usize = 60;

fn minute(minute: i64) -> DateTime<Utc> {
    day_one() + TimeDelta::minutes(minute)
}

/// What only this person has, so long that it goes over several pages from time to time.
fn canary(person: usize, round: usize) -> String {
    format!("canary-{person}-").repeat(1 + (person * 7 + round * 131) % 400)
}

fn step(claim: &Claim, round: usize) -> Step {
    let person: usize = claim.subject.person.as_str()[1..].parse().unwrap();
    let text = || Phi::new(format!("\"{}\"", canary(person, round)));
    let event = &claim.events[0];
    let update = EventUpdate {
        event: event.id.clone(),
        outcome: Outcome::Done,
        reasons: Some(vec![canary(person, 0)]),
        remark: None,
    };
    let row = OutboxRow {
        cause: event.id.clone(),
        key: "k".into(),
        effect: text(),
        status: EffectStatus::Unknown,
        error: Some(canary(person, 1)),
    };
    Step {
        subject: claim.subject.clone(),
        epoch: claim.epoch,
        state: Some(text()),
        merged_into: None,
        fetched: Vec::new(),
        arrivals: Vec::new(),
        events: vec![update],
        outbox: Some(vec![row]),
        next: Next::Again { due_at: minute(61), error: Some(canary(person, 2)) },
    }
}

/// Many rounds of many people, so that pages are split, merged, freed and used again.
async fn fill(store: &SqliteStore) {
    let feed = Feed { practice: practice(), kind: RecordKind::Appointment };
    for round in 0..12 {
        let events = (0..PERSONS).map(|person| {
            let kind = canary(person, round);
            let at = i64::try_from(round).unwrap();
            let (id, of) = (format!("a{person}"), format!("p{person}"));
            appointment(&id, &of, &kind, AppointmentStatus::Pending, at)
        });
        let raw = |person: usize| Rejected {
            key: None,
            path: "id".to_owned(),
            problem: "is missing".to_owned(),
            raw: format!("{{\"patient\":\"p{person}\",\"x\":\"{}\"}}", canary(person, round))
                .into(),
        };
        let page = Ingest {
            feed: feed.clone(),
            revision: round as u64,
            arrivals: events.map(|event| Arrival { event, verdict: None }).collect(),
            rejected: (0..PERSONS).map(raw).collect(),
            next: Cursor::new("c"),
        };
        let now = minute(i64::try_from(round).unwrap());
        store.ingest(page, now).await.unwrap();
        let claims = store.claim(now, now + TimeDelta::minutes(1), PERSONS).await.unwrap();
        assert_eq!(claims.len(), PERSONS);
        let steps = claims.iter().map(|claim| step(claim, round)).collect();
        assert!(store.save(steps, now).await.unwrap().lost.is_empty());
    }
}

/// The files in which the text is found.
fn found(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

#[tokio::test]
async fn no_byte_of_a_purged_person_is_left_in_any_file_while_the_store_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("store.db"), "main").unwrap();
    fill(&store).await;
    let mark = |person| format!("canary-{person}-");
    assert!(!found(dir.path(), &mark(7)).is_empty());
    for person in [7, 31, 59] {
        let gone = store.purge(&subject(&format!("p{person}")), minute(60)).await.unwrap();
        assert_eq!((gone.events, gone.effects), (12, 1));
        assert_eq!(found(dir.path(), &mark(person)), [""; 0], "{person}");
    }
    assert!(!found(dir.path(), &mark(8)).is_empty(), "everybody else is there");
    assert_eq!(store.history(&subject("p8")).await.unwrap().events.len(), 12);
}

#[tokio::test]
async fn what_retention_forgets_is_in_no_file_either() {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(dir.path().join("store.db"), "main").unwrap();
    let feed = Feed { practice: practice(), kind: RecordKind::Appointment };
    let visit = |kind: &str, at| appointment("a", "p", kind, AppointmentStatus::Pending, at);
    let events = [visit("canary-old", 0), visit("canary-new", 1)];
    let raw = "canary-raw".to_owned().into();
    let page = Ingest {
        feed,
        revision: 0,
        arrivals: events.map(|event| Arrival { event, verdict: None }).into(),
        rejected: vec![Rejected { key: None, path: String::new(), problem: String::new(), raw }],
        next: Cursor::new("c"),
    };
    store.ingest(page, minute(0)).await.unwrap();
    let claim = store.claim(minute(1), minute(2), 1).await.unwrap().remove(0);
    let done = |event: &Event| EventUpdate {
        event: event.id.clone(),
        outcome: Outcome::Done,
        reasons: None,
        remark: None,
    };
    let step = Step {
        epoch: claim.epoch,
        events: claim.events.iter().map(done).collect(),
        subject: claim.subject,
        state: None,
        merged_into: None,
        fetched: Vec::new(),
        arrivals: Vec::new(),
        outbox: None,
        next: Next::Rest { look_at: None },
    };
    store.save(vec![step], minute(1)).await.unwrap();
    let gone = store.forget_before(minute(30), minute(60)).await.unwrap();
    assert_eq!((gone.events, gone.rejected), (1, 1));
    for text in ["canary-old", "canary-raw"] {
        assert_eq!(found(dir.path(), text), [""; 0], "{text}");
    }
    assert_eq!(found(dir.path(), "canary-new"), ["store.db"]);
}
