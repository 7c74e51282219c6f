//! Effects whose outcome nobody knows: looked up first, and refused the second time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use cannula_core::{
    AppointmentStatus, Clock, ContactId, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Error, ErrorKind,
    IdempotencyKey, ParkReason, Receipt, Result, Retry, Settled,
};
use cannula_sync::{CrmFlow, Engine, Replay, SqliteStore, Store};
use cannula_testkit::{Crash, CrashStore, ManualClock, MemoryCrm, async_trait, subject};
use common::{World, store, visit};

fn no_answer() -> Error {
    Error::new(ErrorKind::Connection, "no answer").retry(Retry::Settle)
}

fn conflict() -> ParkReason {
    ParkReason::ContactConflict { contact: ContactId::new("c"), shared: "phone".into() }
}

#[tokio::test]
async fn a_contact_of_unknown_outcome_that_is_then_a_conflict_is_held_within_one_drain() {
    let world = World::with_consults(&["ada"]);
    world.crm.fail_next("contact", no_answer(), false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    world.clock.set(engine.drain().await.unwrap().next_due.unwrap());
    for _ in 0..2 {
        world.crm.fail_next("contact", Error::needs_person(conflict()), false);
    }
    let report = engine.drain().await.unwrap();
    assert_eq!((report.parked, report.postponed, report.next_due), (2, 0, None));
    assert_eq!(engine.parked().await.unwrap()[0].reason, conflict());
    assert_eq!(world.sent("contact"), 3);

    engine.replay(Replay::Parked).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().done, 2);
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
}

#[tokio::test]
async fn a_contact_of_unknown_outcome_that_is_then_refused_is_dead_within_one_drain() {
    let world = World::with_consults(&["ada"]);
    world.crm.fail_next("contact", no_answer(), false);
    let engine = world.engine(store());
    engine.poll().await.unwrap();
    world.clock.set(engine.drain().await.unwrap().next_due.unwrap());
    for _ in 0..2 {
        world.crm.fail_next("contact", Error::new(ErrorKind::Invalid, "bad e-mail"), false);
    }
    let report = engine.drain().await.unwrap();
    assert_eq!((report.dead, report.postponed, report.next_due), (2, 0, None));
    assert_eq!(engine.dead().await.unwrap().len(), 1);
}

/// A process that ends at a boundary of its store, on a store where `ada` is known.
async fn dies_at(world: &World, path: &Path, boundary: u64) -> bool {
    let crash = Crash::at(boundary);
    let inner = Arc::new(SqliteStore::open(path, "main").unwrap());
    let engine = world.engine(Arc::new(CrashStore { inner, crash: crash.clone() }));
    let fulfilled = visit("ada", "Consult", AppointmentStatus::Fulfilled, 9);
    let _ = engine.accept(vec![fulfilled]).await;
    let _ = engine.drain().await;
    crash.happened()
}

#[tokio::test]
async fn a_contact_that_is_refused_after_a_crash_doubles_no_note() {
    for boundary in 0.. {
        let (world, dir) = (World::with_consults(&["ada"]), tempfile::tempdir().unwrap());
        let path = dir.path().join("store.db");
        let open = || -> Arc<dyn Store> { Arc::new(SqliteStore::open(&path, "main").unwrap()) };
        {
            let engine = world.engine(open());
            engine.poll().await.unwrap();
            engine.drain().await.unwrap();
        }
        let died = dies_at(&world, &path, boundary).await;
        for _ in 0..2 {
            world.crm.fail_next("contact", Error::new(ErrorKind::Invalid, "bad e-mail"), false);
        }
        let engine = world.engine(open());
        let fulfilled = visit("ada", "Consult", AppointmentStatus::Fulfilled, 9);
        engine.accept(vec![fulfilled]).await.unwrap();
        world.drain_all(&engine).await.unwrap();
        for _ in 0..3 {
            engine.replay(Replay::Dead).await.unwrap();
            world.drain_all(&engine).await.unwrap();
        }
        let notes = world.crm.contacts()["ada@example.test"].notes.len();
        assert_eq!(notes, 2, "the process ended at {boundary}");
        if !died {
            assert!(boundary > 8, "{boundary}");
            return;
        }
    }
}

/// A CRM in which one look-up takes longer than a lease allows, and which may have no end of a
/// note, or no answer to a look-up.
#[derive(Debug)]
struct Slow {
    inner: Arc<MemoryCrm>,
    clock: Arc<ManualClock>,
    looked_up: AtomicU32,
    hangs: AtomicBool,
    fails: Mutex<Option<Error>>,
}

impl Slow {
    fn before(world: &World) -> Arc<Self> {
        Arc::new(Self {
            inner: world.crm.clone(),
            clock: world.clock.clone(),
            looked_up: AtomicU32::new(0),
            hangs: AtomicBool::new(false),
            fails: Mutex::default(),
        })
    }
}

