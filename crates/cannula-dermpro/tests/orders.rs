//! Orders as a store gives them, over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::{collections::BTreeSet, time::Duration};

use cannula_core::{ErrorKind, Event, Record, StoreOrder};
use common::{AFTER, CHANGED, Store, json, page, refusal, small};

const ORDERS: &str = include_str!("fixtures/orders.json");
const CREDIT_MEMOS: &str = include_str!("fixtures/creditmemos.json");
const TRANSACTIONS: &str = include_str!("fixtures/transactions.json");

async fn store_with_everything() -> Store {
    let store = Store::open().await;
    store.answers("orders", json(ORDERS)).await;
    store.answers("creditmemos", json(CREDIT_MEMOS)).await;
    store.answers("transactions", json(TRANSACTIONS)).await;
    store
}

fn order(event: &Event) -> &StoreOrder {
    match &event.record {
        Record::Order(order) => order,
        other => panic!("{other:?}"),
    }
}

fn numbers(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.key.id.as_str()).collect()
}

#[tokio::test]
async fn every_kind_of_order_is_read_and_a_bad_one_harms_no_other() {
    let store = store_with_everything().await;
    let page = store.poll(None).await.unwrap();
    let mut shown: Vec<_> = page
        .events
        .iter()
        .map(|it| {
            let order = serde_json::to_value(order(it)).unwrap();
            format!("{} as of {}\n{order:#}", it.key.id, it.version.stamp)
        })
        .collect();
    shown.extend(page.rejected.iter().map(|it| {
        let id = it.key.as_ref().map_or("?", |key| key.id.as_str());
        format!("rejected {id}: {}: {}", it.path, it.problem)
    }));
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[tokio::test]
async fn card_data_stays_on_the_wire_even_if_the_store_ignores_which_fields_were_asked_for() {
    let store = store_with_everything().await;
    let page = store.poll(None).await.unwrap();
    assert!(page.rejected.iter().any(|row| row.raw.expose().contains("000005204")));
    let mut kept = serde_json::to_string(&page.events).unwrap();
    kept += &serde_json::to_string(&page.rejected).unwrap();
    for secret in ["4417", "Noor B Hale", "Bea Quill", "203.0.113", "2033", "GIFT12345678"] {
        assert!(ORDERS.contains(secret) && !kept.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn pages_are_asked_for_by_id_and_never_past_the_end() {
    let store = Store::with(|config| config.page_size = 2).await;
    let orders: Vec<_> =
        (1..=3).map(|id| small(id, "2031-05-02 10:00:00", "2031-05-02 10:00:00")).collect();
    let (first, second) = ([&*orders[0], &*orders[1]], [&*orders[2]]);
    store.mount("orders", &[(CHANGED, "2031-05-06")], page(&[], 0), 9).await;
    store.mount("orders", &[(AFTER, "0")], page(&first, 3), 9).await;
    store.mount("orders", &[(AFTER, "2")], page(&second, 1), 9).await;
    store.mount("orders", &[(AFTER, "3")], page(&[], 0), 9).await;
    store.nothing_belongs_to_orders().await;
    let (events, cursor) = store.sweep(None).await;
    assert_eq!(numbers(&events), ["000000001", "000000002", "000000003"]);
    store.sweep(Some(cursor)).await;
    insta::assert_snapshot!(store.asked().await.join("\n"));
}

#[tokio::test]
async fn an_order_that_changes_while_pages_are_read_is_read_by_the_next_sweep() {
    let store = Store::with(|config| {
        config.page_size = 1;
        config.overlap = Duration::ZERO;
    })
    .await;
    let placed = "2031-05-02 10:00:00";
    let [one, two] = [1, 2].map(|id| small(id, placed, placed));
    // A page, half a minute, a change, half a minute, the next page.
    store.mount("orders", &[(AFTER, "0")], page(&[&one], 2), 1).await;
    store.mount("orders", &[(AFTER, "1")], page(&[&two], 1), 1).await;
    let changed = small(1, placed, "2031-05-06 14:00:30").replace("processing", "complete");
    let changes = [(CHANGED, "2031-05-06"), (AFTER, "0")];
    store.mount("orders", &changes, page(&[&changed], 1), 1).await;
    store.answers("orders", page(&[], 0)).await;
    store.nothing_belongs_to_orders().await;

    let first = store.poll(None).await.unwrap();
    assert!(!first.last);
    store.clock.advance(Duration::from_secs(60));
    let second = store.poll(Some(&first.next)).await.unwrap();
    assert_eq!((numbers(&second.events), second.last), (vec!["000000002"], true));
    store.clock.advance(Duration::from_secs(60));
    let (again, _) = store.sweep(Some(second.next)).await;
    assert_eq!(numbers(&again), ["000000001"]);
    assert_ne!(again[0].id, first.events[0].id);
    assert!(again[0].version.stamp > first.events[0].version.stamp);
}

#[tokio::test]
async fn a_row_without_an_id_is_rejected_and_what_comes_after_the_last_id_is_asked_for_again() {
    let store = Store::with(|config| config.page_size = 2).await;
    let [one, two] = [1, 2].map(|id| small(id, "2031-05-02 10:00:00", "2031-05-02 10:00:00"));
    let nameless = two.replace(r#""entity_id":2"#, r#""entity_id":null"#);
    store.mount("orders", &[(AFTER, "0")], page(&[&one, &nameless], 3), 1).await;
    store.mount("orders", &[(AFTER, "1")], page(&[&nameless, "7"], 2), 1).await;
    store.nothing_belongs_to_orders().await;
    let first = store.poll(None).await.unwrap();
    let second = store.poll(Some(&first.next)).await.unwrap();
    assert!(!first.last && second.last);
    assert_eq!(numbers(&first.events), ["000000001"]);
    let shown = |page: cannula_core::Page| {
        let row = |row: &cannula_core::Rejected| {
            let id = row.key.as_ref().map_or("?", |key| key.id.as_str());
            format!("{id} {}: {}", row.path, row.problem)
        };
        page.rejected.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(shown(first), ["000000002 items[1].entity_id: expected a number"]);
    assert_eq!(
        shown(second),
        [
            "000000002 items[0].entity_id: expected a number",
            "? items[1].entity_id: expected a number"
        ]
    );
}

#[tokio::test]
async fn what_only_the_date_let_in_is_left_out_and_nothing_more_is_asked_of_it() {
    let store = Store::open().await;
    let before = small(1, "2031-05-01 04:59:59", "2031-05-01 04:59:59");
    let from = small(2, "2031-05-01 05:00:00", "2031-05-06 13:29:59");
    store.mount("orders", &[(CHANGED, "2031-05-06")], page(&[&before, &from], 2), 9).await;
    store.answers("orders", page(&[&before, &from], 2)).await;
    store.nothing_belongs_to_orders().await;
    let (events, _) = store.sweep(None).await;
    assert_eq!(numbers(&events), ["000000002"]);
    let asked = store.asked().await;
    let of_orders: Vec<_> = asked.iter().filter(|it| !it.starts_with("orders")).collect();
    assert_eq!(
        of_orders,
        [
            "creditmemos; order_id 2 in; entity_id 0 gt",
            "transactions; order_id 2 in; txn_type capture eq; transaction_id 0 gt"
        ]
    );
}

#[tokio::test]
async fn credit_memos_are_read_to_their_last_page() {
    let store = Store::with(|config| config.page_size = 1).await;
    let refunded = small(1, "2031-05-02 10:00:00", "2031-05-02 10:00:00");
    store.answers("orders", page(&[&refunded], 1)).await;
    let memo = |id: u64| {
        format!(
            r#"{{"entity_id":{id},"increment_id":"{id}","order_id":1,"state":2,"created_at":"2031-05-03 10:00:00","grand_total":{id}}}"#
        )
    };
    const MEMOS_AFTER: &str = "searchCriteria[filterGroups][1][filters][0][value]";
    store.mount("creditmemos", &[(MEMOS_AFTER, "0")], page(&[&memo(4)], 2), 1).await;
    store.mount("creditmemos", &[(MEMOS_AFTER, "4")], page(&[&memo(5)], 1), 1).await;
    store.answers("transactions", page(&[], 0)).await;
    let page = store.poll(None).await.unwrap();
    let amounts: Vec<_> =
        order(&page.events[0]).refunds.iter().map(|it| it.amount.to_string()).collect();
    assert_eq!(amounts, ["$4.00", "$5.00"]);
}

#[tokio::test]
async fn one_order_is_read_by_its_number_and_another_views_by_its_view() {
    let store = Store::open().await;
    let ours = small(7, "2031-05-02 10:00:00", "2031-05-02 10:00:00");
    let views = ours.replace(r#""store_id":1"#, r#""store_id":2"#);
    let bad = ours.replace("2031-05-02 10:00:00", "soon");
    const VIEW: &str = "searchCriteria[filterGroups][1][filters][0][value]";
    store.mount("orders", &[(AFTER, "000000007"), (VIEW, "1")], page(&[&ours], 1), 9).await;
    store.mount("orders", &[(AFTER, "000000007"), (VIEW, "2")], page(&[&views], 1), 9).await;
    store.mount("orders", &[(AFTER, "000000008"), (VIEW, "1")], page(&[&bad], 1), 9).await;
    store.answers("orders", page(&[], 0)).await;
    store.nothing_belongs_to_orders().await;
    let event = store.get("000000007").await.unwrap().unwrap();
    assert_eq!(order(&event).number.as_str(), "000000007");
    assert_eq!(event.subject().unwrap().person.as_str(), "customer/7");
    let event = store.get("2:000000007").await.unwrap().unwrap();
    assert_eq!(order(&event).number.as_str(), "2:000000007");
    assert!(store.get("000000009").await.unwrap().is_none());
    let error = store.get("000000008").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "dermpro: get order: expected a time in UTC such as `2031-05-06 14:00:00` (decode, path=items[0].created_at)"
    );
}

#[tokio::test]
async fn a_firewalls_page_is_no_answer_and_every_attempt_is_signed_anew() {
    let store = Store::open().await;
    let html = "<html>Checking your browser, Mina</html>";
    store.mount("orders", &[], refusal(503, html, "text/html"), 1).await;
    store.mount("orders", &[], refusal(429, html, "text/html"), 1).await;
    store.answers("orders", page(&[], 0)).await;
    assert!(store.poll(None).await.unwrap().events.is_empty());
    let signatures = store.signatures().await;
    assert_eq!(signatures.len(), 3);
    assert!(signatures.iter().all(|it| it.starts_with("OAuth oauth_consumer_key=\"ck\", ")));
    assert_eq!(signatures.iter().collect::<BTreeSet<_>>().len(), 3, "{signatures:?}");
    assert!(!signatures.concat().contains("hush-1"));
}

#[tokio::test]
async fn what_is_no_page_of_orders_in_order_is_an_error_and_not_an_empty_page() {
    let [one, two] = [1, 2].map(|id| small(id, "2031-05-02 10:00:00", "2031-05-02 10:00:00"));
    let nameless = one.replace(r#""entity_id":1"#, r#""entity_id":null"#);
    let answers = [
        ("nothing", json("[]")),
        ("a web page", json("<html>Mina</html>")),
        ("descending", page(&[&two, &one], 2)),
        ("without an id, and more behind it", page(&[&nameless], 2)),
        ("without the rows it counts", page(&[], 2)),
    ];
    let mut shown = Vec::new();
    for (name, answer) in answers {
        let store = Store::open().await;
        store.answers("orders", answer).await;
        let error = store.poll(None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{name}");
        shown.push(format!("{name}: {error}"));
    }
    insta::assert_snapshot!(shown.join("\n"));
}
