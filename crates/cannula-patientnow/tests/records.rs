//! Reads of single records over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use cannula_core::{Error, ErrorKind, PatientRegistry, Record, RecordKind, Source};
use cannula_patientnow::{PatientNow, Product};
use common::{KEY, Practice, config, json, pretty};
use wiremock::ResponseTemplate;

const CUSTOMER: &str = include_str!("fixtures/customer.json");

/// An order of the fixture, alone.
fn order(index: usize) -> String {
    let orders: Vec<Box<serde_json::value::RawValue>> =
        serde_json::from_str(include_str!("fixtures/orders.json")).unwrap();
    orders[index].get().to_owned()
}

#[tokio::test]
async fn a_customer_is_a_patient() {
    let practice = Practice::open().await;
    practice.answer("GET", "customers/70011", json(CUSTOMER)).await;
    let event = practice.get(RecordKind::Patient, "70011").await.unwrap().unwrap();
    insta::assert_snapshot!(pretty(&event));
}

#[tokio::test]
async fn a_pointer_to_a_new_customer_brings_the_patient_as_new_under_the_plain_id() {
    let practice = Practice::open().await;
    practice.answer("GET", "customers/70011", json(CUSTOMER)).await;
    let event = practice.get(RecordKind::Patient, "70011/new").await.unwrap().unwrap();
    assert_eq!(event.key.id.as_str(), "70011");
    let Record::Patient(patient) = event.record else { panic!("{event:?}") };
    assert!(patient.is_new);
}

