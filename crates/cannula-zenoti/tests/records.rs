//! One record at a time, over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::time::Duration;

use cannula_core::{AppointmentStatus, ErrorKind, Record, RecordKind, Retry, Source};
use common::{GROUP, GUEST, INVOICE, MEMBERSHIP, Practice, json, shown, status};

const DAY: &str = include_str!("fixtures/day.json");
const GUEST_BODY: &str = include_str!("fixtures/guest.json");
const COUNTRIES: &str = include_str!("fixtures/countries.json");
const INVOICE_BODY: &str = include_str!("fixtures/invoice.json");
const MEMBERSHIPS: &str = include_str!("fixtures/memberships.json");

#[tokio::test]
async fn a_booking_is_read_whole_from_the_list_of_the_day_it_was_told() {
    let practice = Practice::open().await;
    practice.answers("appointments", json(DAY)).await;
    let told = format!("{};day=2026-03-04;changed", GROUP.to_uppercase());
    let event = practice.get(RecordKind::Appointment, &told).await.unwrap().unwrap();
    insta::assert_snapshot!(shown(&event));
    let asked = practice.asked().await;
    assert_eq!(
        asked,
        [
            "appointments?center_id=40000000-0000-4000-8000-000000000001&start_date=2026-03-04&end_date=2026-03-04&include_no_show_cancel=true"
        ]
    );
    // Now its day is known, and a message without it costs one call as well.
    let status_only = format!("{GROUP};invoice={INVOICE};changed");
    let again = practice.get(RecordKind::Appointment, &status_only).await.unwrap().unwrap();
    assert_eq!(again.id, event.id);
    assert_eq!(practice.asked().await.len(), 2);
}

#[tokio::test]
async fn a_status_of_an_unknown_booking_is_followed_by_its_invoice_to_its_day() {
    let practice = Practice::open().await;
    let invoice = r#"{"invoice":{"id":"10000000-0000-4000-8000-000000000001","center_id":"40000000-0000-4000-8000-000000000001","guest":{"id":"50000000-0000-4000-8000-000000000001"},"appointments":[{"id":"60000000-0000-4000-8000-000000000001","start_time":"2026-03-04T23:30:00"}]},"error":null}"#;
    practice.answers(&format!("invoices/{INVOICE}"), json(invoice)).await;
    practice.answers("appointments", json(DAY)).await;
    let told = format!("{GROUP};invoice={INVOICE};changed");
    let event = practice.get(RecordKind::Appointment, &told).await.unwrap().unwrap();
    assert_eq!(event.key.id.as_str(), GROUP);
    let asked = practice.asked().await;
    assert_eq!(asked[0], format!("invoices/{INVOICE}?expand=Appointments"));
    // Whether the invoice's time is UTC is not documented, so its neighbours are looked at too.
    assert!(asked[1].contains("start_date=2026-03-03&end_date=2026-03-05"), "{asked:?}");
}

#[tokio::test]
async fn a_booking_that_is_neither_on_its_day_nor_on_its_guests_list_is_gone() {
    let practice = Practice::open().await;
    practice.answers("appointments", json("[]")).await;
    let list = r#"{"appointments":[],"page_info":{"total":0,"page":1,"size":100}}"#;
    practice.answers(&format!("guests/{GUEST}/appointments"), json(list)).await;
    let told = format!("{GROUP};guest={GUEST};day=2026-03-04;changed");
    let event = practice.get(RecordKind::Appointment, &told).await.unwrap().unwrap();
    let Record::Pointer(pointer) = &event.record else { panic!("{event:?}") };
    assert!(pointer.gone);
    assert_eq!(pointer.key.id.as_str(), GROUP);
    // One of which nothing is known may be anywhere.
    assert_eq!(practice.get(RecordKind::Appointment, GROUP).await.unwrap(), None);
}

