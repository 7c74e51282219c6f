//! Which contacts can become patients, and what is said of those that cannot.

use std::fmt::Write as _;

use cannula_core::{CrmContact, Named, PatientField, Phi, PickLists};
use cannula_rules::intake::{
    Choice, Draft, Fault, FieldProblem, Intake, IntakeConfig, IntakeReason, Spelling,
};

use super::{ELEVEN, FIVE, contact, intake, lists, registry};

fn check(intake: &Intake, contact: &CrmContact) -> Result<Draft, Vec<FieldProblem>> {
    intake.check(contact, &lists(), "2026-03-02".parse().unwrap())
}

fn told(result: &Result<Draft, Vec<FieldProblem>>) -> String {
    match result {
        Ok(_) => "ready".to_owned(),
        Err(problems) => {
            let all: Vec<_> = problems.iter().map(FieldProblem::to_string).collect();
            all.join("\n    ")
        }
    }
}

/// The place of a field that is a text; `None` for the birth date.
fn text(contact: &mut CrmContact, field: PatientField) -> Option<&mut Option<Phi<String>>> {
    Some(match field {
        PatientField::FirstName => &mut contact.first_name,
        PatientField::LastName => &mut contact.last_name,
        PatientField::Email => &mut contact.email,
        PatientField::Phone => &mut contact.phone,
        PatientField::Street => &mut contact.street,
        PatientField::City => &mut contact.city,
        PatientField::State => &mut contact.state,
        PatientField::PostalCode => &mut contact.postal_code,
        _ => return None,
    })
}

fn custom(field: PatientField) -> Option<&'static str> {
    match field {
        PatientField::Location => Some("NXT Location"),
        PatientField::ReferralSource => Some("Referral Source"),
        PatientField::GeneralPractitioner => Some("General Practitioner"),
        _ => None,
    }
}

/// The contact with one field changed: `None` takes the value away.
fn with(field: PatientField, change: impl Fn(&str) -> Option<String>) -> CrmContact {
    let mut contact = contact();
    if let Some(name) = custom(field) {
        let value = contact.fields.remove(name).and_then(|value| change(value.expose()));
        contact.fields.extend(value.map(|value| (name.to_owned(), Phi::new(value))));
    } else if let Some(value) = text(&mut contact, field) {
        *value = value.as_ref().and_then(|text| change(text.expose())).map(Phi::new);
    } else if change("x").is_none_or(|text| text.trim().is_empty()) {
        // A date is there or not.
        contact.birth_date = None;
    }
    contact
}

type Change = fn(&str) -> Option<String>;

const CHANGES: [(&str, Change); 4] = [
    ("missing", |_| None),
    ("blank", |_| Some(" \t".to_owned())),
    ("wrong case", |text| Some(text.to_uppercase())),
    ("trailing space", |text| Some(format!("{text} "))),
];

fn matrix(required: &[PatientField]) -> String {
    let mut text = String::new();
    for field in required {
        for (word, change) in CHANGES {
            let result = check(&intake(required), &with(*field, change));
            writeln!(text, "{field}, {word}\n    {}", told(&result)).unwrap();
        }
    }
    text
}

#[test]
fn of_five_fields_exactly_the_faulty_one_is_named() {
    insta::assert_snapshot!(matrix(&FIVE));
}

#[test]
fn of_eleven_fields_exactly_the_faulty_one_is_named() {
    insta::assert_snapshot!(matrix(&ELEVEN));
}

#[test]
fn all_faults_are_named_at_once_in_the_order_of_the_register() {
    let empty = CrmContact { fields: Default::default(), id: "c".into(), ..nobody() };
    insta::assert_snapshot!(told(&check(&intake(&ELEVEN), &empty)));
}

fn nobody() -> CrmContact {
    CrmContact {
        gender: None,
        id: "c".into(),
        first_name: None,
        last_name: None,
        email: None,
        phone: None,
        birth_date: None,
        street: None,
        city: None,
        state: None,
        postal_code: None,
        tags: Vec::new(),
        fields: Default::default(),
    }
}

