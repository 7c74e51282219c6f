//! The practice's lists over real HTTP.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::fmt::Write as _;

use cannula_core::{ErrorKind, Named, PatientField, PatientRegistry, PickLists};
use cannula_nextech::Product;
use common::Practice;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path, query_param_is_missing},
};

async fn lists(practice: &Practice) {
    let page = |text: &str| {
        let text = text.replace("{server}", &practice.server.uri());
        ResponseTemplate::new(200).set_body_raw(text, "application/json")
    };
    let first = page(include_str!("fixtures/registry_locations_1.json"));
    let second = page(include_str!("fixtures/registry_locations_2.json"));
    let practitioners = page(include_str!("fixtures/registry_practitioners.json"));
    Mock::given(method("GET"))
        .and(path("/api/Location"))
        .and(query_param_is_missing("_getpagesoffset"))
        .respond_with(first)
        .mount(&practice.server)
        .await;
    for (route, answer) in [("/api/Location", second), ("/api/Practitioner", practitioners)] {
        Mock::given(method("GET"))
            .and(path(route))
            .respond_with(answer)
            .mount(&practice.server)
            .await;
    }
}

fn show(lists: &PickLists) -> String {
    let mut text = String::new();
    for (field, entries) in lists {
        writeln!(text, "{field}").unwrap();
        for Named { id, name } in entries {
            writeln!(text, "  [{name}] {}", id.as_deref().unwrap_or("no id")).unwrap();
        }
    }
    text
}

#[tokio::test]
async fn locations_and_practitioners_are_listed_as_staff_see_them() {
    let practice = Practice::with(Product::PracticePlus, |config| {
        let named = |id: &str, name: &str| Named { id: Some(id.to_owned()), name: name.to_owned() };
        config.new_patients.referral_sources = vec![named("6", "Instagram"), named("7", "Friend")];
    })
    .await;
    practice.tokens(common::token("token-1", None)).await;
    lists(&practice).await;
    insta::assert_snapshot!(show(&practice.source.lists().await.unwrap()));
    assert_eq!(practice.queries().await, ["_count=50", "_getpagesoffset=3", "_count=50"]);
}

#[tokio::test]
async fn without_configured_referral_sources_there_is_no_list_of_them() {
    let practice = Practice::open(Product::Select).await;
    lists(&practice).await;
    let lists = practice.source.lists().await.unwrap();
    assert_eq!(
        lists.keys().copied().collect::<Vec<_>>(),
        [PatientField::Location, PatientField::GeneralPractitioner]
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_read_is_an_error_and_not_an_empty_list() {
    let practice = Practice::open(Product::Select).await;
    Mock::given(path("/api/Location"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>"))
        .mount(&practice.server)
        .await;
    let error = practice.source.lists().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().starts_with("nextech-select: list locations: "), "{error}");
}
