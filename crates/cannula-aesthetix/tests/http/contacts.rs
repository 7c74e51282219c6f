use cannula_aesthetix::Duplicates;
use cannula_core::{
    ContactWrite, CrmEffect, CrmLinks, ErrorKind, ParkReason, Person, Retry, Settled,
};
use insta::assert_json_snapshot;

use crate::support::{Crm, answer, contact, contact_write, fixture, linked, mina};

#[tokio::test]
async fn a_new_person_costs_one_call() {
    let crm = Crm::prepared().await;
    crm.answers("POST", "/contacts/", 201, "contact_created.json").await;
    let receipt = crm.deliver(&contact(), &CrmLinks::default()).await.unwrap();
    assert_eq!(receipt.contact, Some("c-mina".into()));
    assert_json_snapshot!("create_contact", crm.requests().await);
}

#[tokio::test]
async fn the_contact_that_has_the_email_is_adopted_if_it_is_the_same_person() {
    let crm = Crm::prepared().await;
    crm.answers("POST", "/contacts/", 400, "duplicate_email.json").await;
    crm.answers("GET", "/contacts/c-mina", 200, "contact_mina.json").await;
    crm.answers("PUT", "/contacts/c-mina", 200, "contact_updated.json").await;
    let receipt = crm.deliver(&contact(), &CrmLinks::default()).await.unwrap();
    assert_eq!(receipt.contact, Some("c-mina".into()));
    assert_json_snapshot!("adopt_contact", crm.requests().await);
}

#[tokio::test]
async fn a_refusal_that_ends_early_is_asked_for_again_and_not_final() {
    let crm = Crm::prepared().await;
    let whole = fixture("duplicate_email.json");
    crm.responds_once("POST", "/contacts/", 400, &whole[..whole.len() / 2]).await;
    crm.answers("POST", "/contacts/", 400, "duplicate_email.json").await;
    crm.answers("GET", "/contacts/c-mina", 200, "contact_mina.json").await;
    crm.answers("PUT", "/contacts/c-mina", 200, "contact_updated.json").await;
    let receipt = crm.deliver(&contact(), &CrmLinks::default()).await.unwrap();
    assert_eq!(receipt.contact, Some("c-mina".into()));
    let posts = crm.lines().await.iter().filter(|line| *line == "POST /contacts/").count();
    assert_eq!(posts, 2);
}

#[tokio::test]
async fn a_family_members_contact_is_not_written_to_and_a_person_is_asked() {
    let crm = Crm::prepared().await;
    crm.answers("POST", "/contacts/", 400, "duplicate_phone.json").await;
    crm.answers("GET", "/contacts/c-jun", 200, "contact_jun.json").await;
    let error = crm.deliver(&contact(), &CrmLinks::default()).await.unwrap_err();
    assert_eq!(
        error.park_reason(),
        Some(&ParkReason::ContactConflict { contact: "c-jun".into(), shared: "phone".into() })
    );
    assert_eq!(crm.lines().await, ["POST /contacts/", "GET /contacts/c-jun"]);
}

#[tokio::test]
async fn a_named_contact_that_is_gone_again_is_tried_later() {
    let crm = Crm::prepared().await;
    crm.answers("POST", "/contacts/", 400, "duplicate_phone.json").await;
    crm.answers("GET", "/contacts/c-jun", 404, "opportunity_not_found.json").await;
    let error = crm.deliver(&contact(), &CrmLinks::default()).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Backoff);
}

