//! Deliveries, from raw bytes to pointers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use cannula_core::{Delivery, ErrorKind, Event, Record, Result, Secret, WebhookDecoder};
use cannula_zenoti::{WebhookConfig, ZenotiWebhooks};
use common::{CENTER, config};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

const SECRET: &str = "zen-test-secret";

fn webhooks() -> ZenotiWebhooks {
    let mut config = config("https://api.zenoti.com");
    config.webhooks = Some(WebhookConfig::new(Secret::new(SECRET)));
    config.organization = Some("30000000-0000-4000-8000-000000000001".to_owned());
    ZenotiWebhooks::new(&config).unwrap()
}

/// As the vendor prints it.
fn sign(body: &[u8]) -> String {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let bytes = mac.chain_update(body).finalize().into_bytes();
    let pairs: Vec<_> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("sha256 ={}", pairs.join("-"))
}

fn deliver(body: &str) -> Result<Vec<Event>> {
    let signature = sign(body.as_bytes());
    let headers = [("Zenoti-Webhook-Signature", signature.as_str())];
    let received_at = common::start();
    webhooks().decode(&Delivery { headers: &headers, body: body.as_bytes(), received_at })
}

fn pointers(body: &str) -> Vec<String> {
    let events = deliver(body).unwrap();
    let show = |event: &Event| {
        let Record::Pointer(pointer) = &event.record else { panic!("{event:?}") };
        let gone = if pointer.gone { " gone" } else { "" };
        assert_eq!(pointer.key.practice.as_str(), CENTER);
        format!("{}/{}{gone}", pointer.key.kind, pointer.key.id)
    };
    events.iter().map(show).collect()
}

fn event(kind: &str, data: Value) -> String {
    json!({ "id": "b2", "event_id": "b1", "event_type": kind, "event_timestamp": "2026-03-04T18:22:43.3847049Z", "data": data }).to_string()
}

