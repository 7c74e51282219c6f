//! The dependency rules of `docs/ARCHITECTURE.md`, read from `cargo metadata`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// Every package of the workspace, as cargo sees it.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    metadata["packages"].as_array().expect("packages is a list").clone()
}

/// The normal (not dev, not build) dependencies of every workspace crate.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    packages()
        .iter()
        .map(|package| {
            let normal = package["dependencies"]
                .as_array()
                .expect("dependencies is a list")
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().unwrap_or_default().to_owned())
                .collect();
            (package["name"].as_str().unwrap_or_default().to_owned(), normal)
        })
        .collect()
}

/// The workspace crates a crate may depend on; a crate not listed here fails the test.
fn allowed(name: &str) -> Option<&'static [&'static str]> {
    Some(match name {
        "cannula-core" => &[],
        "cannula-rules" | "cannula-http" => &["cannula-core"],
        "cannula-nextech" | "cannula-patientnow" | "cannula-zenoti" | "cannula-dermpro"
        | "cannula-aesthetix" => &["cannula-core", "cannula-http"],
        "cannula-sync" | "cannula-a360" => &["cannula-core", "cannula-rules"],
        "cannula-sandbox" => &["cannula-core", "cannula-http"],
        "cannula-testkit" => &["cannula-core", "cannula-rules", "cannula-sync", "cannula-a360"],
        "cannula" => &[
            "cannula-core",
            "cannula-rules",
            "cannula-http",
            "cannula-nextech",
            "cannula-patientnow",
            "cannula-zenoti",
            "cannula-dermpro",
            "cannula-aesthetix",
            "cannula-sync",
            "cannula-a360",
        ],
        "cannula-examples" | "cannula-tests" => return None,
        other => panic!("say in this test what {other} may depend on"),
    })
}

#[test]
fn crates_depend_only_on_what_the_architecture_allows() {
    for (name, dependencies) in dependencies() {
        let Some(allowed) = allowed(&name) else { continue };
        for dependency in dependencies.iter().filter(|it| it.starts_with("cannula")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not use {dependency}");
        }
    }
}

#[test]
fn core_and_rules_know_neither_a_runtime_nor_http() {
    let dependencies = dependencies();
    for name in ["cannula-core", "cannula-rules"] {
        for banned in ["tokio", "reqwest", "hyper", "axum", "rusqlite"] {
            assert!(!dependencies[name].contains(banned), "{name} uses {banned}");
        }
    }
}

#[test]
fn every_crate_inherits_the_lints_that_forbid_unsafe_code() {
    let text = |path: &str| fs::read_to_string(path).expect("a manifest can be read");
    let workspace = text(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    let lints = workspace.split_once("\n[workspace.lints.rust]\n").expect("there are lints").1;
    let lints = lints.split("\n[").next().unwrap_or_default();
    assert!(lints.lines().any(|line| line == "unsafe_code = \"forbid\""), "{lints}");
    for package in packages() {
        let manifest = package["manifest_path"].as_str().expect("a package has a manifest");
        assert!(text(manifest).contains("\n[lints]\nworkspace = true\n"), "{manifest}");
    }
}

/// The one reader of answers and the one of deliveries bound what they read, and have tests of that.
#[test]
fn bodies_from_outside_are_read_in_two_places() {
    for (name, dependencies) in dependencies() {
        let plays_vendor = ["cannula-sandbox", "cannula-testkit", "cannula-tests"];
        if plays_vendor.contains(&name.as_str()) {
            continue;
        }
        for (library, reader) in [("reqwest", "cannula-http"), ("axum", "cannula-sync")] {
            let serves = library == "axum" && name == "cannula-examples";
            let reads = dependencies.contains(library) && !serves;
            assert!(
                !reads || name == reader,
                "{name} uses {library}; {reader} bounds what it reads"
            );
        }
    }
}

/// A further EMR, store or CRM changes no line of these but data and documentation.
#[test]
fn core_rules_and_engine_know_no_vendor_by_name() {
    const VENDORS: [&str; 8] =
        ["nextech", "patientnow", "zenoti", "dermpro", "magento", "aesthetix", "highlevel", "a360"];
    for name in ["core", "rules", "sync"] {
        let root = format!("{}/../crates/cannula-{name}/src", env!("CARGO_MANIFEST_DIR"));
        let files = sources(root.as_ref());
        assert!(files.len() > 10, "{root}");
        for file in files {
            let text = fs::read_to_string(&file).expect("a source file can be read");
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for (number, line) in (1..).zip(code) {
                let known = VENDORS.iter().find(|vendor| line.to_lowercase().contains(**vendor));
                assert_eq!(known, None, "{}, code line {number}: {line}", file.display());
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of sources can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
