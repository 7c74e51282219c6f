//! Refusals, in the three forms that a client has to expect: JSON of the framework, a JSON text,
//! and a page of the gateway.

use axum::{
    Json,
    http::{StatusCode, Uri},
    response::{Html, IntoResponse, Response},
};
use serde_json::{Map, Value, json};

/// A request that is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Json(Value),
    Html(String),
}

impl Refusal {
    /// `{"Message": …}`.
    pub(super) fn message(status: StatusCode, message: &str) -> Self {
        Self { status, body: Body::Json(json!({ "Message": message })) }
    }

    /// A JSON text.
    pub(super) fn text(status: StatusCode, message: &str) -> Self {
        Self { status, body: Body::Json(json!(message)) }
    }

    /// A page.
    pub(super) fn page(status: StatusCode, message: &str) -> Self {
        let page =
            format!("<html><head><title>{status}</title></head><body>{message}</body></html>");
        Self { status, body: Body::Html(page) }
    }

    /// What is wrong with the members of a customer.
    pub(super) fn invalid(problems: Vec<(String, String)>) -> Self {
        let state = problems
            .into_iter()
            .map(|(member, problem)| (format!("customer.{member}"), json!([problem])));
        let body = json!({
            "Message": "The request is invalid.",
            "ModelState": state.collect::<Map<_, _>>(),
        });
        Self { status: StatusCode::BAD_REQUEST, body: Body::Json(body) }
    }

    /// There is no such record.
    pub(super) fn unknown(what: &str) -> Self {
        Self::text(StatusCode::NOT_FOUND, &format!("{what} not found."))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self.body {
            Body::Json(body) => (self.status, Json(body)).into_response(),
            Body::Html(page) => (self.status, Html(page)).into_response(),
        }
    }
}

/// What the framework says to a path that it does not have.
pub(super) async fn no_resource(uri: Uri) -> Refusal {
    let message =
        format!("No HTTP resource was found that matches the request URI '{}'.", uri.path());
    Refusal::message(StatusCode::NOT_FOUND, &message)
}

/// What the framework says to another method.
pub(super) async fn no_method() -> Refusal {
    let message = "The requested resource does not support this http method.";
    Refusal::message(StatusCode::METHOD_NOT_ALLOWED, message)
}
