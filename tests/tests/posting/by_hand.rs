//! What happens to single orders, as the store, staff and the clock have it.

use std::{sync::Arc, time::Duration};

use cannula::{
    core::{Currency, ErrorKind, Money, OrderNumber, PatientChoice, PatientId},
    rules::posting::{PostingConfig, PostingRules, SyncStatus, report::Kind},
    sync::{Engine, PostingFlow, Rehearsal, Replay, SqliteStore},
};
use cannula_sandbox::{
    Fault, Vendor,
    dermpro::{Article, Checkout, Identity, Line, Refund, Shopper},
    practice::{PatientState, Product},
};
use cannula_tests::{Shop, ShopConfig};
use chrono::{DateTime, TimeDelta, Utc};

/// A shop, the service, and one patient who buys.
struct Scene {
    shop: Shop,
    engine: Engine<PostingFlow>,
    rules: PostingRules,
    ivy: PatientId,
}

/// What a serum costs with tax and shipping.
const SERUM: i64 = 13_790;

const QUARTER: Duration = Duration::from_secs(15 * 60);

fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

impl Scene {
    async fn new() -> Self {
        Self::with(ShopConfig::empty(Product::Select), |_| {}).await
    }

    async fn with(config: ShopConfig, set: impl FnOnce(&mut PostingConfig)) -> Self {
        let shop = Shop::open(config).await.unwrap();
        let ivy = shop.sandbox.practice().add_patient(PatientState::new("Ivy", "Sample", 7));
        shop.pass(QUARTER);
        let emr = shop.emr().unwrap();
        let mut config = shop.rules_config();
        set(&mut config);
        let rules = shop.rules_of(config, &emr);
        let store = Arc::new(SqliteStore::in_memory("main").unwrap());
        let (source, registry) = (shop.source().unwrap(), Arc::clone(&emr) as _);
        let engine = shop.engine_of(source, rules.clone(), registry, emr, store);
        Self { shop, engine, rules, ivy }
    }

    fn shopper(&self) -> Shopper {
        Shopper::of(&self.shop.sandbox.practice().patient(&self.ivy).unwrap())
    }

    fn checkout(&self, shopper: Shopper) -> Checkout {
        let identity = Identity { patient: Some(self.ivy.clone()), kin: None };
        let lines = vec![Line::new(Article::Simple, "SER-30", "Serum", 12_000)];
        Checkout { identity, ..Checkout::new(shopper, lines) }
    }

    fn place(&self, change: impl FnOnce(&mut Checkout)) -> OrderNumber {
        let mut checkout = self.checkout(self.shopper());
        change(&mut checkout);
        let number = self.shop.sandbox.store().place(checkout);
        self.shop.pass(Duration::from_secs(60));
        number
    }

    async fn work(&self) {
        self.shop.pass(QUARTER);
        self.shop.settle(&self.engine).await.unwrap();
    }

    async fn status(&self, order: &OrderNumber) -> SyncStatus {
        self.shop.statuses(&self.engine, &self.rules).await.unwrap()[order]
    }

    async fn resolve(&self, order: &OrderNumber, choice: PatientChoice, remember: bool) {
        let (practice, now) = (self.shop.practice(), self.shop.now());
        self.engine.resolve(&practice, order, choice, remember, now).await.unwrap();
        self.work().await;
    }

    /// Day, cents and description of each row of the patient's.
    fn rows(&self) -> Vec<(String, i64, String)> {
        let rows = self.shop.ledger().into_iter().map(|(_, row)| row);
        let rows = rows.filter(|row| row.patient.as_ref() == Some(&self.ivy));
        rows.map(|row| (row.date.to_string(), row.amount.minor(), row.note.unwrap_or_default()))
            .collect()
    }
}

#[tokio::test]
async fn an_order_at_eight_in_the_evening_is_dated_that_day_also_when_the_clocks_change() {
    // An ordinary summer day, and the two days on which the clocks change; in UTC it is tomorrow.
    for (start, date) in [
        ("2026-07-15T00:30:00Z", "2026-07-14"),
        ("2026-03-09T00:30:00Z", "2026-03-08"),
        ("2026-11-02T01:30:00Z", "2026-11-01"),
    ] {
        let mut config = ShopConfig::empty(Product::Select);
        config.start = start.parse::<DateTime<Utc>>().unwrap() - TimeDelta::minutes(15);
        let scene = Scene::with(config, |_| {}).await;
        let order = scene.place(|_| {});
        scene.work().await;
        let expected = (date.to_owned(), SERUM, format!("DP#{order} SER-30 Serum"));
        assert_eq!(scene.rows(), [expected], "{start}");
    }
}

