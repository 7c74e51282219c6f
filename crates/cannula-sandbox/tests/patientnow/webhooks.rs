use std::collections::BTreeMap;

use cannula_core::AppointmentStatus;
use cannula_sandbox::{DeliveryState, Signing, Vendor, WebhookQuirks, practice::AppointmentState};
use ring::hmac;
use serde_json::json;

use crate::support::{Arrival, Scene};

fn verifies(arrival: &Arrival, secret: &str) -> bool {
    let header = arrival.headers["x-webhook-signature"].to_str().unwrap();
    let hex = header.strip_prefix("sha256=").unwrap();
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::verify(&key, &arrival.raw, &bytes).is_ok()
}

#[tokio::test]
async fn a_booking_a_change_and_a_closed_order_are_told_in_the_envelope() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let (ann, _) = scene.ann();
    let slot = "2031-07-01T10:30:00".parse().unwrap();
    let id = scene.practice().book(AppointmentState::new(&ann, "Injectables", slot));
    assert_eq!(scene.sandbox.deliver_webhooks().await, 2);
    scene.advance(60);
    scene.practice().update_appointment(&id, |state| state.status = AppointmentStatus::NoShow);
    scene.practice().sell_membership(&ann, "Glow Monthly", 19_900);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 2);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 0);
    let bodies: Vec<_> = receiver.take().into_iter().map(|arrival| arrival.body).collect();
    let envelope = |id: &str, event: &str, at: &str, data| {
        json!({
            "EventId": id, "EventType": event, "EventTimestamp": at, "SchemaVersion": "1",
            "CompanyId": 1, "Data": data,
        })
    };
    let visit = |status: &str| {
        json!({
            "AppointmentId": 900_000, "CustomerId": 70_011, "Status": status,
            "ServiceName": "Injectables", "StartTime": "2031-07-01T10:30:00",
            "CompanyName": "Juniper Aesthetics Midtown",
        })
    };
    let created = json!({
        "CustomerId": 70_011, "FirstName": "Ann", "LastName": "Smith",
        "Email": "ann.smith.1@example.test", "MobilePhone": "(646) 555-0001",
    });
    let mut missed = visit("NoShow");
    missed["PreviousStatus"] = json!("Booked");
    let sold = json!({
        "OrderId": 990_001, "CustomerId": 70_011, "Status": "Closed", "Total": 199.0,
        "Lines": [{ "Type": "Membership", "Name": "Glow Monthly", "Total": 199.0 }],
    });
    let (then, later) = ("2031-04-04T12:00:00Z", "2031-04-04T12:01:00Z");
    let expected = [
        envelope("evt-0001", "Customer.Created", then, created),
        envelope("evt-0002", "Appointment.Booked", then, visit("Booked")),
        envelope("evt-0003", "Appointment.StatusUpdated", later, missed),
        envelope("evt-0004", "Order.Closed", later, sold),
    ];
    assert_eq!(bodies, expected);
}

#[tokio::test]
async fn the_signature_is_the_hmac_of_the_raw_body() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    scene.ann();
    scene.sandbox.deliver_webhooks().await;
    let mut arrival = receiver.take().pop().unwrap();
    assert!(verifies(&arrival, &scene.access.webhook_secret));
    arrival.raw = format!("{} ", arrival.body).into();
    assert!(!verifies(&arrival, &scene.access.webhook_secret));
    for signing in [Signing::ForeignKey, Signing::Absent] {
        let quirks = WebhookQuirks { signing, ..WebhookQuirks::default() };
        scene.sandbox.set_webhook_quirks(Vendor::PatientNow, quirks);
        scene.ann();
        scene.sandbox.deliver_webhooks().await;
    }
    let arrivals = receiver.take();
    assert!(!verifies(&arrivals[0], &scene.access.webhook_secret));
    assert!(!arrivals[1].headers.contains_key("x-webhook-signature"));
}

/// The fixture of the facts: it pins the form of the signature.
#[test]
fn the_known_vector_holds() {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"pn-test-secret");
    let body = br#"{"EventId":"evt-0001","EventType":"Order.Closed"}"#;
    let hex: String =
        hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "5d3a7f9f44cc2242c59d8d9c726ba0520e525bf7e1cf95846e55a1a8731ece37");
}

#[tokio::test]
async fn an_order_is_told_whenever_it_is_closed_and_never_when_it_is_taken_back() {
    let scene = Scene::empty().await;
    let (ann, _) = scene.ann();
    let receiver = scene.subscribed().await;
    let told = async || {
        scene.advance(60);
        scene.sandbox.deliver_webhooks().await;
        receiver.take()
    };
    let practice = scene.practice();
    let order = practice.open_order(&ann, "Injectables", 10_000);
    assert!(told().await.is_empty(), "what was there before is not told, nor an open order");
    practice.close_order(&order);
    assert_eq!(told().await[0].data("Total"), 100.0);
    practice.reopen_order(&order);
    assert!(told().await.is_empty());
    practice.update_order(&order, |state| state.lines[0].quantity = 2);
    practice.close_order(&order);
    assert_eq!(told().await[0].data("Total"), 200.0);
    practice.void_order(&order);
    assert!(told().await.is_empty());
    practice.reopen_order(&order);
    practice.delete_appointment(&order);
    assert!(told().await.is_empty());
}

