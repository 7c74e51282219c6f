use std::collections::BTreeMap;

use cannula_core::{Record, RecordId};
use cannula_sandbox::{
    LineKind, OrderLine, OrderState, Quirks,
    practice::{Practice, PracticeConfig},
};
use serde_json::json;

use crate::support::{Scene, start};

fn number(id: &RecordId) -> u64 {
    id.as_str().parse().unwrap()
}

#[tokio::test]
async fn an_order_counts_while_it_is_closed_and_paid() {
    let scene = Scene::empty().await;
    let (ann, _) = scene.ann();
    let value = || {
        scene.advance(1);
        scene.practice().order_value(&ann).minor()
    };
    let order = scene.practice().open_order(&ann, "Injectables", 44_100);
    assert_eq!(value(), 0);
    assert!(scene.practice().close_order(&order));
    assert!(!scene.practice().close_order(&order));
    assert_eq!(value(), 44_100);
    assert!(scene.practice().reopen_order(&order));
    assert_eq!(value(), 0);
    scene.practice().update_order(&order, |state| {
        state.lines.push(OrderLine::new(LineKind::Product, "Vitamin C Serum", 8_600));
    });
    assert!(scene.practice().close_order(&order));
    assert_eq!(value(), 52_700);
    scene.practice().update_order(&order, |state| state.due = state.total());
    assert_eq!(value(), 0, "closed, but not paid");
    scene
        .practice()
        .update_order(&order, |state| state.due = OrderState::new(&ann, vec![]).total());
    let other = scene.practice().open_order(&ann, "Skin Care", 10_000);
    assert!(!scene.practice().refund_order(&other), "it is not closed");
    scene.practice().close_order(&other);
    assert_eq!(value(), 62_700);
    assert!(scene.practice().refund_order(&other));
    assert_eq!(value(), 52_700);
    assert!(scene.practice().void_order(&order));
    assert!(!scene.practice().void_order(&order));
    assert_eq!(value(), 0);
}

#[tokio::test]
async fn an_order_is_printed_with_lines_and_sums() {
    let scene = Scene::empty().await;
    let (ann, customer) = scene.ann();
    let mut service = OrderLine::new(LineKind::Service, "Injectables", 44_100);
    service.discount = OrderLine::new(LineKind::Product, "", 4_000).price;
    let membership = OrderLine::new(LineKind::Membership, "Glow Monthly", 19_905);
    let id = scene.practice().ring_up(OrderState::new(&ann, vec![service, membership]));
    let open = scene.json(&format!("/orders/{id}")).await;
    assert_eq!((&open["AmountPaid"], &open["BalanceDue"]), (&json!(0.0), &json!(600.05)));
    assert_eq!((&open["Status"], &open["ClosedOn"]), (&json!("Open"), &json!(null)));
    scene.advance(660);
    scene.practice().close_order(&id);
    let expected = json!({
        "OrderId": number(&id), "CustomerId": customer.parse::<u64>().unwrap(), "CompanyId": 1,
        "Status": "Closed",
        "OrderDate": "2031-04-04T08:00:00", "ClosedOn": "2031-04-04T08:11:00",
        "SubTotal": 640.05, "Discount": 40.0, "Tax": 0.0, "Tip": 0.0, "Total": 600.05,
        "AmountPaid": 600.05, "BalanceDue": 0.0,
        "Lines": [
            { "LineId": 1, "Type": "Service", "ItemId": 6, "Name": "Injectables", "Quantity": 1,
              "UnitPrice": 441.0, "Total": 401.0 },
            { "LineId": 2, "Type": "Membership", "ItemId": 77, "Name": "Glow Monthly",
              "Quantity": 1, "UnitPrice": 199.05, "Total": 199.05 },
        ],
        "UpdatedOn": "2031-04-04T08:11:00",
    });
    assert_eq!(scene.json(&format!("/orders/{id}")).await, expected);
    assert_eq!(scene.json("/orders?Status=closed&CustomerId=70011").await, json!([expected]));
    assert_eq!(scene.json("/orders?StartDate=2031-04-05").await, json!([]));
    let purchases = scene.post(&format!("/customers/{customer}/Purchases"), &json!({})).await;
    let rows = purchases.expect(200);
    let first = json!({
        "OrderId": number(&id), "Date": "2031-04-04", "Description": "Injectables", "Quantity": 1,
        "Amount": 401.0, "Type": "Service",
    });
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]), (2, &first));
}

