//! The practice's ledger over real HTTP: what is on it, and what can be put there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use cannula_core::{ErrorKind, LedgerRow, PatientId, PaymentLedger, PaymentStatus, Retry};
use cannula_nextech::Product;
use common::{Practice, dated, token};
use serde_json::json;
use wiremock::{
    Mock, MockBuilder, ResponseTemplate,
    matchers::{method, path, query_param},
};

const FIRST: &str = include_str!("fixtures/ledger_between_1.json");
const SECOND: &str = include_str!("fixtures/ledger_between_2.json");
const MINA: &str = "0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47";

fn payments() -> MockBuilder {
    Mock::given(method("GET")).and(path("/api/PaymentReconciliation"))
}

/// A fixture file as an answer; `{api}` in it is the practice's server.
fn file(practice: &Practice, body: &str) -> ResponseTemplate {
    let body = body.replace("{api}", &format!("{}/api", practice.server.uri()));
    dated(common::start()).set_body_raw(body, "application/json")
}

/// Two pages of a list, the second behind the first one's link.
async fn pages(practice: &Practice, first: &str, second: &str) {
    payments()
        .and(query_param("_getpagesoffset", "3"))
        .respond_with(file(practice, second))
        .mount(&practice.server)
        .await;
    payments().respond_with(file(practice, first)).mount(&practice.server).await;
}

async fn november(practice: &Practice) -> cannula_core::Result<Vec<LedgerRow>> {
    let day = |text: &str| text.parse().unwrap();
    practice.source.between(day("2031-11-01"), day("2031-11-02")).await
}

#[tokio::test]
async fn a_period_is_the_practices_own_days_also_when_the_clocks_change() {
    let practice = Practice::open(Product::Select).await;
    pages(&practice, FIRST, SECOND).await;
    let rows = november(&practice).await.unwrap();
    let shown: Vec<_> = rows
        .iter()
        .map(|LedgerRow { id, payment }| {
            let date = payment.date.map_or("no date".to_owned(), |date| date.to_string());
            let note = payment.description.as_ref().map_or("", |it| it.expose());
            format!("{id} {date} {} {:?} {note}", payment.amount, payment.status)
        })
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(
        practice.queries().await,
        ["_count=50&payment-date=ge2031-10-30&payment-date=le2031-11-04", "_getpagesoffset=3"]
    );
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_read_is_begun_again() {
    let practice = Practice::open(Product::Select).await;
    let grown = file(&practice, &SECOND.replace(r#""total": 9"#, r#""total": 10"#));
    payments()
        .and(query_param("_getpagesoffset", "3"))
        .respond_with(grown)
        .up_to_n_times(1)
        .mount(&practice.server)
        .await;
    pages(&practice, FIRST, SECOND).await;
    assert_eq!(november(&practice).await.unwrap().len(), 6);
    assert_eq!(practice.source.calls()["list the practice's payments"], 4);
}

#[tokio::test]
async fn a_list_that_fails_is_an_error_and_not_a_short_list() {
    let practice = Practice::open(Product::Select).await;
    payments()
        .and(query_param("_getpagesoffset", "3"))
        .respond_with(ResponseTemplate::new(403))
        .mount(&practice.server)
        .await;
    let first = file(&practice, FIRST);
    payments().respond_with(first).mount(&practice.server).await;
    let error = november(&practice).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("list the practice's payments"), "{error}");
}

#[tokio::test]
async fn a_patients_rows_are_all_there_or_it_is_an_error() {
    let practice = Practice::open(Product::PracticePlus).await;
    let patient = PatientId::new(MINA);
    let (first, second) =
        (include_str!("fixtures/void_ledger_1.json"), include_str!("fixtures/void_ledger_2.json"));
    payments()
        .and(query_param("_getpagesoffset", "1"))
        .respond_with(file(&practice, second))
        .mount(&practice.server)
        .await;
    let list = || payments().and(query_param("patient", MINA));
    list().respond_with(file(&practice, first)).up_to_n_times(1).mount(&practice.server).await;
    let rows = practice.source.of_patient(&patient).await.unwrap();
    let voided = rows.iter().find(|row| row.id.as_str() == "901").unwrap();
    assert_eq!(voided.payment.status, PaymentStatus::Voided);

    // One that cannot be read may be the one that is looked for.
    let row = json!({ "resource": { "resourceType": "PaymentReconciliation", "id": "7", "total": { "value": "x" } } });
    let page = json!({ "resourceType": "Bundle", "entry": [row] });
    let unreadable = ResponseTemplate::new(200).set_body_json(page);
    list().respond_with(unreadable).up_to_n_times(1).mount(&practice.server).await;
    let error = practice.source.of_patient(&patient).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nextech-practice-plus: list a patient's payments: expected active, cancelled or entered-in-error (invalid, path=entry[0].resource.status, row=7)"
    );

    // That nobody is known by this id does not say that nothing was posted.
    list().respond_with(ResponseTemplate::new(404)).mount(&practice.server).await;
    let error = practice.source.of_patient(&patient).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn options_are_the_lists_and_the_words_on_recent_payments() {
    let practice = Practice::open(Product::PracticePlus).await;
    pages(
        &practice,
        include_str!("fixtures/ledger_recent_1.json"),
        include_str!("fixtures/ledger_recent_2.json"),
    )
    .await;
    for (route, body) in [
        ("/api/Location", include_str!("fixtures/registry_locations_2.json")),
        ("/api/Practitioner", include_str!("fixtures/registry_practitioners.json")),
    ] {
        Mock::given(path(route)).respond_with(file(&practice, body)).mount(&practice.server).await;
    }
    let options = practice.source.options().await.unwrap();
    insta::assert_debug_snapshot!(options);
    assert_eq!(
        practice.queries().await[2..],
        ["_count=50&payment-date=ge2031-02-05", "_getpagesoffset=3"]
    );
}

#[tokio::test]
async fn the_words_of_a_busy_practice_are_looked_for_on_a_few_pages_only() {
    let practice = Practice::open(Product::Select).await;
    for route in ["/api/Location", "/api/Practitioner"] {
        let none = ResponseTemplate::new(200).set_body_json(json!({ "entry": [] }));
        Mock::given(path(route)).respond_with(none).mount(&practice.server).await;
    }
    let endless = include_str!("fixtures/ledger_recent_1.json");
    payments().respond_with(file(&practice, endless)).mount(&practice.server).await;
    let options = practice.source.options().await.unwrap();
    assert_eq!(options.categories.len(), 2);
    assert_eq!(practice.source.calls()["list recent payments"], 20);
}

async fn signs_in(practice: &Practice) {
    let none = ResponseTemplate::new(200).set_body_json(json!({ "entry": [] }));
    Mock::given(path("/api/Location")).respond_with(none).mount(&practice.server).await;
}

#[tokio::test]
async fn a_check_asks_nextech_and_knows_what_posting_still_needs() {
    let select = Practice::open(Product::Select).await;
    signs_in(&select).await;
    PaymentLedger::check(&select.source).await.unwrap();
    let plus = Practice::open(Product::PracticePlus).await;
    let error = PaymentLedger::check(&plus.source).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Config, Retry::Never));
    assert!(error.to_string().contains("set `new_payments.practice`"), "{error}");
    assert!(plus.queries().await.is_empty());
    let plus = Practice::with(Product::PracticePlus, |config| {
        config.new_payments.practice = Some("1".to_owned());
    })
    .await;
    plus.tokens(token("token-1", None)).await;
    signs_in(&plus).await;
    PaymentLedger::check(&plus.source).await.unwrap();
    assert_eq!(plus.queries().await, ["_count=1"]);
}
