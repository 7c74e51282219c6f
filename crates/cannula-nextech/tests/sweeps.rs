//! Sweeps over real HTTP: paging, marks, and what goes wrong between pages.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::Duration;

use cannula_core::{Clock, Cursor, EmrSource};
use cannula_core::{ErrorKind, Feed, RecordKind};
use cannula_nextech::Product;
use common::{Practice, dated, ids, mark, row, token};
use serde_json::json;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{header, method, path},
};

#[tokio::test]
async fn a_sweep_follows_links_and_the_next_one_starts_an_overlap_before_its_mark() {
    for product in [Product::Select, Product::PracticePlus] {
        let practice = Practice::open(product).await;
        let rows = [row(1, "2031-05-06T13:00:00Z"), row(2, "2031-05-06T13:30:00.5Z")];
        practice.then(practice.page(&rows[..1], 2, Some(practice.link(1)))).await;
        practice.then(practice.page(&rows[1..], 2, None)).await;
        practice.then(practice.page(&[], 0, None)).await;

        let first = practice.poll(None).await.unwrap();
        assert_eq!((ids(&first), first.last), (vec!["1"], false));
        assert_eq!(mark(&first), "2031-05-01T04:00:00Z", "the mark waits for the sweep's end");
        let second = practice.poll(Some(&first.next)).await.unwrap();
        assert_eq!((ids(&second), second.last), (vec!["2"], true));
        assert_eq!(mark(&second), "2031-05-06T13:30:00.500Z");
        let third = practice.poll(Some(&second.next)).await.unwrap();
        assert_eq!((ids(&third).len(), third.last), (0, true));
        assert_eq!(third.next, second.next, "nothing new, nothing changed");

        assert_eq!(
            practice.queries().await,
            [
                "_lastUpdated=ge2031-05-01T04:00:00Z&_count=50",
                "_getpagesoffset=1",
                "_lastUpdated=ge2031-05-06T13:20:00Z&_count=50",
            ]
        );
    }
}

#[tokio::test]
async fn polling_one_cursor_twice_gives_the_same_page() {
    let practice = Practice::open(Product::Select).await;
    for _ in 0..2 {
        practice.then(practice.page(&[row(1, "2031-05-06T13:00:00Z")], 1, None)).await;
    }
    let pages = [practice.poll(None).await.unwrap(), practice.poll(None).await.unwrap()];
    assert_eq!(pages[0].events, pages[1].events);
    assert_eq!(pages[0].next, pages[1].next);
}

#[tokio::test]
async fn the_mark_stays_behind_the_servers_clock_at_the_sweeps_start() {
    let practice = Practice::open(Product::Select).await;
    let ahead = row(1, "2031-05-06T14:00:07Z");
    practice.then(practice.page(std::slice::from_ref(&ahead), 2, Some(practice.link(1)))).await;
    let first = practice.poll(None).await.unwrap();
    practice.clock.advance(Duration::from_secs(60));
    practice.then(practice.page(&[row(2, "2031-05-06T14:00:30Z")], 2, None)).await;
    let second = practice.poll(Some(&first.next)).await.unwrap();
    assert_eq!(mark(&second), "2031-05-06T14:00:00Z");
}

#[tokio::test]
async fn the_mark_never_moves_backwards() {
    let practice = Practice::open(Product::Select).await;
    practice.then(practice.page(&[row(1, "2031-04-20T00:00:00Z")], 1, None)).await;
    assert_eq!(mark(&practice.poll(None).await.unwrap()), "2031-05-01T04:00:00Z");
}

#[tokio::test]
async fn rows_that_never_say_when_they_changed_are_read_up_to_the_servers_clock() {
    let practice = Practice::open(Product::Select).await;
    let undated = json!({ "resourceType": "Appointment", "id": "1", "status": "booked" });
    practice.then(practice.page(&[undated], 1, None)).await;
    let page = practice.poll(None).await.unwrap();
    assert_eq!((ids(&page), mark(&page).as_str()), (vec!["1"], "2031-05-06T14:00:00Z"));
}

