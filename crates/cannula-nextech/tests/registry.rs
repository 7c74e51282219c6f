//! Searching Nextech's register of patients over real HTTP.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use cannula_core::{ErrorKind, Patient, PatientField, PatientRegistry, Person, Phi};
use cannula_nextech::Product;
use common::Practice;
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path, query_param, query_param_contains},
};

const MINA: &str = "0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47";

fn person() -> Person {
    Person {
        first_name: Phi::new("Mina".to_owned()),
        last_name: Phi::new("Varga".to_owned()),
        email: Some(Phi::new("mina.varga@example.test".to_owned())),
        phone: Some(Phi::new("+15550104477".to_owned())),
        birth_date: Some(Phi::new("1988-11-03".parse().unwrap())),
    }
}

fn ids(found: &[Patient]) -> Vec<&str> {
    found.iter().map(|it| it.id.as_str()).collect()
}

/// Answers a search by `parameter` with a raw file.
async fn finds(practice: &Practice, parameter: &str, file: &str) {
    let text = file.replace("{server}", &practice.server.uri());
    Mock::given(method("GET"))
        .and(path("/api/Patient"))
        .and(query_param_contains(parameter, ""))
        .respond_with(ResponseTemplate::new(200).set_body_raw(text, "application/json"))
        .mount(&practice.server)
        .await;
}

#[tokio::test]
async fn a_person_is_searched_by_e_mail_by_phone_and_by_name_and_birth_date() {
    for product in [Product::Select, Product::PracticePlus] {
        let practice = Practice::open(product).await;
        finds(&practice, "_getpagesoffset", include_str!("fixtures/registry_by_email_2.json"))
            .await;
        finds(&practice, "email", include_str!("fixtures/registry_by_email.json")).await;
        finds(&practice, "phone", include_str!("fixtures/registry_by_phone.json")).await;
        finds(&practice, "family", include_str!("fixtures/registry_by_name.json")).await;
        let found = practice.source.search(&person()).await.unwrap();
        assert_eq!(
            practice.queries().await,
            [
                "_count=50&email=mina.varga@example.test",
                "email=mina&_getpagesoffset=1",
                "_count=50&phone=(555) 010-4477,(555)010-4477,555-010-4477,5550104477,555.010.4477,555 010 4477,+15550104477,15550104477",
                "_count=50&family=Varga&given=Mina&birthdate=eq1988-11-03",
            ]
        );
        // Once each, whatever the case of the id, and with those whose data only start alike.
        let expected =
            [MINA, "11111111-aaaa-4c58-9a11-5f0e2ad91c47", "22222222-aaaa-4c58-9a11-5f0e2ad91c47"];
        assert_eq!(ids(&found), expected);
        assert_eq!(found[0].chart_number.as_ref().unwrap().expose(), "20877");
    }
}

