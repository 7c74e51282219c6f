//! How the clients of the small vendor reach it, and what can be wrong with that.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::{Clock, Error, ErrorKind, Result, Retry, Secret};
use cannula_http::{
    Auth, Client, Refusal, Request, Response, RetryPolicy, Token, TokenCache, TokenGrant, by_status,
};
use cannula_testkit::{Gate, ManualClock};
use chrono::TimeDelta;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::task::JoinSet;
use url::Url;

use crate::vendor::Vendor;

/// What is wrong with a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkFlaw {
    /// Whoever is refused asks for a token of its own.
    TokenForEachWhoIsRefused,
    TokenForEachCall,
    /// A token that is refused is sent again.
    SignsInOnce,
    /// Forty times, whatever the answer.
    TriesForEver,
    /// Its attempts are counted and its waits grow, but nobody asks how long it all takes.
    KnowsNoTotal,
    /// Sends again at once, whatever the vendor asks for.
    DoesNotWait,
    GivesUpAtOnce,
    /// Every error is hopeless.
    Despairs,
    /// An answer that cannot be read is an empty one.
    TakesAnything,
    /// Does not look for an error in a good answer.
    TrustsTheStatus,
    /// Reads more than any machine should.
    ReadsTooMuch,
    FollowsRedirects,
}

/// How the small vendor says with status 200 that something went wrong.
pub(crate) const ERROR_IN_200: &str = r#"{"error":"something went wrong"}"#;

/// The small vendor behind a gate.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) gate: Gate,
    /// Made once, because it takes a while.
    caller: OnceLock<Caller>,
    _server: JoinSet<()>,
}

impl Link {
    pub(crate) async fn open() -> Self {
        let (vendor, origin, server) = Vendor::start().await;
        let gate = Gate::before(&origin).await;
        Self { vendor, gate, caller: OnceLock::new(), _server: server }
    }

    pub(crate) fn clock(&self) -> &ManualClock {
        &self.vendor.clock
    }

    pub(crate) fn caller(&self, flaw: Option<LinkFlaw>) -> Caller {
        self.caller.get_or_init(|| self.make(flaw)).clone()
    }

    fn make(&self, flaw: Option<LinkFlaw>) -> Caller {
        let clock = Arc::clone(&self.vendor.clock) as Arc<dyn Clock>;
        let base: Url = self.gate.origin().parse().unwrap();
        let plain = Client::builder("toy", base.clone(), Arc::clone(&clock)).build().unwrap();
        let grant = Grant { client: plain, clock: Arc::clone(&clock) };
        let mut builder = Client::builder("toy", base, Arc::clone(&clock)).errors(table);
        builder = match flaw {
            Some(
                flaw @ (LinkFlaw::TokenForEachWhoIsRefused
                | LinkFlaw::TokenForEachCall
                | LinkFlaw::SignsInOnce),
            ) => builder.auth(Signing { grant, flaw, first: tokio::sync::Mutex::default() }),
            _ => builder.auth(TokenCache::new(grant, clock)),
        };
        let once = [LinkFlaw::DoesNotWait, LinkFlaw::GivesUpAtOnce];
        if flaw.is_some_and(|flaw| once.contains(&flaw)) {
            builder = builder.retry(RetryPolicy::once());
        }
        if flaw == Some(LinkFlaw::KnowsNoTotal) {
            let (total, base) = (Duration::from_secs(86_400), Duration::from_secs(30));
            builder =
                builder.retry(RetryPolicy { total, base, cap: total, ..RetryPolicy::default() });
        }
        if flaw == Some(LinkFlaw::ReadsTooMuch) {
            builder = builder.max_body(80 * 1024 * 1024);
        }
        Caller { client: builder.build().unwrap(), flaw }
    }
}

fn table(refusal: &Refusal<'_>) -> Error {
    match refusal.status {
        409 => Error::new(ErrorKind::Duplicate, "the vendor has it already"),
        410 => Error::new(ErrorKind::LinkBroken, "the contact is gone"),
        status => by_status(status),
    }
}

/// Sends requests and reads answers.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    client: Client,
    flaw: Option<LinkFlaw>,
}

impl Caller {
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let flaw = |flaw| self.flaw == Some(flaw);
        let tries =
            if flaw(LinkFlaw::TriesForEver) || flaw(LinkFlaw::DoesNotWait) { 40 } else { 1 };
        let mut outcome = self.once(request).await;
        for _ in 1..tries {
            if outcome.is_err() {
                outcome = self.once(request).await;
            }
        }
        match outcome {
            Err(error) if flaw(LinkFlaw::Despairs) => Err(error.retry(Retry::Never)),
            Err(error) if flaw(LinkFlaw::FollowsRedirects) && error.http_status() == Some(302) => {
                self.client.json(&Request::get("follow", "elsewhere")).await
            }
            other => other,
        }
    }

    async fn once<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        let parse = |response: Response| {
            let answer = response.json::<Value>();
            let answer = match (answer, self.flaw) {
                (Err(_), Some(LinkFlaw::TakesAnything)) => Value::Null,
                (answer, _) => answer?,
            };
            if answer.get("error").is_some() && self.flaw != Some(LinkFlaw::TrustsTheStatus) {
                return Err(Error::new(ErrorKind::Invalid, "the answer carries an error"));
            }
            serde_json::from_value(answer)
                .map_err(|_| Error::new(ErrorKind::Decode, "the answer has another shape"))
        };
        self.client.read(request, parse).await
    }
}

#[derive(Debug)]
struct Grant {
    client: Client,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl TokenGrant for Grant {
    async fn grant(&self, _previous: Option<&Token>) -> Result<Token> {
        let answer: Value =
            self.client.json(&Request::post("get token", "token").repeatable()).await?;
        let access = Secret::new(answer["token"].as_str().unwrap_or_default());
        let expires_at = self.clock.now() + TimeDelta::days(900);
        Ok(Token { access, refresh: None, expires_at })
    }
}

/// Asks for more tokens than it needs, or fewer.
#[derive(Debug)]
struct Signing {
    grant: Grant,
    flaw: LinkFlaw,
    first: tokio::sync::Mutex<Option<Secret>>,
}

#[async_trait]
impl Auth for Signing {
    async fn header(&self) -> Result<Secret> {
        let known = self.first.lock().await.clone();
        match known {
            Some(known) if self.flaw != LinkFlaw::TokenForEachCall => Ok(known),
            _ => {
                let token = self.grant.grant(None).await?;
                let header = Secret::new(format!("Bearer {}", token.access.expose()));
                *self.first.lock().await = Some(header.clone());
                Ok(header)
            }
        }
    }

    async fn rejected(&self, _header: &Secret) -> bool {
        if self.flaw == LinkFlaw::SignsInOnce {
            return false;
        }
        *self.first.lock().await = None;
        true
    }
}
