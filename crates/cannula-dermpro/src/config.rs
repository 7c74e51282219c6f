use std::time::Duration;

use cannula_core::{Currency, PracticeId, Secret, Settings};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use url::Url;

use crate::lines::LineRules;

/// How to reach one store.
#[derive(Clone, Debug)]
pub struct DermproConfig {
    /// The API's root with the store code, such as `https://shop.example.test/rest/default`.
    pub base_url: Url,
    /// The practice of every event.
    pub practice: PracticeId,
    /// Who we are.
    pub credentials: Credentials,
    /// The practice's time zone, which must be the store's.
    pub zone: Tz,
    /// What orders are paid in; others are rejected.
    pub currency: Currency,
    /// Orders placed before this instant are not read.
    pub start_from: DateTime<Utc>,
    /// How far before its mark a sweep of changes starts, for orders committed late.
    pub overlap: Duration,
    /// Rows a page, 1 to 300.
    pub page_size: u32,
    /// The store view whose order numbers stand for themselves; those of others are preceded by
    /// their view's id, because a number is unique within its view only.
    pub store_id: u64,
    /// What a line is.
    pub lines: LineRules,
}

/// How requests are authorised.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// An integration's four values; each request is signed (OAuth 1.0a, HMAC-SHA256).
    OAuth {
        /// The consumer key.
        consumer_key: Secret,
        /// The consumer secret.
        consumer_secret: Secret,
        /// The access token.
        access_token: Secret,
        /// The access token's secret.
        access_token_secret: Secret,
    },
    /// An integration's access token alone, where the store allows it.
    Bearer(Secret),
}

impl DermproConfig {
    /// The largest page a store serves that limits pages at all.
    const MAX_PAGE: u64 = 300;

    /// A configuration with defaults for what most stores have in common, in US dollars.
    pub fn new(
        base_url: Url,
        practice: PracticeId,
        credentials: Credentials,
        zone: Tz,
        start_from: DateTime<Utc>,
    ) -> Self {
        Self {
            base_url,
            practice,
            credentials,
            zone,
            currency: Currency::USD,
            start_from,
            overlap: Duration::from_secs(1800),
            page_size: 100,
            store_id: 1,
            lines: LineRules::default(),
        }
    }

    /// Reads a configuration section; `zone` is the practice's. `None` if there was a problem;
    /// they are all noted in `settings`. Secrets may be `env:NAME`, which `lookup` resolves.
    pub fn from_settings(
        settings: &mut Settings,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let base_url = if settings.has("base_url") {
            cannula_http::base_url(settings, "base_url", None)
        } else {
            settings.problem(
                "base_url",
                "is missing; write the store's address with /rest/ and the store code, such as `https://shop.example.com/rest/default`",
            );
            settings.take("base_url");
            None
        };
        let practice = settings.required("practice_id");
        let credentials = credentials(settings, lookup);
        let currency = settings.currency("currency");
        let start_from = settings.instant("start_from", zone);
        let overlap = settings.integer("overlap_minutes", 30);
        let page_size = settings.integer("page_size", 100);
        if !(1..=Self::MAX_PAGE).contains(&page_size) {
            settings.problem("page_size", "must be 1 to 300, the most that a store may allow");
        }
        let store_id = settings.integer("store_id", 1);
        let lines = LineRules::from_settings(settings);
        Some(Self {
            base_url: base_url?,
            practice: PracticeId::new(practice?.trim()),
            credentials: credentials?,
            zone,
            currency: currency?,
            start_from: start_from?,
            overlap: Duration::from_secs(overlap.saturating_mul(60)),
            page_size: u32::try_from(page_size).ok()?,
            store_id,
            lines,
        })
    }
}

const BEARER: &str = "bearer_token";
const SECRETS: [&str; 4] =
    ["consumer_key", "consumer_secret", "access_token", "access_token_secret"];

fn credentials(
    settings: &mut Settings,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<Credentials> {
    if settings.has(BEARER) {
        for key in SECRETS {
            settings.misplaced(key, "signs requests, which `bearer_token` does not; name one");
        }
        return settings.secret(BEARER, lookup).map(Credentials::Bearer);
    }
    // Taken so that it is among the known keys.
    settings.take(BEARER);
    let [consumer_key, consumer_secret, access_token, access_token_secret] =
        SECRETS.map(|key| settings.secret(key, lookup));
    Some(Credentials::OAuth {
        consumer_key: Secret::new(consumer_key?.expose().trim()),
        consumer_secret: consumer_secret?,
        access_token: access_token?,
        access_token_secret: access_token_secret?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America::Chicago;
    use serde_json::json;

    fn read(section: serde_json::Value) -> Result<DermproConfig, String> {
        let mut settings = Settings::new("dermpro", section);
        let lookup = |name: &str| (name == "DP_TOKEN").then(|| "hush".to_owned());
        let config = DermproConfig::from_settings(&mut settings, Chicago, &lookup);
        let problems = settings.finish();
        if problems.is_empty() { Ok(config.unwrap()) } else { Err(problems.to_string()) }
    }

    #[test]
    fn an_integration_needs_four_values_and_the_rest_has_defaults() {
        let config = read(json!({
            "base_url": "https://shop.example.test/rest/default", "practice_id": "p",
            "consumer_key": "ck", "consumer_secret": "hush-1", "access_token": "hush-2",
            "access_token_secret": "hush-3", "start_from": "2031-05-01",
        }))
        .unwrap();
        assert_eq!(config.start_from.to_rfc3339(), "2031-05-01T05:00:00+00:00");
        assert_eq!((config.page_size, config.store_id), (100, 1));
        assert_eq!((config.currency, config.overlap), (Currency::USD, Duration::from_secs(1800)));
        assert_eq!(config.lines, LineRules::default());
        assert!(matches!(config.credentials, Credentials::OAuth { .. }));
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn a_bearer_token_is_enough_and_every_default_can_be_changed() {
        let config = read(json!({
            "base_url": "http://127.0.0.1:4010", "practice_id": "p", "bearer_token": "env:DP_TOKEN",
            "start_from": "2031-05-01T12:00:00Z", "currency": "CAD", "overlap_minutes": 5,
            "page_size": 300, "store_id": 3, "gift_card_types": ["aw_giftcard"],
            "membership_skus": ["MEM-"], "service_types": [],
        }))
        .unwrap();
        let Credentials::Bearer(token) = &config.credentials else { panic!("{config:?}") };
        assert_eq!(token.expose(), "hush");
        assert_eq!((config.page_size, config.store_id), (300, 3));
        assert_eq!((config.currency, config.overlap), (Currency::CAD, Duration::from_secs(300)));
        assert_eq!(config.lines.gift_cards.types, ["aw_giftcard"]);
        assert_eq!(config.lines.memberships.sku_prefixes, ["MEM-"]);
        assert!(config.lines.services.types.is_empty());
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let section = json!({
            "consumer_key": "ck", "consumer_secret": "env:NOPE", "page_size": 301,
            "start_from": "yesterday", "currency": "dollars", "service_types": "virtual",
            "membership_skus": [""], "storeid": 2,
        });
        let both = json!({
            "base_url": "http://shop.example.test/rest/default", "practice_id": "p",
            "start_from": "2031-05-01", "bearer_token": "t", "access_token": "t",
        });
        let texts = [section, both].map(|section| read(section).unwrap_err());
        insta::assert_snapshot!(texts.join("\n\n"));
    }
}