#[tokio::test]
async fn an_answer_that_gets_lost_after_the_payment_was_stored_posts_nothing_twice() {
    for fault in [
        Fault::ErrorAfter,
        Fault::ResetAfter,
        Fault::TruncatedJson,
        Fault::ErrorBefore,
        Fault::ResetBefore,
        Fault::Page,
    ] {
        let scene = Scene::new().await;
        let order = scene.place(|_| {});
        scene.engine.check().await.unwrap();
        scene
            .shop
            .sandbox
            .faults(Vendor::Nextech)
            .script("POST /nextech/select/api/Patient/", fault);
        scene.work().await;
        assert_eq!(scene.rows().len(), 1, "{fault:?}");
        assert_eq!(scene.status(&order).await, SyncStatus::Synced, "{fault:?}");
    }
}

#[tokio::test]
async fn a_vendor_that_is_being_mended_leaves_no_order_to_staff() {
    for request in ["GET /nextech/select/api/Patient", "GET /nextech/select/api/PaymentReconc"] {
        let scene = Scene::new().await;
        let order = scene.place(|_| {});
        scene.engine.check().await.unwrap();
        scene.shop.sandbox.faults(Vendor::Nextech).script(request, Fault::Page);
        scene.work().await;
        assert_eq!(scene.rows().len(), 1, "{request}");
        assert_eq!(scene.status(&order).await, SyncStatus::Synced, "{request}");
    }
}

#[tokio::test]
async fn a_payment_that_nextech_takes_and_never_shows_waits_for_staff_and_holds_up_nobody() {
    let mut config = ShopConfig::empty(Product::Select);
    config.quirks.payment_lag_seconds = 10 * 24 * 3_600;
    let scene = Scene::with(config, |_| {}).await;
    let order = scene.place(|_| {});
    scene.shop.pass(QUARTER);
    scene.engine.poll().await.unwrap();
    scene.engine.drain().await.unwrap();
    assert_eq!(scene.status(&order).await, SyncStatus::WaitingForSync);
    let later = scene.place(|_| {});
    scene.work().await;
    assert_eq!(
        [scene.status(&order).await, scene.status(&later).await],
        [SyncStatus::NotSynced; 2]
    );
    assert_eq!(scene.rows(), [], "Nextech shows neither");
    scene.shop.pass(Duration::from_secs(10 * 24 * 3_600));
    scene.engine.replay(Replay::Parked).await.unwrap();
    scene.work().await;
    assert_eq!([scene.status(&order).await, scene.status(&later).await], [SyncStatus::Synced; 2]);
    assert_eq!(scene.rows().len(), 2);
}

#[tokio::test]
async fn a_held_order_is_posted_when_the_hold_is_taken_off() {
    let scene = Scene::new().await;
    let order = scene.place(|checkout| checkout.risky = true);
    scene.work().await;
    assert_eq!(scene.status(&order).await, SyncStatus::OnHold);
    assert!(scene.rows().is_empty());
    scene.shop.pass(Duration::from_secs(3 * 86_400));
    assert!(scene.shop.sandbox.store().unhold(&order));
    scene.work().await;
    assert_eq!(scene.status(&order).await, SyncStatus::Synced);
    // On the day it was paid, not on the day it was released.
    assert_eq!(scene.rows()[0].0, "2026-02-16");
}

#[tokio::test]
async fn a_changed_e_mail_address_asks_and_the_answer_is_remembered() {
    let scene = Scene::new().await;
    let mut shopper = scene.shopper();
    shopper.email = "ivy.new@shop.example.test".to_owned();
    shopper.birth_date = None;
    let customer = scene
        .shop
        .sandbox
        .store()
        .register(shopper.clone(), Identity { patient: Some(scene.ivy.clone()), kin: None });
    let buy = |scene: &Scene| {
        let shopper = shopper.clone();
        scene.place(|checkout| {
            checkout.customer = Some(customer);
            checkout.shopper = shopper;
        })
    };
    let first = buy(&scene);
    scene.work().await;
    assert_eq!(scene.status(&first).await, SyncStatus::NotSynced);
    let parked = scene.engine.parked().await.unwrap();
    let summary = parked[0].reason.summary();
    assert!(summary.contains("same name, phone, other e-mail"), "{summary}");
    scene.resolve(&first, PatientChoice::Patient(scene.ivy.clone()), true).await;
    assert_eq!(scene.status(&first).await, SyncStatus::Synced);
    let second = buy(&scene);
    scene.work().await;
    assert_eq!(scene.status(&second).await, SyncStatus::Synced);
    assert_eq!(scene.rows().len(), 2);
}

