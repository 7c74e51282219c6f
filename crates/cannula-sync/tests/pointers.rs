//! Messages that only say which record changed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use cannula_core::{
    AppointmentStatus as Status, Cursor, Error, ErrorKind, Event, Feed, Page, ParkReason, PersonId,
    Record, RecordKey, RecordKind, Result, Retry, Source, SourceInfo, Subject,
};
use cannula_sync::{CrmFlow, Engine, Outcome, Replay, SqliteStore, Store, Summary};
use cannula_testkit::{
    Crash, CrashSink, CrashStore, ManualClock, MemoryContact, ScriptedSource, async_trait, day_one,
    patient, pointer, practice, subject,
};
use common::{World, consult, store, visit};

/// A practice that tells only that something changed, and what it has when it is asked.
fn world(records: &[Event]) -> World {
    let world = World::new();
    for record in records.iter().chain([&patient("ada", 0)]) {
        world.source.record(record.clone());
    }
    world
}

/// A practice with one record that was pointed to and read, and the engine that did so.
async fn with_read(record: &Event, minute: i64) -> (World, Arc<dyn Store>, Engine<CrmFlow>) {
    let world = world(std::slice::from_ref(record));
    let store = store();
    let engine = world.engine(store.clone());
    engine.accept(vec![changed(&record.key, minute)]).await.unwrap();
    engine.drain().await.unwrap();
    (world, store, engine)
}

fn changed(key: &RecordKey, minute: i64) -> Event {
    pointer(&format!("changed-{minute}"), key, false, minute)
}

fn removed(key: &RecordKey, minute: i64) -> Event {
    pointer(&format!("removed-{minute}"), key, true, minute)
}

/// An appointment without a patient.
fn block(name: &str) -> Event {
    let mut block = consult(name);
    if let Record::Appointment(appointment) = &mut block.record {
        appointment.patient = None;
    }
    block
}

/// Whom a message is about before its record is read.
fn messages_about(key: &RecordKey) -> Subject {
    Subject { practice: practice(), person: PersonId::new(format!("{}/{}", key.kind, key.id)) }
}

/// What became of the messages about a record, and why, oldest first.
async fn ends(engine: &Engine<CrmFlow>, key: &RecordKey) -> Vec<(Outcome, String)> {
    let lines = engine.explain(&messages_about(key)).await.unwrap();
    lines.into_iter().map(|line| (line.outcome, line.sentences.join(" "))).collect()
}

fn done(sentence: &str) -> (Outcome, String) {
    (Outcome::Done, sentence.to_owned())
}

/// The statuses of a patient's appointment as the engine knows them, oldest first.
async fn statuses(store: &Arc<dyn Store>, patient: &str) -> Vec<Status> {
    let events = store.history(&subject(patient)).await.unwrap().events;
    let status = |event: Event| match event.record {
        Record::Appointment(appointment) => Some(appointment.status),
        _ => None,
    };
    events.into_iter().filter_map(|entry| status(entry.event()?)).collect()
}

#[tokio::test]
async fn a_message_is_followed_and_the_record_taken_in_for_the_person_it_is_about() {
    let world = world(&[consult("ada")]);
    let engine = world.engine(store());
    let key = consult("ada").key;
    assert_eq!(engine.accept(vec![changed(&key, 2)]).await.unwrap().new, 1);
    let report = engine.drain().await.unwrap();
    assert_eq!((report.done, report.next_due), (3, None), "message, appointment and patient");
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
    assert_eq!(ends(&engine, &key).await, [done("The appointment was read from the source.")]);
    // Everything that is in the inbox counts, and what messages are about is no person.
    let progress = engine.progress();
    assert_eq!((progress.ingested, progress.messages, progress.finished), (3, 1, 3));
    assert_eq!(engine.summary().await.unwrap().subjects, 1);
    // The same change by poll is the same event.
    assert_eq!(engine.accept(vec![consult("ada")]).await.unwrap().new, 0);
    assert_eq!(engine.progress(), progress);
}

