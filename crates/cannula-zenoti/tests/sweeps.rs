//! The repair sweeps, over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::time::Duration;

use cannula_core::{AppointmentStatus, Cursor, ErrorKind, Event, Record, RecordKind};
use common::{CENTER, GROUP, GUEST, INVOICE, MEMBERSHIP, Practice, json};

const DAY: &str = include_str!("fixtures/day.json");
const GUEST_BODY: &str = include_str!("fixtures/guest.json");
const INVOICE_BODY: &str = include_str!("fixtures/invoice.json");
const MEMBERSHIPS: &str = include_str!("fixtures/memberships.json");

fn kinds(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| format!("{}/{}", event.key.kind, event.key.id)).collect()
}

/// The list of 4 March, without anything on other days.
async fn book(practice: &Practice, body: &str, sweeps: u64) {
    let first = [("start_date", "2026-03-04")];
    practice.mount("appointments", &first, json(body), sweeps).await;
}

async fn the_rest_is_empty(practice: &Practice) {
    practice.answers("appointments", json("[]")).await;
}

#[tokio::test]
async fn the_book_is_swept_seven_days_a_call_from_a_week_ago_on() {
    let practice = Practice::open().await;
    book(&practice, DAY, u64::MAX).await;
    the_rest_is_empty(&practice).await;
    let (events, cursor) = practice.sweep(RecordKind::Appointment, None).await;
    let asked: Vec<_> = practice
        .asked()
        .await
        .iter()
        .map(|it| it.replace(&format!("appointments?center_id={CENTER}&"), ""))
        .collect();
    insta::assert_snapshot!(asked.join("\n"));
    assert_eq!(
        kinds(&events),
        [
            format!("appointment/{GROUP}"),
            "appointment/20000000-0000-4000-8000-0000000000b1".to_owned(),
        ]
    );
    // Nothing more before half an hour is over.
    practice.clock.advance(Duration::from_secs(29 * 60));
    let page = practice.poll(RecordKind::Appointment, Some(&cursor)).await.unwrap();
    assert!(page.last && page.events.is_empty());
    assert_eq!(practice.asked().await.len(), 3);
    practice.clock.advance(Duration::from_secs(61));
    let (again, _) = practice.sweep(RecordKind::Appointment, Some(cursor)).await;
    let ids = |events: &[Event]| events.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&again), ids(&events));
}

