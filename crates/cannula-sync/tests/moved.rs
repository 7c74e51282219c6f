//! Appointments that turn out to be another person's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use cannula_core::{AppointmentStatus as Status, Event, PatientMerge, Record, RecordKind};
use cannula_sync::{Outcome, Replay};
use cannula_testkit::{MemoryContact, appointment, patient, pointer, subject, without_stamp};
use common::{World, store};

fn slot(patient: &str, status: Status, minute: i64) -> Event {
    appointment("slot", patient, "Consult", status, minute)
}

fn world() -> World {
    let world = World::new();
    world.source.page(RecordKind::Patient, vec![patient("ada", 0), patient("bea", 0)]);
    world
}

fn contact(world: &World, name: &str) -> MemoryContact {
    world.crm.contacts()[&format!("{name}@example.test")].clone()
}

/// The field's word for the visit to come.
fn next_visit(contact: &MemoryContact) -> bool {
    contact.fields.contains_key("Next Visit Date")
}

#[tokio::test]
async fn an_appointment_that_moves_to_another_person_clears_the_old_one() {
    let world = world();
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    engine.accept(vec![slot("ada", Status::Pending, 1)]).await.unwrap();
    engine.drain().await.unwrap();
    assert!(next_visit(&contact(&world, "ada")));
    let moved = engine.accept(vec![slot("bea", Status::Pending, 2)]).await.unwrap();
    assert_eq!((moved.new, moved.withdrawn), (1, 1));
    engine.drain().await.unwrap();
    let (ada, bea) = (contact(&world, "ada"), contact(&world, "bea"));
    assert_eq!((next_visit(&ada), next_visit(&bea)), (false, true));
    assert_ne!(ada.stages, bea.stages);
    assert_eq!((ada.notes.len(), bea.notes.len()), (2, 1));
    let lines = engine.explain(&subject("ada")).await.unwrap();
    let last = lines.last().unwrap();
    assert_eq!(last.outcome, Outcome::Done);
    assert!(last.sentences[0].contains("entered in error"), "{:?}", last.sentences);
    let progress = engine.progress();
    assert_eq!(progress.ingested, progress.finished);
}

/// Ada turned out to be Bea.
fn merge() -> Event {
    merged("ada", "bea", 5)
}

fn merged(patient: &str, into: &str, minute: i64) -> Event {
    let merge = PatientMerge { patient: patient.into(), into: into.into() };
    let Event { key, version, .. } = slot(patient, Status::Pending, minute);
    let at = version.stamp;
    Event::new(key.practice, patient.into(), Record::PatientMerge(merge), Some(at), at)
}

#[tokio::test]
async fn what_a_merged_patient_has_moves_to_the_one_that_is_left_within_one_drain() {
    let world = world();
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    let others = appointment("other", "bea", "Consult", Status::Cancelled, 1);
    engine.accept(vec![slot("ada", Status::Pending, 1), others]).await.unwrap();
    engine.drain().await.unwrap();
    assert!(next_visit(&contact(&world, "ada")) && !next_visit(&contact(&world, "bea")));
    for new in [1, 0] {
        assert_eq!(engine.accept(vec![merge()]).await.unwrap().new, new);
        engine.drain().await.unwrap();
        let (ada, bea) = (contact(&world, "ada"), contact(&world, "bea"));
        assert_eq!((next_visit(&ada), next_visit(&bea)), (false, true));
        assert_eq!(bea.notes.len(), 2);
    }
    let (progress, summary) = (engine.progress(), engine.summary().await.unwrap());
    assert_eq!((summary.done, summary.events()), (progress.ingested, progress.ingested));
    engine.replay(Replay::All).await.unwrap();
    engine.drain().await.unwrap();
    assert_eq!(engine.progress().ingested, progress.ingested, "deciding again tells nothing new");
}

/// What a source without stamps reads of the slot that is still Ada's by its name.
fn read(status: Status, minute: i64) -> Event {
    without_stamp(&slot("ada", status, 0), minute)
}

#[tokio::test]
async fn what_names_a_merged_patient_is_the_others_however_it_is_read() {
    let world = world();
    let engine = world.engine(store());
    world.source.page(RecordKind::Appointment, vec![read(Status::Pending, 1)]);
    engine.poll().await.unwrap();
    engine
        .accept(vec![appointment("other", "bea", "Consult", Status::Cancelled, 0)])
        .await
        .unwrap();
    engine.drain().await.unwrap();
    // The sweep that learns of the merge goes on to what names the one that is no more.
    world.source.page(RecordKind::Patient, vec![merge()]);
    world.source.page(RecordKind::Appointment, vec![read(Status::Pending, 6)]);
    engine.poll().await.unwrap();
    engine.drain().await.unwrap();
    let notes = |world: &World| {
        let crm = [contact(world, "ada"), contact(world, "bea")];
        crm.map(|contact| (next_visit(&contact), contact.notes.len()))
    };
    assert_eq!(notes(&world), [(false, 2), (true, 2)]);
    // So does each sweep after it, and tells nothing new; but what changed is Bea's.
    let mut expected = [(false, 2), (true, 2)];
    for (minute, status, new) in [
        (7, Status::Pending, 0),
        (8, Status::Pending, 0),
        (9, Status::Confirmed, 1),
        (10, Status::Confirmed, 0),
        (11, Status::Pending, 1),
    ] {
        world.source.page(RecordKind::Appointment, vec![read(status.clone(), minute)]);
        engine.poll().await.unwrap();
        engine.drain().await.unwrap();
        expected[1].1 += new;
        assert_eq!(notes(&world), expected, "{status:?} at {minute}");
    }
    // What a message points to, and what is delivered whole, is read and told by the same name.
    world.source.record(read(Status::Confirmed, 12));
    let key = read(Status::Confirmed, 12).key;
    engine.accept(vec![pointer("m", &key, false, 12)]).await.unwrap();
    engine.drain().await.unwrap();
    engine.accept(vec![slot("ada", Status::Cancelled, 13)]).await.unwrap();
    engine.drain().await.unwrap();
    assert_eq!(notes(&world), [(false, 2), (false, expected[1].1 + 2)]);
    let (progress, summary) = (engine.progress(), engine.summary().await.unwrap());
    assert_eq!((summary.done, summary.events()), (progress.ingested, progress.ingested));
}

