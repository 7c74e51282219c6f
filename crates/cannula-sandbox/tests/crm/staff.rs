use cannula_sandbox::{FieldOptions, NewContact};
use serde_json::json;

use crate::support::Crm;

fn field(name: &str, data_type: &str) -> FieldOptions {
    FieldOptions { name: name.to_owned(), data_type: data_type.to_owned() }
}

fn mina() -> NewContact {
    NewContact {
        first_name: "Mina".to_owned(),
        last_name: "Okafor".to_owned(),
        email: Some("mina@example.test".to_owned()),
        phone: Some("+15550100001".to_owned()),
        gender: None,
        birth_date: "1990-09-25".parse().ok(),
        address1: Some("1 Main St".to_owned()),
        city: Some("Austin".to_owned()),
        state: Some("TX".to_owned()),
        postal_code: Some("78701".to_owned()),
        tags: vec!["NXT Create".to_owned()],
        fields: [
            ("NXT Location".to_owned(), json!("Austin")),
            ("Patient Lifetime Value".to_owned(), json!(149.5)),
        ]
        .into(),
    }
}

#[tokio::test]
async fn a_contact_that_staff_typed_in_reads_back_whole_by_id_and_in_a_search() {
    let crm = Crm::with(|settings| settings.search_shows_typed_names = true).await;
    let money = crm.state.add_field(&field("Patient Lifetime Value", "MONETORY")).unwrap();
    assert_eq!(crm.state.add_field(&field("Patient Lifetime Value", "TEXT")), None);
    let id = crm.state.add_contact(mina());
    crm.advance(60);
    let body = json!({ "pageLimit": 1 });
    let found = crm.post_here("/contacts/search", body).await.expect(200)["contacts"][0].clone();
    for contact in [crm.read(&id).await, found] {
        assert_eq!(contact["name"], "Mina Okafor");
        assert_eq!(contact["dateOfBirth"], "1990-09-25");
        let address = ["address1", "city", "state", "postalCode"].map(|name| &contact[name]);
        assert_eq!(address, ["1 Main St", "Austin", "TX", "78701"]);
        assert_eq!(contact["tags"], json!(["nxt create"]));
        assert_eq!(contact["customFields"][0]["value"], "Austin");
        assert_eq!(contact["customFields"][1], json!({ "id": money, "value": 149.5 }));
        assert_eq!(contact["dateUpdated"], "2026-03-02T14:00:00.000Z");
    }
}

#[tokio::test]
async fn staff_edit_what_they_touch_and_the_rest_stays() {
    let crm = Crm::start().await;
    let id = crm.state.add_contact(mina());
    crm.put(&format!("/contacts/{id}"), json!({ "source": "web" })).await.expect(200);
    crm.advance(60);
    assert!(crm.state.edit_contact(&id, |contact| {
        contact.email = None;
        contact.city = Some("Reno".to_owned());
        contact.fields.remove("NXT Location");
        contact.fields.insert("NXT Chart Number".to_owned(), json!("new"));
    }));
    let contact = crm.read(&id).await;
    assert!(contact.get("email").is_none());
    assert_eq!((&contact["city"], &contact["source"]), (&json!("Reno"), &json!("web")));
    assert_eq!(contact["phone"], "+15550100001");
    assert_eq!(contact["dateUpdated"], "2026-03-02T14:01:00.000Z");
    let fields = &crm.snapshot().contacts[0].fields;
    assert_eq!(fields.get("NXT Location"), None);
    assert_eq!(fields["NXT Chart Number"], "new");
    let free = json!({ "email": "mina@example.test" });
    assert_ne!(crm.contact(free).await, id, "the e-mail address was given up");
}

#[tokio::test]
async fn an_edit_that_changes_nothing_is_none_and_one_of_nobody_is_refused() {
    let crm = Crm::start().await;
    let id = crm.state.add_contact(mina());
    crm.advance(60);
    assert!(crm.state.edit_contact(&id, |_| ()));
    assert_eq!(crm.read(&id).await["dateUpdated"], "2026-03-02T14:00:00.000Z");
    assert!(!crm.state.edit_contact("nobody", |_| ()));
    assert!(!crm.state.tag("nobody", &["vip"]));
}

#[tokio::test]
async fn tags_of_staff_are_stored_in_lower_case_and_move_the_date_of_the_update() {
    let crm = Crm::start().await;
    let id = crm.state.add_contact(NewContact { tags: Vec::new(), ..mina() });
    crm.advance(60);
    assert!(crm.state.tag(&id, &[" NXT-Create ", "VIP"]));
    let contact = crm.read(&id).await;
    assert_eq!(contact["tags"], json!(["nxt-create", "vip"]));
    assert_eq!(contact["dateUpdated"], "2026-03-02T14:01:00.000Z");
    crm.advance(60);
    assert!(crm.state.tag(&id, &["vip"]));
    assert_eq!(crm.read(&id).await["dateUpdated"], "2026-03-02T14:01:00.000Z", "nothing new");
    assert!(crm.state.untag(&id, &["NXT-Create"]));
    let contact = crm.read(&id).await;
    assert_eq!(contact["tags"], json!(["vip"]));
    assert_eq!(contact["dateUpdated"], "2026-03-02T14:02:00.000Z");
}
