use cannula_sandbox::{NewContact, PipelineOptions};
use serde_json::json;

use crate::support::Crm;

fn lead(first_name: &str, email: &str) -> NewContact {
    NewContact {
        first_name: first_name.to_owned(),
        email: Some(email.to_owned()),
        tags: vec!["Website Lead".to_owned()],
        ..NewContact::default()
    }
}

#[tokio::test]
async fn a_planted_lead_is_found_by_an_upsert() {
    let crm = Crm::start().await;
    let id = crm.state.add_contact(lead("Ana", "ana@example.test"));
    let body = json!({ "email": "ana@example.test" });
    let answer = crm.post_here("/contacts/upsert", body).await.expect(200);
    assert_eq!(answer["contact"]["id"], id.as_str());
    assert_eq!(answer["contact"]["tags"], json!(["website lead"]));
}

#[tokio::test]
async fn a_merge_moves_everything_to_the_master_and_the_other_id_is_gone() {
    let crm = Crm::start().await;
    let master = crm.state.add_contact(lead("Ana", "ana@example.test"));
    let phone = Some("+15550100001".to_owned());
    let other = crm.state.add_contact(NewContact { phone, ..lead("A.", "a@example.test") });
    crm.state.edit_tags(&other, &["VIP"], &[]);
    crm.state.add_opportunity(&other, "Lead 2 Patient", "Booked").unwrap();
    crm.post(&format!("/contacts/{other}/notes"), json!({ "body": "hello" })).await.expect(201);
    assert!(crm.state.merge_contacts(&master, &other));
    crm.get(&format!("/contacts/{other}")).await.expect(400);
    let snapshot = crm.snapshot();
    let [contact] = snapshot.contacts.as_slice() else { panic!("{snapshot:?}") };
    assert_eq!(contact.id, master);
    assert_eq!(contact.email.as_deref(), Some("ana@example.test"));
    assert_eq!(contact.phone.as_deref(), Some("+15550100001"));
    assert_eq!(contact.tags, ["vip", "website lead"]);
    assert_eq!(contact.notes, ["hello"]);
    assert_eq!(contact.opportunities[0].stage, "Booked");
    assert!(!crm.state.merge_contacts(&master, &other));
}

#[tokio::test]
async fn a_planted_pipeline_is_listed_and_can_be_used() {
    let crm = Crm::start().await;
    crm.state.add_pipeline(&PipelineOptions::new("Wellness", &["Asked", "Member"]));
    let path = format!("/opportunities/pipelines?locationId={}", crm.location);
    assert_eq!(crm.get(&path).await.expect(200)["pipelines"][2]["name"], "Wellness");
    let contact = crm.state.add_contact(lead("Ana", "ana@example.test"));
    crm.state.add_opportunity(&contact, "Wellness", "Member").unwrap();
    assert_eq!(crm.state.add_opportunity(&contact, "Wellness", "Nowhere"), None);
}

#[tokio::test]
async fn the_state_prints_no_token_and_no_person() {
    let crm = Crm::start().await;
    crm.state.add_contact(lead("Ana", "ana@example.test"));
    let text = format!("{:?}", crm.state);
    assert!(!text.contains("Ana") && !text.contains("pit-"), "{text}");
}