#[tokio::test]
async fn several_messages_about_one_record_cost_one_read() {
    let world = world(&[consult("ada"), visit("ada", "Filler", Status::Pending, 1)]);
    let engine = world.engine(store());
    let (one, other) = (consult("ada").key, visit("ada", "Filler", Status::Pending, 1).key);
    let messages = (2..6).map(|minute| changed(&one, minute)).chain([changed(&other, 7)]);
    engine.accept(messages.collect()).await.unwrap();
    engine.drain().await.unwrap();
    let mut reads = world.source.reads();
    reads.sort();
    assert_eq!(reads, [patient("ada", 0).key, one.clone(), other]);
    assert_eq!(ends(&engine, &one).await.len(), 4);
    assert_eq!(engine.summary().await.unwrap().done, 8);
}

#[tokio::test]
async fn messages_leave_no_person_behind() {
    let world = world(&[consult("ada")]);
    let engine = world.engine(store());
    engine.accept(vec![changed(&consult("ada").key, 2)]).await.unwrap();
    for _ in 0..2 {
        engine.drain().await.unwrap();
        let mut people = Vec::new();
        engine.for_each_state(|subject, _| people.push(subject.clone())).await.unwrap();
        assert_eq!(people, [subject("ada")]);
        engine.replay(Replay::All).await.unwrap();
    }
}

#[tokio::test]
async fn a_removed_appointment_is_cancelled_without_asking_for_it() {
    let (world, store, engine) = with_read(&consult("ada"), 2).await;
    let key = consult("ada").key;
    let reads = world.source.reads().len();
    // The message of the change before it comes late, and a repeated one later still.
    engine.accept(vec![removed(&key, 4), changed(&key, 3)]).await.unwrap();
    engine.drain().await.unwrap();
    engine.accept(vec![removed(&key, 5)]).await.unwrap();
    engine.drain().await.unwrap();
    assert_eq!(world.source.reads().len(), reads);
    assert_eq!(statuses(&store, "ada").await, [Status::Pending, Status::Cancelled]);
    let withdrawn =
        "The appointment was removed at the source, so what was known of it is withdrawn.";
    let again =
        "The appointment was removed at the source; it did not take place in the first place.";
    let expected = [
        done("The appointment was read from the source."),
        done(withdrawn),
        done(withdrawn),
        done(again),
    ];
    assert_eq!(ends(&engine, &key).await, expected);
    let contacts = world.crm.contacts();
    let ada = &contacts["ada@example.test"];
    assert_eq!(ada.notes.len(), 2, "{:?}", ada.notes);
}

#[tokio::test]
async fn a_record_that_is_not_there_yet_is_asked_for_once_more() {
    let world = world(&[]);
    let engine = world.engine(store());
    let key = consult("ada").key;
    engine.accept(vec![changed(&key, 2)]).await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.postponed, report.done), (1, 0));
    let (_, why) = ends(&engine, &key).await.remove(0);
    assert!(why.ends_with("the source does not have the appointment, or not yet."), "{why}");
    world.source.record(consult("ada"));
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
}

#[tokio::test]
async fn a_record_that_its_messages_overtake_is_waited_for_however_many_they_are() {
    let world = world(&[]);
    let engine = world.engine(store());
    let key = consult("ada").key;
    for name in ["created", "updated", "updated again"] {
        engine.accept(vec![pointer(name, &key, false, 0)]).await.unwrap();
        assert_eq!(engine.drain().await.unwrap().postponed, 1, "{name}");
    }
    world.clock.advance(Duration::from_secs(3));
    world.source.record(consult("ada"));
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
}

#[tokio::test]
async fn a_record_that_is_not_there_once_is_not_gone() {
    let (world, store, engine) = with_read(&consult("ada"), 2).await;
    let key = consult("ada").key;
    world.clock.advance(Duration::from_secs(3_600));
    world.source.fail_next_get(Error::new(ErrorKind::Unavailable, "down").retry(Retry::Backoff));
    world.source.forget(&key);
    engine.accept(vec![changed(&key, 9)]).await.unwrap();
    for _ in 0..2 {
        let report = engine.drain().await.unwrap();
        assert_eq!(report.postponed, 1);
        world.clock.set(report.next_due.unwrap());
    }
    world.source.record(consult("ada"));
    world.drain_all(&engine).await.unwrap();
    assert_eq!(statuses(&store, "ada").await, [Status::Pending]);
}

