//! The configuration file of a service that posts a store's payments to Nextech.

use std::path::Path;

use cannula_core::{Result, Settings};
use cannula_dermpro::DermproConfig;
use cannula_nextech::NextechConfig;
use cannula_rules::posting::PostingConfig;
use cannula_sync::StoreFile;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use crate::file::{self, fill};

/// Everything that posting a DermPRO store's payments to Nextech is told, checked whole.
///
/// The file is TOML with the sections `[practice]`, `[store]`, `[posting]`, `[dermpro]` and
/// `[nextech]`; `examples/dermpro/dermpro.toml` explains every key. Secrets are written as
/// `env:NAME` and read from the environment.
#[derive(Clone, Debug)]
pub struct PostingService {
    /// The store's file, `store.file`, and its key, `store.key`; of its own, where the visits have
    /// one too.
    pub store: StoreFile,
    /// What is posted and how, `[posting]`, in the practice's time zone, `practice.zone`.
    pub rules: PostingConfig,
    /// The online store, `[dermpro]`.
    pub dermpro: DermproConfig,
    /// The ledger and the register of patients, `[nextech]`.
    pub nextech: NextechConfig,
}

impl PostingService {
    /// Reads and checks a file. Paths in it are relative to it.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](cannula_core::ErrorKind::Config), listing every problem at once, each
    /// with its key's path.
    pub fn from_file(path: &Path) -> Result<Self> {
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&file::text(path)?, directory, &|name| std::env::var(name).ok())
    }

    /// Like [`PostingService::from_file`] for a text; `lookup` reads the environment.
    ///
    /// # Errors
    /// As there.
    pub fn parse(
        text: &str,
        directory: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let mut root = file::root(text)?;

        let mut section = root.section("practice");
        // A zone that is wrong has been noted; any other lets the rest be checked all the same.
        let zone = section.zone("zone").unwrap_or(Tz::UTC);
        root.absorb(section.finish());

        let mut section = root.section("store");
        let store = StoreFile::from_settings(&mut section, directory, lookup);
        root.absorb(section.finish());

        let mut section = root.section("posting");
        let rules =
            PostingConfig::from_settings(&mut section, Self::rules(zone, DateTime::UNIX_EPOCH));
        root.absorb(section.finish());

        // What is before the start is not posted, so it need not be read either.
        let start = json!({ "start_from": rules.start_from.to_rfc3339() });
        let mut section = with_defaults(&mut root, "dermpro", &start);
        let dermpro = DermproConfig::from_settings(&mut section, zone, lookup);
        root.absorb(section.finish());
        let mut section = with_defaults(&mut root, "nextech", &start);
        let nextech = NextechConfig::from_settings(&mut section, zone, lookup);
        root.absorb(section.finish());

        root.finish().into_result(file::WHAT, ())?;
        match (store, dermpro, nextech) {
            (Some(store), Some(dermpro), Some(nextech)) => {
                Ok(Self { store, rules, dermpro, nextech })
            }
            // Not reached: a part is missing only where its problem was noted.
            _ => Err(file::incomplete()),
        }
    }

    /// The defaults for a DermPRO store. The category's name is assumed.
    pub fn rules(zone: Tz, start_from: DateTime<Utc>) -> PostingConfig {
        PostingConfig {
            category: Some("DermPRO Store".to_owned()),
            ..PostingConfig::new(zone, start_from)
        }
    }
}

/// Opens a section that takes what it does not set from `defaults`.
fn with_defaults(root: &mut Settings, name: &str, defaults: &Value) -> Settings {
    let mut section = root.take(name).unwrap_or_else(|| Value::Object(Map::new()));
    fill(&mut section, defaults.as_object().cloned().unwrap_or_default());
    Settings::new(root.path_of(name), section)
}
