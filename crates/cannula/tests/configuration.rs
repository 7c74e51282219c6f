//! The service's configuration file: what is wrong with it, all at once, one problem a line.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use cannula::{
    EmrSection, ServiceConfig,
    core::{ErrorKind, Named},
    nextech::NextechConfig,
    patientnow::PatientNowConfig,
    rules::{Category, RulesConfig, intake::IntakeConfig},
    zenoti::ZenotiConfig,
};

const CASES: &str = "tests/cases";

fn lookup(name: &str) -> Option<String> {
    ["NEXTECH_PASSWORD", "CRM_SECRET", "CRM_REFRESH"].contains(&name).then(|| "hush-hush".into())
}

fn parse(text: &str) -> cannula::core::Result<ServiceConfig<NextechConfig>> {
    ServiceConfig::parse(text, Path::new(CASES), &lookup)
}

fn case(name: &str) -> String {
    std::fs::read_to_string(Path::new(CASES).join(name)).unwrap()
}

/// The error's text; everything that is told to people comes from it.
fn told(text: &str) -> String {
    let error = parse(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[test]
fn a_right_file_sets_what_it_names_and_leaves_the_rest_to_the_defaults() {
    let config = parse(&case("right.toml")).unwrap();
    insta::assert_debug_snapshot!((config.store, config.rules, config.emr, config.aesthetix));
    let botox = [Named::new("Botox")];
    let category = config.categories.lookup("Treatment", &botox);
    assert_eq!(category, Some(Category::NonSurgicalAppointment));
}

#[test]
fn no_secret_is_printed() {
    let config = parse(&case("right.toml")).unwrap();
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    insta::assert_snapshot!(told(&case("everything_wrong.toml")));
}

#[test]
fn an_empty_file_is_told_what_it_must_hold() {
    insta::assert_snapshot!(told(""));
}

#[test]
fn a_document_that_is_not_there_is_named_with_its_key() {
    let text = case("right.toml").replace("categories.csv", "types.csv");
    insta::assert_snapshot!(told(&text));
}

#[test]
fn a_bad_zone_hides_no_other_problem_and_adds_none() {
    let text = case("right.toml").replace("America/Chicago", "Central Time");
    insta::assert_snapshot!(told(&text));
}

#[test]
fn what_is_not_toml_is_told_by_line_and_never_quoted() {
    for spoilt in ["token pit-hush", "token = pit-hush", "token = \"pit-hush"] {
        let text = told(&format!("[aesthetix]\nlocation_id = \"l\"\n{spoilt}\n"));
        assert!(text.starts_with("the configuration is not TOML at line 3: "), "{text}");
        assert!(!text.contains("hush"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn a_key_given_twice_is_told_by_line() {
    let text = told("[store]\nfile = \"a.db\"\nfile = \"b.db\"\n");
    assert_eq!(text, "the configuration is not TOML at line 3: duplicate key (config)");
}

#[test]
fn a_file_that_cannot_be_read_is_one_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let missing =
        ServiceConfig::<NextechConfig>::from_file(&dir.path().join("practice.toml")).unwrap_err();
    assert!(
        missing.message().ends_with("practice.toml: there is no such file"),
        "{}",
        missing.message()
    );
    let path = dir.path().join("latin.toml");
    std::fs::write(&path, b"[practice]\nzone = \"\xe9\"\n").unwrap();
    let latin = ServiceConfig::<NextechConfig>::from_file(&path).unwrap_err();
    assert!(latin.message().ends_with("latin.toml: it is not a text in UTF-8"), "{latin}");
}

#[test]
fn files_are_relative_to_the_configuration_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("categories.csv"), case("categories.csv")).unwrap();
    let text = case("right.toml").replace("env:", "");
    let path = dir.path().join("practice.toml");
    std::fs::write(&path, text).unwrap();
    let config = ServiceConfig::<NextechConfig>::from_file(&path).unwrap();
    assert_eq!(config.store.path, dir.path().join("practice.db"));
}

#[test]
fn a_store_with_a_key_needs_the_feature_that_encrypts_it() {
    let text = case("right.toml").replace("[store]", "[store]\nkey = \"env:CRM_SECRET\"");
    if cfg!(feature = "encryption") {
        let config = parse(&text).unwrap();
        assert_eq!(config.store.key.as_ref().unwrap().expose(), "hush-hush");
        assert!(!format!("{config:?}").contains("hush"));
    } else {
        let told = self::told(&text);
        assert!(
            told.contains("store.key: a store is encrypted only where Cannula was built"),
            "{told}"
        );
        assert!(!told.contains("hush"), "{told}");
    }
    let missing = self::told(&text.replace("CRM_SECRET", "NOPE"));
    assert!(missing.contains("store.key: the environment variable NOPE is not set"), "{missing}");
}

const INTAKE: &str = "\n[intake]\nfile = \"intake.db\"\n";

#[test]
fn a_practice_that_makes_patients_says_so_and_gets_its_products_tag() {
    let without = parse(&case("right.toml")).unwrap();
    assert!(without.intake.is_none());
    let select = parse(&(case("right.toml") + INTAKE)).unwrap().intake.unwrap();
    insta::assert_debug_snapshot!(select);
    let plus = case("right.toml")
        .replace("\"select\"", "\"practice-plus\"")
        .replace("username = \"api.user@example.test\"\n", "resource = \"api://partner\"\n")
        .replace("password", "client_secret");
    let plus = parse(&(plus + INTAKE)).unwrap().intake.unwrap();
    assert_eq!(plus.rules.tags, ["NXT-Create"]);
    assert_eq!(plus.rules.foreign_tags[0].tag, "NXT Create");
}

#[test]
fn webhooks_are_for_the_tags_of_the_intake() {
    let webhooks = "[aesthetix.webhooks]\nwindow_minutes = 30\n";
    let config = parse(&(case("right.toml") + INTAKE + webhooks)).unwrap();
    let webhooks_config = config.intake.unwrap().webhooks.unwrap();
    assert_eq!(webhooks_config.tags, ["NXT Create", "NXT-Create"]);
    assert_eq!(webhooks_config.window.as_secs(), 30 * 60);
    insta::assert_snapshot!(told(&(case("right.toml") + webhooks)));
}

#[test]
fn everything_wrong_with_an_intake_is_told_at_once() {
    let wrong = r#"
[intake]
tags = ["NXT Create", " "]
created_tag = "nxt create failed"
spelling = "loose"
[intake.fields]
location = "NXT Chart Number"
place = "Somewhere"
[aesthetix.webhooks]
window_minutes = 0
rsa_keys = ["not a key"]
"#;
    insta::assert_snapshot!(told(&(case("right.toml") + wrong)));
}

/// The smallest file of another EMR, with the intake.
fn other(section: &str) -> String {
    let text = case("right.toml");
    let rest = |name: &str| text.split_once(name).map(|(_, rest)| rest).unwrap();
    let aesthetix = rest("[aesthetix]");
    format!(
        r#"
[practice]
zone = "America/Chicago"
[store]
file = "practice.db"
[rules]
categories = "categories.csv"
{section}
[aesthetix]{aesthetix}
{INTAKE}
"#
    )
}

const PATIENTNOW: &str = r#"
[patientnow]
company_id = "12"
api_key = "env:NEXTECH_PASSWORD"
username = "apiuser"
password = "env:NEXTECH_PASSWORD"
start_from = 2031-05-01
"#;

const ZENOTI: &str = r#"
[zenoti]
api_key = "env:NEXTECH_PASSWORD"
center_id = "c-1"
"#;

#[test]
fn each_emr_brings_its_own_defaults() {
    fn defaults<E: EmrSection>(text: &str) -> (RulesConfig, IntakeConfig) {
        let config = ServiceConfig::<E>::parse(text, Path::new(CASES), &lookup).unwrap();
        (config.rules, config.intake.unwrap().rules)
    }
    insta::assert_debug_snapshot!(
        "patientnow_defaults",
        defaults::<PatientNowConfig>(&other(PATIENTNOW))
    );
    insta::assert_debug_snapshot!("zenoti_defaults", defaults::<ZenotiConfig>(&other(ZENOTI)));
}

#[test]
fn what_an_intake_sets_goes_before_the_defaults_of_its_emr() {
    let set = r#"tags = ["make-patient"]
failed_tag = "Not made"
[intake.fields]
location = "NXT Location"
"#;
    let text = other(PATIENTNOW) + set;
    let config =
        ServiceConfig::<PatientNowConfig>::parse(&text, Path::new(CASES), &lookup).unwrap();
    let rules = config.intake.unwrap().rules;
    assert_eq!(rules.tags, ["make-patient"]);
    assert_eq!((&*rules.created_tag, &*rules.failed_tag), ("PNow Created", "Not made"));
    assert_eq!(rules.fields.location, "NXT Location");
    assert_eq!(rules.fields.chart_number, "PNow Chart Number");
}

#[test]
fn an_intake_that_is_no_section_is_told_once() {
    let text = other(ZENOTI).replace("[intake]\nfile = \"intake.db\"", "");
    let text = format!("intake = true\n{text}");
    let error = ServiceConfig::<ZenotiConfig>::parse(&text, Path::new(CASES), &lookup).unwrap_err();
    let told = error.message().lines().filter(|line| line.trim().starts_with("intake"));
    assert_eq!(
        told.collect::<Vec<_>>(),
        ["  intake: must be a section, not true or false", "  intake.file: is missing"]
    );
}
