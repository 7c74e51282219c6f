//! New patients over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fmt::Write as _;

use cannula_core::{
    Error, ErrorKind, Named, NewPatient, Patient, PatientRegistry, PersonName, Phi, Result, Retry,
};
use cannula_nextech::Product;
use common::{Practice, token};
use serde_json::Value;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path, query_param_contains},
};

const CREATED: &str = include_str!("fixtures/registry_created.json");
const BY_NAME: &str = include_str!("fixtures/registry_by_name.json");
const BY_PHONE: &str = include_str!("fixtures/registry_by_phone.json");
const HIDDEN: [&str; 6] = ["Mina", "Varga", "mina.varga", "010-4477", "1988", "02840"];

fn phi(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}

fn named(id: &str, name: &str) -> Option<Named> {
    Some(Named { id: Some(id.to_owned()), name: name.to_owned() })
}

/// What Select demands and no more.
fn least() -> NewPatient {
    NewPatient {
        gender: None,
        name: PersonName { given: phi("Mina"), family: phi("Varga") },
        email: phi("mina.varga@example.test"),
        phone: phi("+1 555-010-4477"),
        birth_date: Phi::new("1988-11-03".parse().unwrap()),
        street: None,
        city: None,
        state: None,
        postal_code: Some(phi("02840")),
        location: None,
        referral_source: None,
        general_practitioner: None,
    }
}

/// Everything.
fn most() -> NewPatient {
    NewPatient {
        street: Some(phi("12 Quay St")),
        city: Some(phi("Newport")),
        state: Some(phi("RI")),
        location: named("3", "Harbor Aesthetics North"),
        referral_source: named("6", "Instagram"),
        general_practitioner: named("9", "Rao MD"),
        ..least()
    }
}

fn file(status: u16, text: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(text, "application/json")
}

/// Answers one creation, after those told before.
async fn then(practice: &Practice, answer: ResponseTemplate) {
    Mock::given(method("POST"))
        .and(path("/api/Patient/"))
        .respond_with(answer)
        .up_to_n_times(1)
        .mount(&practice.server)
        .await;
}

/// Answers a search by `parameter`.
async fn finds(practice: &Practice, parameter: &str, answer: ResponseTemplate) {
    Mock::given(method("GET"))
        .and(path("/api/Patient"))
        .and(query_param_contains(parameter, ""))
        .respond_with(answer)
        .mount(&practice.server)
        .await;
}

async fn creations(practice: &Practice) -> Vec<wiremock::Request> {
    let requests = practice.server.received_requests().await.unwrap();
    requests.into_iter().filter(|it| it.url.path() == "/api/Patient/").collect()
}

