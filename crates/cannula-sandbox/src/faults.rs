//! Faults on demand: what a network and a tired vendor do to a request.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// One way to spoil the answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// HTTP 429; the request is not applied.
    TooManyRequests {
        /// Seconds for the `Retry-After` header; absent leaves the header out.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// HTTP 503 without `Retry-After`, as in a spike of traffic; the request is not applied. By
    /// script only.
    Unavailable,
    /// HTTP 404, as while a record is on its way from one of the vendor's servers to another; the
    /// request is not applied. By script only.
    NotThere,
    /// HTTP 200 with a page in HTML, as while the vendor is being mended; the request is not
    /// applied. By script only.
    Page,
    /// HTTP 500; the request is not applied.
    ErrorBefore,
    /// HTTP 500 after the request was applied.
    ErrorAfter,
    /// No answer ever; the request is not applied.
    Hang,
    /// No answer ever, after the request was applied.
    HangAfter,
    /// The connection closes without an answer; the request is not applied.
    ResetBefore,
    /// The connection closes without an answer after the request was applied.
    ResetAfter,
    /// The request is applied and its answer's body is cut in the middle.
    TruncatedJson,
}

impl Fault {
    /// The fault as one word with underscores, as counted in [`Faults::injected`].
    pub const fn label(self) -> &'static str {
        match self {
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Unavailable => "unavailable",
            Self::NotThere => "not_there",
            Self::Page => "page",
            Self::ErrorBefore => "error_before",
            Self::ErrorAfter => "error_after",
            Self::Hang => "hang",
            Self::HangAfter => "hang_after",
            Self::ResetBefore => "reset_before",
            Self::ResetAfter => "reset_after",
            Self::TruncatedJson => "truncated_json",
        }
    }
}

/// How likely each fault is for any one request, each from 0 to 1. All are 0 by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultRates {
    /// [`Fault::TooManyRequests`] without `Retry-After`.
    pub too_many_requests: f64,
    /// [`Fault::TooManyRequests`] with `Retry-After: 1`.
    pub too_many_requests_retry_after: f64,
    /// [`Fault::ErrorBefore`].
    pub error_before: f64,
    /// [`Fault::ErrorAfter`].
    pub error_after: f64,
    /// [`Fault::Hang`].
    pub hang: f64,
    /// [`Fault::HangAfter`].
    pub hang_after: f64,
    /// [`Fault::ResetBefore`].
    pub reset_before: f64,
    /// [`Fault::ResetAfter`].
    pub reset_after: f64,
    /// [`Fault::TruncatedJson`].
    pub truncated_json: f64,
}

impl FaultRates {
    /// Everything that does not make a client wait for its timeout, at believable rates: 2 % of
    /// requests fail with 500, 1 % are applied and then answer 500, 0.5 % lose their connection
    /// after they were applied, 0.5 % are refused with 429 and 0.5 % answer half a body.
    pub const fn believable() -> Self {
        Self {
            too_many_requests: 0.0025,
            too_many_requests_retry_after: 0.0025,
            error_before: 0.02,
            error_after: 0.01,
            hang: 0.0,
            hang_after: 0.0,
            reset_before: 0.0025,
            reset_after: 0.005,
            truncated_json: 0.005,
        }
    }

    /// The fault that a draw from 0 to 1 falls on.
    fn pick(&self, mut draw: f64) -> Option<Fault> {
        let table = [
            (self.too_many_requests, Fault::TooManyRequests { retry_after: None }),
            (self.too_many_requests_retry_after, Fault::TooManyRequests { retry_after: Some(1) }),
            (self.error_before, Fault::ErrorBefore),
            (self.error_after, Fault::ErrorAfter),
            (self.hang, Fault::Hang),
            (self.hang_after, Fault::HangAfter),
            (self.reset_before, Fault::ResetBefore),
            (self.reset_after, Fault::ResetAfter),
            (self.truncated_json, Fault::TruncatedJson),
        ];
        for (rate, fault) in table {
            if draw < rate {
                return Some(fault);
            }
            draw -= rate;
        }
        None
    }
}

/// The faults of one vendor: random ones at seeded rates and scripted ones for named requests.
/// Everything can be changed while the sandbox serves.
#[derive(Debug)]
pub struct Faults(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    on: bool,
    random: Rng,
    rates: FaultRates,
    script: VecDeque<(String, Fault)>,
    injected: BTreeMap<&'static str, u64>,
}