#[tokio::test]
async fn who_was_merged_twice_over_leaves_everything_to_the_last_and_no_note_is_repeated() {
    for first in [merged("ada", "bea", 5), merged("bea", "cyd", 6)] {
        let second = if first.key.id.as_str() == "ada" {
            merged("bea", "cyd", 6)
        } else {
            merged("ada", "bea", 5)
        };
        let world = World::new();
        let all = vec![patient("ada", 0), patient("bea", 0), patient("cyd", 0)];
        world.source.page(RecordKind::Patient, all);
        let engine = world.engine(store());
        engine.poll().await.unwrap();
        engine.accept(vec![slot("ada", Status::Pending, 1)]).await.unwrap();
        engine.drain().await.unwrap();
        let before = contact(&world, "ada");
        for merge in [first.clone(), second] {
            engine.accept(vec![merge]).await.unwrap();
            engine.drain().await.unwrap();
        }
        let after = world.crm.contacts();
        assert_eq!(after.len(), 1, "{first:?}");
        assert_eq!(after["cyd@example.test"].notes, before.notes, "{first:?}");
        engine.accept(vec![slot("ada", Status::Confirmed, 9)]).await.unwrap();
        engine.drain().await.unwrap();
        let notes = contact(&world, "cyd").notes;
        assert_eq!(notes.len(), before.notes.len() + 1, "{first:?}");
    }
}

#[tokio::test]
async fn those_who_were_merged_into_each_other_come_to_rest() {
    let world = world();
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    engine.accept(vec![slot("ada", Status::Pending, 1)]).await.unwrap();
    engine.accept(vec![merged("ada", "bea", 5), merged("bea", "ada", 6)]).await.unwrap();
    engine.drain().await.unwrap();
    for (minute, status) in [(7, Status::Confirmed), (8, Status::Pending)] {
        engine.accept(vec![slot("ada", status, minute)]).await.unwrap();
        engine.drain().await.unwrap();
    }
    let summary = engine.summary().await.unwrap();
    assert_eq!(summary.done, summary.events());
    // Whose record is read is there: the other one is not.
    world.source.page(RecordKind::Patient, vec![patient("bea", 9)]);
    engine.poll().await.unwrap();
    engine.accept(vec![slot("ada", Status::Confirmed, 10)]).await.unwrap();
    engine.drain().await.unwrap();
    assert!(next_visit(&contact(&world, "bea")));
}

#[tokio::test]
async fn who_purges_a_patient_purges_those_who_were_merged_into_it() {
    let world = world();
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    engine.accept(vec![slot("ada", Status::Pending, 1), merge()]).await.unwrap();
    engine.drain().await.unwrap();
    engine.purge(&subject("bea")).await.unwrap();
    let mut states = 0;
    engine.for_each_state(|_, _| states += 1).await.unwrap();
    assert_eq!(states, 0);
    let before = contact(&world, "bea");
    engine.accept(vec![slot("ada", Status::Confirmed, 9)]).await.unwrap();
    engine.drain().await.unwrap();
    assert_eq!(contact(&world, "bea"), before);
    for person in ["ada", "bea"] {
        let lines = engine.explain(&subject(person)).await.unwrap();
        assert!(!lines.is_empty());
        assert!(lines.iter().all(|line| line.sentences[0].contains("purged")), "{lines:?}");
    }
}

#[tokio::test]
async fn where_an_appointment_belongs_does_not_depend_on_what_came_first() {
    let states = [
        slot("ada", Status::Pending, 1),
        slot("bea", Status::Pending, 2),
        slot("ada", Status::Confirmed, 3),
        slot("bea", Status::Fulfilled, 4),
    ];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
    let mut ends = Vec::new();
    for order in orders {
        let world = world();
        let engine = world.engine(store());
        engine.poll().await.unwrap();
        engine.accept(order.map(|at| states[at].clone()).into()).await.unwrap();
        engine.drain().await.unwrap();
        assert_eq!(engine.summary().await.unwrap().pending, 0);
        ends.push((contact(&world, "ada"), contact(&world, "bea")));
    }
    for end in &ends[1..] {
        assert_eq!(*end, ends[0]);
    }
}

#[tokio::test]
async fn a_message_about_an_appointment_of_somebody_else_now_moves_it() {
    let world = world();
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    engine.accept(vec![slot("ada", Status::Pending, 1)]).await.unwrap();
    engine.drain().await.unwrap();
    world.source.record(slot("bea", Status::Pending, 2));
    let key = slot("bea", Status::Pending, 2).key;
    engine.accept(vec![pointer("m", &key, false, 3)]).await.unwrap();
    engine.drain().await.unwrap();
    let (ada, bea) = (contact(&world, "ada"), contact(&world, "bea"));
    assert_eq!((next_visit(&ada), next_visit(&bea)), (false, true));
}
