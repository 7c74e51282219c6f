use std::time::Duration;

use cannula_core::Settings;
use cannula_rules::patient_link::LinkPolicy;

/// Rows on a page; what the application itself shows is not documented.
const PAGE: u64 = 20;
/// How long people wait for an answer before they would rather have an error.
const WAIT: u64 = 20;

/// What a practice may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct A360Config {
    /// How contacts and patients are linked and merged.
    pub policy: LinkPolicy,
    /// Rows on a page of a search or of the local list.
    pub page_size: u16,
    /// How long one look into the CRM may take, retries and all.
    pub wait: Duration,
}

impl Default for A360Config {
    fn default() -> Self {
        Self::from_settings(&mut Settings::new("a360", serde_json::Value::Null))
    }
}

impl A360Config {
    /// Reads the section, noting every problem in `settings`. All keys are optional: `page_size`
    /// (1 to 500), `wait_seconds`, and those of [`LinkPolicy::from_settings`].
    pub fn from_settings(settings: &mut Settings) -> Self {
        let page_size = settings.integer("page_size", PAGE);
        if !(1..=500).contains(&page_size) {
            settings.problem("page_size", "must be from 1 to 500");
        }
        let wait = settings.integer("wait_seconds", WAIT);
        if wait == 0 {
            settings.problem("wait_seconds", "must be at least 1");
        }
        Self {
            policy: LinkPolicy::from_settings(settings),
            page_size: u16::try_from(page_size.clamp(1, 500)).unwrap_or(u16::MAX),
            wait: Duration::from_secs(wait.max(1)),
        }
    }
}
