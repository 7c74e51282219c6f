//! Searching, sorting, paging and trimming, as the connector asks for it and as it must not.

use std::time::Duration;

use cannula_sandbox::dermpro::Refund;
use serde_json::{Value, json};

use crate::support::{Scene, facial, usd};

/// A query of one filter a group, in camel case, with sort and size.
fn query(filters: &[(&str, &str, &str)], sort: (&str, &str), size: usize) -> String {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    for (group, (field, condition, value)) in filters.iter().enumerate() {
        let part =
            |part: &str| format!("searchCriteria[filterGroups][{group}][filters][0][{part}]");
        encoded.append_pair(&part("field"), field);
        encoded.append_pair(&part("value"), value);
        encoded.append_pair(&part("conditionType"), condition);
    }
    encoded.append_pair("searchCriteria[sortOrders][0][field]", sort.0);
    encoded.append_pair("searchCriteria[sortOrders][0][direction]", sort.1);
    encoded.append_pair("searchCriteria[pageSize]", &size.to_string());
    encoded.append_pair("searchCriteria[currentPage]", "1");
    encoded.finish()
}

fn ids(answer: &Value) -> Vec<u64> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["entity_id"].as_u64().unwrap()).collect()
}

/// Five orders, a day apart; the first is edited by somebody on the last day.
async fn five() -> Scene {
    let scene = Scene::mean().await;
    let mut orders = Vec::new();
    for _ in 0..5 {
        orders.push(scene.store().place(facial()));
        scene.clock.advance(Duration::from_secs(86_400));
    }
    assert!(scene.store().touch(&orders[0]));
    scene
}

#[tokio::test]
async fn a_keyset_walks_through_all_orders_and_knows_how_many_are_left() {
    let scene = five().await;
    let mut last = 0_u64;
    let mut pages = Vec::new();
    loop {
        let after = last.to_string();
        let filters = [("entity_id", "gt", after.as_str()), ("created_at", "gteq", "2031-04-05")];
        let query = query(&filters, ("entity_id", "ASC"), 3);
        let answer = Scene::expect(scene.get(&format!("/V1/orders?{query}")).await, 200);
        let (ids, total) = (ids(&answer), answer["total_count"].as_u64().unwrap());
        last = *ids.last().unwrap();
        pages.push((ids.len(), total));
        if total as usize <= ids.len() {
            break;
        }
    }
    assert_eq!(pages, [(3, 4), (1, 1)]);
}

#[tokio::test]
async fn an_edit_of_no_consequence_brings_an_old_order_back() {
    let scene = five().await;
    let filters = [("entity_id", "gt", "0"), ("updated_at", "gteq", "2031-04-08")];
    let query = query(&filters, ("entity_id", "ASC"), 100);
    let answer = Scene::expect(scene.get(&format!("/V1/orders?{query}")).await, 200);
    assert_eq!(ids(&answer), [4_101, 4_105]);
    assert_eq!(answer["items"][0]["updated_at"], "2031-04-09 12:00:00");
    assert_eq!(answer["items"][0]["created_at"], "2031-04-04 12:00:00");
    let echo = &answer["search_criteria"];
    let filter = json!({ "field": "entity_id", "value": "0", "condition_type": "gt" });
    assert_eq!(echo["filter_groups"][0]["filters"], json!([filter]));
    assert_eq!((&echo["page_size"], &echo["current_page"]), (&json!(100), &json!(1)));
}

