//! `POST /oauth/token`: refresh tokens that are good for one use.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Form, State, rejection::FormRejection},
    http::StatusCode,
    response::Response,
};
use cannula_core::Secret;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::{
    options::OAuthClient,
    reply::Refusal,
    state::CrmState,
    validate::{Kind, Object, Rule, check, may, must, value_of},
};

/// Seconds that an access token lives.
const LIFE: i64 = 86_399;
/// Seconds in which a refresh token that was used gives the same pair again.
const GRACE: i64 = 30;
/// Days after which an unused refresh token is void.
const IDLE: i64 = 365;

const SCOPES: &str = "contacts.readonly contacts.write opportunities.readonly \
    opportunities.write locations/customFields.readonly locations/customFields.write";

const TOKEN: [Rule; 7] = [
    must("client_id", Kind::Text),
    must("client_secret", Kind::Text),
    must("grant_type", Kind::OneOf(&["authorization_code", "refresh_token", "client_credentials"])),
    may("code", Kind::Text),
    may("refresh_token", Kind::Text),
    may("user_type", Kind::OneOf(&["Company", "Location"])),
    may("redirect_uri", Kind::Text),
];

/// The tokens of the installed app.
#[derive(Debug)]
pub(super) struct Grants {
    client: OAuthClient,
    count: u64,
    /// Expiry by access token.
    access: HashMap<String, DateTime<Utc>>,
    /// The refresh token that is good, and since when; `None` before the first use of the one
    /// the installation ended with.
    current: Option<(Secret, DateTime<Utc>)>,
    /// The refresh token before it, when it was used, and the pair that it gave.
    used: Option<(Secret, DateTime<Utc>, Pair)>,
}

#[derive(Clone, Debug)]
struct Pair {
    access: Secret,
    refresh: Secret,
    expires: DateTime<Utc>,
}

#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: i64,
    refresh_token: &'a str,
    #[serde(rename = "refreshTokenId")]
    refresh_token_id: &'a str,
    scope: &'a str,
    #[serde(rename = "userType")]
    user_type: &'a str,
    #[serde(rename = "locationId")]
    location_id: &'a str,
    #[serde(rename = "companyId")]
    company_id: &'a str,
    #[serde(rename = "userId")]
    user_id: &'a str,
    #[serde(rename = "isBulkInstallation")]
    is_bulk_installation: bool,
}

impl Grants {
    pub(super) fn new(client: OAuthClient) -> Self {
        Self { client, count: 0, access: HashMap::new(), current: None, used: None }
    }

    /// Whether an access token is good.
    pub(super) fn accepts(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.access.get(token).is_some_and(|expires| now < *expires)
    }

    fn refresh(&mut self, presented: &str, now: DateTime<Utc>) -> Result<Pair, Refusal> {
        if let Some((used, at, pair)) = &self.used
            && used.expose() == presented
            && now - *at <= TimeDelta::seconds(GRACE)
        {
            return Ok(pair.clone());
        }
        let (current, since) = match &self.current {
            Some((token, since)) => (token, *since),
            None => (&self.client.refresh_token, now),
        };
        if current.expose() != presented || now - since >= TimeDelta::days(IDLE) {
            return Err(invalid_grant("This refresh token is invalid"));
        }
        Ok(self.issue(presented, now))
    }

    fn issue(&mut self, presented: &str, now: DateTime<Utc>) -> Pair {
        self.count += 1;
        let id = super::ids::uuid(self.count);
        let expires = now + TimeDelta::seconds(LIFE);
        let pair = Pair {
            // Shaped like the JWTs they are on the live service; nothing is in them.
            access: Secret::new(format!("eyJhbGciOiJSUzI1NiJ9.eyJhIjoic2FuZGJveCJ9.{id}-access")),
            refresh: Secret::new(format!("eyJhbGciOiJSUzI1NiJ9.eyJyIjoic2FuZGJveCJ9.{id}-refresh")),
            expires,
        };
        self.access.retain(|_, expires| now < *expires);
        self.access.insert(pair.access.expose().to_owned(), expires);
        self.current = Some((pair.refresh.clone(), now));
        self.used = Some((Secret::new(presented), now, pair.clone()));
        pair
    }
}

fn invalid_grant(message: &str) -> Refusal {
    Refusal::oauth(StatusCode::BAD_REQUEST, "invalid_grant", message)
}

/// Takes a form and nothing else: a JSON body is not read, so all its properties are missing.
pub(super) async fn token(
    State(crm): State<Arc<CrmState>>,
    form: Result<Form<HashMap<String, String>>, FormRejection>,
) -> Result<Response, Refusal> {
    let pairs = form.map(|Form(pairs)| pairs).unwrap_or_default();
    let form: Object = pairs.into_iter().map(|(name, value)| (name, value.into())).collect();
    check(&form, &TOKEN)?;
    let field = |name| value_of(&form, name).unwrap_or_default();
    let now = crm.now();
    let pair = {
        let grants = &mut crm.lock().gate.grants;
        let client = &grants.client;
        if field("client_id") != client.client_id
            || field("client_secret") != client.client_secret.expose()
        {
            let message = "Invalid client credentials!";
            return Err(Refusal::oauth(StatusCode::UNAUTHORIZED, "UnAuthorized!", message));
        }
        if field("grant_type") != "refresh_token" {
            return Err(invalid_grant("This installation is done: only refresh_token is left"));
        }
        grants.refresh(field("refresh_token"), now)?
    };
    let answer = TokenAnswer {
        access_token: pair.access.expose(),
        token_type: "Bearer",
        expires_in: (pair.expires - now).num_seconds(),
        refresh_token: pair.refresh.expose(),
        refresh_token_id: "sandboxRefreshToken",
        scope: SCOPES,
        user_type: "Location",
        location_id: &crm.location,
        company_id: "sbxCompanyAesthetix1",
        user_id: "sbxUserIntegration01",
        is_bulk_installation: false,
    };
    Ok(crm.answer(StatusCode::OK, &answer))
}