#[tokio::test]
async fn a_customer_who_is_created_through_the_api_is_told_too_and_an_edit_is_not() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let body = json!({
        "FirstName": "Ada", "LastName": "Quill", "Email": "ada.quill@example.test",
        "MobilePhone": "5035550142", "Birthday": "1988-04-17", "Gender": "Female",
    });
    scene.post("/customers", &body).await.expect(201);
    scene.sandbox.deliver_webhooks().await;
    assert_eq!(receiver.take_events(), ["Customer.Created"]);
    scene.advance(60);
    scene.put("/customers/70011", &json!({ "City": "Salem" })).await.expect(200);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 0);
}

#[tokio::test]
async fn a_held_booking_is_told_as_booked_once_staff_take_it_over() {
    let scene = Scene::empty().await;
    let (ann, _) = scene.ann();
    let receiver = scene.subscribed().await;
    let slot = "2031-07-01T10:30:00".parse().unwrap();
    let state = AppointmentState::new(&ann, "Injectables", slot);
    let held = AppointmentState { status: AppointmentStatus::Proposed, ..state };
    let id = scene.practice().book(held);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 0);
    for status in [AppointmentStatus::Pending, AppointmentStatus::Confirmed] {
        scene.advance(60);
        scene.practice().update_appointment(&id, |state| state.status = status);
        scene.sandbox.deliver_webhooks().await;
    }
    assert_eq!(receiver.take_events(), ["Appointment.Booked", "Appointment.StatusUpdated"]);
}

/// Every version of the timeline that PatientNow has an event for comes as one webhook, however
/// long nobody delivered.
#[tokio::test]
async fn webhooks_follow_the_timeline_version_by_version() {
    let scene = Scene::busy().await;
    let receiver = scene.subscribed().await;
    let mut arrivals = Vec::new();
    for days in [1, 1, 30, 29] {
        scene.days(days);
        scene.sandbox.deliver_webhooks().await;
        arrivals.append(&mut receiver.take());
    }
    let stamps: Vec<_> =
        arrivals.iter().map(|it| it.body["EventTimestamp"].as_str().unwrap().to_owned()).collect();
    let stamps: Vec<chrono::DateTime<chrono::Utc>> =
        stamps.iter().map(|stamp| stamp.parse().unwrap()).collect();
    assert!(stamps.is_sorted());
    let mut told = BTreeMap::<String, usize>::new();
    for arrival in &arrivals {
        *told.entry(arrival.event().to_owned()).or_default() += 1;
    }
    let history = scene.practice().patientnow_history();
    let (mut versions, mut visits) = (0, std::collections::BTreeSet::new());
    for (_, event) in &history {
        if event.key.kind == cannula_core::RecordKind::Appointment {
            versions += 1;
            visits.insert(event.key.id.clone());
        }
    }
    assert_eq!(told["Customer.Created"], scene.practice().patient_ids().len());
    assert_eq!(told["Appointment.Booked"], visits.len());
    assert_eq!(told["Appointment.StatusUpdated"], versions - visits.len());
    assert!(told["Order.Closed"] > 20, "{told:?}");
}

#[tokio::test]
async fn whatever_is_not_2xx_is_tried_five_times_more_with_growing_pauses() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    receiver.answer(&[500, 404, 302, 429, 503, 500, 500]);
    scene.ann();
    let (mut attempts, mut minutes) = (Vec::new(), 0);
    for _ in 0..400 {
        if scene.sandbox.deliver_webhooks().await > 0 {
            attempts.push(minutes);
        }
        scene.advance(60);
        minutes += 1;
    }
    assert_eq!(attempts, [0, 1, 6, 21, 81, 321]);
    let arrivals = receiver.take();
    assert!(arrivals.iter().all(|arrival| arrival.raw == arrivals[0].raw));
    let end = scene.sandbox.webhook_log(Vendor::PatientNow).pop().unwrap();
    assert_eq!((end.event.as_str(), end.record.as_str()), ("Customer.Created", "70011"));
    assert_eq!((end.answers.len(), end.state), (6, DeliveryState::GivenUp));
}

#[tokio::test]
async fn quirks_and_control_endpoints_are_those_of_every_vendor() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let origin = scene.sandbox.access().origin.clone();
    let url = format!("{origin}/_sandbox/patientnow/webhooks");
    let order = json!({ "quirks": { "duplicates": 1.0, "delay_seconds": 20 } });
    let answer = scene.http.post(&url).json(&order).send().await.unwrap();
    assert_eq!(answer.status(), 204);
    scene.ann();
    assert_eq!(scene.sandbox.deliver_webhooks().await, 0);
    scene.advance(20);
    let answer = scene.http.post(format!("{url}/deliver")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), r#"{"attempts":2}"#);
    let ids: Vec<_> = receiver.take().iter().map(|it| it.body["EventId"].clone()).collect();
    assert_eq!(ids, ["evt-0001", "evt-0001"]);
    for vendor in ["nextech", "unheard-of"] {
        let url = format!("{origin}/_sandbox/{vendor}/webhooks");
        assert_eq!(scene.http.get(url).send().await.unwrap().status(), 400);
    }
    assert!(scene.sandbox.subscribe(Vendor::Nextech, &receiver.url).is_err());
    scene.sandbox.unsubscribe(Vendor::PatientNow);
    scene.ann();
    assert_eq!(scene.sandbox.deliver_webhooks().await, 0);
}
