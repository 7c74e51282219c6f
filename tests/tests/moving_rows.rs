//! The practice works on while it is read: rows appear and move between two pages of a listing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use cannula::{
    core::{EmrSource, Event, EventId, RecordKey, RecordKind},
    nextech::Nextech,
    sync::{CrmFlow, Engine, SqliteStore},
};
use cannula_sandbox::{Quirks, practice::Product};
use cannula_tests::{World, WorldConfig};

const HALF_A_DAY: Duration = Duration::from_secs(12 * 3_600);

/// The latest version of every record that the practice shows now.
fn latest(world: &World) -> BTreeMap<RecordKey, Event> {
    let now = world.now();
    let past = world.history().into_iter().filter(|(at, _)| *at <= now);
    past.map(|(_, event)| (event.key.clone(), event)).collect()
}

/// The records whose latest version is not in the store. Storing an event again changes nothing,
/// so each is offered by hand.
async fn missing(world: &World, engine: &Engine<CrmFlow>) -> Vec<RecordKey> {
    let mut missing = Vec::new();
    for (key, event) in latest(world) {
        if engine.accept(vec![event]).await.unwrap().new > 0 {
            missing.push(key);
        }
    }
    missing
}

/// Polls a practice that changes under the reader, at small pages and with faults, and once more
/// after its last day.
async fn play(seed: u64, product: Product) {
    let mut config = WorldConfig::new(seed, 60, 30, product).with_faults();
    config.page_size = 5;
    config.quirks = Quirks::default();
    let days = config.practice.days;
    let world = World::start(config).await.unwrap();
    let planned = world.history();
    let engine = world.engine(Arc::new(SqliteStore::in_memory("main").unwrap())).unwrap();
    for _ in 0..days * 2 {
        world.pass(HALF_A_DAY);
        world.settle(&engine).await.unwrap();
    }
    // Nobody works any more: what changed while the last poll read is there for the next.
    world.sandbox.set_quirks(Quirks { changes_between_pages: 0, ..world.sandbox.quirks() });
    world.pass(HALF_A_DAY);
    world.settle(&engine).await.unwrap();
    assert_ne!(world.history(), planned, "nothing moved");
    assert!(latest(&world).len() > 100);
    assert_eq!(missing(&world, &engine).await, [], "seed {seed}");
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_record_of_a_select_practice_slips_through_while_rows_move() {
    for seed in 0..5 {
        play(seed, Product::Select).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_record_of_a_practice_plus_practice_slips_through_while_rows_move() {
    for seed in 0..5 {
        play(seed, Product::PracticePlus).await;
    }
}

#[tokio::test]
async fn a_token_refused_in_the_middle_of_a_listing_is_asked_for_again_once() {
    for product in [Product::Select, Product::PracticePlus] {
        let mut config = WorldConfig::new(1, 20, 10, product);
        config.page_size = 5;
        let world = World::start(config).await.unwrap();
        for _ in 0..20 {
            world.pass(HALF_A_DAY);
        }
        let source = world.nextech(product).unwrap();
        let feeds = &source.info().feeds;
        let feed = feeds.iter().find(|feed| feed.kind == RecordKind::Appointment).unwrap();
        let mut seen = BTreeSet::<EventId>::new();
        let mut page = source.poll(feed, None).await.unwrap();
        assert!(!page.last);
        let before = token_requests(&source);
        world.sandbox.revoke_nextech_tokens();
        loop {
            seen.extend(page.events.into_iter().map(|event| event.id));
            if page.last {
                break;
            }
            page = source.poll(feed, Some(&page.next)).await.unwrap();
        }
        // Select's refresh token is worth nothing either: it is tried once, then the password.
        let refreshed = u64::from(product == Product::Select);
        assert_eq!((before, token_requests(&source)), ((1, 0), (2, refreshed)));
        let mut expected = latest(&world);
        expected.retain(|key, _| key.kind == RecordKind::Appointment);
        assert!(expected.len() > 20, "{}", expected.len());
        assert_eq!(seen, expected.into_values().map(|event| event.id).collect());
    }
}

/// Tokens asked for with the password or secret, and with a refresh token.
fn token_requests(source: &Nextech) -> (u64, u64) {
    let calls = source.calls();
    let count = |operation| calls.get(operation).copied().unwrap_or_default();
    (count("get token"), count("refresh token"))
}
