//! A fake CRM on its own port, and a client that speaks its language.

use std::{sync::Arc, time::Duration};

use cannula_sandbox::{
    CrmSettings, CrmSnapshot, CrmState, Sandbox, SandboxConfig, practice::PracticeConfig,
};
use cannula_testkit::ManualClock;
use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

pub(crate) struct Crm {
    pub(crate) state: Arc<CrmState>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) location: String,
    pub(crate) token: String,
    base: String,
    http: reqwest::Client,
    /// Serves until it is dropped.
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// Fails the test with the body if the status is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Crm {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A CRM whose settings were changed before the first request.
    pub(crate) async fn with(change: impl FnOnce(&mut CrmSettings)) -> Self {
        let start = "2026-03-02T14:00:00Z".parse().unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let config = SandboxConfig::new(clock.clone(), PracticeConfig::empty(start));
        let sandbox = Sandbox::start(config).await.unwrap();
        let state = Arc::clone(sandbox.crm_state());
        state.change_settings(change);
        cannula_http::install_tls_provider();
        let access = sandbox.access().crm.clone();
        Self {
            state,
            clock,
            location: access.location_id,
            token: access.private_token,
            base: access.base_url,
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            sandbox,
        }
    }

    /// A request without any header.
    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    /// A request with the version and the private token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).header("Version", "2021-07-28").bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        send(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        send(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        send(self.request(Method::DELETE, path)).await
    }

    /// Creates or upserts with the location filled in.
    pub(crate) async fn post_here(&self, path: &str, mut body: Value) -> Reply {
        body["locationId"] = json!(self.location);
        self.post(path, body).await
    }

    /// Creates a contact and returns its id.
    pub(crate) async fn contact(&self, body: Value) -> String {
        id_of(&self.post_here("/contacts/", body).await.expect(201)["contact"])
    }

    /// Reads a contact.
    pub(crate) async fn read(&self, id: &str) -> Value {
        self.get(&format!("/contacts/{id}")).await.expect(200)["contact"].clone()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn snapshot(&self) -> CrmSnapshot {
        self.state.snapshot()
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Reply { status, headers, body }
}

pub(crate) fn id_of(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}
