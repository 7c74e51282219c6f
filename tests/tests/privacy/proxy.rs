//! Stands between the service and the vendors and spoils answers in ways vendors do: errors that
//! repeat what was asked, values of the wrong type.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use cannula_tests::Receiver;
use serde_json::{Value, json};

use crate::trouble::Trouble;

/// Of so many answers one is spoilt, but not every so many-th: calls come in patterns.
const EVERY: usize = 4;

/// What stands between.
#[derive(Debug)]
pub(crate) struct Proxy {
    origin: String,
    trouble: Trouble,
    canary: &'static str,
    client: reqwest::Client,
    count: AtomicUsize,
    over: AtomicBool,
    passed: Mutex<String>,
}

impl Proxy {
    /// Serves the vendors behind `origin` with a trouble. `canary` is put where a number should be.
    pub(crate) async fn before(
        origin: &str,
        trouble: Trouble,
        canary: &'static str,
    ) -> (Arc<Self>, Receiver) {
        let proxy = Arc::new(Self {
            origin: origin.to_owned(),
            trouble,
            canary,
            client: reqwest::Client::new(),
            count: AtomicUsize::new(0),
            over: AtomicBool::new(false),
            passed: Mutex::default(),
        });
        let router = Router::new().fallback(pass).with_state(Arc::clone(&proxy));
        (proxy, Receiver::serve(router).await.unwrap())
    }

    /// From now on answers pass as they are.
    pub(crate) fn is_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Every request and answer, where nothing was to go wrong.
    pub(crate) fn passed(&self) -> String {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn pass(&self, text: &str) {
        if self.trouble == Trouble::Nothing {
            let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
            passed.push_str(text);
            passed.push('\n');
        }
    }
}

async fn pass(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    let number = proxy.count.fetch_add(1, Ordering::Relaxed);
    let spoil = number.wrapping_mul(2_654_435_761) >> 13 & (EVERY - 1) == 0
        && !proxy.over.load(Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
    let headers = headers.collect::<Vec<_>>().join("; ");
    let text = format!("{} {headers} {}", parts.uri, String::from_utf8_lossy(&body));
    if spoil && proxy.trouble == Trouble::Echoes {
        return echo(number / EVERY, &text);
    }
    proxy.pass(&text);
    let url = format!("{}{}", proxy.origin, parts.uri);
    let mut onward = proxy.client.request(parts.method, url).body(body);
    for (name, value) in &parts.headers {
        // The host stays as it was called: signatures are over it.
        if name != header::CONTENT_LENGTH {
            onward = onward.header(name, value);
        }
    }
    let Ok(answer) = onward.send().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    // Links in answers lead here as well.
    let body = String::from_utf8_lossy(&body).replace(&proxy.origin, &here(&parts.headers));
    proxy.pass(&body);
    let body = match serde_json::from_str::<Value>(&body) {
        Ok(mut json) if spoil && proxy.trouble == Trouble::Mangles => {
            mangle(&mut json, number / EVERY, proxy.canary);
            json.to_string()
        }
        _ => body,
    };
    let mut response = (status, Body::from(body)).into_response();
    for (name, value) in &headers {
        if name != header::CONTENT_LENGTH && name != header::TRANSFER_ENCODING {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn here(headers: &axum::http::HeaderMap) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    format!("http://{}", host.unwrap_or_default())
}

/// An error in all shapes at once that the vendors' errors have.
fn echo(number: usize, text: &str) -> Response {
    const STATUSES: [u16; 9] = [400, 404, 409, 422, 500, 403, 400, 422, 200];
    let status = STATUSES[number % STATUSES.len()];
    let list = json!([{
        "severity": "error", "code": text, "message": text, "error": text, "title": text,
        "diagnostics": text, "details": { "text": text }, "field": text, "reason": text,
    }]);
    let body = json!({
        "resourceType": "OperationOutcome", "issue": list, "errors": list, "status": text,
        "message": if number.is_multiple_of(2) { json!(text) } else { json!([text, format!("email {text} must be an email")]) },
        "Message": text, "error": text, "error_description": text, "statusCode": status,
        "code": text, "Code": text, "errorCode": text, "traceId": text, "title": text,
        "meta": { "contactId": text, "matchingField": text, "existingId": text },
    });
    let code = StatusCode::from_u16(status).unwrap();
    let body = match number % 4 {
        3 => format!("<html><body>{text}</body></html>"),
        _ => body.to_string(),
    };
    (code, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Gives one value another type.
fn mangle(json: &mut Value, number: usize, canary: &'static str) {
    let mut none = usize::MAX;
    let count = leaves("", json, &mut none, &mut |_, _| ());
    if count == 0 {
        return;
    }
    let mut at = number * 7 % count;
    leaves("", json, &mut at, &mut |key, leaf| {
        *leaf = match leaf {
            Value::String(text) if number.is_multiple_of(2) => json!([text]),
            Value::String(text) => json!({ text.as_str(): text }),
            // What a vendor calls an id is one: those are logged.
            _ if key.to_lowercase().ends_with("id") => json!([]),
            _ => json!(canary),
        };
    });
}

/// Shows the leaf `at`, and the key it is under, to `change`; returns how many there are.
fn leaves(
    key: &str,
    json: &mut Value,
    at: &mut usize,
    change: &mut impl FnMut(&str, &mut Value),
) -> usize {
    match json {
        Value::Array(list) => list.iter_mut().map(|it| leaves(key, it, at, change)).sum(),
        Value::Object(map) => map.iter_mut().map(|(key, it)| leaves(key, it, at, change)).sum(),
        leaf => {
            if *at == 0 {
                change(key, leaf);
            }
            *at = at.wrapping_sub(1);
            1
        }
    }
}
