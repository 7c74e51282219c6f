use std::collections::BTreeMap;

use cannula_core::{
    ContactWrite, CrmEffect, CrmLinks, CrmNeeds, CrmSink, Delivered, ErrorKind, FieldKind,
    FieldSpec, FieldValue, OpportunityValue, Settled,
};
use insta::assert_json_snapshot;

use crate::support::{Crm, dollars, linked, linked_to_opportunity, mina, worth};

const SEARCH: &str = "/opportunities/search";
const FIELDS: &str = "/locations/loc1/customFields";

#[tokio::test]
async fn a_linked_opportunity_gets_its_value_and_nothing_else() {
    let crm = Crm::prepared().await;
    crm.answers("PUT", "/opportunities/o-1", 200, "opportunity.json").await;
    let receipt = crm.deliver(&worth(14_950), &linked_to_opportunity()).await.unwrap();
    assert_eq!(receipt.delivered, Delivered::Applied);
    assert_eq!(receipt.opportunity, Some(("Lead 2 Patient".into(), "o-1".into())));
    assert_json_snapshot!("set_value", crm.requests().await);
    assert_eq!(crm.last_body().await, r#"{"monetaryValue":149.50}"#);
}

#[tokio::test]
async fn a_value_is_exact_where_a_float_is_not() {
    let crm = Crm::prepared().await;
    crm.answers("PUT", "/opportunities/o-1", 200, "opportunity.json").await;
    for (minor, expected) in [
        (i64::MAX, r#"{"monetaryValue":92233720368547758.07}"#),
        (-2_000, r#"{"monetaryValue":-20.00}"#),
        (0, r#"{"monetaryValue":0.00}"#),
    ] {
        crm.deliver(&worth(minor), &linked_to_opportunity()).await.unwrap();
        assert_eq!(crm.last_body().await, expected);
    }
}

#[tokio::test]
async fn without_a_link_the_open_opportunity_of_the_pipeline_is_found() {
    let crm = Crm::prepared().await;
    crm.answers("GET", SEARCH, 200, "opportunities.json").await;
    crm.answers("PUT", "/opportunities/o-open", 200, "opportunity.json").await;
    let receipt = crm.deliver(&worth(100), &linked()).await.unwrap();
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
async fn a_linked_opportunity_that_was_deleted_is_looked_for_and_never_created() {
    for status in [400, 404] {
        let crm = Crm::prepared().await;
        crm.answers("PUT", "/opportunities/o-1", status, "opportunity_not_found.json").await;
        crm.answers("GET", SEARCH, 200, "opportunities_none.json").await;
        let receipt = crm.deliver(&worth(100), &linked_to_opportunity()).await.unwrap();
        assert_eq!(receipt.delivered, Delivered::OpportunityMissing);
        assert_eq!(receipt.opportunity, None);
    }
}

#[tokio::test]
async fn a_value_needs_a_contact_and_a_pipeline_the_crm_has() {
    let crm = Crm::prepared().await;
    let error = crm.deliver(&worth(100), &CrmLinks::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LinkBroken);
    let value = OpportunityValue { pipeline: "Lead 3 Patient".into(), value: dollars(100) };
    let error = crm.deliver(&CrmEffect::Value(value), &linked()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(crm.lines().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_value_of_unknown_outcome_is_sent_again() {
    let crm = Crm::prepared().await;
    assert_eq!(crm.settle(&worth(100), &linked()).await.unwrap(), Settled::SendAgain);
}

#[tokio::test]
async fn the_lifetime_value_is_a_number_in_a_field_that_was_created_for_money() {
    let crm = Crm::start().await;
    crm.answers("GET", FIELDS, 200, "custom_fields.json").await;
    crm.answers("GET", "/opportunities/pipelines", 200, "pipelines.json").await;
    crm.answers("POST", FIELDS, 201, "custom_field_money.json").await;
    let needs = CrmNeeds {
        fields: vec![FieldSpec {
            name: "Patient Lifetime Value".into(),
            kind: FieldKind::Money,
            config_key: "rules.fields.lifetime_value".into(),
        }],
        pipelines: Vec::new(),
    };
    crm.sink.prepare(&needs).await.unwrap();
    assert_eq!(
        crm.last_body().await,
        r#"{"dataType":"MONETORY","model":"contact","name":"Patient Lifetime Value"}"#
    );

    crm.answers("PUT", "/contacts/c-mina", 200, "contact_updated.json").await;
    for (value, expected) in [
        (FieldValue::Money(dollars(14_950)), "149.50"),
        (FieldValue::Money(dollars(i64::MAX)), "92233720368547758.07"),
        (FieldValue::Empty, "null"),
    ] {
        let fields = BTreeMap::from([("Patient Lifetime Value".into(), value)]);
        let write = ContactWrite { person: mina(), write_person: false, fields };
        crm.deliver(&CrmEffect::Contact(write), &linked()).await.unwrap();
        let body = format!(r#"{{"customFields":[{{"id":"f-value","field_value":{expected}}}]}}"#);
        assert_eq!(crm.last_body().await, body);
    }
}
