use std::{fmt, time::Duration};

use cannula_core::{Currency, PatientField, PracticeId, Secret, Settings};
use cannula_http::base_url;
use chrono_tz::Tz;
use serde_json::Value;
use url::Url;

/// The vendor's API host. Some tenants have another.
pub(crate) const BASE_URL: &str = "https://api.zenoti.com";
/// The header that carries a delivery's signature, as reported from live traffic.
const SIGNATURE_HEADER: &str = "zenoti-webhook-signature";
/// Zenoti's own number of the United States, and their dialling code.
const UNITED_STATES: (i64, &str) = (225, "1");

/// How to reach one practice: one or more centers of an organisation.
#[derive(Clone, Debug)]
pub struct ZenotiConfig {
    /// The practice of every event.
    pub practice: PracticeId,
    /// The API's root, without `/v1`.
    pub base_url: Url,
    /// Who we are.
    pub credentials: Credentials,
    /// The organisation; deliveries about others are of no concern.
    pub organization: Option<String>,
    /// The centers, the home of new guests first. Never empty.
    pub centers: Vec<Center>,
    /// What amounts are in: Zenoti's numbers of currencies contradict each other.
    pub currency: Currency,
    /// Calls a minute, which all apps of the organisation share; `None` is unlimited, for tests.
    pub requests_per_minute: Option<u32>,
    /// The repair sweeps.
    pub sweeps: Sweeps,
    /// What webhooks are proven by; `None` if there are none.
    pub webhooks: Option<WebhookConfig>,
    /// What the organisation demands of new guests besides first and last name. E-mail, phone and
    /// birth date are always demanded: without them nobody can tell who is who.
    pub required_fields: Vec<PatientField>,
    /// Zenoti's number of the country of addresses and of phone numbers without a dialling code.
    pub country_id: i64,
    /// The dialling code of that country, without the plus.
    pub phone_code: String,
    /// Whether one search goes over all centers, as the organisation's setting must then allow.
    pub search_across_centers: bool,
}

/// The two ways to sign in.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A backend app's key.
    ApiKey(Secret),
    /// A user's password, for access tokens that are limited by the user's role.
    Password {
        /// The account, which names the organisation.
        account_name: String,
        /// The user.
        user_name: Secret,
        /// The user's password.
        password: Secret,
        /// The backend app's id.
        app_id: String,
        /// The backend app's secret.
        app_secret: Secret,
        /// What the token is said to be for.
        device_id: String,
    },
}

/// A center of the practice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Center {
    /// Its id, in lower case.
    pub id: String,
    /// Its time zone. Zenoti's times carry none.
    pub zone: Tz,
    /// What it is called; where absent Zenoti is asked.
    pub name: Option<String>,
}

/// What is read again, and how often, in case a webhook was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sweeps {
    /// The time from the start of one sweep to the next. Default half an hour.
    pub every: Duration,
    /// Days before today. Default 7.
    pub days_back: u32,
    /// Days after today. Default 90.
    pub days_ahead: u32,
    /// Invoices of past visits read in one sweep; the next goes on from there. Default 120.
    pub invoices: u32,
    /// Guests whose memberships are read in one sweep; the next goes on from there. Default 60.
    pub members: u32,
}

impl Default for Sweeps {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(30 * 60),
            days_back: 7,
            days_ahead: 90,
            invoices: 120,
            members: 60,
        }
    }
}

/// What deliveries are proven by. `Debug` shows how many secrets there are.
#[derive(Clone)]
pub struct WebhookConfig {
    /// The webhook's secret; several while it is being changed.
    pub secrets: Vec<Secret>,
    /// The header that carries the signature, in any case.
    pub header: String,
}

impl WebhookConfig {
    /// The configuration with the reported header.
    pub fn new(secret: Secret) -> Self {
        Self { secrets: vec![secret], header: SIGNATURE_HEADER.to_owned() }
    }

    /// Reads the section `[zenoti.webhooks]`, noting every problem in `settings`.
    pub fn from_settings(
        settings: &mut Settings,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let secret = settings.secret("secret", lookup);
        let previous = if settings.has("previous_secret") {
            settings.secret("previous_secret", lookup)
        } else {
            settings.optional("previous_secret").map(Secret::new)
        };
        let header = settings.text("header", SIGNATURE_HEADER);
        let secrets = [Some(secret?), previous].into_iter().flatten().collect();
        Some(Self { secrets, header: header.trim().to_owned() })
    }
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("secrets", &self.secrets.len())
            .field("header", &self.header)
            .finish()
    }
}

