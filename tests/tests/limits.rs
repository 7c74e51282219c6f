//! Rate limits and daily allowances of both vendors, on one clock for both sides.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use cannula::{
    aesthetix::Aesthetix,
    core::{Clock, CrmSink, EmrSource, ErrorKind, Retry},
    http::Quota,
    nextech::Nextech,
    sync::{CrmFlow, Engine, SqliteStore},
};
use cannula_sandbox::{
    Limits, Quirks,
    practice::{AppointmentState, PatientState, Product},
};
use cannula_tests::{World, WorldConfig, aesthetix_config, nextech_config};
use chrono::{DateTime, Days, TimeDelta, Utc};

const PEOPLE: u32 = 150;
/// A contact, a tag, a note and an opportunity each.
const CALLS: u64 = 4 * PEOPLE as u64;

/// A practice where many people have just booked their first visit.
async fn busy_practice(quirks: Quirks) -> World {
    let config = WorldConfig { quirks, ..WorldConfig::empty(Product::Select) };
    let world = World::start(config.with_limits()).await.unwrap();
    let practice = world.sandbox.practice();
    let start = (world.now() + TimeDelta::days(30)).naive_utc();
    for number in 0..PEOPLE {
        let family = format!("P{number}");
        let patient = practice.add_patient(PatientState::new("Mina", &family, number));
        practice.book(AppointmentState::new(&patient, "Laser Treatment", start));
    }
    world.pass(Duration::from_secs(60));
    world
}

/// The service with these clients, which has looked at the CRM already.
async fn service(
    world: &World,
    source: Arc<dyn EmrSource>,
    sink: Arc<dyn CrmSink>,
) -> Engine<CrmFlow> {
    let store = Arc::new(SqliteStore::in_memory("main").unwrap());
    let engine = world.engine_of(source, world.rules(), sink, store).unwrap();
    engine.check().await.unwrap();
    engine
}

/// A client of the CRM that leaves all throttling to the vendor.
fn unthrottled(world: &World) -> Arc<Aesthetix> {
    let config = aesthetix_config(world.sandbox.access()).unwrap();
    Arc::new(Aesthetix::new(config, world.clock.clone()).unwrap())
}

fn calls(sink: &Aesthetix) -> u64 {
    sink.calls().values().sum()
}

/// Everybody has one contact with one note and one opportunity.
async fn assert_all_there(world: &World, engine: &Engine<CrmFlow>) {
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.done, summary.events()), (2 * u64::from(PEOPLE), summary.done));
    let contacts = world.sandbox.crm().contacts;
    assert_eq!(contacts.len(), PEOPLE as usize);
    for contact in contacts {
        let counts = (contact.notes.len(), contact.tags.len(), contact.opportunities.len());
        assert_eq!(counts, (1, 1, 1), "{contact:#?}");
    }
}

/// The first midnight after an instant.
fn midnight(now: DateTime<Utc>) -> DateTime<Utc> {
    (now.date_naive() + Days::new(1)).and_time(chrono::NaiveTime::MIN).and_utc()
}

#[tokio::test]
async fn a_burst_of_people_is_spread_over_the_crms_windows_and_meets_no_refusal() {
    let world = busy_practice(Quirks::default()).await;
    let sink = world.sink().unwrap();
    let engine = service(&world, world.source().unwrap(), sink.clone()).await;
    let (before, began) = (calls(&sink), world.now());
    world.settle(&engine).await.unwrap();
    assert_all_there(&world, &engine).await;
    assert_eq!(calls(&sink) - before, CALLS, "each call was made once");
    let took = world.now() - began;
    // 100 calls in any ten seconds.
    assert!(took >= TimeDelta::seconds(50), "{took}");
    assert!(took <= TimeDelta::seconds(180), "{took}");
}

#[tokio::test]
async fn without_a_quota_of_our_own_refusals_are_waited_out_and_nothing_is_lost() {
    let world = busy_practice(Quirks::default()).await;
    let sink = unthrottled(&world);
    let engine = service(&world, world.source().unwrap(), sink.clone()).await;
    let before = calls(&sink);
    world.settle(&engine).await.unwrap();
    assert_all_there(&world, &engine).await;
    let refused = calls(&sink) - before - CALLS;
    assert!(refused > 0, "the CRM's limits were never met");
}

/// Sets the CRM's allowance for a day.
fn allow_daily(world: &World, daily: u64) {
    let limits = Limits { daily, ..Limits::default() };
    world.sandbox.crm_state().change_settings(|settings| settings.limits = Some(limits));
}

