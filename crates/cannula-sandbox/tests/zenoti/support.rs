//! A sandbox with a clock of its own, and a client for Zenoti.

use std::{sync::Arc, time::Duration};

use cannula_core::PatientId;
use cannula_sandbox::{
    Quirks, Sandbox, SandboxConfig, Vendor, ZenotiAccess,
    practice::{AppointmentState, PatientState, Practice, PracticeConfig},
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::Value;

use crate::receiver::Receiver;

pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sandbox: Sandbox,
    pub(crate) access: ZenotiAccess,
    http: reqwest::Client,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    /// The JSON of the answer; fails the test if the status is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A Friday in spring, after daylight saving time began: 8 o'clock at the practice.
pub(crate) fn start() -> DateTime<Utc> {
    "2031-04-04T12:00:00Z".parse().unwrap()
}

/// Forty patients and sixty days.
pub(crate) fn busy() -> PracticeConfig {
    PracticeConfig::new(7, 40, 60, start())
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
        let access = sandbox.access().zenoti.clone();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { clock, sandbox, access, http }
    }

    /// Nobody there yet; ids in lower case and no rate limit.
    pub(crate) async fn empty() -> Self {
        Self::new(PracticeConfig::empty(start()), Quirks::kind()).await
    }

    pub(crate) fn practice(&self) -> &Practice {
        self.sandbox.practice()
    }

    pub(crate) fn ann(&self) -> PatientId {
        self.practice().add_patient(PatientState::new("Ann", "Smith", 1))
    }

    /// An appointment of a guest in a week, at half past two in the afternoon.
    pub(crate) fn book(&self, guest: &PatientId) -> cannula_core::RecordId {
        let at = "2031-04-11T14:30:00".parse().unwrap();
        self.practice().book(AppointmentState::new(guest, "Injectables", at))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1/{path}", self.access.base_url))
    }

    /// A request with the key.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let key = format!("apikey {}", self.access.api_key);
        self.bare(method, path).header("Authorization", key)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.expect(200)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::PUT, path).json(body)).await
    }

    /// The list of the center's appointments from one day to another, cancelled ones too.
    pub(crate) async fn appointments(&self, from: &str, to: &str) -> Vec<Value> {
        let path = format!(
            "appointments?center_id={}&start_date={from}&end_date={to}&include_no_show_cancel=true",
            self.access.center_id
        );
        self.json(&path).await.as_array().unwrap().clone()
    }

    /// A receiver that hears of what follows.
    pub(crate) async fn subscribed(&self) -> Receiver {
        let receiver = Receiver::start().await;
        self.sandbox.subscribe(Vendor::Zenoti, &receiver.url).unwrap();
        receiver
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.unwrap();
    Reply { status, headers, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
}
