//! What is found out before the first order is read, over real HTTP.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use cannula_core::{ErrorKind, Secret, Source};
use cannula_dermpro::Credentials;
use common::{Store, json, page, refusal};

const VIEWS: &str = r#"[{"id":0,"code":"admin"},
    {"id":1,"code":"default","base_currency_code":"USD","default_display_currency_code":"USD","timezone":"America/Chicago","weight_unit":"lbs"},
    {"id":4,"code":"canada","base_currency_code":"USD","default_display_currency_code":"CAD","timezone":"America/Toronto"}]"#;

/// A store in order, whose newest order was placed at this time.
async fn settled(store: &Store, newest: &str) {
    store.answers("store/storeConfigs", json(VIEWS)).await;
    let newest = format!(r#"{{"entity_id":9,"created_at":"{newest}"}}"#);
    store.answers("orders", page(&[&newest], 70)).await;
    store.nothing_belongs_to_orders().await;
}

#[tokio::test]
async fn a_store_in_order_passes_with_four_reads() {
    let store = Store::with(|it| it.credentials = Credentials::Bearer(Secret::new("token"))).await;
    settled(&store, "2031-05-06 13:59:00").await;
    store.source.check().await.unwrap();
    assert_eq!(store.asked().await.len(), 4);
    assert!(store.signatures().await.iter().all(|it| it == "Bearer token"));
}

#[tokio::test]
async fn a_new_store_without_an_order_passes() {
    let store = Store::open().await;
    store.answers("store/storeConfigs", json(VIEWS)).await;
    store.answers("orders", page(&[], 0)).await;
    store.nothing_belongs_to_orders().await;
    store.source.check().await.unwrap();
}

#[tokio::test]
async fn another_time_zone_and_another_currency_are_both_named() {
    let store = Store::with(|config| config.store_id = 4).await;
    settled(&store, "2031-05-06 13:59:00").await;
    let error = store.source.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    insta::assert_snapshot!(error.to_string());
}

#[tokio::test]
async fn a_store_view_that_is_not_there_is_answered_with_those_that_are() {
    let store = Store::with(|config| config.store_id = 2).await;
    settled(&store, "2031-05-06 13:59:00").await;
    let error = store.source.check().await.unwrap_err();
    insta::assert_snapshot!(error.to_string());
}

#[tokio::test]
async fn an_order_from_the_future_says_that_the_database_is_not_in_utc() {
    let store = Store::open().await;
    settled(&store, "2031-05-06 19:00:00").await;
    let error = store.source.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    insta::assert_snapshot!(error.to_string());
}

#[tokio::test]
async fn a_missing_access_right_is_found_before_it_is_needed_and_named() {
    let store = Store::open().await;
    let refused = r#"{"message":"The consumer isn't authorized to access %resources.","parameters":{"resources":"Magento_Sales::transactions"},"trace":"/var/www"}"#;
    store.answers("transactions", refusal(401, refused, "application/json")).await;
    settled(&store, "2031-05-06 13:59:00").await;
    let error = store.source.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    insta::assert_snapshot!(error.to_string());
}
