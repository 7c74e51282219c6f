use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Crm, send};

async fn search(crm: &Crm, email: &str) -> Vec<Value> {
    let filters = json!([{ "field": "email", "operator": "eq", "value": email }]);
    let body = json!({ "pageLimit": 20, "filters": filters });
    let answer = crm.post_here("/contacts/search", body).await.expect(200);
    assert!(answer["total"].is_u64() && answer["traceId"].is_string());
    answer["contacts"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_search_trails_a_new_contact_while_reading_by_id_does_not() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "email": "a@example.test" })).await;
    crm.read(&id).await;
    crm.advance(7);
    assert!(search(&crm, "a@example.test").await.is_empty());
    crm.advance(1);
    assert_eq!(search(&crm, "A@example.test").await[0]["id"], id.as_str());
}

#[tokio::test]
async fn a_search_trails_changes_and_deletions_too() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "email": "a@example.test" })).await;
    crm.advance(60);
    let body = json!({ "email": "b@example.test" });
    crm.put(&format!("/contacts/{id}"), body).await.expect(200);
    assert_eq!(search(&crm, "a@example.test").await.len(), 1);
    crm.advance(8);
    assert!(search(&crm, "a@example.test").await.is_empty());
    crm.delete(&format!("/contacts/{id}")).await.expect(200);
    assert_eq!(search(&crm, "b@example.test").await.len(), 1);
    crm.advance(8);
    assert!(search(&crm, "b@example.test").await.is_empty());
}

#[tokio::test]
async fn a_contact_search_without_a_page_limit_is_422() {
    let crm = Crm::start().await;
    let refusal = crm.post_here("/contacts/search", json!({})).await.expect(422);
    let expected = json!(["pageLimit must be a number conforming to the specified constraints"]);
    assert_eq!(refusal["message"], expected);
}

#[tokio::test]
async fn contact_searches_page_by_number_and_by_cursor() {
    let crm = Crm::with(|settings| settings.search_lag_seconds = 0).await;
    for number in 0..5 {
        crm.contact(json!({ "email": format!("p{number}@example.test") })).await;
    }
    let names = |answer: &Value| -> Vec<String> {
        let contacts = answer["contacts"].as_array().unwrap().iter();
        contacts.map(|contact| contact["email"].as_str().unwrap()[..2].to_owned()).collect()
    };
    let body = json!({ "pageLimit": 2, "page": 2 });
    let second = crm.post_here("/contacts/search", body).await.expect(200);
    assert_eq!(names(&second), ["p2", "p1"]);
    assert_eq!(second["total"], 5);
    let body = json!({ "pageLimit": 2, "searchAfter": second["contacts"][1]["searchAfter"] });
    let third = crm.post_here("/contacts/search", body).await.expect(200);
    assert_eq!(names(&third), ["p0"]);
}

#[tokio::test]
async fn a_duplicate_search_is_current_and_needs_its_plus_encoded() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "phone": "+15550100001" })).await;
    let path = |number: &str| {
        format!("/contacts/search/duplicate?locationId={}&number={number}", crm.location)
    };
    let found = crm.get(&path("%2B15550100001")).await.expect(200);
    assert_eq!(found["contact"]["id"], id.as_str());
    assert_eq!(crm.get(&path("+15550100001")).await.expect(200)["contact"], Value::Null);
    let none = format!("/contacts/search/duplicate?locationId={}", crm.location);
    let refusal = crm.get(&none).await.expect(400);
    assert_eq!(refusal["message"], "Pass at least one of number, email query parameter");
}

#[tokio::test]
async fn an_opportunity_search_wants_the_casing_of_its_version() {
    let crm = Crm::start().await;
    let (snake, camel) = (
        format!("/opportunities/search?location_id={}&contact_id=x", crm.location),
        format!("/opportunities/search?locationId={}&contactId=x", crm.location),
    );
    crm.get(&snake).await.expect(200);
    let refusal = crm.get(&camel).await.expect(422);
    let expected = json!([
        "property contactId should not exist",
        "property locationId should not exist",
        "location_id must be a string",
    ]);
    assert_eq!(refusal["message"], expected);
    let v3 =
        |path: &str| crm.bare(Method::GET, path).header("Version", "v3").bearer_auth(&crm.token);
    send(v3(&camel)).await.expect(200);
    send(v3(&snake)).await.expect(422);
}

#[tokio::test]
async fn an_opportunity_search_finds_a_contacts_card_after_the_lag() {
    let crm = Crm::start().await;
    let ana = crm.contact(json!({ "firstName": "Ana" })).await;
    let leo = crm.contact(json!({ "firstName": "Leo" })).await;
    for contact in [&ana, &leo] {
        crm.state.add_opportunity(contact, "Lead 2 Patient", "Booked").unwrap();
    }
    let path =
        format!("/opportunities/search?location_id={}&contact_id={ana}&limit=1", crm.location);
    assert_eq!(crm.get(&path).await.expect(200)["meta"]["total"], 0);
    crm.advance(8);
    let answer = crm.get(&path).await.expect(200);
    assert_eq!(answer["meta"]["total"], 1);
    assert_eq!(answer["opportunities"][0]["contact"]["name"], "Ana");
    let all = format!("/opportunities/search?location_id={}&limit=101", crm.location);
    crm.get(&all).await.expect(422);
    let body = json!({
        "query": "leo", "limit": 20, "page": 1, "searchAfter": [], "additionalDetails": {},
    });
    let answer = crm.post_here("/opportunities/search", body).await.expect(200);
    assert_eq!(answer["total"], 1);
}
