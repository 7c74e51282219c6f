use std::collections::{BTreeMap, BTreeSet};

use cannula_core::AppointmentStatus;
use cannula_sandbox::{
    DeliveryState, Quirks, Signing, Vendor, WebhookQuirks, WebhookVerb,
    practice::{PatientState, PracticeConfig},
    zenoti::{Amount, MembershipStanding},
};
use ring::hmac;
use serde_json::{Value, json};

use crate::{
    receiver::{Arrival, Receiver},
    support::{Scene, start},
};

/// Reads the header as a receiver would, and checks the raw body.
fn verifies(scene: &Scene, arrival: &Arrival) -> bool {
    let value = arrival.signature().unwrap().strip_prefix("sha256 =").unwrap();
    let bytes: Vec<u8> =
        value.split('-').map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, scene.access.webhook_secret.as_bytes());
    hmac::verify(&key, &arrival.raw, &bytes).is_ok()
}

async fn told(scene: &Scene, receiver: &Receiver) -> Vec<Arrival> {
    scene.advance(60);
    scene.sandbox.deliver_webhooks().await;
    receiver.take()
}

/// A guest with a visit in a week, of which everything was told.
async fn visit(scene: &Scene, receiver: &Receiver) -> cannula_core::RecordId {
    let id = scene.book(&scene.ann());
    told(scene, receiver).await;
    id
}

#[tokio::test]
async fn a_booking_is_told_with_utc_times_and_a_guest_without_a_phone() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let ann = scene.ann();
    let id = scene.book(&ann);
    let arrivals = told(&scene, &receiver).await;
    let events: Vec<_> = arrivals.iter().map(Arrival::event).collect();
    assert_eq!(&events[..1], ["Guest.Created"]);
    let group = arrivals.iter().find(|it| it.event() == "AppointmentGroup.Created").unwrap();
    assert!(arrivals.iter().all(|arrival| verifies(&scene, arrival)));
    let data = group.data();
    assert_eq!(data["appointment_group_id"], scene.practice().zenoti_group(&id).as_str());
    assert_eq!(data["center_Name"], "Juniper Aesthetics Midtown");
    let line = &data["appointments"][0];
    assert_eq!(line["start_time"], "2031-04-11T18:30:00");
    assert_eq!(line["start_time_in_center"], "2031-04-11T14:30:00");
    assert_eq!(line["service_duration_in_minutes"], 45);
    let guest = data["guest"].as_object().unwrap();
    assert_eq!(guest.keys().collect::<Vec<_>>(), ["email", "first_name", "id", "last_name"]);
    assert_eq!(group.body["event_timestamp"], "2031-04-04T12:00:00.0000000Z");
    assert_eq!(group.body["event_resource"], Value::Null);
    assert_eq!(group.body["event_id"].as_str().unwrap().len(), 24);
    assert_ne!(group.body["id"], group.body["event_id"]);
    let guest = &arrivals[0].data()["personal_info"]["mobile_phone"];
    assert_eq!(*guest, json!({ "country_code": 225, "phone_code": 1, "number": "6465550001" }));
}

#[tokio::test]
async fn a_status_is_told_without_guest_center_or_time() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let id = visit(&scene, &receiver).await;
    for (status, code) in [
        (AppointmentStatus::Confirmed, 4),
        (AppointmentStatus::NoShow, -2),
        (AppointmentStatus::Cancelled, -1),
        (AppointmentStatus::EnteredInError, 21),
    ] {
        scene.practice().update_appointment(&id, |state| state.status = status);
        let arrivals = told(&scene, &receiver).await;
        assert_eq!(arrivals.len(), 1);
        let data = arrivals[0].data();
        assert_eq!(
            (arrivals[0].event(), &data["appointment_group_status"]),
            ("AppointmentGroup.Status", &json!(code))
        );
        assert_eq!(data["is_noshowfeerequired"], if code == -2 { "Yes" } else { "No" });
        let keys: Vec<_> = data.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(
            !keys.iter().any(|key| ["guest", "center_id", "appointments"].contains(key)),
            "{keys:?}"
        );
    }
}

