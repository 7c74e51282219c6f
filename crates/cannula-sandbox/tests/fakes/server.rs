//! Starting, breaking, steering and stopping, over real HTTP.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use cannula_core::Clock;
use cannula_sandbox::{
    Fault, FaultRates, Quirks, Sandbox, SandboxConfig, Vendor,
    practice::{PatientState, PracticeConfig, Product},
};
use cannula_testkit::ManualClock;
use serde_json::{Value, json};

use crate::support::{Scene, start};

async fn listen_on(address: SocketAddr) -> cannula_core::Result<Sandbox> {
    let clock = Arc::new(ManualClock::at(start()));
    let config = SandboxConfig::new(clock, PracticeConfig::empty(start()));
    Sandbox::start(SandboxConfig { listen: address, ..config }).await
}

#[tokio::test]
async fn an_address_that_is_taken_or_public_is_one_clear_sentence() {
    let first = listen_on("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let taken = listen_on(first.address()).await.unwrap_err();
    let port = first.address().port();
    assert_eq!(
        taken.message(),
        format!("the address 127.0.0.1:{port} is already taken; port 0 takes a free one")
    );
    let public = listen_on("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
    assert!(public.message().contains("loopback addresses only"), "{public}");
}

#[tokio::test]
async fn each_fault_spoils_one_request_in_its_way() {
    let scene = Scene::empty(Quirks::kind()).await;
    let session = scene.session(Product::Select).await;
    let faults = scene.sandbox.faults(Vendor::Nextech);
    let next = async |fault| {
        faults.script("GET /nextech/select/api/Patient", fault);
        session.get("Patient").timeout(Duration::from_secs(1)).send().await
    };
    let refused = next(Fault::TooManyRequests { retry_after: Some(7) }).await.unwrap();
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"7".parse().unwrap())
    );
    let refused = next(Fault::TooManyRequests { retry_after: None }).await.unwrap();
    assert!(refused.headers().get("retry-after").is_none());
    assert_eq!(next(Fault::ErrorBefore).await.unwrap().status(), 500);
    assert_eq!(next(Fault::ErrorAfter).await.unwrap().status(), 500);
    assert!(next(Fault::Hang).await.unwrap_err().is_timeout());
    assert!(next(Fault::HangAfter).await.unwrap_err().is_timeout());
    for fault in [Fault::ResetBefore, Fault::ResetAfter] {
        let broken = next(fault).await.unwrap_err();
        assert!(!broken.is_timeout() && broken.is_request(), "{broken:?}");
    }
    let cut = next(Fault::TruncatedJson).await.unwrap();
    assert_eq!(cut.status(), 200);
    assert!(cut.json::<Value>().await.is_err());
    assert_eq!(session.status("Patient").await, 200, "then all is well again");
    assert_eq!(faults.pending(), 0);
    assert_eq!(faults.injected().values().sum::<u64>(), 9);
}

/// A note for a contact that stands in the CRM, and how many notes the contact has after it.
#[tokio::test]
async fn a_fault_after_the_write_leaves_the_write_done_and_one_before_does_not() {
    for (fault, applied) in [
        (Fault::ErrorBefore, false),
        (Fault::ErrorAfter, true),
        (Fault::ResetBefore, false),
        (Fault::ResetAfter, true),
    ] {
        let scene = Scene::empty(Quirks::kind()).await;
        let crm = scene.sandbox.access().crm.clone();
        scene.sandbox.faults(Vendor::Crm).script("POST /crm/contacts/upsert", fault);
        let sent = scene
            .http
            .post(format!("{}/contacts/upsert", crm.base_url))
            .bearer_auth(&crm.private_token)
            .header("Version", "2021-07-28")
            .json(&json!({ "locationId": crm.location_id, "firstName": "Ann", "email": "ann@example.test" }))
            .send()
            .await;
        assert!(sent.is_err() || sent.is_ok_and(|response| response.status() == 500));
        assert_eq!(scene.sandbox.crm().contacts.len(), usize::from(applied), "{fault:?}");
    }
}

#[tokio::test]
async fn random_faults_hit_about_as_often_as_they_should_and_can_be_switched_off() {
    let scene = Scene::empty(Quirks::kind()).await;
    let session = scene.session(Product::Select).await;
    let faults = scene.sandbox.faults(Vendor::Nextech);
    faults.set_rates(FaultRates { error_before: 0.25, ..FaultRates::default() });
    let mut failed = 0;
    for _ in 0..100 {
        failed += u64::from(session.status("Patient").await == 500);
    }
    assert!((10..45).contains(&failed), "{failed}");
    assert_eq!(faults.injected()["error_before"], failed);
    faults.set_enabled(false);
    for _ in 0..20 {
        assert_eq!(session.status("Patient").await, 200);
    }
}

#[tokio::test]
async fn calls_are_counted_by_template() {
    let scene = Scene::empty(Quirks::kind()).await;
    let session = scene.session(Product::Select).await;
    let id = scene.sandbox.practice().add_patient(PatientState::new("Ann", "Smith", 1));
    session.json(&format!("Patient/{id}")).await;
    session.status("Patient/unknown").await;
    let calls = scene.sandbox.calls(Vendor::Nextech);
    assert_eq!(calls["GET /nextech/select/api/Patient/{id}"], 2);
    assert_eq!(calls["POST /nextech/login/oauth2/token"], 1);
}

#[tokio::test]
async fn the_control_endpoints_show_and_steer_a_running_sandbox() {
    let scene = Scene::empty(Quirks::kind()).await;
    let control = |path: &str| format!("{}/_sandbox/{path}", scene.sandbox.access().origin);
    let post = async |path: &str, body: Value| {
        let response = scene.http.post(control(path)).json(&body).send().await.unwrap();
        response.status().as_u16()
    };
    assert_eq!(post("clock", json!({ "advance_seconds": 3600 })).await, 200);
    assert_eq!(scene.sandbox.clock().now(), start() + Duration::from_secs(3600));
    let order = json!({
        "vendor": "nextech",
        "rates": { "error_before": 0.0 },
        "script": [{ "request": "POST", "fault": "too_many_requests", "retry_after": 3 }],
    });
    assert_eq!(post("faults", order).await, 204);
    let url = &scene.sandbox.access().nextech.select.token_url;
    let refused = scene.http.post(url).send().await.unwrap();
    assert_eq!(refused.headers()["retry-after"], "3");
    assert_eq!(post("quirks", json!({ "password_expired": true })).await, 204);
    assert_eq!(scene.sign_in(Product::Select).await.0, 400);
    assert_eq!(post("quirks", json!({ "pasword_expired": true })).await, 422);
    let state: Value = scene.http.get(control("state")).send().await.unwrap().json().await.unwrap();
    assert_eq!(state["faults"]["nextech"]["too_many_requests"], 1);
    assert_eq!(state["practice"]["patients"], 0);
    assert!(state["crm"].is_object());
}

#[tokio::test]
async fn a_stopped_sandbox_takes_no_more_connections_even_with_a_request_hanging() {
    let scene = Scene::empty(Quirks::kind()).await;
    let session = scene.session(Product::Select).await;
    scene.sandbox.faults(Vendor::Nextech).script("GET", Fault::Hang);
    let hanging = tokio::spawn(session.get("Patient").send());
    while scene.sandbox.faults(Vendor::Nextech).pending() > 0 {
        tokio::task::yield_now().await;
    }
    let url = scene.sandbox.access().origin.clone();
    scene.sandbox.stop().await;
    assert!(hanging.await.unwrap().is_err());
    assert!(scene.http.get(url).send().await.unwrap_err().is_connect());
}
