use std::{
    collections::BTreeMap,
    fmt, io, iter,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use cannula_core::{Clock, Error, ErrorKind, Result, Retry, Secret};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::DeserializeOwned;
use url::Url;

use crate::{
    Auth, Budget, ClientBuilder, ErrorTable, Lane, Refusal, Request, Response, RetryPolicy, Sign,
    builder::header,
    encode,
    request::Body,
    retry::{Decision, Fate, Situation, decide, jitter, retry_after},
};

/// Sends [`Request`]s to one vendor. Cheap to clone; clones share connections, token and budget.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    lane: Lane,
}

pub(crate) struct Inner {
    pub(crate) connector: &'static str,
    pub(crate) base: Url,
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) auth: Option<Arc<dyn Auth>>,
    pub(crate) signer: Option<Arc<dyn Sign>>,
    pub(crate) headers: HeaderMap,
    pub(crate) budget: Option<Arc<Budget>>,
    pub(crate) retry: RetryPolicy,
    pub(crate) timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) errors: ErrorTable,
    pub(crate) calls: Mutex<Calls>,
}

#[derive(Default)]
pub(crate) struct Calls {
    by_operation: BTreeMap<&'static str, u64>,
    total: u64,
}

/// Why an attempt brought no answer.
struct Failed {
    error: Error,
    fate: Fate,
    retry_after: Option<Duration>,
}

impl Failed {
    fn last(error: Error) -> Self {
        Self { error, fate: Fate::Final, retry_after: None }
    }

    fn new(fate: Fate, error: Error) -> Self {
        Self { error, fate, retry_after: None }
    }
}

