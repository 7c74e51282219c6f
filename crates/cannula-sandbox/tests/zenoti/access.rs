use cannula_sandbox::{Fault, Quirks, Vendor, practice::PracticeConfig};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, Scene, send, start};

fn password(scene: &Scene) -> Value {
    let access = &scene.access;
    json!({
        "account_name": access.account_name, "user_name": access.user_name,
        "password": access.password, "grant_type": "password", "app_id": access.app_id,
        "app_secret": access.app_secret, "device_id": "test",
    })
}

async fn token(scene: &Scene, body: &Value) -> Reply {
    send(scene.bare(Method::POST, "tokens").json(body)).await
}

async fn with(scene: &Scene, authorization: &str) -> u16 {
    let request = scene.bare(Method::GET, "countries").header("Authorization", authorization);
    send(request).await.status
}

#[tokio::test]
async fn a_call_needs_the_key_or_a_token_with_the_word_in_lower_case() {
    let scene = Scene::empty().await;
    let key = scene.access.api_key.clone();
    assert_eq!(with(&scene, &format!("apikey {key}")).await, 200);
    for wrong in
        [format!("ApiKey {key}"), key.clone(), "apikey other".into(), format!("bearer {key}")]
    {
        assert_eq!(with(&scene, &wrong).await, 401, "{wrong}");
    }
    let refused = send(scene.bare(Method::GET, "countries")).await.expect(401);
    assert_eq!(refused["code"], 401);
}

#[tokio::test]
async fn a_token_is_nested_lives_a_day_and_its_refresh_token_works_once() {
    let scene = Scene::new(PracticeConfig::empty(start()), Quirks::default()).await;
    let first = token(&scene, &password(&scene)).await.expect(200)["credentials"].clone();
    assert_eq!(first["access_token_expiry"], "2031-04-05T12:00:00.0000000Z");
    let bearer = |grant: &Value| format!("bearer {}", grant["access_token"].as_str().unwrap());
    assert_eq!(with(&scene, &bearer(&first)).await, 200);
    let refresh = json!({
        "grant_type": "refresh_token", "refresh_token": first["refresh_token"],
        "app_id": scene.access.app_id, "app_secret": scene.access.app_secret,
    });
    let second = token(&scene, &refresh).await.expect(200)["credentials"].clone();
    assert_eq!(with(&scene, &bearer(&first)).await, 401, "refreshing ends what was there");
    assert_eq!(with(&scene, &bearer(&second)).await, 200);
    token(&scene, &refresh).await.expect(401);
    scene.advance(86_400);
    assert_eq!(with(&scene, &bearer(&second)).await, 401);
}

#[tokio::test]
async fn wrong_credentials_get_no_token() {
    let scene = Scene::empty().await;
    for field in ["account_name", "user_name", "password", "app_id", "app_secret"] {
        let mut body = password(&scene);
        body[field] = json!("other");
        token(&scene, &body).await.expect(401);
    }
}

#[tokio::test]
async fn sixty_calls_a_minute_are_answered_and_the_headers_count_down() {
    let scene = Scene::new(PracticeConfig::empty(start()), Quirks::default()).await;
    for left in (0..60).rev() {
        let reply = scene.get("countries").await;
        assert_eq!(reply.header("Organization-RateLimit-Limit"), Some("60;w=60;b=60"));
        assert_eq!(reply.header("RateLimit-Remaining"), Some(left.to_string().as_str()));
        reply.expect(200);
        if left == 30 {
            scene.advance(10);
        }
    }
    let reply = scene.get("countries").await;
    assert_eq!(reply.header("Retry-After"), Some("51"));
    assert_eq!(reply.expect(429)["code"], 429);
    scene.advance(51);
    scene.get("countries").await.expect(200);
}

#[tokio::test]
async fn spikes_of_traffic_are_503_by_script() {
    let scene = Scene::empty().await;
    scene.sandbox.faults(Vendor::Zenoti).script("GET /zenoti/v1/countries", Fault::Unavailable);
    scene.get("countries").await.expect(503);
    scene.get("countries").await.expect(200);
    assert_eq!(scene.sandbox.calls(Vendor::Zenoti)["GET /zenoti/v1/countries"], 2);
}

#[tokio::test]
async fn centers_name_their_zone_as_windows_does_or_not_at_all() {
    let scene = Scene::empty().await;
    let centers = scene.json("centers?size=2").await;
    assert_eq!(centers["page_info"], json!({ "total": 3, "page": 1, "size": 2 }));
    let first = &centers["centers"][0];
    assert_eq!(first["id"], json!(scene.access.center_id));
    assert_eq!(first["location"]["time_zone"]["standard_name"], "Eastern Standard Time");
    scene.sandbox.zenoti().change_settings(|settings| settings.time_zones = false);
    let centers = scene.json("centers").await;
    assert_eq!(centers["centers"][0]["location"]["time_zone"], Value::Null);
}

#[tokio::test]
async fn a_page_of_more_than_a_hundred_is_refused_at_the_top_level() {
    let scene = Scene::empty().await;
    scene.get("centers?size=100").await.expect(200);
    assert_eq!(scene.get("centers?size=101").await.expect(422)["code"], 422);
}
