//! Payments over real HTTP: the feed, and the patient's other payments that come with it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use cannula_core::{
    Currency, EmrSource, ErrorKind, Feed, Page, Payment, PaymentStatus, Record, RecordKey,
    RecordKind, Result,
};
use cannula_nextech::{PageParser, Product};
use chrono::DateTime;
use common::{Practice, dated, ids, mark};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockBuilder, ResponseTemplate,
    matchers::{method, path, query_param, query_param_is_missing},
};

const MINA: &str = "0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47";

/// A payment of a patient, or of nobody.
fn row(id: usize, changed: &str, patient: Option<&str>) -> Value {
    let patient = patient.map(|id| {
        json!({
            "url": "http://hl7.org/fhir/StructureDefinition/Patient",
            "valueResourceReference": { "reference": format!("Patient/{id}") },
        })
    });
    json!({
        "resourceType": "PaymentReconciliation", "id": id.to_string(), "status": "active",
        "meta": { "lastUpdated": changed }, "extension": patient.as_slice(),
        "total": { "value": 20 },
    })
}

fn search() -> MockBuilder {
    Mock::given(method("GET"))
        .and(path("/api/PaymentReconciliation"))
        .and(query_param_is_missing("patient"))
}

fn list(patient: &str) -> MockBuilder {
    Mock::given(method("GET"))
        .and(path("/api/PaymentReconciliation"))
        .and(query_param("patient", patient))
}

impl Practice {
    async fn found(&self, rows: &[Value]) {
        search().respond_with(self.page(rows, rows.len(), None)).mount(&self.server).await;
    }

    async fn has(&self, patient: &str, rows: &[Value]) {
        list(patient).respond_with(self.page(rows, rows.len(), None)).mount(&self.server).await;
    }

    /// A fixture file as an answer; `{api}` in it is this server.
    fn file(&self, body: &str) -> ResponseTemplate {
        let body = body.replace("{api}", &format!("{}/api", self.server.uri()));
        dated(cannula_core::Clock::now(&*self.clock)).set_body_raw(body, "application/json")
    }

    fn list_link(&self, offset: usize) -> String {
        let server = self.server.uri();
        format!("{server}/api/PaymentReconciliation?patient={MINA}&_getpagesoffset={offset}")
    }

    async fn poll_payments(&self) -> Result<Page> {
        let feed = Feed { practice: "practice".into(), kind: RecordKind::Payment };
        self.source.poll(&feed, None).await
    }
}

fn payments(page: &Page) -> Vec<&Payment> {
    let payments = page.events.iter().map(|event| match &event.record {
        Record::Payment(payment) => payment,
        other => panic!("{other:?}"),
    });
    payments.collect()
}

#[tokio::test]
async fn a_voided_payment_is_found_by_reading_all_payments_of_the_patient_again() {
    let practice = Practice::open(Product::PracticePlus).await;
    let change = practice.file(include_str!("fixtures/void_change.json"));
    search().respond_with(change).mount(&practice.server).await;
    let second = practice.file(include_str!("fixtures/void_ledger_2.json"));
    list(MINA)
        .and(query_param("_getpagesoffset", "1"))
        .respond_with(second)
        .mount(&practice.server)
        .await;
    let first = practice.file(include_str!("fixtures/void_ledger_1.json"));
    list(MINA).respond_with(first).mount(&practice.server).await;

    let page = practice.poll_payments().await.unwrap();
    assert_eq!((ids(&page), page.last), (vec!["902", "990", "901"], true));
    let voided = payments(&page)[2];
    assert_eq!((voided.status, voided.amount.minor()), (PaymentStatus::Voided, 8_000));
    let stamps: Vec<_> = page.events.iter().map(|it| it.version.stamp.to_rfc3339()).collect();
    assert_eq!(stamps[2], "2031-05-02T14:00:00.100+00:00", "its stamp is the old one");
    assert_eq!(mark(&page), "2031-05-06T13:30:00Z");
    assert_eq!(
        practice.queries().await,
        [
            "_lastUpdated=ge2031-05-01T04:00:00Z&_count=50".to_owned(),
            format!("patient={MINA}&_count=50"),
            format!("patient={MINA}&_getpagesoffset=1"),
        ],
        "and nothing for the payment without an owner"
    );
    let calls = practice.source.calls();
    assert_eq!((calls["search payments"], calls["list a patient's payments"]), (1, 2));
}

