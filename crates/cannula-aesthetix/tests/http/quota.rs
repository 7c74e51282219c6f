use cannula_aesthetix::AesthetixConfig;
use cannula_core::{ContactDirectory, CrmLinks, DirectorySearch, ErrorKind, Retry};
use cannula_http::{Lane, Quota};
use wiremock::ResponseTemplate;

use crate::support::{Crm, answer, booked, contact, linked, linked_to_opportunity, note, tags};

const NOTES: &str = "/contacts/c-mina/notes";

#[tokio::test]
async fn the_first_event_of_a_person_costs_four_calls_and_a_later_one_two() {
    let crm = Crm::prepared().await;
    crm.answers("POST", "/contacts/", 201, "contact_created.json").await;
    crm.answers("POST", "/contacts/c-mina/tags", 201, "tags.json").await;
    crm.answers("POST", NOTES, 201, "note_created.json").await;
    crm.answers("POST", "/opportunities/upsert", 201, "opportunity.json").await;
    crm.answers("PUT", "/opportunities/o-1", 200, "opportunity.json").await;
    let before = crm.total_calls();
    crm.deliver(&contact(), &CrmLinks::default()).await.unwrap();
    for effect in [tags(), note(), booked(true)] {
        crm.deliver(&effect, &linked()).await.unwrap();
    }
    assert_eq!(crm.total_calls() - before, 4);
    for effect in [note(), booked(true)] {
        crm.deliver(&effect, &linked_to_opportunity()).await.unwrap();
    }
    assert_eq!(crm.total_calls() - before, 6);
    let calls = crm.sink.calls();
    assert_eq!((calls["create note"], calls["update opportunity"]), (2, 1));
}

#[tokio::test]
async fn when_the_vendor_says_the_day_is_used_up_nothing_more_is_sent() {
    let crm = Crm::start().await;
    let spent = ResponseTemplate::new(429).insert_header("X-RateLimit-Daily-Remaining", "0");
    crm.responds("POST", NOTES, spent).await;
    for _ in 0..3 {
        let error = crm.deliver(&note(), &linked()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QuotaExhausted);
        assert!(matches!(error.retry_advice(), Retry::After(_)), "{error:?}");
    }
    assert_eq!(crm.total_calls(), 1);
}

#[tokio::test]
async fn the_reserve_of_the_day_is_kept_for_urgent_work() {
    let crm = Crm::start().await;
    let nearly =
        answer(201, "note_created.json").insert_header("X-RateLimit-Daily-Remaining", "20000");
    crm.responds("POST", NOTES, nearly).await;
    crm.deliver(&note(), &linked()).await.unwrap();
    let error = crm.deliver(&note(), &linked()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExhausted);
    crm.sink
        .lane(Lane::Urgent)
        .client()
        .create_note(&"c-mina".into(), &"x".to_owned().into())
        .await
        .unwrap();
    // Somebody waits for a directory.
    crm.answers("POST", "/contacts/search", 200, "directory.json").await;
    let name = "O'Neil".to_owned().into();
    let search = DirectorySearch { text: name, limit: 20, after: None };
    assert_eq!(crm.sink.directory().search(&search).await.unwrap().hits.len(), 2);
}

#[tokio::test]
async fn a_burst_is_spread_over_its_window() {
    use cannula_core::Clock;
    let quota =
        Quota { burst: 5, per: std::time::Duration::from_secs(10), daily: None, reserve: 0 };
    let crm = Crm::with(|config| AesthetixConfig { quota: Some(quota), ..config }).await;
    crm.answers("POST", NOTES, 201, "note_created.json").await;
    let before = crm.clock.now();
    for _ in 0..11 {
        crm.deliver(&note(), &linked()).await.unwrap();
    }
    assert_eq!((crm.clock.now() - before).num_seconds(), 20);
}
