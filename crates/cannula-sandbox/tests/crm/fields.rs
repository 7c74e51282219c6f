use serde_json::{Value, json};

use crate::support::{Crm, id_of};

async fn define(crm: &Crm, name: &str, data_type: &str) -> String {
    let body = json!({ "name": name, "dataType": data_type });
    let path = format!("/locations/{}/customFields", crm.location);
    id_of(&crm.post(&path, body).await.expect(201)["customField"])
}

async fn defined(crm: &Crm) -> Vec<Value> {
    let path = format!("/locations/{}/customFields?model=contact", crm.location);
    crm.get(&path).await.expect(200)["customFields"].as_array().unwrap().clone()
}

/// Writes custom fields to a contact and returns what it then holds.
async fn write(crm: &Crm, contact: &str, items: Value) -> Value {
    let body = json!({ "customFields": items });
    let answer = crm.put(&format!("/contacts/{contact}"), body).await.expect(200);
    answer["contact"]["customFields"].clone()
}

#[tokio::test]
async fn a_fresh_location_has_the_visit_dates_and_none_of_the_emrs_fields() {
    let crm = Crm::start().await;
    let names: Vec<(Value, Value)> = defined(&crm)
        .await
        .iter()
        .map(|field| (field["name"].clone(), field["dataType"].clone()))
        .collect();
    let dates = [json!("Next Visit Date"), json!("Last Visit Date")];
    assert_eq!(names, dates.map(|name| (name, json!("DATE"))));
}

#[tokio::test]
async fn a_created_field_gets_a_key_from_its_name_and_the_name_is_then_taken() {
    let crm = Crm::start().await;
    let path = format!("/locations/{}/customFields", crm.location);
    let body = json!({ "name": "NXT - Location", "dataType": "TEXT", "model": "contact" });
    let field = crm.post(&path, body.clone()).await.expect(201)["customField"].clone();
    assert_eq!(field["fieldKey"], "contact.nxt__location");
    assert_eq!(field["locationId"], crm.location.as_str());
    assert_eq!(defined(&crm).await.len(), 3);
    crm.post(&path, body).await.expect(400);
    crm.post(&path, json!({ "name": "Website", "dataType": "TEXT" })).await.expect(400);
    crm.post(&path, json!({ "name": "X", "dataType": "WORDS" })).await.expect(422);
    let read = crm.get(&format!("{path}/{}", id_of(&field))).await.expect(200);
    assert_eq!(read["customField"], field);
}

#[tokio::test]
async fn custom_fields_merge_by_id_and_take_three_spellings_of_the_value() {
    let crm = Crm::start().await;
    let contact = crm.contact(json!({})).await;
    let ids = [
        define(&crm, "NXT Appointment Status", "TEXT").await,
        define(&crm, "NXT Appointment Type", "TEXT").await,
        define(&crm, "NXT Location", "TEXT").await,
    ];
    write(&crm, &contact, json!([{ "id": ids[0], "field_value": "Pending" }])).await;
    write(&crm, &contact, json!([{ "id": ids[1], "fieldValue": "Consult" }])).await;
    let items = json!([
        { "id": ids[2], "value": "Austin" },
        { "id": ids[0], "field_value": "Confirmed" },
    ]);
    let held = write(&crm, &contact, items).await;
    let expected = json!([
        { "id": ids[0], "value": "Confirmed" },
        { "id": ids[1], "value": "Consult" },
        { "id": ids[2], "value": "Austin" },
    ]);
    assert_eq!(held, expected);
    assert_eq!(crm.snapshot().contacts[0].fields["NXT Location"], "Austin");
}

#[tokio::test]
async fn an_unknown_field_is_ignored_with_200() {
    let crm = Crm::start().await;
    let contact = crm.contact(json!({})).await;
    let items = json!([
        { "id": "aaaaaaaaaaaaaaaaaaaa", "field_value": "lost" },
        { "key": "contact.nowhere", "field_value": "lost" },
        { "key": "contact.next_visit_date", "field_value": "2026-04-01" },
    ]);
    let held = write(&crm, &contact, items).await;
    assert_eq!(held.as_array().unwrap().len(), 1);
    assert_eq!(held[0]["value"], "2026-04-01");
}

#[tokio::test]
async fn a_date_loses_its_time_ignores_an_empty_text_and_is_cleared_by_null() {
    let crm = Crm::start().await;
    let contact = crm.contact(json!({})).await;
    let id = id_of(&defined(&crm).await[0]);
    let cases = [
        (json!("2026-04-01T15:30:00Z"), json!([{ "id": id, "value": "2026-04-01" }])),
        (json!(""), json!([{ "id": id, "value": "2026-04-01" }])),
        (json!("soon"), json!([{ "id": id, "value": "2026-04-01" }])),
        (Value::Null, json!([])),
    ];
    for (written, expected) in cases {
        let held = write(&crm, &contact, json!([{ "id": id, "field_value": written }])).await;
        assert_eq!(held, expected, "after {written}");
    }
}

#[tokio::test]
async fn numbers_are_read_from_texts_and_checkboxes_are_never_stored() {
    let crm = Crm::start().await;
    let contact = crm.contact(json!({})).await;
    let (money, boxes) =
        (define(&crm, "Spend", "MONETORY").await, define(&crm, "Boxes", "CHECKBOX").await);
    let items = json!([
        { "id": money, "field_value": "5.21" },
        { "id": boxes, "field_value": ["a"] },
    ]);
    assert_eq!(write(&crm, &contact, items).await, json!([{ "id": money, "value": 5.21 }]));
    let items = json!([{ "id": money, "field_value": 149.5 }]);
    assert_eq!(write(&crm, &contact, items).await, json!([{ "id": money, "value": 149.5 }]));
    let items = json!([{ "id": money, "field_value": "$149.50" }]);
    let held = write(&crm, &contact, items).await;
    assert_eq!(held, json!([{ "id": money, "value": 149.5 }]), "no number, so ignored");
}