#[tokio::test]
async fn a_patient_is_read_again_once_a_page_however_many_rows_and_spellings_there_are() {
    let practice = Practice::open(Product::Select).await;
    let loud = MINA.to_uppercase();
    let rows = [
        row(1, "2031-05-06T13:00:00Z", Some(MINA)),
        row(2, "2031-05-06T13:00:00Z", Some("other")),
        row(3, "2031-05-06T13:00:00Z", Some(&loud)),
    ];
    practice.found(&rows).await;
    practice.has(MINA, &[rows[2].clone(), rows[0].clone()]).await;
    practice.has("other", &rows[1..2]).await;
    let page = practice.poll_payments().await.unwrap();
    assert_eq!(ids(&page), ["1", "2", "3"], "no row is there twice");
    assert_eq!(practice.source.calls()["list a patient's payments"], 2);
}

#[tokio::test]
async fn the_mark_is_moved_by_the_search_alone() {
    let practice = Practice::open(Product::Select).await;
    practice.found(&[row(1, "2031-05-06T13:00:00Z", Some(MINA))]).await;
    let newer = row(2, "2031-05-06T13:50:00Z", Some(MINA));
    practice.has(MINA, &[row(1, "2031-05-06T13:00:00Z", Some(MINA)), newer]).await;
    let page = practice.poll_payments().await.unwrap();
    assert_eq!((ids(&page), mark(&page).as_str()), (vec!["1", "2"], "2031-05-06T13:00:00Z"));
}

#[tokio::test]
async fn a_second_reading_that_fails_fails_the_poll_and_the_next_poll_reads_it_all() {
    let practice = Practice::open(Product::Select).await;
    let rows = [row(1, "2031-05-06T13:00:00Z", Some(MINA))];
    practice.found(&rows).await;
    list(MINA)
        .respond_with(ResponseTemplate::new(403))
        .up_to_n_times(1)
        .mount(&practice.server)
        .await;
    let error = practice.poll_payments().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("list a patient's payments"), "{error}");
    practice.has(MINA, &rows).await;
    assert_eq!(ids(&practice.poll_payments().await.unwrap()), ["1"]);
}

