//! The one error of the workspace.

use std::{error::Error as StdError, fmt, time::Duration};

use crate::ParkReason;

/// A result with the workspace's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in terms a caller can act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration is wrong; nothing was tried.
    Config,
    /// The vendor refuses the credentials. A person must act.
    Auth,
    /// The credentials are good but not for this.
    Forbidden,
    /// The vendor does not have the thing asked for.
    NotFound,
    /// The vendor refuses the request's content for good.
    Invalid,
    /// The vendor has such a record already.
    Duplicate,
    /// A person must decide; [`Error::park_reason`] says what.
    NeedsPerson,
    /// The CRM record we were linked to is gone (deleted or merged); link again and resend.
    LinkBroken,
    /// Too many requests for now.
    Throttled,
    /// The daily allowance is used up; waiting is the only cure.
    QuotaExhausted,
    /// The vendor is down or answered 5xx.
    Unavailable,
    /// No answer in time, or the connection broke.
    Connection,
    /// An answer we cannot read.
    Decode,
    /// Our own durable store failed.
    Storage,
    /// Somebody else holds the lease, the revision or the file.
    Contended,
    /// This connector has no such power.
    Unsupported,
}

impl ErrorKind {
    /// The kind as a short lower-case word for tables and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Invalid => "invalid",
            Self::Duplicate => "duplicate",
            Self::NeedsPerson => "needs-person",
            Self::LinkBroken => "link-broken",
            Self::Throttled => "throttled",
            Self::QuotaExhausted => "quota-exhausted",
            Self::Unavailable => "unavailable",
            Self::Connection => "connection",
            Self::Decode => "decode",
            Self::Storage => "storage",
            Self::Contended => "contended",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same call will fail the same way.
    Never,
    /// Try again with back-off; the vendor did not apply the call.
    Backoff,
    /// Try again no sooner than this; the vendor did not apply the call.
    After(Duration),
    /// The call may have been applied: read back before sending it again.
    Settle,
}

/// An error of any crate in the workspace.
///
/// `Display` is one line without the source (only [`Problems`](crate::Problems) follow on lines
/// of their own) and never carries personal data, secrets or URLs: context is added by code that
/// knows what it adds. Vendor bodies are not kept.
///
/// ```
/// use cannula_core::{Error, ErrorKind, Retry};
/// let error = Error::new(ErrorKind::Unavailable, "the vendor is restarting")
///     .connector("nextech")
///     .operation("search appointments")
///     .status(503)
///     .retry(Retry::Backoff);
/// assert_eq!(
///     error.to_string(),
///     "nextech: search appointments: the vendor is restarting (unavailable, HTTP 503)"
/// );
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    retry: Retry,
    connector: Option<&'static str>,
    operation: Option<&'static str>,
    status: Option<u16>,
    code: Option<String>,
    context: Vec<(&'static str, String)>,
    park: Option<ParkReason>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A new error whose `message` is safe to print: it holds no personal data and no secret.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            retry: Retry::Never,
            connector: None,
            operation: None,
            status: None,
            code: None,
            context: Vec::new(),
            park: None,
            source: None,
        }))
    }

    /// The effect cannot go on before a person has acted as `reason` says.
    pub fn needs_person(reason: ParkReason) -> Self {
        let mut error = Self::new(ErrorKind::NeedsPerson, reason.summary());
        error.0.park = Some(reason);
        error
    }

    /// Names the connector, for example `nextech`.
    #[must_use]
    pub fn connector(mut self, connector: &'static str) -> Self {
        self.0.connector.get_or_insert(connector);
        self
    }

    /// Names what was being done, for example `search appointments`.
    #[must_use]
    pub fn operation(mut self, operation: &'static str) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// The HTTP status of the vendor's answer.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// The vendor's own error code, where it is a code and not prose.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// Adds a fact to print as `key=value`; it must hold no personal data.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.0.context.push((key, value.to_string()));
        self
    }

    /// Sets the retry advice; the default is [`Retry::Never`].
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.0.retry = retry;
        self
    }

    /// Keeps the cause for [`StdError::source`]; it is never part of `Display`.
    #[must_use]
    pub fn source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The sentence, without connector, operation and context.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn retry_advice(&self) -> Retry {
        self.0.retry
    }

    /// The HTTP status, where a vendor answered.
    pub fn http_status(&self) -> Option<u16> {
        self.0.status
    }

    /// The vendor's error code, where there is one.
    pub fn vendor_code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// What a person must decide, for [`ErrorKind::NeedsPerson`].
    pub fn park_reason(&self) -> Option<&ParkReason> {
        self.0.park.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &self.0;
        if let Some(connector) = inner.connector {
            write!(f, "{connector}: ")?;
        }
        if let Some(operation) = inner.operation {
            write!(f, "{operation}: ")?;
        }
        let (sentence, list) = match inner.message.split_once('\n') {
            Some((sentence, list)) => (sentence, Some(list)),
            None => (inner.message.as_str(), None),
        };
        write!(f, "{sentence} ({}", inner.kind.as_str())?;
        if let Some(status) = inner.status {
            write!(f, ", HTTP {status}")?;
        }
        if let Some(code) = &inner.code {
            write!(f, ", code {code}")?;
        }
        for (key, value) in &inner.context {
            write!(f, ", {key}={value}")?;
        }
        f.write_str(")")?;
        list.map_or(Ok(()), |list| write!(f, "\n{list}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The source is left out on purpose: foreign errors may print URLs or values.
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retry", &self.0.retry)
            .field("display", &self.to_string())
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_is_one_line_and_leaves_the_source_out() {
        let cause = std::io::Error::other("https://api.example.test/?email=mina");
        let error = Error::new(ErrorKind::Connection, "no answer in 30 s")
            .operation("get patient")
            .with("attempts", 4)
            .source(cause);
        assert_eq!(error.to_string(), "get patient: no answer in 30 s (connection, attempts=4)");
        assert!(!format!("{error:?}").contains("mina"));
        assert!(StdError::source(&error).is_some());
    }

    #[test]
    fn a_list_of_problems_follows_the_sentence() {
        let mut problems = crate::Problems::new();
        problems.add("store.file", "is missing");
        problems.add("nextech.zone", "unknown key");
        let error = problems.into_result("the configuration", ()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the configuration has 2 problems (config)\n  store.file: is missing\n  nextech.zone: unknown key"
        );
    }

    #[test]
    fn the_innermost_connector_and_operation_win() {
        let error = Error::new(ErrorKind::Auth, "x").connector("a").connector("b");
        assert!(error.to_string().starts_with("a: "));
    }
}
