use std::time::Duration;

use cannula_core::{CrmEffect, CrmLinks, ErrorKind, Note, Receipt, Retry, Settled};
use insta::assert_json_snapshot;
use wiremock::ResponseTemplate;

use crate::support::{Crm, answer, linked, note, tags};

const NOTES: &str = "/contacts/c-mina/notes";
const TAGS: &str = "/contacts/c-mina/tags";

#[tokio::test]
async fn tags_are_added_and_removed_and_all_others_left_alone() {
    let crm = Crm::start().await;
    crm.answers("POST", TAGS, 201, "tags.json").await;
    crm.answers("DELETE", TAGS, 200, "tags.json").await;
    crm.deliver(&tags(), &linked()).await.unwrap();
    let remove = CrmEffect::RemoveTags { tags: vec!["Patient".into()] };
    crm.deliver(&remove, &linked()).await.unwrap();
    assert_json_snapshot!("tags", crm.requests().await);
}

#[tokio::test]
async fn a_note_is_sent_with_its_body_and_nothing_else() {
    let crm = Crm::start().await;
    crm.answers("POST", NOTES, 201, "note_created.json").await;
    assert_eq!(crm.deliver(&note(), &linked()).await.unwrap(), Receipt::applied());
    assert_json_snapshot!("note", crm.requests().await);
}

#[tokio::test]
async fn a_note_of_unknown_outcome_is_sent_once_and_then_looked_for() {
    let crm = Crm::start().await;
    crm.responds("POST", NOTES, ResponseTemplate::new(500)).await;
    crm.answers("GET", NOTES, 200, "notes.json").await;
    let error = crm.deliver(&note(), &linked()).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Settle);
    let settled = crm.settle(&note(), &linked()).await.unwrap();
    assert_eq!(settled, Settled::Landed(Receipt::applied()));
    assert_eq!(crm.lines().await, [format!("POST {NOTES}"), format!("GET {NOTES}")]);
}

#[tokio::test]
async fn a_note_that_is_not_among_the_contacts_notes_is_sent_again() {
    let crm = Crm::start().await;
    crm.answers("GET", NOTES, 200, "notes.json").await;
    let other = CrmEffect::Note(Note {
        body: "Confirmed\nBotox\nRef ffffffffffff".to_owned().into(),
        reference: "ffffffffffff".into(),
    });
    assert_eq!(crm.settle(&other, &linked()).await.unwrap(), Settled::SendAgain);
}

#[tokio::test]
async fn an_empty_answer_to_a_note_does_not_make_a_second_one() {
    let crm = Crm::start().await;
    crm.responds("POST", NOTES, ResponseTemplate::new(201)).await;
    crm.deliver(&note(), &linked()).await.unwrap();
    assert_eq!(crm.total_calls(), 1);
}

#[tokio::test]
async fn tags_are_repeated_by_themselves_because_that_does_no_harm() {
    let crm = Crm::start().await;
    crm.answers_once("POST", TAGS, 500, "tags.json").await;
    crm.answers("POST", TAGS, 201, "tags.json").await;
    crm.deliver(&tags(), &linked()).await.unwrap();
    assert_eq!(crm.total_calls(), 2);
    assert_eq!(crm.settle(&tags(), &linked()).await.unwrap(), Settled::SendAgain);
}

#[tokio::test]
async fn a_contact_that_is_gone_breaks_the_link() {
    let crm = Crm::start().await;
    for (verb, at) in [("POST", NOTES), ("GET", NOTES), ("POST", TAGS)] {
        crm.answers(verb, at, 404, "contact_not_found.json").await;
    }
    let errors = [
        crm.deliver(&note(), &linked()).await.unwrap_err(),
        crm.settle(&note(), &linked()).await.unwrap_err(),
        crm.deliver(&tags(), &linked()).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::LinkBroken, "{error}");
    }
}

#[tokio::test]
async fn without_a_contact_nothing_is_sent() {
    let crm = Crm::start().await;
    for effect in [note(), tags()] {
        let error = crm.deliver(&effect, &CrmLinks::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LinkBroken);
    }
    assert_eq!(crm.total_calls(), 0);
}

#[tokio::test]
async fn a_burst_429_is_waited_out_even_for_a_note() {
    use cannula_core::Clock;
    let crm = Crm::start().await;
    wiremock::Mock::given(wiremock::matchers::path(NOTES))
        .respond_with(ResponseTemplate::new(429).insert_header("Retry-After", "7"))
        .up_to_n_times(1)
        .mount(&crm.server)
        .await;
    crm.responds("POST", NOTES, answer(201, "note_created.json")).await;
    let before = crm.clock.now();
    crm.deliver(&note(), &linked()).await.unwrap();
    assert_eq!(crm.total_calls(), 2);
    assert!((crm.clock.now() - before).to_std().unwrap() >= Duration::from_secs(7));
}