#[tokio::test]
async fn a_visit_that_moves_is_updated_and_one_that_is_over_started_and_completed() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let id = visit(&scene, &receiver).await;
    scene
        .practice()
        .update_appointment(&id, |state| state.start = "2031-04-04T09:00:00".parse().unwrap());
    assert_eq!(told(&scene, &receiver).await[0].event(), "AppointmentGroup.Updated");
    scene.practice().update_appointment(&id, |state| state.status = AppointmentStatus::Arrived);
    let arrivals = told(&scene, &receiver).await;
    assert_eq!(arrivals[0].data()["appointment_group_status"], 2);
    assert_eq!(arrivals.len(), 1, "it is eight o'clock still");
    scene.advance(3_600);
    let arrivals = told(&scene, &receiver).await;
    assert_eq!((arrivals.len(), arrivals[0].event()), (1, "(bare)"));
    assert_eq!(arrivals[0].body["appointments"][0]["appointment_progress"], 1);
    assert!(verifies(&scene, &arrivals[0]));
    scene.sandbox.zenoti().change_settings(|settings| settings.bare_events = false);
    scene.practice().update_appointment(&id, |state| state.status = AppointmentStatus::Fulfilled);
    let arrivals = told(&scene, &receiver).await;
    assert_eq!(arrivals[0].event(), "Appointment.Completed");
    let line = &arrivals[0].data()["appointments"][0];
    assert_eq!(
        (&line["appointment_progress"], &line["serviceduration_in_miutes"]),
        (&json!(2), &json!(45))
    );
    assert!(line["TherapistId"].is_string());
}

#[tokio::test]
async fn a_group_ends_with_an_empty_update_or_with_a_delete() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let (first, second) = (visit(&scene, &receiver).await, visit(&scene, &receiver).await);
    scene.practice().zenoti_remove_services(&first);
    let arrivals = told(&scene, &receiver).await;
    assert_eq!((arrivals.len(), arrivals[0].event()), (1, "AppointmentGroup.Updated"));
    assert_eq!(arrivals[0].data()["appointments"], json!([]));
    for absent in ["invoice_id", "invoice_number", "center_Name"] {
        assert!(arrivals[0].data().get(absent).is_none(), "{absent}");
    }
    scene.practice().delete_appointment(&second);
    let arrivals = told(&scene, &receiver).await;
    let group = scene.practice().zenoti_group(&second);
    assert_eq!(arrivals[0].event(), "AppointmentGroup.Delete");
    assert_eq!(*arrivals[0].data(), json!({ "appointment_group_id": group.as_str() }));
}

#[tokio::test]
async fn guests_are_told_of_in_all_their_fates() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let (ann, eve) =
        (scene.ann(), scene.practice().add_patient(PatientState::new("Eve", "Jones", 3)));
    told(&scene, &receiver).await;
    scene.practice().update_patient(&ann, |state| state.family = "Quill".to_owned());
    scene.advance(60);
    scene.practice().zenoti_opt_in(&ann);
    scene.advance(60);
    scene.practice().zenoti_merge_guests(&ann, &eve);
    scene.advance(60);
    scene.practice().zenoti_delete_guest(&eve);
    let arrivals = told(&scene, &receiver).await;
    let events: Vec<_> = arrivals.iter().map(Arrival::event).collect();
    assert_eq!(events, ["Guest.Updated", "Guest.OptedIn", "Guest.Merged", "Guest.Deleted"]);
    assert_eq!(arrivals[2].data()["source_guest_id"], ann.as_str());
    assert_eq!(arrivals[2].data()["target_guest_id"], eve.as_str());
}

