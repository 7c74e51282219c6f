//! What PatientNow's refusals mean. The status decides; the body is kept where nobody prints it.

use std::time::Duration;

use cannula_core::{Error, ErrorKind, Retry};
use cannula_http::{Refusal, by_status};

use crate::{complaint::Complaint, words::QUOTA};

pub(crate) const USED_UP: &str = "PatientNow says that the calls of the plan are used up";
/// What a gateway may say with 403 in place of 429.
const TOO_FAST: [&str; 2] = ["rate limit", "too many requests"];

/// The table of every product. Statuses are assumed to mean what HTTP says.
pub(crate) fn table(refusal: &Refusal<'_>) -> Error {
    let complaint = Complaint::read(refusal.body, retry_after(refusal));
    let tells_of = |words: &[&str]| {
        let text = complaint.text().to_lowercase();
        words.iter().any(|word| text.contains(word))
    };
    let error = match refusal.status {
        // Asking again within the minute would only spend more calls.
        403 | 429 if tells_of(&QUOTA) => {
            let wait = complaint.retry_after.map_or(Retry::Never, Retry::After);
            Error::new(ErrorKind::QuotaExhausted, USED_UP).retry(wait)
        }
        403 if tells_of(&TOO_FAST) => {
            Error::new(ErrorKind::Throttled, "PatientNow wants no more calls for now")
        }
        400 | 422 => Error::new(ErrorKind::Invalid, "PatientNow refuses the content"),
        401 => Error::new(
            ErrorKind::Auth,
            "PatientNow refuses the credentials: check `api_key`, `username` and `password`, and that the user is active",
        ),
        403 => Error::new(ErrorKind::Forbidden, "this key or user has no access to this"),
        404 | 410 => Error::new(ErrorKind::NotFound, "PatientNow does not have it"),
        409 => Error::new(ErrorKind::Duplicate, "PatientNow has such a record already"),
        429 => Error::new(ErrorKind::Throttled, "PatientNow wants no more calls for now"),
        408 | 500.. => Error::new(ErrorKind::Unavailable, "PatientNow could not answer"),
        status => by_status(status),
    };
    match refusal.status {
        500.. => error,
        _ => error.source(complaint),
    }
}

/// The wait in seconds. A date is left to the client.
fn retry_after(refusal: &Refusal<'_>) -> Option<Duration> {
    let text = refusal.headers.get("retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cannula_http::HeaderMap;

    #[test]
    fn a_used_up_plan_is_told_from_a_missing_permission_and_from_haste() {
        let headers = HeaderMap::new();
        let kind = |status, body: &str| {
            table(&Refusal { status, headers: &headers, body: body.as_bytes() }).kind()
        };
        let page = "<html><body>The daily Quota is exceeded.</body></html>";
        assert_eq!(kind(403, page), ErrorKind::QuotaExhausted);
        assert_eq!(kind(429, page), ErrorKind::QuotaExhausted);
        assert_eq!(kind(429, "Too many requests"), ErrorKind::Throttled);
        assert_eq!(kind(403, "Rate limit is exceeded"), ErrorKind::Throttled);
        assert_eq!(kind(403, ""), ErrorKind::Forbidden);
        assert_eq!(kind(400, page), ErrorKind::Invalid);
    }

    #[test]
    fn the_status_decides_and_the_body_is_not_shown() {
        let object =
            r#"{"Message":"Ada Quill exists","ModelState":{"customer.Email":["ada@x.test"]}}"#;
        let shown = [400, 401, 403, 404, 409, 418, 422, 429, 500, 503].map(|status| {
            let headers = HeaderMap::new();
            let body = if status == 403 { "<html>Ada Quill</html>" } else { object };
            let error = table(&Refusal { status, headers: &headers, body: body.as_bytes() });
            format!("{status} {error} {error:?}")
        });
        let shown = shown.join("\n");
        assert!(!shown.contains("Ada") && !shown.contains("ada@"), "{shown}");
        insta::assert_snapshot!(shown);
    }
}
