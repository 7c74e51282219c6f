//! The register of patients over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use cannula_core::{
    ErrorKind, NewPatient, PatientField, PatientRegistry, Person, PersonName, Phi, Retry,
};
use cannula_patientnow::Product;
use common::{Practice, json};
use wiremock::ResponseTemplate;

const CUSTOMER: &str = include_str!("fixtures/customer.json");
const PERSONAL: [&str; 6] = ["Ada", "Quill", "ada.quill", "555-0142", "5550142", "1988"];

fn phi(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}

fn ada() -> NewPatient {
    NewPatient {
        name: PersonName { given: phi("Ada"), family: phi("Quill") },
        email: phi("ada.quill@example.test"),
        phone: phi("+1 (503) 555-0142"),
        birth_date: Phi::new("1988-04-17".parse().unwrap()),
        gender: Some(phi("f")),
        street: Some(phi("18 Fern St")),
        city: Some(phi("Salem")),
        state: Some(phi("OR")),
        postal_code: Some(phi("97301")),
        location: None,
        referral_source: None,
        general_practitioner: None,
    }
}

fn person() -> Person {
    Person {
        first_name: phi("Ada"),
        last_name: phi("Quill"),
        email: Some(phi("ada.quill@example.test")),
        phone: Some(phi("(503) 555-0142")),
        birth_date: None,
    }
}

async fn creating(answer: ResponseTemplate) -> Practice {
    let practice = Practice::open().await;
    practice.answer("POST", "customers", answer).await;
    practice
}

#[tokio::test]
async fn six_fields_are_demanded_and_nothing_is_listed_where_the_company_is_known() {
    let practice = Practice::open().await;
    let info = PatientRegistry::info(&practice.source);
    assert_eq!((info.product, info.required.len()), ("PatientNow", 6));
    assert!(practice.source.lists().await.unwrap().is_empty());
    assert!(practice.calls().await.is_empty());
}

#[tokio::test]
async fn companies_in_use_are_the_locations_where_none_is_configured() {
    let practice = Practice::with(Product::Essentials, |config| config.company_id = None).await;
    let companies = r#"[{"CompanyId":12,"Name":"Riverside","Active":true},{"CompanyId":9,"Name":"Lakeside"},{"CompanyId":3,"Name":"Closed","Active":false}]"#;
    practice.answer("GET", "companies", json(companies)).await;
    let lists = practice.source.lists().await.unwrap();
    let names: Vec<_> = lists[&PatientField::Location].iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["Riverside", "Lakeside"]);
}

#[tokio::test]
async fn a_person_is_searched_for_by_email_phone_and_name_and_found_once() {
    let practice = Practice::open().await;
    practice.answer("GET", "customers", json(format!("[{CUSTOMER}]"))).await;
    let found = practice.source.search(&person()).await.unwrap();
    assert_eq!(found.len(), 1);
    insta::assert_snapshot!(practice.calls().await.join("\n"));
}

#[tokio::test]
async fn a_search_that_finds_everybody_is_an_error_and_does_not_eat_the_plan() {
    let practice = Practice::with(Product::Essentials, |config| config.rows = 2).await;
    let everybody = json(include_str!("fixtures/customers_1.json"));
    practice.answer("GET", "customers", everybody).await;
    let error = practice.source.search(&person()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(practice.calls().await.len(), 5);
}

#[tokio::test]
async fn a_chart_number_is_compared_and_who_has_none_goes_by_the_id() {
    let practice = Practice::open().await;
    let rows = json(include_str!("fixtures/customers_2.json"));
    practice.answer("GET", "customers", rows).await;
    practice.answer("GET", "customers/70011", json(CUSTOMER)).await;
    let found = practice.source.by_chart(" a-17 ").await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), "70013");
    let found = practice.source.by_chart("70011").await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), "70011");
    assert_eq!(practice.source.by_chart("B-1").await.unwrap(), None);
    assert_eq!(practice.source.by_chart(" ").await.unwrap(), None);
}

#[tokio::test]
async fn what_is_sent_is_the_six_fields_and_the_company() {
    let practice = creating(json(CUSTOMER)).await;
    let created = practice.source.create(&ada()).await.unwrap();
    assert_eq!(created.id.as_str(), "70011");
    insta::assert_snapshot!(practice.calls().await.join("\n"));
}

#[tokio::test]
async fn the_address_goes_along_if_so_configured() {
    let practice =
        Practice::with(Product::Essentials, |config| config.dialect.send_address = true).await;
    practice.answer("POST", "customers", json(CUSTOMER)).await;
    practice.source.create(&ada()).await.unwrap();
    insta::assert_snapshot!(practice.calls().await.join("\n"));
}

