//! OAuth 1.0a with HMAC-SHA256, the only method Magento takes (RFC 5849; "OAuth-based
//! authentication" of Adobe's Web API documentation).

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use cannula_core::{Clock, Secret};
use cannula_http::{Method, Sign, segment};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use url::Url;
use uuid::Uuid;

/// Signs requests for one integration.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) consumer_key: Secret,
    pub(crate) consumer_secret: Secret,
    pub(crate) token: Secret,
    pub(crate) token_secret: Secret,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Sign for Signer {
    fn sign(&self, method: &Method, url: &Url) -> Secret {
        // 32 characters, as many as a store keeps of a nonce, and it keeps them for ten minutes.
        let nonce = Uuid::new_v4().simple().to_string();
        self.header(method, url, &nonce, self.clock.now().timestamp())
    }
}

impl Signer {
    /// The header of a request that is sent at `timestamp` (seconds) with `nonce`.
    fn header(&self, method: &Method, url: &Url, nonce: &str, timestamp: i64) -> Secret {
        let timestamp = timestamp.to_string();
        let oauth = [
            ("oauth_consumer_key", self.consumer_key.expose()),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", &timestamp),
            ("oauth_token", self.token.expose()),
            ("oauth_version", "1.0"),
        ];
        let signature = self.signature(&base_string(method, url, &oauth));
        let mut header = String::from("OAuth ");
        for (name, value) in oauth {
            header += &format!("{name}=\"{}\", ", segment(value));
        }
        header += &format!("oauth_signature=\"{}\"", segment(&signature));
        Secret::new(header)
    }

    fn signature(&self, base: &str) -> String {
        let secrets = [&self.consumer_secret, &self.token_secret];
        let key = secrets.map(|secret| segment(secret.expose())).join("&");
        #[allow(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any key will do");
        mac.update(base.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }
}

/// Method, URL and all parameters, encoded and sorted (RFC 5849, 3.4.1).
fn base_string(method: &Method, url: &Url, oauth: &[(&str, &str)]) -> String {
    let encoded = |(name, value): (&str, &str)| (segment(name), segment(value));
    let mut pairs: Vec<_> = oauth.iter().copied().map(encoded).collect();
    pairs.extend(url.query_pairs().map(|(name, value)| encoded((&name, &value))));
    pairs.sort();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    // The port is there if it is not the scheme's own, as the RFC wants it.
    let origin = url.origin().ascii_serialization();
    let address = segment(&format!("{origin}{}", url.path()));
    format!("{method}&{address}&{}", segment(&pairs.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cannula_testkit::ManualClock;
    use std::collections::BTreeSet;

    fn signer() -> Signer {
        Signer {
            consumer_key: Secret::new("ck_example"),
            consumer_secret: Secret::new("cs_example"),
            token: Secret::new("at_example"),
            token_secret: Secret::new("as_example"),
            clock: Arc::new(ManualClock::at("2031-05-06T14:00:00Z".parse().unwrap())),
        }
    }

    /// A vector on which oauthlib 4.0.1 and Python's hmac agree.
    #[test]
    fn the_signature_is_the_one_that_other_libraries_make() {
        let filter = "searchCriteria%5Bfilter_groups%5D%5B0%5D%5Bfilters%5D%5B0%5D";
        let url = format!(
            "https://store.example.test/rest/default/V1/orders?{filter}%5Bfield%5D=updated_at&{filter}%5Bvalue%5D=2026-03-01%2006%3A15%3A00&{filter}%5Bcondition_type%5D=gteq&searchCriteria%5BpageSize%5D=50&searchCriteria%5BcurrentPage%5D=1"
        );
        let url = url.parse().unwrap();
        let header = signer().header(&Method::GET, &url, "n0nce123", 1_772_345_700);
        assert_eq!(
            header.expose(),
            "OAuth oauth_consumer_key=\"ck_example\", oauth_nonce=\"n0nce123\", oauth_signature_method=\"HMAC-SHA256\", oauth_timestamp=\"1772345700\", oauth_token=\"at_example\", oauth_version=\"1.0\", oauth_signature=\"%2FZHJ5oVwWSOvF9Ga3tUc%2B2emO3kcQNFc%2B2cTWgzWCpg%3D\""
        );
    }

    #[test]
    fn a_port_of_its_own_is_signed_and_the_usual_one_is_not() {
        let base = |url: &str| base_string(&Method::GET, &url.parse().unwrap(), &[]);
        assert_eq!(
            base("http://127.0.0.1:8080/V1/a?b=c"),
            "GET&http%3A%2F%2F127.0.0.1%3A8080%2FV1%2Fa&b%3Dc"
        );
        assert_eq!(base("https://A.test:443/V1/a"), "GET&https%3A%2F%2Fa.test%2FV1%2Fa&");
    }

    #[test]
    fn no_two_requests_of_two_processes_share_a_nonce_though_the_clock_stands_still() {
        let url = "https://a.test/V1/orders".parse().unwrap();
        let sign = |signer: Signer| {
            (0..100)
                .map(|_| signer.sign(&Method::GET, &url).expose().to_owned())
                .collect::<Vec<_>>()
        };
        let headers: BTreeSet<_> = [signer(), signer()].into_iter().flat_map(sign).collect();
        assert_eq!(headers.len(), 200);
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!("{:?}", signer());
        assert!(text.contains("Secret(…)") && !text.contains("_example"), "{text}");
    }
}
