//! Endpoints to look into a running sandbox and to turn its screws, for programs in any language.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use cannula_core::Clock;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Fault, FaultRates, Quirks, WebhookQuirks,
    sandbox::{Shared, Vendor},
};

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/state", get(state))
        .route("/clock", post(clock))
        .route("/faults", post(faults))
        .route("/quirks", post(quirks))
        .route("/crm/webhooks", get(webhooks).post(set_webhooks))
        .route("/crm/webhooks/deliver", post(deliver_webhooks))
        .with_state(shared)
}

/// `GET /_sandbox/state`: the time, the practice's counts, the CRM, calls and injected faults.
async fn state(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let nextech = shared.watch(Vendor::Nextech);
    let crm = shared.watch(Vendor::Crm);
    Json(json!({
        "now": shared.clock.now(),
        "practice": {
            "patients": shared.practice.patient_ids().len(),
            "appointments": shared.practice.appointment_ids().len(),
        },
        "crm": shared.crm.snapshot(),
        "calls": { "nextech": nextech.calls.counts(), "crm": crm.calls.counts() },
        "faults": { "nextech": nextech.faults.injected(), "crm": crm.faults.injected() },
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockMove {
    advance_seconds: u64,
}

/// `POST /_sandbox/clock` with `{"advance_seconds": 300}`; answers the new time.
async fn clock(State(shared): State<Arc<Shared>>, Json(body): Json<ClockMove>) -> Json<Value> {
    shared.clock.advance(Duration::from_secs(body.advance_seconds));
    shared.crm.wake_courier();
    Json(json!({ "now": shared.clock.now() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultOrder {
    vendor: Vendor,
    #[serde(default)]
    clear: bool,
    enabled: Option<bool>,
    rates: Option<FaultRates>,
    #[serde(default)]
    script: Vec<Scripted>,
}

#[derive(Deserialize)]
struct Scripted {
    request: String,
    #[serde(flatten)]
    fault: Fault,
}

/// `POST /_sandbox/faults`, for example `{"vendor": "crm", "rates": {"error_after": 0.01},
/// "script": [{"request": "POST /crm/contacts", "fault": "reset_after"}]}`.
async fn faults(State(shared): State<Arc<Shared>>, Json(order): Json<FaultOrder>) -> StatusCode {
    let faults = &shared.watch(order.vendor).faults;
    if order.clear {
        faults.clear();
    }
    if let Some(rates) = order.rates {
        faults.set_rates(rates);
    }
    if let Some(enabled) = order.enabled {
        faults.set_enabled(enabled);
    }
    for scripted in order.script {
        faults.script(scripted.request, scripted.fault);
    }
    StatusCode::NO_CONTENT
}

/// `POST /_sandbox/quirks` with the members of [`Quirks`]; absent ones are as mean as by default.
async fn quirks(State(shared): State<Arc<Shared>>, Json(quirks): Json<Quirks>) -> StatusCode {
    shared.set_quirks(quirks);
    StatusCode::NO_CONTENT
}

/// `GET /_sandbox/crm/webhooks`: what can go wrong with webhooks, and what became of each.
async fn webhooks(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let crm = &shared.crm;
    Json(json!({ "quirks": crm.webhook_quirks(), "deliveries": crm.webhook_log() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookOrder {
    url: Option<String>,
    #[serde(default)]
    stop: bool,
    quirks: Option<WebhookQuirks>,
}

/// `POST /_sandbox/crm/webhooks`, for example `{"url": "http://127.0.0.1:8080/webhooks",
/// "quirks": {"duplicates": 0.1}}`; `{"stop": true}` sends them nowhere. Any other URL than `http`
/// on a loopback address is 400.
async fn set_webhooks(
    State(shared): State<Arc<Shared>>,
    Json(order): Json<WebhookOrder>,
) -> Response {
    if order.stop {
        shared.crm.unsubscribe();
    }
    if let Some(url) = order.url
        && let Err(error) = shared.crm.subscribe(&url)
    {
        return (StatusCode::BAD_REQUEST, error.message().to_owned()).into_response();
    }
    if let Some(quirks) = order.quirks {
        shared.crm.set_webhook_quirks(quirks);
    }
    StatusCode::NO_CONTENT.into_response()
}

/// `POST /_sandbox/crm/webhooks/deliver`: delivers what is due; answers the number of attempts.
async fn deliver_webhooks(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(json!({ "attempts": shared.crm.deliver_webhooks().await }))
}
