//! The process ends at any boundary and is started again: nothing is posted twice, nothing is lost.

use std::{path::Path, sync::Arc, time::Duration};

use cannula::sync::{Engine, PostingFlow, SqliteStore};
use cannula_sandbox::practice::Product;
use cannula_testkit::{Crash, CrashEmr, CrashStore};
use cannula_tests::{SEEDS, Shop, ShopConfig, each_seed};

const STEP: Duration = Duration::from_secs(12 * 3_600);

/// A process that goes on with whatever the file holds.
fn process(shop: &Shop, file: &Path, crash: &Arc<Crash>) -> Engine<PostingFlow> {
    let inner = Arc::new(SqliteStore::open(file, "main").unwrap());
    let store = Arc::new(CrashStore { inner, crash: Arc::clone(crash) });
    let emr = shop.emr().unwrap();
    let rules = shop.rules(&emr);
    let (registry, ledger) = (Arc::clone(&emr) as _, emr as _);
    let emr = Arc::new(CrashEmr { registry, ledger, crash: Arc::clone(crash) });
    shop.engine_of(shop.source().unwrap(), rules, Arc::clone(&emr) as _, emr, store)
}

/// Plays ten days of a small store. Each process ends at the boundary that `crashes` has for it;
/// once there is none left, the process lives. Returns how many died.
async fn play(seed: u64, faults: bool, crashes: impl Iterator<Item = u64>) -> usize {
    let mut config = ShopConfig::new(seed, 8, 10, Product::Select);
    config.faults = faults;
    let shop = Shop::open(config).await.unwrap();
    let emr = shop.emr().unwrap();
    let rules = shop.rules(&emr);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("posting.db");
    let mut crashes = crashes.map(Crash::at);
    let mut next = || crashes.next().unwrap_or_else(Crash::never);
    let mut crash = next();
    let mut engine = process(&shop, &file, &crash);
    let mut deaths = 0;
    for _ in 0..22 {
        shop.pass(STEP);
        loop {
            let worked = async {
                shop.settle(&engine).await?;
                shop.staff(&engine, &rules).await?;
                shop.settle(&engine).await
            };
            let Err(error) = worked.await else { break };
            assert!(crash.happened(), "{error}");
            deaths += 1;
            drop(engine);
            crash = next();
            engine = process(&shop, &file, &crash);
        }
    }
    for _ in 0..10 {
        if shop.staff(&engine, &rules).await.unwrap() == 0 {
            break;
        }
        shop.settle(&engine).await.unwrap();
    }
    let differences = shop.differences();
    assert!(differences.is_empty(), "seed {seed}, {deaths} deaths:\n{}", differences.join("\n"));
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
    deaths
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_every_few_steps_posts_every_cent_once() {
    for seed in 0..3 {
        // Each process lives a little longer than the one before it.
        let deaths = play(seed, false, (0..60).map(|life| life * 3 + seed)).await;
        assert!(deaths > 20, "seed {seed}: {deaths}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_while_the_vendors_fail_posts_every_cent_once() {
    let die = |seed| play(seed, true, (0..40).map(move |life| (life * 7 + seed) % 61));
    let deaths = each_seed(SEEDS, die).await;
    assert!(deaths.iter().all(|deaths| *deaths > 20), "{deaths:?}");
}
