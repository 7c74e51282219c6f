//! A vendor that answers what it is told, or what the sandbox does.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, Response, StatusCode, header::HOST},
    response::IntoResponse,
};
use cannula::{core::Clock, http::install_tls_provider};
use cannula_sandbox::{
    Access, Quirks, Sandbox, SandboxConfig, Vendor,
    dermpro::{StoreConfig, StoreSettings},
    practice::PracticeConfig,
};
use cannula_testkit::ManualClock;
use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use tokio::runtime::{Builder, Runtime};

use super::Answer;
use crate::Receiver;

/// What the vendor's own address is called in inputs: its port is another in each process.
const ORIGIN: &str = "http://vendor.test";
const DAYS: u32 = 12;

/// A sandbox, somebody who stands before it, and the runtime of both.
pub(super) struct Bench {
    runtime: Runtime,
    /// How the vendors are reached through who stands before them.
    pub(super) access: Access,
    pub(super) sandbox: Sandbox,
    clock: Arc<ManualClock>,
    desk: Arc<Desk>,
    _server: Receiver,
}

/// Who stands before the sandbox.
struct Desk {
    upstream: String,
    origin: OnceLock<String>,
    http: reqwest::Client,
    state: Mutex<DeskState>,
}

#[derive(Default)]
struct DeskState {
    /// What is answered; without it the sandbox is asked.
    script: Option<Vec<Answer>>,
    /// Requests so far.
    asked: usize,
    /// What the sandbox answered.
    heard: Vec<Answer>,
    /// The bodies of webhooks.
    delivered: Vec<Bytes>,
}

/// The practice opens on a Monday before its clocks change.
pub(super) fn opening() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 2, 16, 5, 0, 0).single().unwrap()
}

/// A clock at the time at which everything is asked.
pub(super) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(opening() + TimeDelta::days(DAYS.into())))
}

thread_local! {
    static BENCH: Bench = Bench::start();
}

/// Lends the thread's bench.
pub(super) fn with<T>(work: impl FnOnce(&Bench) -> T) -> T {
    BENCH.with(work)
}

impl Bench {
    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let time = clock();
        let (sandbox, desk, server) = runtime.block_on(async {
            let practice = PracticeConfig::new(5, 4, DAYS, opening());
            let sandbox = Sandbox::start(SandboxConfig {
                quirks: Quirks { limits: false, changes_between_pages: 0, ..Quirks::default() },
                store: StoreConfig { customers: 3, days: DAYS },
                ..SandboxConfig::new(Arc::clone(&time) as Arc<dyn Clock>, practice)
            });
            let sandbox = sandbox.await.unwrap();
            // A signature covers the host, and the store would see another.
            sandbox.store().change_settings(|it| {
                *it = StoreSettings { bearer: true, ..StoreSettings::default() };
            });
            install_tls_provider();
            let desk = Arc::new(Desk {
                upstream: sandbox.access().origin.clone(),
                origin: OnceLock::new(),
                http: reqwest::Client::builder().no_proxy().build().unwrap(),
                state: Mutex::default(),
            });
            let app = Router::new().fallback(answer).with_state(Arc::clone(&desk));
            (sandbox, desk, Receiver::serve(app).await.unwrap())
        });
        desk.origin.set(server.origin()).unwrap();
        let text = serde_json::to_string(sandbox.access()).unwrap();
        let text = text.replace(&desk.upstream, &server.origin());
        let access = serde_json::from_str(&text).unwrap();
        Self { runtime, access, sandbox, clock: time, desk, _server: server }
    }

    /// Does something while the vendors answer this; returns how many requests arrived.
    pub(super) fn told<F: Future>(&self, script: Vec<Answer>, work: F) -> (F::Output, usize) {
        *self.desk.lock() = DeskState { script: Some(script), ..DeskState::default() };
        let done = self.runtime.block_on(work);
        (done, self.desk.lock().asked)
    }

    /// Does something while the sandbox answers; returns its answers.
    pub(super) fn heard<F: Future>(&self, work: F) -> (F::Output, Vec<Answer>) {
        *self.desk.lock() = DeskState::default();
        let done = self.runtime.block_on(work);
        (done, std::mem::take(&mut self.desk.lock().heard))
    }

    /// What a vendor's webhooks carry when things happen.
    pub(super) fn delivered(&self, vendor: Vendor, happen: fn(&Sandbox)) -> Vec<Bytes> {
        self.sandbox.subscribe(vendor, self.desk.origin.get().unwrap()).unwrap();
        happen(&self.sandbox);
        self.clock.advance(Duration::from_secs(30));
        self.told(
            vec![Answer { status: 200, ..Answer::default() }],
            self.sandbox.deliver_webhooks(),
        );
        self.sandbox.unsubscribe(vendor);
        std::mem::take(&mut self.desk.lock().delivered)
    }

    /// A text of an input, with the vendor's true address.
    pub(super) fn at_home(&self, text: &str) -> String {
        text.replace(ORIGIN, self.desk.origin.get().unwrap())
    }

    /// The reverse.
    pub(super) fn away(&self, text: &str) -> String {
        text.replace(self.desk.origin.get().unwrap().as_str(), ORIGIN)
    }

    /// Whether an address is the vendor's.
    pub(super) fn is_home(&self, url: &str) -> bool {
        let origin = self.desk.origin.get().unwrap();
        url.strip_prefix(origin.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, DeskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the script says to this request.
    fn scripted(&self) -> Option<Answer> {
        let mut state = self.lock();
        let at = state.asked;
        state.asked += 1;
        let script = state.script.as_ref()?;
        let answer = script.get(at).or(script.last())?;
        let origin = self.origin.get()?;
        Some(Answer { body: replaced(&answer.body, ORIGIN, origin), ..answer.clone() })
    }

    /// What the sandbox says to it, and what that is as a part of an input.
    async fn asked(&self, request: Request) -> Option<Answer> {
        let (parts, body) = request.into_parts();
        let body: Bytes = to_bytes(body, 1 << 20).await.ok()?;
        let mut headers = parts.headers;
        headers.remove(HOST);
        let url = format!("{}{}", self.upstream, parts.uri);
        let request = self.http.request(parts.method, url).headers(headers).body(body);
        let answer = request.send().await.ok()?;
        let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), text(value)));
        let headers = headers.filter(|(name, _)| Answer::keeps(name)).collect();
        let (status, body) = (answer.status().as_u16(), answer.bytes().await.ok()?);
        let heard = Answer { status, headers, body: replaced(&body, &self.upstream, ORIGIN) };
        self.lock().heard.push(heard.clone());
        let body = replaced(&body, &self.upstream, self.origin.get()?);
        Some(Answer { body, ..heard })
    }
}

async fn answer(State(desk): State<Arc<Desk>>, request: Request) -> Response<Body> {
    let answer = match desk.scripted() {
        Some(answer) => {
            // Only webhooks come to the address itself.
            if request.uri().path() == "/" {
                let body = to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
                desk.lock().delivered.push(body);
            }
            Some(answer)
        }
        None => desk.asked(request).await,
    };
    answer.map_or_else(|| StatusCode::BAD_GATEWAY.into_response(), |answer| answer.response())
}

/// A body with one address for another; as it is if it is no text.
fn replaced(body: &Bytes, from: &str, to: &str) -> Bytes {
    match std::str::from_utf8(body) {
        Ok(text) if text.contains(from) => text.replace(from, to).into(),
        _ => body.clone(),
    }
}
