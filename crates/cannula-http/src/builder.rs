use std::{sync::Arc, time::Duration};

use cannula_core::{Clock, Error, ErrorKind, Result, Settings};
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use url::{Host, Url};

use crate::{Auth, Budget, Client, ErrorTable, RetryPolicy, Sign, by_status, client::Inner};

/// Puts a [`Client`] together; start with [`Client::builder`].
#[derive(Debug)]
pub struct ClientBuilder {
    connector: &'static str,
    base: Url,
    clock: Arc<dyn Clock>,
    auth: Option<Arc<dyn Auth>>,
    signer: Option<Arc<dyn Sign>>,
    headers: Vec<(&'static str, String)>,
    budget: Option<Arc<Budget>>,
    retry: RetryPolicy,
    timeout: Duration,
    max_body: usize,
    errors: ErrorTable,
}

impl ClientBuilder {
    pub(crate) fn new(connector: &'static str, base: Url, clock: Arc<dyn Clock>) -> Self {
        Self {
            connector,
            base,
            clock,
            auth: None,
            signer: None,
            headers: Vec::new(),
            budget: None,
            retry: RetryPolicy::default(),
            timeout: Duration::from_secs(30),
            max_body: 16 * 1024 * 1024,
            errors: |refusal| by_status(refusal.status),
        }
    }

    /// Sends what `auth` says as `Authorization`. Without it and without [`ClientBuilder::sign`]
    /// requests carry none.
    #[must_use]
    pub fn auth(mut self, auth: impl Auth) -> Self {
        self.auth = Some(Arc::new(auth));
        self
    }

    /// Signs every request that carries no token of [`ClientBuilder::auth`].
    #[must_use]
    pub fn sign(mut self, signer: impl Sign) -> Self {
        self.signer = Some(Arc::new(signer));
        self
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends no more than `budget` allows; without it nothing is limited.
    #[must_use]
    pub fn budget(mut self, budget: Arc<Budget>) -> Self {
        self.budget = Some(budget);
        self
    }

    /// How often and how long a call is tried.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// The longest one attempt may take, from connecting to the last byte (default 30 s).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The longest body to accept, in bytes (default 16 MiB).
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// The vendor's error table (default [`by_status`]).
    #[must_use]
    pub fn errors(mut self, table: ErrorTable) -> Self {
        self.errors = table;
        self
    }

    /// Checks the base URL and the headers.
    pub fn build(self) -> Result<Client> {
        let config =
            |message: String| Error::new(ErrorKind::Config, message).connector(self.connector);
        check_base(&self.base).map_err(|problem| config(format!("the base URL {problem}")))?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        for (name, value) in &self.headers {
            let (name, value) = header(name, value)
                .ok_or_else(|| config(format!("header {name} has a value that cannot be sent")))?;
            headers.insert(name, value);
        }
        install_tls_provider();
        let http = reqwest::Client::builder()
            .user_agent(concat!("cannula/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout((self.timeout / 2).min(Duration::from_secs(10)))
            .timeout(self.timeout)
            .build()
            .map_err(|error| config("the TLS library cannot start".to_owned()).source(error))?;
        Ok(Client::from_inner(Inner {
            connector: self.connector,
            base: self.base,
            http,
            clock: self.clock,
            auth: self.auth,
            signer: self.signer,
            headers,
            budget: self.budget,
            retry: self.retry,
            timeout: self.timeout,
            max_body: self.max_body,
            errors: self.errors,
            calls: Default::default(),
        }))
    }
}

/// Makes *ring* the process's provider of TLS cryptography, unless the program installed one.
///
/// [`ClientBuilder::build`] does this; a program that uses reqwest on its own beside Cannula may
/// call it first. *ring* because it builds in seconds on a machine with nothing but Rust and a C
/// compiler.
pub fn install_tls_provider() {
    // An error says that a provider is installed already, and that one is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A header as it goes out, if its text can.
pub(crate) fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
}

/// Checks that tokens may be sent to a base URL: `https`, or `http` on this machine, and nothing
/// but an address. The error says what it must be.
pub fn check_base(base: &Url) -> Result<(), &'static str> {
    if base.host().is_none() || !matches!(base.scheme(), "http" | "https") {
        return Err("must start with https:// and name a host");
    }
    if base.scheme() == "http" && !is_loopback(base) {
        return Err("must use https; plain http is for loopback addresses only");
    }
    if base.query().is_some() || base.fragment().is_some() {
        return Err("must have neither a query nor a fragment");
    }
    if !base.username().is_empty() || base.password().is_some() {
        return Err("must not carry credentials");
    }
    Ok(())
}

/// Reads the base URL that a configuration names under `key`, or else `default`; what is wrong with
/// it is noted in `settings`. `None` also where there is neither.
pub fn base_url(settings: &mut Settings, key: &str, default: Option<&str>) -> Option<Url> {
    let text = settings.optional(key).or_else(|| default.map(str::to_owned))?;
    let problem = match Url::parse(&text) {
        Ok(url) => match check_base(&url) {
            Ok(()) => return Some(url),
            Err(problem) => problem,
        },
        Err(_) => "must be a URL such as `https://api.example.com/api`",
    };
    settings.problem(key, problem);
    None
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
