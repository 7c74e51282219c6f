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
use cannula_testkit::{MemoryContact, appointment, patient, pointer, subject};
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
    let merge = PatientMerge { patient: "ada".into(), into: "bea".into() };
    let key = slot("ada", Status::Pending, 0).key;
    let at = slot("ada", Status::Pending, 5).version.stamp;
    Event::new(key.practice, "ada".into(), Record::PatientMerge(merge), Some(at), at)
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