impl Faults {
    /// No faults yet; `seed` decides which requests the random ones will hit.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(Inner {
            on: true,
            random: Rng::new(seed),
            rates: FaultRates::default(),
            script: VecDeque::new(),
            injected: BTreeMap::new(),
        }))
    }

    /// Sets how likely random faults are from now on.
    pub fn set_rates(&self, rates: FaultRates) {
        self.lock().rates = rates;
    }

    /// The next request whose `METHOD /path` contains `text` gets this fault, once. Several
    /// entries for the same text are used one after the other.
    pub fn script(&self, text: impl Into<String>, fault: Fault) {
        self.lock().script.push_back((text.into(), fault));
    }

    /// Turns all faults off, or on again; rates and script are kept.
    pub fn set_enabled(&self, on: bool) {
        self.lock().on = on;
    }

    /// Forgets the script and sets all rates to 0.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.script.clear();
        inner.rates = FaultRates::default();
    }

    /// How many scripted faults have not met their request yet.
    pub fn pending(&self) -> usize {
        self.lock().script.len()
    }

    /// How often each fault was injected, by [`Fault::label`].
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.lock().injected.clone()
    }

    /// Decides what happens to a request.
    fn draw(&self, method: &str, path: &str) -> Option<Fault> {
        let mut inner = self.lock();
        if !inner.on {
            return None;
        }
        let request = format!("{method} {path}");
        let scripted = inner.script.iter().position(|(text, _)| request.contains(text.as_str()));
        let fault = match scripted.and_then(|index| inner.script.remove(index)) {
            Some((_, fault)) => fault,
            None => {
                let draw = inner.random.unit();
                inner.rates.pick(draw)?
            }
        };
        *inner.injected.entry(fault.label()).or_default() += 1;
        Some(fault)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the TCP connection a request came on, without an answer. Every request carries one
/// in its extensions.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionKill(Arc<Notify>);

impl ConnectionKill {
    /// Asks for the connection to be closed.
    fn kill(&self) {
        self.0.notify_one();
    }

    /// Returns once somebody asked.
    pub(crate) async fn killed(&self) {
        self.0.notified().await;
    }
}

/// The middleware that injects the faults of one vendor.
pub(crate) async fn inject(
    State(faults): State<Arc<Faults>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(fault) = faults.draw(request.method().as_str(), request.uri().path()) else {
        return next.run(request).await;
    };
    let kill = request.extensions().get::<ConnectionKill>().cloned().unwrap_or_default();
    match fault {
        Fault::TooManyRequests { retry_after } => too_many_requests(retry_after),
        Fault::Unavailable => page(StatusCode::SERVICE_UNAVAILABLE),
        Fault::NotThere => page(StatusCode::NOT_FOUND),
        Fault::Page => page(StatusCode::OK),
        Fault::ErrorBefore => page(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::ErrorAfter => {
            next.run(request).await;
            page(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Fault::Hang => std::future::pending().await,
        Fault::HangAfter => {
            next.run(request).await;
            std::future::pending().await
        }
        Fault::ResetBefore => {
            kill.kill();
            std::future::pending().await
        }
        Fault::ResetAfter => {
            next.run(request).await;
            kill.kill();
            std::future::pending().await
        }
        Fault::TruncatedJson => truncate(next.run(request).await).await,
    }
}

fn too_many_requests(retry_after: Option<u64>) -> Response {
    let mut response = page(StatusCode::TOO_MANY_REQUESTS);
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A gateway's error page: HTML, as clients of JSON interfaces meet it.
fn page(status: StatusCode) -> Response {
    let (code, reason) = (status.as_str(), status.canonical_reason().unwrap_or_default());
    let page = format!("<html><head><title>{code}</title></head><body>{reason}</body></html>");
    (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
}

/// Keeps the first half of the body and says that this is all of it.
async fn truncate(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return page(StatusCode::INTERNAL_SERVER_ERROR);
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(bytes.slice(..bytes.len() / 2)))
}

/// SplitMix64: small, seeded and the same on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A generator that gives the same numbers for the same seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any 64-bit number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 up to but not including 1.
    pub(crate) fn unit(&mut self) -> f64 {
        // 53 bits fit an f64's mantissa exactly.
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scripted_fault_hits_the_next_matching_request_once() {
        let faults = Faults::new(1);
        faults.script("POST /crm/contacts", Fault::ErrorAfter);
        assert_eq!(faults.draw("GET", "/crm/contacts/1"), None);
        assert_eq!(faults.draw("POST", "/crm/contacts/upsert"), Some(Fault::ErrorAfter));
        assert_eq!(faults.draw("POST", "/crm/contacts/upsert"), None);
        assert_eq!(faults.injected()["error_after"], 1);
    }

    #[test]
    fn the_same_seed_hits_the_same_requests() {
        let run = || {
            let faults = Faults::new(7);
            faults.set_rates(FaultRates { error_before: 0.3, ..FaultRates::default() });
            (0..50).map(|_| faults.draw("GET", "/").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(run(), run());
        let hits = run().into_iter().filter(|hit| *hit).count();
        assert!((5..30).contains(&hits), "{hits}");
    }

    #[test]
    fn faults_that_are_switched_off_keep_their_script() {
        let faults = Faults::new(1);
        faults.script("GET", Fault::Hang);
        faults.set_enabled(false);
        assert_eq!(faults.draw("GET", "/"), None);
        faults.set_enabled(true);
        assert_eq!(faults.draw("GET", "/"), Some(Fault::Hang));
    }
}
