//! A receiver of webhooks on its own port, which answers what it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Verifier, VerifyingKey, pkcs8::DecodePublicKey};
use serde_json::Value;
use tokio::task::JoinSet;

/// One POST as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) headers: HeaderMap,
    pub(crate) raw: Bytes,
    pub(crate) body: Value,
}

impl Arrival {
    /// Type and contact of the event.
    pub(crate) fn what(&self) -> (&str, &str) {
        (self.body["type"].as_str().unwrap(), self.body["id"].as_str().unwrap())
    }

    pub(crate) fn webhook_id(&self) -> &str {
        self.body["webhookId"].as_str().unwrap()
    }

    /// The header that carries the signature.
    pub(crate) fn signature(&self) -> Option<&str> {
        self.headers.get("X-GHL-Signature").map(|value| value.to_str().unwrap())
    }

    /// Whether it was signed with this key.
    pub(crate) fn verifies(&self, pem: &str) -> bool {
        let key = VerifyingKey::from_public_key_pem(pem).unwrap();
        let bytes = STANDARD.decode(self.signature().unwrap()).unwrap();
        key.verify(&self.raw, &Signature::from_slice(&bytes).unwrap()).is_ok()
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
    pub(crate) fn take_types(&self) -> Vec<String> {
        self.take().iter().map(|arrival| arrival.what().0.to_owned()).collect()
    }
}

async fn take(State(seen): State<Shared>, headers: HeaderMap, raw: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&raw).unwrap();
    let mut seen = seen.lock().unwrap();
    seen.arrivals.push(Arrival { headers, raw, body });
    StatusCode::from_u16(seen.answers.pop_front().unwrap_or(200)).unwrap()
}
