//! The sample configuration is a right one, and the defaults it shows are the defaults.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use cannula::ServiceConfig;

const SAMPLE: &str = include_str!("../nextech/nextech.toml");

fn lookup(name: &str) -> Option<String> {
    ["NEXTECH_PASSWORD", "CRM_TOKEN"].contains(&name).then(|| "made up".to_owned())
}

fn read(text: &str) -> String {
    let config = ServiceConfig::parse(text, Path::new("nextech"), &lookup).unwrap();
    assert!(config.categories.lookup("Surgical Consult", &[]).is_some());
    // The document's rows have no order of their own.
    let ServiceConfig { store, rules, nextech, aesthetix, .. } = config;
    format!("{:#?}", (store, rules, nextech, aesthetix))
}

/// The sample with every `#key = default` in force.
fn with_defaults_spelled_out() -> String {
    let spell_out = |line: &str| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => {
            setting.to_owned()
        }
        _ => line.to_owned(),
    };
    SAMPLE.lines().map(spell_out).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sample_is_a_right_configuration() {
    read(SAMPLE);
}

#[test]
fn the_defaults_that_the_sample_shows_are_the_defaults() {
    let spelled_out = with_defaults_spelled_out();
    let settings = |text: &str| text.lines().filter(|line| line.contains(" = ")).count();
    assert!(spelled_out.lines().count() > 40 && settings(&spelled_out) >= settings(SAMPLE));
    assert_eq!(read(&spelled_out), read(SAMPLE));
}

/// The sections that a practice adds on purpose, as if it had.
fn with_the_intake() -> String {
    let (sample, intake) = SAMPLE.split_once("#   [intake]").unwrap();
    let intake = intake.lines().map(|line| line.trim_start_matches('#').trim_start());
    format!("{sample}[intake]\n{}\n", intake.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_intake_is_left_out_unless_it_is_asked_for_and_shows_its_defaults() {
    let parse = |text: &str| ServiceConfig::parse(text, Path::new("nextech"), &lookup).unwrap();
    assert!(parse(SAMPLE).intake.is_none());
    let shown = parse(&with_the_intake()).intake.unwrap();
    let least = parse(&format!("{SAMPLE}\n[intake]\nfile = \"intake.db\"\n[aesthetix.webhooks]\n"));
    assert_eq!(format!("{shown:#?}"), format!("{:#?}", least.intake.unwrap()));
}

/// An unknown key is answered with all known ones.
#[test]
fn the_sample_shows_every_key() {
    const UNKNOWN: &str = "\nzzzz = 0\n";
    let spoil = |line: &str| match line.strip_prefix('[') {
        Some(_) => format!("{line}{UNKNOWN}"),
        None => format!("{line}\n"),
    };
    let text = UNKNOWN.to_owned() + &SAMPLE.lines().map(spoil).collect::<String>();
    let error = ServiceConfig::parse(&text, Path::new("nextech"), &lookup).unwrap_err();
    let lists = error.message().lines().filter_map(|line| line.split_once("known keys: "));
    let keys: Vec<&str> = lists.flat_map(|(_, keys)| keys.split(", ")).collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        let shown = [format!("{key} = "), format!("[{key}]"), format!(".{key}]")];
        let shown = shown.iter().any(|form| SAMPLE.contains(form.as_str()))
            || SAMPLE.contains(&format!(".{key}."));
        assert!(shown, "the sample does not show `{key}`");
    }
}
