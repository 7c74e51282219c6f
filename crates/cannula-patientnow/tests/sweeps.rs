//! Sweeps over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::time::Duration;

use cannula_core::{ErrorKind, Page, Record, RecordKind, Retry, Source};
use cannula_patientnow::{MembershipReads, Product};
use common::{Practice, appointments, json, pretty};
use wiremock::ResponseTemplate;

const APPOINTMENTS: RecordKind = RecordKind::Appointment;
const ORDERS: RecordKind = RecordKind::Payment;

fn shown(page: &Page) -> String {
    pretty(&(&page.events, &page.rejected, page.last))
}

#[tokio::test]
async fn appointments_are_mapped_and_bad_rows_are_set_aside() {
    let practice = Practice::open().await;
    practice.answer("GET", "appointments", json(include_str!("fixtures/appointments.json"))).await;
    let page = practice.poll(APPOINTMENTS, None).await.unwrap();
    insta::assert_snapshot!(shown(&page));
}

#[tokio::test]
async fn orders_are_payments_and_sell_memberships() {
    let practice = Practice::open().await;
    practice.answer("GET", "orders", json(include_str!("fixtures/orders.json"))).await;
    let page = practice.poll(ORDERS, None).await.unwrap();
    insta::assert_snapshot!(shown(&page));
}

/// What a page says of memberships: their states, and what is gone.
fn memberships(page: &Page) -> Vec<String> {
    let told = page.events.iter().filter_map(|event| match &event.record {
        Record::Membership(it) => Some(format!("{} {:?}", event.key.id, it.status)),
        Record::Pointer(it) => Some(format!("{} gone: {}", it.key.id, it.gone)),
        _ => None,
    });
    told.collect()
}

