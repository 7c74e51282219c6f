//! Contacts by tag, and one contact as it is.

use cannula_aesthetix::TagSource;
use cannula_core::{
    CrmSource, Cursor, ErrorKind, Event, Feed, Page, Record, RecordId, RecordKey, RecordKind,
};
use insta::assert_json_snapshot;
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_partial_json, method, path},
};

use crate::support::Crm;

const SEARCH: &str = "/contacts/search";
const FIELDS: &str = "/locations/loc1/customFields";

fn source(crm: &Crm) -> TagSource {
    crm.sink.tag_source(vec![" NXT Create".into(), "nxt-create".into(), "NXT CREATE".into()])
}

async fn poll(source: &TagSource, cursor: Option<&Cursor>) -> Page {
    source.poll(&source.info().feeds[0], cursor).await.unwrap()
}

fn contact_key(id: &str) -> RecordKey {
    RecordKey { practice: "loc1".into(), kind: RecordKind::Contact, id: RecordId::new(id) }
}

fn ids(page: &Page) -> Vec<&str> {
    page.events.iter().map(|event| event.key.id.as_str()).collect()
}

/// A full page of tagged contacts, numbered from `first`.
fn hits(first: u32, count: u32) -> ResponseTemplate {
    let hit = |n: u32| json!({ "id": format!("c-{n}"), "tags": ["nxt create"], "dateUpdated": "2026-03-02T14:00:00Z", "searchAfter": [n, format!("c-{n}")] });
    let contacts: Vec<Value> = (first..first + count).map(hit).collect();
    ResponseTemplate::new(200).set_body_json(json!({ "contacts": contacts }))
}

#[tokio::test]
async fn the_source_is_the_location_and_its_one_feed_is_tagged_contacts() {
    let crm = Crm::start().await;
    let info = source(&crm).info().clone();
    assert_eq!(info.name, "aesthetix");
    assert_eq!(info.feeds, [Feed { practice: "loc1".into(), kind: RecordKind::TaggedContact }]);
}

#[tokio::test]
async fn contacts_with_any_of_the_tags_are_listed_and_an_unreadable_one_set_aside() {
    let crm = Crm::start().await;
    crm.answers("POST", SEARCH, 200, "tagged.json").await;
    let page = poll(&source(&crm), None).await;
    assert_eq!(ids(&page), ["c-lena", "c-untimed"]);
    assert!(page.last);
    let Record::TaggedContact(lena) = &page.events[0].record else { panic!("not tagged") };
    assert_eq!(lena.tags, ["nxt create", "website lead"]);
    assert_eq!(page.events[0].version.stamp.to_rfc3339(), "2026-03-02T14:59:30.120+00:00");
    let [rejected] = &page.rejected[..] else { panic!("one is rejected") };
    assert_eq!(rejected.key.as_ref().map(|key| key.id.as_str()), Some("c-bad"));
    assert_eq!(rejected.path, "contacts[1].tags[1]");
    assert!(!rejected.problem.contains('7'));
    assert!(rejected.raw.expose().contains("Bea"));
    assert_json_snapshot!("search_by_tag", crm.requests().await);
}

#[tokio::test]
async fn a_listing_goes_on_where_the_page_before_ended_and_then_starts_anew() {
    let crm = Crm::start().await;
    Mock::given(method("POST"))
        .and(path(SEARCH))
        .and(body_partial_json(json!({ "searchAfter": [100, "c-100"] })))
        .respond_with(hits(101, 3))
        .mount(&crm.server)
        .await;
    crm.responds("POST", SEARCH, hits(1, 100)).await;
    let source = source(&crm);
    let first = poll(&source, None).await;
    assert_eq!((first.events.len(), first.last), (100, false));
    let second = poll(&source, Some(&first.next)).await;
    assert_eq!((ids(&second), second.last), (vec!["c-101", "c-102", "c-103"], true));
    let anew = poll(&source, Some(&second.next)).await;
    assert_eq!((ids(&anew), anew.last), (ids(&first), false));
}

#[tokio::test]
async fn a_page_that_leads_to_itself_is_an_error_and_not_an_endless_sweep() {
    let crm = Crm::start().await;
    crm.responds("POST", SEARCH, hits(1, 100)).await;
    let source = source(&crm);
    let first = poll(&source, None).await;
    let error = source.poll(&source.info().feeds[0], Some(&first.next)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[tokio::test]
async fn what_the_index_still_shows_after_the_work_is_done_is_the_same_event() {
    let crm = Crm::start().await;
    crm.answers("POST", SEARCH, 200, "tagged.json").await;
    let source = source(&crm);
    let first = poll(&source, None).await;
    crm.clock.advance(std::time::Duration::from_secs(20));
    let again = poll(&source, Some(&first.next)).await;
    let ids = |page: &Page| page.events.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&again));
}