#[tokio::test]
async fn a_sweep_whose_total_changes_starts_over_and_loses_no_event_on_the_way() {
    let practice = Practice::open(Product::Select).await;
    let (one, two) = (row(1, "2031-05-06T13:00:00Z"), row(2, "2031-05-06T13:01:00Z"));
    practice.then(practice.page(std::slice::from_ref(&one), 3, Some(practice.link(1)))).await;
    practice.then(practice.page(std::slice::from_ref(&two), 2, None)).await;
    practice.then(practice.page(&[one, two], 2, None)).await;
    let first = practice.poll(None).await.unwrap();
    let shrunk = practice.poll(Some(&first.next)).await.unwrap();
    assert_eq!((ids(&shrunk), shrunk.last), (vec!["2"], false));
    let again = practice.poll(Some(&shrunk.next)).await.unwrap();
    assert_eq!((ids(&again), again.last), (vec!["1", "2"], true));
    assert_eq!(mark(&again), "2031-05-06T13:01:00Z");
    let queries = practice.queries().await;
    assert_eq!(queries[0], queries[2], "the same window again");
}

/// Runs a sweep whose second page always has this many rows more or fewer than the first said.
async fn restless(change: isize) -> (usize, String) {
    let practice = Practice::open(Product::Select).await;
    let mut cursor: Option<Cursor> = None;
    let mut polls = 0;
    loop {
        let changed = row(polls, "2031-05-06T13:00:00Z");
        let second = cursor.as_ref().is_some_and(|it| it.as_str().contains("getpagesoffset"));
        let total = if second { 10_usize.checked_add_signed(change).unwrap() } else { 10 };
        let next = (!second).then(|| practice.link(1));
        practice.then(practice.page(&[changed], total, next)).await;
        let page = practice.poll(cursor.as_ref()).await.unwrap();
        polls += 1;
        if page.last {
            return (polls, mark(&page));
        }
        cursor = Some(page.next);
    }
}

#[tokio::test]
async fn a_result_that_keeps_shrinking_ends_the_sweep_with_the_mark_where_it_was() {
    assert_eq!(restless(-1).await, (8, "2031-05-01T04:00:00Z".to_owned()));
}

#[tokio::test]
async fn a_result_that_keeps_growing_moves_the_mark_in_the_end() {
    assert_eq!(restless(1).await, (8, "2031-05-06T13:00:00Z".to_owned()));
}

#[tokio::test]
async fn a_bad_row_is_rejected_and_its_page_goes_on() {
    let practice = Practice::open(Product::Select).await;
    let mut bad = row(2, "2031-05-06T13:40:00Z");
    bad["start"] = json!("next Tuesday");
    let rows = [row(1, "2031-05-06T13:00:00Z"), bad, row(3, "2031-05-06T13:20:00Z")];
    practice.then(practice.page(&rows, 3, None)).await;
    let page = practice.poll(None).await.unwrap();
    assert_eq!(ids(&page), ["1", "3"]);
    assert_eq!(page.rejected[0].path, "entry[1].resource.start");
    assert_eq!(page.rejected[0].key.as_ref().unwrap().id.as_str(), "2");
    assert!(page.rejected[0].raw.expose().contains("next Tuesday"));
    assert_eq!(mark(&page), "2031-05-06T13:40:00Z", "a rejected row is not read for ever");
}

#[tokio::test]
async fn a_link_to_another_host_fails_the_poll_and_is_never_called() {
    let practice = Practice::open(Product::Select).await;
    let away = "https://evil.example.test/api/Appointment?name=mina".to_owned();
    practice.then(practice.page(&[row(1, "2031-05-06T13:00:00Z")], 2, Some(away))).await;
    let error = practice.poll(None).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("evil.example.test") && !text.contains("mina"), "{text}");
}

