use std::{collections::BTreeMap, time::Duration};

use cannula_core::{Currency, PracticeId, Secret, Settings};
use cannula_http::base_url;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use url::Url;

use crate::{dialect::Dialect, product::Product, signature::WebhookConfig};

/// How to reach one practice.
#[derive(Clone, Debug)]
pub struct PatientNowConfig {
    /// The product the practice runs on.
    pub product: Product,
    /// What the practice is called in events.
    pub practice: PracticeId,
    /// The API's root.
    pub base_url: Url,
    /// Who we are.
    pub credentials: Credentials,
    /// The location that new patients are made at.
    pub company_id: Option<String>,
    /// Whether only that location is read.
    pub this_company_only: bool,
    /// The practice's time zone: times without an offset are on its wall clock.
    pub zone: Tz,
    /// Locations in other zones, by company id.
    pub company_zones: BTreeMap<String, Tz>,
    /// What the practice's amounts are in.
    pub currency: Currency,
    /// Calls a day; `None` is unlimited, for tests.
    pub daily_requests: Option<u64>,
    /// How many of them sweeps leave to webhooks and new patients.
    pub reserved_requests: u64,
    /// Calls a second; `None` is unlimited, for tests.
    pub requests_per_second: Option<u32>,
    /// Rows a page, 1 to 100.
    pub rows: u32,
    /// A feed that was never read starts with this moment's day.
    pub start_from: DateTime<Utc>,
    /// How the sweep that finds what webhooks lost goes about it.
    pub sweeps: Sweeps,
    /// Where memberships are read from.
    pub memberships: MembershipReads,
    /// How deliveries are proven; without it there are no webhooks.
    pub webhooks: Option<WebhookConfig>,
    /// Everything about the interface that is assumed.
    pub dialect: Dialect,
}

/// How the API is signed in to, on every call.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Essentials and VISH: a gateway key in the query, and a user.
    Gateway {
        /// The key. It decides which API the account reaches.
        api_key: Secret,
        /// The API user's name.
        username: Secret,
        /// The API user's password.
        password: Secret,
    },
    /// Pro: a token.
    Token(Secret),
}

/// Which days a sweep reads, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sweeps {
    /// The shortest time from the start of one sweep of a feed to the next.
    pub every: Duration,
    /// Days before today.
    pub past_days: u32,
    /// Days after today, of appointments.
    pub days_ahead: u32,
    /// Days before today, of orders, in one sweep a day: an order may be voided or paid back long
    /// after it was closed, and no webhook tells of it. All of half a year are 64 calls for a
    /// practice with 35 orders a day, where the same in each of 24 sweeps would be 1,536.
    pub order_days: u32,
}

impl Default for Sweeps {
    fn default() -> Self {
        Self { every: Duration::from_secs(3600), past_days: 3, days_ahead: 30, order_days: 180 }
    }
}

/// Where memberships are read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MembershipReads {
    /// The lines of closed orders, which costs no call.
    #[default]
    Orders,
    /// The list of each customer who bought one, which costs a call each.
    Customers,
    /// Nowhere.
    Off,
}

impl PatientNowConfig {
    /// The most rows PatientNow serves; it silently clamps what is larger.
    pub const MAX_ROWS: u32 = 100;
    /// The standard gateway plan.
    const DAILY: u64 = 1000;

    /// A configuration with the vendor's own host and limits.
    pub fn new(
        product: Product,
        practice: PracticeId,
        credentials: Credentials,
        zone: Tz,
        start_from: DateTime<Utc>,
    ) -> Self {
        Self {
            product,
            practice,
            base_url: constant(product.base_url()),
            credentials,
            company_id: None,
            this_company_only: false,
            zone,
            company_zones: BTreeMap::new(),
            currency: Currency::USD,
            daily_requests: Some(Self::DAILY),
            reserved_requests: reserve(Self::DAILY),
            requests_per_second: Some(5),
            rows: Self::MAX_ROWS,
            start_from,
            sweeps: Sweeps::default(),
            memberships: MembershipReads::default(),
            webhooks: None,
            dialect: Dialect::of(product),
        }
    }

