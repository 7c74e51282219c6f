use serde_json::json;

use crate::support::Crm;

#[tokio::test]
async fn a_created_contact_is_201_and_reads_back_with_all_its_required_shapes() {
    let crm = Crm::start().await;
    let person = json!({
        "firstName": "Mina", "lastName": "Okafor", "email": "Mina@Example.test",
        "phone": "+15550100001", "dateOfBirth": "09/25/1990", "city": "Austin",
    });
    let id = crm.contact(person).await;
    let contact = crm.read(&id).await;
    assert_eq!(id.len(), 20);
    assert_eq!(contact["name"], "Mina Okafor");
    assert_eq!(contact["email"], "Mina@Example.test");
    assert_eq!(contact["emailLowerCase"], "mina@example.test");
    assert_eq!(contact["dateOfBirth"], "1990-09-25");
    assert_eq!(contact["city"], "Austin");
    assert_eq!(contact["tags"], json!([]));
    assert_eq!(contact["customFields"], json!([]));
    assert_eq!(contact["dateAdded"], "2026-03-02T14:00:00.000Z");
    assert_eq!(contact["locationId"], crm.location.as_str());
}

#[tokio::test]
async fn every_violation_of_a_body_is_named_in_one_422() {
    let crm = Crm::start().await;
    let body = json!({ "firstName": 1, "additionalEmails": [], "tags": "vip" });
    let refusal = crm.post("/contacts/", body).await.expect(422);
    let expected = json!([
        "property additionalEmails should not exist",
        "locationId must be a string",
        "firstName must be a string",
        "each value in tags must be a string",
    ]);
    assert_eq!(refusal["message"], expected);
    assert_eq!(refusal["error"], "Unprocessable Entity");
    assert_eq!(refusal["statusCode"], 422);
    assert!(refusal["traceId"].is_string());
}

#[tokio::test]
async fn an_update_refuses_gender_and_location_id() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "email": "a@example.test" })).await;
    let body = json!({ "gender": "female", "locationId": crm.location });
    let refusal = crm.put(&format!("/contacts/{id}"), body).await.expect(422);
    let expected =
        json!(["property gender should not exist", "property locationId should not exist"]);
    assert_eq!(refusal["message"], expected);
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_leaves_the_rest() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "firstName": "Ana", "lastName": "Silva", "city": "Reno" })).await;
    let body = json!({ "lastName": "Souza", "city": null });
    let answer = crm.put(&format!("/contacts/{id}"), body).await.expect(200);
    assert_eq!(answer["succeded"], true);
    assert_eq!(answer["contact"]["name"], "Ana Souza");
    assert!(answer["contact"].get("city").is_none());
}

#[tokio::test]
async fn creating_a_second_contact_with_the_same_email_names_the_first() {
    let crm = Crm::start().await;
    let body = json!({ "firstName": "Ana", "lastName": "Silva", "email": "a@example.test" });
    let id = crm.contact(body).await;
    let second = json!({ "email": "A@EXAMPLE.test" });
    let refusal = crm.post_here("/contacts/", second).await.expect(400);
    assert_eq!(refusal["message"], "This location does not allow duplicated contacts.");
    let meta = json!({ "contactId": id, "contactName": "Ana Silva", "matchingField": "email" });
    assert_eq!(refusal["meta"], meta);
}

#[tokio::test]
async fn an_update_to_another_contacts_phone_is_refused_and_names_it() {
    let crm = Crm::start().await;
    let first = crm.contact(json!({ "phone": "+15550100001" })).await;
    let second = crm.contact(json!({ "phone": "+15550100002" })).await;
    let body = json!({ "phone": "+15550100001", "city": "Reno" });
    let refusal = crm.put(&format!("/contacts/{second}"), body).await.expect(400);
    assert_eq!(refusal["meta"]["contactId"], first.as_str());
    assert_eq!(refusal["meta"]["matchingField"], "phone");
    assert!(crm.read(&second).await.get("city").is_none(), "nothing was written");
}

#[tokio::test]
async fn a_location_that_allows_duplicates_creates_them() {
    let crm = Crm::with(|settings| settings.allow_duplicate_contacts = true).await;
    let first = crm.contact(json!({ "email": "a@example.test" })).await;
    let second = crm.contact(json!({ "email": "a@example.test" })).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_phone_that_is_not_e164_is_dropped_without_a_word() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "email": "a@example.test", "phone": "(555) 010-0001" })).await;
    assert!(crm.read(&id).await.get("phone").is_none());
    crm.put(&format!("/contacts/{id}"), json!({ "phone": "+15550100001" })).await.expect(200);
    crm.put(&format!("/contacts/{id}"), json!({ "phone": "5550100002" })).await.expect(200);
    assert_eq!(crm.read(&id).await["phone"], "+15550100001");
}

#[tokio::test]
async fn an_email_that_was_given_up_is_free_for_another_contact() {
    let crm = Crm::start().await;
    let first = crm.contact(json!({ "email": "a@example.test" })).await;
    let body = json!({ "email": "b@example.test" });
    crm.put(&format!("/contacts/{first}"), body).await.expect(200);
    let second = crm.contact(json!({ "email": "a@example.test" })).await;
    assert_ne!(first, second);
}

#[tokio::test]
async fn a_deleted_contact_is_gone_with_its_notes_and_opportunities() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "email": "a@example.test" })).await;
    crm.post(&format!("/contacts/{id}/notes"), json!({ "body": "hello" })).await.expect(201);
    crm.state.add_opportunity(&id, "Lead 2 Patient", "New Lead").unwrap();
    assert_eq!(crm.delete(&format!("/contacts/{id}")).await.expect(200)["succeded"], true);
    crm.get(&format!("/contacts/{id}")).await.expect(400);
    crm.get(&format!("/contacts/{id}/notes")).await.expect(400);
    assert!(crm.snapshot().contacts.is_empty());
    crm.contact(json!({ "email": "a@example.test" })).await;
}

#[tokio::test]
async fn an_unknown_id_is_400_or_404_by_setting() {
    let crm = Crm::start().await;
    crm.get("/contacts/aaaaaaaaaaaaaaaaaaaa").await.expect(400);
    crm.put("/contacts/aaaaaaaaaaaaaaaaaaaa", json!({})).await.expect(400);
    crm.state.change_settings(|settings| settings.unknown_id_is_404 = true);
    crm.get("/contacts/aaaaaaaaaaaaaaaaaaaa").await.expect(404);
    crm.get("/opportunities/aaaaaaaaaaaaaaaaaaaa").await.expect(404);
}