#[tokio::test]
async fn a_plus_in_an_e_mail_travels_escaped() {
    let practice = Practice::open(Product::Select).await;
    finds(&practice, "email", "{\"resourceType\":\"Bundle\"}").await;
    let email = Some(Phi::new("mina+new@example.test".to_owned()));
    let found = practice.source.search(&Person { email, ..Person::default() }).await.unwrap();
    assert!(found.is_empty());
    let requests = practice.server.received_requests().await.unwrap();
    let query = requests.last().unwrap().url.query().unwrap().to_owned();
    assert_eq!(query, "_count=50&email=mina%2Bnew%40example.test");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_may_be_the_patient_so_the_search_fails() {
    let practice = Practice::open(Product::Select).await;
    finds(&practice, "email", include_str!("fixtures/registry_unreadable.json")).await;
    let error = practice.source.search(&person()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nextech-select: search patients by e-mail: expected a date as YYYY-MM-DD (decode, path=entry[0].resource.birthDate)"
    );
}

#[tokio::test]
async fn a_search_without_end_is_given_up() {
    let practice = Practice::open(Product::Select).await;
    let next =
        |offset: usize| format!("{}/api/Patient?_getpagesoffset={offset}", practice.server.uri());
    for offset in (1..12).rev() {
        let link =
            json!({ "link": [{ "relation": "next", "url": next(offset + 1) }], "entry": [] });
        Mock::given(query_param("_getpagesoffset", offset.to_string()))
            .respond_with(ResponseTemplate::new(200).set_body_json(link))
            .mount(&practice.server)
            .await;
    }
    let first = json!({ "link": [{ "relation": "next", "url": next(1) }], "entry": [] });
    finds(&practice, "email", &first.to_string()).await;
    let error = practice.source.search(&person()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("placeholder"), "{error}");
    assert_eq!(practice.queries().await.len(), 10);
}

#[tokio::test]
async fn links_to_another_host_or_to_themselves_are_not_followed() {
    let practice = Practice::open(Product::Select).await;
    let away =
        json!({ "link": [{ "relation": "next", "url": "http://evil.test/api/Patient?mina" }] });
    finds(&practice, "email", &json!({ "entry": [], "link": away["link"] }).to_string()).await;
    let error = practice.source.search(&person()).await.unwrap_err();
    assert!(error.to_string().contains("evil.test"), "{error}");
    assert_eq!(practice.queries().await.len(), 1);

    let practice = Practice::open(Product::Select).await;
    let url = format!("{}/api/Patient?email=x", practice.server.uri());
    let loops = json!({ "entry": [], "link": [{ "relation": "next", "url": url }] });
    finds(&practice, "email", &loops.to_string()).await;
    let error = practice.source.search(&person()).await.unwrap_err();
    assert!(error.to_string().contains("leads to itself"), "{error}");
}

fn patient(id: &str, chart: &str) -> Value {
    json!({ "resource": {
        "resourceType": "Patient", "id": id, "identifier": [{ "use": "usual", "value": chart }],
    }})
}

#[tokio::test]
async fn select_reads_a_patient_by_the_chart_number_and_checks_the_answer() {
    for (asked, expected) in [("20877", Some(MINA)), ("20878", None), (MINA, None), (" ", None)] {
        let practice = Practice::open(Product::Select).await;
        let file = include_str!("fixtures/registry_created.json");
        Mock::given(method("GET"))
            .and(path(format!("/api/Patient/{asked}")))
            .respond_with(ResponseTemplate::new(200).set_body_raw(file, "application/json"))
            .mount(&practice.server)
            .await;
        let found = practice.source.by_chart(asked).await.unwrap();
        assert_eq!(found.as_ref().map(|it| it.id.as_str()), expected, "{asked}");
        assert_eq!(practice.queries().await.len(), usize::from(asked != " "));
    }
    // The server answers 404 to what it was not told about.
    let practice = Practice::open(Product::Select).await;
    assert_eq!(practice.source.by_chart("1").await.unwrap(), None);
}

#[tokio::test]
async fn practice_plus_searches_the_chart_number_and_takes_no_other() {
    let practice = Practice::open(Product::PracticePlus).await;
    let rows =
        json!({ "entry": [patient("a", "33012"), patient("b", "3301"), patient("B", "3301")] });
    finds(&practice, "identifier", &rows.to_string()).await;
    let found = practice.source.by_chart(" 3301 ").await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), "b");
    assert_eq!(practice.queries().await, ["_count=50&identifier=3301"]);
    assert_eq!(practice.source.by_chart("330").await.unwrap(), None);
}

#[tokio::test]
async fn a_chart_number_of_two_patients_leads_to_neither() {
    let practice = Practice::open(Product::PracticePlus).await;
    let rows = json!({ "entry": [patient("a", "3301"), patient("b", "3301")] });
    finds(&practice, "identifier", &rows.to_string()).await;
    let error = practice.source.by_chart("3301").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nextech-practice-plus: get patient by chart number: several patients have this chart number (invalid)"
    );
}

#[tokio::test]
async fn each_product_says_what_it_demands() {
    let select = Practice::with(Product::Select, |config| {
        config.new_patients.default_postal_code = Some("00000".to_owned());
    })
    .await;
    let plus = Practice::locked(Product::PracticePlus).await;
    let (select, plus) =
        (PatientRegistry::info(&select.source), PatientRegistry::info(&plus.source));
    assert_eq!((select.name, select.product), ("nextech-select", "Nextech Select"));
    assert_eq!(select.default_postal_code.as_deref(), Some("00000"));
    assert_eq!(select.required.len(), 6);
    assert_eq!((plus.name, plus.product), ("nextech-practice-plus", "Nextech Practice+"));
    assert_eq!((plus.default_postal_code.as_deref(), plus.required.len()), (None, 11));
    assert!(select.required.iter().all(|field| plus.required.contains(field)));
    assert!(plus.required.contains(&PatientField::GeneralPractitioner));
    assert_eq!(plus.practice.as_str(), "practice");
}