/// Delivers on as many days as it takes; returns until when each day's drain paused.
async fn day_by_day(world: &World, engine: &Engine<CrmFlow>) -> Vec<DateTime<Utc>> {
    let mut pauses = Vec::new();
    loop {
        let report = engine.drain().await.unwrap();
        let Some(due) = report.next_due else { return pauses };
        if let Some(until) = report.paused_until {
            assert_eq!(due, until);
            pauses.push(until);
            let again = engine.drain().await.unwrap();
            assert_eq!((again.claims, again.paused_until), (0, Some(until)), "nothing is tried");
        }
        world.clock.sleep((due - world.now()).to_std().unwrap()).await;
        assert!(pauses.len() < 100);
    }
}

#[tokio::test]
async fn when_the_crms_calls_of_the_day_are_used_up_delivery_goes_on_at_midnight() {
    let world = busy_practice(Quirks::default()).await;
    allow_daily(&world, 250);
    let mut config = aesthetix_config(world.sandbox.access()).unwrap();
    let per = Duration::from_secs(10);
    config.quota = Some(Quota { burst: 90, per, daily: Some(250), reserve: 25 });
    let sink = Arc::new(Aesthetix::new(config, world.clock.clone()).unwrap());
    let engine = service(&world, world.source().unwrap(), sink.clone()).await;
    engine.poll().await.unwrap();
    let first = midnight(world.now());
    let pauses = day_by_day(&world, &engine).await;
    assert_eq!(pauses, [first, first + Days::new(1)], "600 calls take three days");
    assert_all_there(&world, &engine).await;
}

#[tokio::test]
async fn without_a_quota_of_our_own_a_used_up_day_is_probed_once_an_hour() {
    let world = busy_practice(Quirks::default()).await;
    allow_daily(&world, 400);
    let sink = unthrottled(&world);
    let engine = service(&world, world.source().unwrap(), sink.clone()).await;
    engine.poll().await.unwrap();
    let began = world.now();
    let pauses = day_by_day(&world, &engine).await;
    assert!((2..=30).contains(&pauses.len()), "{pauses:?}");
    assert!(world.now() >= midnight(began));
    assert_all_there(&world, &engine).await;
}

/// The 150 patients are three pages, and so are the 150 appointments.
const ONE_PAGE_TOO_FEW: u64 = 5;

/// One day's polls fail, the next day's bring the rest.
async fn read_on_two_days(world: &World, engine: &Engine<CrmFlow>) -> (ErrorKind, Retry) {
    let began = world.now();
    let error = engine.poll().await.unwrap_err();
    let there = engine.summary().await.unwrap().events();
    assert_eq!(there, 250, "what was read is kept");
    engine.drain().await.unwrap();
    assert!(engine.poll().await.is_err(), "the day is not over");
    world.pass((midnight(began) - world.now()).to_std().unwrap());
    world.settle(engine).await.unwrap();
    assert_all_there(world, engine).await;
    (error.kind(), error.retry_advice())
}

#[tokio::test]
async fn when_nextechs_requests_of_the_day_are_used_up_reading_goes_on_the_next_day() {
    let quirks = Quirks { daily_cap: Some(ONE_PAGE_TOO_FEW), ..Quirks::default() };
    let world = busy_practice(quirks).await;
    let store = Arc::new(SqliteStore::in_memory("main").unwrap());
    let engine = world.engine(store).unwrap();
    let (kind, retry) = read_on_two_days(&world, &engine).await;
    assert_eq!(kind, ErrorKind::Throttled);
    assert_ne!(retry, Retry::Never);
}

#[tokio::test]
async fn our_own_daily_budget_for_nextech_is_kept_and_reading_goes_on_the_next_day() {
    let world = busy_practice(Quirks::default()).await;
    let start = world.config.practice.start;
    let mut config = nextech_config(world.sandbox.access(), Product::Select, start).unwrap();
    config.daily_requests = Some(ONE_PAGE_TOO_FEW);
    let source = Arc::new(Nextech::new(config, world.clock.clone()).unwrap());
    let store = Arc::new(SqliteStore::in_memory("main").unwrap());
    let sink = world.sink().unwrap();
    let engine = world.engine_of(source.clone(), world.rules(), sink, store).unwrap();
    let until_midnight = (midnight(world.now()) - world.now()).to_std().unwrap();
    let (kind, retry) = read_on_two_days(&world, &engine).await;
    assert_eq!(kind, ErrorKind::QuotaExhausted);
    assert_eq!(retry, Retry::After(until_midnight));
}
