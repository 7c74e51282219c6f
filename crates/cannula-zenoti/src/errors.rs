//! What Zenoti's refusals mean: by HTTP status, and by the code in the body, which looks like an
//! HTTP status and is none. Its prose is not repeated, because it may name the guest.

use cannula_core::{Error, ErrorKind, Result};
use cannula_http::{Refusal, by_status};
use serde::Deserialize;
use serde_json::Value;

/// The API's table. The HTTP status decides; where it says no more than "refused", the body's
/// code does.
///
/// Statuses: "Response and error codes", "API rate limits".
pub(crate) fn api(refusal: &Refusal<'_>) -> Error {
    let found = Found::in_body(refusal.body);
    let error = match refusal.status {
        401 => Error::new(
            ErrorKind::Auth,
            "Zenoti refuses the credentials: check `api_key`, or `user_name`, `password`, `app_id` and `app_secret`",
        ),
        403 => Error::new(
            ErrorKind::Forbidden,
            "Zenoti does not allow this: check the API groups of the app and the role of the user",
        ),
        404 => Error::new(ErrorKind::NotFound, "Zenoti does not have it"),
        429 => Error::new(ErrorKind::Throttled, "more calls than Zenoti allows the organisation"),
        503 => Error::new(
            ErrorKind::Unavailable,
            "Zenoti has too much to do; it is usually back within five minutes",
        ),
        status @ (408 | 410 | 500..) => by_status(status),
        _ => return found.unwrap_or_default().error(),
    };
    match found.and_then(|found| found.code) {
        Some(code) => error.code(code),
        None => error,
    }
}

/// The sign-in's table: a refusal is about the credentials, whatever its status.
pub(crate) fn sign_in(refusal: &Refusal<'_>) -> Error {
    match refusal.status {
        408 | 429 | 500.. => api(refusal),
        404 => Error::new(ErrorKind::Auth, "there are no tokens here: check `base_url`"),
        _ => {
            let error = Error::new(
                ErrorKind::Auth,
                "Zenoti gives no token: check `account_name`, `user_name`, `password`, `app_id` and `app_secret`",
            );
            match Found::in_body(refusal.body).and_then(|found| found.code) {
                Some(code) => error.code(code),
                None => error,
            }
        }
    }
}

/// Whether a 2xx answer is one: it may carry an error all the same.
pub(crate) fn check(body: &[u8]) -> Result<()> {
    match Found::in_body(body) {
        Some(found) => Err(found.error()),
        None => Ok(()),
    }
}

/// An error in a body.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    code: Option<String>,
}

/// The four shapes: `{"code", "message"}`, `{"error": {"code", "message"}}`,
/// `{"error": {"StatusCode", "Message"}}`, and the same with a capital `Error`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    #[serde(alias = "Error")]
    error: Value,
    code: Value,
    #[serde(alias = "Message")]
    message: Value,
    /// What has an id is a record; a guest has a `code` too.
    id: Option<serde::de::IgnoredAny>,
}

impl Found {
    fn in_body(body: &[u8]) -> Option<Self> {
        // A list is none, though its rows would be read as the members of one.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return None;
        }
        // A body with both `error` and `Error` is read by the first shape that says something.
        let body: Body = match serde_json::from_slice(body) {
            Ok(body) => body,
            Err(_) => Self::twice(body)?,
        };
        match &body.error {
            Value::Null => {}
            Value::Object(error) => {
                let get = |names: [&str; 3]| names.iter().find_map(|name| error.get(*name));
                let code = get(["code", "Code", "StatusCode"]).and_then(code);
                let message =
                    get(["message", "Message", "InternalMessage"]).and_then(Value::as_str);
                let says = message.is_some_and(|text| !text.trim().is_empty());
                if code.as_deref().is_some_and(|code| code != "0") || says {
                    return Some(Self { code });
                }
            }
            Value::String(text) if text.trim().is_empty() => {}
            Value::Bool(false) => {}
            _ => return Some(Self::default()),
        }
        let is_bare = body.id.is_none() && body.message.is_string();
        let code = Some(&body.code).filter(|_| is_bare).and_then(code);
        code.map(|code| Self { code: Some(code) })
    }

    fn twice(body: &[u8]) -> Option<Body> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let object = value.as_object()?;
        let error = ["error", "Error"].iter().filter_map(|name| object.get(*name));
        let error = error.into_iter().find(|error| !error.is_null()).cloned();
        Some(Body { error: error.unwrap_or_default(), ..Body::default() })
    }

    /// What a code says; it is the application's own, and never an HTTP status.
    ///
    /// Codes: the legacy "Zenoti Open" Swagger for guests, "check-in" for 4051.
    fn error(self) -> Error {
        let (kind, message) = match self.code.as_deref() {
            Some("414") => (ErrorKind::NotFound, "Zenoti does not have the guest"),
            Some("441") => (ErrorKind::Duplicate, "another guest has this guest code"),
            Some("442") => (ErrorKind::Duplicate, "another guest has this e-mail address"),
            Some("481") => (
                ErrorKind::Invalid,
                "the organisation demands more of a guest than was sent: add what it demands to `required_fields`",
            ),
            Some("482") => {
                (ErrorKind::Invalid, "the mobile number is too long or too short for its country")
            }
            Some("484") => (
                ErrorKind::Invalid,
                "Zenoti does not know the country, nationality or state: check `country_id` and the state",
            ),
            Some("503") => (ErrorKind::Invalid, "Zenoti misses a part of the request"),
            Some("4051") => (
                ErrorKind::Forbidden,
                "Zenoti does not allow this: check the API groups of the app and the role of the user",
            ),
            _ => (ErrorKind::Invalid, "Zenoti refuses the request"),
        };
        let error = Error::new(kind, message);
        match self.code {
            Some(code) => error.code(code),
            None => error,
        }
    }
}

