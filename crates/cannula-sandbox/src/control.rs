//! Endpoints to look into a running sandbox and to turn its screws, for programs in any language.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use cannula_core::{Clock, Error};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Fault, FaultRates, Quirks, WebhookQuirks,
    observe::Watch,
    sandbox::{Shared, Vendor},
};

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/state", get(state))
        .route("/clock", post(clock))
        .route("/faults", post(faults))
        .route("/quirks", post(quirks))
        .route("/{vendor}/webhooks", get(webhooks).post(set_webhooks))
        .route("/{vendor}/webhooks/deliver", post(deliver_webhooks))
        .with_state(shared)
}

/// `GET /_sandbox/state`: the time, the practice's counts, the CRM, calls and injected faults.
async fn state(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let of_each = |what: fn(&Watch) -> Value| {
        let named = |vendor: Vendor| (vendor.name().to_owned(), what(shared.watch(vendor)));
        Value::Object(Vendor::ALL.into_iter().map(named).collect())
    };
    Json(json!({
        "now": shared.clock.now(),
        "practice": {
            "patients": shared.practice.patient_ids().len(),
            "appointments": shared.practice.appointment_ids().len(),
        },
        "store": { "orders": shared.dermpro.store.books().len() },
        "crm": shared.crm.snapshot(),
        "calls": of_each(|watch| json!(watch.calls.counts())),
        "faults": of_each(|watch| json!(watch.faults.injected())),
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
    shared.couriers().for_each(|courier| courier.wake());
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

/// `GET /_sandbox/{vendor}/webhooks`: what can go wrong with webhooks, and what became of each.
async fn webhooks(
    State(shared): State<Arc<Shared>>,
    Path(vendor): Path<Vendor>,
) -> Result<Json<Value>, Refusal> {
    let courier = shared.sender(vendor).map_err(refuse)?;
    Ok(Json(json!({ "quirks": courier.quirks(), "deliveries": courier.log() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookOrder {
    url: Option<String>,
    #[serde(default)]
    stop: bool,
    quirks: Option<WebhookQuirks>,
}

/// `POST /_sandbox/{vendor}/webhooks`, for example `{"url": "http://127.0.0.1:8080/webhooks",
/// "quirks": {"duplicates": 0.1}}`; `{"stop": true}` sends them nowhere. Any other URL than `http`
/// on a loopback address is 400.
async fn set_webhooks(
    State(shared): State<Arc<Shared>>,
    Path(vendor): Path<Vendor>,
    Json(order): Json<WebhookOrder>,
) -> Result<StatusCode, Refusal> {
    let courier = shared.sender(vendor).map_err(refuse)?;
    if order.stop {
        courier.unsubscribe();
    }
    if let Some(url) = order.url {
        courier.subscribe(&url).map_err(refuse)?;
    }
    if let Some(quirks) = order.quirks {
        courier.set_quirks(quirks);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /_sandbox/{vendor}/webhooks/deliver`: delivers what is due; answers the number of
/// attempts.
async fn deliver_webhooks(
    State(shared): State<Arc<Shared>>,
    Path(vendor): Path<Vendor>,
) -> Result<Json<Value>, Refusal> {
    let courier = shared.sender(vendor).map_err(refuse)?;
    Ok(Json(json!({ "attempts": courier.deliver().await })))
}

type Refusal = (StatusCode, String);

fn refuse(error: Error) -> Refusal {
    (StatusCode::BAD_REQUEST, error.message().to_owned())
}
