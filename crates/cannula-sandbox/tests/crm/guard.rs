use cannula_sandbox::Limits;
use reqwest::Method;
use serde_json::json;

use crate::support::{Crm, send};

const PIPELINES: &str = "/opportunities/pipelines?locationId=sbxLocationAesthetix";

#[tokio::test]
async fn the_version_header_must_be_there_and_be_a_published_one() {
    let crm = Crm::start().await;
    let with_token = || crm.bare(Method::GET, PIPELINES).bearer_auth(&crm.token);
    let refusal = send(with_token()).await.expect(401);
    assert_eq!(refusal["message"], "version header was not found.");
    assert_eq!(refusal["error"], "Unauthorized");
    let refusal = send(with_token().header("Version", "2020-01-01")).await.expect(401);
    assert_eq!(refusal["message"], "version header is invalid");
    for version in ["v3", "2023-02-21", "2021-07-28", "2021-04-15", "legacy"] {
        send(with_token().header("Version", version)).await.expect(200);
    }
}

#[tokio::test]
async fn each_kind_of_bad_token_has_its_own_text() {
    let crm = Crm::start().await;
    let cases = [
        ("pit-of-somebody-else", "Invalid Private Integration token"),
        ("nonsense", "Invalid JWT"),
        ("eyJh.eyJi.c2ln", "Invalid token: access token is invalid"),
    ];
    for (token, text) in cases {
        let request = crm.bare(Method::GET, PIPELINES).header("Version", "2021-07-28");
        let refusal = send(request.bearer_auth(token)).await.expect(401);
        assert_eq!(refusal["message"], text);
    }
    let anonymous = crm.bare(Method::GET, PIPELINES).header("Version", "2021-07-28");
    assert_eq!(send(anonymous).await.expect(401)["message"], "Invalid JWT");
}

#[tokio::test]
async fn a_scope_that_is_missing_is_401_with_another_text() {
    let crm =
        Crm::with(|settings| settings.withheld_scopes = vec!["contacts.write".to_owned()]).await;
    let refusal = crm.post_here("/contacts/", json!({})).await.expect(401);
    assert_eq!(refusal["message"], "The token is not authorized for this scope.");
    crm.post_here("/contacts/search", json!({ "pageLimit": 1 })).await.expect(200);
}

#[tokio::test]
async fn another_location_is_403_wherever_it_stands() {
    let crm = Crm::start().await;
    let text = "The token does not have access to this location";
    let body = json!({ "locationId": "elsewhere", "email": "a@example.test" });
    let replies = [
        crm.post("/contacts/upsert", body).await,
        crm.get("/locations/elsewhere/customFields").await,
        crm.get("/opportunities/pipelines?locationId=elsewhere").await,
        crm.get("/opportunities/search?location_id=elsewhere").await,
        send(crm.request(Method::GET, PIPELINES).header("Location-Id", &crm.location)).await,
    ];
    for reply in replies {
        assert_eq!(reply.expect(403)["message"], text);
    }
}

#[tokio::test]
async fn a_path_without_its_trailing_slash_is_404() {
    let crm = Crm::start().await;
    let refusal = crm.post_here("/contacts", json!({})).await.expect(404);
    assert_eq!(refusal["message"], "Cannot POST /contacts");
    crm.post_here("/opportunities", json!({})).await.expect(404);
    let refusal = crm.get("/contacts/upsert").await.expect(404);
    assert_eq!(refusal["message"], "Cannot GET /contacts/upsert");
}

#[tokio::test]
async fn every_answer_carries_the_five_rate_headers() {
    let crm = Crm::start().await;
    let good = crm.get(PIPELINES).await;
    let missing = crm.get("/nowhere").await;
    let refused = send(crm.bare(Method::GET, PIPELINES)).await;
    let names = [
        "X-RateLimit-Limit-Daily",
        "X-RateLimit-Daily-Remaining",
        "X-RateLimit-Interval-Milliseconds",
        "X-RateLimit-Max",
        "X-RateLimit-Remaining",
    ];
    let values =
        |reply: &crate::support::Reply| names.map(|name| reply.header(name).map(str::to_owned));
    let expect = |values: [&str; 5]| values.map(|value| Some(value.to_owned()));
    assert_eq!(values(&good), expect(["200000", "199999", "10000", "100", "99"]));
    assert_eq!(values(&missing), expect(["200000", "199998", "10000", "100", "98"]));
    assert_eq!(values(&refused), expect(["200000", "200000", "10000", "100", "100"]));
}

#[tokio::test]
async fn a_burst_is_refused_until_its_window_has_passed() {
    let crm = Crm::with(|settings| {
        settings.limits = Some(Limits { burst: 3, ..Limits::default() });
        settings.retry_after = true;
    })
    .await;
    for _ in 0..3 {
        crm.get(PIPELINES).await.expect(200);
    }
    crm.advance(4);
    let refused = crm.get(PIPELINES).await;
    assert_eq!(refused.header("Retry-After"), Some("6"));
    assert_eq!(refused.header("X-RateLimit-Remaining"), Some("0"));
    assert_eq!(refused.expect(429)["message"], "Too Many Requests");
    crm.advance(6);
    crm.get(PIPELINES).await.expect(200);
}

#[tokio::test]
async fn a_spent_day_looks_like_a_burst_but_lasts_until_midnight() {
    let crm = Crm::with(|settings| {
        settings.limits = Some(Limits { daily: 2, ..Limits::default() });
    })
    .await;
    for _ in 0..2 {
        crm.get(PIPELINES).await.expect(200);
    }
    crm.advance(3600);
    let refused = crm.get(PIPELINES).await;
    assert_eq!(refused.header("X-RateLimit-Daily-Remaining"), Some("0"));
    assert_eq!(refused.header("Retry-After"), None);
    refused.expect(429);
    crm.advance(9 * 3600);
    crm.get(PIPELINES).await.expect(200);
}

#[tokio::test]
async fn without_limits_nothing_is_counted_and_no_rate_header_is_sent() {
    let crm = Crm::with(|settings| settings.limits = None).await;
    for _ in 0..150 {
        crm.get(PIPELINES).await.expect(200);
    }
    assert_eq!(crm.get(PIPELINES).await.header("X-RateLimit-Remaining"), None);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_400_and_one_of_another_type_is_not_read() {
    let crm = Crm::start().await;
    let post = || crm.request(Method::POST, "/contacts/");
    let broken = post().header("Content-Type", "application/json").body("{");
    send(broken).await.expect(400);
    let text = post().header("Content-Type", "text/plain").body("{\"locationId\": \"x\"}");
    assert_eq!(send(text).await.expect(422)["message"], json!(["locationId must be a string"]));
}
