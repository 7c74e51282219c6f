//! `Engine::run`: what holds back whom, and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use cannula_core::{
    AppointmentStatus, Clock, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Error, ErrorKind,
    IdempotencyKey, Receipt, RecordKind, Result, Retry, Settled,
};
use cannula_sync::{CrmFlow, Engine, Replay};
use cannula_testkit::{ManualClock, async_trait, day_one, patient};
use chrono::{DateTime, TimeDelta, Utc};
use common::{DOCUMENT, World, consult, flow, store, visit};

const INTERVAL: Duration = Duration::from_secs(300);
const TEN_HOURS: Duration = Duration::from_secs(36_000);

fn used_up() -> Error {
    Error::new(ErrorKind::QuotaExhausted, "used up").retry(Retry::After(TEN_HOURS))
}

async fn until(mut happened: impl FnMut() -> bool) {
    while !happened() {
        tokio::task::yield_now().await;
    }
}

/// A clock on which nobody wakes up by himself.
#[derive(Debug)]
struct Night(Arc<ManualClock>);

#[async_trait]
impl Clock for Night {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }

    async fn sleep(&self, _duration: Duration) {
        std::future::pending().await
    }
}

/// An engine that only `accept` and `replay` can wake.
fn asleep(world: &World) -> Engine<CrmFlow> {
    asleep_with(world, world.crm.clone())
}

fn asleep_with(world: &World, sink: Arc<dyn CrmSink>) -> Engine<CrmFlow> {
    let clock = Arc::new(Night(world.clock.clone()));
    Engine::new(world.source.clone(), flow(sink, DOCUMENT), store(), clock)
}

/// A CRM that is never ready; it counts how often it was asked.
#[derive(Debug, Default)]
struct Closed(AtomicU32);

#[async_trait]
impl CrmSink for Closed {
    fn name(&self) -> &'static str {
        "closed"
    }

    async fn check(&self) -> Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(Error::new(ErrorKind::Unavailable, "closed").retry(Retry::Backoff))
    }

    async fn prepare(&self, _needs: &CrmNeeds) -> Result<()> {
        Ok(())
    }

    async fn deliver(&self, _: &CrmEffect, _: &CrmLinks, _: &IdempotencyKey) -> Result<Receipt> {
        panic!("nothing is sent to a sink that is not ready")
    }

    async fn settle(&self, _: &CrmEffect, _: &CrmLinks, _: &IdempotencyKey) -> Result<Settled> {
        panic!("nothing was sent")
    }
}

async fn run(world: &World, shutdown: impl Future<Output = ()> + Send) -> Result<()> {
    let engine = world.engine(store());
    let run = engine.run(INTERVAL, shutdown);
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs")
}

#[tokio::test]
async fn run_polls_and_delivers_until_it_is_told_to_stop() {
    let world = World::with_consults(&["ada"]);
    let unknown = Error::new(ErrorKind::Unavailable, "down").retry(Retry::Settle);
    world.crm.fail_next("note", unknown, true);
    let engine = world.engine(store());
    let enough = async {
        until(|| world.sent("stage") == 1).await;
        let filler = visit("ada", "Filler", AppointmentStatus::Pending, 3);
        world.source.page(RecordKind::Appointment, vec![filler]);
        until(|| world.sent("stage") == 2).await;
    };
    let run = engine.run(INTERVAL, enough);
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs").unwrap();
    engine.drain().await.unwrap();
    assert_eq!(world.crm.contacts()["ada@example.test"].notes.len(), 2);
    assert_eq!(engine.summary().await.unwrap().done, 3);
}

