//! A receiver of webhooks on its own port, which answers what it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    routing::any,
};
use serde_json::Value;
use tokio::task::JoinSet;

/// One call as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) raw: Bytes,
    /// Null for an empty body.
    pub(crate) body: Value,
}

impl Arrival {
    /// The type of the event; `(bare)` without an envelope.
    pub(crate) fn event(&self) -> &str {
        self.body["event_type"].as_str().unwrap_or("(bare)")
    }

    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub(crate) fn signature(&self) -> Option<&str> {
        self.headers.get("zenoti-webhook-signature").map(|value| value.to_str().unwrap())
    }
}

#[derive(Debug, Default)]
struct Seen {
    arrivals: Vec<Arrival>,
    answers: VecDeque<u16>,
}

type Shared = Arc<Mutex<Seen>>;

/// Serves until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) url: String,
    seen: Shared,
    _server: JoinSet<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let seen = Shared::default();
        let router = Router::new().route("/hook", any(take)).with_state(Arc::clone(&seen));
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

async fn take(
    State(seen): State<Shared>,
    method: Method,
    headers: HeaderMap,
    raw: Bytes,
) -> StatusCode {
    let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
    let mut seen = seen.lock().unwrap();
    seen.arrivals.push(Arrival { method, headers, raw, body });
    StatusCode::from_u16(seen.answers.pop_front().unwrap_or(200)).unwrap()
}