#[tokio::test]
async fn one_order_is_found_by_number_and_view_and_the_newest_by_id() {
    let scene = five().await;
    let filters = [("increment_id", "eq", "000004103"), ("store_id", "eq", "1")];
    let one = query(&filters, ("entity_id", "ASC"), 100);
    let answer = Scene::expect(scene.get(&format!("/V1/orders?{one}")).await, 200);
    assert_eq!(ids(&answer), [4_103]);
    let newest = query(&[], ("entity_id", "DESC"), 1);
    let fields = "fields=items%5Bentity_id%2Ccreated_at%5D%2Ctotal_count";
    let answer = Scene::expect(scene.get(&format!("/V1/orders?{newest}&{fields}")).await, 200);
    let expected = json!({
        "items": [{ "entity_id": 4_105, "created_at": "2031-04-08 12:00:00" }],
        "total_count": 5,
    });
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn fields_trim_an_answer_and_names_of_rows_must_be_nested() {
    let scene = five().await;
    let answer = Scene::expect(scene.get("/V1/orders?fields=increment_id").await, 200);
    assert_eq!(answer, json!([]));
    let fields = "fields=items[increment_id,payment[method],items[sku,parent_item_id],\
        extension_attributes[gift_cards_amount]]";
    let answer = Scene::expect(scene.get(&format!("/V1/orders?{fields}")).await, 200);
    let expected = json!({
        "increment_id": "000004101",
        "payment": { "method": "bluepay_payment" },
        "items": [{ "sku": "TX-FACIAL" }],
        "extension_attributes": [],
    });
    assert_eq!(answer["items"][0], expected);
    scene.store().change_settings(|settings| settings.projection = false);
    let answer = Scene::expect(scene.get(&format!("/V1/orders?{fields}")).await, 200);
    assert!(answer["items"][0]["payment"]["cc_last4"].is_string());
}

#[tokio::test]
async fn a_page_past_the_end_is_the_last_one_again_in_old_stores() {
    let scene = five().await;
    let page = async |number: u32| {
        let path =
            format!("/V1/orders?searchCriteria[pageSize]=2&searchCriteria[currentPage]={number}");
        ids(&Scene::expect(scene.get(&path).await, 200)).len()
    };
    assert_eq!((page(1).await, page(3).await, page(9).await), (2, 1, 1));
    scene.store().change_settings(|settings| settings.last_page_again = false);
    assert_eq!((page(3).await, page(9).await), (1, 0));
}

#[tokio::test]
async fn no_size_is_everything_unless_the_merchant_limits_it() {
    let scene = Scene::mean().await;
    for _ in 0..25 {
        scene.store().place(facial());
    }
    let seen = async |query: &str| scene.get(&format!("/V1/orders{query}")).await;
    assert_eq!(ids(&seen("").await.1).len(), 20);
    let body = Scene::expect(seen("?searchCriteria[pageSize]=301").await, 400);
    assert_eq!(body["message"], "Maximum SearchCriteria pageSize is 300");
    assert_eq!(ids(&seen("?searchCriteria[pageSize]=300").await.1).len(), 25);
    scene.store().change_settings(|settings| settings.page_limit = None);
    assert_eq!(ids(&seen("").await.1).len(), 25);
}

#[tokio::test]
async fn credit_memos_and_captures_are_found_by_their_orders() {
    let scene = five().await;
    let number = scene.store().books()[1].number.clone();
    let memo = scene.store().refund(&number, Some(usd(4_000)), Refund::Online).unwrap();
    let mut filters = [("order_id", "in", "4101,4102"), ("entity_id", "gt", "0")];
    let path = |list: &str, query: String| format!("/V1/{list}?{query}");
    let list = path("creditmemos", query(&filters, ("entity_id", "ASC"), 100));
    let answer = Scene::expect(scene.get(&list).await, 200);
    assert_eq!(answer["total_count"], 1);
    let found = &answer["items"][0];
    assert_eq!((&found["order_id"], &found["increment_id"]), (&json!(4_102), &json!(memo)));
    assert_eq!((&found["state"], &found["grand_total"]), (&json!(2), &json!(40)));
    assert!(found["transaction_id"].is_string());
    filters[1] = ("txn_type", "eq", "capture");
    let list = path("transactions", query(&filters, ("transaction_id", "ASC"), 100));
    let answer = Scene::expect(scene.get(&list).await, 200);
    assert_eq!(answer["total_count"], 2);
    assert_eq!(answer["items"][1]["created_at"], "2031-04-05 12:00:00");
    filters[0] = ("order_id", "in", "0");
    let list = path("transactions", query(&filters, ("transaction_id", "ASC"), 1));
    assert_eq!(Scene::expect(scene.get(&list).await, 200)["items"], json!([]));
}