#[tokio::test]
async fn run_ends_with_an_error_that_time_cannot_heal() {
    let world = World::with_consults(&["ada"]);
    let down = Error::new(ErrorKind::Unavailable, "down").retry(Retry::Backoff);
    world.crm.fail_next("contact", down, false);
    world.crm.fail_next("contact", Error::new(ErrorKind::Auth, "the token is bad"), false);
    let error = run(&world, std::future::pending()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
}

#[tokio::test]
async fn a_source_that_cannot_be_polled_for_hours_keeps_nothing_back_from_the_sink() {
    let world = World::new();
    world.source.fail_next_poll(used_up());
    world.source.fail_next_poll(used_up());
    let down = Error::new(ErrorKind::Unavailable, "down").retry(Retry::Backoff);
    world.crm.fail_next("contact", down, false);
    let engine = world.engine(store());
    engine.accept(vec![patient("ada", 0), consult("ada")]).await.unwrap();
    let run = engine.run(INTERVAL, until(|| world.sent("stage") == 1));
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs").unwrap();
    let waited = world.clock.now() - day_one();
    assert!(waited < TimeDelta::minutes(10), "{waited}");
}

#[tokio::test]
async fn a_sources_used_up_allowance_holds_back_only_those_who_need_it() {
    let world = World::new();
    let engine = world.engine(store());
    world.source.fail_next_get(used_up());
    engine.accept(vec![consult("ada"), consult("bea"), patient("bea", 0)]).await.unwrap();
    let report = engine.drain().await.unwrap();
    assert_eq!((report.paused_until, report.next_due), (None, Some(day_one() + TEN_HOURS)));
    assert_eq!((report.done, report.postponed), (2, 1));
    // Others are neither paused nor is ada forgotten.
    engine.accept(vec![consult("cid"), patient("cid", 0)]).await.unwrap();
    assert_eq!(engine.drain().await.unwrap().done, 2);
    world.source.record(patient("ada", 0));
    world.drain_all(&engine).await.unwrap();
    assert_eq!(engine.summary().await.unwrap().done, 6);
}

#[tokio::test]
async fn an_answer_nobody_can_read_does_not_end_the_run() {
    let world = World::with_consults(&["ada"]);
    world.source.fail_next_poll(Error::new(ErrorKind::Decode, "the answer is not JSON"));
    run(&world, until(|| world.sent("stage") == 1)).await.unwrap();
}

#[tokio::test]
async fn a_shutdown_during_a_poll_ends_with_the_page_at_hand() {
    let world = World::new();
    // More than a task gets done before the runtime lets another have a look.
    for name in 0..300 {
        let name = format!("p{name}");
        world.source.page(RecordKind::Appointment, vec![consult(&name)]);
        world.source.record(patient(&name, 0));
    }
    let engine = world.engine(store());
    let run = engine.run(INTERVAL, until(|| engine.progress().ingested > 0));
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs").unwrap();
    assert!(engine.progress().ingested < 300, "{:?}", engine.progress());
    assert!(world.crm.sent().is_empty(), "nothing new is begun");
    // What was cut short goes on when it is asked to.
    engine.poll().await.unwrap();
    assert_eq!(engine.drain().await.unwrap().done, 600);
}

#[tokio::test]
async fn events_that_come_on_their_own_wake_a_run_that_sleeps() {
    let world = World::new();
    let engine = asleep(&world);
    let comes_and_goes = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        engine.accept(vec![patient("ada", 0), consult("ada")]).await.unwrap();
        until(|| world.sent("stage") == 1).await;
        // Once more, now that it has slept again.
        engine.accept(vec![patient("bea", 0), consult("bea")]).await.unwrap();
        until(|| world.sent("stage") == 2).await;
    };
    let run = engine.run(INTERVAL, comes_and_goes);
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs").unwrap();
    assert_eq!(world.clock.now(), day_one());
}

#[tokio::test]
async fn a_replay_wakes_a_run_that_sleeps() {
    let world = World::with_consults(&["ada"]);
    world.crm.fail_next("note", Error::new(ErrorKind::Invalid, "too long"), false);
    let engine = asleep(&world);
    let replayed = async {
        until(|| world.sent("stage") == 1).await;
        while engine.replay(Replay::Dead).await.unwrap() == 0 {}
        until(|| world.sent("note") == 2).await;
    };
    let run = engine.run(INTERVAL, replayed);
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs").unwrap();
}

#[tokio::test]
async fn events_that_come_on_their_own_do_not_hurry_a_run_whose_drain_failed() {
    let world = World::new();
    let sink = Arc::new(Closed::default());
    let engine = asleep_with(&world, sink.clone());
    let knocks = async {
        until(|| sink.0.load(Ordering::SeqCst) == 1).await;
        for minute in 0..20 {
            engine.accept(vec![patient("ada", minute)]).await.unwrap();
        }
    };
    let run = engine.run(INTERVAL, knocks);
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs").unwrap();
    assert_eq!(sink.0.load(Ordering::SeqCst), 1);
}