impl Client {
    /// Starts building a client. `connector` names it in errors; `base` is what paths are
    /// relative to; waits go through `clock`.
    pub fn builder(connector: &'static str, base: Url, clock: Arc<dyn Clock>) -> ClientBuilder {
        ClientBuilder::new(connector, base, clock)
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner), lane: Lane::Normal }
    }

    /// Sends a request and gives back the 2xx answer.
    ///
    /// Any other answer goes through the error table. The error's advice says whether another
    /// try makes sense; [`Retry::Settle`] means that a write may have been applied.
    pub async fn send(&self, request: &Request) -> Result<Response> {
        self.read(request, Ok).await
    }

    /// Sends a request and reads the answer as JSON.
    pub async fn json<T: DeserializeOwned>(&self, request: &Request) -> Result<T> {
        self.read(request, |response| response.json()).await
    }

    /// Sends a request and reads the answer with `parse`. Where `parse` fails with
    /// [`Retry::Backoff`] (an answer that ends early) the answer counts as lost, and a
    /// repeatable request is sent again.
    pub async fn read<T>(
        &self,
        request: &Request,
        parse: impl Fn(Response) -> Result<T>,
    ) -> Result<T> {
        let inner = &*self.inner;
        let mut attempt = 0;
        let outcome = self.attempts(request, parse, &mut attempt).await;
        outcome.map_err(|error| {
            let error = error.connector(inner.connector).operation(request.operation());
            if attempt > 1 { error.with("attempts", attempt) } else { error }
        })
    }

    async fn attempts<T>(
        &self,
        request: &Request,
        parse: impl Fn(Response) -> Result<T>,
        attempt: &mut u32,
    ) -> Result<T> {
        let inner = &*self.inner;
        let mut started = None;
        let mut renewed = false;
        loop {
            if let Some(budget) = &inner.budget {
                budget.acquire(request.endpoint_name(), self.lane).await?;
            }
            let token = match &inner.auth {
                Some(auth) => Some(auth.header().await?),
                None => None,
            };
            let started = *started.get_or_insert_with(|| inner.clock.now());
            *attempt += 1;
            let request_number = inner.count(request.operation());
            let mut failed = match inner.attempt(request, token.as_ref(), &parse).await {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            if failed.error.kind() == ErrorKind::Auth
                && !renewed
                && let (Some(auth), Some(token)) = (&inner.auth, &token)
                && auth.rejected(token).await
            {
                renewed = true;
                continue;
            }
            if let Retry::After(wait) = failed.error.retry_advice() {
                failed.retry_after.get_or_insert(wait);
            }
            let decision = decide(
                &inner.retry,
                &Situation {
                    fate: failed.fate,
                    repeatable: request.is_repeatable(),
                    attempt: *attempt,
                    elapsed: (inner.clock.now() - started).to_std().unwrap_or_default(),
                    retry_after: failed.retry_after,
                    jitter: jitter(request.operation(), *attempt, request_number),
                },
            );
            match decision {
                Decision::Final => return Err(failed.error),
                Decision::Stop(advice) => return Err(failed.error.retry(advice)),
                Decision::Again(wait) => {
                    tracing::debug!(error = %failed.error, operation = request.operation(), attempt = *attempt, ?wait, "trying again");
                    inner.clock.sleep(wait).await;
                }
            }
        }
    }

    /// Checks a link from an answer before a token is sent to it: same scheme, host and port as
    /// the base URL, and under its path. The error names the link's host and nothing else of it.
    pub fn check_link(&self, link: &str) -> Result<Url> {
        let base = &self.inner.base;
        let refuse = |what: String| {
            Err(Error::new(ErrorKind::Invalid, what).connector(self.inner.connector))
        };
        let Ok(url) = Url::parse(link) else {
            return refuse("a link in the answer is not an absolute URL".to_owned());
        };
        let host = url.host_str().unwrap_or("no host");
        if url.host() != base.host()
            || url.scheme() != base.scheme()
            || url.port_or_known_default() != base.port_or_known_default()
        {
            let home = base.host_str().unwrap_or_default();
            return refuse(format!(
                "a link in the answer leads to {}://{host}, which is not followed; links must stay on {}://{home}{}",
                url.scheme(),
                base.scheme(),
                base.port().map(|port| format!(":{port}")).unwrap_or_default(),
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(format!("a link in the answer to {host} carries credentials"));
        }
        let root = base.path().trim_end_matches('/');
        let under = url
            .path()
            .strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if !under {
            return refuse(format!("a link in the answer to {host} leads out of {root}"));
        }
        Ok(url)
    }

    /// The URL that paths are relative to.
    pub fn base(&self) -> &Url {
        &self.inner.base
    }

    /// HTTP requests sent so far, by operation; every attempt counts.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.inner.lock_calls().by_operation.clone()
    }

    /// The same client in another lane of the budget.
    #[must_use]
    pub fn lane(&self, lane: Lane) -> Self {
        Self { inner: Arc::clone(&self.inner), lane }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connector", &self.inner.connector)
            .field("base", &self.inner.base.as_str())
            .field("lane", &self.lane)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// Sends once and reads the answer.
    async fn attempt<T>(
        &self,
        request: &Request,
        token: Option<&Secret>,
        parse: &impl Fn(Response) -> Result<T>,
    ) -> Result<T, Failed> {
        let built = self.build(request, token).map_err(Failed::last)?;
        let mut response = self.http.execute(built).await.map_err(|error| self.broken(error))?;
        if let Some(budget) = &self.budget {
            budget.observe(request.endpoint_name(), response.headers());
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = self.collect(response).await;
        if status.is_success() {
            let response = Response { status: status.as_u16(), headers, body: body? };
            return parse(response).map_err(unread);
        }
        if status.is_redirection() {
            return Err(Failed::last(
                Error::new(ErrorKind::Invalid, "the answer is a redirect, which is never followed")
                    .status(status.as_u16()),
            ));
        }
        // The status decides; a refusal's body that is broken or too long is as good as none. Only
        // what would be final without it is asked for again: the rest might have told otherwise.
        let broken = matches!(&body, Err(failed) if failed.fate == Fate::Unknown);
        let body = body.unwrap_or_default();
        let refusal = Refusal { status: status.as_u16(), headers: &headers, body: &body };
        let mut failed = self.refused(request, &refusal);
        if broken && failed.fate == Fate::Final && failed.error.retry_advice() == Retry::Never {
            failed.fate = Fate::NotApplied;
        }
        Err(failed)
    }

    fn refused(&self, request: &Request, refusal: &Refusal<'_>) -> Failed {
        let error = (self.errors)(refusal).status(refusal.status);
        let retry_after = retry_after(refusal.headers, self.clock.now());
        if let (ErrorKind::Throttled, Some(wait), Some(budget)) =
            (error.kind(), retry_after, &self.budget)
        {
            budget.pause(request.endpoint_name(), wait);
        }
        Failed { fate: Fate::of(&error), error, retry_after }
    }

    fn build(&self, request: &Request, token: Option<&Secret>) -> Result<reqwest::Request> {
        let mut built = reqwest::Request::new(request.method().clone(), request.url(&self.base)?);
        let signature = self.signer.as_ref().map(|it| it.sign(built.method(), built.url()));
        let headers = built.headers_mut();
        headers.clone_from(&self.headers);
        for (name, value) in request.header_pairs() {
            let (name, value) = header(name, value).ok_or_else(|| {
                Error::new(ErrorKind::Invalid, "a header has a value that cannot be sent")
                    .with("header", name)
            })?;
            headers.insert(name, value);
        }
        if let Some(token) = token.or(signature.as_ref()) {
            let mut value = HeaderValue::from_str(token.expose()).map_err(|_| {
                Error::new(ErrorKind::Config, "the token has a character that cannot be sent")
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let (kind, body) = match request.body() {
            Body::Empty => return Ok(built),
            Body::Json(bytes) => ("application/json", bytes.clone()),
            Body::Form(form) => {
                let form = encode::pairs(form.iter().map(|(name, value)| (*name, value.as_str())));
                ("application/x-www-form-urlencoded", Bytes::from(form))
            }
            Body::Broken => {
                return Err(Error::new(ErrorKind::Invalid, "the body cannot be written as JSON"));
            }
        };
        built.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        *built.body_mut() = Some(body.into());
        Ok(built)
    }

    /// Reads the body, giving up as soon as it is known to be too long.
    async fn collect(&self, mut response: reqwest::Response) -> Result<Bytes, Failed> {
        let too_long = || {
            let error = Error::new(ErrorKind::Decode, "the answer is longer than allowed")
                .with("limit_bytes", self.max_body);
            Failed::new(Fate::Lost, error)
        };
        if response.content_length().is_some_and(|length| length > self.max_body as u64) {
            return Err(too_long());
        }
        let mut chunks = Chunks::default();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(error))? {
            if chunks.len() + chunk.len() > self.max_body {
                return Err(too_long());
            }
            chunks.push(chunk);
        }
        Ok(chunks.into_bytes())
    }

    /// No answer, or not the whole of it.
    fn broken(&self, error: reqwest::Error) -> Failed {
        let (fate, message) = if error.is_connect() {
            (Fate::NotApplied, self.unreachable(&error))
        } else if error.is_timeout() {
            (Fate::Unknown, format!("no answer within {:?}", self.timeout))
        } else if error.is_builder() {
            (Fate::Final, "the request cannot be sent".to_owned())
        } else {
            (Fate::Unknown, "the connection broke before the answer was complete".to_owned())
        };
        Failed::new(fate, Error::new(ErrorKind::Connection, message).source(error.without_url()))
    }

    /// Whom we cannot connect to, as configured, and why as far as the system says.
    fn unreachable(&self, error: &reqwest::Error) -> String {
        let url = error.url().unwrap_or(&self.base);
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let why = match io_kind(error) {
            Some(io::ErrorKind::ConnectionRefused) => ", which refuses the connection",
            Some(io::ErrorKind::TimedOut) => ", which does not answer",
            _ if error.is_timeout() => ", which does not answer",
            _ => "",
        };
        format!(
            "cannot connect to {host}:{port}{why}; check the configured address and the network"
        )
    }

    fn count(&self, operation: &'static str) -> u64 {
        let mut calls = self.lock_calls();
        *calls.by_operation.entry(operation).or_default() += 1;
        calls.total += 1;
        calls.total
    }

    fn lock_calls(&self) -> std::sync::MutexGuard<'_, Calls> {
        // Counters are right after every statement.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the operating system said, if it is behind the error.
fn io_kind(error: &reqwest::Error) -> Option<io::ErrorKind> {
    let first = std::error::Error::source(error);
    iter::successors(first, |error| error.source())
        .find_map(|error| error.downcast_ref::<io::Error>())
        .map(io::Error::kind)
}

/// A 2xx answer that cannot be read.
fn unread(error: Error) -> Failed {
    let fate = match (error.retry_advice(), error.kind()) {
        (Retry::Backoff, _) => Fate::Unknown,
        (_, ErrorKind::Decode) => Fate::Lost,
        _ => Fate::of(&error),
    };
    Failed::new(fate, error)
}

/// A body as it arrives; most come in one piece, which is then not copied.
#[derive(Default)]
struct Chunks {
    first: Bytes,
    all: Option<BytesMut>,
}

impl Chunks {
    fn len(&self) -> usize {
        self.all.as_ref().map_or(self.first.len(), BytesMut::len)
    }

    fn push(&mut self, chunk: Bytes) {
        match &mut self.all {
            Some(all) => all.extend_from_slice(&chunk),
            None if self.first.is_empty() => self.first = chunk,
            None => {
                let mut all = BytesMut::with_capacity(2 * (self.first.len() + chunk.len()));
                all.extend_from_slice(&self.first);
                all.extend_from_slice(&chunk);
                self.all = Some(all);
            }
        }
    }

    fn into_bytes(self) -> Bytes {
        self.all.map_or(self.first, BytesMut::freeze)
    }
}
