//! Which file, and what opens it.

use std::path::{Path, PathBuf};

use cannula_core::{Secret, Settings};

/// A store's file and, if it is encrypted, its key.
///
/// Any path is a `StoreFile` without a key.
#[derive(Clone, Debug)]
pub struct StoreFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is encrypted with: a passphrase of any length, or 32 bytes as 64 hexadecimal digits
    /// in the form `x'…'`, which saves deriving a key at each start. `None`: it is not encrypted.
    /// Needs the cargo feature `encryption`.
    pub key: Option<Secret>,
}

impl StoreFile {
    /// Reads `file`, relative to `directory`, and `key`, which may be `env:NAME`. `None` if there
    /// was a problem; they are all noted in `settings`.
    pub fn from_settings(
        settings: &mut Settings,
        directory: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let path = settings.required("file").map(|file| directory.join(file));
        let encrypted = settings.has("key");
        let key = encrypted.then(|| settings.secret("key", lookup)).flatten();
        if encrypted && !cfg!(feature = "encryption") {
            settings.problem("key", NO_ENCRYPTION);
        }
        let complete = !encrypted || key.is_some();
        path.filter(|_| complete).map(|path| Self { path, key })
    }
}

impl<P: AsRef<Path>> From<P> for StoreFile {
    fn from(path: P) -> Self {
        Self { path: path.as_ref().to_owned(), key: None }
    }
}

pub(super) const NO_ENCRYPTION: &str = "a store is encrypted only where Cannula was built with the feature `encryption`; build it so, \
     or leave the key out and keep the file on an encrypted disk";
