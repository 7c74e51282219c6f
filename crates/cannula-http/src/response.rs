use std::fmt;

use bytes::Bytes;
use cannula_core::{Error, ErrorKind, Result, Retry};
use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, HeaderName};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// A 2xx answer. `Debug` shows the status and the body's length only.
#[derive(Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// Reads the body as JSON. An error names the JSON path of what was wrong, never the value.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        decode(&self.body)
    }

    /// What the server's clock showed, by its `Date` header.
    pub fn date(&self) -> Option<DateTime<Utc>> {
        http_date(&self.headers, &DATE)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Reads JSON. An error of kind [`ErrorKind::Decode`] names the JSON path, never the value; if
/// the text ends early its advice is [`Retry::Backoff`], as another try may get the whole.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| explain::<T>(body, error))
}

/// Reads the body a second time to find the path, which costs too much to track when all is well.
#[cold]
fn explain<T: DeserializeOwned>(body: &[u8], error: serde_json::Error) -> Error {
    let place = format!("line {} column {}", error.line(), error.column());
    match error.classify() {
        Category::Eof if body.is_empty() => {
            Error::new(ErrorKind::Decode, "the answer is empty").retry(Retry::Backoff)
        }
        Category::Eof | Category::Syntax if is_cut(body, &error) => {
            Error::new(ErrorKind::Decode, "the answer ends early").retry(Retry::Backoff)
        }
        Category::Eof | Category::Syntax | Category::Io => {
            Error::new(ErrorKind::Decode, "the answer is not JSON").with("at", place)
        }
        Category::Data => {
            let mut reader = serde_json::Deserializer::from_slice(body);
            let path = serde_path_to_error::deserialize::<_, T>(&mut reader)
                .err()
                .map_or(place, |error| error.path().to_string());
            Error::new(ErrorKind::Decode, "the answer does not have the expected shape")
                .with("path", path)
        }
    }
}

/// Whether the body ends before its JSON does. A number that is skipped and is cut behind its
/// decimal point is no early end to the parser, but no number.
fn is_cut(body: &[u8], error: &serde_json::Error) -> bool {
    let last = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = 1 + body.iter().filter(|byte| **byte == b'\n').count();
    let at_end = (error.line(), error.column()) == (lines, body.len() - last);
    let is_open = matches!(body.last(), Some(b'.' | b'-' | b'+' | b'e' | b'E'));
    error.is_eof() || (at_end && is_open && error.to_string().starts_with("invalid number"))
}

/// A header that holds an HTTP date.
pub(crate) fn http_date(headers: &HeaderMap, name: &HeaderName) -> Option<DateTime<Utc>> {
    let text = headers.get(name)?.to_str().ok()?;
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Answer {
        #[allow(dead_code)]
        items: Vec<Item>,
    }

    #[derive(Debug, serde::Deserialize)]
    struct Item {
        #[allow(dead_code)]
        count: u32,
    }

    #[test]
    fn a_decode_error_names_the_path_and_hides_the_value() {
        let error =
            decode::<Answer>(br#"{"items":[{"count":1},{"count":"Mina Varga"}]}"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the answer does not have the expected shape (decode, path=items[1].count)"
        );
        assert_eq!(error.retry_advice(), Retry::Never);
    }

    #[test]
    fn an_answer_that_ends_early_may_be_asked_for_again() {
        for body in [&b""[..], br#"{"items":[{"count":1"#, br#"{"more":149."#, b"{\"more\":\n-"] {
            let error = decode::<Answer>(body).unwrap_err();
            assert_eq!(error.retry_advice(), Retry::Backoff, "{error}");
        }
        let complete = decode::<Answer>(br#"{"more":149.}"#).unwrap_err();
        assert_eq!(complete.retry_advice(), Retry::Never, "{complete}");
        let html = decode::<Answer>(b"<html>Mina</html>").unwrap_err();
        assert_eq!(html.to_string(), "the answer is not JSON (decode, at=line 1 column 1)");
    }
}