#[tokio::test]
async fn a_membership_begins_when_its_order_is_closed_and_ends_with_it() {
    let scene = Scene::empty().await;
    let (ann, customer) = scene.ann();
    let (order, membership) = scene.practice().sell_membership(&ann, "Glow Monthly", 19_900);
    let path = format!("/customers/{customer}/Memberships");
    let expected = json!([{
        "CustomerMembershipId": number(&membership), "CustomerId": 70_011, "MembershipId": 77,
        "Name": "Glow Monthly", "Status": "Active", "StartDate": "2031-04-04",
        "NextBillDate": "2031-05-04", "EndDate": null, "Price": 199.0, "OrderId": number(&order),
        "UpdatedOn": "2031-04-04T08:00:00",
    }]);
    assert_eq!(scene.json(&path).await, expected);
    assert_eq!(scene.json("/memberships?CustomerId=70011").await, expected);
    scene.days(1);
    scene.practice().freeze_membership(&membership);
    assert_eq!(scene.json(&path).await[0]["Status"], "Frozen");
    scene.days(1);
    scene.practice().void_order(&order);
    let ended = scene.json(&format!("/memberships/{membership}")).await;
    assert_eq!((&ended["Status"], &ended["EndDate"]), (&json!("Cancelled"), &json!("2031-04-06")));
    let late = OrderLine::new(LineKind::Membership, "Smooth Skin Club", 12_950);
    let late = scene.practice().ring_up(OrderState::new(&ann, vec![late]));
    assert_eq!(scene.practice().membership_ids().len(), 1, "sold, but not closed");
    scene.practice().close_order(&late);
    scene.advance(1);
    assert_eq!(scene.practice().membership_ids().len(), 2);
}

#[tokio::test]
async fn an_order_tells_of_the_membership_that_its_line_sells() {
    let scene = Scene::empty().await;
    let (ann, customer) = scene.ann();
    let service = OrderLine::new(LineKind::Service, "Injectables", 44_100);
    let membership = OrderLine::new(LineKind::Membership, "Glow Monthly", 19_900);
    let order = scene.practice().ring_up(OrderState::new(&ann, vec![service, membership]));
    for deed in [Practice::close_order, Practice::reopen_order, Practice::refund_order] {
        scene.advance(60);
        deed(scene.practice(), &order);
    }
    scene.practice().close_order(&order);
    scene.practice().refund_order(&order);
    let told: Vec<_> = scene
        .practice()
        .patientnow_history()
        .into_iter()
        .filter_map(|(_, event)| match event.record {
            Record::Membership(membership) => Some((event.key.id.to_string(), membership)),
            _ => None,
        })
        .collect();
    let words: Vec<_> = told.iter().map(|(_, membership)| membership.status.label()).collect();
    assert_eq!(words, ["Active", "Active", "Cancelled"]);
    let (id, first) = &told[0];
    assert_eq!((id, first.patient.as_str()), (&format!("{order}/2"), customer.as_str()));
    assert_eq!((first.price.unwrap().minor(), first.start), (19_900, "2031-04-04".parse().ok()));
}

/// The books, the history and what the API prints say the same, at any moment.
#[tokio::test]
async fn the_books_agree_with_the_history_and_with_the_api() {
    for seed in 0..3 {
        let scene = Scene::new(PracticeConfig::new(seed, 40, 60, start()), Quirks::kind()).await;
        for _ in 0..3 {
            scene.days(20);
            let practice = scene.practice();
            let mut rows = BTreeMap::new();
            for event in practice.patientnow_history_until(scene.sandbox_now()) {
                if let Record::Payment(payment) = event.record {
                    rows.insert(event.key.id.to_string(), payment);
                }
            }
            let mut told = BTreeMap::<String, i64>::new();
            for row in rows.values() {
                let minor = row.counted().map_or(0, |money| money.minor());
                *told.entry(row.patient.as_ref().unwrap().to_string()).or_default() += minor;
            }
            let mut printed = BTreeMap::<String, i64>::new();
            for row in scene.all("/orders").await {
                let settled = row["Status"] == "Closed" && row["BalanceDue"] == 0.0;
                let cents = (row["Total"].as_f64().unwrap() * 100.0).round() as i64;
                *printed.entry(row["CustomerId"].to_string()).or_default() +=
                    if settled { cents } else { 0 };
            }
            let books: BTreeMap<String, i64> = practice
                .order_values()
                .iter()
                .map(|(id, money)| (practice.customer_id(id).unwrap().to_string(), money.minor()))
                .collect();
            assert!(!books.is_empty());
            assert_eq!(books, told, "seed {seed}");
            assert_eq!(books, printed, "seed {seed}");
        }
    }
}
