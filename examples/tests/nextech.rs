//! The program of the EMR that is polled.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use support::{error, explained, lacks_secrets, twice};

#[test]
fn a_second_run_on_the_same_store_does_nothing_new_and_says_so() {
    let [_, second] = twice("nextech", "4");
    assert!(second.contains("A note “Appointment "), "{second}");
}

#[test]
fn the_explanation_is_part_of_the_one_json_object() {
    let [figures, _] = explained("nextech", &["--product", "practice-plus"]);
    assert_eq!(figures["webhooks"], 0);
}

#[test]
fn a_store_that_is_none_ends_with_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("letter.txt"), "Dear patient, …").unwrap();
    assert_eq!(
        error("nextech", dir.path(), &["--db", "letter.txt"]),
        "error: letter.txt is not a Cannula store but another program's file, or it is encrypted; choose another file, or give its key (config)"
    );
    assert_eq!(
        error("nextech", dir.path(), &["--db", "missing/clinic.db"]),
        "error: cannot open the store missing/clinic.db: its folder does not exist (storage)"
    );
}

#[test]
fn a_live_configuration_that_cannot_be_used_ends_with_what_is_wrong() {
    lacks_secrets(
        "nextech",
        &[("nextech.password", "NEXTECH_PASSWORD"), ("aesthetix.token", "CRM_TOKEN")],
    );
}
