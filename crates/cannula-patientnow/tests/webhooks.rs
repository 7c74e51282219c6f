//! Deliveries, proven and read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use cannula_core::{Delivery, ErrorKind, Event, Record, Result, Secret, WebhookDecoder};
use cannula_patientnow::{
    MembershipReads, PatientNowConfig, PatientNowWebhooks, Product, WebhookConfig,
};
use common::{config, pretty, start};
use serde_json::{Value, json};

const FIXTURE: &str = include_str!("fixtures/webhooks.json");

fn decoder(adjust: impl FnOnce(&mut PatientNowConfig)) -> PatientNowWebhooks {
    let mut config = config(Product::Essentials);
    config.webhooks = Some(WebhookConfig::shared_secret("X-Key", Secret::new("hush")));
    adjust(&mut config);
    PatientNowWebhooks::new(&config).unwrap()
}

fn decode(decoder: &PatientNowWebhooks, body: &str) -> Result<Vec<Event>> {
    let headers = &[("x-key", "hush")];
    decoder.decode(&Delivery { headers, body: body.as_bytes(), received_at: start() })
}

/// The keys that a delivery points at.
fn pointers(events: &[Event]) -> Vec<String> {
    let pointer = |event: &Event| match &event.record {
        Record::Pointer(pointer) if pointer.gone => format!("{} gone", pointer.key),
        Record::Pointer(pointer) => pointer.key.to_string(),
        other => panic!("{other:?}"),
    };
    events.iter().map(pointer).collect()
}

