//! What a payment says: its day, its description, the practice's words for it.

use cannula_core::{Captured, LedgerInfo, LedgerOptions, LineKind, Named, PickLists, StoreOrder};
use cannula_rules::posting::{PostPayment, PostingConfig, PostingEffect, PostingState};
use chrono_tz::Tz;

use super::{
    config, event, ledger, line, order, registry, rules,
    statuses::{Emr, work},
};
use cannula_rules::posting::PostingRules;

fn posted(config: PostingConfig, order: &StoreOrder) -> PostPayment {
    let rules = rules(config);
    let (_, sent) = work(&rules, PostingState::default(), &[event(order, 0)], &Emr::default());
    let post = sent.into_iter().find_map(|effect| match effect {
        PostingEffect::Post(post) => Some(*post),
        _ => None,
    });
    post.unwrap_or_else(|| panic!("nothing was posted"))
}

/// The vectors of the facts about the store, from an independent time zone library.
#[test]
fn a_payment_is_dated_by_the_practices_own_calendar_on_both_days_the_clocks_change() {
    for (utc, zone, date) in [
        ("2026-07-15T01:00:00Z", "America/Chicago", "2026-07-14"),
        ("2026-01-15T05:30:00Z", "America/Chicago", "2026-01-14"),
        ("2026-01-15T06:30:00Z", "America/Chicago", "2026-01-15"),
        ("2026-03-08T07:59:59Z", "America/Chicago", "2026-03-08"),
        ("2026-03-08T08:00:00Z", "America/Chicago", "2026-03-08"),
        ("2026-03-09T04:59:59Z", "America/Chicago", "2026-03-08"),
        ("2026-03-09T05:00:00Z", "America/Chicago", "2026-03-09"),
        // Eight in the evening of both days.
        ("2026-03-09T01:00:00Z", "America/Chicago", "2026-03-08"),
        ("2026-11-02T02:00:00Z", "America/Chicago", "2026-11-01"),
        ("2026-11-01T04:59:59Z", "America/Chicago", "2026-10-31"),
        ("2026-11-02T05:30:00Z", "America/Chicago", "2026-11-01"),
        ("2027-01-01T04:30:00Z", "America/New_York", "2026-12-31"),
        ("2026-07-15T06:59:00Z", "America/Phoenix", "2026-07-14"),
        ("2026-07-15T09:30:00Z", "Pacific/Honolulu", "2026-07-14"),
    ] {
        let zone: Tz = zone.parse().unwrap();
        let mut order = order("41");
        order.placed_at = utc.parse().unwrap();
        let amount = order.captured.as_ref().unwrap().amount;
        order.captured = Some(Captured { amount, at: order.placed_at, charged: true });
        let config =
            PostingConfig { zone, start_from: "2026-01-01T00:00:00Z".parse().unwrap(), ..config() };
        assert_eq!(posted(config, &order).date.to_string(), date, "{utc} in {zone}");
    }
}

#[test]
fn descriptions_begin_with_the_marker_and_keep_every_article_number_they_can() {
    let described = |lines| posted(config(), &StoreOrder { lines, ..order("41") }).description;
    let product = |sku: &str, name: &str| line(sku, name, LineKind::Product);
    let shown = [
        described(vec![
            product("SER-30", "Serum"),
            product("SER-30", "Serum"),
            product("PEEL", ""),
        ]),
        described(vec![product("CRÈME", "Crème\nde nuit – 30 ml 💧")]),
        described(vec![
            line("GC", "Gift card $100", LineKind::GiftCard),
            product("SER-30", "Serum"),
        ]),
        described(vec![product("R#7", "Retinol")]),
        described(vec![product("OIL", "Rosa’s ‘Gold’ oil")]),
        described(vec![]),
        described((0..14).map(|it| product(&format!("ARTICLE-{it:02}"), "A name")).collect()),
        described((0..40).map(|it| product(&format!("ARTICLE-{it:02}"), "A name")).collect()),
        described(vec![product(&"X".repeat(300), "A name")]),
    ];
    for text in &shown {
        assert!(text.expose().len() <= 255 && text.expose().is_ascii(), "{}", text.expose());
    }
    let shown: Vec<_> = shown.iter().map(|text| text.expose().as_str()).collect();
    insta::assert_snapshot!("descriptions", shown.join("\n"));
}

fn named(names: &[&str]) -> Vec<Named> {
    names.iter().map(|name| Named { id: Some("1".to_owned()), name: (*name).to_owned() }).collect()
}

fn options() -> LedgerOptions {
    let words = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect();
    LedgerOptions {
        locations: named(&["Main", "North"]),
        practitioners: named(&["Rao", "Okafor"]),
        categories: words(&["Online Store", "Products"]),
        card_types: words(&["AmEx", "Visa"]),
    }
}

#[test]
fn words_that_the_practice_does_not_have_are_refused_all_at_once() {
    let fixed = LedgerInfo {
        card_types: Some(&["Visa", "MasterCard"]),
        card_type_required: &["Charge"],
        category_required: false,
        ..ledger()
    };
    let card_types = || [("AE".to_owned(), "American Express".to_owned())].into();
    let wrong = PostingConfig {
        method: "charge".to_owned(),
        card_types: card_types(),
        location: None,
        practitioner: Some("Roa".to_owned()),
        ..config()
    };
    let none = PostingConfig { category: None, location: Some("Main ".to_owned()), ..config() };
    let mut shown = String::new();
    for (ledger, config) in [
        (ledger(), wrong.clone()),
        (ledger(), none),
        (fixed.clone(), PostingConfig { category: None, ..wrong }),
        (fixed, PostingConfig { card_types: card_types(), ..config() }),
    ] {
        let rules = PostingRules::new(config, ledger, registry());
        let error = rules.terms(&options(), &PickLists::new()).unwrap_err();
        shown += &format!("{error}\n\n");
    }
    insta::assert_snapshot!("wrong_words", shown);
}

#[test]
fn a_new_word_passes_when_it_is_said_to_be_new() {
    let config = PostingConfig {
        accept_unused_words: true,
        card_type: Some("Other (Do not process)".to_owned()),
        card_types: [("VI".to_owned(), "Visa".to_owned())].into(),
        ..config()
    };
    let terms = rules(config).terms(&options(), &PickLists::new()).unwrap();
    assert_eq!(terms.of(Some("VI")).card_type.as_deref(), Some("Visa"));
    assert_eq!(terms.of(Some("AE")).card_type.as_deref(), Some("Other (Do not process)"));
    assert_eq!(terms.of(None).category.as_deref(), Some("Online store"));
}
