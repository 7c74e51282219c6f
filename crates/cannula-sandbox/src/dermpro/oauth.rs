//! OAuth 1.0a as Magento verifies it: HMAC-SHA256 over what was received, by nobody's client code.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use ring::hmac;
use url::form_urlencoded;

pub(super) const CONSUMER_KEY: &str = "ck_dermpro_sandbox";
pub(super) const CONSUMER_SECRET: &str = "cs_dermpro sandbox&secret";
pub(super) const TOKEN: &str = "at_dermpro_sandbox";
pub(super) const TOKEN_SECRET: &str = "as_dermpro+sandbox/secret";
/// How far ahead of the store a client's clock may be, in seconds.
const AHEAD: i64 = 600;

/// A request as far as it is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signed<'a> {
    pub(super) method: &'a str,
    /// Host and port as the client named them.
    pub(super) host: &'a str,
    pub(super) path: &'a str,
    /// The query as it came.
    pub(super) query: &'a str,
    /// What follows `OAuth ` in the header.
    pub(super) header: &'a str,
}

/// The nonces that were seen.
#[derive(Debug, Default)]
pub(super) struct Nonces(Mutex<HashSet<(String, i64)>>);

impl Nonces {
    /// Says what is wrong with a request's signature.
    pub(super) fn verify(&self, it: Signed<'_>, now: DateTime<Utc>) -> Result<(), &'static str> {
        let given = parameters(it.header).ok_or("The Authorization header is not valid.")?;
        let get = |name: &str| given.get(name).map(String::as_str);
        if get("oauth_version").is_some_and(|version| version != "1.0") {
            return Err("The OAuth version is not supported.");
        }
        if get("oauth_consumer_key") != Some(CONSUMER_KEY) {
            return Err("A consumer having the specified key does not exist.");
        }
        if get("oauth_token") != Some(TOKEN) {
            return Err("Specified token does not exist");
        }
        if get("oauth_signature_method") != Some("HMAC-SHA256") {
            return Err("Signature method is not supported: use HMAC-SHA256.");
        }
        let time = get("oauth_timestamp").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
        if time <= 0 || time > now.timestamp() + AHEAD {
            return Err("The timestamp value in the oauth_timestamp parameter is invalid.");
        }
        let nonce = get("oauth_nonce").filter(|nonce| !nonce.is_empty());
        let nonce = nonce.ok_or("The nonce is required.")?;
        if get("oauth_signature") != Some(signature(it, &given).as_str()) {
            return Err("The signature is invalid. Verify and try again.");
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.insert((nonce.to_owned(), time)) {
            Ok(())
        } else {
            Err("The nonce is already being used by the consumer.")
        }
    }
}

fn signature(it: Signed<'_>, given: &HashMap<String, String>) -> String {
    let mut pairs: Vec<(String, String)> = form_urlencoded::parse(it.query.as_bytes())
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    let header =
        given.iter().filter(|(name, _)| !matches!(name.as_str(), "oauth_signature" | "realm"));
    pairs.extend(header.map(|(name, value)| (encode(name), encode(value))));
    pairs.sort();
    let joined: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let host = it.host.to_lowercase();
    let url = format!("http://{}{}", host.strip_suffix(":80").unwrap_or(&host), it.path);
    let base = format!("{}&{}&{}", it.method, encode(&url), encode(&joined.join("&")));
    let key = format!("{}&{}", encode(CONSUMER_SECRET), encode(TOKEN_SECRET));
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, base.as_bytes()))
}

/// `name="value"` pairs with commas between them, decoded.
fn parameters(header: &str) -> Option<HashMap<String, String>> {
    let mut found = HashMap::new();
    for pair in header.split(',') {
        let (name, value) = pair.trim().split_once('=')?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        // A plus sign in here is a plus sign.
        let value = format!("v={}", value.replace('+', "%2B"));
        let value = form_urlencoded::parse(value.as_bytes()).next()?.1.into_owned();
        found.insert(name.to_owned(), value);
    }
    Some(found)
}

/// Percent-encoding by RFC 3986.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Signed by Python's `hmac` by the letter of RFC 5849.
    const HEADER: &str = "oauth_consumer_key=\"ck_dermpro_sandbox\", oauth_nonce=\"n1\", \
        oauth_signature=\"7raycZ1FfPD8mXr9b8Q7mL36s8UQyW9G0kXBfSTtJpU%3D\", oauth_signature_method=\"HMAC-SHA256\", \
        oauth_timestamp=\"1933070400\", oauth_token=\"at_dermpro_sandbox\", oauth_version=\"1.0\"";
    const QUERY: &str = "searchCriteria%5BfilterGroups%5D%5B0%5D%5Bfilters%5D%5B0%5D%5Bvalue%5D=\
        2031-04-04&searchCriteria%5BpageSize%5D=5&fields=items%5Bsku%2Cname%5D";

    fn verify(nonces: &Nonces, header: &str, query: &str, at: &str) -> Result<(), &'static str> {
        let it = Signed {
            method: "GET",
            host: "Shop.example.test:80",
            path: "/rest/default/V1/orders",
            query,
            header,
        };
        nonces.verify(it, at.parse().unwrap())
    }

    #[test]
    fn a_signature_by_other_code_is_good_once() {
        let nonces = Nonces::default();
        let at = "2031-04-04T12:00:00Z";
        assert_eq!(verify(&nonces, HEADER, QUERY, at), Ok(()));
        let again = verify(&nonces, HEADER, QUERY, at).unwrap_err();
        assert!(again.contains("nonce"), "{again}");
    }

    #[test]
    fn what_was_not_signed_so_is_refused() {
        let nonces = Nonces::default();
        let at = "2031-04-04T12:00:00Z";
        let other = QUERY.replace("=5", "=6");
        assert!(verify(&nonces, HEADER, &other, at).unwrap_err().contains("signature"));
        let early = verify(&nonces, HEADER, QUERY, "2031-04-04T11:40:00Z").unwrap_err();
        assert!(early.contains("oauth_timestamp"), "{early}");
        for (from, to) in [
            ("HMAC-SHA256", "HMAC-SHA1"),
            ("ck_dermpro_sandbox", "ck_other"),
            ("at_dermpro_sandbox", "at_other"),
            ("n1", ""),
        ] {
            assert!(verify(&nonces, &HEADER.replace(from, to), QUERY, at).is_err(), "{to}");
        }
        assert_eq!(verify(&nonces, HEADER, QUERY, at), Ok(()), "a refused request burns no nonce");
    }
}