#[tokio::test]
async fn a_customer_who_is_nobody_becomes_a_patient_with_the_stores_referral_source() {
    for product in [Product::Select, Product::PracticePlus] {
        let scene = Scene::with(ShopConfig::empty(product), |_| {}).await;
        let patients = scene.shop.sandbox.practice().patient_ids().len();
        let shopper = Shopper::new("Noor", "Vale", 31);
        let order = scene.place(|checkout| {
            checkout.shopper = shopper;
            checkout.identity = Identity::default();
        });
        scene.work().await;
        assert_eq!(scene.status(&order).await, SyncStatus::Synced);
        let ids = scene.shop.sandbox.practice().patient_ids();
        assert_eq!(ids.len(), patients + 1);
        let made = ids.iter().find_map(|id| {
            let patient = scene.shop.sandbox.practice().patient(id)?;
            (patient.family == "Vale").then_some(patient)
        });
        let made = made.unwrap();
        assert_eq!(made.referral_source.map(|it| it.name), Some("DermPRO Store"));
        assert_eq!(Some(made.birth_date), Shopper::new("Noor", "Vale", 31).birth_date);
    }
}

#[tokio::test]
async fn a_missing_birth_date_waits_with_a_sentence_that_staff_can_act_on() {
    let scene = Scene::new().await;
    let mut shopper = Shopper::new("Noor", "Vale", 31);
    shopper.birth_date = None;
    let order = scene.place(|checkout| {
        checkout.shopper = shopper;
        checkout.identity = Identity::default();
    });
    scene.work().await;
    let parked = scene.engine.parked().await.unwrap();
    assert_eq!(
        parked[0].reason.summary(),
        format!(
            "the customer of order {order} is no patient yet and cannot become one: “Date of Birth” is missing."
        )
    );
    assert_eq!(
        parked[0].reason.next_step(),
        "Register the patient in the EMR, or complete the customer in the store; then resolve the order with the patient, or replay."
    );
}

#[tokio::test]
async fn refunds_are_found_within_one_poll_and_end_when_they_are_recorded() {
    let scene = Scene::new().await;
    let order = scene.place(|_| {});
    scene.work().await;
    let store = scene.shop.sandbox.store();
    let memo = store.refund(&order, Some(usd(2_000)), Refund::Online).unwrap();
    scene.work().await;
    let open = scene.engine.parked().await.unwrap();
    assert!(open[0].reason.summary().ends_with(&format!("credit memo {memo}")));
    assert_eq!(scene.shop.staff(&scene.engine, &scene.rules).await.unwrap(), 1);
    scene.work().await;
    assert!(scene.engine.parked().await.unwrap().is_empty());
    let amounts: Vec<_> = scene.rows().into_iter().map(|(_, amount, _)| amount).collect();
    assert_eq!(amounts, [SERUM, -2_000]);
}

#[tokio::test]
async fn refunds_are_posted_as_negative_payments_where_that_is_turned_on() {
    use cannula::rules::posting::RefundPolicy;
    let mut config = ShopConfig::empty(Product::Select);
    config.quirks.negative_payments = true;
    let scene = Scene::with(config, |config| config.refunds = RefundPolicy::Post).await;
    let order = scene.place(|_| {});
    scene.work().await;
    let memo = scene.shop.sandbox.store().refund(&order, Some(usd(2_000)), Refund::Online).unwrap();
    scene.work().await;
    let refund = &scene.rows()[1];
    assert_eq!(
        (refund.1, refund.2.as_str()),
        (-2_000, &*format!("DP#{order} R#{memo} SER-30 Serum"))
    );
    assert!(scene.engine.parked().await.unwrap().is_empty());

    // A practice whose Nextech takes no negative payment has a task instead.
    let config = ShopConfig::empty(Product::Select);
    let scene = Scene::with(config, |config| config.refunds = RefundPolicy::Post).await;
    let order = scene.place(|_| {});
    scene.work().await;
    scene.shop.sandbox.store().refund(&order, Some(usd(2_000)), Refund::Online).unwrap();
    scene.work().await;
    assert_eq!(scene.engine.parked().await.unwrap().len(), 1);
    assert_eq!(scene.rows().len(), 1);
}