#[tokio::test]
async fn a_record_that_is_not_there_any_more_is_withdrawn() {
    let (world, store, engine) = with_read(&consult("ada"), 2).await;
    let (key, unheard) = (consult("ada").key, consult("bea").key);
    world.source.forget(&key);
    engine.accept(vec![changed(&key, 9), changed(&unheard, 9)]).await.unwrap();
    world.drain_all(&engine).await.unwrap();
    assert_eq!(statuses(&store, "ada").await, [Status::Pending, Status::Cancelled]);
    let gone = "The source does not have the appointment any more";
    let withdrawn = done(&format!("{gone}, so what was known of it is withdrawn."));
    assert_eq!(ends(&engine, &key).await[1], withdrawn);
    let nothing = done(&format!("{gone}, and nothing was known of it."));
    assert_eq!(ends(&engine, &unheard).await, [nothing]);
    assert_eq!(engine.summary().await.unwrap().pending, 0);
}

#[tokio::test]
async fn a_record_that_was_taken_for_gone_is_there_again_when_a_sweep_reads_it_unchanged() {
    let (world, store, engine) = with_read(&consult("ada"), 2).await;
    let key = consult("ada").key;
    world.source.forget(&key);
    engine.accept(vec![changed(&key, 9)]).await.unwrap();
    world.drain_all(&engine).await.unwrap();
    assert_eq!(statuses(&store, "ada").await, [Status::Pending, Status::Cancelled]);
    world.source.page(RecordKind::Appointment, vec![consult("ada")]);
    for _ in 0..2 {
        engine.poll().await.unwrap();
        world.drain_all(&engine).await.unwrap();
        let told = statuses(&store, "ada").await;
        assert_eq!(told, [Status::Pending, Status::Cancelled, Status::Pending]);
        world.source.page(RecordKind::Appointment, vec![consult("ada")]);
    }
}

#[tokio::test]
async fn a_removal_that_comes_after_a_newer_reading_is_looked_into() {
    let later = visit("ada", "Consult", Status::Confirmed, 8);
    let (world, store, engine) = with_read(&later, 8).await;
    engine.accept(vec![removed(&later.key, 5)]).await.unwrap();
    world.drain_all(&engine).await.unwrap();
    assert_eq!(statuses(&store, "ada").await, [Status::Confirmed]);
    world.source.forget(&later.key);
    engine.accept(vec![removed(&later.key, 6)]).await.unwrap();
    world.drain_all(&engine).await.unwrap();
    assert_eq!(statuses(&store, "ada").await, [Status::Confirmed, Status::Cancelled]);
}

#[tokio::test]
async fn a_record_that_is_not_shown_and_may_be_there_stays_as_it_is_known() {
    let (world, store, engine) = with_read(&consult("ada"), 2).await;
    let key = consult("ada").key;
    for _ in 0..2 {
        world.source.fail_next_get(Error::new(ErrorKind::NotFound, "the list is a short one"));
    }
    engine.accept(vec![changed(&key, 9)]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().postponed, 1, "it is asked for once more");
    world.drain_all(&engine).await.unwrap();
    assert_eq!(statuses(&store, "ada").await, [Status::Pending]);
    let seen = done("The source does not show the appointment: the list is a short one.");
    assert_eq!(ends(&engine, &key).await[1], seen);
}

#[tokio::test]
async fn a_visit_that_took_place_and_a_patient_outlive_their_records() {
    let fulfilled = visit("ada", "Consult", Status::Fulfilled, 1);
    let world = world(std::slice::from_ref(&fulfilled));
    let store = store();
    let engine = world.engine(store.clone());
    let (visit, person) = (fulfilled.key, patient("ada", 0).key);
    engine.accept(vec![changed(&visit, 2), changed(&person, 2)]).await.unwrap();
    engine.drain().await.unwrap();
    let contacts = world.crm.contacts();
    engine.accept(vec![removed(&visit, 3), removed(&person, 3)]).await.unwrap();
    engine.drain().await.unwrap();
    assert_eq!(statuses(&store, "ada").await, [Status::Fulfilled]);
    let kept =
        done("The appointment was removed at the source; a visit that took place stays one.");
    assert_eq!(ends(&engine, &visit).await[1], kept);
    let kept = done("The patient was removed at the source; what is known of the person stays.");
    assert_eq!(ends(&engine, &person).await[1], kept);
    assert_eq!(world.crm.contacts(), contacts);
}

