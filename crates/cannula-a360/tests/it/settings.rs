use std::time::Duration;

use cannula_a360::A360Config;
use cannula_core::Settings;
use serde_json::json;

#[test]
fn an_empty_section_is_the_defaults() {
    let config = A360Config::default();
    assert_eq!((config.page_size, config.wait), (20, Duration::from_secs(20)));
    assert_eq!(config.policy.birthday_field, "NXT Birthday");
}

#[test]
fn every_problem_is_told_with_its_key() {
    let section = json!({ "page_size": 0, "wait_seconds": 0, "country": "X", "pages": 3 });
    let mut settings = Settings::new("a360", section);
    A360Config::from_settings(&mut settings);
    let problems = settings.finish().to_string();
    for problem in [
        "a360.page_size: must be from 1 to 500",
        "a360.wait_seconds: must be at least 1",
        "a360.country: “X” is not a two-letter country code",
        "a360.pages: unknown key; did you mean `page_size`?",
    ] {
        assert!(problems.contains(problem), "{problem} not in\n{problems}");
    }
}
