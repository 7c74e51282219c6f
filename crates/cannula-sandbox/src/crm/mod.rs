//! A stateful fake of the HighLevel API under Aesthetix CRM: one sub-account ("location") with
//! its contacts, tags, notes, custom fields, pipelines and opportunities.
//!
//! It keeps the manners that cost integrators data: tags are replaced by an upsert that names
//! them, a phone that is not E.164 vanishes, an upsert whose e-mail and phone belong to two
//! people updates one of them without a word, unknown properties are refused with 422 and
//! unknown custom fields are not, searches trail writes by seconds. What is a setting of a
//! location, or not known of the live service, is in [`CrmSettings`].
//!
//! Shapes follow the published OpenAPI files of `GoHighLevel/highlevel-api-docs` (versions of
//! 2021-07-28); behaviour follows its issues and guides. Nothing here was compared with a live
//! account.

mod contact;
mod contacts;
mod fields;
mod filter;
mod guard;
mod ids;
mod oauth;
mod opportunities;
mod opportunity;
mod options;
mod order;
mod plant;
mod quota;
mod reply;
mod search;
mod shelf;
mod snapshot;
mod staff;
mod state;
mod tags_notes;
mod validate;
mod webhooks;

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, Uri},
    middleware::from_fn_with_state,
    routing::{get, post, put},
};

pub use options::{
    CrmOptions, CrmSettings, Dedupe, FieldOptions, Limits, OAuthClient, PipelineOptions,
};
pub use plant::NewContact;
pub use snapshot::{ContactSnapshot, CrmSnapshot, OpportunitySnapshot};
pub use state::CrmState;
pub(crate) use webhooks::public_key_pem;

use reply::Refusal;

/// The API, to be served at the root of a listener or nested under a path.
pub(crate) fn router(state: Arc<CrmState>) -> Router {
    let api = Router::new()
        .route("/contacts/", post(contacts::create))
        .route("/contacts/upsert", post(contacts::upsert))
        .route("/contacts/search", post(search::contacts))
        .route("/contacts/search/duplicate", get(search::duplicate))
        .route("/contacts/{id}", get(contacts::get).put(contacts::update).delete(contacts::delete))
        .route("/contacts/{id}/tags", post(tags_notes::add_tags).delete(tags_notes::remove_tags))
        .route("/contacts/{id}/notes", get(tags_notes::list).post(tags_notes::create))
        .route(
            "/contacts/{id}/notes/{note}",
            get(tags_notes::get).put(tags_notes::update).delete(tags_notes::delete),
        )
        .route("/opportunities/", post(opportunities::create))
        .route("/opportunities/upsert", post(opportunities::upsert))
        .route("/opportunities/pipelines", get(opportunities::pipelines))
        .route(
            "/opportunities/search",
            get(search::opportunities).post(search::opportunities_by_body),
        )
        .route(
            "/opportunities/{id}",
            get(opportunities::get).put(opportunities::update).delete(opportunities::delete),
        )
        .route("/opportunities/{id}/status", put(opportunities::set_status))
        .route("/locations/{location}/customFields", get(fields::list).post(fields::create))
        .route("/locations/{location}/customFields/{id}", get(fields::get))
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .layer(from_fn_with_state(Arc::clone(&state), guard::guard));
    // The token endpoint asks for neither a token nor a version: the only way in.
    api.route("/oauth/token", post(oauth::token))
        .layer(from_fn_with_state(Arc::clone(&state), reply::render_refusals))
        .with_state(state)
}

/// What the service says to a path or method it does not have, `/contacts` without its trailing
/// slash among them.
async fn no_route(method: Method, uri: Uri) -> Refusal {
    Refusal::not_found(format!("Cannot {method} {}", uri.path()))
}
