//! Tokens over real HTTP, for both products.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use cannula_core::{EmrSource, ErrorKind, RecordKey, RecordKind, Retry};
use cannula_nextech::Product;
use common::{Practice, token};
use serde_json::json;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_string_contains, header, method, path},
};

async fn anybody_may_read(practice: &Practice, access: &str) {
    Mock::given(path("/api/Location"))
        .and(header("authorization", format!("Bearer {access}")))
        .and(header("nx-practice-id", "practice"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&practice.server)
        .await;
}

async fn grants(practice: &Practice, kind: &str, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/login/oauth2/token"))
        .and(body_string_contains(kind))
        .respond_with(answer)
        .mount(&practice.server)
        .await;
}

fn refused(code: u32) -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(json!({
        "error": "invalid_grant",
        "error_description": format!("AADSTS{code}: u@example.test must act"),
        "error_codes": [code],
    }))
}

#[tokio::test]
async fn select_signs_in_with_a_password_and_practice_plus_with_a_secret() {
    for (product, form) in [
        (
            Product::Select,
            "grant_type=password&client_id=app&username=u%40example.test&password=hush&resource=https%3A%2F%2Fselect.nextech-api.com%2Fapi",
        ),
        (
            Product::PracticePlus,
            "grant_type=client_credentials&client_id=partner&client_secret=hush&resource=api%3A%2F%2Fpartner",
        ),
    ] {
        let practice = Practice::open(product).await;
        anybody_may_read(&practice, "token-1").await;
        practice.source.check().await.unwrap();
        assert_eq!(practice.forms().await, [form]);
        assert_eq!(practice.queries().await, ["_count=1"]);
    }
}

#[tokio::test]
async fn eight_calls_at_once_ask_for_one_token() {
    let practice = Practice::open(Product::PracticePlus).await;
    anybody_may_read(&practice, "token-1").await;
    let checks = futures::future::join_all((0..8).map(|_| practice.source.check())).await;
    assert!(checks.iter().all(Result::is_ok));
    assert_eq!(practice.source.calls()["get token"], 1);
    assert_eq!(practice.source.calls()["check access"], 8);
}

#[tokio::test]
async fn eight_calls_refused_at_once_ask_for_one_new_token() {
    let practice = Practice::locked(Product::PracticePlus).await;
    Mock::given(method("POST"))
        .respond_with(token("stale", None))
        .up_to_n_times(1)
        .mount(&practice.server)
        .await;
    practice.tokens(token("fresh", None)).await;
    anybody_may_read(&practice, "fresh").await;
    Mock::given(path("/api/Location"))
        .respond_with(ResponseTemplate::new(401).set_delay(Duration::from_millis(100)))
        .mount(&practice.server)
        .await;
    let checks = futures::future::join_all((0..8).map(|_| practice.source.check())).await;
    assert!(checks.iter().all(Result::is_ok));
    assert_eq!(practice.source.calls()["get token"], 2);
}

#[tokio::test]
async fn refresh_tokens_rotate() {
    let practice = Practice::locked(Product::Select).await;
    grants(&practice, "grant_type=password", token("token-1", Some("r-1"))).await;
    grants(&practice, "refresh_token=r-1", token("token-2", Some("r-2"))).await;
    grants(&practice, "refresh_token=r-2", token("token-3", None)).await;
    for access in ["token-1", "token-2", "token-3"] {
        anybody_may_read(&practice, access).await;
        practice.source.check().await.unwrap();
        practice.clock.advance(Duration::from_secs(56 * 60));
    }
    let last = practice.forms().await.pop().unwrap();
    assert_eq!(last, "grant_type=refresh_token&client_id=app&refresh_token=r-2");
}

#[tokio::test]
async fn a_refused_refresh_token_falls_back_to_the_password() {
    let practice = Practice::locked(Product::Select).await;
    grants(&practice, "grant_type=password", token("token-1", Some("r-1"))).await;
    grants(&practice, "grant_type=refresh_token", refused(700_082)).await;
    anybody_may_read(&practice, "token-1").await;
    practice.source.check().await.unwrap();
    practice.clock.advance(Duration::from_secs(56 * 60));
    practice.source.check().await.unwrap();
    let kinds: Vec<_> = practice
        .forms()
        .await
        .iter()
        .map(|form| form.split('&').next().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["grant_type=password", "grant_type=refresh_token", "grant_type=password"]);
}

#[tokio::test]
async fn an_expired_password_is_a_clear_stop() {
    let practice = Practice::locked(Product::Select).await;
    practice.tokens(refused(50055)).await;
    let error = practice.source.check().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nextech-select: get token: the API user's password has expired: sign in once at portal.azure.com to set a new one, then change `password` (auth, HTTP 400, code AADSTS50055)"
    );
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Auth, Retry::Never));
    assert_eq!(practice.forms().await.len(), 1, "asked once, not in a loop");
    assert_eq!(practice.queries().await.len(), 0);
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_an_error() {
    let practice = Practice::open(Product::Select).await;
    Mock::given(path("/api/Location"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&practice.server)
        .await;
    let error = practice.source.check().await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Auth, Retry::Never));
    assert_eq!(practice.queries().await.len(), 2);
}

#[tokio::test]
async fn a_record_is_read_by_id_and_none_if_nextech_does_not_have_it() {
    let practice = Practice::open(Product::PracticePlus).await;
    let id = "0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47";
    let body = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/practice_plus_patient.json"
    ))
    .unwrap();
    Mock::given(path(format!("/api/Patient/{id}")))
        .respond_with(ResponseTemplate::new(200).set_body_raw(body, "application/json"))
        .mount(&practice.server)
        .await;
    Mock::given(path("/api/Appointment"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "resourceType": "Bundle" })))
        .mount(&practice.server)
        .await;
    let key = |kind, id: &str| RecordKey { practice: "practice".into(), kind, id: id.into() };
    let found = practice.source.get(&key(RecordKind::Patient, id)).await.unwrap();
    assert_eq!(found.unwrap().key.id.as_str(), id);
    for missing in [key(RecordKind::Patient, "nobody"), key(RecordKind::Appointment, "7")] {
        assert!(practice.source.get(&missing).await.unwrap().is_none(), "{missing}");
    }
    assert_eq!(practice.queries().await, ["", "", "identifier=7"]);
}
