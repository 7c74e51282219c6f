use std::time::Duration;

use cannula_core::{Currency, PracticeId, Secret, Settings};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use url::Url;

use crate::{
    new_patients::NewPatients,
    new_payments::NewPayments,
    profile::{Product, TOKEN_URL},
};

/// How to reach one practice.
#[derive(Clone, Debug)]
pub struct NextechConfig {
    /// The product the practice runs on.
    pub product: Product,
    /// The value of `nx-practice-id`, which selects the practice.
    pub practice: PracticeId,
    /// The API's root.
    pub base_url: Url,
    /// Where tokens come from.
    pub token_url: Url,
    /// Who we are.
    pub credentials: Credentials,
    /// The practice's time zone.
    pub zone: Tz,
    /// A feed that was never read starts with records changed at or after this instant.
    pub start_from: DateTime<Utc>,
    /// How far before its mark a sweep starts, for records committed late.
    pub overlap: Duration,
    /// Rows a page, 1 to 50.
    pub page_size: u32,
    /// Requests a second and endpoint; `None` is unlimited, for tests and benchmarks.
    pub requests_per_second: Option<u32>,
    /// Requests a day; `None` is unlimited.
    pub daily_requests: Option<u64>,
    /// Whether payments are read.
    pub payments: bool,
    /// What the practice's amounts are in: Nextech prints numbers without a currency.
    pub currency: Currency,
    /// What new patients get besides what a contact holds.
    pub new_patients: NewPatients,
    /// What new payments get besides what is posted.
    pub new_payments: NewPayments,
}

/// The two grants, and what the token is for.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Select: an API user's name and password, then refresh tokens.
    Password {
        /// The application id.
        client_id: String,
        /// The API user's name.
        username: Secret,
        /// The API user's password.
        password: Secret,
        /// The token's audience.
        resource: String,
    },
    /// Practice+: a partner's id and secret.
    ClientSecret {
        /// The partner id.
        client_id: String,
        /// The partner secret.
        client_secret: Secret,
        /// The token's audience, given by Nextech.
        resource: String,
    },
}

impl NextechConfig {
    /// The largest page Nextech serves.
    const MAX_PAGE: u64 = 50;

    /// A configuration with the vendor's own hosts and limits.
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
            base_url: constant(product.profile().base_url),
            token_url: constant(TOKEN_URL),
            credentials,
            zone,
            start_from,
            overlap: Duration::from_secs(600),
            page_size: 50,
            requests_per_second: Some(20),
            daily_requests: None,
            payments: true,
            currency: Currency::USD,
            new_patients: NewPatients::new(product),
            new_payments: NewPayments::default(),
        }
    }

    /// Reads a configuration section; `zone` is the practice's. `None` if there was a problem;
    /// they are all noted in `settings`. Secrets may be `env:NAME`, which `lookup` resolves.
    pub fn from_settings(
        settings: &mut Settings,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let product = product(settings);
        let practice = settings.required("practice_id");
        let credentials = match product {
            Some(product) => credentials(settings, product, lookup),
            None => ignore_credentials(settings),
        };
        let start_from = settings.instant("start_from", zone);
        let base_url =
            cannula_http::base_url(settings, "base_url", product.map(|it| it.profile().base_url));
        let token_url = cannula_http::base_url(settings, "token_url", Some(TOKEN_URL));
        let overlap = settings.integer("overlap_minutes", 10);
        let page_size = settings.integer("page_size", Self::MAX_PAGE);
        if !(1..=Self::MAX_PAGE).contains(&page_size) {
            settings.problem("page_size", "must be 1 to 50, the most that Nextech serves");
        }
        let per_second = settings.integer("requests_per_second", 20);
        if per_second > 1000 {
            settings.problem("requests_per_second", "must be at most 1000; 0 is unlimited");
        }
        let daily = settings.integer("daily_requests", 0);
        let payments = settings.flag("payments", true);
        let currency = settings.currency("currency");
        let new_patients = NewPatients::from_settings(settings, product);
        let new_payments = NewPayments::from_settings(settings, product);
        Some(Self {
            product: product?,
            practice: PracticeId::new(practice?.trim()),
            base_url: base_url?,
            token_url: token_url?,
            credentials: credentials?,
            zone,
            start_from: start_from?,
            overlap: Duration::from_secs(overlap.saturating_mul(60)),
            page_size: u32::try_from(page_size).ok()?,
            requests_per_second: u32::try_from(per_second).ok().filter(|it| *it > 0),
            daily_requests: Some(daily).filter(|it| *it > 0),
            payments,
            currency: currency?,
            new_patients: new_patients?,
            new_payments: new_payments?,
        })
    }
}

fn product(settings: &mut Settings) -> Option<Product> {
    let text = settings.required("product")?;
    let found = Product::WORDS.iter().find(|(word, _)| *word == text);
    if found.is_none() {
        settings.problem("product", format!("“{text}” is not one of: select, practice-plus"));
    }
    found.map(|(_, product)| *product)
}

