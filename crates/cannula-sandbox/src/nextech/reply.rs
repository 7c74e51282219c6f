//! Answers: bundles with their links, and refusals.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
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

/// A page of resources out of `total`.
pub(crate) fn bundle(
    api: &Api,
    endpoint: &str,
    query: &Query,
    total: usize,
    resources: Vec<Value>,
) -> Json<Value> {
    let quirks = &query.quirks;
    let mut bundle = Map::new();
    bundle.insert("resourceType".to_owned(), "Bundle".into());
    if !(quirks.bare_bundles && endpoint == "Appointment") {
        bundle.insert("type".to_owned(), "searchset".into());
    }
    bundle.insert("total".to_owned(), total.into());
    if quirks.links != Links::Absent {
        bundle.insert("link".to_owned(), links(api, endpoint, query, total));
    }
    if !(resources.is_empty() && quirks.absent_entry) {
        let entries = resources.into_iter().map(|resource| json!({ "resource": resource }));
        bundle.insert("entry".to_owned(), entries.collect());
    }
    Json(Value::Object(bundle))
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
