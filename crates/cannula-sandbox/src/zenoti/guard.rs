//! What stands before every call: the key or token, and the organisation's rate limit.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Server, auth::API_KEY, reply::Refused};

/// The documented default of an organisation.
const PER_MINUTE: usize = 60;

/// The calls of the last minute.
#[derive(Debug, Default)]
pub(super) struct Limits(Mutex<VecDeque<DateTime<Utc>>>);

/// What is left of the limit.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    admitted: bool,
    remaining: usize,
    reset: i64,
}

impl Limits {
    fn spend(&self, now: DateTime<Utc>) -> Allowance {
        let window = TimeDelta::seconds(60);
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that went back must not lock a client out.
        recent.retain(|at| (now - *at).abs() < window);
        let admitted = recent.len() < PER_MINUTE;
        if admitted {
            recent.push_back(now);
        }
        let oldest = recent.front().copied().unwrap_or(now);
        let reset = (oldest + window - now).num_milliseconds().max(0) / 1000 + 1;
        Allowance { admitted, remaining: PER_MINUTE - recent.len(), reset }
    }
}

/// Lets a call through or says why not, and what is left of the limit either way.
pub(super) async fn guard(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let now = server.practice.now();
    if !known(&server, &request, now) {
        return Refused::unauthorized().into_response();
    }
    if !server.quirks().limits {
        return next.run(request).await;
    }
    let allowance = server.limits.spend(now);
    let mut response = if allowance.admitted {
        next.run(request).await
    } else {
        Refused::too_many(allowance.reset).into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("organization-ratelimit-limit", "60;w=60;b=60".to_owned()),
        ("ratelimit-remaining", allowance.remaining.to_string()),
        ("ratelimit-reset", allowance.reset.to_string()),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// The words before key and token are lower-case, as documented.
fn known(server: &Server, request: &Request, now: DateTime<Utc>) -> bool {
    let header = request.headers().get(header::AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok()).unwrap_or_default();
    match header.split_once(' ') {
        Some(("apikey", key)) => key == API_KEY,
        Some(("bearer", token)) => server.tokens.accepts(token, now),
        _ => false,
    }
}
