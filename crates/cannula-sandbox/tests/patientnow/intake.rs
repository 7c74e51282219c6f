use cannula_sandbox::{CreatedAnswer, Quirks};
use serde_json::{Value, json};

use crate::support::Scene;

fn ada() -> Value {
    json!({
        "CompanyId": 2, "FirstName": "Ada", "LastName": "Quill", "Email": "ada.quill@example.test",
        "MobilePhone": "5035550142", "Birthday": "1988-04-17", "Gender": "f",
    })
}

#[tokio::test]
async fn a_customer_is_created_and_can_be_read_and_found() {
    let scene = Scene::empty().await;
    let reply = scene.post("/customers", &ada()).await;
    let location = reply.header("location").unwrap().to_owned();
    let created = reply.expect(201);
    assert_eq!(location, format!("/patientnow/api/v1/customers/{}", created["CustomerId"]));
    assert_eq!(created["Gender"], "Female");
    assert_eq!(created["Birthday"], "1988-04-17T00:00:00");
    assert_eq!(created["CompanyId"], 2);
    let found = scene.json("/customers?Phone=(503) 555-0142&LastName=quill").await;
    assert_eq!(found, json!([created]));
    assert_eq!(scene.json(&format!("/customers/{}", created["CustomerId"])).await, created);
}

#[tokio::test]
async fn every_missing_member_is_named_at_once() {
    let scene = Scene::empty().await;
    let empty = scene.post("/customers", &json!({ "Email": " " })).await.expect(400);
    assert_eq!(empty["Message"], "The request is invalid.");
    let named: Vec<_> = empty["ModelState"].as_object().unwrap().keys().cloned().collect();
    let members = ["Birthday", "Email", "FirstName", "Gender", "LastName", "MobilePhone"];
    assert_eq!(named, members.map(|member| format!("customer.{member}")));
    let problem = &empty["ModelState"]["customer.Birthday"][0];
    assert_eq!(problem, "The Birthday field is required.");
    for (member, value) in
        [("Birthday", "soon"), ("Gender", "yes"), ("Email", "ada"), ("MobilePhone", "12")]
    {
        let mut body = ada();
        body[member] = json!(value);
        let refused = scene.post("/customers", &body).await.expect(400);
        let named = format!("customer.{member}");
        assert_eq!(refused["ModelState"].as_object().unwrap().keys().next(), Some(&named));
    }
    scene.post("/customers", &json!([])).await.expect(400);
    assert!(scene.practice().patient_ids().is_empty());
}

#[tokio::test]
async fn the_same_customer_twice_is_two_customers() {
    let scene = Scene::empty().await;
    let first = scene.post("/customers", &ada()).await.expect(201);
    let second = scene.post("/customers", &ada()).await.expect(201);
    assert_ne!(first["CustomerId"], second["CustomerId"]);
    assert_eq!(scene.json("/customers?FirstName=Ada").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_created_customer_can_be_answered_with_the_id_or_with_nothing() {
    let scene = Scene::empty().await;
    let answer = |patientnow_created| Quirks { patientnow_created, ..Quirks::kind() };
    scene.sandbox.set_quirks(answer(CreatedAnswer::BareId));
    assert_eq!(scene.post("/customers", &ada()).await.expect(200), json!(70_011));
    scene.sandbox.set_quirks(answer(CreatedAnswer::Location));
    let reply = scene.post("/customers", &ada()).await;
    assert_eq!((reply.status, reply.text.as_str()), (201, ""));
    assert_eq!(reply.header("location"), Some("/patientnow/api/v1/customers/70012"));
}

#[tokio::test]
async fn an_update_replaces_what_it_names() {
    let scene = Scene::empty().await;
    let mut customer = scene.post("/customers", &ada()).await.expect(201);
    scene.advance(60);
    let path = format!("/customers/{}", customer["CustomerId"]);
    let updated = scene.put(&path, &json!({ "HomePhone": "2125550101", "City": "Salem" })).await;
    customer["HomePhone"] = json!("2125550101");
    customer["City"] = json!("Salem");
    customer["UpdatedOn"] = json!("2031-04-04T08:01:00");
    assert_eq!(updated.expect(200), customer);
    scene.put(&path, &json!({ "Gender": "?" })).await.expect(400);
    scene.put("/customers/1", &json!({})).await.expect(404);
}
