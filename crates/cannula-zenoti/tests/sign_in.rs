//! Access tokens and configuration.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::time::Duration;

use cannula_core::{ErrorKind, Secret, Settings, Source};
use cannula_zenoti::{Credentials, ZenotiConfig};
use common::{Practice, json, status};
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_partial_json, header, method, path},
};

fn password() -> Credentials {
    Credentials::Password {
        account_name: "harbor".to_owned(),
        user_name: Secret::new("api"),
        password: Secret::new("hush"),
        app_id: "app".to_owned(),
        app_secret: Secret::new("hush"),
        device_id: "cannula".to_owned(),
    }
}

async fn practice() -> Practice {
    Practice::with(|config| config.credentials = password()).await
}

fn token(name: &str, until: &str) -> ResponseTemplate {
    json(json!({ "credentials": { "access_token": name, "access_token_expiry": until, "refresh_token": format!("ref-{name}"), "refresh_token_expiry": "2026-06-02T16:00:00Z" }, "error": null }).to_string())
}

async fn grants(practice: &Practice, kind: &str, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/zenoti/v1/tokens"))
        .and(body_partial_json(json!({ "grant_type": kind })))
        .respond_with(answer)
        .up_to_n_times(1)
        .mount(&practice.server)
        .await;
}

async fn opens_for(practice: &Practice, token: &str) {
    Mock::given(method("GET"))
        .and(header("authorization", format!("bearer {token}").as_str()))
        .respond_with(json(r#"{"centers":[]}"#))
        .mount(&practice.server)
        .await;
}

#[tokio::test]
async fn a_token_is_used_until_it_runs_out_and_then_refreshed_once_with_its_refresh_token() {
    let practice = practice().await;
    grants(&practice, "password", token("t1", "2026-03-04T19:00:00Z")).await;
    opens_for(&practice, "t1").await;
    opens_for(&practice, "t2").await;
    practice.source.check().await.unwrap();
    practice.source.check().await.unwrap();
    practice.clock.advance(Duration::from_secs(56 * 60));
    Mock::given(method("POST"))
        .and(body_partial_json(json!({ "grant_type": "refresh_token", "refresh_token": "ref-t1" })))
        .respond_with(token("t2", "2026-03-05T19:00:00Z"))
        .up_to_n_times(1)
        .mount(&practice.server)
        .await;
    practice.source.check().await.unwrap();
    let calls = practice.source.calls();
    assert_eq!((calls["get token"], calls["refresh token"]), (1, 1));
}

#[tokio::test]
async fn a_refresh_token_that_was_used_up_falls_back_to_the_password() {
    let practice = practice().await;
    grants(&practice, "password", token("t1", "2026-03-04T19:00:00Z")).await;
    grants(&practice, "refresh_token", status(500, "")).await;
    grants(&practice, "password", token("t2", "2026-03-05T19:00:00Z")).await;
    opens_for(&practice, "t1").await;
    opens_for(&practice, "t2").await;
    practice.source.check().await.unwrap();
    practice.clock.advance(Duration::from_secs(3600));
    practice.source.check().await.unwrap();
    let calls = practice.source.calls();
    assert_eq!((calls["get token"], calls["refresh token"]), (2, 1));
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let practice = practice().await;
    grants(&practice, "password", token("t1", "2026-03-05T19:00:00Z")).await;
    grants(&practice, "refresh_token", token("t2", "2026-03-05T19:00:00Z")).await;
    opens_for(&practice, "t2").await;
    Mock::given(method("GET")).respond_with(status(401, "")).mount(&practice.server).await;
    practice.source.check().await.unwrap();
    assert_eq!(practice.source.calls()["list centers"], 2);
}

#[tokio::test]
async fn wrong_credentials_are_for_a_person_also_in_a_200() {
    for answer in [
        status(401, r#"{"code":401,"message":"api"}"#),
        json(r#"{"credentials":null,"error":{"code":"4001","message":"api is wrong"}}"#),
    ] {
        let practice = practice().await;
        grants(&practice, "password", answer).await;
        let error = practice.source.check().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert!(error.to_string().contains("check `account_name`"), "{error}");
        assert!(!format!("{:?}", practice.source).contains("hush"));
    }
}

fn read(section: Value) -> Result<ZenotiConfig, String> {
    let mut settings = Settings::new("zenoti", section);
    let lookup = |name: &str| (name == "ZENOTI_KEY").then(|| "hush".to_owned());
    let config = ZenotiConfig::from_settings(&mut settings, chrono_tz::America::New_York, &lookup);
    let problems = settings.finish();
    if problems.is_empty() { Ok(config.unwrap()) } else { Err(problems.to_string()) }
}

#[test]
fn a_key_and_a_center_are_enough() {
    let config = read(json!({ "api_key": "env:ZENOTI_KEY", "center_id": "C-1" })).unwrap();
    assert_eq!(config.practice.as_str(), "c-1");
    assert_eq!(config.base_url.as_str(), "https://api.zenoti.com/");
    assert_eq!((config.requests_per_minute, config.country_id), (Some(60), 225));
    assert!(config.webhooks.is_none());
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn everything_can_be_said() {
    let config = read(json!({
        "account_name": "a", "user_name": "u", "password": "p", "app_id": "i", "app_secret": "s",
        "organization_id": "O-1", "practice_id": "harbor", "base_url": "http://127.0.0.1:9/zenoti",
        "centers": [
            { "id": "C-1", "zone": "America/Denver", "name": "North" },
            { "id": "C-2" },
        ],
        "currency": "CAD", "requests_per_minute": 120, "sweep_every_minutes": 5,
        "sweep_days_back": 3, "sweep_days_ahead": 30, "sweep_invoices": 1, "sweep_members": 2,
        "required_fields": ["phone", "gender"], "country_id": 38, "phone_code": "+1",
        "search_across_centers": true,
        "webhooks": { "secret": "new", "previous_secret": "old", "header": "X-Sign" },
    }))
    .unwrap();
    assert_eq!(config.practice.as_str(), "harbor");
    assert_eq!(config.centers[1].zone, chrono_tz::America::New_York);
    assert_eq!(config.centers[0].name.as_deref(), Some("North"));
    assert_eq!(config.sweeps.every, Duration::from_secs(300));
    // Who is who is asked for in any case.
    use cannula_core::PatientField as Field;
    let demanded = [Field::Email, Field::Phone, Field::BirthDate, Field::Gender];
    assert_eq!(config.required_fields, demanded);
    assert_eq!(config.webhooks.unwrap().secrets.len(), 2);
}

#[test]
fn every_problem_is_named_at_once() {
    let text = read(json!({
        "api_key": "env:NOPE", "password": "p", "centers": [{ "zone": "Denver" }, { "id": "c", "nam": "x" }],
        "center_id": "c", "currency": "dollars", "base_url": "https://api.zenoti.com/v1",
        "sweep_every_minutes": 0, "sweep_days_ahead": 9999, "required_fields": ["referral"],
        "phone_code": "one", "webhooks": { "header": "x" }, "sweep_day_back": 1,
    }))
    .unwrap_err();
    insta::assert_snapshot!(text);
}
