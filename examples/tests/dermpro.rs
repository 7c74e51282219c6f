//! The posting of a store's payments as people run it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::fs;

use serde_json::Value;
use support::{error, figures, text};

fn with_status<'a>(figures: &'a Value, status: &str) -> Vec<&'a Value> {
    let orders = figures["orders"].as_array().unwrap().iter();
    orders.filter(|order| order["status"] == status).collect()
}

#[test]
fn orders_are_posted_and_what_staff_decide_is_posted_too() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = figures("dermpro", folder, &["--json", "--customers", "16"]);
    let synced = with_status(&first, "synced");
    assert!(synced.len() > 20, "{}", first["counts"]);
    assert!(synced.iter().all(|order| order["payments"][0]["row"].is_string()));
    let duplicated = with_status(&first, "not-synced");
    let duplicated = duplicated.iter().find(|it| it["candidates"].as_array().is_some());
    let order = duplicated.unwrap()["order"].as_str().unwrap();
    let patient = duplicated.unwrap()["candidates"][0]["patient"].as_str().unwrap();

    let decision = format!("{order}={patient}");
    let arguments = [
        "--json",
        "--customers",
        "16",
        "--resolve",
        &decision,
        "--report",
        "month",
        "--date",
        "2026-02-20",
        "--csv",
        "month.csv",
    ];
    let resolved = figures("dermpro", folder, &arguments);
    let synced_now = with_status(&resolved, "synced");
    let theirs = synced_now.iter().find(|it| it["order"] == order).unwrap();
    assert_eq!(theirs["patient"], patient);
    assert!(resolved["report"]["total"]["captured"].is_string());
    assert_eq!(resolved["report"]["from"], "2026-02-01");
    let csv = fs::read_to_string(folder.join("month.csv")).unwrap();
    assert!(csv.starts_with("row,date,tender,captured,tax,"), "{csv}");
    assert!(csv.lines().any(|line| line.starts_with("sum,")), "{csv}");
}

#[test]
fn a_dry_run_shows_what_would_be_posted_and_only_what_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--dry-run", "--customers", "8", "--status", "synced"];
    let said = text("dermpro", folder.path(), &arguments);
    assert!(said.starts_with("A dry run over "), "{said}");
    assert!(said.contains("would-be-row-1"), "{said}");
    assert!(!said.contains("Duplicated customer"), "{said}");
    let arguments = ["--json", "--dry-run", "--customers", "8", "--product", "practice-plus"];
    let json = figures("dermpro", folder.path(), &arguments);
    assert_eq!(json["dry_run"], true);
    assert!(!with_status(&json, "synced").is_empty());
}

#[test]
fn what_cannot_be_done_ends_with_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let said = error("dermpro", folder.path(), &["--customers", "1", "--resolve", "17=new"]);
    assert_eq!(said, "error: order 17 is not known (not-found)");
    let said = error("dermpro", folder.path(), &["--live", "none.toml"]);
    assert_eq!(said, "error: cannot read none.toml: there is no such file (config)");
}
