//! The sample configurations are right ones, and the defaults they show are the defaults.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{fmt::Debug, path::Path};

use cannula::{
    EmrSection, PatientSearchConfig, PostingService, ServiceConfig,
    core::{Error, Result},
    nextech::NextechConfig,
    patientnow::PatientNowConfig,
    zenoti::ZenotiConfig,
};

const NEXTECH: &str = include_str!("../nextech/nextech.toml");
const PATIENTNOW: &str = include_str!("../patientnow/patientnow.toml");
const ZENOTI: &str = include_str!("../zenoti/zenoti.toml");
const DERMPRO: &str = include_str!("../dermpro/dermpro.toml");

fn lookup(name: &str) -> Option<String> {
    let secrets = [
        "NEXTECH_PASSWORD",
        "PATIENTNOW_KEY",
        "PATIENTNOW_PASSWORD",
        "PATIENTNOW_WEBHOOK_SECRET",
        "ZENOTI_API_KEY",
        "ZENOTI_WEBHOOK_SECRET",
        "CRM_TOKEN",
        "DERMPRO_CONSUMER_KEY",
        "DERMPRO_CONSUMER_SECRET",
        "DERMPRO_ACCESS_TOKEN",
        "DERMPRO_ACCESS_TOKEN_SECRET",
    ];
    secrets.contains(&name).then(|| "made up".to_owned())
}

fn parse<E: EmrSection>(text: &str) -> Result<ServiceConfig<E>> {
    ServiceConfig::parse(text, Path::new(E::NAME), &lookup)
}

fn read<E: EmrSection + Debug>(text: &str) -> String {
    let config = parse::<E>(text).unwrap();
    assert!(config.categories.lookup("Post-Op Visit", &[]).is_some());
    // The document's rows have no order of their own.
    let ServiceConfig { store, rules, emr, aesthetix, .. } = config;
    format!("{:#?}", (store, rules, emr, aesthetix))
}

/// The sample with every `#key = default` in force.
fn with_defaults_spelled_out(sample: &str) -> String {
    let spell_out = |line: &str| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => {
            setting.to_owned()
        }
        _ => line.to_owned(),
    };
    sample.lines().map(spell_out).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_defaults_that_a_sample_shows_are_the_defaults() {
    fn law<E: EmrSection>(sample: &str) {
        let spelled_out = with_defaults_spelled_out(sample);
        let settings = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
        assert!(settings(&spelled_out) > settings(sample) + 40);
        let (shown, default) = (read::<E>(&spelled_out), read::<E>(sample));
        let differ = shown.lines().zip(default.lines()).find(|(shown, default)| shown != default);
        assert_eq!(differ, None, "{}: shown, and the default", E::NAME);
        assert_eq!(shown.len(), default.len());
    }
    law::<NextechConfig>(NEXTECH);
    law::<PatientNowConfig>(PATIENTNOW);
    law::<ZenotiConfig>(ZENOTI);
}

#[test]
fn the_defaults_that_the_patient_searchs_sample_shows_are_the_defaults() {
    let sample = include_str!("../a360/a360.toml");
    let spelled_out = with_defaults_spelled_out(sample);
    assert!(spelled_out.contains("\nplaceholder_birth_dates"));
    let read = |text: &str| PatientSearchConfig::parse(text, Path::new("a360"), &lookup).unwrap();
    let (shown, default) = (read(&spelled_out), read(sample));
    assert_eq!(shown.a360, default.a360);
    assert_eq!(default.store, Path::new("a360/patients.db"));
    assert_eq!(format!("{:#?}", shown.aesthetix), format!("{:#?}", default.aesthetix));
    let wrong = PatientSearchConfig::parse("[a360]\npage = 5", Path::new(""), &lookup).unwrap_err();
    for problem in ["store.file: is missing", "aesthetix.location_id: is missing", "a360.page: "] {
        assert!(wrong.to_string().contains(problem), "{wrong}");
    }
}

/// The sections that a practice adds on purpose, as if it had.
fn with_the_intake(sample: &str) -> String {
    let (sample, intake) = sample.split_once("#   [intake]").unwrap();
    let intake = intake.lines().map(|line| line.trim_start_matches('#').trim_start());
    format!("{sample}[intake]\n{}\n", intake.collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_intake_is_left_out_unless_it_is_asked_for_and_shows_its_defaults() {
    fn law<E: EmrSection>(sample: &str) {
        assert!(parse::<E>(sample).unwrap().intake.is_none());
        let shown = parse::<E>(&with_the_intake(sample)).unwrap().intake.unwrap();
        let least = format!("{sample}\n[intake]\nfile = \"intake.db\"\n[aesthetix.webhooks]\n");
        let least = parse::<E>(&least).unwrap().intake.unwrap();
        assert_eq!(format!("{shown:#?}"), format!("{least:#?}"));
    }
    law::<NextechConfig>(NEXTECH);
    law::<PatientNowConfig>(PATIENTNOW);
    law::<ZenotiConfig>(ZENOTI);
}

#[test]
fn the_defaults_that_the_stores_sample_shows_are_the_defaults() {
    let read = |text: &str| {
        let service = PostingService::parse(text, Path::new("dermpro"), &lookup);
        format!("{:#?}", service.unwrap())
    };
    // What has no default is shown as an example.
    let examples =
        ["#card_type = ", "#general_practitioner = ", "#bearer_token = ", "#membership_skus = "];
    let keep = |line: &&str| !examples.iter().any(|example| line.starts_with(example));
    let without: Vec<_> = DERMPRO.lines().filter(keep).collect();
    let without = without
        .join("\n")
        .replace("#[posting.card_types]\n#VI = \"Visa\"\n#MC = \"MasterCard\"", "");
    assert_eq!(read(&with_defaults_spelled_out(&without)), read(DERMPRO));
}

/// An unknown key is answered with all known ones.
#[test]
fn a_sample_shows_every_key() {
    fn shows_all(name: &str, sample: &str, least: usize, parse: impl Fn(&str) -> Error) {
        const UNKNOWN: &str = "\nzzzz = 0\n";
        let spoil = |line: &str| match line.strip_prefix('[') {
            Some(_) => format!("{line}{UNKNOWN}"),
            None => format!("{line}\n"),
        };
        let text = UNKNOWN.to_owned() + &sample.lines().map(spoil).collect::<String>();
        let error = parse(&text);
        let lists = error.message().lines().filter_map(|line| line.split_once("known keys: "));
        let keys: Vec<&str> = lists.flat_map(|(_, keys)| keys.split(", ")).collect();
        assert!(keys.len() > least, "{keys:?}");
        for key in keys {
            let shown = [format!("{key} = "), format!("[{key}]"), format!(".{key}]")];
            let shown = shown.iter().any(|form| sample.contains(form.as_str()))
                || sample.contains(&format!(".{key}."));
            assert!(shown, "the sample of {name} does not show `{key}`");
        }
    }
    fn law<E: EmrSection>(sample: &str) {
        shows_all(E::NAME, sample, 40, |text| parse::<E>(text).unwrap_err());
    }
    law::<NextechConfig>(NEXTECH);
    law::<PatientNowConfig>(PATIENTNOW);
    law::<ZenotiConfig>(ZENOTI);
    shows_all("the store", DERMPRO, 25, |text| {
        PostingService::parse(text, Path::new("dermpro"), &lookup).unwrap_err()
    });
}