/// A code: a number, quoted or not.
fn code(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => {
            let text = text.trim();
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let is_code = (1..=40).contains(&text.len())
                && text.bytes().all(plain)
                && text.bytes().any(|byte| byte.is_ascii_digit());
            is_code.then(|| text.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cannula_http::HeaderMap;

    fn show(table: fn(&Refusal<'_>) -> Error, status: u16, body: &str) -> String {
        let headers = HeaderMap::new();
        table(&Refusal { status, headers: &headers, body: body.as_bytes() }).to_string()
    }

    #[test]
    fn every_shape_of_error_is_found_in_an_answer_that_says_ok() {
        for body in [
            r#"{"code":422,"message":"Mina asked for too many"}"#,
            r#"{"invoice":null,"error":{"code":410,"message":"Mina"}}"#,
            r#"{"id":"x","error":{"code":"442","message":"Mina"}}"#,
            r#"{"error":{"StatusCode":419,"Message":"Mina","InternalMessage":""}}"#,
            r#"{"Error":{"StatusCode":503,"Message":"Mina"}}"#,
            r#"{"error":null,"Error":{"StatusCode":503,"Message":"Mina"}}"#,
            r#"{"error":{"code":0,"message":"Mina is not there"}}"#,
            r#"{"error":"Mina"}"#,
        ] {
            let text = check(body.as_bytes()).unwrap_err().to_string();
            assert!(!text.contains("Mina"), "{text}");
        }
    }

    #[test]
    fn an_answer_without_an_error_is_one() {
        for body in [
            r#"{"id":"x","code":"1A347","message":"a note"}"#,
            r#"{"invoice":{"id":"x"},"error":null}"#,
            r#"{"guests":[],"Error":null}"#,
            r#"{"error":null,"Error":null}"#,
            r#"{"error":{"code":0,"message":null}}"#,
            r#"{"code":"","guests":[]}"#,
            "[]",
            r#"["(not a record)", {"id":"x"}]"#,
            r#" [{"code":7,"message":"a note"}]"#,
            "",
        ] {
            assert!(check(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_code_in_the_body_is_never_taken_for_an_http_status() {
        for code in [410, 419, 428, 429, 502, 503, 727, 734] {
            let body = format!(r#"{{"error":{{"code":{code},"message":"x"}}}}"#);
            let error = check(body.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{code}");
            assert_eq!(error.vendor_code(), Some(code.to_string().as_str()));
        }
    }

    #[test]
    fn the_table() {
        let coded =
            |code: u32| format!(r#"{{"error":{{"code":{code},"message":"Mina Varga exists"}}}}"#);
        let rows = [
            (400, coded(441)),
            (400, coded(442)),
            (400, coded(414)),
            (400, coded(481)),
            (422, coded(482)),
            (400, coded(484)),
            (400, coded(503)),
            (400, coded(4051)),
            (400, coded(727)),
            (401, String::new()),
            (403, "<html>Mina Varga</html>".to_owned()),
            (404, coded(502)),
            (429, String::new()),
            (500, coded(410)),
            (503, "Mina Varga".to_owned()),
            (422, r#"{"code":422,"message":"You asked for too many"}"#.to_owned()),
        ];
        let shown: Vec<_> = rows
            .iter()
            .map(|(status, body)| format!("{status} {}", show(api, *status, body)))
            .collect();
        let mut shown = shown.join("\n");
        for status in [400, 401, 404, 429, 503] {
            shown += &format!("\nsign-in {status} {}", show(sign_in, status, &coded(401)));
        }
        assert!(!shown.contains("Mina"), "{shown}");
        insta::assert_snapshot!(shown);
    }
}
