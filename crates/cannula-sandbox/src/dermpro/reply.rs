//! Answers and refusals. A message has its blanks open: the client fills them in from
//! `parameters`, which is a list or an object.

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::Path,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// What stands between slashes in a path, by name.
pub(super) type Segments = Path<BTreeMap<String, String>>;

/// A request that is refused.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    body: Value,
}

impl Refused {
    pub(super) fn new(status: StatusCode, message: &str) -> Self {
        Self { status, body: json!({ "message": message }) }
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Nobody, or somebody who was not granted what it takes.
    pub(super) fn denied(resource: &str) -> Self {
        let message = "The consumer isn't authorized to access %resources.";
        let body = json!({ "message": message, "parameters": { "resources": resource } });
        Self { status: StatusCode::UNAUTHORIZED, body }
    }

    pub(super) fn bad_request(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// No entity of this id.
    pub(super) fn not_found() -> Self {
        let message =
            "The entity that was requested doesn't exist. Verify the entity and try again.";
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Request does not match any route.")
    }

    /// What a database makes of a column it does not have.
    pub(super) fn internal() -> Self {
        let message =
            "Internal Error. Details are available in Magento log file. Report ID: webapi-66a1f0";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// Any other path or method.
pub(super) async fn no_route() -> Refused {
    Refused::no_route()
}