impl ZenotiConfig {
    /// The most days that can be swept, before and after today.
    const MOST_DAYS: u64 = 730;

    /// A configuration of one center with the vendor's own host and limits.
    pub fn new(credentials: Credentials, center: Center) -> Self {
        let center = Center { id: center.id.trim().to_lowercase(), ..center };
        Self {
            practice: PracticeId::new(&*center.id),
            base_url: constant(BASE_URL),
            credentials,
            organization: None,
            centers: vec![center],
            currency: Currency::USD,
            requests_per_minute: Some(60),
            sweeps: Sweeps::default(),
            webhooks: None,
            required_fields: default_fields(),
            country_id: UNITED_STATES.0,
            phone_code: UNITED_STATES.1.to_owned(),
            search_across_centers: false,
        }
    }

    /// Reads a configuration section; `zone` is the one of centers that name none. `None` if
    /// there was a problem; they are all noted in `settings`. Secrets may be `env:NAME`, which
    /// `lookup` resolves.
    pub fn from_settings(
        settings: &mut Settings,
        zone: Tz,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let credentials = credentials(settings, lookup);
        let centers = centers(settings, zone);
        let practice = settings.optional("practice_id");
        let organization = settings.optional("organization_id").map(|id| id.trim().to_lowercase());
        let base_url = address(settings);
        let currency = settings.currency("currency");
        let per_minute = settings.integer("requests_per_minute", 60);
        if per_minute > 10_000 {
            settings.problem("requests_per_minute", "must be at most 10000; 0 is unlimited");
        }
        let sweeps = sweeps(settings);
        let given = settings.has("webhooks");
        let webhooks = settings.within("webhooks", |section| match given {
            true => WebhookConfig::from_settings(section, lookup).map(Some),
            false => Some(None),
        });
        let required_fields = required_fields(settings);
        let country_id = settings.integer("country_id", UNITED_STATES.0.unsigned_abs());
        let phone_code = phone_code(settings);
        let search_across_centers = settings.flag("search_across_centers", false);
        let centers = centers?;
        let first = centers.first()?;
        Some(Self {
            practice: PracticeId::new(practice.as_deref().unwrap_or(&first.id).trim()),
            base_url: base_url?,
            credentials: credentials?,
            organization,
            centers,
            currency: currency?,
            requests_per_minute: u32::try_from(per_minute).ok().filter(|it| *it > 0),
            sweeps: sweeps?,
            webhooks: webhooks?,
            required_fields: required_fields?,
            country_id: i64::try_from(country_id).ok()?,
            phone_code: phone_code?,
            search_across_centers,
        })
    }

    /// One of our centers, by its id in any case.
    pub(crate) fn center(&self, id: &str) -> Option<&Center> {
        self.centers.iter().find(|center| center.id.eq_ignore_ascii_case(id.trim()))
    }
}

