//! Pages as Nextech sends them, from raw JSON.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use cannula_core::{Record, RecordKind, Retry};
use cannula_nextech::{PageParser, ParsedPage, Product};
use chrono::DateTime;
use serde_json::{Value, json};

fn parser(product: Product) -> PageParser {
    PageParser::new(product, "practice".into(), chrono_tz::America::New_York)
}

fn parse(product: Product, kind: RecordKind, body: &[u8]) -> ParsedPage {
    parser(product).parse(kind, body, DateTime::UNIX_EPOCH).unwrap()
}

/// Everything a reviewer needs to see of a page; fixture data only, so exposing it is fine.
fn show(page: &ParsedPage) -> String {
    let mut text = String::new();
    for event in &page.events {
        let record: Value = serde_json::to_value(&event.record).unwrap();
        writeln!(text, "{} at {}", event.key, event.version.stamp.format("%FT%T%.fZ")).unwrap();
        writeln!(text, "{}", serde_json::to_string_pretty(&record).unwrap()).unwrap();
    }
    for row in &page.rejected {
        let key = row.key.as_ref().map_or_else(|| "no id".to_owned(), ToString::to_string);
        writeln!(text, "rejected {key}: {}: {}", row.path, row.problem).unwrap();
    }
    let newest = page.newest.map(|it| it.to_rfc3339());
    writeln!(text, "total {:?}, newest {newest:?}, next {:?}", page.total, page.next).unwrap();
    text
}

#[test]
fn select_appointments() {
    let body = include_bytes!("fixtures/select_appointments.json");
    insta::assert_snapshot!(show(&parse(Product::Select, RecordKind::Appointment, body)));
}

#[test]
fn select_patients() {
    let body = include_bytes!("fixtures/select_patients.json");
    insta::assert_snapshot!(show(&parse(Product::Select, RecordKind::Patient, body)));
}

#[test]
fn practice_plus_appointments() {
    let body = include_bytes!("fixtures/practice_plus_appointments.json");
    insta::assert_snapshot!(show(&parse(Product::PracticePlus, RecordKind::Appointment, body)));
}

#[test]
fn practice_plus_patient() {
    let body = include_bytes!("fixtures/practice_plus_patient.json");
    insta::assert_snapshot!(show(&parse(Product::PracticePlus, RecordKind::Patient, body)));
}

#[test]
fn select_payments() {
    let body = include_bytes!("fixtures/select_payments.json");
    insta::assert_snapshot!(show(&parse(Product::Select, RecordKind::Payment, body)));
}

#[test]
fn practice_plus_payments() {
    let body = include_bytes!("fixtures/practice_plus_payments.json");
    insta::assert_snapshot!(show(&parse(Product::PracticePlus, RecordKind::Payment, body)));
}

