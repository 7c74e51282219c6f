//! The configuration file of a patient search over Aesthetix CRM.

use std::path::{Path, PathBuf};

use cannula_a360::A360Config;
use cannula_aesthetix::AesthetixConfig;
use cannula_core::Result;

use crate::file;

/// What an application that searches the CRM's patients is told, checked whole.
///
/// The file is TOML with the sections `[store]`, `[aesthetix]` and `[a360]`;
/// `examples/a360/a360.toml` explains every key.
#[derive(Clone, Debug)]
pub struct PatientSearchConfig {
    /// The file of the local list, `store.file`.
    pub store: PathBuf,
    /// The CRM, `[aesthetix]`.
    pub aesthetix: AesthetixConfig,
    /// Search, link and merge, `[a360]`.
    pub a360: A360Config,
}

impl PatientSearchConfig {
    /// Reads and checks a file. Paths in it are relative to it.
    ///
    /// # Errors
    /// [`Config`](cannula_core::ErrorKind::Config), listing every problem at once, each with its key's path.
    pub fn from_file(path: &Path) -> Result<Self> {
        file::parse(path, Self::parse)
    }

    /// Like [`PatientSearchConfig::from_file`] for a text; `lookup` reads the environment.
    ///
    /// # Errors
    /// As there.
    pub fn parse(
        text: &str,
        directory: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self> {
        let mut root = file::root(text)?;
        let store = root.within("store", |section| section.required("file"));
        let aesthetix = root.within("aesthetix", |section| {
            AesthetixConfig::from_settings(section, directory, lookup)
        });
        let a360 = root.within("a360", A360Config::from_settings);
        root.finish().into_result(file::WHAT, ())?;
        match (store, aesthetix) {
            (Some(file), Some(aesthetix)) => {
                Ok(Self { store: directory.join(file), aesthetix, a360 })
            }
            _ => Err(file::incomplete()),
        }
    }
}
