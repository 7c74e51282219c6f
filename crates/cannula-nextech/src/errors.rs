//! What Nextech's refusals mean. Its prose is not repeated, because it may name the patient.

use cannula_core::{Error, ErrorKind, Retry};
use cannula_http::{Refusal, by_status};
use serde::{Deserialize, de::IgnoredAny};

use crate::mentions::Mentions;

/// The API's table. The status decides; a code in the body is kept where it is one.
///
/// Statuses: "Errors" of the Select and Practice+ API documentation.
pub(crate) fn api(refusal: &Refusal<'_>) -> Error {
    let error = match refusal.status {
        400 => Error::new(ErrorKind::Invalid, "Nextech calls the request malformed"),
        401 => Error::new(
            ErrorKind::Auth,
            "Nextech refuses the token: check `client_id`, `resource` and `practice_id`",
        ),
        403 => Error::new(
            ErrorKind::Forbidden,
            "Nextech refuses this practice or resource: check `practice_id`, and that the practice has ordered API access for this user",
        ),
        404 | 410 => Error::new(ErrorKind::NotFound, "Nextech does not have it"),
        409 => {
            Error::new(ErrorKind::Duplicate, "Nextech says it conflicts with an existing record")
        }
        422 => Error::new(ErrorKind::Invalid, "Nextech's rules do not allow it"),
        429 => Error::new(ErrorKind::Throttled, "more requests than Nextech allows"),
        status => by_status(status),
    };
    let error = match Mentions::in_body(refusal.body) {
        Some(mentions) if matches!(refusal.status, 400 | 404 | 422) => error.source(mentions),
        _ => error,
    };
    match code(refusal.body) {
        Some(code) => error.code(code),
        None => error,
    }
}

/// Whether Nextech refuses what a request says, for good.
pub(crate) fn is_refusal(error: &Error) -> bool {
    matches!(error.http_status(), Some(400 | 404 | 422)) && error.retry_advice() == Retry::Never
}

/// A refusal in words that staff can act upon.
pub(crate) fn in_words(refusal: Error, message: impl Into<String>) -> Error {
    let mut error = Error::new(ErrorKind::Invalid, message);
    if let Some(status) = refusal.http_status() {
        error = error.status(status);
    }
    if let Some(code) = refusal.vendor_code() {
        error = error.code(code);
    }
    error.source(refusal)
}

/// Whether the body of a 2xx says that it went wrong all the same, or is a page of something that
/// stands before Nextech.
pub(crate) fn is_failure(body: &[u8]) -> bool {
    if body.trim_ascii().is_empty() {
        return false;
    }
    if serde_json::from_slice::<IgnoredAny>(body).is_err() {
        return true;
    }
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    let is_bad = |issue: &Issue| matches!(issue.severity.as_deref(), Some("error" | "fatal"));
    body.issue.iter().any(is_bad)
}

/// A 200 that is no page: an error in disguise, or something else altogether.
pub(crate) fn not_a_page(body: &[u8]) -> Error {
    let error = Error::new(ErrorKind::Decode, "the answer is neither a Bundle nor a resource");
    match code(body) {
        Some(code) => error.code(code),
        None => error,
    }
}

/// Bodies seen or documented: OperationOutcome, and AppointmentResponse for a refused booking.
/// Others hold prose only, or HTML, or nothing.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    issue: Vec<Issue>,
    participant_status: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Issue {
    severity: Option<String>,
    code: Option<String>,
}

fn code(body: &[u8]) -> Option<String> {
    let body: Body = serde_json::from_slice(body).ok()?;
    let issue = body.issue.into_iter().find_map(|issue| issue.code);
    issue.or(body.participant_status).filter(|code| is_code(code))
}

