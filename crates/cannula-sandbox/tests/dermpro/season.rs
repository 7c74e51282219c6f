//! The store's life as it is drawn: everything that makes posting hard is in it, nothing comes
//! before its time, and what the store prints adds up to its books.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cannula_sandbox::{
    dermpro::{Article, Kin, OrderBooks, Origin, StoreConfig, StoreState},
    practice::PracticeConfig,
};

use crate::support::{Scene, start};

const DAYS: u32 = 60;
const DAY: Duration = Duration::from_secs(86_400);

async fn season(seed: u64) -> Scene {
    let practice = PracticeConfig::new(seed, 60, DAYS, start());
    Scene::new(practice, StoreConfig { customers: 40, days: DAYS }).await
}

fn minor(value: &serde_json::Value) -> i64 {
    (value.as_f64().unwrap_or(0.0) * 100.0).round() as i64
}

#[tokio::test]
async fn everything_that_makes_posting_hard_happens_in_a_season() {
    let mut seen = BTreeSet::new();
    for seed in 0..3 {
        let scene = season(seed).await;
        let mut orders = 0;
        for _ in 0..4 {
            scene.clock.advance(DAY * DAYS / 4);
            let books = scene.store().books();
            seen.extend(books.iter().flat_map(traits));
            orders = books.len();
        }
        assert!(orders > 50, "{orders}");
    }
    for expected in [
        "Patient",
        "OtherPhone",
        "OtherEmail",
        "Family",
        "Duplicated",
        "Borrower",
        "Newcomer",
        "Ageless",
        "guest",
        "account",
        "gift card tender",
        "free",
        "rewards",
        "parts",
        "held",
        "canceled",
        "closed",
        "refunded in part",
        "offline",
        "edited",
        "reordered",
        "membership",
        "gift card",
        "never taken",
    ] {
        assert!(seen.contains(expected), "{expected}: {seen:?}");
    }
}

fn traits(order: &OrderBooks) -> Vec<String> {
    let has = |article| order.articles.iter().any(|(it, _)| *it == article);
    let (taken, back) = (order.taken().minor(), order.given_back().minor());
    let facts = [
        (order.customer.is_none(), "guest"),
        (order.customer.is_some(), "account"),
        (order.gift_card.minor() > 0 && order.grand_total.minor() > 0, "gift card tender"),
        (order.grand_total.minor() == 0, "free"),
        (order.rewards.minor() > 0, "rewards"),
        (order.captured.len() > 1, "parts"),
        (order.state == StoreState::Held, "held"),
        (order.state == StoreState::Canceled, "canceled"),
        (order.state == StoreState::Closed, "closed"),
        (back > 0 && back < taken, "refunded in part"),
        (order.refunded.iter().any(|refund| !refund.online), "offline"),
        (matches!(order.origin, Some(Origin::Edited(_))), "edited"),
        (matches!(order.origin, Some(Origin::Reordered(_))), "reordered"),
        (has(Article::Membership), "membership"),
        (has(Article::GiftCard), "gift card"),
        (taken == 0 && order.grand_total.minor() > 0 && order.origin.is_none(), "never taken"),
    ];
    let facts = facts.into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_owned());
    facts.chain(order.identity.kin.map(|kin| format!("{kin:?}"))).collect()
}

/// A client that adds up captures and credit memos family by family arrives at the books.
#[tokio::test]
async fn what_the_store_prints_adds_up_to_its_books() {
    let scene = season(5).await;
    scene.clock.advance(DAY * DAYS);
    let orders = scene.all("orders").await;
    let mut printed = BTreeMap::<String, (i64, i64)>::new();
    let family = |id: &serde_json::Value| {
        let order = orders.iter().find(|order| order["entity_id"] == *id).unwrap();
        let number = order.get("original_increment_id").unwrap_or(&order["increment_id"]);
        number.as_str().unwrap().to_owned()
    };
    for invoice in scene.all("invoices").await {
        if invoice.get("transaction_id").is_some() {
            printed.entry(family(&invoice["order_id"])).or_default().0 +=
                minor(&invoice["grand_total"]);
        }
    }
    for memo in scene.all("creditmemos").await {
        if memo["state"] == 2 {
            printed.entry(family(&memo["order_id"])).or_default().1 += minor(&memo["grand_total"]);
        }
    }
    let mut books = BTreeMap::<String, (i64, i64)>::new();
    for order in scene.store().books() {
        let sums = books.entry(order.first_number.to_string()).or_default();
        sums.0 += order.taken().minor();
        sums.1 += order.given_back().minor();
    }
    books.retain(|_, sums| *sums != (0, 0));
    assert_eq!(printed, books);
    assert!(books.len() > 30);
}

