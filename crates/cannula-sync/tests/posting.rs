//! A store's payments reach the ledger once, whatever happens on the way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{collections::BTreeMap, path::Path, sync::Arc};

use cannula_core::{
    Clock, Currency, Error, ErrorKind, Event, Money, NewPatient, OrderState, ParkReason,
    PatientChoice, PatientRegistry, PaymentLedger, Phi, Record, RecordKind, Result, Retry,
    StoreRefund,
};
use cannula_rules::posting::{PostingConfig, PostingRules, SyncStatus};
use cannula_sync::{Engine, PostingFlow, Rehearsal, Replay, SqliteStore, Store};
use cannula_testkit::{
    Crash, CrashEmr, CrashStore, ManualClock, MemoryLedger, MemoryRegistry, ScriptedSource,
    day_one, practice, store_order,
};
use chrono::{NaiveDate, TimeDelta};

struct Shop {
    source: Arc<ScriptedSource>,
    registry: Arc<MemoryRegistry>,
    ledger: Arc<MemoryLedger>,
    clock: Arc<ManualClock>,
}

type PostingEngine = Engine<PostingFlow>;

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

fn today() -> NaiveDate {
    day_one().date_naive()
}

/// A customer of the samples as a patient.
fn patient(customer: &str) -> NewPatient {
    let Record::Order(order) = store_order("0", customer, 0, |_| {}).record else { panic!() };
    let customer = order.customer;
    NewPatient {
        name: customer.name,
        email: customer.email.unwrap(),
        phone: customer.phone.unwrap(),
        birth_date: customer.birth_date.unwrap(),
        gender: None,
        street: None,
        city: None,
        state: None,
        postal_code: customer.postal_code,
        location: None,
        referral_source: None,
        general_practitioner: None,
    }
}

/// A patient who has the customer's name and phone only.
fn nearly(customer: &str) -> NewPatient {
    NewPatient {
        email: Phi::new("old@example.test".to_owned()),
        birth_date: Phi::new("1960-02-03".parse().unwrap()),
        ..patient(customer)
    }
}

impl Shop {
    fn new(events: Vec<Event>) -> Self {
        let source = Arc::new(ScriptedSource::of(&[RecordKind::Order]));
        source.page(RecordKind::Order, events);
        // An hour after the orders were placed.
        let clock = Arc::new(ManualClock::at(day_one() + TimeDelta::hours(1)));
        let ledger = Arc::new(MemoryLedger::new(clock.clone()));
        Self { source, registry: Arc::default(), ledger, clock }
    }

    fn config() -> PostingConfig {
        PostingConfig {
            category: Some("Online store".to_owned()),
            ..PostingConfig::new(chrono_tz::America::New_York, day_one() - TimeDelta::days(1))
        }
    }

    fn rules(&self) -> PostingRules {
        let info = PatientRegistry::info(&self.registry).clone();
        PostingRules::new(Self::config(), PaymentLedger::info(&self.ledger).clone(), info)
    }

    fn engine_over(
        &self,
        registry: Arc<dyn PatientRegistry>,
        ledger: Arc<dyn PaymentLedger>,
        store: Arc<dyn Store>,
    ) -> PostingEngine {
        let flow = PostingFlow::new(self.rules(), registry, ledger, self.clock.clone());
        Engine::new(self.source.clone(), flow, store, self.clock.clone())
    }

    fn engine(&self) -> PostingEngine {
        let store = Arc::new(SqliteStore::in_memory("main").unwrap());
        self.engine_over(self.registry.clone(), self.ledger.clone(), store)
    }

    /// Drains, moves the clock to when something is due, and drains again, until nothing is.
    async fn drain_all(&self, engine: &PostingEngine) -> Result<()> {
        for _ in 0..50 {
            let Some(due) = engine.drain().await?.next_due else { return Ok(()) };
            self.clock.set(due.max(self.clock.now()));
        }
        panic!("there is always something due");
    }

    async fn work(&self, engine: &PostingEngine) {
        engine.poll().await.unwrap();
        self.drain_all(engine).await.unwrap();
    }

    async fn statuses(&self, engine: &PostingEngine) -> BTreeMap<String, SyncStatus> {
        let (rules, mut statuses) = (self.rules(), BTreeMap::new());
        let look = |_: &_, state: &_| {
            for standing in rules.standings(state) {
                statuses.insert(standing.order.number.to_string(), standing.status);
            }
        };
        engine.for_each_state(look).await.unwrap();
        statuses
    }