fn credentials(
    settings: &mut Settings,
    product: Product,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<Credentials> {
    let client_id = settings.required("client_id");
    let profile = product.profile();
    match product {
        Product::Select => {
            settings.misplaced("client_secret", "is for practice-plus");
            let username = settings.secret("username", lookup);
            let password = settings.secret("password", lookup);
            let resource = settings.optional("resource").or(profile.resource.map(str::to_owned));
            Some(Credentials::Password {
                client_id: client_id?,
                username: username?,
                password: password?,
                resource: resource?,
            })
        }
        Product::PracticePlus => {
            settings.misplaced("username", "is for select");
            settings.misplaced("password", "is for select; practice-plus takes `client_secret`");
            let client_secret = settings.secret("client_secret", lookup);
            let resource = settings.required("resource");
            Some(Credentials::ClientSecret {
                client_id: client_id?,
                client_secret: client_secret?,
                resource: resource?,
            })
        }
    }
}

/// With an unknown product nobody can say which of these belong, so none is called unknown.
fn ignore_credentials(settings: &mut Settings) -> Option<Credentials> {
    for key in ["client_id", "username", "password", "client_secret", "resource"] {
        settings.take(key);
    }
    None
}

/// A URL that is written in this crate.
#[allow(clippy::expect_used, reason = "a test parses each of them")]
fn constant(text: &str) -> Url {
    Url::parse(text).expect("a valid URL")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America::New_York;
    use serde_json::json;

    fn read(section: serde_json::Value) -> Result<NextechConfig, String> {
        let mut settings = Settings::new("nextech", section);
        let lookup = |name: &str| (name == "NX_PASSWORD").then(|| "hush".to_owned());
        let config = NextechConfig::from_settings(&mut settings, New_York, &lookup);
        let problems = settings.finish();
        if problems.is_empty() { Ok(config.unwrap()) } else { Err(problems.to_string()) }
    }

    #[test]
    fn select_needs_a_user_and_defaults_the_rest() {
        let config = read(json!({
            "product": "select", "practice_id": "6F1C", "client_id": "app", "username": "u@x",
            "password": "env:NX_PASSWORD", "start_from": "2031-05-01",
        }))
        .unwrap();
        assert_eq!(config.base_url.as_str(), "https://select.nextech-api.com/api");
        assert_eq!(config.token_url.as_str(), TOKEN_URL);
        assert_eq!(config.start_from.to_rfc3339(), "2031-05-01T04:00:00+00:00");
        assert_eq!((config.page_size, config.requests_per_second), (50, Some(20)));
        assert_eq!(config.daily_requests, None);
        assert_eq!((config.payments, config.currency), (true, Currency::USD));
        let Credentials::Password { password, resource, .. } = &config.credentials else {
            panic!("{config:?}")
        };
        assert_eq!(password.expose(), "hush");
        assert_eq!(resource, "https://select.nextech-api.com/api");
        assert!(!format!("{config:?}").contains("hush"));
    }

    #[test]
    fn practice_plus_needs_a_partner_secret_and_the_resource() {
        let config = read(json!({
            "product": "practice-plus", "practice_id": "p", "client_id": "partner",
            "client_secret": "s", "resource": "api://partner",
            "start_from": "2031-05-01T12:00:00Z", "base_url": "http://127.0.0.1:9/x",
            "daily_requests": 1000, "requests_per_second": 0, "overlap_minutes": 3,
            "payments": false, "currency": "CAD",
        }))
        .unwrap();
        assert_eq!((config.payments, config.currency), (false, Currency::CAD));
        assert_eq!(config.base_url.as_str(), "http://127.0.0.1:9/x");
        assert_eq!((config.daily_requests, config.requests_per_second), (Some(1000), None));
        assert_eq!(config.overlap, Duration::from_secs(180));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let text = read(json!({
            "product": "select", "client_id": "app", "password": "env:NOPE", "page_size": 51,
            "start_from": "yesterday", "base_url": "select", "client_secret": "s",
            "token_url": "http://login.example.test/token", "currency": "dollars",
        }))
        .unwrap_err();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_new_patients_get_is_read_with_the_rest() {
        let config = |status: &str| {
            read(json!({
                "product": "practice-plus", "practice_id": "p", "client_id": "partner",
                "client_secret": "s", "resource": "api://partner", "start_from": "2031-05-01",
                "new_patients": { "status": status, "referral_sources": { "Instagram": 6 } },
            }))
        };
        let new_patients = config("Not Yet Seen").unwrap().new_patients;
        assert_eq!(new_patients.status, "Not Yet Seen");
        assert_eq!(new_patients.referral_sources[0].name, "Instagram");
        let text = config("prospect").unwrap_err();
        assert!(text.contains("nextech.new_patients.status: “prospect” is not one of"), "{text}");
    }

    #[test]
    fn an_unknown_product_is_one_problem_and_not_five() {
        let text = read(json!({
            "product": "Select", "practice_id": "p", "client_id": "app", "username": "u",
            "password": "p", "start_from": "2031-05-01",
        }))
        .unwrap_err();
        assert_eq!(text, "  nextech.product: “Select” is not one of: select, practice-plus");
    }

    #[test]
    fn the_default_urls_are_urls() {
        for product in [Product::Select, Product::PracticePlus] {
            constant(product.profile().base_url);
        }
        constant(TOKEN_URL);
    }
}
