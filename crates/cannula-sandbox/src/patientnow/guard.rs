//! What stands before every request: the gateway with its key and its allowance, then the API with
//! its user.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::NaiveDate;

use super::{API_KEY, PASSWORD, Server, USERNAME, VISH_API_KEY, query::Query, reply::Refusal};

/// Lets a request through or says why not.
pub(super) async fn guard(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    match check(&server, &request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn check(server: &Server, request: &Request) -> Result<(), Refusal> {
    let query = Query::parse(request.uri().query());
    let key = query.text("apikey");
    let full = match key.as_deref() {
        None => {
            return Err(Refusal::page(StatusCode::UNAUTHORIZED, "The API key is missing."));
        }
        Some(API_KEY) => true,
        Some(VISH_API_KEY) => false,
        Some(_) => return Err(Refusal::page(StatusCode::FORBIDDEN, "The API key is not valid.")),
    };
    let quirks = server.quirks();
    let today = server.practice.now().date_naive();
    if quirks.limits && !server.allowance.spend(today, quirks.patientnow_daily_calls) {
        return Err(Refusal::page(StatusCode::TOO_MANY_REQUESTS, "The daily quota is exceeded."));
    }
    let user = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let expected = STANDARD.encode(format!("{USERNAME}:{PASSWORD}"));
    if user.and_then(|user| user.strip_prefix("Basic ")) != Some(expected.as_str()) {
        let message = "Authorization has been denied for this request.";
        return Err(Refusal::message(StatusCode::UNAUTHORIZED, message));
    }
    // The smaller API knows neither customers nor products.
    let resource = request.uri().path().split('/').nth(1).unwrap_or_default();
    if !full && matches!(resource, "customers" | "products" | "memberships") {
        return Err(Refusal::text(StatusCode::FORBIDDEN, "This API key has no access."));
    }
    Ok(())
}

/// Counts the requests of a UTC day.
#[derive(Debug, Default)]
pub(super) struct Allowance(Mutex<(NaiveDate, u64)>);

impl Allowance {
    fn spend(&self, today: NaiveDate, most: u64) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.0 != today {
            *spent = (today, 0);
        }
        let admitted = spent.1 < most;
        spent.1 += u64::from(admitted);
        admitted
    }
}