    /// Patient, cents and the first two words of each row, sorted.
    fn books(&self) -> Vec<(String, i64, String)> {
        let rows = self.ledger.rows();
        let mut books: Vec<_> = rows
            .iter()
            .map(|row| {
                let patient = row.payment.patient.as_ref().unwrap().to_string();
                let words = row.payment.description.as_ref().unwrap().expose().clone();
                let words: Vec<_> = words.split(' ').take(2).collect();
                (patient, row.payment.amount.minor(), words.join(" "))
            })
            .collect();
        books.sort();
        books
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::Connection, "no answer").retry(Retry::Settle)
}

fn row(patient: &str, minor: i64, words: &str) -> (String, i64, String) {
    (patient.to_owned(), minor, words.to_owned())
}

#[tokio::test]
async fn an_order_is_posted_to_the_patient_who_is_there_or_is_made() {
    let shop = Shop::new(vec![
        store_order("41", "ada", 0, |_| {}),
        store_order("42", "bea", 0, |order| order.customer.birth_date = None),
        store_order("43", "cid", 0, |_| {}),
        store_order("44", "cid", 0, |order| order.state = OrderState::Held),
    ]);
    let ada = shop.registry.add(&patient("ada"));
    let engine = shop.engine();
    shop.work(&engine).await;
    let cid = shop.registry.patients()[1].id.clone();
    let expected =
        [row(ada.as_str(), 12_000, "DP#41 SER-30"), row(cid.as_str(), 12_000, "DP#43 SER-30")];
    assert_eq!(shop.books(), expected);
    let statuses: Vec<_> = shop.statuses(&engine).await.into_values().collect();
    use SyncStatus::{NotSynced, OnHold, Synced};
    assert_eq!(statuses, [Synced, NotSynced, Synced, OnHold]);
    let parked = engine.parked().await.unwrap();
    assert_eq!(
        parked[0].reason.summary(),
        "the customer of order 42 is no patient yet and cannot become one: “Date of Birth” is missing."
    );
}

#[tokio::test]
async fn an_answer_that_got_lost_is_looked_for_before_anything_is_sent_again() {
    let shop = Shop::new(vec![
        store_order("41", "ada", 0, |_| {}),
        store_order("42", "bea", 0, |_| {}),
        store_order("43", "cid", 0, |_| {}),
        store_order("44", "ada", 0, |_| {}),
    ]);
    for customer in ["ada", "bea", "cid"] {
        shop.registry.add(&patient(customer));
    }
    let unreadable = Error::new(ErrorKind::Decode, "a page of HTML").retry(Retry::Settle);
    shop.ledger.fail_next_post_after_storing(lost(), TimeDelta::zero());
    // It is still at work when the caller has given up, or has made nothing of the answer.
    shop.ledger.fail_next_post_after_storing(lost(), TimeDelta::seconds(45));
    shop.ledger.fail_next_post_after_storing(unreadable, TimeDelta::seconds(45));
    shop.ledger.fail_next("post", lost());
    let engine = shop.engine();
    shop.work(&engine).await;
    assert_eq!(shop.books().len(), 4);
    assert!(shop.statuses(&engine).await.values().all(|it| *it == SyncStatus::Synced));
}

#[tokio::test]
async fn a_payment_that_cannot_be_looked_for_is_not_said_to_be_refused() {
    let shop = Shop::new(vec![store_order("41", "ada", 0, |_| {})]);
    let ada = shop.registry.add(&patient("ada"));
    shop.ledger.fail_next_post_after_storing(lost(), TimeDelta::zero());
    let engine = shop.engine();
    engine.poll().await.unwrap();
    engine.drain().await.unwrap();
    shop.ledger.fail_next("of patient", Error::new(ErrorKind::Invalid, "no such filter"));
    shop.drain_all(&engine).await.unwrap();
    assert_eq!(shop.books().len(), 1);
    let order = "41".into();
    let [parked] = &engine.parked().await.unwrap()[..] else { panic!("one reason") };
    assert_eq!(parked.reason, ParkReason::PaymentUnseen { order });
    // Staff do not find it under any description, and it is looked for once more.
    let (choice, now) = (PatientChoice::Patient(ada), shop.clock.now());
    engine.resolve(&practice(), &"41".into(), choice, false, now).await.unwrap();
    shop.drain_all(&engine).await.unwrap();
    assert_eq!(shop.books().len(), 1);
    assert_eq!(shop.statuses(&engine).await["41"], SyncStatus::Synced);
}

