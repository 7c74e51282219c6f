//! A small vendor: it keeps records, a CRM, a register and a ledger, and wants a token.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use cannula_core::{
    Clock, CrmEffect, CrmLinks, CrmSink, Error, ErrorKind, IdempotencyKey, NewPatient, NewPayment,
    PatientRegistry, PaymentLedger, Person, Receipt,
};
use cannula_testkit::{ManualClock, MemoryCrm, MemoryLedger, MemoryRegistry};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

/// A record of the vendor's.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) number: u32,
    pub(crate) changed: DateTime<Utc>,
    pub(crate) start: NaiveDateTime,
}

/// What the vendor keeps.
#[derive(Debug)]
pub(crate) struct Vendor {
    pub(crate) clock: Arc<ManualClock>,
    rows: Mutex<Vec<Row>>,
    tokens: AtomicU64,
    /// What was answered to writes that came with a key.
    answers: Mutex<HashMap<String, Value>>,
    pub(crate) crm: MemoryCrm,
    pub(crate) registry: MemoryRegistry,
    pub(crate) ledger: MemoryLedger,
}

impl Vendor {
    /// Starts it; it serves until the set is dropped. Returns its origin too.
    pub(crate) async fn start() -> (Arc<Self>, String, JoinSet<()>) {
        let clock = Arc::new(ManualClock::at(cannula_testkit::day_one()));
        let vendor = Arc::new(Self {
            rows: Mutex::default(),
            tokens: AtomicU64::new(0),
            answers: Mutex::default(),
            crm: MemoryCrm::default(),
            registry: MemoryRegistry::default(),
            ledger: MemoryLedger::new(Arc::clone(&clock) as Arc<dyn Clock>),
            clock,
        });
        let router = Router::new()
            .route("/token", post(token))
            .route("/records", get(records))
            .route("/records/{id}", get(record))
            .route("/effects", post(effects))
            .route("/notes/{contact}", get(notes))
            .route("/patients", post(create))
            .route("/search", post(search))
            .route("/charts/{chart}", get(chart))
            .route("/payments", post(pay).get(payments))
            .route("/options", get(options))
            .with_state(Arc::clone(&vendor));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { drop(axum::serve(listener, router).await) });
        (vendor, origin, server)
    }

    pub(crate) fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let proof = headers.get("authorization").and_then(|it| it.to_str().ok());
        proof.is_some_and(|proof| proof.starts_with("Bearer token-"))
    }
}

type Shared = State<Arc<Vendor>>;

async fn token(State(vendor): Shared) -> Json<Value> {
    let number = vendor.tokens.fetch_add(1, Ordering::SeqCst);
    Json(json!({ "token": format!("token-{number}") }))
}

#[derive(Deserialize)]
struct Listing {
    since: DateTime<Utc>,
    offset: usize,
    size: usize,
}

async fn records(
    State(vendor): Shared,
    headers: HeaderMap,
    Query(listing): Query<Listing>,
) -> Response {
    if !vendor.is_known(&headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let rows = vendor.rows();
    let all: VecDeque<&Row> = rows.iter().filter(|row| row.changed >= listing.since).collect();
    let page: Vec<_> = all.iter().skip(listing.offset).take(listing.size).collect();
    let next = listing.offset + page.len();
    let next = (next < all.len()).then_some(next);
    Json(json!({ "rows": page, "next": next, "total": all.len() })).into_response()
}

async fn record(State(vendor): Shared, Path(id): Path<String>) -> Response {
    match vendor.rows().iter().find(|row| row.id == id) {
        Some(row) => Json(json!(row)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[derive(Deserialize)]
struct Effect {
    effect: CrmEffect,
    links: CrmLinks,
}

/// With a key that is known, the answer is the one of before, and nothing is written.
async fn effects(State(vendor): Shared, headers: HeaderMap, Json(body): Json<Effect>) -> Response {
    let key = headers.get("idempotency-key").and_then(|it| it.to_str().ok());
    let answers = || vendor.answers.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = key.and_then(|key| answers().get(key).cloned()) {
        return Json(known).into_response();
    }
    let none = IdempotencyKey::new("none");
    let receipt = vendor.crm.deliver(&body.effect, &body.links, &none).await;
    answer(receipt.map(|receipt| {
        let Receipt { delivered, contact, opportunity, taken } = receipt;
        let answer = json!({
            "delivered": delivered, "contact": contact, "opportunity": opportunity, "taken": taken,
        });
        if let Some(key) = key {
            answers().insert(key.to_owned(), answer.clone());
        }
        answer
    }))
}

async fn notes(State(vendor): Shared, Path(contact): Path<String>) -> Json<Value> {
    let contact = vendor.crm.contact(&contact.as_str().into());
    Json(json!(contact.map(|contact| contact.notes).unwrap_or_default()))
}

async fn create(State(vendor): Shared, Json(patient): Json<NewPatient>) -> Response {
    answer(vendor.registry.create(&patient).await)
}

async fn search(State(vendor): Shared, Json(person): Json<Person>) -> Response {
    answer(vendor.registry.search(&person).await)
}

async fn chart(State(vendor): Shared, Path(chart): Path<String>) -> Response {
    answer(vendor.registry.by_chart(&chart).await)
}

async fn pay(State(vendor): Shared, Json(payment): Json<NewPayment>) -> Response {
    answer(vendor.ledger.post(&payment).await)
}

async fn payments(State(vendor): Shared) -> Json<Value> {
    Json(json!(vendor.ledger.rows()))
}

async fn options(State(vendor): Shared) -> Response {
    let options = vendor.ledger.options().await;
    answer(options.map(
        |options| json!({ "locations": options.locations, "practitioners": options.practitioners }),
    ))
}

fn answer(outcome: Result<impl Serialize, Error>) -> Response {
    match outcome {
        Ok(body) => Json(json!(body)).into_response(),
        Err(error) => match error.kind() {
            ErrorKind::Duplicate => StatusCode::CONFLICT,
            ErrorKind::LinkBroken => StatusCode::GONE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
        .into_response(),
    }
}
