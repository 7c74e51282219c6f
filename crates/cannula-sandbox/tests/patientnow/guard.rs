use cannula_sandbox::{Fault, Quirks, Vendor, practice::PracticeConfig};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Scene, send, start};

#[tokio::test]
async fn every_request_needs_the_gateway_key_and_the_user() {
    let scene = Scene::empty().await;
    scene.get("/status").await.expect(200);
    let user = (&scene.access.username, Some(&scene.access.password));
    let without = scene.http.get(format!("{}/status", scene.access.base_url));
    let reply = send(without.basic_auth(user.0, user.1)).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (401, Some("text/html; charset=utf-8"))
    );
    let foreign = scene.with_key(Method::GET, "/status", "another").basic_auth(user.0, user.1);
    assert_eq!(send(foreign).await.status, 403);
    let nobody = send(scene.with_key(Method::GET, "/status", &scene.access.api_key)).await;
    assert_eq!(nobody.expect(401)["Message"], "Authorization has been denied for this request.");
    let wrong = scene.with_key(Method::GET, "/status", &scene.access.api_key);
    assert_eq!(send(wrong.basic_auth(user.0, Some("guess"))).await.status, 401);
}

#[tokio::test]
async fn the_smaller_api_has_appointments_and_no_customers() {
    let scene = Scene::empty().await;
    let (_, ann) = scene.ann();
    let get = async |path: &str| {
        let request = scene.with_key(Method::GET, path, &scene.access.vish_api_key);
        send(request.basic_auth(&scene.access.username, Some(&scene.access.password))).await
    };
    for path in ["/appointments", "/orders", "/companies", "/employees", "/services", "/status"] {
        get(path).await.expect(200);
    }
    for path in ["/customers", &format!("/customers/{ann}"), "/products"] {
        assert_eq!(get(path).await.expect(403), json!("This API key has no access."));
    }
}

#[tokio::test]
async fn after_a_thousand_calls_the_rest_of_the_day_is_refused() {
    let quirks = Quirks { patientnow_daily_calls: 3, limits: true, ..Quirks::kind() };
    let scene = Scene::new(PracticeConfig::empty(start()), quirks).await;
    assert_eq!(Quirks::default().patientnow_daily_calls, 1_000);
    for _ in 0..3 {
        scene.get("/status").await.expect(200);
    }
    let refused = scene.get("/status").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, None));
    scene.advance(12 * 3_600);
    scene.get("/status").await.expect(200);
}

#[tokio::test]
async fn errors_are_a_message_a_text_or_a_page() {
    let scene = Scene::empty().await;
    let nothing = scene.get("/formulas").await.expect(404);
    assert!(nothing["Message"].as_str().unwrap().starts_with("No HTTP resource was found"));
    assert_eq!(scene.get("/customers/70011").await.expect(404), json!("Customer not found."));
    assert_eq!(scene.get("/customers/x").await.expect(404), json!("Customer not found."));
    for path in ["/appointments/1", "/orders/1", "/memberships/1"] {
        assert!(scene.get(path).await.expect(404).is_string(), "{path}");
    }
    let deleted = send(scene.request(Method::DELETE, "/customers/70011")).await;
    assert!(deleted.expect(405)["Message"].is_string());
}

#[tokio::test]
async fn faults_and_calls_are_kept_for_each_vendor() {
    let scene = Scene::empty().await;
    let faults = scene.sandbox.faults(Vendor::PatientNow);
    faults.script("GET /patientnow/api/v1/customers", Fault::ErrorBefore);
    assert_eq!(scene.get("/customers").await.status, 500);
    scene.json("/customers").await;
    let calls = scene.sandbox.calls(Vendor::PatientNow);
    assert_eq!(calls.get("GET /patientnow/api/v1/customers"), Some(&2));
    assert!(scene.sandbox.calls(Vendor::Crm).is_empty());
    let origin = &scene.sandbox.access().origin;
    let state: Value = scene
        .http
        .get(format!("{origin}/_sandbox/state"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(state["calls"]["patientnow"]["GET /patientnow/api/v1/customers"], 2);
}