#[tokio::test]
async fn a_store_that_was_lost_posts_nothing_twice() {
    let shop = Shop::new(vec![store_order("41", "ada", 0, |_| {})]);
    shop.work(&shop.engine()).await;
    let books = shop.books();
    assert_eq!(books.len(), 1);
    shop.work(&shop.engine()).await;
    assert_eq!(shop.books(), books);
}

#[tokio::test]
async fn what_somebody_else_posted_is_left_to_staff() {
    let shop = Shop::new(vec![store_order("41", "ada", 0, |_| {})]);
    let ada = shop.registry.add(&patient("ada"));
    // By hand, from the counter's own category; the start-up check must not take it for another
    // integration's.
    let engine = shop.engine();
    engine.check().await.unwrap();
    shop.ledger.add(ada.as_str(), usd(12_000), today(), "SER-30");
    shop.work(&engine).await;
    assert_eq!(shop.books().len(), 1);
    assert_eq!(shop.statuses(&engine).await["41"], SyncStatus::NotSynced);
    let choice = PatientChoice::Patient(ada);
    let now = shop.clock.now();
    engine.resolve(&practice(), &"41".into(), choice, false, now).await.unwrap();
    shop.drain_all(&engine).await.unwrap();
    assert_eq!(shop.books().len(), 2);
    assert_eq!(shop.statuses(&engine).await["41"], SyncStatus::Synced);
}

#[tokio::test]
async fn posting_does_not_begin_beside_another_integration() {
    let shop = Shop::new(vec![store_order("41", "ada", 0, |_| {})]);
    shop.ledger.add("somebody", usd(5_000), today(), "PEEL-1 SER-30");
    let error = shop.engine().check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    insta::assert_snapshot!(error, @"something else seems to post the store's orders: since 2026-03-01 the ledger has 1 payments of the category `Online store` without our marker, such as row 1. Turn the other integration off and set `start_from` to the day after its last payment; if these rows are staff's own, set `ignore_other_posters = true` (config)");
}

#[tokio::test]
async fn staff_resolve_a_possible_match_and_a_wrong_number_is_told() {
    let shop =
        Shop::new(vec![store_order("41", "ada", 0, |_| {}), store_order("42", "ada", 0, |_| {})]);
    let ada = shop.registry.add(&nearly("ada"));
    let engine = shop.engine();
    shop.work(&engine).await;
    assert!(shop.statuses(&engine).await.values().all(|it| *it == SyncStatus::NotSynced));
    let now = shop.clock.now();
    let unknown = engine.resolve(&practice(), &"40".into(), PatientChoice::New, false, now).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
    let choice = PatientChoice::Patient(ada.clone());
    engine.resolve(&practice(), &"41".into(), choice, true, now).await.unwrap();
    shop.drain_all(&engine).await.unwrap();
    let expected = ["DP#41 SER-30", "DP#42 SER-30"].map(|words| row(ada.as_str(), 12_000, words));
    assert_eq!(shop.books(), expected);
}

#[tokio::test]
async fn a_refund_is_a_task_until_staff_have_recorded_it() {
    let refund = StoreRefund {
        number: "77".to_owned(),
        amount: usd(2_000),
        at: day_one() + TimeDelta::minutes(10),
        online: true,
    };
    let shop = Shop::new(vec![store_order("41", "ada", 0, |order| order.refunds = vec![refund])]);
    let ada = shop.registry.add(&patient("ada"));
    let engine = shop.engine();
    shop.work(&engine).await;
    assert_eq!(engine.parked().await.unwrap().len(), 1);
    shop.ledger.add(ada.as_str(), usd(-2_000), today(), "refund, see the store");
    assert_eq!(engine.replay(Replay::Parked).await.unwrap(), 1);
    shop.drain_all(&engine).await.unwrap();
    assert!(engine.parked().await.unwrap().is_empty());
    assert_eq!(engine.summary().await.unwrap().done, 1);
}

