//! Answers: bundles with their links, and refusals.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Api, search::Query};
use crate::quirks::Links;

/// A request that is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    message: Option<String>,
}

impl Refused {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: Some(message.into()) }
    }

    pub(crate) fn conflict(message: &str) -> Self {
        Self { status: StatusCode::CONFLICT, message: Some(message.to_owned()) }
    }

    pub(crate) const fn empty(status: StatusCode) -> Self {
        Self { status, message: None }
    }

    pub(crate) fn forbidden(message: &str) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: Some(message.to_owned()) }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self.message {
            None => self.status.into_response(),
            Some(message) => (self.status, Json(json!({ "message": message }))).into_response(),
        }
    }
}

/// A page of resources.
#[derive(Debug, Serialize)]
pub(crate) struct Bundle<R> {
    #[serde(flatten)]
    head: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<Vec<Entry<R>>>,
}

#[derive(Debug, Serialize)]
struct Entry<R> {
    resource: R,
}

/// A page of resources out of `total`.
pub(crate) fn bundle<R>(
    api: &Api,
    endpoint: &str,
    query: &Query,
    total: usize,
    resources: Vec<R>,
) -> Json<Bundle<R>> {
    let quirks = &query.quirks;
    let mut head = Map::new();
    head.insert("resourceType".to_owned(), "Bundle".into());
    if !(quirks.bare_bundles && endpoint == "Appointment") {
        head.insert("type".to_owned(), "searchset".into());
    }
    head.insert("total".to_owned(), total.into());
    if quirks.links != Links::Absent {
        head.insert("link".to_owned(), links(api, endpoint, query, total));
    }
    let absent = resources.is_empty() && quirks.absent_entry;
    let entries = resources.into_iter().map(|resource| Entry { resource });
    let entry = (!absent).then(|| entries.collect());
    Json(Bundle { head, entry })
}

fn links(api: &Api, endpoint: &str, query: &Query, total: usize) -> Value {
    let origin = match query.quirks.links {
        Links::Here | Links::Absent => api.server.origin.clone(),
        Links::ForeignHost => "http://nextech.example.test".to_owned(),
        Links::OtherScheme => api.server.origin.replacen("http:", "https:", 1),
    };
    let base = format!("{origin}{}/{endpoint}", api.product.base_path());
    let link = |relation: &str, offset: usize| json!({ "relation": relation, "url": format!("{base}?{}", query.at_offset(offset)) });
    let last = total.saturating_sub(1) / query.count * query.count;
    let mut links = vec![link("self", query.offset), link("first", 0), link("last", last)];
    if query.offset > 0 {
        links.push(link("previous", query.offset.saturating_sub(query.count)));
    }
    if query.offset + query.count < total {
        links.push(link("next", query.offset + query.count));
    }
    Value::Array(links)
}
