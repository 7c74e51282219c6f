//! The configuration file of a service that posts a store's payments to Nextech.

use std::path::Path;

use cannula_core::Result;
use cannula_dermpro::DermproConfig;
use cannula_nextech::NextechConfig;
use cannula_rules::posting::PostingConfig;
use cannula_sync::StoreFile;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;

use crate::{file, sections};

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
        file::parse(path, Self::parse)
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

        let zone = sections::zone(&mut root);
        let store =
            root.within("store", |section| StoreFile::from_settings(section, directory, lookup));
        let rules = root.within("posting", |section| {
            PostingConfig::from_settings(section, Self::rules(zone, DateTime::UNIX_EPOCH))
        });
        // What is before the start is not posted, so it need not be read either.
        let start = json!({ "start_from": rules.start_from.to_rfc3339() });
        let dermpro = sections::within(&mut root, "dermpro", start.clone(), |section| {
            DermproConfig::from_settings(section, zone, lookup)
        });
        let nextech = sections::within(&mut root, "nextech", start, |section| {
            NextechConfig::from_settings(section, zone, lookup)
        });
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
