//! What a practice may set for posting its store's payments.

use std::collections::BTreeMap;

use cannula_core::Settings;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::settings::choice;

/// What happens when a patient is like the store's customer, but not surely the same person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NearMatch {
    /// Staff are asked; nothing is posted before they have answered.
    #[default]
    Ask,
    /// A new patient is made, and staff merge the two if they are one.
    Create,
}

/// What happens to money that the store gives back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefundPolicy {
    /// Staff are told to record it. The task is over when the ledger shows it, which is looked at
    /// when the order changes and with each replay.
    #[default]
    Task,
    /// What the gateway gave back is posted as a negative payment. That the EMR takes one is
    /// not documented: try it out first. What was only noted in the store stays a task.
    Post,
}

const NEAR_MATCHES: [(&str, NearMatch); 2] =
    [("ask", NearMatch::Ask), ("create", NearMatch::Create)];

const REFUNDS: [(&str, RefundPolicy); 2] =
    [("task", RefundPolicy::Task), ("post", RefundPolicy::Post)];

/// What a practice may set. Names of lists are as the practice spells them in its EMR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingConfig {
    /// The practice's time zone: the day of a payment is a day there.
    pub zone: Tz,
    /// Orders placed before are not posted, whatever the store has.
    pub start_from: DateTime<Utc>,
    /// Whether orders are posted. One that is first seen while this is off is never posted.
    pub enabled: bool,
    /// What a near match means.
    pub near_match: NearMatch,
    /// What a refund means.
    pub refunds: RefundPolicy,
    /// The payment method.
    pub method: String,
    /// The payment's category, one of the practice's.
    pub category: Option<String>,
    /// The card type of payments without an entry in `card_types`; `None` sends none.
    pub card_type: Option<String>,
    /// The practice's card types by the store's codes, such as `VI`.
    pub card_types: BTreeMap<String, String>,
    /// The location payments are booked at; may be left out where the practice has one only.
    pub location: Option<String>,
    /// The practitioner payments are credited to; may be left out where there is one only.
    pub practitioner: Option<String>,
    /// The referral source of new patients.
    pub referral_source: Option<String>,
    /// The general practitioner of new patients.
    pub general_practitioner: Option<String>,
    /// What the description of an order with a gift card says, so that nobody spends it twice.
    pub gift_card_warning: String,
    /// Lets a category or card type through that the practice has not been seen to use yet.
    pub accept_unused_words: bool,
    /// Posts although payments of the same category without our marker show that something
    /// else posts the store's orders too.
    pub ignore_other_posters: bool,
}

impl PostingConfig {
    /// The defaults, for a practice in this zone.
    pub fn new(zone: Tz, start_from: DateTime<Utc>) -> Self {
        Self {
            zone,
            start_from,
            enabled: true,
            near_match: NearMatch::default(),
            refunds: RefundPolicy::default(),
            method: "Charge".to_owned(),
            category: None,
            card_type: None,
            card_types: BTreeMap::new(),
            location: None,
            practitioner: None,
            referral_source: None,
            general_practitioner: None,
            gift_card_warning: "GIFT CARD - DO NOT USE AS CREDIT".to_owned(),
            accept_unused_words: false,
            ignore_other_posters: false,
        }
    }

    /// Reads the section whole; what it does not set stays as it is in `default`, but for
    /// `start_from`, which must be there. Every problem is noted in `settings`.
    pub fn from_settings(settings: &mut Settings, default: Self) -> Self {
        let zone = default.zone;
        let start_from = settings.instant("start_from", zone).unwrap_or(default.start_from);
        let optional = |settings: &mut Settings, key: &str, default: Option<String>| {
            settings.optional(key).or(default)
        };
        Self {
            zone,
            start_from,
            enabled: settings.flag("enabled", default.enabled),
            near_match: choice(settings, "near_match", &NEAR_MATCHES, default.near_match),
            refunds: choice(settings, "refunds", &REFUNDS, default.refunds),
            method: settings.text("method", &default.method),
            category: optional(settings, "category", default.category),
            card_type: optional(settings, "card_type", default.card_type),
            card_types: card_types(settings, default.card_types),
            location: optional(settings, "location", default.location),
            practitioner: optional(settings, "practitioner", default.practitioner),
            referral_source: optional(settings, "referral_source", default.referral_source),
            general_practitioner: optional(
                settings,
                "general_practitioner",
                default.general_practitioner,
            ),
            gift_card_warning: settings.text("gift_card_warning", &default.gift_card_warning),
            accept_unused_words: settings.flag("accept_unused_words", default.accept_unused_words),
            ignore_other_posters: settings
                .flag("ignore_other_posters", default.ignore_other_posters),
        }
    }
}

fn card_types(
    settings: &mut Settings,
    default: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    if !settings.has("card_types") {
        return default;
    }
    settings.within("card_types", |section| {
        let types = section.keys().into_iter().filter_map(|code| {
            let name = section.required(&code)?;
            Some((code, name))
        });
        types.collect()
    })
}