#[test]
fn a_bare_a_wrapped_and_a_bundled_record_are_the_same_event() {
    let bare: Value =
        serde_json::from_slice(include_bytes!("fixtures/practice_plus_patient.json")).unwrap();
    let bundle = json!({ "resourceType": "Bundle", "entry": [{ "resource": bare }] });
    let forms = [
        bare.clone(),
        json!({ "resource": bare }),
        bundle.clone(),
        json!({ "resource": bundle }),
        json!({ "entry": [{ "resource": bare }] }),
    ];
    let ids = forms.map(|form| {
        let body = form.to_string();
        let page = parse(Product::PracticePlus, RecordKind::Patient, body.as_bytes());
        assert_eq!(page.rejected.len(), 0, "{body}");
        page.events[0].id.clone()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn an_empty_page_may_lack_entry_total_and_type() {
    for body in [
        r#"{"resourceType":"Bundle"}"#,
        r#"{"resourceType":"Bundle","entry":null,"link":null}"#,
        r#"{"resourceType":"Bundle","type":"searchset","total":0,"entry":[]}"#,
        "\u{feff}{\"resourceType\":\"bundle\"}",
    ] {
        let page = parse(Product::Select, RecordKind::Patient, body.as_bytes());
        assert!(page.events.is_empty() && page.rejected.is_empty() && page.next.is_none());
    }
}

#[test]
fn an_answer_cut_within_a_letter_ends_early() {
    let body = r#"{"resourceType":"Bundle","entry":[{"resource":{"name":[{"family":"Nú"#.as_bytes();
    let outcome = parser(Product::Select).parse(
        RecordKind::Patient,
        &body[..body.len() - 1],
        DateTime::UNIX_EPOCH,
    );
    let error = outcome.unwrap_err();
    assert_eq!(error.to_string(), "the answer ends early (decode)");
    assert_eq!(error.retry_advice(), Retry::Backoff);
}

#[test]
fn an_answer_that_is_no_page_is_an_error_even_with_status_200() {
    let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"code":"processing","diagnostics":"Mina Varga"}]}"#;
    for (body, expected) in [
        (outcome, "the answer is neither a Bundle nor a resource (decode, code processing)"),
        ("{}", "the answer is neither a Bundle nor a resource (decode)"),
        ("[1]", "the answer is neither a Bundle nor a resource (decode, at=line 1 column 3)"),
        ("<html>", "the answer is neither a Bundle nor a resource (decode, at=line 1 column 1)"),
        (r#"{"resourceType":"Bundle","entry":[{"#, "the answer ends early (decode)"),
    ] {
        let outcome = parser(Product::Select).parse(
            RecordKind::Appointment,
            body.as_bytes(),
            DateTime::UNIX_EPOCH,
        );
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), expected);
        let cut_short = expected.contains("early");
        assert_eq!(error.retry_advice() == Retry::Backoff, cut_short, "{error}");
    }
}

#[test]
fn a_social_security_number_is_nowhere() {
    let body = include_bytes!("fixtures/select_patients.json");
    let page = parse(Product::Select, RecordKind::Patient, body);
    let kept = serde_json::to_string(&page.events).unwrap()
        + &serde_json::to_string(&page.rejected).unwrap();
    assert!(kept.contains("33333333"), "the rejected row is kept");
    assert!(kept.contains("[removed]"));
    for number in ["123456789", "###-##-0000"] {
        assert!(!kept.contains(number), "{kept}");
    }
}

#[test]
fn problems_and_debug_output_hold_no_personal_data() {
    for (kind, body) in [
        (RecordKind::Appointment, &include_bytes!("fixtures/select_appointments.json")[..]),
        (RecordKind::Patient, include_bytes!("fixtures/select_patients.json")),
        (RecordKind::Payment, include_bytes!("fixtures/select_payments.json")),
    ] {
        let page = parse(Product::Select, kind, body);
        let text = format!("{page:?}");
        for hidden in ["Mina", "Varga", "Nov 3", "1988", "010-4477", "20877", "HB-22", "yesterday"]
        {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
}

/// Reads further fixtures where there are any: each parses without a rejected row.
#[test]
fn fixtures_from_elsewhere_are_read_whole() {
    let Some(folder) = std::env::var_os("CANNULA_FIXTURES") else { return };
    let folder = std::path::Path::new(&folder).join("nextech");
    for (file, product, kind) in [
        ("select_appointment_bundle.json", Product::Select, RecordKind::Appointment),
        ("select_appointment_custom_status.json", Product::Select, RecordKind::Appointment),
        ("select_appointment_non_patient_block.json", Product::Select, RecordKind::Appointment),
        ("pp_appointment.json", Product::PracticePlus, RecordKind::Appointment),
        ("select_patient.json", Product::Select, RecordKind::Patient),
        ("pp_patient.json", Product::PracticePlus, RecordKind::Patient),
        ("select_payment.json", Product::Select, RecordKind::Payment),
        ("pp_payment_void_pair.json", Product::PracticePlus, RecordKind::Payment),
    ] {
        let Ok(body) = std::fs::read(folder.join(file)) else { continue };
        let page = parse(product, kind, &body);
        assert!(page.rejected.is_empty() && !page.events.is_empty(), "{file}");
        let complete = match &page.events[0].record {
            Record::Appointment(it) => it.start.is_some() && it.location.is_some(),
            Record::Payment(it) => it.patient.is_some() && it.date.is_some(),
            Record::Patient(it) => it.birth_date.is_some() && it.best_phone().is_some(),
            _ => false,
        };
        assert!(complete, "{file}");
    }
}
