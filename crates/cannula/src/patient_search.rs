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
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&file::text(path)?, directory, &|name| std::env::var(name).ok())
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
        let mut section = root.section("store");
        let store = section.required("file").map(|file| directory.join(file));
        root.absorb(section.finish());
        let mut section = root.section("aesthetix");
        let aesthetix = AesthetixConfig::from_settings(&mut section, directory, lookup);
        root.absorb(section.finish());
        let mut section = root.section("a360");
        let a360 = A360Config::from_settings(&mut section);
        root.absorb(section.finish());
        root.finish().into_result(file::WHAT, ())?;
        match (store, aesthetix) {
            (Some(store), Some(aesthetix)) => Ok(Self { store, aesthetix, a360 }),
            _ => Err(file::incomplete()),
        }
    }
}
