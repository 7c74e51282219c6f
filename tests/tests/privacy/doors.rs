//! How the service signs in to the vendors.

use std::{path::PathBuf, sync::Arc};

use cannula::{
    aesthetix::{self, AesthetixConfig, FileTokenStore, OAuth},
    core::Secret,
    zenoti::ZenotiConfig,
};
use cannula_examples::aesthetix_at;
use cannula_sandbox::Access;
use cannula_tests::{zenoti_config, zenoti_password};
use tempfile::TempDir;

/// Where the vendors are, and with what the service signs in.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) access: Access,
    /// The folder of the CRM's token file; without it there are keys that never end.
    tokens: Option<TempDir>,
}

impl Doors {
    pub(crate) const fn of_keys(access: Access) -> Self {
        Self { access, tokens: None }
    }

    /// A user's password in Zenoti and an app of the CRM's, each of which gets tokens.
    pub(crate) fn of_tokens(access: Access) -> Self {
        Self { access, tokens: Some(tempfile::tempdir().unwrap()) }
    }

    pub(crate) fn token_file(&self) -> Option<PathBuf> {
        self.tokens.as_ref().map(|folder| folder.path().join("tokens.json"))
    }

    pub(crate) fn crm(&self) -> AesthetixConfig {
        let mut config = AesthetixConfig { quota: None, ..aesthetix_at(&self.access).unwrap() };
        if let Some(file) = self.token_file() {
            let app = &self.access.crm.oauth;
            config.credentials = aesthetix::Credentials::OAuth(OAuth {
                client_id: app.client_id.clone(),
                client_secret: Secret::new(&app.client_secret),
                refresh_token: Secret::new(&app.refresh_token),
                store: Arc::new(FileTokenStore::new(file)),
            });
        }
        config
    }

    pub(crate) fn zenoti(&self) -> ZenotiConfig {
        let mut config = zenoti_config(&self.access).unwrap();
        config.requests_per_minute = None;
        if self.tokens.is_some() {
            config.credentials = zenoti_password(&self.access);
        }
        config
    }
}
