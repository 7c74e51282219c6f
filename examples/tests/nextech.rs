//! The program as people run it: what it prints where, and what it ends with.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// The compiled example; Cargo builds it before it runs the package's tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    profile.join("examples").join(format!("nextech{}", std::env::consts::EXE_SUFFIX))
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .current_dir(directory)
        .env_remove("RUST_LOG")
        .env_remove("NEXTECH_PASSWORD")
        .env_remove("CRM_TOKEN")
        .output()
        .unwrap()
}

/// The figures of a run that must have gone well and said nothing else.
fn figures(directory: &Path, arguments: &[&str]) -> Value {
    let output = run(directory, arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a run that must have failed says.
fn error(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8(output.stderr).unwrap().trim_end().to_owned()
}

/// What a run prints that must have gone well; there is no terminal, so no progress bar either.
fn text(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_second_run_on_the_same_store_does_nothing_new_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--patients", "4", "--db", "clinic.db"];
    let first = text(dir.path(), &arguments);
    let headline = first.lines().next().unwrap();
    assert!(headline.contains(" new events became ") && !headline.contains(" 0 "), "{headline}");
    let (_, notes) = first.split_once("\nNotes of contact ").unwrap();
    let contact = notes.split(' ').next().unwrap();

    let second = text(dir.path(), &[&arguments[..], &["--explain", contact]].concat());
    assert!(second.starts_with("Nothing new: every event of this practice was"), "{second}");
    assert!(second.contains("Surgery Scheduled"), "boards are shown from the store: {second}");
    assert!(second.contains(&format!("(contact {contact})")), "{second}");
    assert!(second.contains("A note “Appointment "), "{second}");
    let tables = second.lines().filter(|line| line.starts_with(['┌', '│', '└']));
    let widest = tables.map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?} columns: {second}");
}

#[test]
fn the_explanation_is_part_of_the_one_json_object() {
    let dir = tempfile::tempdir().unwrap();
    let arguments =
        ["--product", "practice-plus", "--patients", "4", "--db", "clinic.db", "--json"];
    let explain =
        |patient: &str| figures(dir.path(), &[&arguments[..], &["--explain", patient]].concat());
    let unknown = explain("nobody");
    for figure in ["new_events", "notes", "stage_moves"] {
        assert!(unknown[figure].as_u64() > Some(0), "{figure}: {unknown}");
    }
    let hint = unknown["explain"]["hint"].as_str().unwrap();
    assert!(hint.starts_with("No event of patient nobody has been seen."), "{hint}");
    let (_, example) = hint.split_once("for example ").unwrap();
    let patient = example.split([' ', '.']).next().unwrap();
    let known = explain(&patient.to_uppercase());
    assert_eq!(known["explain"]["patient"], patient);
    assert!(!known["explain"]["events"].as_array().unwrap().is_empty(), "{known}");
}

#[test]
fn a_store_that_is_none_ends_with_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("letter.txt"), "Dear patient, …").unwrap();
    assert_eq!(
        error(dir.path(), &["--db", "letter.txt"]),
        "error: letter.txt is not a Cannula store but another program's file; choose another file (config)"
    );
    assert_eq!(
        error(dir.path(), &["--db", "missing/clinic.db"]),
        "error: cannot open the store missing/clinic.db: its folder does not exist (storage)"
    );
}

#[test]
fn a_live_configuration_that_cannot_be_used_ends_with_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        error(dir.path(), &["--live", "nextech.toml"]),
        "error: cannot read nextech.toml: there is no such file (config)"
    );
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("nextech");
    for file in ["nextech.toml", "categories.csv"] {
        std::fs::copy(sample.join(file), dir.path().join(file)).unwrap();
    }
    assert_eq!(
        error(dir.path(), &["--live", "nextech.toml"]),
        "error: the configuration has 2 problems (config)
  nextech.password: the environment variable NEXTECH_PASSWORD is not set
  aesthetix.token: the environment variable CRM_TOKEN is not set"
    );
    assert!(!dir.path().join("practice.db").exists(), "nothing is made before all is right");
}
