use cannula_sandbox::Dedupe;
use serde_json::json;

use crate::support::{Crm, id_of};

#[tokio::test]
async fn an_upsert_is_201_when_it_creates_and_200_when_it_updates() {
    let crm = Crm::start().await;
    let body = json!({ "email": "a@example.test", "firstName": "Ana" });
    let first = crm.post_here("/contacts/upsert", body).await.expect(201);
    assert_eq!(first["new"], true);
    let body = json!({ "email": "A@example.test", "lastName": "Silva" });
    let second = crm.post_here("/contacts/upsert", body).await.expect(200);
    assert_eq!(second["new"], false);
    assert_eq!(second["contact"]["id"], first["contact"]["id"]);
    assert_eq!(second["contact"]["name"], "Ana Silva");
    assert!(second["traceId"].is_string());
}

#[tokio::test]
async fn an_upsert_that_creates_is_200_where_the_published_specification_is_followed() {
    let crm = Crm::with(|settings| settings.upsert_creates_with_201 = false).await;
    let body = json!({ "email": "a@example.test" });
    let answer = crm.post_here("/contacts/upsert", body).await.expect(200);
    assert_eq!(answer["new"], true);
}

#[tokio::test]
async fn an_upsert_with_the_email_of_one_and_the_phone_of_another_updates_one_silently() {
    for (dedupe, expected) in [(Dedupe::EmailFirst, 0), (Dedupe::PhoneFirst, 1)] {
        let crm = Crm::with(|settings| settings.dedupe = dedupe).await;
        let ids = [
            crm.contact(json!({ "email": "a@example.test" })).await,
            crm.contact(json!({ "phone": "+15550100001" })).await,
        ];
        let body =
            json!({ "email": "a@example.test", "phone": "+15550100001", "firstName": "Ana" });
        let answer = crm.post_here("/contacts/upsert", body).await.expect(200);
        assert_eq!(id_of(&answer["contact"]), ids[expected]);
        assert_eq!(answer["contact"]["firstName"], "Ana");
        let (kept, ignored) = if expected == 0 { ("email", "phone") } else { ("phone", "email") };
        assert!(answer["contact"].get(kept).is_some());
        assert!(answer["contact"].get(ignored).is_none(), "{dedupe:?}");
    }
}

#[tokio::test]
async fn an_upsert_that_matches_by_the_second_preference_overwrites_the_first() {
    let crm = Crm::start().await;
    let parent =
        json!({ "firstName": "Ana", "email": "ana@example.test", "phone": "+15550100001" });
    let id = crm.contact(parent).await;
    let child = json!({ "firstName": "Leo", "email": "leo@example.test", "phone": "+15550100001" });
    let answer = crm.post_here("/contacts/upsert", child).await.expect(200);
    assert_eq!(id_of(&answer["contact"]), id, "a family phone merges two people");
    assert_eq!(answer["contact"]["email"], "leo@example.test");
}

#[tokio::test]
async fn without_deduplication_every_upsert_creates() {
    let crm = Crm::with(|settings| settings.dedupe = Dedupe::Off).await;
    for _ in 0..2 {
        let body = json!({ "email": "a@example.test" });
        crm.post_here("/contacts/upsert", body).await.expect(201);
    }
}

#[tokio::test]
async fn create_new_if_duplicate_allowed_needs_a_location_that_allows_duplicates() {
    let crm = Crm::start().await;
    let body = json!({ "email": "a@example.test", "createNewIfDuplicateAllowed": true });
    crm.post_here("/contacts/upsert", body.clone()).await.expect(201);
    crm.post_here("/contacts/upsert", body.clone()).await.expect(200);
    crm.state.change_settings(|settings| settings.allow_duplicate_contacts = true);
    crm.post_here("/contacts/upsert", body).await.expect(201);
}

#[tokio::test]
async fn an_upsert_needs_an_email_or_a_phone() {
    let crm = Crm::start().await;
    crm.post_here("/contacts/upsert", json!({ "firstName": "Ana" })).await.expect(400);
}

#[tokio::test]
async fn tags_in_an_upsert_replace_all_and_their_absence_keeps_them() {
    let crm = Crm::start().await;
    let person = json!({ "email": "a@example.test", "tags": ["Website Lead", "VIP"] });
    let id = crm.contact(person).await;
    let body = json!({ "email": "a@example.test" });
    let answer = crm.post_here("/contacts/upsert", body).await.expect(200);
    assert_eq!(answer["contact"]["tags"], json!(["website lead", "vip"]));
    let body = json!({ "email": "a@example.test", "tags": [" Patient "] });
    let answer = crm.post_here("/contacts/upsert", body).await.expect(200);
    assert_eq!(answer["contact"]["tags"], json!(["patient"]));
    let answer = crm.put(&format!("/contacts/{id}"), json!({ "tags": [] })).await.expect(200);
    assert_eq!(answer["contact"]["tags"], json!([]));
}

#[tokio::test]
async fn gender_is_taken_from_a_creating_upsert_and_ignored_afterwards() {
    let crm = Crm::start().await;
    for (gender, status) in [("female", 201), ("male", 200)] {
        let body = json!({ "email": "a@example.test", "gender": gender });
        let answer = crm.post_here("/contacts/upsert", body).await.expect(status);
        assert_eq!(answer["contact"]["gender"], "female");
    }
}
