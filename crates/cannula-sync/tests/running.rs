//! `Engine::run`: what holds back whom, and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{future::Future, time::Duration};

use cannula_core::{AppointmentStatus, Clock, Error, ErrorKind, RecordKind, Retry};
use cannula_testkit::{day_one, patient};
use chrono::TimeDelta;
use common::{World, consult, store, visit};

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

async fn run(world: &World, shutdown: impl Future<Output = ()> + Send) -> cannula_core::Result<()> {
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
    for name in 0..20 {
        let name = format!("p{name}");
        world.source.page(RecordKind::Appointment, vec![consult(&name)]);
        world.source.record(patient(&name, 0));
    }
    let engine = world.engine(store());
    let run = engine.run(INTERVAL, until(|| engine.progress().ingested > 0));
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs").unwrap();
    assert!(engine.progress().ingested < 20, "{:?}", engine.progress());
    assert!(world.crm.sent().is_empty(), "nothing new is begun");
    // What was cut short goes on when it is asked to.
    engine.poll().await.unwrap();
    assert_eq!(engine.drain().await.unwrap().done, 40);
}
