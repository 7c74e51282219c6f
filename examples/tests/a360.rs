//! The patient search as people run it, a process a command on one local list.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{error, figures, run, text};

/// Nova Marar, whom the index does not know yet.
const NOVA: &str = "BCpVF8wexkO21HrB61k4";

fn json(folder: &Path, arguments: &[&str]) -> Value {
    figures("a360", folder, &[arguments, &["--json"]].concat())
}

fn contacts(found: &Value) -> Vec<&str> {
    let contacts = found["contacts"].as_array().unwrap().iter();
    contacts.map(|hit| hit["contact"]["id"].as_str().unwrap()).collect()
}

#[test]
fn the_commands_of_the_documentation_end_as_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let said = |arguments: &[&str]| text("a360", folder, arguments);
    assert!(said(&["list"]).contains("the integration with the CRM is off"));
    assert_eq!(json(folder, &["search", "mara"])["scope"], "local", "it is off");
    assert!(said(&["enable"]).contains("The CRM answers."));
    assert!(said(&["list"]).contains("That is normal after enabling"));
    for (name, count) in [("mara", 3), ("O'Neil", 1), ("Smith-Jones", 1), ("Núñez", 1)] {
        assert_eq!(contacts(&json(folder, &["search", name])).len(), count, "{name}");
    }
    assert_eq!(contacts(&json(folder, &["search", "nova"])), [""; 0]);
    assert_eq!(contacts(&json(folder, &["search", NOVA])), [NOVA]);
    assert!(said(&["search", "nova"]).contains("in the last 20 s"));
    assert!(said(&["select", NOVA]).starts_with("Patient p1: created."));
    assert_eq!(json(folder, &["select", NOVA])["action"], "unchanged");
    assert!(said(&["list", "--linked"]).contains("Nova Marar"));

    said(&["add", "Omar", "Reyes", "1966-01-02", "--detail", "Title=Dr"]);
    let omar = json(folder, &["search", "reyes", "--with-local"]);
    assert_eq!(omar["patients"][0]["details"]["Title"], "Dr");
    let id = contacts(&omar)[0];
    let asked = json(folder, &["select", id]);
    assert_eq!(
        (&asked["ended"], &asked["question"]["same_name"][0]),
        (&"ask".into(), &"p2".into())
    );
    assert_eq!(json(folder, &["select", id, "--is", "p2"])["action"], "linked");
    assert!(said(&["audit", "p2"]).contains("taken from the CRM"));

    assert!(said(&["enable", "--push", "--refresh"]).contains("Pushing patients is on"));
    said(&["add", "Zoe", "Marsh", "1990-01-01", "--phone", "918-555-0177"]);
    assert_eq!(json(folder, &["push", "p3"])["ended"], "created");
    // Each command makes its CRM anew, without what was pushed.
    let refreshed = json(folder, &["refresh"]);
    assert_eq!((&refreshed["unchanged"], &refreshed["broken"][0]["id"]), (&2.into(), &"p3".into()));
    assert_eq!(json(folder, &["list", "--broken"])["patients"].as_array().unwrap().len(), 1);
    assert!(said(&["disable"]).contains("Searches find the local list."));
    assert!(said(&["search", "marar"]).starts_with("1 patient in the local list."));
}

#[test]
fn machines_are_told_of_errors_in_json() {
    let folder = tempfile::tempdir().unwrap();
    let run = run("a360", folder.path(), &["select", NOVA, "--json"]);
    assert_eq!(run.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&told["ended"], &told["kind"]), (&"error".into(), &"unsupported".into()));
    assert!(told["error"].as_str().unwrap().contains("enable it first"), "{told}");
}

#[test]
fn what_cannot_be_done_is_said_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| error("a360", folder.path(), arguments);
    assert_eq!(
        refused(&["select", NOVA]),
        "error: a360: the integration with the CRM is off; enable it first (unsupported)"
    );
    assert!(refused(&["enable", "--role", "doctor"]).contains("only an administrator"));
    assert!(refused(&["add", "A", "B", "--role", "reader"]).contains("you may not edit"));
    assert!(refused(&["add", "A", "B"]).contains("the birth date is missing"));
    assert!(refused(&["search", "mara", "--linked"]).contains("clear one of them"));
    assert!(refused(&["audit", "p9", "--role", "reader"]).contains("who may edit patients"));
    assert!(refused(&["audit", "p9"]).contains("no such patient"));
    assert!(refused(&["status", "--access", "nowhere.json"]).contains("cannot read nowhere.json"));
    assert!(refused(&["status", "--live", "a360.toml"]).contains("cannot read a360.toml"));
}