    /// Reads a configuration section; `zone` is the practice's. `None` if there was a problem;
    /// they are all noted in `settings`. Secrets may be `env:NAME`, which `lookup` resolves.
    pub fn from_settings(
        settings: &mut Settings,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let product = settings.choice("product", &Product::WORDS);
        // With an unknown product nobody can say which credentials belong.
        let known = product.unwrap_or(Product::Essentials);
        let company_id = settings.optional("company_id").map(|it| it.trim().to_owned());
        let practice = match &company_id {
            Some(company) if known != Product::Pro => Some(settings.text("practice_id", company)),
            _ => settings.required("practice_id"),
        };
        let this_company_only = settings.flag("this_company_only", false);
        if this_company_only && company_id.is_none() {
            settings.problem("this_company_only", "needs `company_id`");
        }
        let credentials = credentials(settings, known, lookup);
        let base_url = base_url(settings, "base_url", Some(known.base_url()));
        let start_from = settings.instant("start_from", zone);
        let daily = settings.integer("daily_requests", Self::DAILY);
        let reserved = settings.integer("reserved_requests", reserve(daily));
        if daily > 0 && reserved >= daily {
            settings.problem("reserved_requests", "must be less than `daily_requests`");
        }
        let per_second = settings.integer("requests_per_second", 5);
        if per_second > 1000 {
            settings.problem("requests_per_second", "must be at most 1000; 0 is unlimited");
        }
        let rows = settings.integer("rows", Self::MAX_ROWS.into());
        if !(1..=u64::from(Self::MAX_ROWS)).contains(&rows) {
            settings.problem("rows", "must be 1 to 100, the most that PatientNow serves");
        }
        let currency = settings.currency("currency");
        let company_zones = company_zones(settings);
        let sweeps = sweeps(settings);
        let memberships = settings.choice(
            "memberships",
            &[
                ("orders", MembershipReads::Orders),
                ("customers", MembershipReads::Customers),
                ("off", MembershipReads::Off),
            ],
        );
        let webhooks = WebhookConfig::from_settings(settings, lookup);
        let dialect = Dialect::read(settings, known);
        Some(Self {
            product: product?,
            practice: PracticeId::new(practice?.trim()),
            base_url: base_url?,
            credentials: credentials?,
            company_id,
            this_company_only,
            zone,
            company_zones,
            currency: currency?,
            daily_requests: Some(daily).filter(|it| *it > 0),
            reserved_requests: reserved,
            requests_per_second: u32::try_from(per_second).ok().filter(|it| *it > 0),
            rows: u32::try_from(rows).ok()?,
            start_from: start_from?,
            sweeps,
            memberships: memberships?,
            webhooks,
            dialect,
        })
    }

    /// The zone of a location.
    pub(crate) fn zone_of(&self, company: Option<&str>) -> Tz {
        company.and_then(|company| self.company_zones.get(company)).copied().unwrap_or(self.zone)
    }

    /// Whether a record of this location is read at all.
    pub(crate) fn concerns(&self, company: Option<&str>) -> bool {
        match (&self.company_id, company) {
            (Some(ours), Some(theirs)) if self.this_company_only => ours == theirs,
            _ => true,
        }
    }
}

/// Three tenths of a day: at the sizes in the README that is what webhooks need.
fn reserve(daily: u64) -> u64 {
    daily.saturating_mul(3) / 10
}

