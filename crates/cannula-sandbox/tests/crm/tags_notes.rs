use reqwest::Method;
use serde_json::json;

use crate::support::{Crm, id_of, send};

#[tokio::test]
async fn adding_tags_keeps_the_others_and_says_what_is_new() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "tags": ["VIP"] })).await;
    let body = json!({ "tags": [" Appointment Booked", "vip", "PATIENT", "Patient"] });
    let answer = crm.post(&format!("/contacts/{id}/tags"), body).await.expect(201);
    assert_eq!(answer["tags"], json!(["vip", "appointment booked", "patient"]));
    assert_eq!(answer["tagsAdded"], json!(["appointment booked", "patient"]));
}

#[tokio::test]
async fn removing_tags_takes_a_json_body_and_keeps_the_others() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "tags": ["vip", "patient"] })).await;
    let path = format!("/contacts/{id}/tags");
    let remove = crm.request(Method::DELETE, &path).json(&json!({ "tags": ["Patient", "gone"] }));
    let answer = send(remove).await.expect(200);
    assert_eq!(answer["tags"], json!(["vip"]));
    assert_eq!(answer["tagsRemoved"], json!(["patient"]));
    let refusal = crm.delete(&path).await.expect(422);
    assert_eq!(refusal["message"], json!(["each value in tags must be a string"]));
}

#[tokio::test]
async fn a_note_with_a_contact_id_in_its_body_is_refused() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({})).await;
    let body = json!({ "body": "Confirmed", "contactId": id });
    let refusal = crm.post(&format!("/contacts/{id}/notes"), body).await.expect(422);
    assert_eq!(refusal["message"], json!(["property contactId should not exist"]));
}

#[tokio::test]
async fn a_repeated_note_is_a_second_note_and_the_list_has_them_all_newest_first() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({})).await;
    let path = format!("/contacts/{id}/notes");
    for number in 0..120 {
        if number % 50 == 0 {
            crm.advance(10);
        }
        crm.post(&path, json!({ "body": format!("note {}", number / 2) })).await.expect(201);
    }
    let notes = crm.get(&path).await.expect(200)["notes"].as_array().unwrap().clone();
    assert_eq!(notes.len(), 120);
    assert_eq!(notes[0]["body"], "note 59");
    assert_eq!(notes[1]["body"], "note 59");
    assert_eq!(notes[119]["contactId"], id.as_str());
    assert_eq!(crm.snapshot().contacts[0].notes[0], "note 0", "snapshots are oldest first");
}

#[tokio::test]
async fn a_note_can_be_read_changed_and_deleted() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({})).await;
    let body = json!({ "body": "one", "pinned": true });
    let note = crm.post(&format!("/contacts/{id}/notes"), body).await.expect(201);
    let path = format!("/contacts/{id}/notes/{}", id_of(&note["note"]));
    crm.put(&path, json!({ "body": "two" })).await.expect(200);
    let note = crm.get(&path).await.expect(200)["note"].clone();
    assert_eq!((&note["body"], &note["pinned"]), (&json!("two"), &json!(true)));
    crm.delete(&path).await.expect(200);
    crm.get(&path).await.expect(400);
}
