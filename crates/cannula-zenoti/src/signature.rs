//! The signature of a delivery: HMAC-SHA256 over the raw body, printed as pairs of hexadecimal
//! digits joined by hyphens. As reported from live traffic; no page of the vendor's has it.

use std::fmt;

use cannula_core::{Delivery, Error, ErrorKind, Result, Secret};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::CONNECTOR;

/// The secrets that a delivery may be signed with; several while one is being changed.
#[derive(Clone)]
pub(crate) struct Keys {
    header: String,
    secrets: Vec<Secret>,
}

impl Keys {
    /// `None` if there is no secret: without one nothing could be proven.
    pub(crate) fn new(header: &str, secrets: &[Secret]) -> Option<Self> {
        let blank = |secret: &Secret| secret.expose().trim().is_empty();
        if secrets.is_empty() || secrets.iter().any(blank) || header.trim().is_empty() {
            return None;
        }
        Some(Self { header: header.trim().to_owned(), secrets: secrets.to_vec() })
    }

    /// Whether one of the secrets signed the exact bytes that came.
    pub(crate) fn verify(&self, delivery: &Delivery<'_>) -> Result<()> {
        let Some(text) = delivery.header(&self.header) else {
            return Err(refused("the delivery carries no signature: check `webhooks.header`"));
        };
        let Some(signature) = signature(text) else {
            return Err(refused("the signature is not 32 bytes in hexadecimal"));
        };
        let genuine = self.secrets.iter().any(|secret| {
            // A key of any length is one.
            Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).is_ok_and(|mac| {
                // Compares in constant time.
                mac.chain_update(delivery.body).verify_slice(&signature).is_ok()
            })
        });
        if genuine { Ok(()) } else { Err(refused("the signature is not Zenoti's")) }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("header", &self.header)
            .field("secrets", &self.secrets.len())
            .finish()
    }
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Auth, why).connector(CONNECTOR).operation("verify a webhook")
}

/// `sha256 =18-2E-…`, with or without the word, the spaces and the hyphens, in any case.
fn signature(text: &str) -> Option<[u8; 32]> {
    let text = text.trim();
    let digits = match text.get(..6).filter(|word| word.eq_ignore_ascii_case("sha256")) {
        Some(word) => text.strip_prefix(word)?.trim_start().strip_prefix('=')?.trim_start(),
        None => text,
    };
    let mut bytes = [0; 32];
    let mut digits = digits.bytes().filter(|byte| *byte != b'-');
    for byte in &mut bytes {
        *byte = digit(digits.next()?)? << 4 | digit(digits.next()?)?;
    }
    digits.next().is_none().then_some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    const BODY: &[u8] = br#"{"event_type":"Guest.Created"}"#;
    const SIGNED: &str = "sha256 =E5-66-02-AA-90-2C-C2-E2-77-90-0D-57-D0-7B-6F-51-79-BB-A4-FB-94-4E-2A-C6-C5-1E-76-A4-3D-B1-B9-17";

    fn keys(secrets: &[&str]) -> Keys {
        let secrets: Vec<_> = secrets.iter().map(|it| Secret::new(*it)).collect();
        Keys::new("zenoti-webhook-signature", &secrets).unwrap()
    }

    fn verify(keys: &Keys, header: (&str, &str), body: &[u8]) -> bool {
        let headers = [("content-type", "application/json"), header];
        let delivery = Delivery { headers: &headers, body, received_at: DateTime::UNIX_EPOCH };
        keys.verify(&delivery).is_ok()
    }

    fn signed(body: &[u8], signature: &str) -> bool {
        verify(&keys(&["zen-test-secret"]), ("Zenoti-Webhook-Signature", signature), body)
    }

    #[test]
    fn the_vectors_pass() {
        assert!(signed(BODY, SIGNED));
        assert!(signed(
            &[BODY, b"\n"].concat(),
            "sha256 =A1-D1-BB-38-84-35-AC-3F-AC-3D-50-00-DC-0C-EF-C1-E7-27-B5-15-1F-8C-35-3E-87-0B-4D-18-5B-56-CA-E4",
        ));
        assert!(signed(
            br#"{"id":"66a0000000000000000000a1","event_type":"AppointmentGroup.Status"}"#,
            "sha256 =28-A3-37-13-50-41-16-C1-28-9A-C3-97-1A-CD-FB-A8-E0-5B-C4-11-01-B9-52-EA-DA-45-F2-C1-CE-F3-2B-FE",
        ));
        assert!(!signed(&[BODY, b"\n"].concat(), SIGNED));
    }

    #[test]
    fn the_signature_is_read_in_every_usual_spelling() {
        let pairs = SIGNED.strip_prefix("sha256 =").unwrap();
        let plain = pairs.replace('-', "");
        for spelling in [
            format!("sha256={pairs}"),
            format!("SHA256 = {}", pairs.to_lowercase()),
            format!("  sha256\t=\t{plain} "),
            pairs.to_owned(),
            plain.clone(),
            plain.to_lowercase(),
        ] {
            assert!(signed(BODY, &spelling), "{spelling}");
        }
        for wrong in [
            String::new(),
            "sha256 =".to_owned(),
            "sha256".to_owned(),
            format!("sha1 ={pairs}"),
            format!("sha256 {pairs}"),
            format!("{pairs}-00"),
            pairs[..pairs.len() - 1].to_owned(),
            pairs.replace('E', "G"),
            format!("é{pairs}"),
        ] {
            assert!(!signed(BODY, &wrong), "{wrong}");
        }
    }

    #[test]
    fn one_flipped_bit_anywhere_fails() {
        for at in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[at / 8] ^= 1 << (at % 8);
            assert!(!signed(&body, SIGNED), "bit {at} of the body");
        }
        let pairs = SIGNED.strip_prefix("sha256 =").unwrap();
        let bytes = signature(pairs).unwrap();
        for at in 0..256 {
            let mut other = bytes;
            other[at / 8] ^= 1 << (at % 8);
            let text: Vec<_> = other.iter().map(|byte| format!("{byte:02X}")).collect();
            assert!(!signed(BODY, &text.join("-")), "bit {at} of the signature");
        }
        let secret = b"zen-test-secret";
        for at in 0..secret.len() * 8 {
            let mut other = secret.to_vec();
            other[at / 8] ^= 1 << (at % 8);
            let Ok(other) = String::from_utf8(other) else { continue };
            assert!(!verify(&keys(&[&other]), ("zenoti-webhook-signature", SIGNED), BODY));
        }
    }

    #[test]
    fn while_the_secret_is_changed_both_are_good() {
        let header = ("ZENOTI-WEBHOOK-SIGNATURE", SIGNED);
        assert!(verify(&keys(&["new", "zen-test-secret"]), header, BODY));
        assert!(!verify(&keys(&["new", "newer"]), header, BODY));
        assert!(!verify(&keys(&["zen-test-secret"]), ("x-zenoti-signature", SIGNED), BODY));
    }

    #[test]
    fn without_a_secret_there_is_no_verifier() {
        assert!(Keys::new("h", &[]).is_none());
        assert!(Keys::new("h", &[Secret::new(" ")]).is_none());
        assert!(Keys::new(" ", &[Secret::new("s")]).is_none());
        assert!(!format!("{:?}", keys(&["zen-test-secret"])).contains("zen-test"));
    }
}