#[tokio::test]
async fn an_invoice_is_told_as_closed_whether_it_is_or_not() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let id = visit(&scene, &receiver).await;
    let practice = scene.practice();
    let closed = async || {
        let arrivals = told(&scene, &receiver).await;
        let own = arrivals.iter().filter(|it| it.event() == "Invoice.Closed");
        own.map(|it| it.data()["invoice"].clone()).collect::<Vec<_>>()
    };
    let invoice = practice.zenoti_close_invoice(&id, None).unwrap();
    let last = closed().await.pop().unwrap();
    assert_eq!(
        (&last["id"], &last["is_closed"], &last["is_refund"]),
        (&json!(invoice.as_str()), &json!(true), &json!(false))
    );
    assert_eq!(last["guest"]["mobile_phone"], "+1 6465550001");
    practice.zenoti_reopen_invoice(&invoice);
    assert_eq!(closed().await[0]["is_closed"], false);
    practice.zenoti_close_invoice(&id, None).unwrap();
    assert_eq!(closed().await.pop().unwrap()["is_closed"], true);
    let refund = practice.zenoti_refund(&invoice, 9).unwrap();
    let told = closed().await.pop().unwrap();
    assert_eq!((&told["id"], &told["is_refund"]), (&json!(refund.as_str()), &json!(true)));
    assert!(told["total_price"]["sum_total"].as_f64().unwrap() < 0.0);
}

#[tokio::test]
async fn a_membership_is_told_whole_when_it_is_new_and_bare_when_it_changes() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let ann = scene.ann();
    let id = scene.practice().zenoti_join(&ann, "Glow Monthly", Amount::cents(19_900));
    let arrivals = told(&scene, &receiver).await;
    let new = arrivals.iter().find(|it| it.event() == "Guest.Membership.Created").unwrap();
    assert_eq!(new.data()["guest_id"], ann.as_str());
    assert_eq!(new.data()["membership"]["name"], "Glow Monthly");
    assert_eq!(new.body["event_resource"], Value::Null);
    for (standing, block) in
        [(MembershipStanding::Frozen, "freeze"), (MembershipStanding::Cancelled, "cancel")]
    {
        scene.practice().zenoti_change_membership(&id, standing);
        let arrival = told(&scene, &receiver).await.remove(0);
        assert_eq!(arrival.event(), "(bare)");
        assert_eq!(arrival.body["user_membership_id"], id.as_str());
        assert!(arrival.body[block].is_object() && arrival.body.get("guest_id").is_none());
    }
}

#[tokio::test]
async fn the_verb_is_a_setting_and_the_test_ping_is_empty_and_unsigned() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    for (verb, word) in
        [(WebhookVerb::Post, "POST"), (WebhookVerb::Put, "PUT"), (WebhookVerb::Patch, "PATCH")]
    {
        let quirks = WebhookQuirks { verb, ..WebhookQuirks::default() };
        scene.sandbox.set_webhook_quirks(Vendor::Zenoti, quirks);
        scene.sandbox.zenoti().ping();
        let ping = told(&scene, &receiver).await.remove(0);
        assert_eq!((ping.method.as_str(), ping.raw.len(), ping.signature()), (word, 0, None));
    }
}

#[tokio::test]
async fn signatures_can_be_wrong_or_missing() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let mut arrivals = Vec::new();
    for (number, signing) in
        [Signing::ForeignKey, Signing::NotAvailable, Signing::Absent].into_iter().enumerate()
    {
        let quirks = WebhookQuirks { signing, ..WebhookQuirks::default() };
        scene.sandbox.set_webhook_quirks(Vendor::Zenoti, quirks);
        scene.practice().add_patient(PatientState::new("Ann", "Smith", number as u32 * 5 + 1));
        arrivals.push(told(&scene, &receiver).await.remove(0));
    }
    assert!(!verifies(&scene, &arrivals[0]));
    assert_eq!(arrivals[1].signature(), Some("N/A"));
    assert_eq!(arrivals[2].signature(), None);
}

