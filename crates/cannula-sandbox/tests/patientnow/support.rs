//! A sandbox with a clock of its own, a client for PatientNow and a receiver of its webhooks.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use cannula_core::{Clock, PatientId};
use cannula_sandbox::{
    PatientNowAccess, Quirks, Sandbox, SandboxConfig, Vendor,
    practice::{PatientState, Practice, PracticeConfig},
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::task::JoinSet;

pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) sandbox: Sandbox,
    pub(crate) access: PatientNowAccess,
    pub(crate) http: reqwest::Client,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    /// The JSON of the answer; fails the test if the status is another.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_default()
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
        let access = sandbox.access().patientnow.clone();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { clock, sandbox, access, http }
    }

    pub(crate) async fn empty() -> Self {
        Self::new(PracticeConfig::empty(start()), Quirks::kind()).await
    }

    pub(crate) async fn busy() -> Self {
        Self::new(busy(), Quirks::kind()).await
    }

    pub(crate) fn sandbox_now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(crate) fn practice(&self) -> &Practice {
        self.sandbox.practice()
    }

    /// Ann Smith, and the number PatientNow gave her.
    pub(crate) fn ann(&self) -> (PatientId, String) {
        let ann = self.practice().add_patient(PatientState::new("Ann", "Smith", 1));
        let number = self.practice().customer_id(&ann).unwrap();
        (ann, number.as_str().to_owned())
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn days(&self, days: u64) {
        self.advance(days * 86_400);
    }

    /// A request with the key of the query and nothing else.
    pub(crate) fn with_key(&self, method: Method, path: &str, key: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.access.base_url);
        self.http.request(method, url).query(&[("apikey", key)])
    }

    /// A request with both credentials.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.with_key(method, path, &self.access.api_key)
            .basic_auth(&self.access.username, Some(&self.access.password))
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Reply {
        send(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.expect(200)
    }

    /// Every row of a list, in pages of a hundred.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for page in 1.. {
            let rows = self.json(&format!("{path}?Rows=100&Page={page}")).await;
            let rows = rows.as_array().unwrap();
            all.extend(rows.iter().cloned());
            if rows.len() < 100 {
                break;
            }
        }
        all
    }

    /// A receiver that hears of what follows.
    pub(crate) async fn subscribed(&self) -> Receiver {
        let receiver = Receiver::start().await;
        self.sandbox.subscribe(Vendor::PatientNow, &receiver.url).unwrap();
        receiver
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, text: response.text().await.unwrap() }
}

/// One webhook as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) headers: HeaderMap,
    pub(crate) raw: Bytes,
    pub(crate) body: Value,
}

impl Arrival {
    pub(crate) fn event(&self) -> &str {
        self.body["EventType"].as_str().unwrap()
    }

    pub(crate) fn data(&self, name: &str) -> &Value {
        &self.body["Data"][name]
    }
}

#[derive(Debug, Default)]
struct Seen {
    arrivals: Vec<Arrival>,
    answers: VecDeque<u16>,
}

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    seen: Arc<Mutex<Seen>>,
    _server: JoinSet<()>,
}

impl Receiver {
    async fn start() -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, seen, _server: server }
    }

    /// The answers to the next events; 200 when there are none left.
    pub(crate) fn answer(&self, answers: &[u16]) {
        self.seen.lock().unwrap().answers.extend(answers);
    }

    /// What came in since the last time.
    pub(crate) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.seen.lock().unwrap().arrivals)
    }

    /// The types of what came in since the last time.
    pub(crate) fn take_events(&self) -> Vec<String> {
        self.take().iter().map(|arrival| arrival.event().to_owned()).collect()
    }
}

async fn take(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&raw).unwrap();
    let mut seen = seen.lock().unwrap();
    seen.arrivals.push(Arrival { headers, raw, body });
    StatusCode::from_u16(seen.answers.pop_front().unwrap_or(200)).unwrap()
}