#[tokio::test]
async fn an_order_that_is_open_again_or_loses_a_line_has_sold_no_membership() {
    let practice = Practice::open().await;
    let order = |minute: u32, status: &str, lines: &str| {
        json(format!(
            r#"[{{"OrderId":5,"CustomerId":7,"Status":"{status}","Total":1,"OrderDate":"2026-03-04T15:00:00","UpdatedOn":"2026-03-04T16:{minute}:00","Lines":[{lines}]}}]"#
        ))
    };
    let [glow, shine] = [(1, "Glow"), (2, "Shine")].map(|(id, name)| {
        format!(r#"{{"LineId":{id},"Type":"Membership","Name":"{name}","Total":1}}"#)
    });
    let both = format!("{glow},{shine}");
    let mut cursor = None;
    for (minute, status, lines, told) in [
        // It never sold anything, so nobody will miss what is told here.
        (10, "Open", &shine, vec!["5/2 gone: true"]),
        (11, "Closed", &both, vec!["5/1 Active", "5/2 Active"]),
        (12, "Open", &both, vec!["5/1 gone: true", "5/2 gone: true"]),
        (13, "Closed", &both, vec!["5/1 Active", "5/2 Active"]),
        (14, "Closed", &shine, vec!["5/2 Active", "5/1 gone: true"]),
        (14, "Closed", &shine, vec!["5/2 Active"]),
        (15, "Voided", &shine, vec!["5/2 Cancelled"]),
    ] {
        practice.once("GET", "orders", order(minute, status, lines)).await;
        let page = practice.poll(ORDERS, cursor.as_ref()).await.unwrap();
        assert_eq!(memberships(&page), told, "{minute} {status}");
        cursor = Some(page.next);
        practice.clock.advance(Duration::from_secs(3600));
    }
}

#[tokio::test]
async fn memberships_come_from_each_buyers_list_if_so_configured() {
    let practice = Practice::with(Product::Essentials, |config| {
        config.memberships = MembershipReads::Customers;
    })
    .await;
    practice.answer("GET", "orders", json(include_str!("fixtures/orders.json"))).await;
    let list = json(include_str!("fixtures/memberships.json"));
    practice.answer("GET", "customers/70011/Memberships", list).await;
    let page = practice.poll(ORDERS, None).await.unwrap();
    let is_membership = |kind: RecordKind| kind == RecordKind::Membership;
    let memberships: Vec<_> = page.events.iter().filter(|it| is_membership(it.key.kind)).collect();
    insta::assert_snapshot!(pretty(&memberships));
    assert_eq!(practice.calls().await.len(), 2, "a customer who bought twice is read once");
}

#[tokio::test]
async fn more_rows_than_are_served_are_never_asked_for_so_that_nothing_is_lost() {
    let practice = Practice::with(Product::Essentials, |config| config.rows = 200).await;
    practice.once("GET", "appointments", appointments(1..101)).await;
    practice.once("GET", "appointments", appointments(101..141)).await;
    let first = practice.poll(APPOINTMENTS, None).await.unwrap();
    assert_eq!((first.events.len(), first.last), (100, false));
    let second = practice.poll(APPOINTMENTS, Some(&first.next)).await.unwrap();
    assert_eq!((second.events.len(), second.last), (40, true));
    assert_eq!(
        practice.calls().await,
        [
            "GET appointments StartDate=2026-03-01&EndDate=2026-04-03&Page=1&Rows=100",
            "GET appointments StartDate=2026-03-01&EndDate=2026-04-03&Page=2&Rows=100",
        ]
    );
}

#[tokio::test]
async fn the_headers_are_believed_before_the_rows_are_counted() {
    let practice = Practice::open().await;
    let page = |ids| appointments(ids).insert_header("dataTOTALpages", "2");
    practice.once("GET", "appointments", page(1..51)).await;
    practice.once("GET", "appointments", page(51..101)).await;
    let first = practice.poll(APPOINTMENTS, None).await.unwrap();
    assert!(!first.last, "a short page before the last");
    let second = practice.poll(APPOINTMENTS, Some(&first.next)).await.unwrap();
    assert!(second.last);
}

#[tokio::test]
async fn between_sweeps_there_is_nothing_to_read_and_nothing_is_asked() {
    let practice = Practice::open().await;
    practice.answer("GET", "appointments", appointments(1..3)).await;
    let mut cursor = practice.poll(APPOINTMENTS, None).await.unwrap().next;
    for _ in 0..11 {
        practice.clock.advance(Duration::from_secs(300));
        let page = practice.poll(APPOINTMENTS, Some(&cursor)).await.unwrap();
        assert!(page.last && page.events.is_empty());
        cursor = page.next;
    }
    assert_eq!(practice.calls().await.len(), 1);
    practice.clock.advance(Duration::from_secs(300));
    practice.poll(APPOINTMENTS, Some(&cursor)).await.unwrap();
    assert_eq!(practice.calls().await.len(), 2);
}

#[tokio::test]
async fn a_day_of_polling_every_five_minutes_stays_within_the_plan() {
    let practice = Practice::open().await;
    practice.answer("GET", "appointments", appointments(1..3)).await;
    practice.answer("GET", "orders", json("[]")).await;
    let mut cursors = [None, None];
    for _ in 0..288 {
        for (kind, cursor) in [APPOINTMENTS, ORDERS].into_iter().zip(&mut cursors) {
            *cursor = Some(practice.poll(kind, cursor.as_ref()).await.unwrap().next);
        }
        practice.clock.advance(Duration::from_secs(300));
    }
    assert_eq!(practice.calls().await.len(), 48);
}

#[tokio::test]
async fn sweeps_leave_calls_to_webhooks() {
    let practice = Practice::with(Product::Essentials, |config| {
        config.daily_requests = Some(3);
        config.reserved_requests = 2;
    })
    .await;
    practice.answer("GET", "appointments", appointments(1..3)).await;
    practice.answer("GET", "orders", json("[]")).await;
    practice.answer("GET", "customers/70011", json(include_str!("fixtures/customer.json"))).await;
    practice.poll(APPOINTMENTS, None).await.unwrap();
    let error = practice.poll(ORDERS, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExhausted);
    assert_eq!(practice.source.left_today(), Some(2));
    assert!(practice.get(RecordKind::Patient, "70011").await.unwrap().is_some());
    assert_eq!(practice.source.left_today(), Some(1));
}

#[tokio::test]
async fn rows_from_before_the_span_are_left_out_should_the_filter_not_be_heeded() {
    let practice = Practice::open().await;
    let rows = r#"[
        {"AppointmentId":1,"Status":"Completed","StartTime":"2019-01-05T10:00:00"},
        {"AppointmentId":2,"Status":"Cancelled","StartTime":"2019-01-05T10:00:00","UpdatedOn":"2026-03-04T10:00:00"},
        {"AppointmentId":3,"Status":"Booked"}]"#;
    practice.answer("GET", "appointments", json(rows)).await;
    let page = practice.poll(APPOINTMENTS, None).await.unwrap();
    let ids: Vec<_> = page.events.iter().map(|event| event.key.id.as_str()).collect();
    assert_eq!(ids, ["2", "3"]);
}

