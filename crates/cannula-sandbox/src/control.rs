//! Endpoints to look into a running sandbox and to turn its screws, for programs in any language.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use cannula_core::Clock;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Fault, FaultRates, Quirks,
    sandbox::{Shared, Vendor},
};

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/state", get(state))
        .route("/clock", post(clock))
        .route("/faults", post(faults))
        .route("/quirks", post(quirks))
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
