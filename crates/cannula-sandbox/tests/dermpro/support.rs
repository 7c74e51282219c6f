//! A sandbox with a clock of its own, and a client that signs its requests by the letter of
//! RFC 5849.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use cannula_core::{Clock, Currency, Money};
use cannula_sandbox::{
    DermProAccess, Quirks, Sandbox, SandboxConfig,
    dermpro::{Article, Checkout, Line, Shopper, Store, StoreConfig, StoreSettings},
    practice::PracticeConfig,
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use reqwest::{Method, RequestBuilder};
use ring::hmac;
use serde_json::Value;
use url::Url;

pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sandbox: Sandbox,
    pub(crate) access: DermProAccess,
    pub(crate) http: reqwest::Client,
    nonce: AtomicU64,
}

/// A Friday in spring, after daylight saving time began: 8 o'clock at the practice.
pub(crate) fn start() -> DateTime<Utc> {
    "2031-04-04T12:00:00Z".parse().unwrap()
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

/// A guest with one treatment for 130 dollars in the basket.
pub(crate) fn facial() -> Checkout {
    let line = Line::new(Article::Service, "TX-FACIAL", "Facial (service)", 13_000);
    Checkout::new(Shopper::new("Ivy", "Sample", 7), vec![line])
}

impl Scene {
    pub(crate) async fn new(practice: PracticeConfig, store: StoreConfig) -> Self {
        let clock = Arc::new(ManualClock::at(practice.start));
        let config = SandboxConfig {
            quirks: Quirks::kind(),
            store,
            ..SandboxConfig::new(Arc::<ManualClock>::clone(&clock), practice)
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        cannula_http::install_tls_provider();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let access = sandbox.access().dermpro.clone();
        Self { clock, sandbox, access, http, nonce: AtomicU64::new(0) }
    }

    /// An empty store that is as mean as it can be.
    pub(crate) async fn mean() -> Self {
        Self::new(PracticeConfig::empty(start()), StoreConfig::default()).await
    }

    /// An empty store that keeps to the schema.
    pub(crate) async fn kind() -> Self {
        let scene = Self::mean().await;
        scene.store().change_settings(|settings| *settings = StoreSettings::kind());
        scene
    }

    pub(crate) fn store(&self) -> &Store {
        self.sandbox.store()
    }

    /// A signed request to a path below the base URL.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = Url::parse(&format!("{}{path}", self.access.base_url)).unwrap();
        let header = self.sign(method.as_str(), &url);
        self.http.request(method, url).header("Authorization", header)
    }

    pub(crate) fn sign(&self, method: &str, url: &Url) -> String {
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        let oauth = [
            ("oauth_consumer_key", self.access.consumer_key.clone()),
            ("oauth_nonce", format!("nonce{nonce}")),
            ("oauth_signature_method", "HMAC-SHA256".to_owned()),
            ("oauth_timestamp", self.clock.now().timestamp().to_string()),
            ("oauth_token", self.access.access_token.clone()),
        ];
        let query = url.query_pairs().map(|(name, value)| (encode(&name), encode(&value)));
        let signed = oauth.iter().map(|(name, value)| (encode(name), encode(value)));
        let mut pairs: Vec<_> = query.chain(signed).collect();
        pairs.sort();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let bare = url.as_str().split('?').next().unwrap();
        let base = format!("{method}&{}&{}", encode(bare), encode(&pairs.join("&")));
        let secrets = [&self.access.consumer_secret, &self.access.access_token_secret];
        let key = secrets.map(|secret| encode(secret)).join("&");
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let signature = STANDARD.encode(hmac::sign(&key, base.as_bytes()));
        let mut header: Vec<_> =
            oauth.iter().map(|(name, value)| format!("{name}=\"{}\"", encode(value))).collect();
        header.push(format!("oauth_signature=\"{}\"", encode(&signature)));
        format!("OAuth {}", header.join(", "))
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    #[track_caller]
    pub(crate) fn expect(reply: (u16, Value), status: u16) -> Value {
        assert_eq!(reply.0, status, "{}", reply.1);
        reply.1
    }

    /// Every object of a list, in the order of its ids.
    pub(crate) async fn all(&self, list: &str) -> Vec<Value> {
        let settings = self.store().settings();
        self.store().change_settings(|settings| settings.page_limit = None);
        let answer = Self::expect(self.get(&format!("/V1/{list}")).await, 200);
        self.store().change_settings(|it| *it = settings);
        answer["items"].as_array().unwrap().clone()
    }

    /// The store's only order.
    pub(crate) async fn order(&self) -> Value {
        let mut all = self.all("orders").await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }
}

fn encode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letter = |byte: u8| match byte {
        byte if plain(byte) => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(letter).collect()
}