#[tokio::test]
async fn gift_cards_are_marked_when_bought_and_are_no_money_when_spent() {
    let scene = Scene::new().await;
    let bought = scene.place(|checkout| {
        checkout.lines = vec![Line::new(Article::GiftCard, "GC-100", "Gift card", 10_000)];
    });
    let spent = scene.place(|checkout| checkout.gift_card = usd(20_000));
    let partly = scene.place(|checkout| checkout.gift_card = usd(5_000));
    scene.work().await;
    assert_eq!(scene.status(&spent).await, SyncStatus::NothingToSync);
    let rows = scene.rows();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows[0].2.starts_with(&format!("DP#{bought} GIFT CARD - DO NOT USE")), "{rows:?}");
    assert_eq!(rows[1].1, SERUM - 5_000);
    assert!(rows[1].2.starts_with(&format!("DP#{partly} ")));
}

#[tokio::test]
async fn money_that_is_taken_in_parts_is_posted_in_parts() {
    let scene = Scene::new().await;
    let order = scene.place(|checkout| checkout.captured = false);
    scene.work().await;
    assert_eq!(scene.status(&order).await, SyncStatus::WaitingForSync);
    for amount in [5_000, 7_000] {
        assert!(scene.shop.sandbox.store().capture(&order, Some(usd(amount))));
        scene.shop.pass(Duration::from_secs(86_400));
        scene.work().await;
    }
    let rows: Vec<_> = scene.rows().into_iter().map(|(day, amount, _)| (day, amount)).collect();
    let expected = [("2026-02-16".to_owned(), 5_000), ("2026-02-17".to_owned(), 7_000)];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn what_was_ordered_while_posting_was_off_or_before_it_began_stays_in_the_store() {
    let scene = Scene::with(ShopConfig::empty(Product::Select), |it| it.enabled = false).await;
    let order = scene.place(|_| {});
    scene.work().await;
    assert_eq!(scene.status(&order).await, SyncStatus::Disabled);
    let scene = Scene::with(ShopConfig::empty(Product::Select), |config| {
        config.start_from += TimeDelta::days(2);
    })
    .await;
    let early = scene.place(|_| {});
    scene.shop.pass(Duration::from_secs(2 * 86_400));
    let late = scene.place(|_| {});
    scene.work().await;
    assert_eq!(scene.status(&early).await, SyncStatus::Disabled);
    assert_eq!(scene.status(&late).await, SyncStatus::Synced);
}

#[tokio::test]
async fn a_store_that_dermpros_own_integration_feeds_too_is_recognised() {
    let scene = Scene::new().await;
    let order = scene.place(|_| {});
    scene.shop.sandbox.store().post_as_dermpro(&order).unwrap();
    scene.shop.pass(QUARTER);
    let error = scene.engine.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let message = error.to_string();
    assert!(message.starts_with("something else seems to post the store's orders"), "{message}");
    assert_eq!(scene.rows().len(), 1);
}

#[tokio::test]
async fn an_order_that_looks_posted_waits_for_staff() {
    let scene = Scene::new().await;
    scene.engine.check().await.unwrap();
    let order = scene.place(|_| {});
    scene.shop.sandbox.store().post_as_dermpro(&order).unwrap();
    scene.work().await;
    assert_eq!(scene.status(&order).await, SyncStatus::NotSynced);
    assert_eq!(scene.rows().len(), 1);
    scene.resolve(&order, PatientChoice::Patient(scene.ivy.clone()), false).await;
    assert_eq!(scene.rows().len(), 2);
}

#[tokio::test]
async fn a_wrong_category_or_card_type_is_refused_with_what_the_practice_uses() {
    let scene = Scene::with(ShopConfig::new(1, 5, 5, Product::Select), |config| {
        config.category = Some("Dermpro store".to_owned());
        config.card_types = [("AE".to_owned(), "American Express".to_owned())].into();
        config.accept_unused_words = false;
    })
    .await;
    scene.shop.pass(Duration::from_secs(20 * 86_400));
    let error = scene.engine.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let message = error.to_string();
    for part in ["category: `Dermpro store`", "card_types.AE: `American Express`", "seen to use `"]
    {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_rehearsal_shows_every_payment_and_writes_nothing() {
    let scene = Scene::new().await;
    let order = scene.place(|_| {});
    let shopper = Shopper::new("Noor", "Vale", 31);
    let other = scene.place(|checkout| {
        checkout.shopper = shopper;
        checkout.identity = Identity::default();
    });
    scene.shop.pass(QUARTER);
    let emr = scene.shop.emr().unwrap();
    let rehearsal = Rehearsal::new(Arc::clone(&emr), emr);
    let store = Arc::new(SqliteStore::in_memory("main").unwrap());
    let source = scene.shop.source().unwrap();
    let engine = scene.shop.engine_of(
        source,
        scene.rules.clone(),
        Arc::clone(&rehearsal) as _,
        rehearsal,
        store,
    );
    let patients = scene.shop.sandbox.practice().patient_ids().len();
    scene.shop.settle(&engine).await.unwrap();
    let statuses = scene.shop.statuses(&engine, &scene.rules).await.unwrap();
    assert_eq!((statuses[&order], statuses[&other]), (SyncStatus::Synced, SyncStatus::Synced));
    assert!(scene.shop.ledger().is_empty());
    assert_eq!(scene.shop.sandbox.practice().patient_ids().len(), patients);
}

#[tokio::test]
async fn the_report_names_each_difference_that_was_planted_and_no_other() {
    let scene = Scene::new().await;
    let orders: Vec<_> = (0..6).map(|_| scene.place(|_| {})).collect();
    let held = scene.place(|checkout| checkout.risky = true);
    scene.work().await;
    let emr = scene.shop.emr().unwrap();
    let report = scene.shop.report(&scene.engine, &scene.rules, emr.as_ref()).await.unwrap();
    let kinds: Vec<_> = report.differences.iter().map(|line| line.kind).collect();
    assert_eq!(kinds, [Kind::Held]);

    let practice = scene.shop.sandbox.practice();
    let row = |order: &OrderNumber| {
        let marked = |note: &str| note.starts_with(&format!("DP#{order} "));
        let rows = scene.shop.ledger();
        rows.into_iter().find(|(_, row)| row.note.as_deref().is_some_and(marked)).unwrap().0
    };
    let pause = || scene.shop.pass(Duration::from_secs(2));
    practice.void(&row(&orders[0])).unwrap();
    pause();
    practice.void_and_correct(&row(&orders[1]), usd(11_000)).unwrap();
    pause();
    practice.update_payment(&row(&orders[2]), |row| row.date = row.date.succ_opt().unwrap());
    pause();
    let twice = practice.payment(&row(&orders[3])).unwrap();
    practice.pay(twice);
    pause();
    scene.shop.sandbox.store().refund(&orders[4], Some(usd(500)), Refund::Online).unwrap();
    pause();
    let strange = cannula_sandbox::practice::PaymentState {
        category: Some("DermPRO Store".to_owned()),
        ..cannula_sandbox::practice::PaymentState::new(
            &scene.ivy,
            4_200,
            scene.shop.now().date_naive(),
        )
    };
    practice.pay(strange);
    scene.work().await;
    scene.shop.pass(Duration::from_secs(86_400));
    let report = scene.shop.report(&scene.engine, &scene.rules, emr.as_ref()).await.unwrap();
    let mut named: Vec<_> =
        report.differences.iter().map(|line| (line.kind, line.order.clone())).collect();
    named.sort();
    let mut planted = vec![
        (Kind::VoidedInLedger, Some(orders[0].clone())),
        (Kind::AmountDiffers, Some(orders[1].clone())),
        (Kind::DateDiffers, Some(orders[2].clone())),
        (Kind::DuplicateMarker, Some(orders[3].clone())),
        (Kind::RefundNotRecorded, Some(orders[4].clone())),
        (Kind::OnlyInLedger, None),
        (Kind::Held, Some(held)),
    ];
    planted.sort();
    assert_eq!(named, planted, "{:#?}", report.differences);
}
