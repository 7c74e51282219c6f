//! The `rules` section of a configuration: what is wrong with it, all at once.

use cannula_core::Settings;
use cannula_rules::{
    AppointmentTitles, ContactsFor, PaymentPipelines, PersonState, Rules, RulesConfig, StagePolicy,
    StatusMeaning, ValuePolicy,
};

use crate::support::{PATIENT, document, event, instant};

#[test]
fn every_problem_of_the_rules_section_is_reported_with_its_key() {
    insta::glob!("../cases", "settings/*.toml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let mut file: serde_json::Value = toml::from_str(&text).unwrap();
        let mut settings = Settings::new("rules", file["rules"].take());
        let default = RulesConfig::new(chrono_tz::America::Chicago);
        let config = RulesConfig::from_settings(&mut settings, default);
        let problems = settings.finish();
        let result = if problems.is_empty() {
            format!("no problems\n{:#?}", config)
        } else {
            problems.to_string()
        };
        insta::assert_snapshot!(format!("{text}---\n{result}"));
    });
}

#[test]
fn what_a_section_does_not_set_stays_as_its_default_says() {
    let mut default = RulesConfig::new(chrono_tz::America::Chicago);
    default.policy = StagePolicy::LastEvent;
    default.create_opportunities = false;
    default.statuses.insert("Web Hold".to_owned(), StatusMeaning::Held);
    default.surgical.name = "Operations".to_owned();
    default.non_surgical.booked = "On the books".to_owned();
    default.fields.location = "Place".to_owned();
    default.tags.member = "Club".to_owned();
    default.payments.pipelines = PaymentPipelines::All;
    default.payments.opportunity_value = ValuePolicy::Off;
    default.memberships.enabled = true;
    default.contacts_for = ContactsFor::AnyRecord;
    default.titles.appointments = AppointmentTitles::BookedThenUpdate;
    default.titles.payment = "Order Closed".to_owned();
    let read = |section: serde_json::Value| {
        let mut settings = Settings::new("rules", section);
        let config = RulesConfig::from_settings(&mut settings, default.clone());
        (config, settings.finish().to_string())
    };
    assert_eq!(read(serde_json::json!({})), (default.clone(), String::new()));

    let (config, problems) = read(serde_json::json!({
        "policy": "all_appointments", "contacts_for": "visits", "statuses": { "Chair 3": "arrived" },
        "titles": { "appointments": "by_status" }, "payments": { "pipelines": "some" },
    }));
    assert_eq!(config.policy, StagePolicy::AllAppointments);
    assert_eq!(config.contacts_for, ContactsFor::Visits);
    assert_eq!(config.statuses.len(), 2);
    assert_eq!(config.titles.appointments, AppointmentTitles::ByStatus);
    assert_eq!(config.payments, default.payments);
    assert!(problems.contains("rules.payments.pipelines: “some” is not one of"), "{problems}");
}

#[test]
fn what_must_exist_in_the_crm_carries_the_keys_that_name_it() {
    let rules = Rules::new(RulesConfig::new(chrono_tz::Tz::UTC), document(""));
    insta::assert_debug_snapshot!(rules.needs());
}

#[test]
fn configured_names_are_the_names_written() {
    let mut config = RulesConfig::new(chrono_tz::Tz::UTC);
    config.non_surgical.name = "Spa".to_owned();
    config.non_surgical.booked = "On the books".to_owned();
    config.tags.appointment_booked = "booked!".to_owned();
    config.fields.next_visit_date = "Next".to_owned();
    let events = [
        event(PATIENT),
        event("2026-03-02 10:00 | A | Non-Surgical Consult | pending | 2026-03-10 09:00"),
    ];
    let rules = Rules::new(config, document(""));
    let plan = rules.decide(PersonState::default(), &events, instant("2026-03-02 10:05"));
    let effects: Vec<_> = plan.effects.iter().map(|p| crate::support::effect(&p.effect)).collect();
    insta::assert_debug_snapshot!(effects);
}

#[test]
fn without_payments_the_crm_needs_no_field_for_them() {
    let mut config = RulesConfig::new(chrono_tz::Tz::UTC);
    config.payments.pipelines = PaymentPipelines::None;
    let needs = Rules::new(config, document("")).needs();
    assert!(needs.fields.iter().all(|field| field.config_key != "rules.fields.lifetime_value"));
}

#[test]
fn memberships_need_their_fields_only_where_they_are_on() {
    let mut config = RulesConfig::new(chrono_tz::Tz::UTC);
    let keys = |config: &RulesConfig| {
        let needs = Rules::new(config.clone(), document("")).needs();
        let keys = needs.fields.into_iter().map(|field| field.config_key);
        keys.filter(|key| key.contains("membership")).collect::<Vec<_>>()
    };
    assert!(keys(&config).is_empty());
    config.memberships.enabled = true;
    assert_eq!(keys(&config), ["rules.fields.membership", "rules.fields.membership_status"]);
}
