//! The Nextech fakes over real HTTP.

use std::time::Duration;

use cannula_core::{AppointmentStatus, Event, Record};
use cannula_sandbox::{
    Links, Quirks,
    practice::{AppointmentState, PatientState, PracticeConfig, Product, Spoil, purpose},
};
use serde_json::Value;

use crate::support::{Scene, Session, counted, entries, ids, link, start};

const DAY: Duration = Duration::from_secs(86_400);
const BOTH: [Product; 2] = [Product::Select, Product::PracticePlus];

fn calm() -> Quirks {
    Quirks { limits: false, changes_between_pages: 0, bad_rows: false, ..Quirks::default() }
}

#[tokio::test]
async fn a_call_needs_a_token_of_its_product_and_the_practice_id() {
    let scene = Scene::empty(Quirks::default()).await;
    for product in BOTH {
        let session = scene.session(product).await;
        assert_eq!(session.status("Patient").await, 200);
        let url = format!("{}{}/Patient", scene.sandbox.access().origin, product.base_path());
        let bare = scene.http.get(&url).send().await.unwrap();
        assert_eq!(bare.status(), 401);
        let other = scene.http.get(&url).bearer_auth(&session.token).header("nx-practice-id", "x");
        assert_eq!(other.send().await.unwrap().status(), 403);
    }
    let select = scene.session(Product::Select).await;
    let crossed = Session { product: Product::PracticePlus, ..select };
    assert_eq!(crossed.status("Patient").await, 401);
}

#[tokio::test]
async fn tokens_end_with_their_hour_and_refresh_tokens_rotate() {
    let scene = Scene::empty(Quirks::default()).await;
    let (_, body) = scene.sign_in(Product::Select).await;
    assert_eq!(body["expires_in"], "3600");
    let session = scene.session(Product::Select).await;
    scene.clock.advance(Duration::from_secs(3600));
    assert_eq!(session.status("Patient").await, 401);
    let refresh = body["refresh_token"].as_str().unwrap();
    let client = scene.sandbox.access().nextech.select.client_id.clone();
    let fields =
        [("grant_type", "refresh_token"), ("client_id", &client), ("refresh_token", refresh)];
    let (status, again) = scene.grant(&fields).await;
    assert_eq!(status, 200);
    assert_ne!(again["refresh_token"], body["refresh_token"]);
    let (status, refused) = scene.grant(&fields).await;
    assert_eq!((status, &refused["error"]), (400, &"invalid_grant".into()));
    assert_eq!(refused["error_codes"][0], 70_008);
}

#[tokio::test]
async fn an_expired_password_is_told_by_its_code() {
    let scene = Scene::empty(Quirks { password_expired: true, ..Quirks::default() }).await;
    let (status, body) = scene.sign_in(Product::Select).await;
    assert_eq!(status, 400);
    assert!(body["error_description"].as_str().unwrap().starts_with("AADSTS50055"));
    assert_eq!(scene.sign_in(Product::PracticePlus).await.0, 200);
}

#[tokio::test]
async fn the_twenty_first_request_of_a_second_is_refused_without_retry_after() {
    let scene = Scene::empty(Quirks { daily_cap: Some(30), ..Quirks::default() }).await;
    let session = scene.session(Product::Select).await;
    for _ in 0..20 {
        assert_eq!(session.status("Patient").await, 200);
    }
    let refused = session.get("Patient").send().await.unwrap();
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().get("retry-after").is_none());
    assert_eq!(session.status("Appointment").await, 200, "each endpoint has its own allowance");
    scene.clock.advance(Duration::from_secs(1));
    for _ in 0..8 {
        assert_eq!(session.status("Patient").await, 200);
    }
    assert_eq!(session.status("Patient").await, 429, "the daily cap counts refused calls too");
    scene.clock.advance(Duration::from_secs(3000));
    assert_eq!(session.status("Patient").await, 429);
}

