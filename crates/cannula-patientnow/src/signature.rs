//! What proves a delivery. There is no way to take one without proof.

use cannula_core::{Delivery, Error, ErrorKind, Result, Secret, Settings};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that a signature is looked for in unless told otherwise.
pub const DEFAULT_WEBHOOK_HEADER: &str = "X-Webhook-Signature";

/// How a delivery is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verifier {
    /// The header holds `sha256=` and the HMAC-SHA256 of the raw body in hexadecimal.
    HmacSha256,
    /// The header holds the secret itself.
    SharedSecret,
}

/// What deliveries are proven by. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct WebhookConfig {
    /// How.
    pub verifier: Verifier,
    /// The header that carries the proof, in any case.
    pub header: String,
    /// The secrets, any of which is good: two while one replaces the other.
    pub secrets: Vec<Secret>,
}

impl WebhookConfig {
    /// Signatures by one secret, in the default header.
    pub fn hmac(secret: Secret) -> Self {
        let header = DEFAULT_WEBHOOK_HEADER.to_owned();
        Self { verifier: Verifier::HmacSha256, header, secrets: vec![secret] }
    }

    /// The secret itself in a header.
    pub fn shared_secret(header: impl Into<String>, secret: Secret) -> Self {
        Self { verifier: Verifier::SharedSecret, header: header.into(), secrets: vec![secret] }
    }