#[test]
fn each_event_points_to_its_record_and_says_where_that_is() {
    let files = [
        ("group created", include_str!("fixtures/group_created.json")),
        ("group status", include_str!("fixtures/group_status.json")),
        ("completed, without an envelope", include_str!("fixtures/completed_bare.json")),
        ("guest created", include_str!("fixtures/guest_created.json")),
        ("invoice closed", include_str!("fixtures/invoice_closed.json")),
        ("membership created", include_str!("fixtures/membership_created.json")),
        ("membership frozen, bare", include_str!("fixtures/membership_frozen_bare.json")),
    ];
    let shown = files.map(|(name, body)| format!("{name}: {}", pointers(body).join(", ")));
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn every_event_is_known_by_its_name_in_any_case() {
    let group = json!({ "appointment_group_id": "G1", "invoice_id": "I1" });
    let guest = json!({ "id": "P1" });
    let membership = json!({ "user_membership_id": "M1" });
    let mut empty = group.clone();
    empty["appointments"] = json!([]);
    let status = |code: i64| {
        let mut data = group.clone();
        data["appointment_group_status"] = json!(code);
        data
    };
    let rows = [
        ("AppointmentGroup.Created", group.clone()),
        ("AppointmentGroup.Updated", group.clone()),
        ("appointmentgroup.UPDATED", empty),
        ("AppointmentGroup.Delete", json!({ "appointment_group_id": "G1" })),
        ("AppointmentGroup.Status", status(-1)),
        ("AppointmentGroup.Status", status(21)),
        ("Appointment.Started", group.clone()),
        ("Appointment.Completed", group.clone()),
        ("Appointment.Feedback", group),
        ("Guest.Created", guest.clone()),
        ("Guest.Updated", guest.clone()),
        ("Guest.Deleted", guest.clone()),
        ("Guest.OptedIn", guest.clone()),
        ("Guest.OptedOut", guest),
        ("Guest.Membership.Created", membership.clone()),
        ("Guest.Membership.Cancelled", membership.clone()),
        ("Guest.Membership.Freeze", membership.clone()),
        ("Guest.Membership.Unfreeze", membership.clone()),
        ("Guest.Membership.Reinstate", membership),
        ("Invoice.Closed", json!({ "invoice": { "id": "I1" } })),
        ("Guestpass.redeemed", json!({ "id": "X" })),
        ("Guest.Package.Created", json!({ "id": "X" })),
        ("Class.Booking.Created", json!({ "id": "X" })),
        ("Employee.Updated", json!({ "id": "X" })),
        ("Something.New", json!({ "id": "X" })),
    ];
    let shown = rows.map(|(kind, data)| {
        let pointers = pointers(&event(kind, data));
        format!("{kind}: {}", if pointers.is_empty() { "-".into() } else { pointers.join(", ") })
    });
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_merge_points_to_all_its_guests_whatever_it_calls_them() {
    let (kept, lost) =
        ("50000000-0000-4000-8000-00000000000A", "50000000-0000-4000-8000-00000000000b");
    let (a, b) = (kept.to_lowercase(), lost);
    let expected =
        vec![format!("patient/{a};merged={b};changed"), format!("patient/{b};merged={a};changed")];
    for data in [
        json!({ "target_guest_id": kept, "source_guest_id": lost, "center_id": CENTER }),
        json!({ "id": kept, "merged_guests": [{ "id": lost }], "center": { "id": CENTER } }),
        json!({ "guest": { "id": kept, "first_name": "Ada" }, "merged_guest_ids": [lost] }),
    ] {
        assert_eq!(pointers(&event("Guest.Merged", data.clone())), expected, "{data}");
    }
}

#[test]
fn other_centers_and_organisations_are_of_no_concern() {
    for (data, ours) in [
        (json!({ "appointment_group_id": "g", "center_id": CENTER.to_uppercase() }), true),
        (json!({ "appointment_group_id": "g", "center_id": "other" }), false),
        (json!({ "appointment_group_id": "g", "center": { "id": "other" } }), false),
        (json!({ "appointment_group_id": "g", "organization_id": "other" }), false),
        (json!({ "appointment_group_id": "g" }), true),
    ] {
        assert_eq!(
            pointers(&event("AppointmentGroup.Created", data.clone())).len(),
            usize::from(ours),
            "{data}"
        );
    }
    let invoice = json!({ "invoice": { "id": "i", "center": { "id": "other" } } });
    assert!(pointers(&event("Invoice.Closed", invoice)).is_empty());
}

#[test]
fn what_cannot_be_understood_is_acknowledged() {
    for body in [
        event("AppointmentGroup.Created", json!({})),
        event("Guest.Created", Value::Null),
        event("Invoice.Closed", json!({ "invoice": { "id": "" } })),
        json!({ "hello": "Ada" }).to_string(),
        "[]".to_owned(),
        "null".to_owned(),
    ] {
        assert!(pointers(&body).is_empty(), "{body}");
    }
    let error = deliver("Ada Quill").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(!error.to_string().contains("Ada"));
}

#[test]
fn the_test_button_sends_nothing_unsigned_and_nothing_comes_of_it() {
    let received_at = common::start();
    let ping = Delivery { headers: &[], body: b"", received_at };
    assert!(webhooks().decode(&ping).unwrap().is_empty());
    let space = Delivery { headers: &[], body: b" ", received_at };
    assert_eq!(webhooks().decode(&space).unwrap_err().kind(), ErrorKind::Auth);
    assert_eq!(webhooks().try_again(), 503);
}

#[test]
fn what_is_not_signed_is_refused() {
    let body = include_str!("fixtures/group_status.json");
    let received_at = common::start();
    let signature = sign(body.as_bytes());
    let decode = |headers: &[(&str, &str)], body: &[u8]| {
        webhooks().decode(&Delivery { headers, body, received_at }).map_err(|error| error.kind())
    };
    let good = [("zenoti-webhook-signature", signature.as_str())];
    assert!(decode(&good, body.as_bytes()).is_ok());
    assert_eq!(decode(&[], body.as_bytes()), Err(ErrorKind::Auth));
    assert_eq!(decode(&good, &[body.as_bytes(), b" "].concat()), Err(ErrorKind::Auth));
    let bare = config("https://api.zenoti.com");
    assert_eq!(ZenotiWebhooks::new(&bare).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_delivery_is_known_by_its_event_then_by_its_call_then_by_its_bytes() {
    let id = |body: Value| {
        let events = deliver(&body.to_string()).unwrap();
        events[0].key.id.as_str().to_owned()
    };
    let data = json!({ "appointment_group_id": "g" });
    let named = |event_id: Value, id: Value| json!({ "event_id": event_id, "id": id, "event_type": "AppointmentGroup.Status", "data": data });
    assert_eq!(id(named(json!("66A1"), json!("66a2"))), "66a1");
    assert_eq!(id(named(Value::Null, json!("66a2"))), "66a2");
    let hash = id(named(Value::Null, Value::Null));
    assert_eq!(hash.len(), 32);
    assert_eq!(id(named(Value::Null, Value::Null)), hash);

    let body = include_str!("fixtures/group_status.json");
    let again = body.replace("66a0000000000000000000c2", "66a0000000000000000000c9");
    let (first, again) = (deliver(body).unwrap(), deliver(&again).unwrap());
    assert_eq!(first[0].id, again[0].id);
    assert_eq!(first[0].version.stamp.to_rfc3339(), "2026-03-04T23:20:53.348478500+00:00");
}
