//! Signatures, tokens, what was granted, and ways to write the path.

use cannula_sandbox::{Fault, Vendor};
use reqwest::Method;
use url::Url;

use crate::support::{Scene, facial};

const ORDERS: &str = "/V1/orders?searchCriteria%5BpageSize%5D=5&fields=items%5Bentity_id%5D";

#[tokio::test]
async fn a_signed_request_is_let_in_and_a_changed_or_repeated_one_is_not() {
    let scene = Scene::mean().await;
    let url = Url::parse(&format!("{}{ORDERS}", scene.access.base_url)).unwrap();
    let header = scene.sign("GET", &url);
    let send = async |url: &str| {
        let answer = scene.http.get(url).header("Authorization", &header).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let (status, body) = send(&url.as_str().replace("=5", "=6")).await;
    assert_eq!(status, 401);
    assert_eq!(body["message"], "The signature is invalid. Verify and try again.");
    assert_eq!(send(url.as_str()).await.0, 200);
    assert_eq!(send(url.as_str()).await.0, 401, "a nonce is good once");
}

#[tokio::test]
async fn a_value_with_a_space_breaks_the_signature_of_some_stores() {
    let scene = Scene::mean().await;
    let path = "/V1/orders?searchCriteria%5BfilterGroups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bfield%5D=\
        updated_at&searchCriteria%5BfilterGroups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bvalue%5D=\
        2031-04-04%2012%3A00%3A00";
    assert_eq!(scene.get(path).await.0, 401);
    scene.store().change_settings(|settings| settings.spaces_break_signatures = false);
    assert_eq!(scene.get(path).await.0, 200);
}

#[tokio::test]
async fn a_bearer_token_is_good_only_where_it_is_switched_on() {
    let scene = Scene::mean().await;
    let bearer = async |token: &str| {
        let url = format!("{}{ORDERS}", scene.access.base_url);
        let answer = scene.http.get(url).bearer_auth(token).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let (status, body) = bearer(&scene.access.access_token).await;
    assert_eq!(status, 401);
    assert_eq!(body["message"], "The consumer isn't authorized to access %resources.");
    assert_eq!(body["parameters"]["resources"], "Magento_Sales::actions_view");
    scene.store().change_settings(|settings| settings.bearer = true);
    assert_eq!(bearer(&scene.access.access_token).await.0, 200);
    assert_eq!(bearer("another").await.0, 401);
}

#[tokio::test]
async fn what_was_not_granted_is_named() {
    let scene = Scene::mean().await;
    let resource = "Magento_Sales::transactions_fetch".to_owned();
    scene.store().change_settings(|settings| settings.denied.push(resource.clone()));
    let body = Scene::expect(scene.get("/V1/transactions").await, 401);
    assert_eq!(body["parameters"]["resources"], resource);
    assert_eq!(scene.get("/V1/orders").await.0, 200);
}

#[tokio::test]
async fn the_base_path_has_a_store_code_or_none_and_unknown_routes_are_404_in_json() {
    let scene = Scene::mean().await;
    let origin = scene.sandbox.access().origin.clone();
    let get = async |path: &str| {
        let url = Url::parse(&format!("{origin}/dermpro{path}")).unwrap();
        let header = scene.sign("GET", &url);
        let answer = scene.http.get(url).header("Authorization", header).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    for path in ["/V1/orders", "/rest/V1/orders", "/rest/default/V1/orders", "/rest/all/V1/orders"]
    {
        assert_eq!(get(path).await.0, 200, "{path}");
    }
    for path in ["/rest/nowhere/V1/orders", "/rest/default/V1/hats"] {
        let (status, body) = get(path).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(body["message"], "Request does not match any route.");
    }
    let answer = scene.request(Method::POST, "/V1/orders").send().await.unwrap();
    assert_eq!(answer.status(), 404);
    let body = Scene::expect(scene.get("/V1/orders/17").await, 404);
    assert!(body["message"].as_str().unwrap().contains("doesn't exist"));
}

#[tokio::test]
async fn the_network_in_front_of_the_store_answers_in_html() {
    let scene = Scene::mean().await;
    let faults = scene.sandbox.faults(Vendor::DermPro);
    for (fault, status) in
        [(Fault::TooManyRequests { retry_after: None }, 429), (Fault::Unavailable, 503)]
    {
        faults.script("GET /dermpro/rest/default/V1/orders", fault);
        let answer = scene.request(Method::GET, "/V1/orders").send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(answer.headers()["content-type"], "text/html");
        assert!(answer.text().await.unwrap().starts_with("<html>"));
    }
    assert_eq!(scene.sandbox.calls(Vendor::DermPro)["GET /dermpro/rest/{store}/V1/orders"], 2);
}

#[tokio::test]
async fn the_store_says_where_it_is_and_what_it_charges_in() {
    let scene = Scene::mean().await;
    scene.store().place(facial());
    let configs = Scene::expect(scene.get("/V1/store/storeConfigs").await, 200);
    assert_eq!(configs[0]["id"], 1);
    assert_eq!(configs[0]["code"], "default");
    assert_eq!(configs[0]["timezone"], "America/New_York");
    assert_eq!(configs[0]["base_currency_code"], "USD");
    scene.store().change_settings(|settings| settings.currency = "CAD".to_owned());
    assert_eq!(scene.order().await["order_currency_code"], "CAD");
}