#[tokio::test]
async fn a_failure_is_tried_again_up_to_five_times_with_the_same_bytes() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    scene.practice().add_patient(PatientState::new("Ann", "Smith", 1));
    receiver.answer(&[500, 404, 302, 429, 503]);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 1);
    scene.advance(29);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 0);
    let mut attempts = 1;
    for _ in 0..40 {
        scene.advance(60);
        attempts += scene.sandbox.deliver_webhooks().await;
    }
    assert_eq!(attempts, 5);
    let arrivals = receiver.take();
    assert!(arrivals.iter().all(|arrival| arrival.raw == arrivals[0].raw));
    let end = scene.sandbox.webhook_log(Vendor::Zenoti).remove(0);
    assert_eq!((end.event.as_str(), end.state), ("Guest.Created", DeliveryState::GivenUp));
    assert_eq!(end.answers.len(), 5);
}

#[tokio::test]
async fn twenty_failures_in_a_row_switch_the_webhook_off_until_somebody_turns_it_on() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    receiver.answer(&[500; 20]);
    for number in 0..30 {
        scene.practice().add_patient(PatientState::new("Ann", "Smith", number * 5 + 1));
    }
    scene.advance(1);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 20);
    let log = scene.sandbox.webhook_log(Vendor::Zenoti);
    assert!(log.iter().all(|end| end.state == DeliveryState::GivenUp));
    scene.practice().add_patient(PatientState::new("Ann", "Smith", 301));
    scene.advance(3_600);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 0);
    scene.sandbox.subscribe(Vendor::Zenoti, &receiver.url).unwrap();
    scene.practice().add_patient(PatientState::new("Ann", "Smith", 306));
    scene.advance(60);
    assert_eq!(scene.sandbox.deliver_webhooks().await, 1, "what happened meanwhile is not told");
}

#[tokio::test]
async fn duplicates_have_one_event_id_and_losses_are_in_the_log() {
    let scene = Scene::empty().await;
    let receiver = scene.subscribed().await;
    let set = |quirks| scene.sandbox.set_webhook_quirks(Vendor::Zenoti, quirks);
    set(WebhookQuirks { duplicates: 1.0, ..WebhookQuirks::default() });
    scene.practice().add_patient(PatientState::new("Ann", "Smith", 1));
    let arrivals = told(&scene, &receiver).await;
    assert_eq!(arrivals.len(), 2);
    assert_eq!(arrivals[0].body["event_id"], arrivals[1].body["event_id"]);
    set(WebhookQuirks { loss: 1.0, ..WebhookQuirks::default() });
    scene.practice().add_patient(PatientState::new("Ann", "Smith", 6));
    assert!(told(&scene, &receiver).await.is_empty());
    assert_eq!(scene.sandbox.webhook_log(Vendor::Zenoti)[2].state, DeliveryState::Lost);
}

#[tokio::test]
async fn the_whole_timeline_is_told_and_nothing_of_it_twice() {
    let scene = Scene::new(PracticeConfig::new(1, 60, 60, start()), Quirks::kind()).await;
    let receiver = scene.subscribed().await;
    let mut counts = BTreeMap::<String, usize>::new();
    let mut ids = BTreeSet::new();
    for _ in 0..61 {
        scene.advance(86_400);
        scene.sandbox.deliver_webhooks().await;
        for arrival in receiver.take() {
            let id = arrival.body["event_id"].as_str().map(str::to_owned);
            assert!(id.is_none_or(|id| ids.insert(id)));
            *counts.entry(arrival.event().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(counts["Guest.Created"], 60);
    for event in [
        "Guest.OptedIn",
        "AppointmentGroup.Created",
        "AppointmentGroup.Updated",
        "AppointmentGroup.Status",
        "Invoice.Closed",
        "Guest.Membership.Created",
        "(bare)",
    ] {
        assert!(counts.contains_key(event), "{event} is not in {counts:?}");
    }
    let visits = scene.practice().appointment_ids();
    let visits =
        visits.iter().filter(|id| scene.practice().appointment(id).unwrap().patient.is_some());
    assert_eq!(counts["AppointmentGroup.Created"], visits.count());
    assert_eq!(scene.sandbox.deliver_webhooks().await, 0);
    assert_eq!(receiver.take_events(), Vec::<String>::new());
}