#[tokio::test]
async fn ids_follow_time_and_the_same_seed_makes_the_same_season() {
    let run = async |steps: u32| {
        let scene = season(9).await;
        let mut last = 0;
        for _ in 0..steps {
            scene.clock.advance(DAY * DAYS / steps);
            let books = scene.store().books();
            let ids: Vec<_> = books.iter().map(|order| order.entity_id).collect();
            assert!(ids.is_sorted());
            assert!(ids.last() >= Some(&last));
            last = ids.last().copied().unwrap_or(last);
        }
        scene
            .store()
            .books()
            .iter()
            .map(|it| (it.number.clone(), it.placed_at, it.taken()))
            .collect::<Vec<_>>()
    };
    let whole = run(1).await;
    assert_eq!(whole, run(1).await);
    assert_eq!(whole, run(20).await, "how often somebody looks changes nothing");
    assert!(whole.iter().map(|(_, at, _)| at).is_sorted());
}

#[tokio::test]
async fn customers_are_to_the_practice_what_their_kin_says() {
    let scene = season(3).await;
    scene.clock.advance(DAY * DAYS);
    // What happens in the store happens when somebody looks, relatives of patients among it.
    let books = scene.store().books();
    let practice = scene.sandbox.practice();
    let patients: Vec<_> =
        practice.patient_ids().iter().map(|id| practice.patient(id).unwrap()).collect();
    let mut seen = BTreeSet::new();
    for order in books {
        let shopper = &order.shopper;
        let fold = |text: &str| text.trim().to_lowercase();
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        let email = |it: &&cannula_sandbox::practice::PatientState| {
            it.emails.iter().any(|email| fold(&email.address) == fold(&shopper.email))
        };
        let named = |it: &&cannula_sandbox::practice::PatientState| {
            fold(&it.given) == fold(&shopper.given) && fold(&it.family) == fold(&shopper.family)
        };
        let called = |it: &&cannula_sandbox::practice::PatientState| {
            let phone = digits(&shopper.phone);
            it.phones.iter().any(|it| digits(&it.number).ends_with(phone.trim_start_matches('1')))
        };
        let same = patients.iter().filter(email).filter(called).filter(named).count();
        let Some(kin) = order.identity.kin else { continue };
        let mailbox = patients.iter().filter(email).count();
        let at_home = patients.iter().filter(called).filter(named).count();
        let expected = match kin {
            Kin::Patient => same == 1 && mailbox == 1,
            Kin::OtherPhone => {
                same == 0 && patients.iter().filter(email).filter(named).count() == 1
            }
            Kin::OtherEmail => mailbox == 0 && at_home == 1,
            Kin::Family => same == 1 && mailbox == 2,
            Kin::Duplicated => same == 2,
            Kin::Borrower => mailbox == 1 && at_home == 0,
            Kin::Newcomer => mailbox == 0 && shopper.birth_date.is_some(),
            Kin::Ageless => mailbox == 0 && shopper.birth_date.is_none(),
        };
        assert!(
            expected,
            "{kin:?}: {same} the same, {mailbox} by mail, {at_home} by phone and name"
        );
        let stranger = matches!(kin, Kin::Borrower | Kin::Newcomer | Kin::Ageless);
        assert_eq!(order.identity.patient.is_none(), stranger, "{kin:?}");
        seen.insert(kin);
    }
    assert!(seen.len() >= 7, "{seen:?}");
}
