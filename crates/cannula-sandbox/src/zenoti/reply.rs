//! Refusals in the vendor's many shapes, and pages.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::query::Query;

/// How a refusal is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `{"code": 422, "message": …}`.
    Top,
    /// `{"error": {"code": "414", "message": …}}`, the code as text.
    Nested,
    /// `{"error": {"StatusCode": 419, "Message": …, "InternalMessage": …}}`.
    Pascal,
    /// `{"Error": {"code": 481, "message": …}}`.
    Capital,
}

/// A request that is refused.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    shape: Shape,
    code: u16,
    message: String,
    retry_after: Option<i64>,
}

impl Refused {
    fn new(status: StatusCode, shape: Shape, code: u16, message: impl Into<String>) -> Self {
        Self { status, shape, code, message: message.into(), retry_after: None }
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, Shape::Top, 401, "Unauthorized access.")
    }

    pub(super) fn too_many(seconds: i64) -> Self {
        let message = "API calls quota exceeded.";
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, Shape::Top, 429, message);
        Self { retry_after: Some(seconds), ..refused }
    }

    pub(super) fn page_too_large() -> Self {
        let message = "You asked for too many records. The maximum size is 100.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, Shape::Top, 422, message)
    }

    /// A parameter or a value is missing or wrong.
    pub(super) fn invalid(code: u16, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Shape::Top, code, message)
    }

    /// No such guest.
    pub(super) fn no_guest() -> Self {
        Self::new(StatusCode::NOT_FOUND, Shape::Nested, 414, "Guest not found.")
    }

    /// A guest that cannot be entered, for one of the legacy codes.
    pub(super) fn guest(code: u16, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Shape::Capital, code, message)
    }

    /// No such appointment.
    pub(super) fn no_appointment() -> Self {
        Self::new(StatusCode::NOT_FOUND, Shape::Nested, 410, "Appointment not found.")
    }

    /// Another center than the caller's own, or none of the organisation's.
    pub(super) fn wrong_center() -> Self {
        Self::new(StatusCode::FORBIDDEN, Shape::Nested, 502, "Wrong center.")
    }

    /// No such invoice.
    pub(super) fn no_invoice() -> Self {
        Self::new(StatusCode::NOT_FOUND, Shape::Pascal, 419, "Invoice not found.")
    }

    /// Answers what was understood with status 200, where the service does.
    pub(super) const fn within(mut self, in_200: bool) -> Self {
        if in_200 && !matches!(self.shape, Shape::Top) {
            self.status = StatusCode::OK;
        }
        self
    }

    fn body(&self) -> Value {
        let Self { code, message, .. } = self;
        match self.shape {
            Shape::Top => json!({ "code": code, "message": message }),
            Shape::Nested => {
                json!({ "id": null, "error": { "code": code.to_string(), "message": message } })
            }
            Shape::Pascal => json!({ "error": {
                "StatusCode": code, "Message": message, "InternalMessage": "See the message.",
            } }),
            Shape::Capital => json!({ "Error": { "code": code, "message": message } }),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// One page of a listing.
#[derive(Debug)]
pub(super) struct Slice<T> {
    pub(super) rows: Vec<T>,
    /// `{total, page, size}`.
    pub(super) info: Value,
}

/// Cuts the page out that the query asks for: the first ten unless it says otherwise.
pub(super) fn page<T>(query: &Query, rows: Vec<T>) -> Result<Slice<T>, Refused> {
    let number = |name: &str, default: usize| match query.get(name) {
        None | Some("") => Ok(default),
        Some(text) => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(Refused::invalid(400, format!("{name} is not valid."))),
        },
    };
    let (page, size) = (number("page", 1)?, number("size", 10)?);
    if size > 100 {
        return Err(Refused::page_too_large());
    }
    let info = json!({ "total": rows.len(), "page": page, "size": size });
    let rows = rows.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect();
    Ok(Slice { rows, info })
}
