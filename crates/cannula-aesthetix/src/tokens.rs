//! Where the pair of tokens in force is kept.

use std::{
    fmt::Debug,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{Error, ErrorKind, Result, Secret};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// An access token and the refresh token that came with it.
#[derive(Clone, Debug)]
pub struct TokenPair {
    /// Sent with each call.
    pub access: Secret,
    /// Exchanged, once, for the next pair.
    pub refresh: Secret,
    /// When the access token lapses.
    pub expires_at: DateTime<Utc>,
}

/// Keeps the pair in force. A refresh token works once and a lost one cannot be recovered, so a
/// new pair is saved before it is used.
#[async_trait]
pub trait TokenStore: Debug + Send + Sync + 'static {
    /// The pair saved last; `None` before the first.
    async fn load(&self) -> Result<Option<TokenPair>>;

    /// Replaces the pair. Once this returns `Ok` the pair survives a crash.
    async fn save(&self, pair: &TokenPair) -> Result<()>;
}

#[async_trait]
impl<T: TokenStore + ?Sized> TokenStore for Arc<T> {
    async fn load(&self) -> Result<Option<TokenPair>> {
        (**self).load().await
    }

    async fn save(&self, pair: &TokenPair) -> Result<()> {
        (**self).save(pair).await
    }
}

/// Keeps the pair in memory: for tests, and for hosts that hand in a fresh refresh token at
/// each start.
#[derive(Debug, Default)]
pub struct MemoryTokenStore(Mutex<Option<TokenPair>>);

#[async_trait]
impl TokenStore for MemoryTokenStore {
    async fn load(&self) -> Result<Option<TokenPair>> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, pair: &TokenPair) -> Result<()> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(pair.clone());
        Ok(())
    }
}

/// Keeps the pair in a file that only its owner can read, replaced as a whole.
///
/// One running program per file: two would exchange each other's refresh tokens away.
#[derive(Clone, Debug)]
pub struct FileTokenStore {
    path: PathBuf,
}

impl FileTokenStore {
    /// Keeps the pair in this file; its folder must exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    access_token: String,
    refresh_token: String,
    expires_at: DateTime<Utc>,
}

#[async_trait]
impl TokenStore for FileTokenStore {
    async fn load(&self) -> Result<Option<TokenPair>> {
        let path = self.path.clone();
        off_the_runtime(move || read(&path)).await
    }

    async fn save(&self, pair: &TokenPair) -> Result<()> {
        let (path, pair) = (self.path.clone(), pair.clone());
        off_the_runtime(move || write(&path, &pair)).await
    }
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| storage("the token file's task was stopped").source(error))?
}

fn read(path: &Path) -> Result<Option<TokenPair>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(storage("the token file cannot be read").source(error)),
    };
    let stored: Stored = serde_json::from_slice(&text)
        .map_err(|_| storage("the token file is not one of ours; move it away or name another"))?;
    Ok(Some(TokenPair {
        access: Secret::new(stored.access_token),
        refresh: Secret::new(stored.refresh_token),
        expires_at: stored.expires_at,
    }))
}

fn write(path: &Path, pair: &TokenPair) -> Result<()> {
    let stored = Stored {
        access_token: pair.access.expose().to_owned(),
        refresh_token: pair.refresh.expose().to_owned(),
        expires_at: pair.expires_at,
    };
    replace(path, &stored)
        .map_err(|error| storage("the token file cannot be written").source(error))
}

fn replace(path: &Path, stored: &Stored) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A temporary file of this kind is readable by its owner only (0600).
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    serde_json::to_writer(&mut file, stored)?;
    file.flush()?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The rename is durable once the folder is. Only Unix lets a folder be opened and synced.
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

fn storage(message: &str) -> Error {
    Error::new(ErrorKind::Storage, message).connector(crate::CONNECTOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(access: &str) -> TokenPair {
        TokenPair {
            access: Secret::new(access),
            refresh: Secret::new("refresh"),
            expires_at: DateTime::UNIX_EPOCH,
        }
    }

    #[tokio::test]
    async fn a_saved_pair_is_read_back_by_the_next_process_and_by_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        let store = FileTokenStore::new(&path);
        assert!(store.load().await.unwrap().is_none());
        store.save(&pair("one")).await.unwrap();
        store.save(&pair("two")).await.unwrap();
        let read = FileTokenStore::new(&path).load().await.unwrap().unwrap();
        assert_eq!(read.access.expose(), "two");
        assert_eq!(read.refresh.expose(), "refresh");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_file_of_another_program_is_a_clear_error_and_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.json");
        std::fs::write(&path, "{\"secret\": \"hush\"}").unwrap();
        let error = FileTokenStore::new(&path).load().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(!error.to_string().contains("hush"));
    }
}