#[tokio::test]
async fn a_rehearsal_does_everything_and_writes_nothing() {
    let shop = Shop::new(vec![
        store_order("41", "ada", 0, |_| {}),
        store_order("42", "bea", 0, |_| {}),
        store_order("43", "bea", 0, |_| {}),
    ]);
    shop.registry.add(&patient("ada"));
    let emr = Rehearsal::new(shop.registry.clone(), shop.ledger.clone());
    let store = Arc::new(SqliteStore::in_memory("main").unwrap());
    let engine = shop.engine_over(emr.clone(), emr, store);
    shop.work(&engine).await;
    assert!(shop.statuses(&engine).await.values().all(|it| *it == SyncStatus::Synced));
    assert!(shop.books().is_empty());
    assert_eq!(shop.registry.patients().len(), 1);
}

/// Everything that can be on its way at once: a patient to be made, lost answers, a refund, an
/// instalment, an order that is decided later.
fn busy() -> Shop {
    let refund = StoreRefund {
        number: "77".to_owned(),
        amount: usd(2_000),
        at: day_one() + TimeDelta::minutes(10),
        online: true,
    };
    let shop = Shop::new(vec![
        store_order("41", "ada", 0, |_| {}),
        store_order("42", "bea", 0, |order| order.refunds = vec![refund]),
        store_order("43", "cid", 0, |order| order.captured.as_mut().unwrap().amount = usd(5_000)),
    ]);
    shop.source.page(RecordKind::Order, vec![store_order("43", "cid", 5, |_| {})]);
    shop.registry.add(&nearly("ada"));
    shop.registry.add(&patient("bea"));
    shop.ledger.fail_next_post_after_storing(lost(), TimeDelta::zero());
    shop.ledger.fail_next("post", lost());
    shop.registry.fail_next("create", lost(), true);
    shop
}

/// A whole working day of one process; it may end early.
async fn live(shop: &Shop, path: &Path, crash: &Arc<Crash>) -> Result<u64> {
    let inner = Arc::new(SqliteStore::open(path, "main")?);
    let store = Arc::new(CrashStore { inner, crash: crash.clone() });
    let (registry, ledger) = (shop.registry.clone(), shop.ledger.clone());
    let emr = Arc::new(CrashEmr { registry, ledger, crash: crash.clone() });
    let engine = shop.engine_over(emr.clone(), emr, store);
    engine.poll().await?;
    shop.drain_all(&engine).await?;
    let ada = PatientChoice::Patient("patient-1".into());
    engine.resolve(&practice(), &"41".into(), ada, false, day_one()).await?;
    shop.drain_all(&engine).await?;
    Ok(engine.summary().await?.done)
}

#[tokio::test]
async fn a_crash_at_any_boundary_posts_every_cent_once() {
    let (shop, dir, crash) = (busy(), tempfile::tempdir().unwrap(), Crash::never());
    let done = live(&shop, &dir.path().join("store.db"), &crash).await.unwrap();
    let expected = [
        row("patient-1", 12_000, "DP#41 SER-30"),
        row("patient-2", 12_000, "DP#42 SER-30"),
        row("patient-3", 5_000, "DP#43 SER-30"),
        row("patient-3", 7_000, "DP#43/2 SER-30"),
    ];
    let whole = [
        row("patient-1", 12_000, "DP#41 SER-30"),
        row("patient-2", 12_000, "DP#42 SER-30"),
        row("patient-3", 12_000, "DP#43 SER-30"),
    ];
    // Whether the instalments are seen one by one depends on when the pages are worked off.
    let fits = |books: &Vec<_>| books[..] == expected || books[..] == whole;
    assert!(fits(&shop.books()), "{:?}", shop.books());
    let boundaries = crash.boundaries();
    assert!(boundaries > 40, "{boundaries}");
    for boundary in 0..boundaries {
        let (shop, dir) = (busy(), tempfile::tempdir().unwrap());
        let path = dir.path().join("store.db");
        let crash = Crash::at(boundary);
        let ended = live(&shop, &path, &crash).await;
        assert_eq!(ended.is_err(), crash.happened());
        let again = live(&shop, &path, &Crash::never()).await.unwrap();
        assert_eq!(again, done, "crashed at {boundary}");
        assert!(fits(&shop.books()), "crashed at {boundary}: {:?}", shop.books());
        assert_eq!(shop.registry.patients().len(), 3, "crashed at {boundary}");
    }
}