#[tokio::test]
async fn who_is_not_there_or_deleted_or_somebody_else_is_nobody() {
    let practice = Practice::open().await;
    practice.answer("GET", "customers/1", ResponseTemplate::new(404)).await;
    practice.answer("GET", "customers/2", json(r#"{"CustomerId":2,"Deleted":true}"#)).await;
    practice.answer("GET", "customers/3", json(CUSTOMER)).await;
    for id in ["1", "2", "3"] {
        assert_eq!(practice.get(RecordKind::Patient, id).await.unwrap(), None, "{id}");
    }
}

#[tokio::test]
async fn an_order_is_a_payment_and_its_lines_are_memberships() {
    let practice = Practice::open().await;
    practice.answer("GET", "orders/440781", json(order(0))).await;
    let payment = practice.get(RecordKind::Payment, "440781").await.unwrap().unwrap();
    assert_eq!(payment.key.id.as_str(), "440781");
    for id in ["440781/2", "440781/#1"] {
        let event = practice.get(RecordKind::Membership, id).await.unwrap().unwrap();
        assert_eq!(event.key.id.as_str(), "440781/2");
    }
    for id in ["440781/1", "440781/#2"] {
        assert_eq!(practice.get(RecordKind::Membership, id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_closed_order_that_is_opened_again_is_worth_nothing_until_it_is_closed_again() {
    let practice = Practice::open().await;
    let closed = order(0);
    let open = closed.replace(r#""Status": "Closed""#, r#""Status": "Open""#);
    let later = closed.replace("16:31:09", "17:05:00");
    let mut states = Vec::new();
    for body in [&closed, &open, &later] {
        practice.once("GET", "orders/440781", json(body)).await;
        practice.clock.advance(std::time::Duration::from_secs(60));
        states.push(practice.get(RecordKind::Payment, "440781").await.unwrap().unwrap());
    }
    let amounts: Vec<_> = states
        .iter()
        .map(|state| match &state.record {
            Record::Payment(payment) => payment.counted().unwrap().minor(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(amounts, [60_000, 0, 60_000]);
    assert_ne!(states[0].id, states[2].id, "closing it again is news");
}

#[tokio::test]
async fn a_membership_is_read_by_its_own_id() {
    let practice = Practice::open().await;
    let rows: Vec<Box<serde_json::value::RawValue>> =
        serde_json::from_str(include_str!("fixtures/memberships.json")).unwrap();
    practice.answer("GET", "memberships/8801", json(rows[0].get())).await;
    let event = practice.get(RecordKind::Membership, "8801").await.unwrap().unwrap();
    insta::assert_snapshot!(pretty(&event));
}

#[tokio::test]
async fn appointments_can_be_read_by_the_documented_post_which_is_sent_again_after_a_failure() {
    let practice = Practice::with(Product::Essentials, |config| {
        config.dialect.appointments_by_customer = true;
    })
    .await;
    let at = "customers/70011/Appointments";
    practice.once("POST", at, ResponseTemplate::new(503)).await;
    practice.answer("POST", at, json(include_str!("fixtures/appointments.json"))).await;
    let event = practice.get(RecordKind::Appointment, "910334/70011").await.unwrap().unwrap();
    assert_eq!(event.key.id.as_str(), "910334");
    let call = "POST customers/70011/Appointments Page=1&Rows=100 {\"EndDate\":\"2028-03-03\",\"StartDate\":\"2026-03-01\"}";
    assert_eq!(practice.calls().await, [call, call]);
}

#[tokio::test]
async fn what_is_not_in_the_list_of_its_customer_is_not_gone() {
    let practice = Practice::with(Product::Essentials, |config| {
        config.dialect.appointments_by_customer = true;
    })
    .await;
    practice.answer("POST", "customers/70011/Appointments", json("[]")).await;
    practice.answer("POST", "customers/2/Appointments", ResponseTemplate::new(404)).await;
    for id in ["910334/70011", "910334/2"] {
        let error = practice.get(RecordKind::Appointment, id).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{id}: it may be over, or somebody else's");
    }
}

#[tokio::test]
async fn a_path_below_which_nothing_was_ever_found_takes_no_record_for_gone() {
    for (kind, path, good) in [
        (RecordKind::Appointment, "appointments", r#"{"AppointmentId":2,"Status":"Booked"}"#),
        (RecordKind::Payment, "orders", r#"{"OrderId":2,"Status":"Open"}"#),
    ] {
        let practice = Practice::open().await;
        practice.answer("GET", &format!("{path}/1"), ResponseTemplate::new(404)).await;
        practice.answer("GET", &format!("{path}/2"), json(good)).await;
        let error = practice.get(kind, "1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let name = format!("`dialect.paths.{}`", path.trim_end_matches('s'));
        assert!(error.message().contains(&name), "{error}");
        assert!(practice.get(kind, "2").await.unwrap().is_some());
        assert_eq!(practice.get(kind, "1").await.unwrap(), None, "the path is good, so it is gone");
    }
}

#[tokio::test]
async fn a_membership_of_an_order_that_is_open_again_is_gone_however_it_is_asked_for() {
    let practice = Practice::open().await;
    let open = order(0).replace(r#""Status": "Closed""#, r#""Status": "Open""#);
    practice.answer("GET", "orders/440781", json(open)).await;
    for id in ["440781/2", "440781/#1"] {
        let event = practice.get(RecordKind::Membership, id).await.unwrap().unwrap();
        let Record::Pointer(pointer) = &event.record else { panic!("{event:?}") };
        assert_eq!(
            (pointer.key.to_string().as_str(), pointer.gone),
            ("12/membership/440781/2", true)
        );
    }
}

#[tokio::test]
async fn the_probe_takes_any_body() {
    let practice = Practice::open().await;
    practice.answer("GET", "status", ResponseTemplate::new(204)).await;
    Source::check(&practice.source).await.unwrap();
}

#[tokio::test]
async fn a_vish_key_has_no_access_to_customers_and_that_is_said() {
    for status in [401, 403, 404] {
        let practice = Practice::with(Product::Vish, |_| {}).await;
        practice.answer("GET", "customers/70011", ResponseTemplate::new(status)).await;
        practice.answer("GET", "customers", ResponseTemplate::new(status)).await;
        let error = practice.get(RecordKind::Patient, "70011").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(error.message().starts_with("this key has no access to customers"), "{error}");
        let error = PatientRegistry::check(&practice.source).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
    }
    // The same key in a practice that is configured as Essentials.
    for (status, kind) in
        [(401, ErrorKind::Auth), (403, ErrorKind::Forbidden), (404, ErrorKind::Forbidden)]
    {
        let practice = Practice::open().await;
        practice.answer("GET", "customers", ResponseTemplate::new(status)).await;
        let error = PatientRegistry::check(&practice.source).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.message().contains("this key has no access to customers"), "{error}");
    }
}

#[tokio::test]
async fn pro_sends_its_token_and_its_practice() {
    let practice = Practice::with(Product::Pro, |_| {}).await;
    let token = wiremock::matchers::header("authorization", format!("Bearer {KEY}").as_str());
    wiremock::Mock::given(token)
        .and(wiremock::matchers::path("/api/v1/patients/7"))
        .respond_with(json(r#"{"PatientId":7,"FirstName":"Ada","LastName":"Quill"}"#))
        .mount(&practice.server)
        .await;
    let event = practice.get(RecordKind::Patient, "7").await.unwrap().unwrap();
    assert_eq!(event.key.id.as_str(), "7");
    assert_eq!(practice.calls().await, ["GET patients/7 practiceId=12"]);
}

/// Everything an error can print, down to its last cause.
fn all_of(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(" {error} {error:?}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn the_key_is_in_no_error_and_no_debug() {
    let practice = Practice::open().await;
    let answers = [
        ResponseTemplate::new(401).set_body_string("<html>gateway-key-hush</html>"),
        ResponseTemplate::new(400).set_body_string(r#"{"Message":"gateway-key-hush is bad"}"#),
        ResponseTemplate::new(500),
        ResponseTemplate::new(302)
            .insert_header("Location", "https://x.test/?apikey=gateway-key-hush"),
        json("not JSON: gateway-key-hush"),
    ];
    for (index, answer) in answers.into_iter().enumerate() {
        practice.answer("GET", &format!("orders/{index}"), answer).await;
        let id = index.to_string();
        let error = practice.get(RecordKind::Payment, &id).await.unwrap_err();
        let text = all_of(&error);
        assert!(!text.contains("hush") && !text.contains("apikey"), "{text}");
    }
    let mut nowhere = config(Product::Essentials);
    nowhere.base_url = "http://127.0.0.1:1/api/v1".parse().unwrap();
    let source = PatientNow::new(nowhere, practice.clock.clone()).unwrap();
    let error = Source::check(&source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    let text = format!("{} {source:?}", all_of(&error));
    for hidden in ["hush", "apikey", "s3cret", "czNjcmV0"] {
        assert!(!text.contains(hidden), "{text}");
    }
}
