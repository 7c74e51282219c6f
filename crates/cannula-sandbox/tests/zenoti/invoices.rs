use cannula_sandbox::zenoti::{Amount, InvoiceItem, ItemKind, MembershipStanding};
use serde_json::{Value, json};

use crate::support::Scene;

fn item(name: &str, ten_thousandths: i64) -> InvoiceItem {
    let (price, tax) = (Amount(ten_thousandths), Amount(0));
    InvoiceItem { name: name.to_owned(), kind: ItemKind::Service, price, tax }
}

#[tokio::test]
async fn an_invoice_is_open_until_it_is_closed_and_blocks_come_only_when_asked_for() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let id = scene.book(&ann);
    let invoice = scene.practice().zenoti_invoice_of(&id);
    let path = format!("invoices/{invoice}");
    let plain = scene.json(&path).await;
    assert_eq!((&plain["invoice"]["is_closed"], &plain["error"]), (&json!(false), &Value::Null));
    for block in ["invoice_items", "transactions", "appointments"] {
        assert!(plain["invoice"].get(block).is_none(), "{block}");
    }
    let full = scene.json(&format!("{path}?expand=InvoiceItems&expand=Appointments")).await;
    assert_eq!(full["invoice"]["invoice_items"][0]["name"], "Injectables");
    let line = &full["invoice"]["appointments"][0];
    assert_eq!(line["start_time"], "2031-04-11T18:30:00", "UTC here");
    assert_eq!(line["serviceduration_in_miutes"], 45);
    assert_eq!(scene.practice().zenoti_invoice(&invoice), None);
    scene.practice().zenoti_close_invoice(&id, Some(vec![item("Botox", 4_413_333)])).unwrap();
    let closed = scene.json(&format!("{path}?expand=InvoiceItems,Transactions")).await;
    assert_eq!(closed["invoice"]["is_closed"], true);
    assert_eq!(closed["invoice"]["total_price"]["sum_total"].to_string(), "441.3333");
    assert_eq!(closed["invoice"]["transactions"][0]["amount_paid"].to_string(), "441.3333");
    assert_eq!(closed["invoice"]["invoice_items"][0]["price"]["currency_id"], 148);
    assert_eq!(closed["invoice"]["total_price"]["currency_id"], 0);
    assert_eq!(scene.practice().zenoti_close_invoice(&id, None), None, "it is closed");
}

#[tokio::test]
async fn the_books_follow_every_hand() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let id = scene.book(&ann);
    let practice = scene.practice();
    let value = || {
        scene.advance(60);
        practice.zenoti_lifetime_value(&ann).minor()
    };
    assert_eq!(value(), 0);
    let two = vec![item("Botox", 1_250_050), item("Filler", 1_000_000)];
    let invoice = practice.zenoti_close_invoice(&id, Some(two)).unwrap();
    assert_eq!(value(), 22_500, "half a cent goes to the even cent");
    assert!(practice.zenoti_reopen_invoice(&invoice));
    assert!(!practice.zenoti_reopen_invoice(&invoice));
    assert_eq!(value(), 0);
    practice
        .zenoti_close_invoice(&id, Some(vec![item("Botox", 1_000_000), item("Filler", 1)]))
        .unwrap();
    assert_eq!(value(), 10_000);
    let refund = practice.zenoti_refund(&invoice, 1).unwrap();
    assert_eq!(value(), 0);
    let shown = scene.json(&format!("invoices/{refund}")).await;
    assert_eq!(
        (&shown["invoice"]["is_refund"], &shown["invoice"]["is_closed"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(shown["invoice"]["total_price"]["sum_total"], json!(-100.0));
    assert_eq!(practice.zenoti_refund(&refund, 1), None);
    practice.zenoti_sell(&ann, vec![item("Cream", 500_000)]);
    assert_eq!(value(), 5_000);
    assert_eq!(practice.zenoti_invoice_ids().len(), 3);
}

#[tokio::test]
async fn an_invoice_that_nobody_knows_is_refused_in_a_shape_of_its_own() {
    let scene = Scene::empty().await;
    let path = "invoices/00000000-0000-4000-8000-000000000000";
    let within = scene.json(path).await;
    assert_eq!(within["error"]["StatusCode"], 419);
    scene.sandbox.zenoti().change_settings(|settings| settings.errors_in_200 = false);
    assert_eq!(scene.get(path).await.expect(404)["error"]["Message"], "Invoice not found.");
}

#[tokio::test]
async fn memberships_are_listed_by_guest_and_need_a_center() {
    let scene = Scene::empty().await;
    let ann = scene.ann();
    let id = scene.practice().zenoti_join(&ann, "Glow Monthly", Amount::cents(19_900));
    let path = format!("guests/{ann}/memberships");
    assert_eq!(scene.get(&path).await.expect(400)["code"], 503);
    let path = format!("{path}?center_id={}", scene.access.center_id);
    let status = async || {
        scene.advance(60);
        scene.json(&path).await["guest_memberships"][0]["status"].clone()
    };
    assert_eq!(status().await, 1);
    for (standing, code) in [
        (MembershipStanding::Frozen, 3),
        (MembershipStanding::Active, 1),
        (MembershipStanding::Cancelled, 4),
    ] {
        assert!(scene.practice().zenoti_change_membership(&id, standing));
        assert_eq!(status().await, code);
    }
    let one = scene.json(&path).await["guest_memberships"][0].clone();
    assert_eq!(one["user_membership_id"], id.as_str());
    assert_eq!(one["expiry_date"], "2032-04-04T00:00:00");
    assert_eq!(one["service_balance"][0]["frequncy"], "Any");
    assert_eq!(scene.practice().zenoti_lifetime_value(&ann).minor(), 21_492, "with tax");
}