#[tokio::test]
async fn a_link_that_leads_to_itself_is_an_error() {
    let practice = Practice::open(Product::Select).await;
    for _ in 0..2 {
        practice.then(practice.page(&[], 2, Some(practice.link(1)))).await;
    }
    let first = practice.poll(None).await.unwrap();
    let error = practice.poll(Some(&first.next)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn an_empty_page_with_a_link_goes_on() {
    let practice = Practice::open(Product::Select).await;
    practice.then(practice.page(&[], 1, Some(practice.link(50)))).await;
    practice.then(practice.page(&[row(1, "2031-05-06T13:00:00Z")], 1, None)).await;
    let first = practice.poll(None).await.unwrap();
    assert!(!first.last);
    let second = practice.poll(Some(&first.next)).await.unwrap();
    assert_eq!((ids(&second), second.last), (vec!["1"], true));
}

#[tokio::test]
async fn a_link_that_has_gone_stale_starts_the_sweep_over() {
    for status in [400, 404, 410] {
        let practice = Practice::open(Product::Select).await;
        practice
            .then(practice.page(&[row(1, "2031-05-06T13:00:00Z")], 2, Some(practice.link(1))))
            .await;
        let first = practice.poll(None).await.unwrap();
        practice.then(ResponseTemplate::new(status)).await;
        let stale = practice.poll(Some(&first.next)).await.unwrap();
        assert_eq!((stale.events.len(), stale.last), (0, false));
        practice.then(practice.page(&[row(1, "2031-05-06T13:00:00Z")], 1, None)).await;
        let again = practice.poll(Some(&stale.next)).await.unwrap();
        assert_eq!((ids(&again), again.last), (vec!["1"], true));
    }
}

#[tokio::test]
async fn a_refused_first_page_is_an_error_and_not_an_endless_sweep() {
    let practice = Practice::open(Product::Select).await;
    practice.then(ResponseTemplate::new(404)).await;
    let error = practice.poll(None).await.unwrap_err();
    assert_eq!(error.http_status(), Some(404));
}

#[tokio::test]
async fn a_stored_link_to_a_host_that_is_no_longer_ours_starts_the_sweep_over() {
    let practice = Practice::open(Product::Select).await;
    let cursor = Cursor::new(
        r#"{"mark":"2031-05-05T00:00:00Z","sweep":{"since":"2031-05-04T23:50:00Z","next":"https://old.example.test/api/Appointment?p=2"}}"#,
    );
    let page = practice.poll(Some(&cursor)).await.unwrap();
    assert!(!page.last && !page.next.as_str().contains("old.example.test"));
    practice.then(practice.page(&[], 0, None)).await;
    practice.poll(Some(&page.next)).await.unwrap();
    assert_eq!(practice.queries().await, ["_lastUpdated=ge2031-05-04T23:50:00Z&_count=50"]);
}

#[tokio::test]
async fn a_401_in_the_middle_of_a_sweep_renews_the_token_once() {
    let practice = Practice::locked(Product::PracticePlus).await;
    Mock::given(method("POST"))
        .respond_with(token("token-1", None))
        .up_to_n_times(1)
        .mount(&practice.server)
        .await;
    practice.tokens(token("token-2", None)).await;
    practice.then(practice.page(&[], 1, Some(practice.link(1)))).await;
    let first = practice.poll(None).await.unwrap();
    Mock::given(path("/api/Appointment"))
        .and(header("authorization", "Bearer token-2"))
        .respond_with(practice.page(&[row(1, "2031-05-06T13:00:00Z")], 1, None))
        .mount(&practice.server)
        .await;
    Mock::given(path("/api/Appointment"))
        .respond_with(ResponseTemplate::new(401))
        .mount(&practice.server)
        .await;
    let second = practice.poll(Some(&first.next)).await.unwrap();
    assert_eq!((ids(&second), second.last), (vec!["1"], true));
    assert_eq!(practice.source.calls()["get token"], 2);
    assert_eq!(practice.source.calls()["search appointments"], 3);
}

#[tokio::test]
async fn json_cut_short_is_asked_for_again() {
    let practice = Practice::open(Product::Select).await;
    let cut = r#"{"resourceType":"Bundle","entry":[{"resource":{"id""#;
    practice.then(dated(practice.clock.now()).set_body_raw(cut, "application/json")).await;
    practice.then(practice.page(&[row(1, "2031-05-06T13:00:00Z")], 1, None)).await;
    assert_eq!(ids(&practice.poll(None).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn the_sources_feeds_are_patients_appointments_and_payments_and_no_others() {
    let practice = Practice::open(Product::Select).await;
    let kinds: Vec<_> = practice.source.info().feeds.iter().map(|feed| feed.kind).collect();
    assert_eq!(kinds, [RecordKind::Patient, RecordKind::Appointment, RecordKind::Payment]);
    let foreign = Feed { practice: "another".into(), kind: RecordKind::Patient };
    let error = practice.source.poll(&foreign, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = practice.poll(Some(&Cursor::new("17"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
}
