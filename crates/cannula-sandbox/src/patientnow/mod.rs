//! A stateful fake of PatientNow Essentials (PNE), and of VISH, the smaller API on the same host.
//!
//! The vendor publishes its manners (two credentials on every request, paging, PascalCase, reads
//! by POST) and next to nothing of its records: their fields, statuses, errors and webhooks are
//! assumed here, and the README says so. Query parameters that are not known are ignored.

mod book;
mod customers;
mod events;
mod guard;
mod hands;
mod history;
mod ids;
mod intake;
mod lists;
mod order;
mod query;
mod register;
mod render;
mod reply;

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use cannula_core::Clock;

pub(crate) use book::Book;
pub use order::{LineKind, OrderLine, OrderState, OrderStatus, PatientNowMembership};

use crate::{
    PatientNowAccess, Quirks,
    practice::{Practice, ZONE},
    webhooks::Courier,
};

const API_KEY: &str = "pne-sandbox-gateway-key";
const VISH_API_KEY: &str = "vish-sandbox-gateway-key";
const USERNAME: &str = "cannula-api";
const PASSWORD: &str = "sandbox-password";
const WEBHOOK_SECRET: &str = "patientnow-sandbox-webhook-secret";
const WEBHOOK_HEADER: &str = "X-Webhook-Signature";
const BASE_PATH: &str = "/patientnow/api/v1";

/// The fake.
#[derive(Debug)]
pub(crate) struct Server {
    practice: Arc<Practice>,
    quirks: Arc<RwLock<Quirks>>,
    pub(crate) courier: Arc<Courier>,
    allowance: guard::Allowance,
}

impl Server {
    pub(crate) fn new(
        practice: Arc<Practice>,
        quirks: Arc<RwLock<Quirks>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let teller = Arc::new(events::Teller::new(Arc::clone(&practice)));
        let courier = Arc::new(Courier::new(events::POLICY, clock).with_feed(teller));
        Self { practice, quirks, courier, allowance: guard::Allowance::default() }
    }

    fn quirks(&self) -> Quirks {
        self.quirks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The API, to be nested under [`BASE_PATH`].
pub(crate) fn router(server: &Arc<Server>) -> Router {
    Router::new()
        .route("/status", get(lists::status))
        .route("/customers", get(customers::list).post(intake::create))
        .route("/customers/{id}", get(customers::get).put(intake::update))
        .route("/customers/{id}/Appointments", post(customers::appointments))
        .route("/customers/{id}/Purchases", post(customers::purchases))
        .route("/customers/{id}/Memberships", get(customers::memberships))
        .route("/appointments", get(lists::appointments))
        .route("/appointments/{id}", get(lists::appointment))
        .route("/orders", get(lists::orders))
        .route("/orders/{id}", get(lists::order))
        .route("/memberships", get(lists::memberships))
        .route("/memberships/{id}", get(lists::membership))
        .route("/companies", get(lists::companies))
        .route("/employees", get(lists::employees))
        .route("/services", get(lists::services))
        .route("/products", get(lists::products))
        .fallback(reply::no_resource)
        .method_not_allowed_fallback(reply::no_method)
        .layer(from_fn_with_state(Arc::clone(server), guard::guard))
        .with_state(Arc::clone(server))
}

/// Where it is and with what to sign in.
pub(crate) fn access(origin: &str) -> PatientNowAccess {
    PatientNowAccess {
        base_url: format!("{origin}{BASE_PATH}"),
        api_key: API_KEY.to_owned(),
        vish_api_key: VISH_API_KEY.to_owned(),
        username: USERNAME.to_owned(),
        password: PASSWORD.to_owned(),
        company_id: order::main_location().id.to_string(),
        time_zone: ZONE.name().to_owned(),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
        webhook_header: WEBHOOK_HEADER.to_owned(),
    }
}
