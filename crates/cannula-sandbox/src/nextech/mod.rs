//! Fakes of both Nextech APIs and of the token endpoint they share.
//!
//! What they do and do not do follows the vendor's public documents (repositories
//! `NextechSystems/selectapidocspub` and `NextechSystems/practiceplusapidocspub`) and, where
//! those are silent, the meanest reading. Query parameters that are not documented are ignored.

mod auth;
mod form;
mod guard;
mod intake;
mod lookups;
mod payments;
mod post_payment;
mod render;
mod render_payment;
mod render_pp;
mod render_select;
mod reply;
mod resources;
mod search;

use std::sync::{Arc, PoisonError, RwLock};

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};

pub(crate) use auth::{Account, PASSWORD, PLUS_SECRET};

use crate::{
    practice::{Practice, Product},
    quirks::Quirks,
};

/// What both products share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) practice: Arc<Practice>,
    pub(crate) quirks: Arc<RwLock<Quirks>>,
    /// Scheme, host and port of the listener.
    pub(crate) origin: String,
    pub(crate) tokens: auth::Tokens,
    pub(crate) limits: guard::Limits,
}

impl Server {
    pub(crate) fn new(
        practice: Arc<Practice>,
        quirks: Arc<RwLock<Quirks>>,
        origin: String,
    ) -> Self {
        Self {
            practice,
            quirks,
            origin,
            tokens: auth::Tokens::default(),
            limits: guard::Limits::default(),
        }
    }

    fn quirks(&self) -> Quirks {
        self.quirks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One product's API.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    product: Product,
    server: Arc<Server>,
}

/// Both APIs and the token endpoint, to be nested under `/nextech`.
pub(crate) fn router(server: &Arc<Server>) -> Router {
    Router::new()
        .nest("/select/api", api(Product::Select, server))
        .nest("/practice-plus/api", api(Product::PracticePlus, server))
        .route("/login/oauth2/token", post(auth::token).with_state(Arc::clone(server)))
}

fn api(product: Product, server: &Arc<Server>) -> Router {
    let api = Api { product, server: Arc::clone(server) };
    let mut router = Router::new()
        .route("/Patient", get(resources::search_patients).post(intake::create))
        .route("/Patient/", get(resources::search_patients).post(intake::create))
        .route("/Patient/{id}", get(resources::read_patient))
        .route("/Patient/{id}/PaymentReconciliation", post(post_payment::post))
        .route("/Appointment", get(resources::search_appointments))
        .route("/PaymentReconciliation", get(payments::search))
        .route("/PaymentReconciliation/{id}", get(payments::read))
        .route("/Location", get(lookups::locations))
        .route("/Location/{id}", get(lookups::location))
        .route("/Practitioner", get(lookups::practitioners))
        .route("/Practitioner/{id}", get(lookups::practitioner))
        .route("/appointment-type", get(lookups::types))
        .route("/appointment-purpose", get(lookups::purposes));
    if product == Product::Select {
        router = router.route("/appointment-status", get(lookups::statuses));
    }
    router.layer(from_fn_with_state(api.clone(), guard::guard)).with_state(api)
}
