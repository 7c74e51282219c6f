//! What an order looks like, member by member.

use cannula_sandbox::dermpro::{
    Article, Checkout, Identity, Line, Refund, Shopper, StoreSettings, StoreTender,
};
use reqwest::Method;
use serde_json::json;

use crate::support::{Scene, facial, usd};

fn serum() -> Line {
    Line::new(Article::Configurable, "SER-30ML", "Serum", 12_000)
}

#[tokio::test]
async fn an_order_of_an_account_prints_what_it_has_and_leaves_out_what_it_has_not() {
    let scene = Scene::kind().await;
    let ivy = Shopper::new("Ivy", "Sample", 7);
    let account = scene.store().register(ivy.clone(), Identity::default());
    let facial = Line::new(Article::Service, "TX-FACIAL", "Facial (service)", 13_000);
    scene.store().place(Checkout {
        customer: Some(account),
        coupon: Some(("GLOW20".to_owned(), usd(2_000))),
        ..Checkout::new(ivy, vec![serum(), facial])
    });
    let order = scene.order().await;
    for (member, value) in [
        ("increment_id", json!("000004101")),
        ("store_id", json!(1)),
        ("state", json!("processing")),
        ("created_at", json!("2031-04-04 12:00:00")),
        ("customer_id", json!(811)),
        ("customer_is_guest", json!(0)),
        ("customer_firstname", json!("Ivy")),
        ("customer_dob", json!("1985-03-04 00:00:00")),
        ("customer_gender", json!(2)),
        ("subtotal", json!(250)),
        ("discount_amount", json!(-20)),
        ("discount_description", json!("GLOW20")),
        ("tax_amount", json!(9.9)),
        ("shipping_amount", json!(8)),
        ("grand_total", json!(247.9)),
        ("total_paid", json!(247.9)),
        ("total_due", json!(0)),
        ("order_currency_code", json!("USD")),
    ] {
        assert_eq!(order[member], value, "{member}");
    }
    for absent in ["total_refunded", "original_increment_id", "hold_before_state"] {
        assert!(order.get(absent).is_none(), "{absent}");
    }
    let payment = &order["payment"];
    assert!(payment.as_object().unwrap()["account_status"].is_null());
    assert_eq!(
        (&payment["method"], &payment["cc_type"]),
        (&json!("bluepay_payment"), &json!("VI"))
    );
    assert_eq!(order["billing_address"]["telephone"], "(518) 555-0007");
    assert_eq!(order["billing_address"]["street"], json!(["1 Juniper Way"]));
    let id = order["entity_id"].as_u64().unwrap();
    assert_eq!(Scene::expect(scene.get(&format!("/V1/orders/{id}")).await, 200), order);
}

#[tokio::test]
async fn a_guest_has_a_name_in_the_billing_address_only() {
    let scene = Scene::mean().await;
    scene.store().place(facial());
    let order = scene.order().await;
    assert_eq!(order["customer_is_guest"], 1);
    for absent in ["customer_id", "customer_firstname", "customer_lastname"] {
        assert!(order.get(absent).is_none(), "{absent}");
    }
    assert_eq!(order["billing_address"]["lastname"], "Sample");
    assert_eq!(order["state"], "complete", "there is nothing to ship");
}

#[tokio::test]
async fn a_configurable_article_is_two_rows_that_must_not_be_added_up() {
    let scene = Scene::mean().await;
    scene.store().place(Checkout::new(Shopper::new("Ivy", "Sample", 7), vec![serum()]));
    for (repeats, price) in [(true, json!(120)), (false, json!(0))] {
        scene.store().change_settings(|settings| settings.child_prices = repeats);
        let order = scene.order().await;
        let (parent, child) = (&order["items"][0], &order["items"][1]);
        assert_eq!(parent["product_type"], "configurable");
        assert_eq!(child["parent_item_id"], parent["item_id"]);
        assert_eq!(child["sku"], parent["sku"], "a parent has its child's number");
        assert_eq!(child["price"], price);
        assert_eq!(parent["price_incl_tax"], 129.9);
    }
}

#[tokio::test]
async fn what_a_gift_card_paid_is_a_gap_unless_the_edition_knows_gift_cards() {
    let scene = Scene::mean().await;
    scene.store().place(Checkout { gift_card: usd(5_000), rewards: usd(1_000), ..facial() });
    let order = scene.order().await;
    assert_eq!(order["grand_total"], 70);
    assert_eq!(order["total_paid"], 70);
    assert_eq!(order["discount_amount"], -10, "rewards look like a discount");
    assert_eq!(order["discount_description"], "Alle rewards");
    assert!(order["extension_attributes"].get("gift_cards_amount").is_none());
    scene.store().change_settings(|settings| settings.commerce = true);
    let order = scene.order().await;
    assert_eq!(order["discount_amount"], 0);
    assert_eq!(order["extension_attributes"]["gift_cards_amount"], 50);
    assert_eq!(order["extension_attributes"]["reward_currency_amount"], 10);
}

#[tokio::test]
async fn an_order_that_a_gift_card_paid_whole_is_free() {
    let scene = Scene::mean().await;
    scene.store().place(Checkout { gift_card: usd(50_000), ..facial() });
    let order = scene.order().await;
    assert_eq!((&order["grand_total"], &order["payment"]["method"]), (&json!(0), &json!("free")));
    assert!(order.get("total_paid").is_none());
    assert!(scene.all("transactions").await.is_empty());
}

#[tokio::test]
async fn an_old_store_prints_nulls_lists_and_rounding_errors_where_none_should_be() {
    let scene = Scene::mean().await;
    let line = Line::new(Article::Service, "TX", "Peel", 20_755 - 1);
    let checkout = Checkout::new(Shopper::new("Ivy", "Sample", 7), vec![line]);
    let order = scene.store().place(Checkout { tender: StoreTender::PayPal, ..checkout });
    scene.store().refund(&order, None, Refund::Offline).unwrap();
    let read = async || (scene.order().await, scene.all("creditmemos").await.remove(0));
    let (order, memo) = read().await;
    assert!(order["payment"].as_object().unwrap()["cc_last4"].is_null());
    assert!(order["payment"].get("cc_type").is_none());
    assert_eq!(order["billing_address"]["extension_attributes"], json!([]));
    assert!(memo["items"][0].as_object().unwrap()["base_cost"].is_null());
    let answer = scene.request(Method::GET, "/V1/orders?fields=items[total_paid]");
    let text = answer.send().await.unwrap().text().await.unwrap();
    assert_eq!(text, r#"{"items":[{"total_paid":207.54000000000002}]}"#);
    scene.store().change_settings(|settings| *settings = StoreSettings::kind());
    let (order, memo) = read().await;
    assert_eq!(order["total_paid"], 207.54);
    assert_eq!(order["payment"]["cc_last4"], "");
    assert_eq!(memo["items"][0]["base_cost"], 0);
    assert!(order["billing_address"].get("extension_attributes").is_none());
}

#[tokio::test]
async fn store_views_number_their_orders_each_for_itself() {
    let scene = Scene::mean().await;
    let first = scene.store().place(facial());
    let other = scene.store().place(Checkout { view: 2, ..facial() });
    assert_eq!((first.as_str(), other.as_str()), ("000004101", "2:000004101"));
    let orders = scene.all("orders").await;
    assert_eq!(orders[0]["increment_id"], orders[1]["increment_id"]);
    assert_eq!((&orders[0]["store_id"], &orders[1]["store_id"]), (&json!(1), &json!(2)));
}
