//! Whatever goes wrong on the way, the CRM ends up holding what the practice's history says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use cannula::sync::SqliteStore;
use cannula_sandbox::practice::Product;
use cannula_tests::{Depth, SEEDS, Truth, World, WorldConfig, differences, each_seed};

/// Half a day: every visit changes at most once in it as far as a poll can see.
const STEP: Duration = Duration::from_secs(12 * 3_600);

/// Plays a practice from its first day to its last and returns how the CRM differs from it.
async fn play(config: WorldConfig) -> Vec<String> {
    let days = config.practice.days;
    let world = World::start(config).await.unwrap();
    let store = Arc::new(SqliteStore::in_memory("main").unwrap());
    let engine = world.engine(store).unwrap();
    let rules = world.rules();
    let mut truth = Truth::of(world.history());
    for _ in 0..days * 2 {
        let now = world.pass(STEP);
        truth.poll(&rules, now);
        world.settle(&engine).await.unwrap();
    }
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
    assert!(summary.done > 0, "{summary:?}");
    differences(&truth, &world.sandbox, &engine, Depth::Whole).await.unwrap()
}

async fn every_seed_converges(product: Product) {
    each_seed(SEEDS, |seed| async move {
        let differences = play(WorldConfig::new(seed, 200, 90, product).with_faults()).await;
        assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crm_equals_a_fold_of_a_select_practice_through_all_faults() {
    every_seed_converges(Product::Select).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_crm_equals_a_fold_of_a_practice_plus_practice_through_all_faults() {
    every_seed_converges(Product::PracticePlus).await;
}