#[tokio::test]
async fn a_block_that_was_pointed_to_is_decided_at_once() {
    let lunch = block("lunch");
    let world = world(std::slice::from_ref(&lunch));
    let engine = world.engine(store());
    engine.accept(vec![changed(&lunch.key, 2)]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().next_due, None);
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.done, summary.events()), (2, 2));
}

#[tokio::test]
async fn a_read_that_fails_is_tried_again_as_the_vendor_advises() {
    let world = world(&[consult("ada")]);
    let down = Error::new(ErrorKind::Unavailable, "down");
    let minutes = Duration::from_secs(1200);
    world.source.fail_next_get(down.retry(Retry::After(minutes)));
    let engine = world.engine(store());
    engine.accept(vec![changed(&consult("ada").key, 2)]).await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.postponed, report.next_due), (1, Some(day_one() + minutes)));
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
}

#[tokio::test]
async fn a_used_up_allowance_of_the_source_holds_back_the_messages_only() {
    let world = world(&[consult("ada"), patient("bea", 0)]);
    let day = Duration::from_secs(36_000);
    let used_up = Error::new(ErrorKind::QuotaExhausted, "used up").retry(Retry::After(day));
    world.source.fail_next_get(used_up);
    let engine = world.engine(store());
    engine.accept(vec![changed(&consult("ada").key, 2)]).await.unwrap();
    engine.drain().await.unwrap();
    engine.accept(vec![patient("bea", 0), consult("bea")]).await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.done, report.next_due), (2, Some(day_one() + day)));
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts().len(), 2);
}

#[tokio::test]
async fn refused_credentials_stop_the_drain_and_lose_no_message() {
    let world = world(&[consult("ada"), consult("bea"), patient("bea", 0)]);
    world.source.fail_next_get(Error::new(ErrorKind::Auth, "the key is bad"));
    let engine = world.engine(store());
    let messages = [("ada", 2), ("bea", 3)].map(|(name, at)| changed(&consult(name).key, at));
    engine.accept(messages.into()).await.unwrap();
    assert_eq!(engine.drain().await.unwrap_err().kind(), ErrorKind::Auth);
    // To ask for everybody with a key that was refused would lock the account.
    assert_eq!(world.source.reads().len(), 1);
    assert_eq!(engine.drain().await.unwrap().done, 6);
}

/// A source that takes six minutes for each record.
#[derive(Debug)]
struct Leisurely(Arc<ScriptedSource>, Arc<ManualClock>);

#[async_trait]
impl Source for Leisurely {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    async fn check(&self) -> Result<()> {
        self.0.check().await
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        self.0.poll(feed, cursor).await
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        self.1.advance(Duration::from_secs(6 * 60));
        self.0.get(key).await
    }
}

