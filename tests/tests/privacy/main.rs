//! What is personal or secret reaches vendors and the store, and nothing that people or machines
//! read elsewhere: no log line of any library, no error, no `Debug`, no report, no panic.
//!
//! A new flow is one line in [`flows!`].

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, here after telling where"
)]

mod canary;
mod doors;
mod listening;
mod office;
mod parts;
mod people;
mod proxy;
mod said;
mod scene;
mod trouble;

use std::collections::BTreeSet;

use cannula_sandbox::practice::Product;
use cannula_tests::Emr;

use crate::{
    canary::Canaries,
    listening::Listening,
    said::Said,
    scene::{Flow, Scene},
    trouble::Trouble,
};

/// Makes a module of tests of each flow, one for each trouble.
macro_rules! flows {
    ($($name:ident: $flow:expr;)*) => {$(
        flows! { @of $name: $flow;
            all_goes_well: Nothing,
            vendors_fail: Faults,
            the_emr_refuses_the_credentials: EmrRefuses,
            the_crm_or_the_store_refuses_the_credentials: OtherRefuses,
            vendors_repeat_in_errors_what_they_were_sent: Echoes,
            answers_have_the_wrong_shape: Mangles,
            there_is_a_bug_in_the_sink: Panics,
        }
    )*};
    (@of $name:ident: $flow:expr; $($test:ident: $trouble:ident,)*) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    nothing_gets_out($flow, Trouble::$trouble).await;
                }
            )*
        }
    };
}

flows! {
    visits_nextech_select: Flow::Visits(Emr::Nextech(Product::Select));
    visits_nextech_practice_plus: Flow::Visits(Emr::Nextech(Product::PracticePlus));
    visits_patientnow: Flow::Visits(Emr::PatientNow);
    visits_zenoti: Flow::Visits(Emr::Zenoti);
    visits_zenoti_with_tokens: Flow::VisitsWithTokens;
    intake_nextech_select: Flow::Intake(Emr::Nextech(Product::Select));
    intake_nextech_practice_plus: Flow::Intake(Emr::Nextech(Product::PracticePlus));
    intake_patientnow: Flow::Intake(Emr::PatientNow);
    intake_zenoti: Flow::Intake(Emr::Zenoti);
    posting_nextech_select: Flow::Posting(Product::Select);
    posting_nextech_practice_plus: Flow::Posting(Product::PracticePlus);
}

// No EMR takes part.
flows! { @of patient_search: Flow::PatientSearch;
    all_goes_well: Nothing,
    the_crm_fails: Faults,
    the_crm_refuses_the_credentials: OtherRefuses,
    the_crm_repeats_in_errors_what_it_was_sent: Echoes,
    answers_have_the_wrong_shape: Mangles,
    there_is_a_bug_in_the_list: Panics,
}

async fn nothing_gets_out(flow: Flow, trouble: Trouble) {
    let listening = Listening::start();
    let scene = Scene::open(flow, trouble).await;
    let mut said = Said::default();
    scene.play(&mut said).await;
    scene.assert_played(&said);
    let canaries = scene.canaries();
    if trouble == Trouble::Nothing {
        // What did not pass proves nothing by not being found.
        insta::assert_snapshot!(format!("{flow:?}"), scene.passed(&canaries));
    }
    let said = canaries.in_text(said.text());
    let logged = canaries.in_text(&listening.heard());
    // Not in the panic's message, which is heard by all that run beside.
    for leak in &said {
        eprintln!("SAID of {flow:?}, {trouble:?}: {leak}");
    }
    for leak in &logged {
        eprintln!("LOGGED during {flow:?}, {trouble:?}: {leak}");
    }
    assert_eq!((said.len(), logged.len()), (0, 0), "see above");
}

/// The snapshots say what passed; here is what cannot: keys that only sign, and what is wrong.
#[tokio::test]
async fn each_canary_passes_in_a_flow() {
    const NEVER: [&str; 5] = [
        "PatientNow webhook secret",
        "Zenoti webhook secret",
        "store's consumer secret",
        "store's token secret",
        "mistyped credential",
    ];
    let snapshots = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/privacy/snapshots");
    let snapshots = std::fs::read_dir(snapshots).unwrap();
    let passed: String =
        snapshots.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap()).collect();
    let passed: BTreeSet<_> =
        passed.lines().filter_map(|line| Some(line.split_once(": ")?.1)).collect();
    let scene = Scene::open(Flow::PatientSearch, Trouble::Panics).await;
    let unseen: Vec<_> =
        scene.canaries().kinds().filter(|it| !passed.contains(it) && !NEVER.contains(it)).collect();
    assert_eq!(unseen, [""; 0]);
}

#[test]
fn the_search_finds_a_canary_however_it_is_written() {
    let mut canaries = Canaries::default();
    canaries.add("name", "Zoë O’Quillwren");
    canaries.add("e-mail", "quagga+bloom@example.test");
    canaries.add("phone", "646-555-7391");
    for text in [
        "a Zoë O’Quillwren b",
        "zoë o’quillwren",
        r#"{"n":"Zo\u00eb O\u2019Quillwren"}"#,
        "?q=Zo%C3%AB%20O%E2%80%99Quillwren&x",
        "?q=Zo%c3%ab+O%e2%80%99Quillwren",
        "x-Wm_DqyBP4oCZUXVpbGx3cmVu", // base64, URL-safe, of “Zoë O’Quillwren” after “\xc7”
    ] {
        let found = canaries.in_text(text);
        assert!(found.iter().any(|it| it.starts_with("name")), "{text}");
    }
    for text in ["mailto:QUAGGA%2BBLOOM@EXAMPLE.TEST", "quagga+bloom%40example.test"] {
        assert!(canaries.in_text(text)[0].starts_with("e-mail"), "{text}");
    }
    for text in ["+16465557391", "(646) 555-7391", "phone=646.555.7391;"] {
        assert!(canaries.in_text(text)[0].starts_with("phone"), "{text}");
    }
    let innocent = "2026-03-02T10:00 Zoe bloom 646 555 7392 quagga@example.test";
    assert_eq!(canaries.in_text(innocent), [""; 0]);
}

#[test]
fn the_log_hears_every_library_at_every_level_and_panics() {
    let listening = Listening::start();
    tracing::trace!(target: "hyper::client", canary = "canary-field", "canary-message");
    let span = tracing::trace_span!("a span", canary = "canary-span");
    span.in_scope(|| tracing::error!("inside"));
    let panicked = std::thread::spawn(|| panic!("canary-panic")).join();
    assert!(panicked.is_err());
    let heard = listening.heard();
    for text in ["canary-field", "canary-message", "canary-span", "canary-panic"] {
        assert!(heard.contains(text), "{text} not in {heard}");
    }
}
