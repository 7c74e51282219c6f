use cannula_core::{CrmNeeds, CrmSink, ErrorKind, FieldKind, FieldSpec};
use insta::assert_json_snapshot;

use crate::support::{Crm, needs};

const FIELDS: &str = "/locations/loc1/customFields";
const PIPELINES: &str = "/opportunities/pipelines";

fn with_status_field() -> CrmNeeds {
    let mut needs = needs();
    needs.fields.push(FieldSpec {
        name: "NXT Status".into(),
        kind: FieldKind::Text,
        config_key: "rules.fields.status".into(),
    });
    needs
}

#[tokio::test]
async fn a_missing_field_is_created_once_even_if_the_opportunity_has_one_of_that_name() {
    let crm = Crm::start().await;
    crm.answers("GET", FIELDS, 200, "custom_fields.json").await;
    crm.answers("GET", PIPELINES, 200, "pipelines.json").await;
    crm.answers("POST", FIELDS, 201, "custom_field_created.json").await;
    crm.sink.prepare(&with_status_field()).await.unwrap();
    assert_json_snapshot!("prepare", crm.requests().await);
}

#[tokio::test]
async fn names_the_crm_does_not_have_are_reported_together_and_nothing_is_created() {
    let crm = Crm::start().await;
    crm.answers("GET", FIELDS, 200, "custom_fields.json").await;
    crm.answers("GET", PIPELINES, 200, "pipelines.json").await;
    let mut needs = with_status_field();
    needs.fields[1].name = "nxt location".into();
    needs.pipelines[0].stages.push(("rules.non_surgical.stages.won".into(), "Patients".into()));
    let error = crm.sink.prepare(&needs).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    insta::assert_snapshot!("prepare_problems", error.message());
    assert_eq!(crm.total_calls(), 2);
}

#[tokio::test]
async fn check_is_one_call() {
    let crm = Crm::start().await;
    crm.answers("GET", PIPELINES, 200, "pipelines.json").await;
    crm.sink.check().await.unwrap();
    assert_eq!(crm.lines().await, ["GET /opportunities/pipelines?locationId=loc1"]);
}
