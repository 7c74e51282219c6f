use cannula_core::{
    CrmEffect, CrmLinks, Delivered, Error, ErrorKind, OpportunityStatus, Retry, Settled, StageMove,
};
use insta::assert_json_snapshot;
use wiremock::ResponseTemplate;

use crate::support::{Crm, booked, linked, linked_to_opportunity};

const UPSERT: &str = "/opportunities/upsert";
const SEARCH: &str = "/opportunities/search";

#[tokio::test]
async fn a_person_without_an_opportunity_gets_one() {
    let crm = Crm::prepared().await;
    crm.answers("POST", UPSERT, 201, "opportunity.json").await;
    let receipt = crm.deliver(&booked(true), &linked()).await.unwrap();
    assert_eq!(receipt.delivered, Delivered::Applied);
    assert_eq!(receipt.opportunity, Some(("Lead 2 Patient".into(), "o-1".into())));
    assert_json_snapshot!("upsert_opportunity", crm.requests().await);
}

#[tokio::test]
async fn a_linked_opportunity_is_moved_by_its_id() {
    let crm = Crm::prepared().await;
    crm.answers("PUT", "/opportunities/o-1", 200, "opportunity.json").await;
    let receipt = crm.deliver(&booked(true), &linked_to_opportunity()).await.unwrap();
    assert_eq!(receipt.opportunity, Some(("Lead 2 Patient".into(), "o-1".into())));
    assert_json_snapshot!("move_opportunity", crm.requests().await);
}

#[tokio::test]
async fn a_linked_opportunity_that_was_deleted_is_created_anew() {
    let crm = Crm::prepared().await;
    crm.answers("PUT", "/opportunities/o-1", 404, "opportunity_not_found.json").await;
    crm.answers("POST", UPSERT, 201, "opportunity.json").await;
    let receipt = crm.deliver(&booked(true), &linked_to_opportunity()).await.unwrap();
    assert_eq!(receipt.delivered, Delivered::Applied);
    assert_eq!(crm.lines().await, ["PUT /opportunities/o-1", "POST /opportunities/upsert"]);
}

#[tokio::test]
async fn an_opportunity_in_the_way_is_the_one_to_move() {
    let crm = Crm::prepared().await;
    crm.answers("POST", UPSERT, 400, "opportunity_duplicate.json").await;
    crm.answers("PUT", "/opportunities/o-old", 200, "opportunity.json").await;
    let receipt = crm.deliver(&booked(true), &linked()).await.unwrap();
    assert_eq!(receipt.opportunity, Some(("Lead 2 Patient".into(), "o-old".into())));
}

#[tokio::test]
async fn where_none_may_be_created_the_open_one_of_the_pipeline_is_moved() {
    let crm = Crm::prepared().await;
    crm.answers("GET", SEARCH, 200, "opportunities.json").await;
    crm.answers("PUT", "/opportunities/o-open", 200, "opportunity.json").await;
    let receipt = crm.deliver(&booked(false), &linked()).await.unwrap();
    assert_eq!(receipt.opportunity, Some(("Lead 2 Patient".into(), "o-open".into())));
    assert_eq!(
        crm.lines().await,
        [
            "GET /opportunities/search?location_id=loc1&contact_id=c-mina&pipeline_id=p-med",
            "PUT /opportunities/o-open",
        ]
    );
}

#[tokio::test]
async fn a_missing_opportunity_is_said_to_be_missing() {
    let crm = Crm::prepared().await;
    crm.answers("GET", SEARCH, 200, "opportunities_none.json").await;
    let receipt = crm.deliver(&booked(false), &linked()).await.unwrap();
    assert_eq!(receipt.delivered, Delivered::OpportunityMissing);
    assert_eq!(receipt.opportunity, None);
}

#[tokio::test]
async fn an_opportunity_the_search_still_shows_after_its_deletion_is_missing_too() {
    let crm = Crm::prepared().await;
    crm.answers("GET", SEARCH, 200, "opportunities.json").await;
    crm.answers("PUT", "/opportunities/o-open", 404, "opportunity_not_found.json").await;
    crm.answers("PUT", "/opportunities/o-lost", 404, "opportunity_not_found.json").await;
    let receipt = crm.deliver(&booked(false), &linked()).await.unwrap();
    assert_eq!(receipt.delivered, Delivered::OpportunityMissing);
}

#[tokio::test]
async fn an_upsert_for_a_contact_that_is_gone_breaks_the_link() {
    let crm = Crm::prepared().await;
    crm.answers("POST", UPSERT, 400, "contact_not_found.json").await;
    let error = crm.deliver(&booked(true), &linked()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LinkBroken);
}

/// An upsert that is refused for want of something.
async fn upsert_refused(status: u16, message: &str, contact_is_there: bool) -> (Crm, Error) {
    let crm = Crm::prepared().await;
    let refusal = serde_json::json!({ "statusCode": status, "message": message });
    crm.responds("POST", UPSERT, ResponseTemplate::new(status).set_body_json(refusal)).await;
    if contact_is_there {
        crm.answers("GET", "/contacts/c-mina", 200, "contact_mina.json").await;
    } else {
        crm.answers("GET", "/contacts/c-mina", 404, "contact_not_found.json").await;
    }
    let error = crm.deliver(&booked(true), &linked()).await.unwrap_err();
    (crm, error)
}

#[tokio::test]
async fn an_upsert_that_misses_the_pipeline_leaves_the_link_to_the_contact_alone() {
    for status in [400, 404] {
        let (crm, error) = upsert_refused(status, "Pipeline stage not found", true).await;
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(crm.lines().await, ["POST /opportunities/upsert"]);
    }
}

#[tokio::test]
async fn where_a_refused_upsert_does_not_say_what_it_misses_the_contact_is_asked_for() {
    let (crm, error) = upsert_refused(404, "Not Found", true).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(crm.lines().await, ["POST /opportunities/upsert", "GET /contacts/c-mina"]);
    let (_, error) = upsert_refused(404, "Not Found", false).await;
    assert_eq!(error.kind(), ErrorKind::LinkBroken);
}

#[tokio::test]
async fn an_upsert_whose_opportunity_vanished_meanwhile_is_tried_again() {
    let (crm, error) = upsert_refused(404, "Opportunity not found", true).await;
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::NotFound, Retry::Backoff));
    assert_eq!(crm.lines().await, ["POST /opportunities/upsert"]);
}

#[tokio::test]
async fn a_stage_the_crm_does_not_have_is_a_matter_of_configuration() {
    let crm = Crm::prepared().await;
    let effect = CrmEffect::Stage(StageMove {
        pipeline: "Surgery: Lead 2 Patient".into(),
        stage: "Booked".into(),
        status: OpportunityStatus::Open,
        title: "Mina Park".to_owned().into(),
        create: true,
    });
    let error = crm.deliver(&effect, &linked()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn before_prepare_a_stage_cannot_be_delivered() {
    let crm = Crm::start().await;
    let error = crm.deliver(&booked(true), &CrmLinks::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_stage_of_unknown_outcome_is_sent_again() {
    let crm = Crm::prepared().await;
    assert_eq!(crm.settle(&booked(true), &linked()).await.unwrap(), Settled::SendAgain);
}