#[tokio::test]
async fn a_booking_whose_guest_is_not_there_or_that_is_elsewhere_is_not_gone() {
    let practice = Practice::open().await;
    practice.answers("appointments", json("[]")).await;
    practice.answers("guests/p1/appointments", status(404, "")).await;
    for (guest, center, start) in [
        // At a center of somebody else's, on no day, and on a day of ours where it is not.
        ("p2", "ffffffff-0000-4000-8000-000000000001", "2026-03-05T15:30:00"),
        ("p3", common::CENTER, "0001-01-01T00:00:00"),
        ("p4", common::CENTER, "2026-03-05T15:30:00"),
    ] {
        let list = format!(
            r#"{{"appointments":[{{"appointment_group_id":"{GROUP}","center_id":"{center}","appointment_services":[{{"start_time":"{start}"}}]}}]}}"#
        );
        practice.answers(&format!("guests/{guest}/appointments"), json(list)).await;
    }
    for guest in ["p1", "p2", "p3", "p4"] {
        let told = format!("{GROUP};guest={guest};day=2026-03-04;changed");
        let error = practice.get(RecordKind::Appointment, &told).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{guest}");
    }
}

#[tokio::test]
async fn a_booking_that_moved_is_found_by_its_guests_list() {
    let practice = Practice::open().await;
    practice.then("appointments", json("[]")).await;
    practice.answers("appointments", json(DAY)).await;
    let list = format!(
        r#"{{"appointments":[{{"appointment_group_id":"{GROUP}","center_id":"40000000-0000-4000-8000-000000000001","appointment_services":[{{"start_time":"2026-03-04T15:30:00","appointment_status":4}}]}}]}}"#
    );
    practice.answers(&format!("guests/{GUEST}/appointments"), json(list)).await;
    let told = format!("{GROUP};guest={GUEST};day=2026-02-27;changed");
    let event = practice.get(RecordKind::Appointment, &told).await.unwrap().unwrap();
    let Record::Appointment(appointment) = &event.record else { panic!("{event:?}") };
    assert_eq!(appointment.start.unwrap().date().to_string(), "2026-03-04");
}

#[tokio::test]
async fn a_bare_id_is_looked_for_from_today_outwards() {
    let practice = Practice::open().await;
    practice.mount("appointments", &[("start_date", "2026-03-11")], json(DAY), 9).await;
    practice.answers("appointments", json("[]")).await;
    let event = practice.get(RecordKind::Appointment, GROUP).await.unwrap().unwrap();
    assert_eq!(event.key.id.as_str(), GROUP);
    assert_eq!(practice.asked().await.len(), 2);
}

#[tokio::test]
async fn a_center_that_is_not_ours_is_not_asked() {
    let practice = Practice::open().await;
    let told = format!("{GROUP};center=ffffffff-0000-4000-8000-000000000001;day=2026-03-04");
    assert_eq!(practice.get(RecordKind::Appointment, &told).await.unwrap(), None);
    assert!(practice.asked().await.is_empty());
}

#[tokio::test]
async fn a_guest_is_a_patient_and_foreign_numbers_get_their_dialling_codes() {
    let practice = Practice::open().await;
    practice.answers(&format!("guests/{GUEST}"), json(GUEST_BODY)).await;
    practice.answers("countries", json(COUNTRIES)).await;
    let event = practice.get(RecordKind::Patient, &GUEST.to_uppercase()).await.unwrap().unwrap();
    insta::assert_snapshot!(shown(&event));
    let requests = practice.server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers.get("authorization").unwrap(), "apikey key-hush");
}

