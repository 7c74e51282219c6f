//! New guests and searches, over real HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use std::fmt::Write as _;

use cannula_core::{
    ErrorKind, Named, NewPatient, Patient, PatientField, PatientRegistry, Person, PersonName, Phi,
    Result, Retry,
};
use cannula_zenoti::Center;
use common::{CENTER, GUEST, Practice, json, status};
use serde_json::Value;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path},
};

const GUEST_BODY: &str = include_str!("fixtures/guest.json");
const COUNTRIES: &str = include_str!("fixtures/countries.json");
const NORTH: &str = "40000000-0000-4000-8000-000000000002";

fn phi(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}

fn least() -> NewPatient {
    NewPatient {
        name: PersonName { given: phi("Ada"), family: phi(" Quill") },
        email: phi("ada.quill@example.test"),
        phone: phi("(503) 555-0142"),
        birth_date: Phi::new("1988-04-17".parse().unwrap()),
        gender: None,
        street: None,
        city: None,
        state: None,
        postal_code: None,
        location: None,
        referral_source: None,
        general_practitioner: None,
    }
}

fn most() -> NewPatient {
    NewPatient {
        phone: phi("+44 20 7946 0000"),
        gender: Some(phi("Male")),
        street: Some(phi("18 Fern St")),
        city: Some(phi("Salem")),
        state: Some(phi("OR")),
        postal_code: Some(phi("97301")),
        location: Some(Named { id: Some(NORTH.to_owned()), name: "North".to_owned() }),
        ..least()
    }
}

async fn two_centers() -> Practice {
    let north = Center { id: NORTH.into(), zone: chrono_tz::America::Denver, name: None };
    let practice = Practice::with(|config| config.centers.push(north)).await;
    let centers = format!(
        r#"{{"centers":[{{"id":"{}","name":"North","display_name":null}},{{"id":"{CENTER}","name":"Other"}}]}}"#,
        NORTH.to_uppercase()
    );
    practice.answers("centers", json(centers)).await;
    practice.answers("countries", json(COUNTRIES)).await;
    practice
}

async fn create(answer: ResponseTemplate, patient: &NewPatient) -> (Practice, Result<Patient>) {
    let practice = two_centers().await;
    Mock::given(method("POST"))
        .and(path("/zenoti/v1/guests"))
        .respond_with(answer)
        .mount(&practice.server)
        .await;
    let created = practice.source.create(patient).await;
    (practice, created)
}

