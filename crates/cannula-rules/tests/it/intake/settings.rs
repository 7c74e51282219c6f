//! The `intake` section of a configuration, and what it needs in the CRM.

use cannula_core::{PickLists, Settings};
use cannula_rules::intake::IntakeConfig;
use serde_json::json;

use super::{ELEVEN, FIVE, intake, lists};

fn read(section: serde_json::Value) -> (IntakeConfig, String) {
    let mut settings = Settings::new("intake", section);
    let config = IntakeConfig::from_settings(&mut settings, "NXT Create");
    (config, settings.finish().to_string())
}

#[test]
fn an_empty_section_is_the_defaults() {
    let (config, problems) = read(json!({}));
    assert_eq!(config, IntakeConfig::new(vec!["NXT Create".to_owned()]));
    assert_eq!(problems, "");
}

#[test]
fn everything_can_be_set() {
    let (config, problems) = read(json!({
        "tags": ["make patient", "emr"],
        "foreign_tags": { "NXT-Create": "the other product" },
        "created_tag": "made",
        "failed_tag": "not made",
        "spelling": "forgive",
        "fields": { "location": "Clinic", "chart_number": "Chart" },
    }));
    assert_eq!(problems, "");
    assert_eq!(config.watched_tags(), ["make patient", "emr", "NXT-Create"]);
    insta::assert_debug_snapshot!(config);
}

#[test]
fn every_problem_is_reported_with_its_key() {
    let sections = [
        json!({ "tags": "NXT Create", "spelling": "lax", "colour": 1 }),
        json!({ "tags": [], "fields": { "location": "X", "referral_source": " x " } }),
        json!({ "tags": ["NXT Create", 4] }),
        json!({ "tags": ["NXT Create", " "] }),
        json!({ "tags": ["NXT Create"], "foreign_tags": { "nxt create": "other" } }),
        json!({ "created_tag": "nxt create ", "failed_tag": "NXT Created" }),
        json!({ "created_tag": "done", "failed_tag": "Done", "fields": { "chart": "Chart" } }),
    ];
    let all: Vec<_> =
        sections.map(|section| format!("{section}\n{}", read(section.clone()).1)).into();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn the_fields_of_lists_the_register_has_or_requires_must_exist_in_the_crm() {
    let names = |required: &[_], lists: &PickLists| {
        let needs = intake(required).needs(lists);
        needs
            .fields
            .into_iter()
            .map(|field| format!("{}: {}", field.config_key, field.name))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&FIVE, &PickLists::new()), ["intake.fields.chart_number: NXT Chart Number"]);
    assert_eq!(names(&ELEVEN, &PickLists::new()).len(), 3);
    assert_eq!(names(&FIVE, &lists()).len(), 4);
}
