//! The token endpoint and the credentials.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Server, ids, reply::Refused};

pub(super) const API_KEY: &str = "zenoti-sandbox-api-key";
pub(super) const ACCOUNT: &str = "juniper";
pub(super) const USER: &str = "cannula-api";
pub(super) const PASSWORD: &str = "sandbox-password";
pub(super) const APP_ID: &str = "5f0d7b3a-91ce-4e28-a6d4-7b12c8f0e963";
pub(super) const APP_SECRET: &str = "zenoti-sandbox-app-secret";
/// How long access tokens live; another page of the vendor's says ten hours.
const LIFE: TimeDelta = TimeDelta::hours(24);
const REFRESH_LIFE: TimeDelta = TimeDelta::days(90);

/// The tokens that are good.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<Issued>);

#[derive(Debug, Default)]
struct Issued {
    number: u64,
    access: HashMap<String, DateTime<Utc>>,
    refresh: HashMap<String, DateTime<Utc>>,
}

impl Tokens {
    pub(super) fn accepts(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.lock().access.get(token).is_some_and(|until| now < *until)
    }

    pub(super) fn revoke(&self) {
        let mut issued = self.lock();
        issued.access.clear();
        issued.refresh.clear();
    }

    /// Takes a refresh token in, for good; it ends every access token there is.
    fn redeem(&self, token: &str, now: DateTime<Utc>, rotates: bool) -> bool {
        let mut issued = self.lock();
        let good = issued.refresh.get(token).is_some_and(|until| now < *until);
        if good {
            issued.access.clear();
            if rotates {
                issued.refresh.remove(token);
            }
        }
        good
    }

    fn issue(&self, now: DateTime<Utc>) -> Value {
        let mut issued = self.lock();
        issued.number += 1;
        let number = issued.number;
        let (access, refresh) =
            (format!("sandbox|zenoti-access.{number}"), format!("sandbox|zenoti-refresh.{number}"));
        issued.access.insert(access.clone(), now + LIFE);
        issued.refresh.insert(refresh.clone(), now + REFRESH_LIFE);
        json!({ "credentials": {
            "access_token": access,
            "access_token_expiry": stamp(now + LIFE),
            "refresh_token": refresh,
            "refresh_token_expiry": stamp(now + REFRESH_LIFE),
            "token_type": "Bearer",
            "token_id": ids::guid_of("token", &number.to_string()),
            "app_id": APP_ID,
            "user_type": "Employee",
        }, "error": null })
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instant with seven fractional digits.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    format!("{}0Z", at.format("%Y-%m-%dT%H:%M:%S%.6f"))
}

/// `POST /v1/tokens`.
pub(super) async fn token(
    State(server): State<Arc<Server>>,
    body: Option<Json<Value>>,
) -> Response {
    let now = server.practice.now();
    let Some(Json(body)) = body else {
        return Refused::invalid(503, "The body is missing.").into_response();
    };
    let field = |name: &str| body[name].as_str().unwrap_or_default();
    let application =
        field("app_id").eq_ignore_ascii_case(APP_ID) && field("app_secret") == APP_SECRET;
    let granted = match field("grant_type") {
        "password" => {
            application
                && field("account_name") == ACCOUNT
                && field("user_name") == USER
                && field("password") == PASSWORD
        }
        "refresh_token" => {
            let rotates = server.quirks().refresh_rotates;
            application && server.tokens.redeem(field("refresh_token"), now, rotates)
        }
        _ => return Refused::invalid(503, "grant_type is not valid.").into_response(),
    };
    if granted {
        Json(server.tokens.issue(now)).into_response()
    } else {
        Refused::unauthorized().into_response()
    }
}

/// `DELETE /v1/tokens/sessions/revoke`.
pub(super) async fn revoke(State(server): State<Arc<Server>>) -> Json<Value> {
    server.tokens.revoke();
    Json(json!({ "success": true, "error": null }))
}