/// The creation as it was received, without what differs between runs.
async fn sent(practice: &Practice) -> String {
    let requests = practice.server.received_requests().await.unwrap();
    let mut posts = requests.iter().filter(|it| it.method == "POST");
    let (Some(request), None) = (posts.next(), posts.next()) else { panic!("not one creation") };
    let mut text = format!("{} {}\n", request.method, request.url.path());
    for name in ["authorization", "content-type"] {
        let value = request.headers.get(name).unwrap().to_str().unwrap();
        writeln!(text, "{name}: {value}").unwrap();
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    writeln!(text, "\n{body:#}").unwrap();
    text
}

#[tokio::test]
async fn the_least_of_a_guest_is_sent_with_zenotis_number_of_the_country() {
    let (practice, created) = create(json(GUEST_BODY), &least()).await;
    let created = created.unwrap();
    assert_eq!(created.id.as_str(), GUEST);
    assert_eq!(created.chart_number, Some(phi("1A347")));
    insta::assert_snapshot!(sent(&practice).await);
}

#[tokio::test]
async fn the_most_of_a_guest_is_sent_to_the_chosen_center() {
    let (practice, created) = create(json(GUEST_BODY), &most()).await;
    created.unwrap();
    insta::assert_snapshot!(sent(&practice).await);
}

#[tokio::test]
async fn refusals_are_explained_without_the_guests_data() {
    let coded = |code: u32| {
        format!(
            r#"{{"id":null,"Error":{{"code":"{code}","message":"ada.quill@example.test exists"}}}}"#
        )
    };
    let mut shown = Vec::new();
    for code in [441, 442, 481, 482, 484, 503, 999] {
        for status_code in [200, 400] {
            let (practice, created) = create(status(status_code, coded(code)), &least()).await;
            let error = created.unwrap_err();
            assert_eq!(error.retry_advice(), Retry::Never);
            assert!(!error.to_string().contains("ada"), "{error}");
            assert_eq!(practice.source.calls()["create guest"], 1);
            shown.push(format!("{status_code} {error}"));
            let duplicate = matches!(code, 441 | 442);
            assert_eq!(error.kind() == ErrorKind::Duplicate, duplicate);
        }
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[tokio::test]
async fn what_may_have_been_created_is_not_sent_twice() {
    for answer in [status(500, ""), status(503, ""), json("{}"), json("<html>")] {
        let (practice, created) = create(answer, &least()).await;
        let error = created.unwrap_err();
        assert_eq!(error.retry_advice(), Retry::Settle, "{error}");
        assert_eq!(practice.source.calls()["create guest"], 1);
    }
}

#[tokio::test]
async fn what_the_organisation_demands_is_asked_for_before_anything_is_sent() {
    let practice = Practice::with(|config| {
        config.required_fields = vec![PatientField::Gender, PatientField::City];
    })
    .await;
    let error = practice.source.create(&least()).await.unwrap_err();
    assert!(error.to_string().contains("more of a new guest: gender, city"), "{error}");
    assert!(practice.asked().await.is_empty());
    let registry: &dyn PatientRegistry = &practice.source;
    assert_eq!(registry.info().product, "Zenoti");
    use PatientField::{City, FirstName, Gender, LastName, Location};
    assert_eq!(registry.info().required, [FirstName, LastName, Gender, City, Location]);
}

#[tokio::test]
async fn a_location_that_is_none_of_ours_is_refused() {
    let practice = Practice::open().await;
    let error = practice.source.create(&NewPatient { phone: least().phone, ..most() }).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Invalid);
    assert!(practice.asked().await.is_empty());
}

#[tokio::test]
async fn the_centers_are_the_locations() {
    let practice = two_centers().await;
    let lists = practice.source.lists().await.unwrap();
    let names: Vec<_> = lists[&PatientField::Location].iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["Riverside", "North"]);
    assert_eq!(lists.len(), 1);
}

#[tokio::test]
async fn a_person_is_searched_by_mail_by_national_digits_and_by_name_in_every_center() {
    let practice = two_centers().await;
    let found =
        format!(r#"{{"guests":[{GUEST_BODY}],"page_Info":{{"total":1,"page":1,"size":100}}}}"#);
    practice
        .mount("guests/search", &[("email", "ada.quill@example.test")], json(found.clone()), 9)
        .await;
    practice.mount("guests/search", &[("last_name", "Quill")], json(found), 9).await;
    let nobody = r#"{"guests":[],"page_Info":{"total":0,"page":1,"size":100},"error":null}"#;
    practice.answers("guests/search", json(nobody)).await;
    let person = Person {
        first_name: phi("Ada Maria"),
        last_name: phi("Quill"),
        email: Some(phi("ada.quill@example.test")),
        phone: Some(phi("+1 (503) 555-0142")),
        birth_date: None,
    };
    let found = practice.source.search(&person).await.unwrap();
    assert_eq!(found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), [GUEST]);
    let asked: Vec<_> =
        practice.asked().await.into_iter().filter(|it| it.contains("search")).collect();
    insta::assert_snapshot!(asked.join("\n"));
}

#[tokio::test]
async fn a_guest_code_is_found_only_if_it_is_the_same() {
    let practice = two_centers().await;
    let found = format!(r#"{{"guests":[{GUEST_BODY}],"page_info":{{"total":1}}}}"#);
    practice.answers("guests/search", json(found)).await;
    let by = async |chart: &str| practice.source.by_chart(chart).await.unwrap();
    assert_eq!(by("1a347").await.unwrap().id.as_str(), GUEST);
    assert_eq!(by("1A34").await, None);
    assert_eq!(by(" ").await, None);
}

#[tokio::test]
async fn a_placeholder_that_everybody_has_is_not_searched_to_its_end() {
    let practice = two_centers().await;
    let many = format!(r#"{{"guests":[{GUEST_BODY}],"page_info":{{"total":9000}}}}"#);
    practice.answers("guests/search", json(many)).await;
    let person = Person { email: Some(phi("none@example.test")), ..Person::default() };
    let error = practice.source.search(&person).await.unwrap_err();
    assert!(error.to_string().contains("look for a placeholder"), "{error}");
}
