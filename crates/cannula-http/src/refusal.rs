use cannula_core::{Error, ErrorKind};
use reqwest::header::HeaderMap;

/// An answer that is not 2xx, for the connector's error table.
pub struct Refusal<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The answer's headers.
    pub headers: &'a HeaderMap,
    /// The answer's body. It may hold personal data: take codes from it, never prose.
    pub body: &'a [u8],
}

impl std::fmt::Debug for Refusal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refusal").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A vendor's error table: what an answer that is not 2xx means.
///
/// The kind decides what the client does next. `Auth` means that the token is bad: it is dropped
/// and the request sent once more. `Throttled` was not applied and is sent again; `Unavailable`
/// may have been applied, so only a repeatable request is sent again. Other kinds are final.
/// Retry advice other than [`Retry::Never`](cannula_core::Retry::Never) overrides the kind.
/// The client adds connector, operation and status.
pub type ErrorTable = fn(&Refusal<'_>) -> Error;

/// The row of an error table for a vendor who uses HTTP statuses as HTTP means them.
pub fn by_status(status: u16) -> Error {
    let (kind, message) = match status {
        401 => (ErrorKind::Auth, "the vendor refuses the credentials"),
        403 => (ErrorKind::Forbidden, "the credentials do not allow this"),
        404 | 410 => (ErrorKind::NotFound, "the vendor does not have it"),
        429 => (ErrorKind::Throttled, "too many requests"),
        408 | 500.. => (ErrorKind::Unavailable, "the vendor could not answer"),
        _ => (ErrorKind::Invalid, "the vendor refuses the request"),
    };
    Error::new(kind, message)
}