#[tokio::test]
async fn a_person_without_a_usable_email_or_phone_is_not_created() {
    let crm = Crm::prepared().await;
    let person = Person {
        email: Some("declined".to_owned().into()),
        phone: Some("000-000-0000".to_owned().into()),
        ..mina()
    };
    let effect = CrmEffect::Contact(ContactWrite { person, ..contact_write() });
    let error = crm.deliver(&effect, &CrmLinks::default()).await.unwrap_err();
    assert_eq!(error.park_reason(), Some(&ParkReason::NoContactDetails));
    assert_eq!(crm.lines().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_update_leaves_out_the_phone_that_a_third_contact_has() {
    let crm = Crm::prepared().await;
    crm.answers_once("PUT", "/contacts/c-mina", 400, "duplicate_phone.json").await;
    crm.answers("PUT", "/contacts/c-mina", 200, "contact_updated.json").await;
    let receipt = crm.deliver(&contact(), &linked()).await.unwrap();
    assert_eq!(receipt.contact, Some("c-mina".into()));
    assert_json_snapshot!("update_collides_on_phone", crm.requests().await);
}

#[tokio::test]
async fn an_update_that_collides_on_what_was_not_sent_is_an_error() {
    let crm = Crm::prepared().await;
    crm.answers("PUT", "/contacts/c-mina", 400, "duplicate_phone.json").await;
    let write = ContactWrite { write_person: false, ..contact_write() };
    let error = crm.deliver(&CrmEffect::Contact(write), &linked()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(crm.total_calls() - 2, 1);
}

#[tokio::test]
async fn a_person_that_did_not_change_is_not_written_again() {
    let crm = Crm::prepared().await;
    crm.answers("PUT", "/contacts/c-mina", 200, "contact_updated.json").await;
    let write = ContactWrite { write_person: false, ..contact_write() };
    crm.deliver(&CrmEffect::Contact(write), &linked()).await.unwrap();
    assert_json_snapshot!("update_fields_only", crm.requests().await);
}

#[tokio::test]
async fn nothing_to_write_is_no_call() {
    let crm = Crm::prepared().await;
    let write = ContactWrite { write_person: false, fields: [].into(), person: mina() };
    crm.deliver(&CrmEffect::Contact(write), &linked()).await.unwrap();
    assert_eq!(crm.lines().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_deleted_or_merged_contact_breaks_the_link() {
    for (status, body) in [(400, "contact_not_found.json"), (404, "contact_not_found.json")] {
        let crm = Crm::prepared().await;
        crm.answers("PUT", "/contacts/c-mina", status, body).await;
        let error = crm.deliver(&contact(), &linked()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LinkBroken, "{error}");
    }
}

#[tokio::test]
async fn where_duplicates_are_allowed_contacts_are_looked_for_first() {
    let crm = Crm::with(|config| cannula_aesthetix::AesthetixConfig {
        duplicates: Duplicates::Allowed,
        ..config
    });
    let crm = crm.await.prepare().await;
    crm.responds(
        "GET",
        "/contacts/search/duplicate",
        answer(200, "contact_created.json").set_body_raw(r#"{"contact":null}"#, "application/json"),
    )
    .await;
    crm.answers("POST", "/contacts/", 201, "contact_created.json").await;
    crm.deliver(&contact(), &CrmLinks::default()).await.unwrap();
    assert_eq!(
        crm.lines().await,
        [
            "GET /contacts/search/duplicate?locationId=loc1&email=mina%40example.test&number=%2B12024561111",
            "POST /contacts/",
        ]
    );

    crm.server.reset().await;
    crm.answers("GET", "/contacts/search/duplicate", 200, "contact_mina.json").await;
    crm.answers("PUT", "/contacts/c-mina", 200, "contact_updated.json").await;
    let receipt = crm.deliver(&contact(), &CrmLinks::default()).await.unwrap();
    assert_eq!(receipt.contact, Some("c-mina".into()));

    crm.server.reset().await;
    crm.answers("GET", "/contacts/search/duplicate", 200, "contact_jun.json").await;
    let error = crm.deliver(&contact(), &CrmLinks::default()).await.unwrap_err();
    assert_eq!(
        error.park_reason(),
        Some(&ParkReason::ContactConflict { contact: "c-jun".into(), shared: "phone".into() })
    );
}

#[tokio::test]
async fn a_create_of_unknown_outcome_is_sent_again_and_then_finds_itself() {
    let crm = Crm::prepared().await;
    crm.answers_once("POST", "/contacts/", 500, "duplicate_email.json").await;
    crm.answers("POST", "/contacts/", 400, "duplicate_email.json").await;
    crm.answers("GET", "/contacts/c-mina", 200, "contact_mina.json").await;
    crm.answers("PUT", "/contacts/c-mina", 200, "contact_updated.json").await;
    let (effect, links) = (contact(), CrmLinks::default());
    let error = crm.deliver(&effect, &links).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Settle);
    assert_eq!(crm.lines().await, ["POST /contacts/"], "a create is not repeated by itself");
    assert_eq!(crm.settle(&effect, &links).await.unwrap(), Settled::SendAgain);
    let receipt = crm.deliver(&effect, &links).await.unwrap();
    assert_eq!(receipt.contact, Some("c-mina".into()));
}

#[tokio::test]
async fn where_duplicates_are_allowed_settling_waits_until_the_search_can_see_the_contact() {
    use cannula_core::Clock;
    let crm = Crm::with(|config| cannula_aesthetix::AesthetixConfig {
        duplicates: Duplicates::Allowed,
        ..config
    })
    .await;
    let before = crm.clock.now();
    let settled = crm.settle(&contact(), &CrmLinks::default()).await.unwrap();
    assert_eq!(settled, Settled::SendAgain);
    assert_eq!((crm.clock.now() - before).num_seconds(), 20);
}