#[tokio::test]
async fn a_guest_is_kept_for_a_moment_but_not_for_those_who_were_told_of_a_change() {
    let practice = Practice::open().await;
    practice.then(&format!("guests/{GUEST}"), json(GUEST_BODY)).await;
    let changed = GUEST_BODY.replace("\"Quill\"", "\"Reed\"");
    practice.answers(&format!("guests/{GUEST}"), json(changed)).await;
    practice.answers("countries", json(COUNTRIES)).await;
    let family = |event: cannula_core::Event| match event.record {
        Record::Patient(patient) => patient.name.family.into_inner(),
        other => panic!("{other:?}"),
    };
    let read = async |id: &str| practice.get(RecordKind::Patient, id).await.unwrap().unwrap();
    assert_eq!(family(read(GUEST).await), "Quill");
    assert_eq!(family(read(GUEST).await), "Quill");
    let told = format!("{GUEST};changed");
    assert_eq!(family(read(&told).await), "Reed");
    practice.clock.advance(Duration::from_secs(31));
    assert_eq!(family(read(GUEST).await), "Reed");
    assert_eq!(practice.source.calls()["get guest"], 3);
}

#[tokio::test]
async fn a_guest_who_was_just_created_is_new_as_of_that_moment() {
    let practice = Practice::open().await;
    practice.answers(&format!("guests/{GUEST}"), json(GUEST_BODY)).await;
    practice.answers("countries", json(COUNTRIES)).await;
    let told = format!("{GUEST};created=2026-02-03T17:12:44.874583Z");
    let new = practice.get(RecordKind::Patient, &told).await.unwrap().unwrap();
    let Record::Patient(patient) = &new.record else { panic!("{new:?}") };
    assert!(patient.is_new);
    assert_eq!(new.key.id.as_str(), GUEST);
    assert_eq!(new.version.stamp.to_rfc3339(), "2026-02-03T17:12:44.874583+00:00");
    let later = practice.get(RecordKind::Patient, GUEST).await.unwrap().unwrap();
    let Record::Patient(patient) = &later.record else { panic!("{later:?}") };
    assert!(!patient.is_new && later.version > new.version);
    // Delivered again, it is the same event.
    let again = practice.get(RecordKind::Patient, &told).await.unwrap().unwrap();
    assert_eq!(again.id, new.id);
}

#[tokio::test]
async fn an_invoice_is_one_row_of_money() {
    let practice = Practice::open().await;
    let at = format!("invoices/{INVOICE}");
    practice.then(&at, json(INVOICE_BODY)).await;
    let open = INVOICE_BODY.replace("\"is_closed\":true", "\"is_closed\":false");
    practice.then(&at, json(open)).await;
    practice.answers(&at, json(INVOICE_BODY)).await;
    let get = async || practice.get(RecordKind::Payment, INVOICE).await.unwrap().unwrap();
    let closed = get().await;
    insta::assert_snapshot!(shown(&closed));
    let reopened = get().await;
    let closed_again = get().await;
    let minor = |event: &cannula_core::Event| match &event.record {
        Record::Payment(payment) => payment.amount.minor(),
        other => panic!("{other:?}"),
    };
    assert_eq!([&closed, &reopened, &closed_again].map(minor), [60_012, 0, 60_012]);
    // Three states, though two say the same.
    assert!(closed.version < reopened.version && reopened.version < closed_again.version);
    assert_ne!(closed.id, closed_again.id);
}

#[tokio::test]
async fn a_membership_is_read_from_the_list_of_its_guest() {
    let practice = Practice::open().await;
    practice.answers(&format!("guests/{GUEST}/memberships"), json(MEMBERSHIPS)).await;
    let told = format!("{MEMBERSHIP};guest={GUEST};changed");
    let event = practice.get(RecordKind::Membership, &told).await.unwrap().unwrap();
    insta::assert_snapshot!(shown(&event));
    // A cancellation does not say whose it is; by now it is known.
    let told = format!("{MEMBERSHIP};changed");
    assert!(practice.get(RecordKind::Membership, &told).await.unwrap().is_some());
    // Nobody said whose this one is: it is not gone for that.
    let unknown = practice.get(RecordKind::Membership, "c9").await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    let list = r#"{"guest_memberships":[],"error":null}"#;
    practice.answers("guests/p9/memberships", json(list)).await;
    assert_eq!(practice.get(RecordKind::Membership, "c9;guest=p9").await.unwrap(), None);
}

