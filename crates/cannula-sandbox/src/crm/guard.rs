//! What stands before every endpoint but the token's: the `Version` header, the token, its
//! scopes and its rate limits.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use cannula_core::Secret;
use chrono::{DateTime, Utc};

use super::{
    oauth::Grants,
    options::{CrmOptions, CrmSettings},
    quota::Usage,
    reply::Refusal,
    state::CrmState,
};

/// The published versions.
const VERSIONS: [&str; 5] = ["v3", "2023-02-21", "2021-07-28", "2021-04-15", "legacy"];

/// Credentials and what they have used.
#[derive(Debug)]
pub(super) struct Gate {
    private_token: Secret,
    pub(super) grants: Grants,
    usage: HashMap<Caller, Usage>,
}

/// Whose allowance a request is counted against. Limits are per app and location, so all access
/// tokens of the app share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Caller {
    PrivateToken,
    App,
}

impl Gate {
    pub(super) fn new(options: CrmOptions) -> Self {
        Self {
            private_token: options.private_token,
            grants: Grants::new(options.oauth),
            usage: HashMap::new(),
        }
    }

    fn caller(&self, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Caller, Refusal> {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if token.starts_with("pit-") {
            return if token == self.private_token.expose() {
                Ok(Caller::PrivateToken)
            } else {
                Err(Refusal::unauthorized("Invalid Private Integration token"))
            };
        }
        if token.split('.').count() != 3 {
            return Err(Refusal::unauthorized("Invalid JWT"));
        }
        if self.grants.accepts(token, now) {
            Ok(Caller::App)
        } else {
            Err(Refusal::unauthorized("Invalid token: access token is invalid"))
        }
    }
}

/// Admits a request or refuses it, and says on every answer what is left of the limits.
pub(super) async fn guard(
    State(crm): State<Arc<CrmState>>,
    request: Request,
    next: Next,
) -> Response {
    let mut notice = HeaderMap::new();
    let mut response = match crm.admit(&request, &mut notice) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().extend(notice);
    response
}

impl CrmState {
    fn admit(&self, request: &Request, notice: &mut HeaderMap) -> Result<(), Refusal> {
        let now = self.now();
        let inner = &mut *self.lock();
        let settings = &inner.records.settings;
        let caller = check_version(request.headers())
            .and_then(|()| inner.gate.caller(request.headers(), now))
            .and_then(|caller| check_scope(request, settings).map(|()| caller));
        let Some(limits) = &settings.limits else {
            return caller.map(|_| ());
        };
        // Nobody's usage: a request without a good token is told of a full allowance.
        let mut nobody = Usage::default();
        let usage = match &caller {
            Ok(caller) => inner.gate.usage.entry(*caller).or_default(),
            Err(_) => &mut nobody,
        };
        let spent = if caller.is_ok() { usage.spend(limits, now) } else { Ok(()) };
        usage.write_headers(limits, notice);
        let _admitted: Caller = caller?;
        spent.map_err(|seconds| {
            if settings.retry_after {
                notice.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            Refusal::too_many_requests()
        })?;
        // White-label and agency tools that send this header are refused, whatever it says.
        if request.headers().contains_key("location-id") {
            return Err(Refusal::foreign_location());
        }
        Ok(())
    }
}

fn check_version(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("version").map(|value| value.to_str().unwrap_or_default()) {
        None => Err(Refusal::unauthorized("version header was not found.")),
        Some(version) if VERSIONS.contains(&version) => Ok(()),
        Some(_) => Err(Refusal::unauthorized("version header is invalid")),
    }
}

fn check_scope(request: &Request, settings: &CrmSettings) -> Result<(), Refusal> {
    if settings.withheld_scopes.is_empty() {
        return Ok(());
    }
    let scope = scope_of(request.method(), request.uri().path());
    if settings.withheld_scopes.contains(&scope) {
        return Err(Refusal::unauthorized("The token is not authorized for this scope."));
    }
    Ok(())
}

/// The scope an endpoint asks for.
fn scope_of(method: &Method, path: &str) -> String {
    let area = match path.split('/').nth(1) {
        Some("locations") => "locations/customFields",
        Some("opportunities") => "opportunities",
        _ => "contacts",
    };
    let reads = method == Method::GET || path.ends_with("/search");
    format!("{area}.{}", if reads { "readonly" } else { "write" })
}
