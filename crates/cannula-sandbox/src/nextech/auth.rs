//! The token endpoint: Azure AD v1 as far as these clients meet it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Form, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use super::Server;
use crate::practice::Product;

/// The password of the Select user.
pub(crate) const PASSWORD: &str = "sandbox-password";
/// The secret of the Practice+ partner.
pub(crate) const PLUS_SECRET: &str = "sandbox-partner-secret";
/// How long access tokens live, as the vendor documents it.
const LIFE: TimeDelta = TimeDelta::seconds(3600);
/// How long refresh tokens live, as the vendor documents it.
const REFRESH_LIFE: TimeDelta = TimeDelta::days(14);

/// What a client of a product signs in with.
#[derive(Debug)]
pub(crate) struct Account;

impl Account {
    pub(crate) const SELECT_CLIENT: &str = "3f2b8c10-61d4-4f0e-9d53-2a7c5e8b9041";
    pub(crate) const SELECT_USER: &str = "api.user@juniper.example.test";
    pub(crate) const SELECT_RESOURCE: &str = "https://select.nextech-api.com/api";
    pub(crate) const PLUS_CLIENT: &str = "a94d7e26-0b35-4c8f-8e17-d6c0f1b23758";
    pub(crate) const PLUS_RESOURCE: &str = "https://api.pm.nextech.com/api";
}

/// The tokens that are good.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    issued: AtomicU64,
    access: Mutex<HashMap<String, (Product, DateTime<Utc>)>>,
    refresh: Mutex<HashMap<String, DateTime<Utc>>>,
}

impl Tokens {
    pub(crate) fn accepts(&self, token: &str, product: Product, now: DateTime<Utc>) -> bool {
        let access = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        access.get(token).is_some_and(|(good_for, until)| *good_for == product && now < *until)
    }

    /// Makes every token that was issued worthless, as a reset of credentials does.
    pub(crate) fn revoke(&self) {
        self.access.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.refresh.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn issue(&self, product: Product, now: DateTime<Utc>) -> String {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let token = format!("sandbox-access.{number}");
        let mut access = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        access.retain(|_, (_, until)| now < *until);
        access.insert(token.clone(), (product, now + LIFE));
        token
    }

    fn issue_refresh(&self, now: DateTime<Utc>) -> String {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let token = format!("sandbox-refresh.{number}");
        let mut refresh = self.refresh.lock().unwrap_or_else(PoisonError::into_inner);
        refresh.insert(token.clone(), now + REFRESH_LIFE);
        token
    }

    /// Takes a refresh token in; it is good again only where tokens do not rotate.
    fn redeem(&self, token: &str, now: DateTime<Utc>, rotates: bool) -> bool {
        let mut refresh = self.refresh.lock().unwrap_or_else(PoisonError::into_inner);
        let good = refresh.get(token).is_some_and(|until| now < *until);
        if rotates {
            refresh.remove(token);
        }
        good
    }
}

/// An error in Azure AD's shape. The codes are Microsoft's.
struct AadError {
    status: StatusCode,
    error: &'static str,
    code: u32,
    text: &'static str,
}

const fn denied(error: &'static str, code: u32, text: &'static str) -> AadError {
    AadError { status: StatusCode::BAD_REQUEST, error, code, text }
}

impl AadError {
    fn render(&self, now: DateTime<Utc>) -> Response {
        let body = json!({
            "error": self.error,
            "error_description": format!("AADSTS{}: {}", self.code, self.text),
            "error_codes": [self.code],
            "timestamp": now.format("%Y-%m-%d %H:%M:%SZ").to_string(),
            "trace_id": "00000000-0000-0000-0000-00000000ace1",
            "correlation_id": "00000000-0000-0000-0000-00000000ace2",
        });
        (self.status, Json(body)).into_response()
    }
}

/// The fields of a token request; a missing one is as good as an empty one.
struct Fields(HashMap<String, String>);

impl Fields {
    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// `POST /nextech/login/oauth2/token`.
pub(crate) async fn token(
    State(server): State<Arc<Server>>,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let now = server.practice.now();
    let fields = Fields(form);
    let granted = match fields.get("grant_type") {
        "password" => password(&server, &fields),
        "refresh_token" => refresh(&server, &fields, now),
        "client_credentials" => client(&fields),
        _ => Err(denied("unsupported_grant_type", 70_003, "The grant type is not supported.")),
    };
    match granted {
        Ok(product) => Json(grant(&server, product, now)).into_response(),
        Err(error) => error.render(now),
    }
}

fn password(server: &Server, fields: &Fields) -> Result<Product, AadError> {
    known_client(fields, Account::SELECT_CLIENT)?;
    known_resource(fields, Account::SELECT_RESOURCE)?;
    if fields.get("username") != Account::SELECT_USER || fields.get("password") != PASSWORD {
        return Err(denied("invalid_grant", 50_126, "Invalid username or password."));
    }
    if server.quirks().password_expired {
        return Err(denied("invalid_grant", 50_055, "The password is expired."));
    }
    Ok(Product::Select)
}

fn refresh(server: &Server, fields: &Fields, now: DateTime<Utc>) -> Result<Product, AadError> {
    known_client(fields, Account::SELECT_CLIENT)?;
    if server.tokens.redeem(fields.get("refresh_token"), now, server.quirks().refresh_rotates) {
        Ok(Product::Select)
    } else {
        Err(denied("invalid_grant", 70_008, "The refresh token has expired."))
    }
}

fn client(fields: &Fields) -> Result<Product, AadError> {
    known_client(fields, Account::PLUS_CLIENT)?;
    known_resource(fields, Account::PLUS_RESOURCE)?;
    if fields.get("client_secret") != PLUS_SECRET {
        return Err(AadError {
            status: StatusCode::UNAUTHORIZED,
            ..denied("invalid_client", 7_000_215, "Invalid client secret provided.")
        });
    }
    Ok(Product::PracticePlus)
}

fn known_client(fields: &Fields, id: &str) -> Result<(), AadError> {
    let known = fields.get("client_id").eq_ignore_ascii_case(id);
    known.then_some(()).ok_or(denied("unauthorized_client", 700_016, "Application not found."))
}

fn known_resource(fields: &Fields, resource: &str) -> Result<(), AadError> {
    let known = fields.get("resource") == resource;
    known.then_some(()).ok_or(denied("invalid_resource", 500_011, "Resource not found."))
}

fn grant(server: &Server, product: Product, now: DateTime<Utc>) -> Value {
    let texts = server.quirks().numbers_as_text;
    let number = |number: i64| if texts { json!(number.to_string()) } else { json!(number) };
    let mut body = Map::new();
    body.insert("token_type".to_owned(), "Bearer".into());
    body.insert("expires_in".to_owned(), number(LIFE.num_seconds()));
    body.insert("expires_on".to_owned(), number((now + LIFE).timestamp()));
    body.insert("access_token".to_owned(), server.tokens.issue(product, now).into());
    if product == Product::Select {
        body.insert("scope".to_owned(), "user_impersonation".into());
        body.insert("resource".to_owned(), Account::SELECT_RESOURCE.into());
        body.insert("refresh_token".to_owned(), server.tokens.issue_refresh(now).into());
    }
    Value::Object(body)
}