#[tokio::test]
async fn pages_are_linked_and_cover_every_row_once_in_order_of_entry() {
    let scene = Scene::new(PracticeConfig::new(3, 40, 30, start()), calm()).await;
    scene.clock.advance(DAY * 20);
    for product in BOTH {
        let session = scene.session(product).await;
        let first = session.json("Patient").await;
        assert_eq!(entries(&first).len(), 10);
        assert!(link(&first, "previous").is_none());
        let found = ids(&session.all("Patient?_count=7").await);
        let expected: Vec<_> = scene.sandbox.practice().patient_ids();
        assert_eq!(found, expected.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_listing_read_while_the_practice_works_may_repeat_rows_but_shows_each() {
    let quirks = Quirks { changes_between_pages: 3, ..calm() };
    let scene = Scene::new(PracticeConfig::new(5, 60, 40, start()), quirks).await;
    scene.clock.advance(DAY * 20);
    let since = start().format("%Y-%m-%dT%H:%M:%SZ");
    let before = scene.sandbox.practice().history_until(Product::Select, start() + DAY * 20).len();
    let session = scene.session(Product::Select).await;
    let found = ids(&session.all(&format!("Appointment?_lastUpdated=ge{since}&_count=10")).await);
    let seen = counted(&found);
    for id in scene.sandbox.practice().appointment_ids() {
        assert!(seen.contains_key(id.as_str()), "{id}");
    }
    let after = scene.sandbox.practice().history_until(Product::Select, start() + DAY * 20).len();
    assert!(after > before, "changes came early");
}

#[tokio::test]
async fn searches_match_the_start_of_a_text_without_regard_to_case() {
    let scene = Scene::empty(calm()).await;
    let practice = scene.sandbox.practice();
    practice.add_patient(PatientState::new("Ann", "Smith", 1));
    practice.add_patient(PatientState::new("Anna", "Smithson", 2));
    let mut plus = PatientState::new("Ben", "Li", 3);
    plus.emails[0].address = "ben+spa@example.test".into();
    practice.add_patient(plus);
    let session = scene.session(Product::Select).await;
    let count = async |query: &str| entries(&session.json(query).await).len();
    assert_eq!(count("Patient?family=sMith").await, 2);
    assert_eq!(count("Patient?family:exact=Smith").await, 1);
    assert_eq!(count("Patient?family=Smith&given=anna").await, 1);
    assert_eq!(count("Patient?given=Ann,Ben").await, 3);
    assert_eq!(count("Patient?email=ann.s").await, 1);
    assert_eq!(count("Patient?email=ben%2Bspa@example.test").await, 1);
    assert_eq!(count("Patient?email=ben+spa@example.test").await, 0);
    assert_eq!(count("Patient?phone=(646)+555-0002").await, 1);
    assert_eq!(count("Patient?birthdate=1985-03-04").await, 3);
    assert_eq!(count("Patient?birthdate=gt1985-03-04").await, 0);
    assert_eq!(session.status("Patient?_lastUpdated=ge2031-04-04T12:00:00+00:00").await, 400);
    let empty = session.json("Patient?family=Nobody").await;
    assert!(empty.get("entry").is_none());
}

#[tokio::test]
async fn records_come_into_being_and_change_as_the_clock_moves() {
    let scene = Scene::empty(calm()).await;
    let session = scene.session(Product::Select).await;
    let practice = scene.sandbox.practice();
    let patient = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let state =
        AppointmentState::new(&patient, "Injectables", "2031-07-01T10:30:00".parse().unwrap());
    let id = practice.book(state);
    scene.clock.advance(Duration::from_millis(90_250));
    practice.update_appointment(&id, |state| state.status = AppointmentStatus::Confirmed);
    let changed = |since: &str| format!("Appointment?_lastUpdated=ge{since}");
    let rows = session.all(&changed("2031-04-04T12:01:30Z")).await;
    assert_eq!(rows[0]["status"], "booked");
    assert_eq!(rows[0]["start"], "2031-07-01T10:30:00-04:00");
    assert!(session.all("Appointment?_lastUpdated=gt2031-04-04T12:01:30Z").await.is_empty());
    assert!(session.all(&changed("2031-04-04T12:01:31Z")).await.is_empty());
    assert_eq!(session.all(&format!("Appointment?patient={patient}")).await.len(), 1);
    assert_eq!(session.all("Appointment?patient=900001").await.len(), 1, "by chart number");
    assert_eq!(session.all("Appointment?date=2031-07-01&status=booked").await.len(), 1);
    practice.delete_appointment(&id);
    assert!(session.all(&format!("Appointment?identifier={id}")).await.is_empty());
}

#[tokio::test]
async fn a_status_of_the_practices_own_has_no_code_in_select() {
    let scene = Scene::empty(calm()).await;
    let practice = scene.sandbox.practice();
    let patient = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let start = "2031-07-01T10:30:00".parse().unwrap();
    practice.book(AppointmentState {
        status: AppointmentStatus::PracticeDefined("Web Request".into()),
        purposes: vec![purpose("Botox")],
        practitioner: None,
        ..AppointmentState::new(&patient, "Injectables", start)
    });
    let rows = scene.session(Product::Select).await.all("Appointment").await;
    assert!(rows[0].get("status").is_none());
    assert_eq!(rows[0]["extension"][0]["valueReference"]["display"], "Web Request");
    assert_eq!(rows[0]["extension"][2]["valueReference"]["reference"], "appointment-purpose/61");
    assert_eq!(rows[0]["participant"].as_array().unwrap().len(), 2);
    let rows = scene.session(Product::PracticePlus).await.all("Appointment").await;
    assert_eq!(rows[0]["status"], "pending");
    assert_eq!(rows[0]["start"], "2031-07-01T10:30:00-05:00", "winter's offset in July");
    let purpose = &rows[0]["extension"][3];
    assert_eq!(purpose["url"], "appointment-purpose");
    assert!(purpose["valueReference"].get("reference").is_none());
}

#[tokio::test]
async fn select_withholds_private_contacts_and_practice_plus_does_not() {
    let scene = Scene::empty(calm()).await;
    let mut state = PatientState::new("Ann", "Smith", 1);
    state.emails[0].private = true;
    let id = scene.sandbox.practice().add_patient(state);
    let count = async |product| {
        let patient = scene.session(product).await.json(&format!("Patient/{id}")).await;
        let telecom = patient["telecom"].as_array().unwrap().clone();
        telecom.iter().filter(|entry| entry["system"] == "email").count()
    };
    assert_eq!(count(Product::Select).await, 0);
    assert_eq!(count(Product::PracticePlus).await, 1);
    let session = scene.session(Product::PracticePlus).await;
    assert_eq!(session.status("Patient/00000000-0000-4000-8000-000000000000").await, 404);
}

#[tokio::test]
async fn links_and_rows_can_be_spoilt() {
    let scene = Scene::empty(calm()).await;
    let practice = scene.sandbox.practice();
    let patient = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    let at = "2031-07-01T10:30:00".parse().unwrap();
    let booked: Vec<_> =
        (0..3).map(|_| practice.book(AppointmentState::new(&patient, "Injectables", at))).collect();
    practice.spoil_appointment(&booked[0], Some(Spoil::NotADate));
    practice.spoil_appointment(&booked[1], Some(Spoil::NoId));
    let session = scene.session(Product::Select).await;
    let rows = session.all("Appointment").await;
    assert_eq!(rows[0]["start"], "not a date");
    assert!(rows[1].get("id").is_none());
    let next = async |links| {
        scene.sandbox.set_quirks(Quirks { links, ..calm() });
        link(&session.json("Appointment?_count=1").await, "next")
    };
    assert_eq!(next(Links::Absent).await, None);
    assert!(next(Links::OtherScheme).await.unwrap().starts_with("https://127.0.0.1"));
    assert!(next(Links::ForeignHost).await.unwrap().starts_with("http://nextech.example.test"));
}

/// Ids of the records and their stamps, which is what a poller sees of a version.
fn versions(events: &[Event]) -> Vec<(String, i64)> {
    let mut versions: Vec<_> = events
        .iter()
        .filter(|event| matches!(event.record, Record::Appointment(_)))
        .map(|event| (event.key.id.as_str().to_owned(), event.version.stamp.timestamp_millis()))
        .collect();
    versions.sort();
    versions
}

#[tokio::test]
async fn a_poll_every_ten_minutes_sees_every_version_of_the_history() {
    let scene = Scene::new(PracticeConfig::new(11, 12, 12, start()), calm()).await;
    let session = scene.session(Product::PracticePlus).await;
    let quiet = Duration::from_secs(600);
    let mut seen = Vec::new();
    for _ in 0..12 * 24 * 6 {
        scene.clock.advance(quiet);
        let token = scene.session(Product::PracticePlus).await.token;
        let session = Session { token, ..session };
        let now = cannula_core::Clock::now(&*scene.clock);
        let since = (now - quiet).format("%Y-%m-%dT%H:%M:%SZ");
        for row in session.all(&format!("Appointment?_lastUpdated=ge{since}&_count=50")).await {
            let stamp = row["meta"]["lastUpdated"].as_str().unwrap();
            let stamp = chrono::DateTime::parse_from_rfc3339(stamp).unwrap();
            seen.push((row["id"].as_str().unwrap().to_owned(), stamp.timestamp_millis()));
        }
    }
    seen.sort();
    seen.dedup();
    let now = cannula_core::Clock::now(&*scene.clock);
    let truth = versions(&scene.sandbox.practice().history_until(Product::PracticePlus, now));
    assert_eq!(seen, truth);
    assert!(truth.len() > 40, "{}", truth.len());
}

#[tokio::test]
async fn lookups_list_what_appointments_refer_to() {
    let scene = Scene::empty(calm()).await;
    for product in BOTH {
        let session = scene.session(product).await;
        let types = session.all("appointment-type?_count=50").await;
        assert!(types.iter().all(|row| row["resourceType"] == "appointment-type"));
        assert_eq!(session.all("Location").await.len(), 2);
        assert_eq!(session.all("Location?includeAll=true").await.len(), 3);
        assert_eq!(session.json("Practitioner/230").await["name"][0]["family"], "Holm");
    }
    let status = scene.session(Product::PracticePlus).await.status("appointment-status").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn the_date_header_tells_the_sandboxs_time() {
    let scene = Scene::empty(calm()).await;
    let session = scene.session(Product::Select).await;
    let response = session.get("Patient").send().await.unwrap();
    assert_eq!(response.headers()["date"], "Fri, 04 Apr 2031 12:00:00 GMT");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["total"], 0);
}
