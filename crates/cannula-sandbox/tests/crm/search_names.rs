//! Contact searches as one who looks for a name sends them.

use cannula_sandbox::NewContact;
use serde_json::{Value, json};

use crate::support::Crm;

fn part(field: &str, operator: &str, value: &str) -> Value {
    json!({ "field": field, "operator": operator, "value": value })
}

/// Contacts with the piece in their first or last name.
fn named(piece: &str) -> Value {
    json!([{ "group": "OR", "filters": [
        part("firstNameLowerCase", "contains", piece),
        part("lastNameLowerCase", "contains", piece),
    ]}])
}

async fn searched(crm: &Crm, filters: Value) -> Value {
    let sort = json!([{ "field": "lastNameLowerCase", "direction": "asc" }]);
    let body = json!({ "pageLimit": 20, "filters": filters, "sort": sort });
    crm.post_here("/contacts/search", body).await.expect(200)
}

async fn last_names(crm: &Crm, filters: Value) -> Vec<String> {
    let answer = searched(crm, filters).await;
    let rows = answer["contacts"].as_array().unwrap().iter();
    rows.map(|row| row["lastNameLowerCase"].as_str().unwrap().to_owned()).collect()
}

async fn crm(people: &[(&str, &str)]) -> Crm {
    let crm = Crm::with(|settings| settings.search_lag_seconds = 0).await;
    for (first, last) in people {
        crm.contact(json!({ "firstName": first, "lastName": last })).await;
    }
    crm
}

#[tokio::test]
async fn names_are_found_by_pieces_and_rows_have_them_in_lower_case_only() {
    let crm = crm(&[("Maeve", "O'Neil"), ("Otto", "McNeil"), ("Ines", "Núñez")]).await;
    assert_eq!(last_names(&crm, named("neil")).await, ["mcneil", "o'neil"]);
    assert_eq!(last_names(&crm, named("ez")).await, ["núñez"]);
    assert_eq!(last_names(&crm, named("nunez")).await, [""; 0], "accents count");
    let row = searched(&crm, named("maeve")).await["contacts"][0].clone();
    assert_eq!(row["firstNameLowerCase"], "maeve");
    for typed in ["firstName", "lastName", "name"] {
        assert_eq!(row[typed], Value::Null);
    }
    let read = crm.read(row["id"].as_str().unwrap()).await;
    assert_eq!((&read["firstName"], &read["lastName"]), (&json!("Maeve"), &json!("O'Neil")));
}

#[tokio::test]
async fn a_field_in_lower_case_knows_no_other_case() {
    let crm = crm(&[("Maeve", "Lee")]).await;
    assert_eq!(last_names(&crm, named("Maeve")).await, [""; 0]);
    let typed = json!([part("firstName", "contains", "Maeve")]);
    assert_eq!(last_names(&crm, typed).await, ["lee"]);
}

#[tokio::test]
async fn special_characters_and_long_values_are_refused() {
    let crm = crm(&[]).await;
    let long = "x".repeat(76);
    for (value, status) in [("o'neil", 400), ("o’neil", 400), ("smith-jones", 400), (&*long, 422)]
    {
        let body = json!({ "pageLimit": 20, "filters": named(value) });
        crm.post_here("/contacts/search", body).await.expect(status);
    }
    searched(&crm, named(&long[1..])).await;
    let body = json!({ "pageLimit": 20, "query": long });
    let refusal = crm.post_here("/contacts/search", body).await.expect(422);
    let expected = json!(["query must be shorter than or equal to 75 characters"]);
    assert_eq!(refusal["message"], expected);
    assert!(refusal["traceId"].is_string());
}

#[tokio::test]
async fn pages_end_at_ten_thousand_rows_and_the_cursor_goes_on() {
    let crm = crm(&[]).await;
    for number in 0..10_050 {
        let last_name = format!("Lee {number:05}");
        let first_name = "Mara".to_owned();
        crm.state.add_contact(NewContact { first_name, last_name, ..NewContact::default() });
    }
    let sort = json!([{ "field": "lastNameLowerCase", "direction": "asc" }]);
    let page = async |more: (&str, Value)| {
        let mut body = json!({ "pageLimit": 500, "filters": named("mara"), "sort": sort });
        body[more.0] = more.1;
        crm.post_here("/contacts/search", body).await
    };
    let last = page(("page", json!(20))).await.expect(200);
    assert_eq!(last["total"], 10_050);
    assert_eq!(last["contacts"][499]["lastNameLowerCase"], "lee 09999");
    page(("page", json!(21))).await.expect(400);
    let beyond = page(("searchAfter", last["contacts"][499]["searchAfter"].clone())).await;
    let beyond = beyond.expect(200);
    assert_eq!(beyond["contacts"].as_array().unwrap().len(), 50);
    assert_eq!(beyond["contacts"][49]["lastNameLowerCase"], "lee 10049");

    let after = last["contacts"][499]["searchAfter"].clone();
    let both = json!({ "pageLimit": 20, "page": 1, "searchAfter": after });
    crm.post_here("/contacts/search", both).await.expect(422);
    crm.post_here("/contacts/search", json!({ "pageLimit": 501 })).await.expect(422);
}
