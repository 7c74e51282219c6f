//! What the connector is told: where, as whom, and how the location is set up.

use std::{path::Path, sync::Arc, time::Duration};

use cannula_core::{Secret, Settings};
use cannula_http::{Quota, check_base};
use phonenumber::country;
use url::Url;

use crate::{FileTokenStore, TokenStore};

/// Where every HighLevel location is served, white-labelled or not.
pub const DEFAULT_BASE_URL: &str = "https://services.leadconnectorhq.com";

/// Calls in ten seconds and in a day that the vendor documents for one app on one location.
const BURST: u64 = 100;
const DAILY: u64 = 200_000;

/// The value of the `Version` header, which also decides a few spellings on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiVersion {
    /// `2021-07-28`: what the published contact and opportunity specifications declare.
    #[default]
    V20210728,
    /// `2023-02-21`: the default of the vendor's own client library.
    V20230221,
    /// `v3`: camel-case query keys and `fieldValue`.
    V3,
}

impl ApiVersion {
    const CHOICES: [(&'static str, Self); 3] = [
        (Self::V20210728.as_str(), Self::V20210728),
        (Self::V20230221.as_str(), Self::V20230221),
        (Self::V3.as_str(), Self::V3),
    ];

    /// The header's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V20210728 => "2021-07-28",
            Self::V20230221 => "2023-02-21",
            Self::V3 => "v3",
        }
    }
}

/// The location's setting *Allow Duplicate Contact*. No endpoint tells it, so it is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// Off, as Aesthetix keeps it: a second contact with the same e-mail or phone is refused.
    #[default]
    Refused,
    /// On: contacts are looked for before one is created.
    Allowed,
}

/// What the connector proves its right to the location with.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A private integration token of the sub-account. It has no expiry and is never refreshed.
    PrivateToken(Secret),
    /// A marketplace app installed on the location.
    OAuth(OAuth),
}

/// The credentials of a marketplace app. Each refresh token works once, so the pair in force is
/// kept in `store` and the one given here only begins the chain.
#[derive(Clone, Debug)]
pub struct OAuth {
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: Secret,
    /// The refresh token that came with the installation.
    pub refresh_token: Secret,
    /// Where the pair in force is kept.
    pub store: Arc<dyn TokenStore>,
}

/// Everything [`Aesthetix::new`](crate::Aesthetix::new) needs.
#[derive(Clone, Debug)]
pub struct AesthetixConfig {
    /// The API's base; default [`DEFAULT_BASE_URL`].
    pub base_url: Url,
    /// The sub-account ("location").
    pub location_id: String,
    /// Private token or app.
    pub credentials: Credentials,
    /// The `Version` header.
    pub version: ApiVersion,
    /// The country that phone numbers without a prefix belong to.
    pub country: country::Id,
    /// The location's duplicate setting.
    pub duplicates: Duplicates,
    /// Calls allowed per ten seconds and per day; `None` leaves throttling to the vendor.
    pub quota: Option<Quota>,
}

impl AesthetixConfig {
    /// A configuration with the defaults for everything else.
    pub fn new(base_url: Url, location_id: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            base_url,
            location_id: location_id.into(),
            credentials,
            version: ApiVersion::default(),
            country: country::Id::US,
            duplicates: Duplicates::default(),
            quota: Some(quota(BURST, DAILY)),
        }
    }

    /// Reads the section, noting every problem in `settings`; files are relative to `directory`,
    /// and `lookup` reads the environment for secrets written as `env:NAME`. `None` means that
    /// something needed is missing or wrong.
    ///
    /// Keys: `location_id`, then `token` or the section `oauth` (`client_id`, `client_secret`,
    /// `refresh_token`, `token_file`); optional `base_url`, `version`, `country`, `duplicates`
    /// (`refused` or `allowed`), `calls_per_10_seconds`, `calls_per_day`.
    pub fn from_settings(
        settings: &mut Settings,
        directory: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let location_id = settings.required("location_id");
        let credentials = credentials(settings, directory, lookup);
        let base_url = base_url(settings);
        let version = settings.choice("version", &ApiVersion::CHOICES);
        let country = country(settings);
        let duplicates = settings.choice(
            "duplicates",
            &[("refused", Duplicates::Refused), ("allowed", Duplicates::Allowed)],
        );
        let burst = at_least_one(settings, "calls_per_10_seconds", BURST);
        let daily = at_least_one(settings, "calls_per_day", DAILY);
        Some(Self {
            version: version?,
            country: country?,
            duplicates: duplicates?,
            quota: Some(quota(burst, daily)),
            ..Self::new(base_url?, location_id?, credentials?)
        })
    }
}

/// Nine tenths of the burst, so that two clocks that disagree do not cross the line, and a tenth
/// of the day kept for urgent work.
fn quota(burst: u64, daily: u64) -> Quota {
    Quota {
        burst: u32::try_from((burst * 9 / 10).max(1)).unwrap_or(u32::MAX),
        per: Duration::from_secs(10),
        daily: Some(daily),
        reserve: daily / 10,
    }
}