#[tokio::test]
async fn a_patient_nextech_does_not_know_stops_nobody_elses_payments() {
    let practice = Practice::open(Product::Select).await;
    let rows =
        [row(1, "2031-05-06T13:00:00Z", Some("gone")), row(2, "2031-05-06T13:00:00Z", Some(MINA))];
    practice.found(&rows).await;
    list("gone").respond_with(ResponseTemplate::new(404)).mount(&practice.server).await;
    practice.has(MINA, &[row(3, "2031-05-01T13:00:00Z", Some(MINA))]).await;
    assert_eq!(ids(&practice.poll_payments().await.unwrap()), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_list_that_changes_on_the_way_or_whose_link_goes_stale_is_begun_again() {
    let practice = Practice::open(Product::Select).await;
    let rows: Vec<_> = (1..=3).map(|id| row(id, "2031-05-06T13:00:00Z", Some(MINA))).collect();
    practice.found(&rows[..1]).await;
    for (total, second) in [
        (3, practice.page(&rows[1..2], 2, None)),
        (3, ResponseTemplate::new(410)),
        (2, practice.page(&rows[2..], 2, None)),
    ] {
        list(MINA)
            .and(query_param("_getpagesoffset", "1"))
            .respond_with(second)
            .up_to_n_times(1)
            .mount(&practice.server)
            .await;
        list(MINA)
            .and(query_param_is_missing("_getpagesoffset"))
            .respond_with(practice.page(&rows[..1], total, Some(practice.list_link(1))))
            .up_to_n_times(1)
            .mount(&practice.server)
            .await;
    }
    let page = practice.poll_payments().await.unwrap();
    assert_eq!(ids(&page), ["1", "3"], "only the reading that nothing disturbed counts");
    assert_eq!(practice.source.calls()["list a patient's payments"], 6);
}

#[tokio::test]
async fn a_list_that_never_stands_still_fails_the_poll_for_now() {
    let practice = Practice::open(Product::Select).await;
    let rows = [row(1, "2031-05-06T13:00:00Z", Some(MINA))];
    practice.found(&rows).await;
    list(MINA)
        .and(query_param("_getpagesoffset", "1"))
        .respond_with(practice.page(&[], 1, None))
        .mount(&practice.server)
        .await;
    let first = practice.page(&rows, 2, Some(practice.list_link(1)));
    list(MINA).respond_with(first).mount(&practice.server).await;
    let error = practice.poll_payments().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(practice.source.calls()["list a patient's payments"], 8);
}

#[tokio::test]
async fn links_of_the_list_that_lead_away_or_in_circles_are_not_followed() {
    for (away, expected) in [(true, ErrorKind::Invalid), (false, ErrorKind::Decode)] {
        let practice = Practice::open(Product::Select).await;
        let rows = [row(1, "2031-05-06T13:00:00Z", Some(MINA))];
        practice.found(&rows).await;
        let link = "https://evil.example.test/api/PaymentReconciliation?name=mina".to_owned();
        let link = if away { link } else { practice.list_link(1) };
        list(MINA).respond_with(practice.page(&rows, 9, Some(link))).mount(&practice.server).await;
        let error = practice.poll_payments().await.unwrap_err();
        assert_eq!(error.kind(), expected, "{error}");
        assert!(!error.to_string().contains("mina"), "{error}");
        let calls = practice.source.calls()["list a patient's payments"];
        assert_eq!(calls, if away { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_bad_row_is_rejected_and_its_owner_is_read_again_all_the_same() {
    let practice = Practice::open(Product::Select).await;
    let mut bad = row(2, "2031-05-06T13:40:00Z", Some(MINA));
    bad["total"]["value"] = json!("twenty");
    practice.found(&[row(1, "2031-05-06T13:00:00Z", None), bad.clone()]).await;
    practice.has(MINA, &[row(3, "2031-05-01T13:00:00Z", Some(MINA)), bad]).await;
    let page = practice.poll_payments().await.unwrap();
    assert_eq!(ids(&page), ["1", "3"]);
    let [rejected] = &page.rejected[..] else { panic!("{:?}", page.rejected) };
    assert_eq!(rejected.path, "entry[1].resource.total.value");
    assert_eq!(rejected.problem, "the amount is not a decimal number such as 149.50");
    assert_eq!(rejected.key.as_ref().unwrap().id.as_str(), "2");
    assert_eq!(mark(&page), "2031-05-06T13:40:00Z");
}

#[tokio::test]
async fn without_payments_there_is_no_feed_of_them() {
    let practice = Practice::with(Product::Select, |config| config.payments = false).await;
    assert!(practice.source.info().feeds.iter().all(|it| it.kind != RecordKind::Payment));
    let error = practice.poll_payments().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn a_payment_is_got_by_its_own_id_and_by_no_other() {
    let practice = Practice::open(Product::PracticePlus).await;
    Mock::given(query_param("identifier", "90"))
        .respond_with(practice.file(include_str!("fixtures/void_change.json")))
        .mount(&practice.server)
        .await;
    Mock::given(query_param("identifier", "902"))
        .respond_with(practice.file(include_str!("fixtures/void_change.json")))
        .mount(&practice.server)
        .await;
    let key = |id: &str| RecordKey {
        practice: "practice".into(),
        kind: RecordKind::Payment,
        id: id.into(),
    };
    let event = practice.source.get(&key("902")).await.unwrap().unwrap();
    assert_eq!((event.key.id.as_str(), event.key.kind), ("902", RecordKind::Payment));
    // Nextech compares the start of a text.
    assert_eq!(practice.source.get(&key("90")).await.unwrap(), None);
    assert_eq!(practice.source.calls()["get payment"], 2);
}

#[test]
fn amounts_are_read_from_the_digits_and_never_through_a_float() {
    let parser = |currency| {
        let zone = chrono_tz::America::New_York;
        PageParser::new(Product::Select, "practice".into(), zone).currency(currency)
    };
    let minor = |digits: &str, currency| {
        let body = format!(
            r#"{{"resourceType":"PaymentReconciliation","id":"1","status":"active","total":{{"value":{digits}}}}}"#
        );
        let page = parser(currency)
            .parse(RecordKind::Payment, body.as_bytes(), DateTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(page.total, None, "an amount is not the number of results");
        page.events.first().map(|event| match &event.record {
            Record::Payment(payment) => payment.amount.minor(),
            other => panic!("{other:?}"),
        })
    };
    for (digits, expected) in [
        ("50.00", Some(5_000)),
        ("149.5", Some(14_950)),
        ("-80.0", Some(-8_000)),
        ("1E2", Some(10_000)),
        ("1.5e+2", Some(15_000)),
        ("0", Some(0)),
        ("0.1", Some(10)),
        // One more bit than a double has.
        ("90071992547409.93", Some(9_007_199_254_740_993)),
        ("\" 12.30 \"", Some(1_230)),
        (r#"{"value":7.25}"#, Some(725)),
        ("4.35", Some(435)),
        ("1.005", None),
        ("0.30000000000000004", None),
        ("true", None),
        ("[5]", None),
        (r#"{"value":{"value":5}}"#, None),
        ("null", None),
        ("\"\"", None),
    ] {
        assert_eq!(minor(digits, Currency::USD), expected, "{digits}");
    }
    assert_eq!(minor("500", Currency::JPY), Some(500));
    assert_eq!(minor("500.5", Currency::JPY), None);
}
