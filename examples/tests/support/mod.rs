//! The programs as people run them: what they print where, and what they end with.

#![allow(dead_code, reason = "each test program uses its part")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// A compiled example; Cargo builds them before it runs the package's tests.
pub(crate) fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

pub(crate) fn run(name: &str, directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program(name));
    for secret in ["RUST_LOG", "NEXTECH_PASSWORD", "CRM_TOKEN"] {
        command.env_remove(secret);
    }
    command.args(arguments).current_dir(directory).output().unwrap()
}

/// What a run prints that must have gone well and said nothing else; there is no terminal, so no
/// progress bar either.
pub(crate) fn text(name: &str, directory: &Path, arguments: &[&str]) -> String {
    let output = run(name, directory, arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

/// The figures of such a run.
pub(crate) fn figures(name: &str, directory: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&text(name, directory, arguments)).unwrap()
}

/// What a run that must have failed says.
pub(crate) fn error(name: &str, directory: &Path, arguments: &[&str]) -> String {
    let output = run(name, directory, arguments);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8(output.stderr).unwrap().trim_end().to_owned()
}

/// Runs a program twice on one store: the second time it has nothing to do, says so, and explains
/// the contact of whom the first run shows the notes. Returns what each run printed.
pub(crate) fn twice(name: &str, patients: &str) -> [String; 2] {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--patients", patients, "--db", "clinic.db"];
    let first = text(name, dir.path(), &arguments);
    let headline = first.lines().next().unwrap();
    assert!(headline.contains(" new events"), "{headline}");
    assert!(headline.contains(" became ") && !headline.contains(" 0 "), "{headline}");
    let (_, notes) = first.split_once("\nNotes of contact ").unwrap();
    let contact = notes.split(' ').next().unwrap();

    let second = text(name, dir.path(), &[&arguments[..], &["--explain", contact]].concat());
    assert!(second.starts_with("Nothing new: every event of this practice was"), "{second}");
    assert!(second.contains("Surgery Scheduled"), "boards are shown from the store: {second}");
    assert!(second.contains(&format!("(contact {contact})")), "{second}");
    let tables = second.lines().filter(|line| line.starts_with(['┌', '│', '└']));
    let widest = tables.map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?} columns: {second}");
    [first, second]
}

/// Runs a program for its figures, and once more on the same store to explain a patient whom the
/// first run names. Returns the figures of both.
pub(crate) fn explained(name: &str, more: &[&str]) -> [Value; 2] {
    let dir = tempfile::tempdir().unwrap();
    let arguments = [more, &["--patients", "4", "--db", "clinic.db", "--json"]].concat();
    let explain = |patient: &str| {
        figures(name, dir.path(), &[&arguments[..], &["--explain", patient]].concat())
    };
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
    [unknown, known]
}

/// The sample configuration in a folder of its own is refused for these secrets alone.
pub(crate) fn lacks_secrets(name: &str, secrets: &[(&str, &str)]) {
    let dir = tempfile::tempdir().unwrap();
    let file = format!("{name}.toml");
    let live = ["--live", &file];
    assert_eq!(
        error(name, dir.path(), &live),
        format!("error: cannot read {file}: there is no such file (config)")
    );
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    for file in [&*file, "categories.csv"] {
        std::fs::copy(sample.join(file), dir.path().join(file)).unwrap();
    }
    let lines = secrets.iter().map(|(key, variable)| {
        format!("\n  {key}: the environment variable {variable} is not set")
    });
    let lines: String = lines.collect();
    assert_eq!(
        error(name, dir.path(), &live),
        format!("error: the configuration has {} problems (config){lines}", secrets.len())
    );
    assert!(!dir.path().join("practice.db").exists(), "nothing is made before all is right");
}
