//! The composition of the README, run for real: both vendors in a sandbox, everything over HTTP.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::sync::Arc;

use cannula::{
    ServiceConfig,
    aesthetix::Aesthetix,
    core::{Clock, Result},
    http::SystemClock,
    nextech::{Nextech, NextechConfig},
    rules::Rules,
    sync::{CrmFlow, Engine, SqliteStore},
};
use cannula_sandbox::{Sandbox, SandboxConfig, practice::PracticeConfig};
use chrono::Days;

/// A sandbox whose practice has been open for twenty days.
async fn sandbox() -> Result<Sandbox> {
    let start = SystemClock.now() - Days::new(20);
    let practice = PracticeConfig::new(7, 12, 20, start);
    Sandbox::start(SandboxConfig::new(Arc::new(SystemClock), practice)).await
}

/// The configuration file that leads to a sandbox.
fn file(sandbox: &Sandbox) -> String {
    let (select, crm) = (&sandbox.access().nextech.select, &sandbox.access().crm);
    format!(
        r#"
        [practice]
        zone = "America/New_York"
        [store]
        file = "practice.db"
        [rules]
        categories = "categories.csv"
        [nextech]
        product = "select"
        practice_id = "{}"
        client_id = "{}"
        username = "{}"
        password = "env:NEXTECH_PASSWORD"
        resource = "{}"
        start_from = 2020-01-01
        base_url = "{}"
        token_url = "{}"
        [aesthetix]
        location_id = "{}"
        token = "env:CRM_TOKEN"
        base_url = "{}"
        "#,
        select.practice_id,
        select.client_id,
        select.username,
        select.resource,
        select.base_url,
        select.token_url,
        crm.location_id,
        crm.base_url,
    )
}

#[tokio::test]
async fn the_composition_of_the_readme_carries_a_practice_to_the_crm() {
    let sandbox = sandbox().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let document = sandbox.practice().categorization_csv();
    std::fs::write(dir.path().join("categories.csv"), document).unwrap();
    let access = sandbox.access().clone();
    let lookup = move |name: &str| match name {
        "NEXTECH_PASSWORD" => Some(access.nextech.select.password.clone()),
        "CRM_TOKEN" => Some(access.crm.private_token.clone()),
        _ => None,
    };
    let config =
        ServiceConfig::<NextechConfig>::parse(&file(&sandbox), dir.path(), &lookup).unwrap();

    let clock = Arc::new(SystemClock);
    let source = Arc::new(Nextech::new(config.emr, clock.clone()).unwrap());
    let sink = Arc::new(Aesthetix::new(config.aesthetix, clock.clone()).unwrap());
    let flow = CrmFlow::new(Rules::new(config.rules, config.categories), sink);
    let store = Arc::new(SqliteStore::open(config.store, "main").unwrap());
    let engine = Engine::new(source, flow, store, clock);

    engine.check().await.unwrap();
    let polled = engine.poll().await.unwrap();
    let drained = engine.drain().await.unwrap();
    assert!(polled.new > 0 && drained.done > 0, "{polled:?} {drained:?}");
    let notes: usize = sandbox.crm().contacts.iter().map(|contact| contact.notes.len()).sum();
    assert_eq!(notes as u64, drained.delivered["note"]);
}
