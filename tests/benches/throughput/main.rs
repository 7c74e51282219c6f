//! `cargo bench`: what the parts cost, side by side in one run.
//!
//! Nothing here passes or fails; the figures are for people. The sandbox and each end-to-end run
//! are processes of their own (this program, started again with a role), so that peak memory is
//! that of the run alone.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark measures, prints, and may fail loudly"
)]

mod bare;
mod roles;

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use cannula::{
    core::{Event, RecordKind, Subject},
    nextech::{self, PageParser},
    rules::PersonState,
};
use cannula_sandbox::practice::{Product, ZONE};
use cannula_tests::{World, WorldConfig};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// How long each of the in-process loops runs.
const LOOP: Duration = Duration::from_secs(2);

fn main() {
    cannula::http::install_tls_provider();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if runtime.block_on(roles::play()) {
        return;
    }
    println!("Everything below was measured in this one run, on this machine.\n");
    runtime.block_on(async {
        decisions().await;
        parsing().await;
    });
    for patients in [1_300, 13_000] {
        end_to_end(patients);
    }
}

fn line(what: &str, figure: String) {
    println!("{what:<56} {figure:>30}");
}

/// Every event of a practice, one at a time, each person's state carried along.
async fn decisions() {
    let world = World::start(WorldConfig::new(1, 300, 90, Product::Select)).await.unwrap();
    let rules = world.rules();
    let mut people = BTreeMap::<Subject, Vec<(DateTime<Utc>, Event)>>::new();
    for (at, event) in world.sandbox.practice().history(Product::Select) {
        if let Some(subject) = event.subject() {
            people.entry(subject).or_default().push((at, event));
        }
    }
    let (started, mut decided) = (Instant::now(), 0_u64);
    while started.elapsed() < LOOP {
        for events in people.values() {
            let mut state = PersonState::default();
            for (at, event) in events {
                let plan = rules.decide(state, std::slice::from_ref(event), *at);
                black_box(&plan.effects);
                state = plan.state;
                decided += 1;
            }
        }
    }
    let rate = decided as f64 / started.elapsed().as_secs_f64();
    line("rules: decisions, one event at a time", format!("{rate:.0} /s"));
}

/// A page of each product, parsed and mapped to events with their ids, beside `Value` alone.
async fn parsing() {
    for (product, name) in [(Product::Select, "Select"), (Product::PracticePlus, "Practice+")] {
        let world = World::start(WorldConfig::new(2, 300, 90, product)).await.unwrap();
        let now = world.pass(Duration::from_secs(80 * 86_400));
        let page = bare::page(world.sandbox.access(), product).await;
        let value = throughput(&page, || {
            black_box(serde_json::from_slice::<Value>(&page).unwrap());
        });
        let product = match product {
            Product::Select => nextech::Product::Select,
            Product::PracticePlus => nextech::Product::PracticePlus,
        };
        let parser = PageParser::new(product, "practice".into(), ZONE);
        let ours = throughput(&page, || {
            black_box(parser.parse(RecordKind::Appointment, &page, now).unwrap());
        });
        line(&format!("{name} page: serde_json::Value"), format!("{value:.0} MB/s"));
        line(
            &format!("{name} page: parsed and mapped to events"),
            format!("{ours:.0} MB/s ({:.2} ×)", ours / value),
        );
    }
}

fn throughput(page: &[u8], mut parse: impl FnMut()) -> f64 {
    let (started, mut pages) = (Instant::now(), 0_u64);
    while started.elapsed() < LOOP {
        parse();
        pages += 1;
    }
    page.len() as f64 * pages as f64 / started.elapsed().as_secs_f64() / 1e6
}

/// The whole way against a sandbox process, beside a bare loop that makes the same calls.
fn end_to_end(patients: u32) {
    let engine = roles::measure("engine", patients, None);
    let bare = roles::measure("bare", patients, Some(&engine));
    println!();
    line("events, from Nextech to the CRM", engine.events.to_string());
    line("engine: events", format!("{:.0} /s", engine.events as f64 / engine.seconds));
    line(
        "engine: HTTP calls",
        format!(
            "{} ({:.2} per event)",
            engine.total(),
            engine.total() as f64 / engine.events as f64
        ),
    );
    line("engine: seconds", format!("{:.2} ({:.2} to read)", engine.seconds, engine.reading));
    line("engine: calls", format!("{:.0} /s", engine.rate()));
    line("engine: calls, once it delivers", format!("{:.0} /s", engine.delivering()));
    line("engine: peak memory", format!("{:.0} MB", engine.peak_mb));
    line("bare reqwest loop, the same calls", format!("{:.0} /s", bare.rate()));
    line("bare reqwest loop: peak memory", format!("{:.0} MB", bare.peak_mb));
    line("engine ÷ bare loop, calls per second", format!("{:.2}", engine.rate() / bare.rate()));
}
