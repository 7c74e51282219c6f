//! The app's token: exchanged for the next one, saved, then used.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use cannula_core::{Clock, ErrorKind, Result, Secret};
use cannula_http::{Client, Token, TokenGrant};
use chrono::TimeDelta;

use crate::{ApiVersion, OAuth, TokenPair, requests, wire};

/// An access token that lapses sooner than this is not worth taking from the store.
const MIN_REMAINING: TimeDelta = TimeDelta::minutes(5);

/// Renews the pair of a marketplace app. Callers hold it behind `TokenCache`, which lets one
/// renewal run at a time.
#[derive(Debug)]
pub(crate) struct AppGrant {
    http: Client,
    version: ApiVersion,
    app: OAuth,
    clock: Arc<dyn Clock>,
    /// A pair that was received and could not be saved. Its predecessor is spent, so it is kept
    /// until it can be.
    unsaved: Mutex<Option<TokenPair>>,
}

impl AppGrant {
    /// `http` sends without authorisation.
    pub(crate) fn new(
        http: Client,
        version: ApiVersion,
        app: OAuth,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { http, version, app, clock, unsaved: Mutex::new(None) }
    }

    /// The pair in force: the one that still has to be saved, or the one in the store.
    async fn held(&self) -> Result<Option<TokenPair>> {
        let unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner).take();
        match unsaved {
            Some(pair) => self.keep(pair).await.map(Some),
            None => self.app.store.load().await,
        }
    }

    /// Saves a pair; only then may it be used.
    async fn keep(&self, pair: TokenPair) -> Result<TokenPair> {
        let saved = self.app.store.save(&pair).await;
        if let Err(error) = saved {
            *self.unsaved.lock().unwrap_or_else(PoisonError::into_inner) = Some(pair);
            return Err(error);
        }
        Ok(pair)
    }

    async fn exchange(&self, refresh: &Secret) -> Result<TokenPair> {
        let request = requests::refresh_token(
            self.version,
            &self.app.client_id,
            self.app.client_secret.expose(),
            refresh.expose(),
        );
        let answer: wire::TokenAnswer = self.http.json(&request).await?;
        self.keep(TokenPair {
            access: Secret::new(answer.access_token),
            refresh: Secret::new(answer.refresh_token),
            expires_at: self.clock.now() + TimeDelta::seconds(answer.expires_in.into()),
        })
        .await
    }

    /// Exchanges the stored refresh token. Where it is refused and the configuration holds
    /// another, the app was connected again, and that one begins a new chain.
    async fn renew(&self, held: Option<TokenPair>) -> Result<TokenPair> {
        let configured = &self.app.refresh_token;
        let Some(held) = held else {
            return self.exchange(configured).await;
        };
        match self.exchange(&held.refresh).await {
            Err(error)
                if error.kind() == ErrorKind::Auth
                    && held.refresh.expose() != configured.expose() =>
            {
                tracing::warn!("the stored refresh token is refused; trying the configured one");
                self.exchange(configured).await.map_err(|_| error)
            }
            renewed => renewed,
        }
    }
}

#[async_trait]
impl TokenGrant for AppGrant {
    async fn grant(&self, previous: Option<&Token>) -> Result<Token> {
        let held = self.held().await?;
        let rejected = |pair: &TokenPair| {
            previous.is_some_and(|token| token.access.expose() == pair.access.expose())
        };
        let fresh = |pair: &TokenPair| pair.expires_at > self.clock.now() + MIN_REMAINING;
        let pair = match held {
            Some(pair) if fresh(&pair) && !rejected(&pair) => pair,
            held => self.renew(held).await?,
        };
        Ok(Token { access: pair.access, refresh: Some(pair.refresh), expires_at: pair.expires_at })
    }
}