#[tokio::test]
async fn only_one_location_is_read_if_so_configured() {
    let practice =
        Practice::with(Product::Essentials, |config| config.this_company_only = true).await;
    practice.answer("GET", "orders", json(include_str!("fixtures/orders.json"))).await;
    let page = practice.poll(ORDERS, None).await.unwrap();
    assert!(page.events.iter().all(|event| event.key.id.as_str() != "440784"));
    let calls = practice.calls().await;
    assert_eq!(
        calls,
        ["GET orders StartDate=2026-03-01&EndDate=2026-03-05&CompanyId=12&Page=1&Rows=100"]
    );
}

#[tokio::test]
async fn customers_are_swept_only_with_a_filter_by_time_of_change() {
    assert_eq!(Practice::open().await.source.info().feeds.len(), 2);
    let practice = Practice::with(Product::Essentials, |config| {
        config.dialect.filters.changed_since = "ModifiedAfter";
        config.rows = 2;
    })
    .await;
    assert_eq!(practice.source.info().feeds[0].kind, RecordKind::Patient);
    let first = json(include_str!("fixtures/customers_1.json"))
        .insert_header("DataTotalRows", "4")
        .insert_header("DataTotalPages", "2");
    practice.once("GET", "customers", first).await;
    practice.once("GET", "customers", json(include_str!("fixtures/customers_2.json"))).await;
    let first = practice.poll(RecordKind::Patient, None).await.unwrap();
    assert!(!first.last);
    let second = practice.poll(RecordKind::Patient, Some(&first.next)).await.unwrap();
    assert!(!second.last, "a full page without headers");
    insta::assert_snapshot!(pretty(&(&first.events, &second.events)));
    assert_eq!(
        practice.calls().await,
        [
            "GET customers ModifiedAfter=2026-03-01T08:00:00Z&Page=1&Rows=2",
            "GET customers ModifiedAfter=2026-03-01T08:00:00Z&Page=2&Rows=2",
        ]
    );
}

#[tokio::test]
async fn a_used_up_plan_is_told_from_a_missing_permission() {
    let practice = Practice::open().await;
    let body = r#"{ "statusCode": 403, "message": "Out of call volume quota. Quota will be replenished in 05:12:00." }"#;
    let answer = ResponseTemplate::new(403).insert_header("Retry-After", "18720");
    practice.answer("GET", "appointments", answer.set_body_string(body)).await;
    let error = practice.poll(APPOINTMENTS, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExhausted);
    assert_eq!(error.retry_advice(), Retry::After(Duration::from_secs(18_720)));
    assert_eq!(practice.calls().await.len(), 1);
}

#[tokio::test]
async fn an_object_in_place_of_a_list_is_an_error_and_not_an_empty_list() {
    let practice = Practice::open().await;
    practice.answer("GET", "orders", json(r#"{"Message":"Ada Quill is busy"}"#)).await;
    let error = practice.poll(ORDERS, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(!format!("{error} {error:?}").contains("Ada"));
}
