use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::{Clock, Error, ErrorKind, Result, Retry, Secret};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{Auth, auth::bearer};

/// An access token and what came with it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The access token, without `Bearer`.
    pub access: Secret,
    /// The refresh token, where the grant gives one.
    pub refresh: Option<Secret>,
    /// When the access token stops working.
    pub expires_at: DateTime<Utc>,
}

/// Gets tokens from a vendor.
#[async_trait]
pub trait TokenGrant: Debug + Send + Sync + 'static {
    /// Asks for a token. `previous` is the last one this process got, whether it ran out or was
    /// refused; its refresh token may still be good.
    ///
    /// Never cancelled half-way, so a rotated refresh token is not lost between vendor and store.
    async fn grant(&self, previous: Option<&Token>) -> Result<Token>;
}

/// Keeps one token for everybody: asked for once however many callers wait, renewed early, and
/// dropped when the vendor refuses it.
#[derive(Debug)]
pub struct TokenCache<G> {
    grant: Arc<G>,
    clock: Arc<dyn Clock>,
    min_remaining: TimeDelta,
    state: Arc<Mutex<State>>,
    /// Counts failed grants, so that those who waited for one share its failure.
    failures: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Current>,
    previous: Option<Token>,
    failure: Option<Failure>,
}

#[derive(Clone, Debug)]
struct Current {
    header: Secret,
    expires_at: DateTime<Utc>,
    renew_at: DateTime<Utc>,
}

impl<G: TokenGrant> TokenCache<G> {
    /// After a failed early renewal the token at hand is used this long before the next try.
    const RENEWAL_PAUSE: TimeDelta = TimeDelta::seconds(30);

    /// An empty cache: the first request asks for a token.
    pub fn new(grant: G, clock: Arc<dyn Clock>) -> Self {
        Self {
            grant: Arc::new(grant),
            clock,
            min_remaining: TimeDelta::minutes(5),
            state: Arc::default(),
            failures: Arc::default(),
        }
    }

    /// Renews a token when it has less than this left (default 5 minutes), but uses at least
    /// three quarters of its life.
    #[must_use]
    pub fn min_remaining(mut self, min_remaining: Duration) -> Self {
        self.min_remaining = TimeDelta::from_std(min_remaining).unwrap_or(TimeDelta::MAX);
        self
    }

    /// Gets a token while holding the state, on a task of its own: a caller that goes away must
    /// not take a rotated refresh token with it.
    async fn renew(&self, mut state: OwnedMutexGuard<State>) -> Result<Secret> {
        let grant = Arc::clone(&self.grant);
        let clock = Arc::clone(&self.clock);
        let failures = Arc::clone(&self.failures);
        let min_remaining = self.min_remaining;
        let task = tokio::spawn(async move {
            let outcome = grant.grant(state.previous.as_ref()).await;
            let now = clock.now();
            match outcome {
                Ok(token) => Ok(state.keep(token, now, min_remaining)),
                Err(error) => state.survive(error, now, Self::RENEWAL_PAUSE, &failures),
            }
        });
        task.await.unwrap_or_else(|error| {
            Err(Error::new(ErrorKind::Unavailable, "asking for a token was interrupted")
                .retry(Retry::Backoff)
                .source(error))
        })
    }
}

impl State {
    fn keep(&mut self, token: Token, now: DateTime<Utc>, min_remaining: TimeDelta) -> Secret {
        let early = min_remaining.min((token.expires_at - now) / 4);
        let header = bearer(&token.access);
        self.current = Some(Current {
            header: header.clone(),
            expires_at: token.expires_at,
            renew_at: token.expires_at - early,
        });
        self.previous = Some(token);
        self.failure = None;
        header
    }

    /// A grant failed: go on with the token at hand if it still works, else fail.
    fn survive(
        &mut self,
        error: Error,
        now: DateTime<Utc>,
        pause: TimeDelta,
        failures: &AtomicU64,
    ) -> Result<Secret> {
        if let Some(current) = self.current.as_mut().filter(|current| now < current.expires_at) {
            tracing::warn!(%error, "renewing the token failed; the present one still works");
            current.renew_at = now + pause;
            return Ok(current.header.clone());
        }
        self.current = None;
        self.failure = Some(Failure::of(&error));
        failures.fetch_add(1, Ordering::Release);
        Err(error)
    }
}

#[async_trait]
impl<G: TokenGrant> Auth for TokenCache<G> {
    async fn header(&self) -> Result<Secret> {
        let failures = self.failures.load(Ordering::Acquire);
        let state = Arc::clone(&self.state).lock_owned().await;
        if let Some(current) = &state.current
            && self.clock.now() < current.renew_at
        {
            return Ok(current.header.clone());
        }
        if let Some(failure) = &state.failure
            && self.failures.load(Ordering::Acquire) != failures
        {
            return Err(failure.error());
        }
        self.renew(state).await
    }

    async fn rejected(&self, header: &Secret) -> bool {
        let mut state = self.state.lock().await;
        if state.current.as_ref().is_some_and(|it| it.header.expose() == header.expose()) {
            state.current = None;
        }
        true
    }
}

/// What callers need of a failure that they share.
#[derive(Debug)]
struct Failure {
    kind: ErrorKind,
    message: String,
    retry: Retry,
    status: Option<u16>,
    code: Option<String>,
}

impl Failure {
    fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            retry: error.retry_advice(),
            status: error.http_status(),
            code: error.vendor_code().map(str::to_owned),
        }
    }

    fn error(&self) -> Error {
        let mut error = Error::new(self.kind, self.message.clone()).retry(self.retry);
        if let Some(status) = self.status {
            error = error.status(status);
        }
        match &self.code {
            Some(code) => error.code(code.clone()),
            None => error,
        }
    }
}
