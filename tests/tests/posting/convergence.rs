//! Whatever goes wrong on the way, every cent that the store took is on the ledger once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use cannula::{core::OrderNumber, rules::posting::report::Kind, sync::SqliteStore};
use cannula_sandbox::{dermpro::StoreState, practice::Product};
use cannula_tests::{SEEDS, Shop, ShopConfig, each_seed};

const STEP: Duration = Duration::from_secs(6 * 3_600);

/// A month of a store, with a poll every six hours and a look of staff every day.
async fn play(seed: u64, product: Product) {
    let mut config = ShopConfig::new(seed, 25, 30, product);
    config.faults = true;
    // What is stored may be seen only later.
    config.quirks.payment_lag_seconds = 20;
    let shop = Shop::open(config).await.unwrap();
    let engine = shop.engine(Arc::new(SqliteStore::in_memory("main").unwrap())).unwrap();
    let emr = shop.emr().unwrap();
    let rules = shop.rules(&emr);
    for day in 0..34 {
        for _ in 0..4 {
            shop.pass(STEP);
            shop.settle(&engine).await.unwrap();
        }
        // Staff do not look every day.
        if day % 3 == 2 && shop.staff(&engine, &rules).await.unwrap() > 0 {
            shop.settle(&engine).await.unwrap();
        }
    }
    for round in 0.. {
        assert!(round < 10, "seed {seed}: staff never come to an end");
        if shop.staff(&engine, &rules).await.unwrap() == 0 {
            break;
        }
        shop.pass(Duration::from_secs(60));
        shop.settle(&engine).await.unwrap();
    }
    let differences = shop.differences();
    assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");

    let report = shop.report(&engine, &rules, emr.as_ref()).await.unwrap();
    let books = shop.sandbox.store().books();
    assert!(books.len() > 20, "seed {seed}: {} orders", books.len());
    let posted = shop.posted();
    let expected: BTreeSet<_> = books
        .iter()
        .filter(|order| order.taken().minor() > 0 && !posted.contains(&order.number))
        .filter_map(|order| match order.state {
            StoreState::Held => Some((Kind::Held, order.number.clone())),
            StoreState::Closed => Some((Kind::RefundedUnposted, order.number.clone())),
            _ => None,
        })
        .collect();
    let told: BTreeSet<_> = report
        .differences
        .iter()
        .map(|line| (line.kind, line.order.clone().unwrap_or_else(|| OrderNumber::new(""))))
        .collect();
    assert_eq!(told, expected, "seed {seed}: {:#?}", report.differences);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cent_is_on_a_select_practices_ledger_once_through_all_faults() {
    each_seed(SEEDS, |seed| play(seed, Product::Select)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cent_is_on_a_practice_plus_practices_ledger_once_through_all_faults() {
    each_seed(SEEDS, |seed| play(seed, Product::PracticePlus)).await;
}
