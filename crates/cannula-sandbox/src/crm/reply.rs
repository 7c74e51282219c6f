//! What is answered: refusals in HighLevel's shapes, and the `traceId` in every body.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{options::CrmSettings, state::CrmState};

/// A request that is not granted, as `{statusCode, message, error, code, meta}`.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    /// A text, or a list of texts for 422.
    message: Value,
    error: Option<&'static str>,
    code: Option<&'static str>,
    meta: Option<Value>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<Value>, error: Option<&'static str>) -> Self {
        Self { status, message: message.into(), error, code: None, meta: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message.into(), Some("Bad Request"))
    }

    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message, Some("Unauthorized"))
    }

    pub(super) fn foreign_location() -> Self {
        let message = "The token does not have access to this location";
        Self::new(StatusCode::FORBIDDEN, message, Some("Forbidden"))
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message.into(), Some("Not Found"))
    }

    pub(super) fn unprocessable(violations: Vec<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, violations, Some("Unprocessable Entity"))
    }

    /// The body of a 429 is not documented; this is the guess that the shared specification
    /// makes too.
    pub(super) fn too_many_requests() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", None)
    }

    /// A token request that is refused, in OAuth's words beside HighLevel's.
    pub(super) fn oauth(status: StatusCode, error: &'static str, message: &str) -> Self {
        Self::new(status, message, Some(error))
    }

    /// The contact that is in the way of one with the same e-mail address or phone.
    pub(super) fn duplicate_contact(id: &str, name: &str, matching_field: &str) -> Self {
        Self::bad_request("This location does not allow duplicated contacts.")
            .meta(json!({ "contactId": id, "contactName": name, "matchingField": matching_field }))
    }

    /// The opportunity that is in the way of a second one in its pipeline.
    pub(super) fn duplicate_opportunity(id: &str) -> Self {
        let refusal = Self::bad_request("Can not create duplicate opportunity for the contact.");
        Self { code: Some("OPPORTUNITY_NO_DUPLICATE"), ..refusal.meta(json!({ "existingId": id })) }
    }

    fn meta(self, meta: Value) -> Self {
        Self { meta: Some(meta), ..self }
    }
}

impl IntoResponse for Refusal {
    /// The body is left to [`render_refusals`], which knows the trace id.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RefusalBody<'a> {
    status_code: u16,
    message: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a Value>,
}

#[derive(Serialize)]
struct Traced<'a, T> {
    #[serde(flatten)]
    body: &'a T,
    #[serde(rename = "traceId")]
    trace: String,
}

impl CrmSettings {
    /// The status of an upsert that succeeded.
    pub(super) const fn upsert_status(&self, new: bool) -> StatusCode {
        if new && self.upsert_creates_with_201 { StatusCode::CREATED } else { StatusCode::OK }
    }
}

impl CrmState {
    /// A JSON object as an answer, with its trace id.
    pub(super) fn answer<T: Serialize>(&self, status: StatusCode, body: &T) -> Response {
        (status, Json(Traced { body, trace: self.next_trace() })).into_response()
    }
}

/// Writes the bodies of refusals, keeping the headers that other layers have added.
pub(super) async fn render_refusals(
    State(crm): State<Arc<CrmState>>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = next.run(request).await.into_parts();
    let Some(refusal) = parts.extensions.remove::<Refusal>() else {
        return Response::from_parts(parts, body);
    };
    let rendered = crm.answer(
        refusal.status,
        &RefusalBody {
            status_code: refusal.status.as_u16(),
            message: &refusal.message,
            error: refusal.error,
            code: refusal.code,
            meta: refusal.meta.as_ref(),
        },
    );
    parts.headers.remove(header::CONTENT_LENGTH);
    let (rendered_parts, rendered_body) = rendered.into_parts();
    parts.headers.extend(rendered_parts.headers);
    Response::from_parts(parts, rendered_body)
}