#[test]
fn the_four_events_are_pointers_and_nothing_of_their_content_is_kept() {
    let events = decode(&decoder(|_| {}), FIXTURE).unwrap();
    let text = pretty(&events);
    for hidden in ["Ada", "Botox", "example.test", "600", "Riverside"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn one_envelope_reads_as_a_list_of_one_and_the_notes_titles_are_types_too() {
    let list: Vec<Value> = serde_json::from_str(FIXTURE).unwrap();
    let titles =
        ["Appointment Booked", "Appointment Status Update", "Order Closed", "Patient Created"];
    for (envelope, title) in list.iter().zip(titles) {
        let alone = decode(&decoder(|_| {}), &envelope.to_string()).unwrap();
        let mut titled = envelope.clone();
        titled["EventType"] = json!(title);
        titled["Extra"] = json!({ "unknown": [1, null] });
        let titled = decode(&decoder(|_| {}), &titled.to_string()).unwrap();
        assert_eq!(alone, titled, "{title}");
    }
}

#[test]
fn the_same_delivery_twice_is_the_same_event_with_and_without_an_id() {
    let body = |time: &str, status: &str| {
        format!(
            r#"{{"EventType":"Appointment.StatusUpdated","EventTimestamp":"{time}","Data":{{"AppointmentId":1,"Status":"{status}"}}}}"#
        )
    };
    let decoder = decoder(|_| {});
    let id = |body: &str| decode(&decoder, body).unwrap()[0].id.clone();
    let first = id(&body("2026-03-03T17:00:00Z", "Booked"));
    assert_eq!(first, id(&body("2026-03-03T17:00:00Z", "Booked")));
    assert_ne!(first, id(&body("2026-03-03T17:00:00Z", "NoShow")));
    assert_ne!(first, id(&body("2026-03-03T17:00:01Z", "Booked")));
}

#[test]
fn pings_and_unknown_types_are_authentic_and_of_no_concern() {
    for body in [
        "",
        " \n",
        "{}",
        "[]",
        r#"{"EventType":"Ping"}"#,
        r#"{"EventType":null,"Data":null}"#,
        r#"{"EventId":"e","EventType":"Clinical.NoteCreated","Data":{"CustomerId":1}}"#,
    ] {
        assert_eq!(decode(&decoder(|_| {}), body).unwrap(), [], "{body}");
    }
}

#[test]
fn an_order_points_at_as_many_memberships_as_it_tells_of() {
    let order = |lines: &str| {
        format!(r#"{{"EventId":"e","EventType":"Order.Closed","Data":{{"OrderId":5{lines}}}}}"#)
    };
    let one = r#"{"Type":"membership","Name":"Glow"}"#;
    let service = r#"{"Type":"Service","Name":"Botox"}"#;
    let all = decoder(|_| {});
    let told = |body: &str| pointers(&decode(&all, body).unwrap());
    let (payment, first, second) = ("12/payment/5", "12/membership/5/#1", "12/membership/5/#2");
    assert_eq!(told(&order("")), [payment]);
    assert_eq!(told(&order(r#","Lines":[]"#)), [payment]);
    assert_eq!(told(&order(&format!(r#","Lines":[{service}]"#))), [payment]);
    assert_eq!(
        told(&order(&format!(r#","Lines":[{one},{service},{one}]"#))),
        [payment, first, second]
    );
    for reads in [MembershipReads::Off, MembershipReads::Customers] {
        let decoder = decoder(|config| config.memberships = reads);
        let body = order(&format!(r#","Lines":[{one}]"#));
        assert_eq!(pointers(&decode(&decoder, &body).unwrap()), [payment]);
    }
}

#[test]
fn names_and_types_are_configuration() {
    let decoder = decoder(|config| {
        let dialect = &mut config.dialect;
        dialect.fields.event_type = "kind";
        dialect.fields.event_data = "payload";
        dialect.fields.appointment_id = "apptId";
        dialect.appointments_by_customer = true;
    });
    let body = r#"{"kind":"Appointment Booked","payload":{"apptId":"A1","CustomerId":7}}"#;
    assert_eq!(pointers(&decode(&decoder, body).unwrap()), ["12/appointment/A1/7"]);
}

#[test]
fn another_locations_deliveries_are_of_no_concern_if_only_ours_is_read() {
    let body = r#"{"EventType":"Appointment.Booked","CompanyId":9,"Data":{"AppointmentId":1}}"#;
    assert_eq!(decode(&decoder(|_| {}), body).unwrap().len(), 1);
    let ours = decoder(|config| config.this_company_only = true);
    assert_eq!(decode(&ours, body).unwrap(), []);
}

#[test]
fn what_is_proven_and_cannot_be_read_is_a_decode_error_without_the_content() {
    for body in [
        "Ada Quill",
        "\u{1}",
        "3",
        "[3]",
        r#"{"EventType":"Appointment.Booked","Data":{"CustomerId":"Ada Quill"}}"#,
        r#"[3,{"EventType":"Appointment.Booked","Data":{"CustomerId":"Ada Quill"}}]"#,
    ] {
        let error = decode(&decoder(|_| {}), body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{body}");
        assert!(!format!("{error:?}").contains("Ada"), "{error}");
    }
}

#[test]
fn a_time_in_an_unforeseen_form_and_a_bad_neighbour_keep_no_record_out() {
    let odd = r#"{"EventId":"e","EventType":"Appointment.Booked","EventTimestamp":"4 Mar 2026, 5 PM","Data":{"AppointmentId":1}}"#;
    let told = decode(&decoder(|_| {}), odd).unwrap();
    assert_eq!(pointers(&told), ["12/appointment/1"]);
    assert_eq!(told[0].version.stamp, start(), "when it came");
    let bad = r#"{"EventType":"Appointment.Booked","Data":{"CustomerId":1}}"#;
    let list = format!("[{bad},3,{odd}]");
    assert_eq!(pointers(&decode(&decoder(|_| {}), &list).unwrap()), ["12/appointment/1"]);
}

#[test]
fn without_proof_nothing_is_read_not_even_a_ping() {
    let decoder = decoder(|_| {});
    for headers in [&[][..], &[("x-key", "wrong")], &[("x-key", "")]] {
        for body in [FIXTURE, ""] {
            let delivery = Delivery { headers, body: body.as_bytes(), received_at: start() };
            assert_eq!(decoder.decode(&delivery).unwrap_err().kind(), ErrorKind::Auth);
        }
    }
    assert!(!format!("{decoder:?}").contains("hush"));
    assert_eq!(decoder.try_again(), 503);
}

#[test]
fn without_a_configured_verifier_there_is_no_decoder() {
    let config = config(Product::Essentials);
    assert_eq!(PatientNowWebhooks::new(&config).unwrap_err().kind(), ErrorKind::Config);
}
