//! What shoppers and staff do to orders, and what the books make of it.

use std::time::Duration;

use cannula_core::PaymentStatus;
use cannula_sandbox::{
    dermpro::{Article, Checkout, Identity, Line, Origin, Refund, Shopper, StoreState},
    practice::PatientState,
};
use reqwest::Method;
use serde_json::json;

use crate::support::{Scene, facial, usd};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn money_that_was_authorized_is_taken_later_and_in_parts() {
    let scene = Scene::kind().await;
    let store = scene.store();
    let number = store.place(Checkout { captured: false, ..facial() });
    let order = scene.order().await;
    assert_eq!((&order["state"], &order["total_due"]), (&json!("new"), &json!(130)));
    assert!(order.get("total_paid").is_none());
    scene.clock.advance(DAY);
    assert!(store.capture(&number, Some(usd(5_000))));
    scene.clock.advance(DAY);
    assert!(!store.capture(&number, Some(usd(8_001))), "so much is not due");
    assert!(store.capture(&number, None));
    assert!(!store.capture(&number, None));
    let order = scene.order().await;
    assert_eq!((&order["state"], &order["total_paid"]), (&json!("complete"), &json!(130)));
    let invoices = scene.all("invoices").await;
    assert_eq!(
        (&invoices[0]["grand_total"], &invoices[1]["grand_total"]),
        (&json!(50), &json!(80))
    );
    let kinds: Vec<_> = scene.all("transactions").await;
    let kinds: Vec<_> = kinds.iter().map(|it| it["txn_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["authorization", "capture", "capture"]);
    let books = store.order(&number).unwrap();
    let times: Vec<_> = books.captured.iter().map(|(at, _)| at.to_rfc3339()).collect();
    assert_eq!(times, ["2031-04-05T12:00:00+00:00", "2031-04-06T12:00:00+00:00"]);
    assert_eq!(books.taken(), usd(13_000));
}

#[tokio::test]
async fn an_order_on_hold_is_charged_and_cannot_be_refunded_until_it_is_released() {
    let scene = Scene::kind().await;
    let store = scene.store();
    let number = store.place(Checkout { risky: true, ..facial() });
    let order = scene.order().await;
    assert_eq!(
        (&order["state"], &order["hold_before_state"]),
        (&json!("holded"), &json!("complete"))
    );
    assert_eq!(order["total_paid"], 130);
    assert_eq!(store.refund(&number, None, Refund::Online), None);
    assert!(!store.cancel(&number) && store.edit(&number).is_none());
    scene.clock.advance(DAY * 9);
    assert!(store.unhold(&number));
    let order = scene.order().await;
    assert_eq!(
        (&order["created_at"], &order["updated_at"]),
        (&json!("2031-04-04 12:00:00"), &json!("2031-04-13 12:00:00"))
    );
    store.refund(&number, None, Refund::Online).unwrap();
    assert_eq!(store.order(&number).unwrap().state, StoreState::Closed);
}

#[tokio::test]
async fn staff_can_hold_and_release_through_the_interface() {
    let scene = Scene::kind().await;
    scene.store().place(Checkout { captured: false, ..facial() });
    let post = async |deed: &str| {
        let path = format!("/V1/orders/4101/{deed}");
        let answer = scene.request(Method::POST, &path).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    assert_eq!(post("hold").await, (200, json!(true)));
    assert_eq!(
        Scene::expect(post("hold").await, 400)["message"],
        "A hold action is not available."
    );
    assert_eq!(post("unhold").await, (200, json!(true)));
    assert_eq!(Scene::expect(post("unhold").await, 400)["message"], "You cannot remove the hold.");
}

#[tokio::test]
async fn refunds_add_up_and_only_those_carried_out_count() {
    let scene = Scene::kind().await;
    let store = scene.store();
    let number = store.place(facial());
    store.refund(&number, Some(usd(3_000)), Refund::Online).unwrap();
    store.refund(&number, Some(usd(2_000)), Refund::Offline).unwrap();
    store.refund(&number, Some(usd(1_000)), Refund::Open).unwrap();
    assert_eq!(store.refund(&number, Some(usd(8_001)), Refund::Online), None);
    let order = scene.order().await;
    assert_eq!(order["total_refunded"], 50);
    assert_eq!(
        (&order["total_online_refunded"], &order["total_offline_refunded"]),
        (&json!(30), &json!(20))
    );
    assert_eq!(order["state"], "complete");
    let memos = scene.all("creditmemos").await;
    let states: Vec<_> = memos.iter().map(|memo| memo["state"].as_u64().unwrap()).collect();
    assert_eq!(states, [2, 2, 1]);
    assert!(memos[1].get("transaction_id").is_none());
    let memo = Scene::expect(scene.get("/V1/creditmemo/71").await, 200);
    assert_eq!(memo["adjustment_positive"], 30);
    let books = store.order(&number).unwrap();
    assert_eq!((books.given_back(), books.refunded.len()), (usd(5_000), 2));
    store.refund(&number, None, Refund::Online).unwrap();
    assert_eq!(scene.order().await["state"], "closed");
}

#[tokio::test]
async fn an_edited_order_shows_its_money_twice_though_it_was_taken_once() {
    let scene = Scene::kind().await;
    let store = scene.store();
    let line = Line::new(Article::Simple, "SPF-50", "Sunscreen", 4_000);
    let paid = store.place(Checkout::new(Shopper::new("Ivy", "Sample", 7), vec![line]));
    let again = store.edit(&paid).unwrap();
    assert_eq!(again.as_str(), "000004101-1");
    let orders = scene.all("orders").await;
    assert_eq!(orders[0]["state"], "canceled");
    assert_eq!(orders[0]["relation_child_real_id"], "000004101-1");
    assert_eq!(orders[1]["original_increment_id"], "000004101");
    assert_eq!(orders[1]["relation_parent_real_id"], "000004101");
    assert_eq!(orders[0]["total_paid"], orders[1]["total_paid"]);
    assert_eq!(scene.all("transactions").await.len(), 1, "the gateway was asked once");
    let books = store.books();
    assert_eq!(books[1].origin, Some(Origin::Edited(paid.clone())));
    assert_eq!((books[0].taken().minor(), books[1].taken().minor()), (5_130, 0));
    assert!(books.iter().all(|order| order.first_number == paid));
}

#[tokio::test]
async fn an_open_order_that_is_edited_is_paid_under_its_new_number_only() {
    let scene = Scene::kind().await;
    let store = scene.store();
    let open = store.place(Checkout { captured: false, ..facial() });
    let again = store.edit(&open).unwrap();
    assert!(!store.capture(&open, None));
    assert!(store.capture(&again, None));
    let taken: Vec<_> = store.books().iter().map(|order| order.taken().minor()).collect();
    assert_eq!(taken, [0, 13_000]);
    assert!(store.edit(&again).is_none(), "it is complete");
}

#[tokio::test]
async fn what_is_ordered_again_is_paid_again_under_a_number_with_a_suffix() {
    let scene = Scene::kind().await;
    let store = scene.store();
    let first = store.place(facial());
    let second = store.reorder(&first).unwrap();
    let third = store.reorder(&second).unwrap();
    assert_eq!((second.as_str(), third.as_str()), ("000004101-1", "000004101-2"));
    let taken: Vec<_> = store.books().iter().map(|order| order.taken().minor()).collect();
    assert_eq!(taken, [13_000; 3]);
    assert_eq!(store.order(&third).unwrap().origin, Some(Origin::Reordered(second)));
}

#[tokio::test]
async fn a_renewal_is_an_order_of_its_own_with_the_membership_alone() {
    let scene = Scene::kind().await;
    let store = scene.store();
    let mut checkout = facial();
    checkout.lines.push(Line::new(Article::Membership, "MEM-GLOW", "Glow", 9_900));
    let first = store.place(checkout);
    scene.clock.advance(DAY * 30);
    let renewal = store.renew(&first).unwrap();
    let books = store.order(&renewal).unwrap();
    assert_eq!(books.articles, [(Article::Membership, "MEM-GLOW".to_owned())]);
    assert_eq!((books.taken(), books.origin), (usd(9_900), None));
    let plain = store.place(facial());
    assert_eq!(store.renew(&plain), None);
}

#[tokio::test]
async fn an_account_changes_and_its_old_orders_do_not() {
    let scene = Scene::kind().await;
    let store = scene.store();
    let ivy = Shopper { birth_date: None, ..Shopper::new("Ivy", "Sample", 7) };
    let account = store.register(ivy, Identity::default());
    let buy = || {
        let (shopper, _) = store.customer(account).unwrap();
        store.place(Checkout { customer: Some(account), ..Checkout::new(shopper, facial().lines) })
    };
    buy();
    scene.clock.advance(DAY);
    assert!(store.change_email(account, "ivy@new.example.test"));
    assert!(store.change_birth_date(account, "1990-01-02".parse().ok()));
    buy();
    let orders = scene.all("orders").await;
    assert_eq!(orders[0]["customer_email"], "ivy.sample.7@shop.example.test");
    assert!(orders[0].get("customer_dob").is_none());
    assert_eq!(orders[1]["customer_email"], "ivy@new.example.test");
    assert_eq!(orders[1]["customer_dob"], "1990-01-02 00:00:00");
    let found = scene.all("customers/search").await;
    assert_eq!((&found[0]["id"], &found[0]["dob"]), (&json!(account), &json!("1990-01-02")));
    assert_eq!(found[0]["updated_at"], "2031-04-05 12:00:00");
}

#[tokio::test]
async fn the_other_integration_posts_by_sku_with_the_day_in_utc() {
    let scene = Scene::kind().await;
    let practice = scene.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    scene.clock.advance(Duration::from_secs(13 * 3_600)); // 9 in the evening at the practice
    let mine = scene.store().place(Checkout {
        identity: Identity { patient: Some(ann.clone()), kin: None },
        ..facial()
    });
    let id = scene.store().post_as_dermpro(&mine).unwrap();
    let row = practice.payment(&id).unwrap();
    assert_eq!(row.note.as_deref(), Some("TX-FACIAL"));
    assert_eq!(
        (row.patient, row.amount, row.status),
        (Some(ann), usd(13_000), PaymentStatus::Active)
    );
    assert_eq!(row.date.to_string(), "2031-04-05", "it was the 4th");
    let nobodys = scene.store().place(facial());
    assert_eq!(scene.store().post_as_dermpro(&nobodys), None);
}