#[test]
fn a_placeholder_is_as_good_as_nothing_and_what_cannot_be_is_wrong() {
    let mut text = String::new();
    let values = [
        (PatientField::FirstName, "-"),
        (PatientField::Email, "no@email"),
        (PatientField::Email, "NoEmail@clinic.test"),
        (PatientField::Email, "none"),
        (PatientField::Email, "mina.example.test"),
        (PatientField::Email, "mina@example"),
        (PatientField::Email, "mina@example.test, jun@example.test"),
        (PatientField::Email, "a@b@example.test"),
        (PatientField::Email, "mina sol@example.test"),
        (PatientField::Email, "Mina<mina@example.test"),
        (PatientField::Email, "@example.test"),
        (PatientField::Email, "mina@example..test"),
        (PatientField::Email, "mina@none.com"),
        (PatientField::Email, "no@email.com"),
        (PatientField::Email, "N/A"),
        (PatientField::Email, "mina+spa@example.test"),
        (PatientField::Phone, "000-000-0000"),
        (PatientField::Phone, "+1 000 555 0100"),
        (PatientField::Phone, "999 999 9999"),
        (PatientField::Phone, "0"),
        (PatientField::Phone, "1-123-456-7890"),
        (PatientField::Phone, "Unknown"),
        (PatientField::Phone, "555-0100"),
        (PatientField::Phone, "212-555-0100 ext 4"),
        (PatientField::Phone, "212-555-0100 / 212-555-0101"),
        (PatientField::Phone, "+44 20 7946 0958"),
    ];
    for (field, value) in values {
        let contact = with(field, |_| Some(value.to_owned()));
        writeln!(text, "{value}\n    {}", told(&check(&intake(&FIVE), &contact))).unwrap();
    }
    for born in ["1900-01-01", "1899-12-30", "1900-01-02", "2026-03-02", "2026-03-03"] {
        let birth_date = Some(Phi::new(born.parse().unwrap()));
        let contact = CrmContact { birth_date, ..contact() };
        writeln!(text, "{born}\n    {}", told(&check(&intake(&FIVE), &contact))).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_value_of_a_list_is_an_entry_or_the_message_leads_to_one() {
    let mut text = String::new();
    let values = [
        (PatientField::ReferralSource, "google ads"),
        (PatientField::ReferralSource, "Google  Ads"),
        (PatientField::ReferralSource, "Walkin"),
        (PatientField::ReferralSource, "Gogle Ads"),
        (PatientField::ReferralSource, "A neighbour"),
        (PatientField::GeneralPractitioner, "Dr. Cid Novak"),
        (PatientField::GeneralPractitioner, "someone"),
    ];
    for (field, value) in values {
        let contact = with(field, |_| Some(value.to_owned()));
        writeln!(text, "{value}\n    {}", told(&check(&intake(&ELEVEN), &contact))).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn case_and_spaces_are_forgiven_where_the_practice_says_so() {
    let mut config = IntakeConfig::new(vec!["NXT Create".to_owned()]);
    config.spelling = Spelling::Forgive;
    let forgiving = Intake::new(config, registry(&ELEVEN));
    let contact = with(PatientField::ReferralSource, |_| Some("google  ads ".to_owned()));
    let source = check(&forgiving, &contact).unwrap().patient.referral_source.unwrap();
    assert_eq!((source.name.as_str(), source.id.as_deref()), ("Google Ads", Some("2")));
    let contact = with(PatientField::ReferralSource, |_| Some("Gogle Ads".to_owned()));
    assert!(check(&forgiving, &contact).is_err());
}

#[test]
fn a_location_is_demanded_where_there_are_several() {
    let today = "2026-03-02".parse().unwrap();
    let location = |typed: Option<&str>, names: &[&str], required: &[PatientField]| {
        let mut contact = contact();
        let typed = typed.map(|typed| ("NXT Location".to_owned(), Phi::new(typed.to_owned())));
        contact.fields.extend(typed);
        let named = names.iter().map(|name| Named::new(*name)).collect();
        let lists = PickLists::from([(PatientField::Location, named)]);
        match intake(required).check(&contact, &lists, today) {
            Ok(draft) => Ok(draft.patient.location.map(|location| location.name)),
            Err(problems) => Err(problems[0].to_string()),
        }
    };
    let demanding = [&FIVE[..], &[PatientField::Location]].concat();
    for required in [&FIVE[..], &demanding] {
        assert_eq!(location(None, &["Main"], required), Ok(Some("Main".to_owned())));
        assert_eq!(location(Some("Main"), &["Main"], required), Ok(Some("Main".to_owned())));
        assert!(location(Some("Maine"), &["Main"], required).unwrap_err().contains("“Main”"));
        let missing = Err("“NXT Location” is missing.".to_owned());
        assert_eq!(location(None, &["Main", "Uptown"], required), missing);
    }
    assert_eq!(location(None, &[], &FIVE), Ok(None));
    assert_eq!(location(None, &[], &demanding), Err("“NXT Location” is missing.".to_owned()));
}

#[test]
fn a_referral_source_without_a_configured_list_asks_to_configure_it() {
    let mut lists = lists();
    lists.remove(&PatientField::ReferralSource);
    let result = intake(&ELEVEN).check(&contact(), &lists, "2026-03-02".parse().unwrap());
    insta::assert_snapshot!(told(&result));
    assert_eq!(result.unwrap_err()[0].fault, Fault::NotListed);
}

#[test]
fn a_name_that_two_entries_share_is_not_guessed() {
    let mut lists = lists();
    let twins = vec![
        Named { id: Some("1".into()), name: "Dr. Ada Reyes".into() },
        Named { id: Some("2".into()), name: "Dr. Ada Reyes".into() },
    ];
    lists.insert(PatientField::GeneralPractitioner, twins);
    let result = intake(&ELEVEN).check(&contact(), &lists, "2026-03-02".parse().unwrap());
    insta::assert_snapshot!(told(&result));
}

#[test]
fn a_default_postal_code_stands_in_for_a_missing_one() {
    let mut info = registry(&[&FIVE[..], &[PatientField::PostalCode]].concat());
    let config = IntakeConfig::new(vec!["NXT Create".to_owned()]);
    let without = with(PatientField::PostalCode, |_| None);
    let strict = Intake::new(config.clone(), info.clone());
    insta::assert_snapshot!(told(&check(&strict, &without)));
    info.default_postal_code = Some("10001".to_owned());
    let lenient = Intake::new(config, info);
    let code = |contact| check(&lenient, contact).unwrap().patient.postal_code.unwrap();
    assert_eq!(code(&without).expose(), "10001");
    assert_eq!(code(&contact()).expose(), "62701");
}

#[test]
fn what_is_not_asked_for_may_be_missing_and_is_not_filled_in() {
    let without = with(PatientField::PostalCode, |_| None);
    let draft = check(&intake(&FIVE), &without).unwrap();
    assert_eq!(draft.patient.postal_code, None);
    // The only location is everybody's; the only referral source is not.
    let only = |name: &str| vec![Named { id: Some("1".into()), name: name.into() }];
    let lists = [
        (PatientField::Location, only("Springfield")),
        (PatientField::ReferralSource, only("A friend")),
    ];
    let lists = lists.into_iter().collect();
    let bare = CrmContact { fields: Default::default(), ..contact() };
    let draft = intake(&FIVE).check(&bare, &lists, "2026-03-02".parse().unwrap()).unwrap();
    assert_eq!(draft.patient.location.unwrap().name, "Springfield");
    assert_eq!(draft.patient.referral_source, None);
}

#[test]
fn texts_are_trimmed_before_they_are_sent() {
    let mut contact = contact();
    contact.first_name = Some(Phi::new("  Mina\t".to_owned()));
    contact.city = Some(Phi::new(" ".to_owned()));
    let draft = check(&intake(&FIVE), &contact).unwrap();
    assert_eq!(draft.patient.name.given.expose(), "Mina");
    assert_eq!(draft.patient.city, None);
    assert_eq!(draft.person.first_name.expose(), "Mina");
}

#[test]
fn the_chart_number_field_says_who_it_is() {
    let choice = |typed: &str| {
        let mut contact = contact();
        contact.fields.insert("NXT Chart Number".to_owned(), Phi::new(typed.to_owned()));
        intake(&FIVE).choice(&contact)
    };
    assert_eq!(intake(&FIVE).choice(&contact()), Choice::Any);
    assert_eq!(choice("  "), Choice::Any);
    assert_eq!(choice(" New "), Choice::New);
    assert_eq!(choice(" 4711 "), Choice::Chart(Phi::new("4711".to_owned())));
}

#[test]
fn no_message_and_no_debug_output_quotes_the_contact() {
    let mut wrong = contact();
    wrong.email = Some(Phi::new("minaexample".to_owned()));
    wrong.phone = Some(Phi::new("call my sister".to_owned()));
    wrong.fields.insert("Referral Source".to_owned(), Phi::new("my sister".to_owned()));
    let problems = check(&intake(&ELEVEN), &wrong).unwrap_err();
    assert_eq!(problems.len(), 3);
    let reason = IntakeReason::Incomplete { problems }.sentence();
    let draft = check(&intake(&FIVE), &contact()).unwrap();
    let text = format!("{reason} {draft:?}");
    for secret in ["minaexample", "sister", "Mina", "212", "1990", "Elm"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
