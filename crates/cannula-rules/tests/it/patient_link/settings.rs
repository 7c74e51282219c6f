use cannula_core::Settings;
use cannula_rules::patient_link::LinkPolicy;
use serde_json::json;

#[test]
fn an_empty_section_is_the_defaults() {
    let mut settings = Settings::new("a", json!({}));
    assert_eq!(LinkPolicy::from_settings(&mut settings), LinkPolicy::default());
    assert!(settings.finish().is_empty());
}

#[test]
fn every_key_is_read_and_every_problem_told() {
    let mut settings = Settings::new(
        "a",
        json!({
            "country": "GB", "birthday_field": "Geburtstag", "birth_date_required": false,
            "placeholder_birth_dates": ["1800-01-01"],
        }),
    );
    let policy = LinkPolicy::from_settings(&mut settings);
    assert!(settings.finish().is_empty());
    assert_eq!(policy.country.as_ref(), "GB");
    assert_eq!((policy.birthday_field.as_str(), policy.birth_date_required), ("Geburtstag", false));
    assert!(policy.is_birth_date(super::date("1970-01-01"), super::today()));

    let mut settings = Settings::new(
        "a",
        json!({ "country": "Narnia", "placeholder_birth_dates": ["1800-01-01", "yesterday"] }),
    );
    LinkPolicy::from_settings(&mut settings);
    let problems = settings.finish().to_string();
    assert!(problems.contains("a.country: “Narnia” is not a two-letter country code such as US"));
    assert!(problems.contains("a.placeholder_birth_dates: must be a list of dates such as"));
}