    /// Reads the section `webhooks`, if there is one, noting every problem in `settings`.
    pub(crate) fn from_settings(
        settings: &mut Settings,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Self> {
        let given = settings.has("webhooks");
        settings.within("webhooks", |section| given.then(|| Self::read(section, lookup)).flatten())
    }

    fn read(section: &mut Settings, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Self> {
        let verifier = section.choice(
            "verifier",
            &[("hmac-sha256", Verifier::HmacSha256), ("shared-secret", Verifier::SharedSecret)],
        );
        let header = match verifier {
            Some(Verifier::SharedSecret) => section.required("header"),
            _ => Some(section.text("header", DEFAULT_WEBHOOK_HEADER)),
        };
        let is_name = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        if header.as_ref().is_some_and(|header| !header.trim().chars().all(is_name)) {
            section.problem("header", "must be the name of a header, such as X-Webhook-Signature");
        }
        let secret = section.secret("secret", lookup);
        let previous = section.has("previous_secret");
        let previous = previous.then(|| section.secret("previous_secret", lookup)).flatten();
        // Asked for even if absent, so that it is among the known keys.
        section.take("previous_secret");
        Some(Self {
            verifier: verifier?,
            header: header?.trim().to_owned(),
            secrets: [secret?].into_iter().chain(previous).collect(),
        })
    }

    /// Refuses a configuration that would take deliveries without proof.
    pub(crate) fn check(&self) -> Result<()> {
        let blank = |secret: &Secret| secret.expose().trim().is_empty();
        if self.secrets.is_empty() || self.secrets.iter().any(blank) || self.header.is_empty() {
            let what =
                "webhooks need a header and a secret: without them nothing proves a delivery";
            return Err(Error::new(ErrorKind::Config, what));
        }
        Ok(())
    }

    /// Whether the delivery is proven. Takes as long for a wrong proof as for a right one.
    pub(crate) fn verify(&self, delivery: &Delivery<'_>) -> Result<()> {
        let refused = |what: &str| Err(Error::new(ErrorKind::Auth, what));
        let Some(proof) = delivery.header(&self.header) else {
            return refused("the delivery has no proof in the configured header");
        };
        let proven = self.secrets.iter().fold(false, |proven, secret| {
            proven
                | match self.verifier {
                    Verifier::HmacSha256 => is_signed(secret, delivery.body, proof),
                    Verifier::SharedSecret => is_same(secret, proof),
                }
        });
        if proven { Ok(()) } else { refused("the delivery's proof is wrong") }
    }
}

/// Whether `proof` is the body's signature: `sha256=` and hexadecimal, or hexadecimal alone.
fn is_signed(secret: &Secret, body: &[u8], proof: &str) -> bool {
    let proof = proof.trim();
    let Some(proof) = hex(proof.strip_prefix("sha256=").unwrap_or(proof)) else { return false };
    mac(secret.expose().as_bytes(), body).is_some_and(|mac| mac.verify_slice(&proof).is_ok())
}

/// Compares texts of any length in constant time, by comparing what a MAC makes of them.
fn is_same(secret: &Secret, proof: &str) -> bool {
    let key = secret.expose().as_bytes();
    let (Some(ours), Some(theirs)) = (mac(key, key), mac(key, proof.trim().as_bytes())) else {
        return false;
    };
    theirs.verify(&ours.finalize().into_bytes()).is_ok()
}

fn mac(key: &[u8], message: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(message);
    Some(mac)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    const BODY: &[u8] = br#"{"EventId":"evt-0001","EventType":"Order.Closed"}"#;
    const SIGNATURE: &str = "5d3a7f9f44cc2242c59d8d9c726ba0520e525bf7e1cf95846e55a1a8731ece37";

    fn verify(config: &WebhookConfig, headers: &[(&str, &str)], body: &[u8]) -> bool {
        let received_at = DateTime::UNIX_EPOCH;
        config.verify(&Delivery { headers, body, received_at }).is_ok()
    }

    #[test]
    fn a_signature_is_hmac_sha256_of_the_raw_body() {
        let config = WebhookConfig::hmac(Secret::new("pn-test-secret"));
        let prefixed = format!("sha256={SIGNATURE}");
        for proof in [SIGNATURE, &prefixed, &SIGNATURE.to_uppercase()] {
            assert!(verify(&config, &[("x-webhook-signature", proof)], BODY), "{proof}");
        }
        let spaced = br#"{ "EventId":"evt-0001","EventType":"Order.Closed"}"#;
        assert!(!verify(&config, &[("X-Webhook-Signature", SIGNATURE)], spaced));
        for wrong in ["", "sha256=", "zz", &SIGNATURE[..62], "pn-test-secret"] {
            assert!(!verify(&config, &[("X-Webhook-Signature", wrong)], BODY), "{wrong}");
        }
        assert!(!verify(&config, &[("X-Other", SIGNATURE)], BODY));
        assert!(!verify(&config, &[], BODY));
    }

    #[test]
    fn the_macs_are_those_of_rfc_4231() {
        let tag = |key: &[u8], message: &[u8]| mac(key, message).unwrap().finalize().into_bytes();
        let expected =
            hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        assert_eq!(tag(b"Jefe", b"what do ya want for nothing?").as_slice(), expected);
    }

    #[test]
    fn a_shared_secret_is_the_whole_header_and_the_old_one_is_good_while_it_is_replaced() {
        let mut config = WebhookConfig::shared_secret("X-Key", Secret::new("new-one"));
        config.secrets.push(Secret::new("old-one"));
        for (proof, proven) in [
            ("new-one", true),
            ("old-one", true),
            ("new-on", false),
            ("new-onee", false),
            ("", false),
        ] {
            assert_eq!(verify(&config, &[("x-key", proof)], BODY), proven, "{proof}");
        }
    }

    #[test]
    fn without_a_secret_nothing_is_taken() {
        for config in [
            WebhookConfig::hmac(Secret::new(" ")),
            WebhookConfig::shared_secret("", Secret::new("s")),
            WebhookConfig { secrets: Vec::new(), ..WebhookConfig::hmac(Secret::new("s")) },
        ] {
            assert!(config.check().is_err());
        }
        let none = WebhookConfig { secrets: Vec::new(), ..WebhookConfig::hmac(Secret::new("s")) };
        assert!(!verify(&none, &[("X-Webhook-Signature", SIGNATURE)], BODY));
    }
}