/// Short and without spaces: a code, not prose.
pub(crate) fn is_code(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The sign-in service's table: Azure AD v1, whose `error_codes` tell more than `error`.
///
/// Codes: "Microsoft Entra authentication and authorization error codes".
pub(crate) fn sign_in(refusal: &Refusal<'_>) -> Error {
    let body: SignIn = serde_json::from_slice(refusal.body).unwrap_or_default();
    let temporary = matches!(body.error.as_deref(), Some("temporarily_unavailable"));
    if refusal.status == 429 || refusal.status == 408 || refusal.status >= 500 || temporary {
        let kind =
            if refusal.status == 429 { ErrorKind::Throttled } else { ErrorKind::Unavailable };
        return Error::new(kind, "the sign-in service cannot answer");
    }
    if refusal.status == 404 {
        return Error::new(ErrorKind::Auth, "there is no sign-in service here: check `token_url`");
    }
    let number = body.number();
    let error = Error::new(ErrorKind::Auth, advice(number));
    match (number, body.error) {
        (Some(number), _) => error.code(format!("AADSTS{number}")),
        (None, Some(word)) if is_code(&word) => error.code(word),
        _ => error,
    }
}

/// What a person must do; nothing here passes by itself.
fn advice(number: Option<u32>) -> &'static str {
    match number {
        Some(50055 | 50144) => {
            "the API user's password has expired: sign in once at portal.azure.com to set a new one, then change `password`"
        }
        Some(50076 | 50079 | 50074 | 53003) => {
            "the API user is asked for a second factor, which a program cannot give: have Nextech exempt it"
        }
        Some(50057) => "the API user's account is disabled: have Nextech enable it",
        Some(50053) => {
            "the API user's account is locked after too many failed sign-ins: check `password`, then wait or have it unlocked"
        }
        Some(50126 | 50034 | 50056) => {
            "the user name or password is wrong: check `username` and `password`"
        }
        Some(7_000_215) => "the client secret is wrong: check `client_secret`",
        Some(7_000_222) => "the client secret has expired: ask Nextech for a new `client_secret`",
        Some(700_016) => "the application is not known: check `client_id` and `token_url`",
        Some(50001 | 500_011) => "the resource is not known: check `resource`",
        Some(65001) => "the application has no consent for the resource: check `resource`",
        _ => "the sign-in service refuses the credentials: check them all",
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SignIn {
    error: Option<String>,
    error_description: Option<String>,
    error_codes: Vec<u32>,
}

impl SignIn {
    fn number(&self) -> Option<u32> {
        self.error_codes.first().copied().or_else(|| {
            let (_, rest) = self.error_description.as_ref()?.split_once("AADSTS")?;
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest.get(..digits)?.parse().ok()
        })
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
    fn the_api_table() {
        let outcome = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"processing","details":{"text":"Mina Varga exists"}}]}"#;
        let booking = r#"{"resourceType":"AppointmentResponse","participantStatus":"declined","comment":"Mina Varga is late"}"#;
        let rows = [
            (400, outcome),
            (401, ""),
            (403, "<html>Mina Varga</html>"),
            (404, r#"{"message":"Mina Varga"}"#),
            (409, booking),
            (409, r#"{"Message":"Mina Varga exists"}"#),
            (422, r#"{"issue":[{"code":"Mina Varga"}]}"#),
            (429, ""),
            (500, outcome),
            (502, ""),
            (523, ""),
        ];
        let shown =
            rows.map(|(status, body)| format!("{status} {}", show(api, status, body))).join("\n");
        assert!(!shown.contains("Mina"), "{shown}");
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn the_sign_in_table() {
        let coded = |number: u32| {
            format!(
                r#"{{"error":"invalid_grant","error_description":"AADSTS{number}: u@x","error_codes":[{number}]}}"#
            )
        };
        let mut shown = Vec::new();
        for number in [
            50055, 50144, 50076, 50079, 50057, 50053, 50126, 7_000_215, 7_000_222, 700_016,
            500_011, 1,
        ] {
            shown.push(show(sign_in, 400, &coded(number)));
        }
        let described = r#"{"error":"invalid_grant","error_description":"AADSTS50055: u@x"}"#;
        shown.push(show(sign_in, 400, described));
        shown.push(show(sign_in, 401, r#"{"error":"invalid_client"}"#));
        shown.push(show(sign_in, 400, "<html>"));
        shown.push(show(sign_in, 404, ""));
        shown.push(show(sign_in, 429, ""));
        shown.push(show(sign_in, 503, ""));
        let shown = shown.join("\n");
        assert!(!shown.contains("u@x"), "{shown}");
        insta::assert_snapshot!(shown);
    }
}
