//! The intake as people run it: on its own against a sandbox, and live beside the visits.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::{path::Path, process::Output, sync::Arc};

use cannula::{core::Clock, http::SystemClock};
use cannula_sandbox::{
    NewContact, Quirks, Sandbox, SandboxConfig,
    practice::{PracticeConfig, Product, REFERRAL_SOURCES},
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use support::program;
use tokio::process::Command;

async fn run(name: &str, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program(name));
    command.args(arguments).current_dir(directory).env_remove("RUST_LOG");
    command.output().await.unwrap()
}

fn stdout(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn every_case_of_the_demonstration_ends_as_it_says_for_both_products() {
    let directory = tempfile::tempdir().unwrap();
    for arguments in [
        &["--json"][..],
        &["--json", "--poll"],
        &["--json", "--product", "practice-plus"],
        &["--json", "--product", "practice-plus", "--poll"],
    ] {
        let output = run("create_patient", directory.path(), arguments).await;
        let story: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let titles = |part: &str| -> Vec<String> {
            let told = story[part].as_array().unwrap();
            let title =
                |it: &Value| it["note"].as_str().unwrap().lines().next().unwrap().to_owned();
            told.iter().map(title).collect()
        };
        assert_eq!(
            titles("first_try"),
            [
                "Patient Created",
                "Patient Linked",
                "Patient Not Created",
                "Patient Not Created",
                "Patient Not Created",
                "Patient Not Created",
                "Patient Found",
            ],
            "{arguments:?}"
        );
        assert_eq!(titles("after_correction"), ["Patient Created", "Patient Created"]);
        assert_eq!(titles("first_appointment"), ["Appointment Pending"]);
        assert_eq!(story["patients_created"], 4, "{arguments:?}");
    }
}

/// When the practice of the live runs began: an hour ago.
fn start() -> DateTime<Utc> {
    SystemClock.now() - TimeDelta::hours(1)
}

/// A practice of nobody, at the pace of the real clock.
async fn sandbox() -> Sandbox {
    let config = SandboxConfig::new(Arc::new(SystemClock), PracticeConfig::empty(start()));
    Sandbox::start(config).await.unwrap()
}

/// A configuration with this EMR's section.
fn configuration(sandbox: &Sandbox, section: &str) -> String {
    let crm = &sandbox.access().crm;
    format!(
        r#"
[practice]
zone = "America/New_York"
[store]
file = "practice.db"
[rules]
categories = "categories.csv"
{section}
[aesthetix]
location_id = "{}"
token = "{}"
base_url = "{}"
[intake]
file = "intake.db"
"#,
        crm.location_id, crm.private_token, crm.base_url,
    )
}

/// An hour ago, as a configuration has it.
fn since() -> String {
    start().to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn nextech(sandbox: &Sandbox) -> String {
    let select = &sandbox.access().nextech.select;
    let source = &REFERRAL_SOURCES[0];
    format!(
        r#"
[nextech]
product = "select"
practice_id = "{}"
client_id = "{}"
username = "{}"
password = "{}"
resource = "{}"
start_from = {}
base_url = "{}"
token_url = "{}"
[nextech.new_patients.referral_sources]
"{}" = "{}"
"#,
        Product::Select.practice_id(),
        select.client_id,
        select.username,
        select.password,
        select.resource,
        since(),
        select.base_url,
        select.token_url,
        source.name,
        source.id,
    )
}

fn patientnow(sandbox: &Sandbox) -> String {
    let access = &sandbox.access().patientnow;
    format!(
        r#"
[patientnow]
company_id = "{}"
api_key = "{}"
username = "{}"
password = "{}"
start_from = {}
base_url = "{}"
"#,
        access.company_id,
        access.api_key,
        access.username,
        access.password,
        since(),
        access.base_url,
    )
}

fn zenoti(sandbox: &Sandbox) -> String {
    let access = &sandbox.access().zenoti;
    format!(
        "\n[zenoti]\napi_key = \"{}\"\ncenter_id = \"{}\"\nbase_url = \"{}\"\n",
        access.api_key, access.center_id, access.base_url,
    )
}

/// A folder with the files of a live service.
fn folder(sandbox: &Sandbox, section: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    write("practice.toml", &configuration(sandbox, section));
    write("categories.csv", sandbox.practice().categorization_csv());
    directory
}

/// A tagged contact becomes a patient, once, and the explanation names the product.
async fn makes_a_patient(name: &str, section: fn(&Sandbox) -> String, tag: &str, product: &str) {
    let sandbox = sandbox().await;
    let directory = folder(&sandbox, &section(&sandbox));
    let location =
        |prefix: &str| (format!("{prefix} Location"), "Juniper Aesthetics Midtown".into());
    let lead = NewContact {
        first_name: "Nora".to_owned(),
        last_name: "Lind".to_owned(),
        email: Some("nora.lind@example.test".to_owned()),
        phone: Some("+16465550101".to_owned()),
        birth_date: "1985-03-04".parse().ok(),
        gender: Some("female".to_owned()),
        postal_code: Some("02840".to_owned()),
        fields: ["NXT", "PNow", "Zenoti"].map(location).into(),
        tags: vec![tag.to_owned()],
        ..NewContact::default()
    };
    // The search of a real CRM trails its writes by seconds.
    sandbox.set_quirks(Quirks { search_lag: false, ..sandbox.quirks() });
    let contact = sandbox.crm_state().add_contact(lead);

    let arguments = ["--live", "practice.toml", "--explain", &contact];
    let told = stdout(&run(name, directory.path(), &arguments).await);
    assert_eq!(sandbox.practice().patient_ids().len(), 1, "{told}");
    assert!(told.contains("tagged_contact"), "{told}");
    assert!(told.contains(product), "{told}");

    // Once is once: the next run finds nothing to do, and the same explanation.
    let again = stdout(&run(name, directory.path(), &arguments).await);
    assert_eq!(sandbox.practice().patient_ids().len(), 1, "{again}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_service_makes_patients_of_tagged_contacts_and_explains_them() {
    makes_a_patient("nextech", nextech, "nxt create", "Nextech Select").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_service_makes_customers_of_patientnow_too() {
    makes_a_patient("patientnow", patientnow, "pnow-create", "PatientNow").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_service_makes_guests_of_zenoti_too() {
    makes_a_patient("zenoti", zenoti, "zenoti-create", "Zenoti").await;
}

#[tokio::test]
async fn listening_without_webhooks_to_hear_is_one_sentence() {
    let sandbox = sandbox().await;
    let crm = "the sections `[intake]` and `[aesthetix.webhooks]`";
    for (name, section, needs) in [
        ("nextech", nextech(&sandbox), crm.to_owned()),
        (
            "patientnow",
            patientnow(&sandbox),
            format!("the section `[patientnow.webhooks]`, or {crm}"),
        ),
        ("zenoti", zenoti(&sandbox), format!("the section `[zenoti.webhooks]`, or {crm}")),
    ] {
        let directory = folder(&sandbox, &section);
        let arguments = ["--live", "practice.toml", "--watch", "--listen", "127.0.0.1:0"];
        let output = run(name, directory.path(), &arguments).await;
        assert_eq!(
            String::from_utf8_lossy(&output.stderr).trim_end(),
            format!("error: `--listen` needs {needs} (config)")
        );
    }
}
