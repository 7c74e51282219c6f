use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Crm, Reply, send};

async fn refresh(crm: &Crm, token: &str) -> Reply {
    let form = [
        ("client_id", "sandbox-app"),
        ("client_secret", "sandbox-app-secret"),
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
    ];
    send(crm.bare(Method::POST, "/oauth/token").form(&form)).await
}

async fn try_access(crm: &Crm, pair: &Value) -> Reply {
    let path = format!("/opportunities/pipelines?locationId={}", crm.location);
    let request = crm.bare(Method::GET, &path).header("Version", "2021-07-28");
    send(request.bearer_auth(pair["access_token"].as_str().unwrap())).await
}

fn next(pair: &Value) -> &str {
    pair["refresh_token"].as_str().unwrap()
}

#[tokio::test]
async fn a_refresh_token_buys_an_access_token_that_lives_for_86399_seconds() {
    let crm = Crm::start().await;
    let pair = refresh(&crm, "sandbox-refresh-token").await.expect(200);
    assert_eq!(pair["expires_in"], 86_399);
    assert_eq!(pair["locationId"], crm.location.as_str());
    assert!(pair["userId"].is_string());
    crm.advance(86_398);
    try_access(&crm, &pair).await.expect(200);
    crm.advance(1);
    let refusal = try_access(&crm, &pair).await.expect(401);
    assert_eq!(refusal["message"], "Invalid token: access token is invalid");
}

#[tokio::test]
async fn a_used_refresh_token_gives_the_same_pair_for_30_seconds_and_then_nothing() {
    let crm = Crm::start().await;
    let first = refresh(&crm, "sandbox-refresh-token").await.expect(200);
    crm.advance(30);
    let again = refresh(&crm, "sandbox-refresh-token").await.expect(200);
    assert_eq!(again["access_token"], first["access_token"]);
    assert_eq!(again["refresh_token"], first["refresh_token"]);
    crm.advance(1);
    let refusal = refresh(&crm, "sandbox-refresh-token").await.expect(400);
    assert_eq!(refusal["error"], "invalid_grant");
    let second = refresh(&crm, next(&first)).await.expect(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    try_access(&crm, &first).await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_that_lies_unused_for_a_year_is_void() {
    let crm = Crm::start().await;
    let pair = refresh(&crm, "sandbox-refresh-token").await.expect(200);
    crm.advance(365 * 86_400);
    refresh(&crm, next(&pair)).await.expect(400);
}

#[tokio::test]
async fn the_token_endpoint_reads_forms_only_and_knows_its_client() {
    let crm = Crm::start().await;
    let body = json!({ "client_id": "sandbox-app", "grant_type": "refresh_token" });
    let refusal = send(crm.bare(Method::POST, "/oauth/token").json(&body)).await.expect(422);
    assert_eq!(refusal["message"][0], "client_id must be a string");
    let form = [("client_id", "x"), ("client_secret", "y"), ("grant_type", "refresh_token")];
    send(crm.bare(Method::POST, "/oauth/token").form(&form)).await.expect(401);
}