/// The request as it was received, without its token and its port.
async fn sent(practice: &Practice) -> String {
    let requests = creations(practice).await;
    let [request] = &requests[..] else { panic!("{} requests", requests.len()) };
    let mut text = format!("{} {}\n", request.method, request.url.path());
    let mut headers: Vec<_> = request.headers.iter().collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in headers {
        let value = match name.as_str() {
            "host" => "the server",
            "authorization" => "Bearer (token)",
            _ => value.to_str().unwrap(),
        };
        writeln!(text, "{name}: {value}").unwrap();
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    writeln!(text, "\n{}", serde_json::to_string_pretty(&body).unwrap()).unwrap();
    text
}

/// Creates a patient where the server answers so.
async fn create(answer: ResponseTemplate) -> (Practice, Result<Patient>) {
    let practice = Practice::open(Product::Select).await;
    then(&practice, answer).await;
    let created = practice.source.create(&least()).await;
    (practice, created)
}

fn hides_everything(error: &Error) {
    let text = format!("{error} {error:?}");
    assert!(HIDDEN.iter().all(|hidden| !text.contains(hidden)), "{text}");
}

#[tokio::test]
async fn select_is_sent_the_least_it_demands() {
    let (practice, created) = create(file(201, CREATED)).await;
    assert_eq!(created.unwrap().chart_number.unwrap().expose(), "20877");
    insta::assert_snapshot!(sent(&practice).await);
}

#[tokio::test]
async fn select_is_sent_all_there_is() {
    let practice = Practice::with(Product::Select, |config| {
        config.new_patients.country = Some("USA".to_owned());
        config.new_patients.status = "patient".to_owned();
    })
    .await;
    practice.tokens(token("token-1", None)).await;
    then(&practice, file(200, CREATED)).await;
    practice.source.create(&most()).await.unwrap();
    insta::assert_snapshot!(sent(&practice).await);
}

#[tokio::test]
async fn practice_plus_is_sent_all_there_is() {
    let practice = Practice::open(Product::PracticePlus).await;
    then(&practice, file(200, CREATED)).await;
    practice.source.create(&most()).await.unwrap();
    insta::assert_snapshot!(sent(&practice).await);
}

#[tokio::test]
async fn a_number_of_another_country_and_two_given_names_are_sent_as_typed() {
    let practice = Practice::open(Product::Select).await;
    then(&practice, file(200, CREATED)).await;
    let name = PersonName { given: phi("Mary Ann"), family: phi("O'Hara-Đặng") };
    let patient = NewPatient { phone: phi("+44 20 7946 0000"), name, ..least() };
    practice.source.create(&patient).await.unwrap();
    let body: Value = serde_json::from_slice(&creations(&practice).await[0].body).unwrap();
    assert_eq!(body["telecom"][0]["value"], "+44 20 7946 0000");
    assert_eq!(body["name"][0]["given"], serde_json::json!(["Mary Ann"]));
    assert_eq!(body["name"][0]["family"], "O'Hara-Đặng");
}

#[tokio::test]
async fn nothing_is_sent_while_something_demanded_is_missing() {
    let practice = Practice::open(Product::PracticePlus).await;
    let error = practice.source.create(&least()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nextech-practice-plus: create patient: Nextech Practice+ needs more of a new patient: street address, city, state, referral source, general practitioner (invalid)"
    );
    let patient = NewPatient { referral_source: Some(Named::new("Instagram")), ..most() };
    let error = practice.source.create(&patient).await.unwrap_err();
    assert!(error.to_string().contains("has no id (invalid, list=referral-source)"), "{error}");
    let practice = Practice::open(Product::Select).await;
    let patient = NewPatient { postal_code: Some(phi(" ")), email: phi(""), ..least() };
    let error = practice.source.create(&patient).await.unwrap_err();
    assert!(error.to_string().contains("new patient: e-mail, postal code"), "{error}");
    assert!(practice.server.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_answer_may_be_bare_or_in_a_bundle() {
    let bundle = format!(r#"{{"resourceType":"Bundle","entry":[{{"resource":{CREATED}}}]}}"#);
    let wrapped = format!(r#"{{"resource":{CREATED}}}"#);
    for text in [CREATED, &bundle, &wrapped] {
        let (practice, created) = create(file(200, text)).await;
        assert_eq!(created.unwrap().id.as_str(), "0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47");
        assert!(practice.queries().await.len() == 1, "nothing is read back");
    }
}

#[tokio::test]
async fn a_patient_whom_the_answer_does_not_tell_is_found_among_those_alike() {
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"information"}]}"#;
    for answer in [
        ResponseTemplate::new(204),
        ResponseTemplate::new(201),
        ResponseTemplate::new(200).set_body_string("<html>Saved</html>"),
        file(200, outcome),
        file(200, r#"{"resourceType":"Bundle","entry":[]}"#),
    ] {
        let practice = Practice::open(Product::Select).await;
        then(&practice, answer).await;
        finds(&practice, "email", file(200, r#"{"entry":[]}"#)).await;
        finds(&practice, "phone", file(200, BY_PHONE)).await;
        finds(&practice, "family", file(200, BY_NAME)).await;
        let created = practice.source.create(&least()).await.unwrap();
        assert_eq!(created.chart_number.unwrap().expose(), "20877");
        assert_eq!(creations(&practice).await.len(), 1);
    }
}

#[tokio::test]
async fn a_patient_who_cannot_be_found_again_is_settled_later() {
    let none = || file(200, r#"{"entry":[]}"#);
    let two = format!(
        r#"{{"entry":[{{"resource":{CREATED}}},{{"resource":{}}}]}}"#,
        CREATED.replace("0B6F3C1E", "1B6F3C1E")
    );
    for answer in [none(), file(200, &two), ResponseTemplate::new(503)] {
        let practice = Practice::open(Product::Select).await;
        then(&practice, ResponseTemplate::new(204)).await;
        finds(&practice, "email", answer).await;
        finds(&practice, "phone", none()).await;
        finds(&practice, "family", none()).await;
        let error = practice.source.create(&least()).await.unwrap_err();
        assert_eq!(error.retry_advice(), Retry::Settle, "{error}");
        assert_eq!(creations(&practice).await.len(), 1);
        hides_everything(&error);
    }
}

#[tokio::test]
async fn a_missing_chart_number_is_fetched_and_its_absence_undoes_nothing() {
    for (read, expected) in
        [(file(200, CREATED), Some("20877")), (ResponseTemplate::new(403), None)]
    {
        let practice = Practice::open(Product::Select).await;
        then(&practice, file(201, include_str!("fixtures/registry_created_id_only.json"))).await;
        Mock::given(method("GET"))
            .and(path("/api/Patient/0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47"))
            .respond_with(read)
            .mount(&practice.server)
            .await;
        let created = practice.source.create(&least()).await.unwrap();
        assert_eq!(created.id.as_str(), "0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47");
        assert_eq!(created.chart_number.map(Phi::into_inner).as_deref(), expected);
    }
}

#[tokio::test]
async fn a_duplicate_is_called_one() {
    let body = r#"{"message":"Mina Varga, born 1988-11-03, exists"}"#;
    let (practice, created) = create(file(409, body)).await;
    let error = created.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Duplicate, Retry::Never));
    assert_eq!(creations(&practice).await.len(), 1);
    hides_everything(&error);
}

#[tokio::test]
async fn a_failure_after_which_the_patient_may_be_there_is_settled_and_never_sent_again() {
    for status in [500, 502, 408] {
        let (practice, created) = create(file(status, r#"{"message":"Mina Varga"}"#)).await;
        let error = created.unwrap_err();
        assert_eq!(error.retry_advice(), Retry::Settle, "{error}");
        assert_eq!(creations(&practice).await.len(), 1);
        hides_everything(&error);
    }
}

#[tokio::test]
async fn a_refusal_names_the_fields_in_our_words() {
    for (status, body, expected) in [
        (
            400,
            r#"{"Message":"Mina Varga: zip 02840 and date of birth 1988-11-03 are wrong"}"#,
            "nextech-select: create patient: Nextech does not take the new patient; its answer speaks of: birth date, postal code (invalid, HTTP 400)",
        ),
        (
            422,
            r#"{"resourceType":"OperationOutcome","issue":[{"code":"invalid","details":{"text":"Mina"}}]}"#,
            "nextech-select: create patient: Nextech does not take the new patient and names no field; the practice may demand more fields than Nextech does (invalid, HTTP 422, code invalid)",
        ),
        (
            404,
            r#""no practitioner 418""#,
            "nextech-select: create patient: Nextech does not take the new patient; its answer speaks of: general practitioner (invalid, HTTP 404)",
        ),
    ] {
        let (practice, created) = create(file(status, body)).await;
        let error = created.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Invalid, Retry::Never));
        assert_eq!(creations(&practice).await.len(), 1);
        hides_everything(&error);
    }
}

#[tokio::test]
async fn what_was_surely_not_applied_is_sent_again() {
    for status in [401, 429] {
        let practice = Practice::open(Product::Select).await;
        then(&practice, ResponseTemplate::new(status)).await;
        then(&practice, file(201, CREATED)).await;
        assert!(practice.source.create(&least()).await.is_ok());
        assert_eq!(creations(&practice).await.len(), 2);
    }
}

#[tokio::test]
async fn a_request_that_is_never_allowed_is_sent_once() {
    let (practice, created) = create(ResponseTemplate::new(403)).await;
    assert_eq!(created.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(creations(&practice).await.len(), 1);
}
