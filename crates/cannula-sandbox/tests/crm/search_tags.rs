//! Contact searches as one who polls for tags sends them.

use serde_json::{Value, json};

use crate::support::Crm;

fn tagged(operator: &str, value: Value) -> Value {
    json!({ "field": "tags", "operator": operator, "value": value })
}

/// The first names of the contacts that pass the filters, in the order of the answer.
async fn names(crm: &Crm, filters: Value) -> Vec<String> {
    let body = json!({ "pageLimit": 20, "filters": filters });
    names_of(&crm.post_here("/contacts/search", body).await.expect(200))
}

fn names_of(answer: &Value) -> Vec<String> {
    let contacts = answer["contacts"].as_array().unwrap().iter();
    contacts.map(|contact| contact["firstName"].as_str().unwrap().to_owned()).collect()
}

/// Ana, Leo and Mia, a minute apart, and nobody's search trails.
async fn three() -> Crm {
    let crm = Crm::with(|settings| {
        settings.search_lag_seconds = 0;
        settings.search_shows_typed_names = true;
    })
    .await;
    for (name, tag) in [("Ana", "NXT Create"), ("Leo", "NXT-Create"), ("Mia", "NXT Created")] {
        crm.contact(json!({ "firstName": name, "tags": [tag, "lead"], "city": "Reno" })).await;
        crm.advance(60);
    }
    crm
}

#[tokio::test]
async fn a_tag_equals_whole_and_contains_in_part() {
    let crm = three().await;
    let cases = [
        (tagged("eq", json!("NXT Create")), vec!["Ana"]),
        (tagged("eq", json!(["nxt create", "nxt-create"])), vec!["Leo", "Ana"]),
        (tagged("contains", json!("nxt create")), vec!["Mia", "Ana"]),
        (tagged("not_eq", json!("nxt create")), vec!["Mia", "Leo"]),
        (tagged("not_contains", json!("nxt create")), vec!["Leo"]),
        (json!({ "field": "tags", "operator": "exists" }), vec!["Mia", "Leo", "Ana"]),
        (json!({ "field": "tags", "operator": "not_exists" }), vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&crm, json!([filter])).await, expected, "{filter}");
    }
}

#[tokio::test]
async fn filters_are_joined_by_and_unless_a_group_says_or() {
    let crm = three().await;
    let both = json!([tagged("eq", json!("lead")), tagged("eq", json!("nxt create"))]);
    assert_eq!(names(&crm, both).await, ["Ana"]);
    let either = json!([
        { "field": "city", "operator": "eq", "value": "reno" },
        { "group": "OR", "filters": [
            tagged("eq", json!("nxt create")),
            { "group": "AND", "filters": [
                tagged("eq", json!("nxt-create")),
                { "field": "firstNameLowerCase", "operator": "eq", "value": "leo" },
            ]},
        ]},
    ]);
    assert_eq!(names(&crm, either).await, ["Leo", "Ana"]);
}

#[tokio::test]
async fn instants_have_ranges_and_what_is_not_known_is_refused() {
    let crm = three().await;
    let range = |field: &str, value: Value| json!([{ "field": field, "operator": "range", "value": value }]);
    let since = json!({ "gte": "2026-03-02T14:01:00Z", "lt": "2026-03-02T14:02:00Z" });
    assert_eq!(names(&crm, range("dateUpdated", since)).await, ["Leo"]);
    assert_eq!(names(&crm, range("dateAdded", json!({ "gt": "2026-03-03" }))).await.len(), 0);
    let cases = [
        (json!([{ "field": "additional_phones", "operator": "eq", "value": "x" }]), 400),
        (json!([tagged("begins", json!("x"))]), 400),
        (json!([{ "field": "tags", "operator": "eq" }]), 422),
        (json!([{ "group": "XOR", "filters": [] }]), 422),
    ];
    for (filters, status) in cases {
        let body = json!({ "pageLimit": 20, "filters": filters });
        crm.post_here("/contacts/search", body).await.expect(status);
    }
}

#[tokio::test]
async fn rows_show_a_contact_as_it_was_before_the_lag() {
    let crm = Crm::start().await;
    let id = crm.contact(json!({ "firstName": "Ana" })).await;
    let wanted = json!([tagged("eq", json!("nxt create"))]);
    crm.advance(60);
    crm.state.tag(&id, &["NXT Create"]);
    crm.advance(7);
    assert!(names(&crm, wanted.clone()).await.is_empty(), "not yet in the index");
    crm.advance(53);
    crm.state.untag(&id, &["NXT Create"]);
    crm.advance(5);
    let body = json!({ "pageLimit": 20, "filters": wanted });
    let row = crm.post_here("/contacts/search", body).await.expect(200)["contacts"][0].clone();
    assert_eq!((&row["id"], &row["tags"]), (&json!(id), &json!(["nxt create"])));
    assert_eq!(row["dateUpdated"], "2026-03-02T14:01:00.000Z");
    assert_eq!(crm.read(&id).await["tags"], json!([]), "reading by id is current");
    crm.advance(3);
    assert!(names(&crm, wanted).await.is_empty());
}

#[tokio::test]
async fn rows_can_be_sorted_by_their_last_update_and_paged_by_cursor() {
    let crm = three().await;
    let all = crm.snapshot().contacts;
    let ana = all.iter().find(|contact| contact.first_name.as_deref() == Some("Ana")).unwrap();
    crm.state.tag(&ana.id, &["vip"]);
    let page = async |after: &Value, direction: &str| {
        let sort = json!([{ "field": "dateUpdated", "direction": direction }]);
        let mut body = json!({ "pageLimit": 2, "sort": sort });
        if !after.is_null() {
            body["searchAfter"] = after.clone();
        }
        crm.post_here("/contacts/search", body).await.expect(200)
    };
    for (direction, expected) in [("asc", ["Leo", "Mia", "Ana"]), ("desc", ["Ana", "Mia", "Leo"])] {
        let first = page(&Value::Null, direction).await;
        assert_eq!(names_of(&first), expected[..2]);
        let second = page(&first["contacts"][1]["searchAfter"], direction).await;
        assert_eq!(names_of(&second), expected[2..]);
        assert_eq!(second["total"], 3);
        let third = page(&second["contacts"][0]["searchAfter"], direction).await;
        assert!(names_of(&third).is_empty());
    }
}

#[tokio::test]
async fn a_cursor_goes_on_after_its_place_when_its_row_is_gone() {
    let crm = three().await;
    let body = json!({ "pageLimit": 2 });
    let first = crm.post_here("/contacts/search", body).await.expect(200);
    let last = &first["contacts"][1];
    crm.state.delete_contact(last["id"].as_str().unwrap());
    let body = json!({ "pageLimit": 2, "searchAfter": last["searchAfter"] });
    let second = crm.post_here("/contacts/search", body).await.expect(200);
    assert_eq!(names_of(&second), ["Ana"]);
    let body = json!({ "pageLimit": 2, "searchAfter": ["x"] });
    crm.post_here("/contacts/search", body).await.expect(422);
    let sort = json!([{ "field": "shoeSize", "direction": "asc" }]);
    let body = json!({ "pageLimit": 2, "sort": sort });
    let refusal = crm.post_here("/contacts/search", body).await.expect(400);
    assert_eq!(refusal["message"], "Invalid field shoeSize");
}