#[tokio::test]
async fn the_answer_may_be_an_id_or_a_location() {
    let location = "/api/v1/customers/70011/";
    for answer in [
        json("70011"),
        json("\"70011\""),
        json(r#"{"CustomerId":70011}"#),
        json(r#"{"Id":"70011"}"#),
        ResponseTemplate::new(201).insert_header("Location", location),
    ] {
        let practice = creating(answer).await;
        practice.answer("GET", "customers/70011", json(CUSTOMER)).await;
        let created = practice.source.create(&ada()).await.unwrap();
        assert_eq!(created.phones.len(), 2, "what is kept is what was read");
    }
}

#[tokio::test]
async fn a_patient_who_cannot_be_read_back_is_created_all_the_same() {
    let practice = creating(json("70011")).await;
    practice.answer("GET", "customers/70011", ResponseTemplate::new(404)).await;
    let created = practice.source.create(&ada()).await.unwrap();
    assert_eq!(created.id.as_str(), "70011");
    assert_eq!(created.name, ada().name);
}

#[tokio::test]
async fn after_an_empty_answer_the_patient_is_searched_for() {
    let practice = creating(ResponseTemplate::new(200)).await;
    practice.answer("GET", "customers", json(format!("[{CUSTOMER}]"))).await;
    assert_eq!(practice.source.create(&ada()).await.unwrap().id.as_str(), "70011");

    let practice = creating(ResponseTemplate::new(200)).await;
    practice.answer("GET", "customers", json("[]")).await;
    let error = practice.source.create(&ada()).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Settle);
}

#[tokio::test]
async fn a_creation_of_unknown_outcome_is_never_sent_again() {
    for status in [408, 500, 504] {
        let practice = creating(ResponseTemplate::new(status)).await;
        let error = practice.source.create(&ada()).await.unwrap_err();
        assert_eq!(error.retry_advice(), Retry::Settle);
        assert_eq!(practice.calls().await.len(), 1);
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_full_but_for_the_patients_data() {
    let body = r#"{"Message":"The request is invalid.","ModelState":{
        "customer.Birthday":["The Birthday field is required.","1988-04-17 is not after 04/17/1988."],
        "customer.Email":["A customer Ada Quill with ada.quill@example.test and (503) 555-0142 exists."]}}"#;
    let practice = creating(ResponseTemplate::new(400).set_body_string(body)).await;
    let error = practice.source.create(&ada()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let text = format!("{error} {error:?}");
    for personal in PERSONAL {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    insta::assert_snapshot!(error);
}

#[tokio::test]
async fn a_refusal_without_words_says_so_and_a_page_of_html_is_not_shown() {
    for body in ["", "<html>Ada Quill</html>"] {
        let practice = creating(ResponseTemplate::new(422).set_body_string(body)).await;
        let error = practice.source.create(&ada()).await.unwrap_err();
        assert!(error.message().contains("does not say why"), "{error}");
    }
}

#[tokio::test]
async fn a_success_that_carries_an_error_is_an_error() {
    let body = r#"{"Message":"Invalid.","ModelState":{"customer.Gender":["Gender is unknown."]}}"#;
    let practice = creating(json(body)).await;
    practice.answer("GET", "customers", json("[]")).await;
    let error = practice.source.create(&ada()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Invalid, Retry::Never));
    assert!(error.message().ends_with("Gender: Gender is unknown."), "{error}");
}

#[tokio::test]
async fn a_patient_who_is_there_already_is_a_duplicate() {
    let practice = creating(ResponseTemplate::new(409).set_body_string("Ada Quill exists")).await;
    let error = practice.source.create(&ada()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Duplicate);
    assert!(!format!("{error:?}").contains("Ada"));
}

#[tokio::test]
async fn what_is_missing_is_named_at_once_and_nothing_is_sent() {
    let practice = Practice::open().await;
    let lacking = NewPatient { gender: None, email: phi(" "), phone: phi(""), ..ada() };
    let error = practice.source.create(&lacking).await.unwrap_err();
    assert!(error.message().ends_with("e-mail, phone, gender"), "{error}");
    let odd = NewPatient { gender: Some(phi("nonbinary")), ..ada() };
    let error = practice.source.create(&odd).await.unwrap_err();
    assert_eq!(error.message(), "the gender must be one of: Female, Male, Other, Unknown");
    assert!(practice.calls().await.is_empty());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_may_be_the_very_patient() {
    let practice = Practice::open().await;
    practice.answer("GET", "customers", json(r#"[{"FirstName":"Ada"}]"#)).await;
    let error = practice.source.search(&person()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}
