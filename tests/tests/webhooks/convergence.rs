//! What the CRM must hold in the end, where webhooks are late, doubled, reordered and lost.
//!
//! [`untold`] says what that is. Lifetime values are to the cent those of the practice's books.

use std::time::Duration;

use cannula::{core::RecordKind, rules::PaymentPipelines};
use cannula_sandbox::DeliveryState;
use cannula_tests::{Clinic, Emr, Inbox, SEEDS, World, WorldConfig, each_seed, untold};
use chrono::{DateTime, TimeDelta, Utc};

const STEP: Duration = Duration::from_secs(4 * 3_600);
/// Guests of Zenoti that turn out to be others.
const MERGES: usize = 3;

/// A practice where payments count in every pipeline and everything fails now and then.
fn config(seed: u64, emr: Emr) -> WorldConfig {
    let mut config = WorldConfig::new(seed, 10, 21, emr).with_faults();
    config.payments = PaymentPipelines::All;
    config.page_size = 100;
    config
}

/// Opens the clinic. On Zenoti some guests turn out to be others.
async fn open(config: WorldConfig) -> Clinic {
    let world = World::start(config).await.unwrap();
    if world.config.emr == Emr::Zenoti {
        world.sandbox.practice().zenoti_plan_merges(world.config.practice, MERGES);
    }
    Clinic::open(world).await.unwrap()
}

/// Plays a practice to its end, and a week more for what is late. Returns how many webhooks were
/// lost.
async fn converge(seed: u64, emr: Emr) -> usize {
    let config = config(seed, emr).with_limits();
    let end = config.practice.start + TimeDelta::days(i64::from(config.practice.days) + 3);
    let clinic = open(config).await;
    clinic.trouble(seed);
    let mut calls = Vec::new();
    while clinic.world.now() < end {
        clinic.work(STEP).await.unwrap();
        calls.push((clinic.world.now(), clinic.world.sandbox.calls(emr.vendor()).values().sum()));
    }
    if emr == Emr::PatientNow {
        within_the_day(&calls);
    }
    // `PUT` on a guest replaces it whole: what is left out is wiped.
    let called = clinic.world.sandbox.calls(emr.vendor());
    assert!(!called.is_empty() && called.keys().all(|call| !call.starts_with("PUT")), "{called:?}");
    let summary = clinic.engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
    clinic.world.decide_again(&clinic.engine).await.unwrap();

    let untold = untold(&clinic.world, &clinic.engine, &*clinic.store).await.unwrap();
    assert!(untold.is_empty(), "seed {seed}:\n{}", untold.join("\n"));
    let people = clinic.world.sandbox.crm().contacts.len();
    assert!(people > 5, "seed {seed}: {people}");
    assert_eq!(clinic.ledgers().await.unwrap(), clinic.books(), "seed {seed}");
    let log = clinic.world.sandbox.webhook_log(emr.vendor());
    log.iter().filter(|it| it.state == DeliveryState::Lost).count()
}

/// No UTC day has more calls than the gateway's plan.
fn within_the_day(calls: &[(DateTime<Utc>, u64)]) {
    let mut before = 0;
    for day in calls.chunk_by(|(a, _), (b, _)| a.date_naive() == b.date_naive()) {
        let (at, total) = day[day.len() - 1];
        assert!(total - before <= 1_000, "{}: {}", at.date_naive(), total - before);
        before = total;
    }
}

/// After every sweep of all orders lifetime values are those of the books, though some webhooks were lost.
async fn follow_the_books(seed: u64, emr: Emr) -> usize {
    let config = config(seed, emr);
    let days = config.practice.days;
    let clinic = open(config).await;
    clinic.trouble(seed);
    clinic.change_quirks(|quirks| (quirks.delay_seconds, quirks.spread_seconds) = (0, 0));
    // A little more than from one such sweep to the next.
    let hours = 25;
    let mut valued = 0;
    for step in 0..days * 24 / hours {
        clinic.work(Duration::from_secs(u64::from(hours) * 3_600)).await.unwrap();
        let ledgers = clinic.ledgers().await.unwrap();
        assert_eq!(ledgers, clinic.books(), "seed {seed}, step {step}");
        valued += ledgers.len();
    }
    valued
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_practice_on_patientnow_is_told_whole_though_webhooks_are_late_doubled_and_lost() {
    let lost = each_seed(SEEDS, |seed| converge(seed, Emr::PatientNow)).await;
    assert!(lost.iter().sum::<usize>() >= lost.len(), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_practice_on_zenoti_is_told_whole_though_webhooks_are_late_doubled_and_lost() {
    let lost = each_seed(SEEDS, |seed| converge(seed, Emr::Zenoti)).await;
    assert!(lost.iter().sum::<usize>() >= lost.len(), "{lost:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_sweeps_these_tests_would_fail() {
    for emr in [Emr::PatientNow, Emr::Zenoti] {
        let config = config(1, emr);
        let days = config.practice.days;
        let clinic = Clinic::open(World::start(config).await.unwrap()).await.unwrap();
        clinic.trouble(1);
        clinic.change_quirks(|quirks| quirks.loss = 0.5);
        for _ in 0..days * 6 + 6 {
            clinic.hear(STEP).await.unwrap();
        }
        let inbox = Inbox::of(&clinic.engine, &*clinic.store).await.unwrap();
        assert_eq!(inbox.strangers(&clinic.world.history()), [""; 0], "{emr:?}");
        let unread = inbox.unread(&clinic.world.history());
        assert!(unread.iter().any(|(key, _)| key.kind == RecordKind::Appointment), "{emr:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifetime_values_are_those_of_patientnows_register_after_every_sweep() {
    let valued = each_seed(SEEDS, |seed| follow_the_books(seed, Emr::PatientNow)).await;
    assert!(valued.iter().sum::<usize>() >= 5 * valued.len(), "{valued:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifetime_values_are_those_of_zenotis_books_after_every_sweep() {
    let valued = each_seed(SEEDS, |seed| follow_the_books(seed, Emr::Zenoti)).await;
    assert!(valued.iter().sum::<usize>() >= 5 * valued.len(), "{valued:?}");
}