#[tokio::test]
async fn without_a_tag_nothing_is_asked_for_because_that_would_be_every_contact() {
    let crm = Crm::start().await;
    let source = crm.sink.tag_source(vec!["  ".into()]);
    assert!(poll(&source, None).await.last);
    assert_eq!(crm.total_calls(), 0);
}

#[tokio::test]
async fn a_cursor_that_cannot_be_read_begins_a_new_sweep() {
    let crm = Crm::start().await;
    crm.answers("POST", SEARCH, 200, "tagged.json").await;
    let page = poll(&source(&crm), Some(&Cursor::new("2026-03-02"))).await;
    assert_eq!(page.events.len(), 2);
}

#[tokio::test]
async fn check_is_one_search_for_one_contact() {
    let crm = Crm::start().await;
    crm.answers("POST", SEARCH, 200, "tagged.json").await;
    source(&crm).check().await.unwrap();
    assert_json_snapshot!("check_tags", crm.requests().await);
}

#[tokio::test]
async fn another_feed_or_record_is_unsupported() {
    let crm = Crm::start().await;
    let source = source(&crm);
    let feed = Feed { practice: "loc1".into(), kind: RecordKind::Patient };
    assert_eq!(source.poll(&feed, None).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let key = RecordKey { kind: RecordKind::TaggedContact, ..contact_key("c-lena") };
    assert_eq!(source.get(&key).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

async fn lena(source: &TagSource) -> Event {
    source.get(&contact_key("c-lena")).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_contact_is_read_as_typed_with_its_fields_by_name() {
    let crm = Crm::start().await;
    crm.answers("GET", "/contacts/c-lena", 200, "contact_lena.json").await;
    crm.answers("GET", FIELDS, 200, "custom_fields_intake.json").await;
    let event = lena(&source(&crm)).await;
    assert_eq!(event.key, contact_key("c-lena"));
    assert_eq!(event.version.stamp.to_rfc3339(), "2026-03-02T14:59:30.120+00:00");
    assert_json_snapshot!("contact_by_names", event.record);
}

#[tokio::test]
async fn field_names_are_asked_for_once_and_again_when_an_unknown_field_turns_up() {
    let crm = Crm::start().await;
    crm.answers("GET", "/contacts/c-lena", 200, "contact_lena.json").await;
    crm.answers("GET", "/contacts/c-mina", 200, "contact_mina.json").await;
    crm.answers("GET", FIELDS, 200, "custom_fields_intake.json").await;
    let source = source(&crm);
    let lists = || crm.sink.calls().get("list custom fields").copied();
    lena(&source).await;
    assert_eq!(lists(), Some(1));
    // One of its fields was deleted: asking again would not bring its name back.
    lena(&source).await;
    assert_eq!(lists(), Some(1));
    source.get(&contact_key("c-mina")).await.unwrap();
    assert_eq!(lists(), Some(2), "`f-other` is new");
    source.get(&contact_key("c-mina")).await.unwrap();
    lena(&source).await;
    assert_eq!(lists(), Some(2));
}

#[tokio::test]
async fn a_prepared_sink_knows_the_names_already() {
    let crm = Crm::prepared().await;
    let body = json!({ "contact": { "id": "c-mina", "customFields": [{ "id": "f-location", "value": "Tempe" }] } });
    crm.responds("GET", "/contacts/c-mina", ResponseTemplate::new(200).set_body_json(body)).await;
    let event = source(&crm).get(&contact_key("c-mina")).await.unwrap().unwrap();
    let Record::Contact(contact) = event.record else { panic!("not a contact") };
    assert_eq!(contact.fields["NXT Location"].expose(), "Tempe");
    assert_eq!(crm.lines().await, ["GET /contacts/c-mina"]);
}

#[tokio::test]
async fn a_contact_that_is_gone_is_none_however_the_crm_says_so() {
    for status in [400, 404] {
        let crm = Crm::start().await;
        crm.answers("GET", "/contacts/c-mina", status, "contact_not_found.json").await;
        assert_eq!(source(&crm).get(&contact_key("c-mina")).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_contact_that_answers_for_another_is_none() {
    let crm = Crm::start().await;
    crm.answers("GET", "/contacts/c-merged", 200, "contact_lena.json").await;
    assert_eq!(source(&crm).get(&contact_key("c-merged")).await.unwrap(), None);
}

#[tokio::test]
async fn any_other_refusal_is_an_error_and_not_a_missing_contact() {
    let crm = Crm::start().await;
    crm.responds("GET", "/contacts/c-mina", ResponseTemplate::new(403)).await;
    let error = source(&crm).get(&contact_key("c-mina")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}