#[tokio::test]
async fn what_zenoti_does_not_have_is_none_however_it_says_so() {
    let practice = Practice::open().await;
    practice.answers("guests/p1", status(404, "")).await;
    let in_200 = r#"{"id":null,"error":{"code":"414","message":"Ada not found"}}"#;
    practice.answers("guests/p2", json(in_200)).await;
    practice.answers("guests/p3", status(400, in_200)).await;
    let pascal =
        r#"{"error":{"StatusCode":419,"Message":"Invoice not found.","InternalMessage":""}}"#;
    practice.answers("invoices/i1", json(pascal)).await;
    practice.answers("invoices/i2", json(r#"{"invoice":null,"error":null}"#)).await;
    for id in ["p1", "p2", "p3"] {
        assert_eq!(practice.get(RecordKind::Patient, id).await.unwrap(), None, "{id}");
    }
    for id in ["i1", "i2"] {
        assert_eq!(practice.get(RecordKind::Payment, id).await.unwrap(), None, "{id}");
    }
}

#[tokio::test]
async fn an_error_in_a_200_is_one_and_its_code_is_no_http_status() {
    let practice = Practice::open().await;
    for code in [502, 503, 429, 401] {
        let body = format!(r#"{{"invoice":null,"Error":{{"code":{code},"message":"Ada"}}}}"#);
        practice.answers(&format!("invoices/i{code}"), json(body)).await;
        let error = practice.get(RecordKind::Payment, &format!("i{code}")).await.unwrap_err();
        assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Invalid, Retry::Never));
        assert!(!error.to_string().contains("Ada"), "{error}");
    }
    // Nothing was tried again.
    assert_eq!(practice.asked().await.len(), 4);
}

#[tokio::test]
async fn a_429_is_waited_for_as_long_as_zenoti_says_and_a_503_is_backed_off_from() {
    let practice = Practice::open().await;
    let busy = status(429, r#"{"code":429,"message":"quota"}"#).insert_header("retry-after", "17");
    practice.then("centers", busy).await;
    practice.then("centers", status(503, "")).await;
    practice.answers("centers", json(r#"{"centers":[]}"#)).await;
    practice.source.check().await.unwrap();
    let waited = (practice.now() - common::start()).num_milliseconds();
    assert!((17_000..19_000).contains(&waited), "{waited}");
    assert_eq!(practice.source.calls()["list centers"], 3);
}

#[tokio::test]
async fn sixty_calls_a_minute_are_not_exceeded() {
    let practice = Practice::open().await;
    practice.answers("centers", json(r#"{"centers":[]}"#)).await;
    for _ in 0..60 {
        practice.source.check().await.unwrap();
    }
    assert_eq!(practice.now(), common::start());
    practice.source.check().await.unwrap();
    assert_eq!((practice.now() - common::start()).num_seconds(), 60);
}

#[tokio::test]
async fn calls_that_others_of_the_organisation_made_are_waited_for() {
    let practice = Practice::open().await;
    let last = json(r#"{"centers":[]}"#)
        .insert_header("RateLimit-Remaining", "0")
        .insert_header("RateLimit-Reset", "21")
        .insert_header("Organization-RateLimit-Limit", "60;w=60;b=60");
    practice.answers("centers", last).await;
    practice.source.check().await.unwrap();
    practice.source.check().await.unwrap();
    let waited = (practice.now() - common::start()).num_seconds();
    assert!((21..=60).contains(&waited), "{waited}");
}

#[tokio::test]
async fn a_booking_with_a_service_that_cannot_be_read_is_an_error_and_harms_no_other() {
    let practice = Practice::open().await;
    let spoilt = DAY.replacen("\"status\":4", "\"status\":\"Ada\"", 1);
    practice.answers("appointments", json(spoilt)).await;
    let told = format!("{GROUP};day=2026-03-04;changed");
    let error = practice.get(RecordKind::Appointment, &told).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("path=[0].status"), "{error}");
    assert!(!error.to_string().contains("Ada"), "{error}");
    let other = "20000000-0000-4000-8000-0000000000b1;day=2026-03-04;changed";
    let event = practice.get(RecordKind::Appointment, other).await.unwrap().unwrap();
    let Record::Appointment(appointment) = &event.record else { panic!("{event:?}") };
    assert_eq!(appointment.status, AppointmentStatus::Fulfilled);
    // Zenoti did not say the moment; the center's zone does.
    assert_eq!(appointment.start.unwrap().instant.to_rfc3339(), "2026-03-04T17:00:00+00:00");
}

const OTHER: &str = "50000000-0000-4000-8000-000000000002";

/// What a guest's pointer leads to: `from > into` for a merge.
async fn led(practice: &Practice, pointer: &str) -> Option<String> {
    let event = practice.get(RecordKind::Patient, pointer).await.unwrap()?;
    Some(match &event.record {
        Record::PatientMerge(merge) => format!("{} > {}", merge.patient, merge.into),
        record => format!("{} {}", record.kind(), event.key.id),
    })
}

#[tokio::test]
async fn of_merged_guests_the_one_whose_id_is_dead_went_into_the_one_that_is_left() {
    let practice = Practice::open().await;
    practice.answers("countries", json(COUNTRIES)).await;
    practice.answers(&format!("guests/{GUEST}"), json(GUEST_BODY)).await;
    let dead = r#"{"error":{"code":414,"message":"Guest not found"}}"#;
    practice.answers(&format!("guests/{OTHER}"), json(dead)).await;
    let kept = led(&practice, &format!("{GUEST};merged={OTHER};changed")).await;
    assert_eq!(kept, Some(format!("patient {GUEST}")));
    let lost = led(&practice, &format!("{OTHER};merged={GUEST};changed")).await;
    assert_eq!(lost, Some(format!("{OTHER} > {GUEST}")));
    assert_eq!(led(&practice, OTHER).await, None, "without a merge it is nobody");
}

#[tokio::test]
async fn what_names_a_dead_guest_is_looked_for_in_the_lists_of_the_one_that_is_left() {
    let practice = Practice::open().await;
    practice.answers("countries", json(COUNTRIES)).await;
    practice.answers(&format!("guests/{GUEST}"), json(GUEST_BODY)).await;
    practice.answers(&format!("guests/{GUEST}/memberships"), json(MEMBERSHIPS)).await;
    let dead = r#"{"error":{"code":414,"message":"Guest not found"}}"#;
    for path in ["", "/memberships"] {
        practice.answers(&format!("guests/{OTHER}{path}"), json(dead)).await;
    }
    let membership = format!("{MEMBERSHIP};guest={OTHER};changed");
    let unknown = practice.get(RecordKind::Membership, &membership).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound, "it may be another guest's by now");
    led(&practice, &format!("{OTHER};merged={GUEST};changed")).await.unwrap();
    let found = practice.get(RecordKind::Membership, &membership).await.unwrap();
    assert_eq!(found.unwrap().key.id.as_str(), MEMBERSHIP);
}

#[tokio::test]
async fn an_id_that_leads_to_another_guest_was_merged_into_it_whoever_asks() {
    let practice = Practice::open().await;
    practice.answers("countries", json(COUNTRIES)).await;
    practice.answers(&format!("guests/{OTHER}"), json(GUEST_BODY)).await;
    for pointer in [OTHER.to_owned(), OTHER.to_uppercase(), format!("{OTHER};changed")] {
        assert_eq!(led(&practice, &pointer).await, Some(format!("{OTHER} > {GUEST}")));
    }
}
