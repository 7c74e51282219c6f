//! The `posting` section of a configuration.

use cannula_core::Settings;
use cannula_rules::posting::{NearMatch, PostingConfig, RefundPolicy};
use chrono_tz::America::Chicago;
use serde_json::json;

fn read(section: serde_json::Value, default: PostingConfig) -> (PostingConfig, String) {
    let mut settings = Settings::new("posting", section);
    let config = PostingConfig::from_settings(&mut settings, default);
    (config, settings.finish().to_string())
}

/// Nothing as [`PostingConfig::new`] has it.
fn other() -> PostingConfig {
    PostingConfig {
        zone: Chicago,
        start_from: "2031-05-01T05:00:00Z".parse().unwrap(),
        enabled: false,
        near_match: NearMatch::Create,
        refunds: RefundPolicy::Post,
        method: "Card".to_owned(),
        category: Some("Store".to_owned()),
        card_type: Some("Other".to_owned()),
        card_types: [("VI".to_owned(), "Visa".to_owned())].into(),
        location: Some("Main".to_owned()),
        practitioner: Some("Rao".to_owned()),
        referral_source: Some("Web".to_owned()),
        general_practitioner: Some("Okafor".to_owned()),
        gift_card_warning: "gift".to_owned(),
        accept_unused_words: true,
        ignore_other_posters: true,
    }
}

#[test]
fn what_a_section_does_not_set_stays_as_its_default_says() {
    let section = json!({ "start_from": "2031-05-01" });
    assert_eq!(read(section, other()), (other(), String::new()));
}

#[test]
fn everything_can_be_set_and_nothing_but_the_start_must_be() {
    let default = || PostingConfig::new(Chicago, chrono::DateTime::UNIX_EPOCH);
    let section = json!({
        "start_from": "2031-05-01T05:00:00Z", "enabled": false, "near_match": "create",
        "refunds": "post", "method": "Card", "category": "Store", "card_type": "Other",
        "card_types": { "VI": "Visa" }, "location": "Main", "practitioner": "Rao",
        "referral_source": "Web", "general_practitioner": "Okafor", "gift_card_warning": "gift",
        "accept_unused_words": true, "ignore_other_posters": true,
    });
    assert_eq!(read(section, default()), (other(), String::new()));
    let (config, problems) = read(json!({ "near_match": "guess", "refunds": "task" }), default());
    assert_eq!((config.near_match, config.refunds), (NearMatch::Ask, RefundPolicy::Task));
    assert_eq!(
        problems.lines().map(str::trim).collect::<Vec<_>>(),
        [
            "posting.start_from: is missing",
            "posting.near_match: “guess” is not one of: ask, create"
        ]
    );
}
