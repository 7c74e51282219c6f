//! A live service that is told by webhook, until Ctrl-C.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::{fmt::Debug, process::Stdio, sync::Arc, time::Duration};

use cannula::{core::Clock, http::SystemClock};
use cannula_sandbox::{
    Quirks, Sandbox, SandboxConfig, Vendor,
    practice::{AppointmentState, PatientState, PracticeConfig, ZONE},
};
use chrono::TimeDelta;
use support::program;
use tokio::{net::TcpListener, process::Command};

fn configuration(sandbox: &Sandbox) -> String {
    let (access, crm) = (&sandbox.access().patientnow, &sandbox.access().crm);
    format!(
        r#"
[practice]
zone = "America/New_York"
[store]
file = "practice.db"
[rules]
categories = "categories.csv"
[patientnow]
company_id = "{}"
api_key = "{}"
username = "{}"
password = "{}"
start_from = 2020-01-01
base_url = "{}"
[patientnow.webhooks]
secret = "{}"
[aesthetix]
location_id = "{}"
token = "{}"
base_url = "{}"
"#,
        access.company_id,
        access.api_key,
        access.username,
        access.password,
        access.base_url,
        access.webhook_secret,
        crm.location_id,
        crm.private_token,
        crm.base_url,
    )
}

/// Waits for what takes moments; `state` is shown if it does not happen.
async fn until<S: Debug>(what: impl Fn() -> bool, state: impl Fn() -> S) {
    for _ in 0..300 {
        if what() {
            return;
        }
        SystemClock.sleep(Duration::from_millis(100)).await;
    }
    assert!(what(), "it does not happen: {:?}", state());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_becomes_a_note_while_the_service_runs_and_ctrl_c_ends_it() {
    let clock = Arc::new(SystemClock);
    let practice = PracticeConfig::empty(clock.now() - TimeDelta::hours(1));
    let mut config = SandboxConfig::new(clock.clone(), practice);
    config.quirks = Quirks { search_lag: false, ..Quirks::default() };
    let sandbox = Sandbox::start(config).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("practice.toml", &configuration(&sandbox));
    write("categories.csv", sandbox.practice().categorization_csv());

    // A port that is free at this moment.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let child = Command::new(program("patientnow"))
        .args(["--live", "practice.toml", "--watch", "--json", "--listen", &address.to_string()])
        .current_dir(directory.path())
        .env("RUST_LOG", "off")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // The sweep that a start begins with is over: what follows only a webhook tells.
    let calls = || sandbox.calls(Vendor::PatientNow);
    until(|| calls().keys().any(|call| call.ends_with("/orders")), calls).await;
    sandbox
        .subscribe(Vendor::PatientNow, &format!("http://{address}/webhooks/patientnow"))
        .unwrap();
    let ada = sandbox.practice().add_patient(PatientState::new("Ada", "Quill", 1));
    let start = (clock.now() + TimeDelta::days(2)).with_timezone(&ZONE).naive_local();
    sandbox.practice().book(AppointmentState::new(&ada, "Laser Treatment", start));
    sandbox.deliver_webhooks().await;
    let notes = || -> Vec<String> {
        sandbox.crm().contacts.into_iter().flat_map(|contact| contact.notes).collect()
    };
    let told = || (notes(), calls(), sandbox.webhook_log(Vendor::PatientNow));
    until(|| notes().iter().any(|note| note.starts_with("Appointment Booked\n")), told).await;

    let pid = child.id().unwrap().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().await.unwrap().success());
    let output = child.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(figures["webhooks"].as_u64() > Some(0), "{figures}");
}
