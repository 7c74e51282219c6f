//! What a person got wrong, or what is not there, is told at the start: whole, and with what
//! would be right. (The configuration file's own problems: `crates/cannula/tests`; files that are
//! no store: `crates/cannula-sync/tests`; the program's exit code: `examples/tests`.)

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{net::TcpListener, sync::Arc};

use cannula::{
    aesthetix::{self, Aesthetix},
    core::{EmrSource, ErrorKind, Result, Secret},
    nextech::{self, Nextech},
    rules::{Categories, Rules, RulesConfig},
    sync::{CrmFlow, Engine, SqliteStore},
};
use cannula_sandbox::{
    Sandbox, SandboxConfig, Vendor,
    practice::{Product, ZONE},
};
use cannula_tests::{World, WorldConfig, aesthetix_config, nextech_config};

async fn world() -> World {
    World::start(WorldConfig::empty(Product::Select)).await.unwrap()
}

/// What `check` says of a service with these parts.
async fn told(
    world: &World,
    source: Arc<dyn EmrSource>,
    rules: Rules,
    sink: Arc<Aesthetix>,
) -> cannula::core::Error {
    let store = Arc::new(SqliteStore::in_memory("main").unwrap());
    let engine: Result<Engine<CrmFlow>> = world.engine_of(source, rules, sink, store);
    engine.unwrap().check().await.unwrap_err()
}

/// An address of this machine at which nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[tokio::test]
async fn names_that_the_crm_does_not_have_are_told_at_once_with_key_and_nearest_name() {
    let world = world().await;
    let mut config = RulesConfig::new(ZONE);
    config.surgical.name = "Surgery Lead to Patient".to_owned();
    config.non_surgical.booked = "Bookd".to_owned();
    config.non_surgical.patient = "Treated".to_owned();
    config.fields.next_visit_date = "Next visit date".to_owned();
    config.fields.birthday = "A field to be created".to_owned();
    let rules = Rules::new(config, Categories::default());
    let error = told(&world, world.source().unwrap(), rules, world.sink().unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(
        error.to_string(),
        "what the rules need of the CRM has 4 problems (config)
  rules.fields.next_visit_date: the CRM spells the field “Next visit date” as “Next Visit Date”
  rules.pipelines.surgical.name: the CRM has no pipeline “Surgery Lead to Patient”; did you mean “Surgery: Lead 2 Patient”?
  rules.pipelines.non_surgical.booked: the CRM has no stage “Bookd”; did you mean “Booked”?
  rules.pipelines.non_surgical.patient: the CRM has no stage “Treated”; it has “New Lead”, “Replied”, “Booked”, “Consult Completed”, “Patient”, “Cancelled / No-Show”"
    );
    let calls = world.sandbox.calls(Vendor::Crm);
    assert!(calls.keys().all(|call| call.starts_with("GET ")), "nothing is created: {calls:?}");
}

#[tokio::test]
async fn an_emr_that_is_down_is_one_sentence_with_its_address() {
    let world = world().await;
    let address = nobody();
    let mut config =
        nextech_config(world.sandbox.access(), Product::Select, world.config.practice.start)
            .unwrap();
    config.token_url = format!("http://{address}/tenant/token").parse().unwrap();
    let source = Arc::new(Nextech::new(config, world.clock.clone()).unwrap());
    let error = told(&world, source, world.rules(), world.sink().unwrap()).await;
    assert_eq!(
        error.to_string(),
        format!(
            "nextech-select: get token: cannot connect to {address}, which refuses the connection; check the configured address and the network (connection, attempts=4)"
        )
    );
}

#[tokio::test]
async fn a_crm_that_is_down_is_one_sentence_with_its_address() {
    let world = world().await;
    let address = nobody();
    let mut config = aesthetix_config(world.sandbox.access()).unwrap();
    config.base_url = format!("http://{address}/crm").parse().unwrap();
    let sink = Arc::new(Aesthetix::new(config, world.clock.clone()).unwrap());
    let error = told(&world, world.source().unwrap(), world.rules(), sink).await;
    assert_eq!(
        error.to_string(),
        format!(
            "aesthetix: list pipelines: cannot connect to {address}, which refuses the connection; check the configured address and the network (connection, attempts=4)"
        )
    );
}

#[tokio::test]
async fn credentials_that_are_refused_name_the_vendor_and_never_themselves() {
    let world = world().await;
    let mut config =
        nextech_config(world.sandbox.access(), Product::Select, world.config.practice.start)
            .unwrap();
    if let nextech::Credentials::Password { password, .. } = &mut config.credentials {
        *password = Secret::new("hush-hush");
    }
    let source = Arc::new(Nextech::new(config, world.clock.clone()).unwrap());
    let error = told(&world, source, world.rules(), world.sink().unwrap()).await;
    assert_eq!(error.kind(), ErrorKind::Auth);
    let text = error.to_string();
    assert!(text.starts_with("nextech-select: ") && !text.contains("hush"), "{text}");

    let mut config = aesthetix_config(world.sandbox.access()).unwrap();
    config.credentials = aesthetix::Credentials::PrivateToken(Secret::new("hush-hush"));
    let sink = Arc::new(Aesthetix::new(config, world.clock.clone()).unwrap());
    let error = told(&world, world.source().unwrap(), world.rules(), sink).await;
    assert_eq!(error.kind(), ErrorKind::Auth);
    let text = error.to_string();
    assert!(text.starts_with("aesthetix: ") && !text.contains("hush"), "{text}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_one_sentence() {
    let world = world().await;
    let config = SandboxConfig::new(world.clock.clone(), world.config.practice);
    let address = world.sandbox.address();
    let error = Sandbox::start(SandboxConfig { listen: address, ..config }).await.unwrap_err();
    assert_eq!(
        error.message(),
        format!("the address {address} is already taken; port 0 takes a free one")
    );
}