#[tokio::test]
async fn a_booking_that_vanished_is_gone_also_after_a_restart() {
    let mut practice = Practice::open().await;
    book(&practice, DAY, 1).await;
    the_rest_is_empty(&practice).await;
    let (_, cursor) = practice.sweep(RecordKind::Appointment, None).await;
    practice.restarted();
    practice.clock.advance(Duration::from_secs(3600));
    let nobody = r#"{"appointments":[],"page_info":{"total":0,"page":1,"size":100}}"#;
    practice.answers(&format!("guests/{GUEST}/appointments"), json(nobody)).await;
    practice
        .answers("guests/50000000-0000-4000-8000-0000000000b1/appointments", json(nobody))
        .await;
    let (events, cursor) = practice.sweep(RecordKind::Appointment, Some(cursor)).await;
    let gone: Vec<_> = events
        .iter()
        .map(|event| match &event.record {
            Record::Pointer(pointer) if pointer.gone => pointer.key.id.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(gone, [GROUP, "20000000-0000-4000-8000-0000000000b1"]);
    // That is said once.
    practice.clock.advance(Duration::from_secs(3600));
    assert!(practice.sweep(RecordKind::Appointment, Some(cursor)).await.0.is_empty());
}

#[tokio::test]
async fn a_booking_that_moved_out_of_sight_is_followed_and_not_gone() {
    let practice = Practice::open().await;
    let only = format!("[{}]", split(DAY)[1]);
    book(&practice, &only, 1).await;
    let moved = only.replace("2026-03-04", "2026-08-04").replace("2026-03-05", "2026-08-05");
    practice.mount("appointments", &[("start_date", "2026-08-04")], json(moved), 9).await;
    the_rest_is_empty(&practice).await;
    let list = format!(
        r#"{{"appointments":[{{"appointment_group_id":"{GROUP}","center_id":"{CENTER}","appointment_services":[{{"start_time":"2026-08-04T15:30:00"}}]}}]}}"#
    );
    practice.answers(&format!("guests/{GUEST}/appointments"), json(list)).await;
    let (_, cursor) = practice.sweep(RecordKind::Appointment, None).await;
    practice.clock.advance(Duration::from_secs(3600));
    let (events, _) = practice.sweep(RecordKind::Appointment, Some(cursor)).await;
    let [event] = &events[..] else { panic!("{events:?}") };
    let Record::Appointment(appointment) = &event.record else { panic!("{event:?}") };
    assert_eq!(appointment.start.unwrap().date().to_string(), "2026-08-04");
}

#[tokio::test]
async fn bookings_that_left_the_book_are_not_missed() {
    let practice = Practice::open().await;
    let only = format!("[{}]", split(DAY)[1].replace("\"status\":4", "\"status\":-1"));
    book(&practice, &only, 1).await;
    the_rest_is_empty(&practice).await;
    let (events, cursor) = practice.sweep(RecordKind::Appointment, None).await;
    let Record::Appointment(appointment) = &events[0].record else { panic!("{events:?}") };
    assert_eq!(appointment.status, AppointmentStatus::Cancelled);
    practice.clock.advance(Duration::from_secs(3600));
    assert!(practice.sweep(RecordKind::Appointment, Some(cursor)).await.0.is_empty());
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_rejected_and_its_booking_is_not_missed() {
    let practice = Practice::open().await;
    book(&practice, DAY, 1).await;
    let spoilt = DAY.replacen("2026-03-04T15:30:00", "soon", 1);
    book(&practice, &spoilt, 1).await;
    the_rest_is_empty(&practice).await;
    let (_, cursor) = practice.sweep(RecordKind::Appointment, None).await;
    practice.clock.advance(Duration::from_secs(3600));
    let (mut cursor, mut rejected, mut events) = (cursor, Vec::new(), Vec::new());
    for _ in 0..3 {
        let page = practice.poll(RecordKind::Appointment, Some(&cursor)).await.unwrap();
        (cursor, _) = (page.next, rejected.extend(page.rejected));
        events.extend(page.events);
    }
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].path, "[0].start_time");
    assert_eq!(rejected[0].problem, "expected a time such as 2026-03-04T15:30:00");
    assert_eq!(kinds(&events), ["appointment/20000000-0000-4000-8000-0000000000b1"]);
}

#[tokio::test]
async fn guests_that_changed_are_read_page_by_page_with_a_day_to_spare() {
    let practice = Practice::open().await;
    let page = |number: u64| {
        let guest = GUEST_BODY
            .replace(
                "\"home_phone\":{\"country_code\":224,\"number\":\"2079460000\"}",
                "\"home_phone\":null",
            )
            .replace(GUEST, &format!("P{number}"));
        json(format!(
            r#"{{"guests":[{guest}],"page_Info":{{"total":101,"page":{number},"size":100}}}}"#
        ))
    };
    practice.mount("guests", &[("page", "1")], page(1), 1).await;
    practice.mount("guests", &[("page", "2")], page(2), 1).await;
    practice.answers("guests", json(r#"{"guests":[],"page_Info":{"total":0}}"#)).await;
    let (events, cursor) = practice.sweep(RecordKind::Patient, None).await;
    assert_eq!(kinds(&events), ["patient/p1", "patient/p2"]);
    practice.clock.advance(Duration::from_secs(3600));
    practice.sweep(RecordKind::Patient, Some(cursor)).await;
    let mut asked = practice.asked().await;
    asked.retain(|it| it.starts_with("guests?"));
    assert!(asked[0].contains("last_updated=2026-02-25&page=1&size=100"), "{asked:?}");
    assert!(asked[2].contains("last_updated=2026-03-03&page=1"), "{asked:?}");
}

#[tokio::test]
async fn invoices_of_visits_and_memberships_are_read_again() {
    let practice = Practice::open().await;
    book(&practice, DAY, u64::MAX).await;
    the_rest_is_empty(&practice).await;
    practice.answers(&format!("invoices/{INVOICE}"), json(INVOICE_BODY)).await;
    practice
        .answers(
            "invoices/10000000-0000-4000-8000-000000000009",
            json(INVOICE_BODY.replace(INVOICE, "10000000-0000-4000-8000-000000000009")),
        )
        .await;
    practice.answers(&format!("guests/{GUEST}/memberships"), json(MEMBERSHIPS)).await;
    practice.sweep(RecordKind::Appointment, None).await;
    // The second booking's invoice and its guest's memberships are not there: 404.
    let (payments, at) = practice.sweep(RecordKind::Payment, None).await;
    assert_eq!(kinds(&payments), [format!("payment/{INVOICE}")]);
    let (memberships, _) = practice.sweep(RecordKind::Membership, None).await;
    assert_eq!(kinds(&memberships), [format!("membership/{MEMBERSHIP}")]);
    // A membership leads to the invoice it was sold with.
    practice.clock.advance(Duration::from_secs(3600));
    let (payments, _) = practice.sweep(RecordKind::Payment, Some(at)).await;
    let sold = "payment/10000000-0000-4000-8000-000000000009".to_owned();
    assert!(kinds(&payments).contains(&sold), "{:?}", kinds(&payments));
}

#[tokio::test]
async fn an_invoice_is_read_again_until_it_is_a_week_old_and_no_longer() {
    let practice = Practice::open().await;
    the_rest_is_empty(&practice).await;
    let (fresh, old) = ("i-fresh", "i-old");
    for (id, day) in [(fresh, "2026-03-03"), (old, "2026-02-20")] {
        let body = INVOICE_BODY.replace(INVOICE, id).replace("2026-03-04T", &format!("{day}T"));
        practice.answers(&format!("invoices/{id}"), json(body)).await;
        practice.get(RecordKind::Payment, &format!("{id};changed")).await.unwrap().unwrap();
    }
    let (mut cursor, mut read) = (None, Vec::new());
    for _ in 0..10 {
        let (events, next) = practice.sweep(RecordKind::Payment, cursor).await;
        read.push(kinds(&events).join(" "));
        cursor = Some(next);
        practice.clock.advance(Duration::from_secs(24 * 3600));
    }
    let week = vec![format!("payment/{fresh}"); 7];
    assert_eq!(read, [week, vec![String::new(); 3]].concat());
}

#[tokio::test]
async fn of_guests_merged_twice_the_last_that_is_left_is_found_whichever_is_listed_first() {
    let [a, b, c] = [1, 2, 3].map(|it| format!("5{it}000000-0000-4000-8000-000000000001"));
    for turned in [false, true] {
        let practice = Practice::open().await;
        let mut rows = [[&a, &b], [&b, &c]].map(|[from, into]| {
            format!(r#"{{"source_guest_id":"{from}","target_guest_id":"{into}"}}"#)
        });
        if turned {
            rows.reverse();
        }
        let list = format!(r#"{{"merges":[{}]}}"#, rows.join(","));
        practice.answers("guests/merge_history", json(list)).await;
        let left = GUEST_BODY.replace(GUEST, &c);
        practice.answers(&format!("guests/{c}"), json(left)).await;
        practice.answers("guests", json(r#"{"guests":[],"page_Info":{"total":0}}"#)).await;
        the_rest_is_empty(&practice).await;
        let (events, _) = practice.sweep(RecordKind::Patient, None).await;
        let mut merges: Vec<_> = events
            .iter()
            .filter_map(|event| match &event.record {
                Record::PatientMerge(it) => Some((it.patient.to_string(), it.into.to_string())),
                _ => None,
            })
            .collect();
        merges.sort();
        merges.dedup();
        assert_eq!(merges, [(a.clone(), c.clone()), (b.clone(), c.clone())], "turned: {turned}");
    }
}

#[tokio::test]
async fn a_booking_whose_guest_was_merged_unheard_of_waits_and_is_followed_later() {
    let practice = Practice::open().await;
    book(&practice, DAY, 1).await;
    the_rest_is_empty(&practice).await;
    let (_, cursor) = practice.sweep(RecordKind::Appointment, None).await;
    // It is gone from its day, and its guest has no list: 404.
    practice.clock.advance(Duration::from_secs(3600));
    let (events, cursor) = practice.sweep(RecordKind::Appointment, Some(cursor)).await;
    assert!(kinds(&events).is_empty(), "{:?}", kinds(&events));
    practice.clock.advance(Duration::from_secs(3600));
    practice.sweep(RecordKind::Appointment, Some(cursor)).await;
    let asked = practice.asked().await;
    let looked = asked.iter().filter(|it| it.starts_with(&format!("guests/{GUEST}/appointments")));
    assert_eq!(looked.count(), 2, "it is looked for again: {asked:#?}");
}

#[tokio::test]
async fn whose_a_membership_is_survives_a_restart_in_the_cursor() {
    let mut practice = Practice::open().await;
    book(&practice, DAY, u64::MAX).await;
    the_rest_is_empty(&practice).await;
    practice.answers(&format!("guests/{GUEST}/memberships"), json(MEMBERSHIPS)).await;
    practice.sweep(RecordKind::Appointment, None).await;
    let (_, cursor) = practice.sweep(RecordKind::Membership, None).await;
    practice.restarted();
    let told = format!("{MEMBERSHIP};changed");
    let unknown = practice.get(RecordKind::Membership, &told).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound, "it is not cancelled for that");
    practice.poll(RecordKind::Membership, Some(&cursor)).await.unwrap();
    assert!(practice.get(RecordKind::Membership, &told).await.unwrap().is_some());
}

#[tokio::test]
async fn a_sweep_reads_no_more_than_it_may_and_goes_on_from_there() {
    let practice = Practice::with(|config| config.sweeps.invoices = 20).await;
    let row = split(DAY)[1].to_owned();
    let rows: Vec<_> = (10..55)
        .map(|number| {
            row.replace("8000-000000000001\",\n", "8000-000000000001\",")
                .replace(GROUP, &format!("g{number}"))
                .replace(INVOICE, &format!("i{number}"))
        })
        .collect();
    book(&practice, &format!("[{}]", rows.join(",")), u64::MAX).await;
    the_rest_is_empty(&practice).await;
    for number in 10..55 {
        let body = INVOICE_BODY.replace(INVOICE, &format!("i{number}"));
        practice.answers(&format!("invoices/i{number}"), json(body)).await;
    }
    practice.sweep(RecordKind::Appointment, None).await;
    let mut cursor: Option<Cursor> = None;
    let mut counts = Vec::new();
    let mut all = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let (events, next) = practice.sweep(RecordKind::Payment, cursor).await;
        counts.push(events.len());
        all.extend(kinds(&events));
        cursor = Some(next);
        practice.clock.advance(Duration::from_secs(1800));
    }
    assert_eq!((counts, all.len()), (vec![20, 20, 5, 20], 45));
}

#[tokio::test]
async fn a_sweep_leaves_half_of_every_minute_to_webhooks() {
    let practice = Practice::with(|config| config.requests_per_minute = Some(4)).await;
    the_rest_is_empty(&practice).await;
    practice.sweep(RecordKind::Appointment, None).await;
    assert_eq!((practice.now() - common::start()).num_seconds(), 60);
}

/// The rows of a list, as they are written.
fn split(list: &str) -> Vec<&str> {
    let rows: Vec<&serde_json::value::RawValue> = serde_json::from_str(list).unwrap();
    rows.into_iter().map(|row| row.get()).collect()
}