#[tokio::test]
async fn nothing_is_read_late_in_a_lease_and_everything_once() {
    let blocks = ["lunch", "tea", "dinner"].map(block);
    let world = world(&blocks);
    let source = Arc::new(Leisurely(world.source.clone(), world.clock.clone()));
    let flow = common::flow(world.crm.clone(), common::DOCUMENT);
    let engine = Engine::new(source, flow, store(), world.clock.clone());
    let messages = blocks.iter().zip(2..).map(|(block, at)| changed(&block.key, at));
    engine.accept(messages.collect()).await.unwrap();
    let report = engine.drain().await.unwrap();
    // The third would have been read twelve minutes after it was leased.
    assert_eq!((report.claims, report.postponed), (4, 1), "{report:?}");
    assert_eq!((world.source.reads().len(), engine.summary().await.unwrap().done), (3, 6));
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_dead_until_a_replay_or_a_later_message() {
    for replay in [true, false] {
        let world = world(&[consult("ada")]);
        world.source.fail_next_get(Error::new(ErrorKind::Decode, "not JSON"));
        let engine = world.engine(store());
        let key = consult("ada").key;
        engine.accept(vec![changed(&key, 2)]).await.unwrap();
        assert_eq!(engine.drain().await.unwrap().dead, 1);
        let (outcome, why) = ends(&engine, &key).await.remove(0);
        assert_eq!(outcome, Outcome::Dead("not JSON (decode)".to_owned()));
        assert!(why.starts_with("Reading the appointment failed: not JSON (decode)."), "{why}");
        // Restarting alone makes nothing of it.
        engine.replay(Replay::Parked).await.unwrap();
        engine.drain().await.unwrap();
        assert_eq!(engine.summary().await.unwrap().dead, 1);
        if replay {
            engine.replay(Replay::Dead).await.unwrap();
        } else {
            engine.accept(vec![changed(&key, 3)]).await.unwrap();
        }
        engine.drain().await.unwrap();
        let summary = engine.summary().await.unwrap();
        assert_eq!((summary.dead, summary.pending), (0, 0), "by replay: {replay}");
        assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
    }
}

#[tokio::test]
async fn a_read_that_needs_a_person_parks_the_message() {
    let world = world(&[consult("ada")]);
    world.source.fail_next_get(Error::needs_person(ParkReason::PatientNotFound));
    let engine = world.engine(store());
    engine.accept(vec![changed(&consult("ada").key, 2)]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().parked, 1);
    assert_eq!(engine.parked().await.unwrap()[0].reason, ParkReason::PatientNotFound);
    engine.replay(Replay::Parked).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().done, 3);
}

#[tokio::test]
async fn a_person_whose_id_is_spelled_like_a_record_is_decided_all_the_same() {
    let world = world(&[consult("ada")]);
    let engine = world.engine(store());
    let key = consult("ada").key;
    let odd = messages_about(&key).person.to_string();
    let events = vec![patient(&odd, 0), consult(&odd), changed(&key, 2)];
    engine.accept(events).await.unwrap();
    engine.drain().await.unwrap();
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.done, summary.events()), (5, 5));
    assert_eq!(world.crm.contacts().len(), 2);
}

/// A day of messages: two bookings, one of them changed and one removed, and one without a record.
async fn live(world: &World, path: &Path, crash: &Arc<Crash>) -> Result<Summary> {
    let inner = Arc::new(SqliteStore::open(path, "main")?);
    let store = Arc::new(CrashStore { inner, crash: crash.clone() });
    let sink = Arc::new(CrashSink { inner: world.crm.clone(), crash: crash.clone() });
    let engine = world.engine_with(store, sink, common::DOCUMENT);
    let (ada, bea, cid) = (consult("ada").key, consult("bea").key, consult("cid").key);
    for messages in [
        vec![changed(&ada, 2), changed(&bea, 2), changed(&cid, 2)],
        vec![changed(&ada, 3), changed(&ada, 4), removed(&bea, 4)],
    ] {
        engine.accept(messages).await?;
        world.drain_all(&engine).await?;
        world.source.record(visit("ada", "Consult", Status::Fulfilled, 3));
        world.source.forget(&bea);
    }
    engine.summary().await
}

async fn crashed_at(boundary: Option<u64>) -> (BTreeMap<String, MemoryContact>, Summary, u64) {
    let world = world(&[patient("bea", 0), consult("ada"), consult("bea")]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    if let Some(boundary) = boundary {
        let crash = Crash::at(boundary);
        assert_eq!(live(&world, &path, &crash).await.is_err(), crash.happened());
    }
    let crash = Crash::never();
    let summary = live(&world, &path, &crash).await.unwrap();
    (world.crm.contacts(), summary, crash.boundaries())
}

#[tokio::test]
async fn a_crash_between_a_message_and_its_record_loses_and_doubles_nothing() {
    let (contacts, summary, boundaries) = crashed_at(None).await;
    let notes: Vec<_> = contacts.values().map(|contact| contact.notes.len()).collect();
    // Six messages, and of two persons the record and two states of the appointment.
    assert_eq!((notes, summary.done, summary.events()), (vec![2, 2], 12, 12));
    assert!(boundaries > 50, "{boundaries}");
    for boundary in 0..boundaries {
        let (after, counts, _) = crashed_at(Some(boundary)).await;
        assert_eq!(after, contacts, "crashed at {boundary}");
        assert_eq!(counts, summary, "crashed at {boundary}");
    }
}
