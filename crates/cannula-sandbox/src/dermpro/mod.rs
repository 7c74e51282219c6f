//! A stateful fake of a DermPRO store: the part of Magento 2's REST interface that tells of orders
//! and money, over a store with a life of its own.
//!
//! DermPRO publishes no interface. What is printed follows Magento's published schema (repository
//! `AdobeDocs/commerce-webapi`), its source and the reports of those who use it; what differs from
//! release to release is in [`StoreSettings`]. Nothing here was compared with a live system.

mod book;
mod books;
mod calls;
mod checkout;
mod criteria;
mod customers;
mod documents;
mod fields;
mod goods;
mod guard;
mod oauth;
mod order;
mod order_json;
mod paint;
mod reply;
mod season;
mod settings;
mod shopper;
mod store;

use std::sync::Arc;

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};

pub use book::Refund;
pub use books::{OrderBooks, RefundBooks};
pub use checkout::{Article, Checkout, Line, StoreTender};
pub use order::{Origin, StoreState};
pub use season::StoreConfig;
pub use settings::StoreSettings;
pub use shopper::{Identity, Kin, Shopper};
pub use store::Store;

use crate::DermProAccess;

/// The interface over the store.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) store: Store,
    nonces: oauth::Nonces,
}

impl Server {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, nonces: oauth::Nonces::default() }
    }
}

/// The API with every way to write its base path, to be nested under `/dermpro`.
pub(crate) fn router(server: &Arc<Server>) -> Router {
    let api = Router::new()
        .route("/V1/orders", get(calls::orders))
        .route("/V1/orders/{id}", get(calls::order))
        .route("/V1/orders/{id}/hold", post(calls::hold))
        .route("/V1/orders/{id}/unhold", post(calls::unhold))
        .route("/V1/invoices", get(calls::invoices))
        .route("/V1/creditmemos", get(calls::memos))
        .route("/V1/creditmemo/{id}", get(calls::memo))
        .route("/V1/transactions", get(calls::transactions))
        .route("/V1/customers/search", get(calls::customers))
        .route("/V1/store/storeConfigs", get(calls::configs))
        .method_not_allowed_fallback(reply::no_route)
        .layer(from_fn_with_state(Arc::clone(server), guard::guard));
    Router::new()
        .merge(api.clone())
        .nest("/rest", api.clone())
        .nest("/rest/{store}", api)
        .fallback(reply::no_route)
        .with_state(Arc::clone(server))
}

/// Where it is and with what to sign in.
pub(crate) fn access(origin: &str) -> DermProAccess {
    DermProAccess {
        base_url: format!("{origin}/dermpro/rest/{}", guard::VIEWS[0]),
        consumer_key: oauth::CONSUMER_KEY.to_owned(),
        consumer_secret: oauth::CONSUMER_SECRET.to_owned(),
        access_token: oauth::TOKEN.to_owned(),
        access_token_secret: oauth::TOKEN_SECRET.to_owned(),
    }
}