#[async_trait]
impl CrmSink for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, _needs: &CrmNeeds) -> Result<()> {
        Ok(())
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        let receipt = self.inner.deliver(effect, links, key).await;
        if matches!(effect, CrmEffect::Note(_)) && self.hangs.swap(false, Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        receipt
    }

    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Settled> {
        if self.looked_up.fetch_add(1, Ordering::SeqCst) == 0 {
            self.clock.sleep(Duration::from_secs(11 * 60)).await;
        }
        if let Some(error) = self.fails.lock().unwrap().take() {
            return Err(error);
        }
        if links.contact.as_ref().is_some_and(|contact| self.inner.contact(contact).is_none()) {
            return Err(Error::new(ErrorKind::LinkBroken, "there is no such contact"));
        }
        self.inner.settle(effect, links, key).await
    }
}

#[tokio::test]
async fn nothing_is_sent_again_late_in_a_lease() {
    let world = World::with_consults(&["ada"]);
    world.crm.fail_next("contact", no_answer(), false);
    let store = store();
    let engine = world.engine(store.clone());
    engine.poll().await.unwrap();
    world.clock.set(engine.drain().await.unwrap().next_due.unwrap());
    let slow = Slow::before(&world);
    let engine = world.engine_with(store, slow.clone(), common::DOCUMENT);
    let report = engine.drain().await.unwrap();
    // The lease is too old when the answer comes; the next one looks anew.
    assert_eq!((report.claims, report.postponed, report.done), (1, 1, 0));
    world.clock.set(report.next_due.unwrap());
    let report = engine.drain().await.unwrap();
    assert_eq!((report.claims, report.postponed, report.done), (1, 0, 2));
    assert_eq!((world.sent("contact"), slow.looked_up.load(Ordering::SeqCst)), (2, 2));
}

/// A note that is there though its answer got lost, a look-up that fails once, and the engine.
async fn looked_up_in_vain(error: Error) -> (World, Arc<dyn Store>, Engine<CrmFlow>) {
    let world = World::with_consults(&["ada"]);
    world.crm.fail_next("note", no_answer(), true);
    let slow = Slow::before(&world);
    slow.looked_up.store(1, Ordering::SeqCst);
    *slow.fails.lock().unwrap() = Some(error);
    let store = store();
    let engine = world.engine_with(store.clone(), slow, common::DOCUMENT);
    engine.poll().await.unwrap();
    world.clock.set(engine.drain().await.unwrap().next_due.unwrap());
    (world, store, engine)
}

#[tokio::test]
async fn a_look_up_whose_answer_cannot_be_read_is_tried_again() {
    let page = Error::new(ErrorKind::Decode, "a page of HTML");
    let (world, _, engine) = looked_up_in_vain(page).await;
    let report = engine.drain().await.unwrap();
    assert_eq!((report.postponed, report.dead), (1, 0));
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
    assert_eq!((world.sent("note"), engine.summary().await.unwrap().done), (1, 2));
}

#[tokio::test]
async fn what_cannot_be_looked_up_waits_for_a_person_and_is_not_sent_again() {
    let error = Error::new(ErrorKind::Invalid, "no notes");
    let (world, store, engine) = looked_up_in_vain(error).await;
    let report = engine.drain().await.unwrap();
    assert_eq!((report.postponed, report.next_due), (0, None));
    assert!(store.history(&subject("ada")).await.unwrap().error.unwrap().contains("no notes"));
    assert_eq!(world.sent("note"), 1);
    let dead = engine.dead().await.unwrap();
    assert!(dead[0].error.contains("no notes"), "{}", dead[0].error);
    engine.replay(Replay::Dead).await.unwrap();
    world.drain_all(&engine).await.unwrap();
    assert_eq!((world.sent("note"), engine.summary().await.unwrap().done), (1, 2));
}

#[tokio::test]
async fn a_call_without_end_is_given_up_and_then_looked_up() {
    let world = World::with_consults(&["ada"]);
    let slow = Slow::before(&world);
    slow.hangs.store(true, Ordering::SeqCst);
    let engine = world.engine_with(store(), slow.clone(), common::DOCUMENT);
    engine.poll().await.unwrap();
    tokio::time::pause();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.postponed, report.done), (1, 0));
    let told = engine.explain(&subject("ada")).await.unwrap().remove(0).sentences.join(" ");
    assert!(told.contains("there was no end of it within 240 s"), "{told}");
    slow.looked_up.store(1, Ordering::SeqCst);
    world.drain_all(&engine).await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 1);
    assert_eq!((world.sent("note"), engine.summary().await.unwrap().done), (1, 2));
}

#[tokio::test]
async fn a_contact_that_is_gone_when_something_is_looked_up_is_made_anew() {
    let world = World::with_consults(&["ada"]);
    let slow = Slow::before(&world);
    slow.looked_up.store(1, Ordering::SeqCst);
    world.crm.fail_next("note", no_answer(), false);
    let engine = world.engine_with(store(), slow.clone(), common::DOCUMENT);
    engine.poll().await.unwrap();
    assert_eq!(engine.drain().await.unwrap().postponed, 1);
    world.crm.delete_contacts();
    world.drain_all(&engine).await.unwrap();
    let contacts = world.crm.contacts();
    let ada = &contacts["ada@example.test"];
    assert_eq!((ada.tags.len(), ada.notes.len(), ada.stages.len()), (1, 1, 1));
    assert_eq!(world.sent("contact"), 2);
}