fn at_least_one(settings: &mut Settings, key: &str, default: u64) -> u64 {
    let value = settings.integer(key, default);
    if value == 0 {
        settings.problem(key, "must be at least 1");
    }
    value
}

fn base_url(settings: &mut Settings) -> Option<Url> {
    let text = settings.text("base_url", DEFAULT_BASE_URL);
    let problem = match Url::parse(&text) {
        Ok(url) => match check_base(&url) {
            Ok(()) => return Some(url),
            Err(problem) => problem.to_owned(),
        },
        Err(_) => format!("must be a URL such as {DEFAULT_BASE_URL}"),
    };
    settings.problem("base_url", problem);
    None
}

fn country(settings: &mut Settings) -> Option<country::Id> {
    let text = settings.text("country", "US");
    let country = text.parse().ok();
    if country.is_none() {
        settings
            .problem("country", format!("“{text}” is not a two-letter country code such as US"));
    }
    country
}

fn credentials(
    settings: &mut Settings,
    directory: &Path,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<Credentials> {
    let keys = settings.keys();
    let given = |key: &str| keys.iter().any(|name| name == key);
    match (given("token"), given("oauth")) {
        (true, false) => settings.secret("token", lookup).map(Credentials::PrivateToken),
        (false, true) => settings
            .within("oauth", |section| oauth(section, directory, lookup))
            .map(Credentials::OAuth),
        (both, _) => {
            // Both keys are known ones, so that neither is reported as unknown as well.
            settings.take("token");
            settings.take("oauth");
            let problem = if both {
                "give either `token` or the section `oauth`, not both"
            } else {
                "is missing; give a private integration token here, or the section `oauth`"
            };
            settings.problem("token", problem);
            None
        }
    }
}

fn oauth(
    section: &mut Settings,
    directory: &Path,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<OAuth> {
    let client_id = section.required("client_id");
    let client_secret = section.secret("client_secret", lookup);
    let refresh_token = section.secret("refresh_token", lookup);
    let token_file = section.required("token_file");
    Some(OAuth {
        client_id: client_id?,
        client_secret: client_secret?,
        refresh_token: refresh_token?,
        store: Arc::new(FileTokenStore::new(directory.join(token_file?))),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(section: serde_json::Value) -> (Option<AesthetixConfig>, String) {
        let mut settings = Settings::new("aesthetix", section);
        let config =
            AesthetixConfig::from_settings(&mut settings, Path::new("practice"), &|name| {
                (name == "CRM_TOKEN").then(|| "pit-1".to_owned())
            });
        (config, settings.finish().to_string())
    }

    #[test]
    fn a_location_and_a_token_are_enough() {
        let (config, problems) = read(json!({ "location_id": "loc", "token": "env:CRM_TOKEN" }));
        let config = config.expect(&problems);
        assert_eq!(problems, "");
        assert_eq!(config.base_url.as_str(), "https://services.leadconnectorhq.com/");
        assert_eq!(config.version.as_str(), "2021-07-28");
        assert_eq!(config.duplicates, Duplicates::Refused);
        assert!(matches!(config.credentials, Credentials::PrivateToken(_)));
        let quota = config.quota.unwrap();
        assert_eq!((quota.burst, quota.daily, quota.reserve), (90, Some(200_000), 20_000));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let (config, problems) = read(json!({
            "base_url": "services.example.test",
            "version": "2020-01-01",
            "country": "Utopia",
            "duplicates": "sometimes",
            "calls_per_day": 0,
            "oauth": { "client_id": "c", "client_secret": "env:NOPE", "tokenfile": "x" },
        }));
        assert!(config.is_none());
        insta::assert_snapshot!(problems);
    }

    #[test]
    fn a_token_goes_over_plain_http_to_this_machine_only() {
        let with = |base_url: &str| {
            read(json!({ "location_id": "loc", "token": "t", "base_url": base_url })).1
        };
        assert_eq!(with("http://127.0.0.1:4010/crm"), "");
        assert_eq!(
            with("http://crm.example.test"),
            "  aesthetix.base_url: must use https; plain http is for loopback addresses only"
        );
    }

    #[test]
    fn neither_or_both_credentials_is_one_problem() {
        let (_, neither) = read(json!({ "location_id": "loc" }));
        let (_, both) = read(json!({ "location_id": "loc", "token": "t", "oauth": {} }));
        insta::assert_snapshot!(format!("{neither}\n{both}"));
    }

    #[test]
    fn a_debug_print_shows_no_secret() {
        let (config, _) = read(json!({ "location_id": "loc", "oauth": {
            "client_id": "c", "client_secret": "s3cret", "refresh_token": "r3fresh", "token_file": "t.json",
        }}));
        let text = format!("{:?}", config.unwrap());
        assert!(!text.contains("s3cret") && !text.contains("r3fresh"), "{text}");
    }
}
