//! How webhooks are signed: HMAC-SHA256 of the raw body, printed as .NET prints bytes.

use ring::hmac;

use crate::webhooks::Signing;

/// The secret that the sandbox's webhooks are signed with.
pub(super) const SECRET: &str = "zenoti-sandbox-webhook-secret";

const HEADER: &str = "zenoti-webhook-signature";

/// The header that signs a body. An empty body is the test ping, which nobody signs.
pub(super) fn sign(signing: Signing, body: &[u8]) -> Option<(&'static str, String)> {
    if body.is_empty() {
        return None;
    }
    let value = match signing {
        Signing::Genuine => value(SECRET, body),
        Signing::ForeignKey => value("a secret that nobody was told", body),
        Signing::NotAvailable => "N/A".to_owned(),
        Signing::Absent => return None,
    };
    Some((HEADER, value))
}

/// `sha256 =AA-BB-…`, with the space where it is.
fn value(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, body);
    let pairs: Vec<String> = tag.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    format!("sha256 ={}", pairs.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_hyphenated_pairs_after_a_space() {
        let body = br#"{"event_type":"Guest.Created"}"#;
        let expected = "sha256 =E5-66-02-AA-90-2C-C2-E2-77-90-0D-57-D0-7B-6F-51-79-BB-A4-FB-94-\
                        4E-2A-C6-C5-1E-76-A4-3D-B1-B9-17";
        assert_eq!(value("zen-test-secret", body), expected);
        assert_eq!(sign(Signing::Genuine, b""), None);
        assert_ne!(sign(Signing::Genuine, body), sign(Signing::ForeignKey, body));
    }
}
