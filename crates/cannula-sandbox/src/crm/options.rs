//! What a location is set up with, and the settings that can change while it is served.

use cannula_core::Secret;
use serde::{Deserialize, Serialize};

/// One location: its credentials, pipelines, custom fields and settings.
#[derive(Clone, Debug)]
pub struct CrmOptions {
    /// The sub-account's id.
    pub location_id: String,
    /// A private integration token; it starts with `pit-` and never expires.
    pub private_token: Secret,
    /// A Marketplace app that is installed on the location.
    pub oauth: OAuthClient,
    /// The pipelines.
    pub pipelines: Vec<PipelineOptions>,
    /// The custom fields of the contact that exist already.
    pub fields: Vec<FieldOptions>,
    /// The settings to start with.
    pub settings: CrmSettings,
}

impl Default for CrmOptions {
    /// A location as Aesthetix provisions it: both pipelines, the two visit dates as custom
    /// fields, and none of an EMR's own fields.
    fn default() -> Self {
        Self {
            location_id: "sbxLocationAesthetix".to_owned(),
            private_token: Secret::new("pit-5a4d0b0c-0000-4000-8000-00000000c0de"),
            oauth: OAuthClient {
                client_id: "sandbox-app".to_owned(),
                client_secret: Secret::new("sandbox-app-secret"),
                refresh_token: Secret::new("sandbox-refresh-token"),
            },
            pipelines: vec![
                PipelineOptions::new(
                    "Surgery: Lead 2 Patient",
                    &[
                        "New Lead",
                        "Replied",
                        "Consult Booked",
                        "Consult Complete",
                        "Surgery Scheduled",
                        "Surgery Complete",
                        "Cancelled / No-Show",
                    ],
                ),
                PipelineOptions::new(
                    "Lead 2 Patient",
                    &[
                        "New Lead",
                        "Replied",
                        "Booked",
                        "Consult Completed",
                        "Patient",
                        "Cancelled / No-Show",
                    ],
                ),
            ],
            fields: ["Next Visit Date", "Last Visit Date"]
                .map(|name| FieldOptions { name: name.to_owned(), data_type: "DATE".to_owned() })
                .into(),
            settings: CrmSettings::default(),
        }
    }
}

/// The credentials of a Marketplace app.
#[derive(Clone, Debug)]
pub struct OAuthClient {
    /// The app's id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: Secret,
    /// The refresh token that the installation ended with; good for one use.
    pub refresh_token: Secret,
}

/// A pipeline with its stages in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineOptions {
    /// Its name.
    pub name: String,
    /// The names of its stages; new opportunities start in the first.
    pub stages: Vec<String>,
}

impl PipelineOptions {
    /// A pipeline with these stages.
    pub fn new(name: &str, stages: &[&str]) -> Self {
        Self { name: name.to_owned(), stages: stages.iter().map(|&stage| stage.into()).collect() }
    }
}

/// A custom field of the contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldOptions {
    /// Its name.
    pub name: String,
    /// Its type as the API spells it, for example `DATE` or `TEXT`.
    pub data_type: String,
}

/// By what an upsert finds an existing contact (Settings, Business Profile, Contact
/// Deduplication Preferences).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dedupe {
    /// By e-mail address, then by phone.
    #[default]
    EmailFirst,
    /// By phone, then by e-mail address.
    PhoneFirst,
    /// By nothing: every upsert and create makes a new contact.
    Off,
}

/// Settings of the location, and switches for what is not known of the live service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrmSettings {
    /// By what an upsert finds an existing contact.
    pub dedupe: Dedupe,
    /// "Allow Duplicate Contact": two contacts may share an e-mail address or phone.
    pub allow_duplicate_contacts: bool,
    /// "Allow Duplicate Opportunities": a contact may have several in one pipeline.
    pub allow_duplicate_opportunities: bool,
    /// How long searches trail writes, in seconds. Reading by id is always current.
    pub search_lag_seconds: u64,
    /// Rows of a contact search have names as they were typed. Published copies of the vendor's
    /// reference differ; off, as by default, rows have them in lower case only.
    pub search_shows_typed_names: bool,
    /// The rate limits; `None` counts nothing and sends no rate headers.
    pub limits: Option<Limits>,
    /// Send `Retry-After` with 429. The vendor documents neither that it does nor that not.
    pub retry_after: bool,
    /// Answer an id that does not exist with 404. Off it is 400, the only one of the two that
    /// the published specification declares.
    pub unknown_id_is_404: bool,
    /// Answer an upsert that creates with 201, as the live service is reported to. Off it is
    /// 200, the only success that the published specification declares.
    pub upsert_creates_with_201: bool,
    /// Scopes that the credentials lack, for example `contacts.write`.
    pub withheld_scopes: Vec<String>,
}

impl Default for CrmSettings {
    fn default() -> Self {
        Self {
            dedupe: Dedupe::EmailFirst,
            allow_duplicate_contacts: false,
            allow_duplicate_opportunities: false,
            search_lag_seconds: 8,
            search_shows_typed_names: false,
            limits: Some(Limits::default()),
            retry_after: false,
            unknown_id_is_404: false,
            upsert_creates_with_201: true,
            withheld_scopes: Vec::new(),
        }
    }
}

/// How many requests one token may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests within one interval.
    pub burst: u32,
    /// The length of that interval in seconds.
    pub interval_seconds: u32,
    /// Requests within one UTC day.
    pub daily: u64,
}

impl Default for Limits {
    /// 100 requests in 10 seconds and 200,000 a day, as the vendor's rate-limit page says
    /// (`marketplace.gohighlevel.com/docs/other/rate-limits.md`).
    fn default() -> Self {
        Self { burst: 100, interval_seconds: 10, daily: 200_000 }
    }
}