fn credentials(
    settings: &mut Settings,
    product: Product,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<Credentials> {
    let api_key = settings.secret("api_key", lookup);
    if product == Product::Pro {
        for key in ["username", "password"] {
            settings.misplaced(key, "is not for pro, which takes a token as `api_key`");
        }
        return Some(Credentials::Token(api_key?));
    }
    let username = settings.secret("username", lookup);
    if username.as_ref().is_some_and(|name| name.expose().contains(':')) {
        settings.problem("username", "must not have a colon, which HTTP Basic cannot carry");
    }
    let password = settings.secret("password", lookup);
    Some(Credentials::Gateway { api_key: api_key?, username: username?, password: password? })
}

fn sweeps(settings: &mut Settings) -> Sweeps {
    let default = Sweeps::default();
    let mut days = |key: &str, default: u32| {
        let days = settings.integer(key, default.into());
        if days > 366 {
            settings.problem(key, "must be at most 366");
        }
        u32::try_from(days).unwrap_or(default)
    };
    let past_days = days("sweep_past_days", default.past_days);
    let days_ahead = days("sweep_days_ahead", default.days_ahead);
    let order_days = days("sweep_order_days", default.order_days);
    let minutes = settings.integer("sweep_every_minutes", default.every.as_secs() / 60);
    if !(1..=24 * 60).contains(&minutes) {
        settings.problem("sweep_every_minutes", "must be 1 to 1440");
    }
    let every = Duration::from_secs(minutes.saturating_mul(60));
    Sweeps { every, past_days, days_ahead, order_days }
}

fn company_zones(settings: &mut Settings) -> BTreeMap<String, Tz> {
    settings.within("company_zones", |section| {
        let companies = section.keys().into_iter();
        let zones =
            companies.filter_map(|company| Some((company.clone(), section.zone(&company)?)));
        zones.collect()
    })
}

/// A URL that is written in this crate.
#[allow(clippy::expect_used, reason = "a test parses each of them")]
fn constant(text: &str) -> Url {
    Url::parse(text).expect("a valid URL")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America::{Los_Angeles, New_York};
    use serde_json::json;

    fn read(section: serde_json::Value) -> Result<PatientNowConfig, String> {
        let mut settings = Settings::new("patientnow", section);
        let lookup = |name: &str| (name == "PN_SECRET").then(|| "hush".to_owned());
        let config = PatientNowConfig::from_settings(&mut settings, New_York, &lookup);
        let problems = settings.finish();
        if problems.is_empty() { Ok(config.unwrap()) } else { Err(problems.to_string()) }
    }

    #[test]
    fn essentials_is_the_default_and_its_company_names_the_practice() {
        let config = read(json!({
            "company_id": "12", "api_key": "env:PN_SECRET", "username": "apiuser",
            "password": "env:PN_SECRET", "start_from": "2031-05-01",
        }))
        .unwrap();
        assert_eq!(config.product, Product::Essentials);
        assert_eq!(config.practice.as_str(), "12");
        assert_eq!(config.base_url.as_str(), "https://api.envisiongo.com/api/v1");
        assert_eq!((config.daily_requests, config.reserved_requests), (Some(1000), 300));
        assert_eq!((config.rows, config.sweeps), (100, Sweeps::default()));
        assert_eq!(config.start_from.to_rfc3339(), "2031-05-01T04:00:00+00:00");
        assert!(config.webhooks.is_none());
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn pro_takes_a_token_and_a_practice() {
        let config = read(json!({
            "product": "pro", "practice_id": "p-7", "api_key": "env:PN_SECRET",
            "start_from": "2031-05-01T00:00:00Z", "company_zones": { "9": "America/Los_Angeles" },
            "webhooks": { "verifier": "shared-secret", "header": "X-Key", "secret": "env:PN_SECRET" },
            "memberships": "off", "daily_requests": 0, "sweep_every_minutes": 15,
        }))
        .unwrap();
        assert!(matches!(config.credentials, Credentials::Token(_)));
        assert_eq!(config.dialect.paths.orders, "bills");
        assert_eq!(config.zone_of(Some("9")), Los_Angeles);
        assert_eq!(config.zone_of(Some("8")), New_York);
        assert_eq!(config.daily_requests, None);
        assert_eq!(config.memberships, MembershipReads::Off);
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let text = read(json!({
            "product": "pne", "username": "api:user", "password": "env:NOPE", "rows": 200,
            "start_from": "yesterday", "base_url": "http://api.example.test", "currency": "dollars",
            "this_company_only": true, "daily_requests": 100, "reserved_requests": 100,
            "sweep_every_minutes": 0, "sweep_days_ahead": 1000, "memberships": "all",
            "company_zones": { "12": "Riverside" },
            "webhooks": { "verifier": "none", "header": "X Bad" },
        }))
        .unwrap_err();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_default_urls_are_urls() {
        for (_, product) in Product::WORDS {
            assert!(cannula_http::check_base(&constant(product.base_url())).is_ok());
        }
    }
}