fn credentials(
    settings: &mut Settings,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Option<Credentials> {
    const KEYS: [&str; 6] =
        ["account_name", "user_name", "password", "app_id", "app_secret", "device_id"];
    if settings.has("api_key") || !KEYS.iter().any(|key| settings.has(key)) {
        for key in KEYS {
            settings.misplaced(key, "is for access tokens; with `api_key` there are none");
        }
        return settings.secret("api_key", lookup).map(Credentials::ApiKey);
    }
    let account_name = settings.required("account_name");
    let user_name = settings.secret("user_name", lookup);
    let password = settings.secret("password", lookup);
    let app_id = settings.required("app_id");
    let app_secret = settings.secret("app_secret", lookup);
    let device_id = settings.text("device_id", "cannula");
    Some(Credentials::Password {
        account_name: account_name?,
        user_name: user_name?,
        password: password?,
        app_id: app_id?,
        app_secret: app_secret?,
        device_id,
    })
}

/// `center_id` for one center, or `centers`, a list of sections with `id`, `zone` and `name`.
fn centers(settings: &mut Settings, zone: Tz) -> Option<Vec<Center>> {
    let Some(value) = settings.take("centers") else {
        let id = settings.required("center_id")?.trim().to_lowercase();
        return Some(vec![Center { id, zone, name: settings.optional("center_name") }]);
    };
    for key in ["center_id", "center_name"] {
        settings.misplaced(key, "is for a single center; `centers` lists them all");
    }
    let Value::Array(sections) = value else {
        settings.problem("centers", "must be a list of sections with `id`, `zone` and `name`");
        return None;
    };
    if sections.is_empty() {
        settings.problem("centers", "must hold a center");
        return None;
    }
    let mut centers = Vec::new();
    for (index, section) in sections.into_iter().enumerate() {
        let mut section = Settings::new(settings.path_of(&format!("centers[{index}]")), section);
        let id = section.required("id");
        let zone = if section.has("zone") { section.zone("zone") } else { Some(zone) };
        let name = section.optional("name");
        if let (Some(id), Some(zone)) = (id, zone) {
            centers.push(Center { id: id.trim().to_lowercase(), zone, name });
        }
        settings.absorb(section.finish());
    }
    (!centers.is_empty()).then_some(centers)
}

fn sweeps(settings: &mut Settings) -> Option<Sweeps> {
    let default = Sweeps::default();
    let minutes = settings.integer("sweep_every_minutes", default.every.as_secs() / 60);
    if !(1..=24 * 60).contains(&minutes) {
        settings.problem("sweep_every_minutes", "must be between 1 and 1440");
    }
    let mut days = |key, default: u32| {
        let days = settings.integer(key, default.into());
        if days > ZenotiConfig::MOST_DAYS {
            settings.problem(key, format!("must be at most {}", ZenotiConfig::MOST_DAYS));
        }
        u32::try_from(days).ok()
    };
    let days_back = days("sweep_days_back", default.days_back);
    let days_ahead = days("sweep_days_ahead", default.days_ahead);
    let invoices = settings.integer("sweep_invoices", default.invoices.into());
    let members = settings.integer("sweep_members", default.members.into());
    Some(Sweeps {
        every: Duration::from_secs(minutes.saturating_mul(60)),
        days_back: days_back?,
        days_ahead: days_ahead?,
        invoices: u32::try_from(invoices).unwrap_or(u32::MAX),
        members: u32::try_from(members).unwrap_or(u32::MAX),
    })
}

/// What a new guest can be given, by the words of the configuration.
const FIELDS: [(&str, PatientField); 10] = [
    ("first_name", PatientField::FirstName),
    ("last_name", PatientField::LastName),
    ("email", PatientField::Email),
    ("phone", PatientField::Phone),
    ("birth_date", PatientField::BirthDate),
    ("gender", PatientField::Gender),
    ("street", PatientField::Street),
    ("city", PatientField::City),
    ("state", PatientField::State),
    ("postal_code", PatientField::PostalCode),
];

fn default_fields() -> Vec<PatientField> {
    vec![PatientField::Email, PatientField::Phone, PatientField::BirthDate]
}

fn required_fields(settings: &mut Settings) -> Option<Vec<PatientField>> {
    let Some(value) = settings.take("required_fields") else { return Some(default_fields()) };
    let words = serde_json::from_value::<Vec<String>>(value).ok();
    let field =
        |word: &String| FIELDS.iter().find(|(name, _)| name == word).map(|(_, field)| *field);
    let listed: Option<Vec<_>> = words.and_then(|words| words.iter().map(field).collect());
    let Some(listed) = listed else {
        let known = FIELDS.map(|(word, _)| word).join(", ");
        settings.problem("required_fields", format!("must be a list of: {known}"));
        return None;
    };
    // Without these nobody can tell who is who, so they are demanded, listed or not.
    let mut fields = default_fields();
    fields.extend(listed.into_iter().filter(|field| !default_fields().contains(field)));
    Some(fields)
}

fn phone_code(settings: &mut Settings) -> Option<String> {
    let code = settings.text("phone_code", UNITED_STATES.1);
    let code = code.trim().trim_start_matches('+').to_owned();
    if (1..=4).contains(&code.len()) && code.bytes().all(|it| it.is_ascii_digit()) {
        return Some(code);
    }
    settings.problem("phone_code", "must be a dialling code such as `1`");
    None
}

/// The API's address, to which every path adds its `/v1`.
fn address(settings: &mut Settings) -> Option<Url> {
    let url = base_url(settings, "base_url", Some(BASE_URL))?;
    if url.path().trim_end_matches('/').ends_with("/v1") {
        settings.problem("base_url", "must end before `/v1`, which every path starts with");
        return None;
    }
    Some(url)
}

/// A URL that is written in this crate.
#[allow(clippy::expect_used, reason = "a test parses it")]
fn constant(text: &str) -> Url {
    Url::parse(text).expect("a valid URL")
}
