//! A sandbox with a clock of its own and a client for it.

use std::{collections::BTreeMap, sync::Arc};

use cannula_sandbox::{
    Quirks, Sandbox, SandboxConfig,
    practice::{PracticeConfig, Product},
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use serde_json::Value;

pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
}

/// A Friday in spring, after daylight saving time began.
pub(crate) fn start() -> DateTime<Utc> {
    "2031-04-04T12:00:00Z".parse().unwrap()
}

impl Scene {
    pub(crate) async fn new(practice: PracticeConfig, quirks: Quirks) -> Self {
        let clock = Arc::new(ManualClock::at(practice.start));
        let config = SandboxConfig {
            quirks,
            ..SandboxConfig::new(Arc::<ManualClock>::clone(&clock), practice)
        };
        let sandbox = Sandbox::start(config).await.unwrap();
        cannula_http::install_tls_provider();
        Self { clock, sandbox, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) async fn empty(quirks: Quirks) -> Self {
        Self::new(PracticeConfig::empty(start()), quirks).await
    }

    pub(crate) async fn grant(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let url = &self.sandbox.access().nextech.select.token_url;
        let response = self.http.post(url).form(fields).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub(crate) async fn sign_in(&self, product: Product) -> (u16, Value) {
        let access = &self.sandbox.access().nextech;
        match product {
            Product::Select => {
                self.grant(&[
                    ("grant_type", "password"),
                    ("client_id", &access.select.client_id),
                    ("username", &access.select.username),
                    ("password", &access.select.password),
                    ("resource", &access.select.resource),
                ])
                .await
            }
            Product::PracticePlus => {
                self.grant(&[
                    ("grant_type", "client_credentials"),
                    ("client_id", &access.practice_plus.client_id),
                    ("client_secret", &access.practice_plus.client_secret),
                    ("resource", &access.practice_plus.resource),
                ])
                .await
            }
        }
    }

    pub(crate) async fn session(&self, product: Product) -> Session<'_> {
        let (status, body) = self.sign_in(product).await;
        assert_eq!(status, 200, "{body}");
        Session { scene: self, product, token: body["access_token"].as_str().unwrap().to_owned() }
    }
}

pub(crate) struct Session<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) product: Product,
    pub(crate) token: String,
}

impl Session<'_> {
    pub(crate) fn request(&self, url: &str) -> reqwest::RequestBuilder {
        self.scene
            .http
            .get(url)
            .bearer_auth(&self.token)
            .header("nx-practice-id", self.product.practice_id())
    }

    /// The path is below the API, with its query as it goes over the wire.
    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        let origin = &self.scene.sandbox.access().origin;
        self.request(&format!("{origin}{}/{path}", self.product.base_path()))
    }

    /// Sends a body to a path below the API.
    pub(crate) fn post(&self, path: &str, body: &Value) -> reqwest::RequestBuilder {
        let origin = &self.scene.sandbox.access().origin;
        let url = format!("{origin}{}/{path}", self.product.base_path());
        let request = self.scene.http.post(url).bearer_auth(&self.token);
        request.header("nx-practice-id", self.product.practice_id()).json(body)
    }

    pub(crate) async fn status(&self, path: &str) -> u16 {
        self.get(path).send().await.unwrap().status().as_u16()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Every resource of a listing, page by page, along its links.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut page = self.json(path).await;
        let mut all = entries(&page);
        while let Some(next) = link(&page, "next") {
            let response = self.request(&next).send().await.unwrap();
            assert_eq!(response.status().as_u16(), 200);
            page = response.json().await.unwrap();
            all.extend(entries(&page));
        }
        all
    }
}

pub(crate) fn entries(bundle: &Value) -> Vec<Value> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().map(|mut entry| entry["resource"].take()).collect()
}

pub(crate) fn link(bundle: &Value, relation: &str) -> Option<String> {
    let link = bundle["link"].as_array()?.iter().find(|link| link["relation"] == relation)?;
    Some(link["url"].as_str()?.to_owned())
}

pub(crate) fn ids(resources: &[Value]) -> Vec<String> {
    resources.iter().map(|row| row["id"].as_str().unwrap().to_lowercase()).collect()
}

/// How often each id occurs.
pub(crate) fn counted(ids: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for id in ids {
        *counts.entry(id.as_str()).or_default() += 1;
    }
    counts
}
