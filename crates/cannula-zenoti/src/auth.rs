//! The two ways to sign in: a key, or access tokens.

use std::sync::Arc;

use async_trait::async_trait;
use cannula_core::{Clock, Error, ErrorKind, Result, Retry, Secret};
use cannula_http::{Auth, Client, Request, Token, TokenCache, TokenGrant};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;

use crate::{
    config::Credentials,
    errors,
    time::{UtcTime, absent},
};

/// `apikey <key>`, the first word in lower case as Zenoti's documentation has it.
#[derive(Debug)]
pub(crate) struct ApiKey(Secret);

impl ApiKey {
    pub(crate) fn new(key: &Secret) -> Self {
        Self(Secret::new(format!("apikey {}", key.expose().trim())))
    }
}

#[async_trait]
impl Auth for ApiKey {
    async fn header(&self) -> Result<Secret> {
        Ok(self.0.clone())
    }

    async fn rejected(&self, _header: &Secret) -> bool {
        false
    }
}

const USUAL: &str = "Bearer ";
const ZENOTIS: &str = "bearer ";

/// `bearer <token>`, in lower case as Zenoti's documentation has it.
#[derive(Debug)]
pub(crate) struct LowerBearer(TokenCache<Grant>);

impl LowerBearer {
    pub(crate) fn new(grant: Grant, clock: Arc<dyn Clock>) -> Self {
        Self(TokenCache::new(grant, clock))
    }
}

fn swapped(header: &Secret, from: &str, to: &str) -> Secret {
    let token = header.expose();
    Secret::new(format!("{to}{}", token.strip_prefix(from).unwrap_or(token)))
}

#[async_trait]
impl Auth for LowerBearer {
    async fn header(&self) -> Result<Secret> {
        Ok(swapped(&self.0.header().await?, USUAL, ZENOTIS))
    }

    async fn rejected(&self, header: &Secret) -> bool {
        self.0.rejected(&swapped(header, ZENOTIS, USUAL)).await
    }
}

/// Gets access tokens. The client has no token of its own.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) client: Client,
    pub(crate) credentials: Credentials,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Grant {
    async fn ask(&self, request: &Request) -> Result<Token> {
        // The life is counted from before the request, so that a slow answer shortens it.
        let asked_at = self.clock.now();
        let read = |response: cannula_http::Response| {
            errors::check(&response.body).map_err(signed_out)?;
            let answer: Answer = response.json()?;
            answer.token(asked_at)
        };
        self.client.read(request, read).await
    }
}

#[async_trait]
impl TokenGrant for Grant {
    async fn grant(&self, previous: Option<&Token>) -> Result<Token> {
        if let Some(refresh) = previous.and_then(|token| token.refresh.as_ref())
            && let Some(request) = refresh_request(&self.credentials, refresh)
        {
            // A refresh token works once: whatever went wrong, it may be used up.
            match self.ask(&request).await {
                Ok(token) => return Ok(token),
                Err(error) if error.kind() == ErrorKind::Throttled => return Err(error),
                Err(error) => tracing::info!(%error, "the refresh token is not good; signing in"),
            }
        }
        match password_request(&self.credentials) {
            Some(request) => self.ask(&request).await,
            None => Err(Error::new(ErrorKind::Config, "an API key needs no token")),
        }
    }
}

/// Asking twice gives two tokens and harms nobody.
fn password_request(credentials: &Credentials) -> Option<Request> {
    let Credentials::Password { account_name, user_name, password, app_id, app_secret, device_id } =
        credentials
    else {
        return None;
    };
    let body = json!({
        "account_name": account_name,
        "user_name": user_name.expose(),
        "password": password.expose(),
        "grant_type": "password",
        "app_id": app_id,
        "app_secret": app_secret.expose(),
        "device_id": device_id,
    });
    Some(Request::post("get token", "v1/tokens").endpoint("tokens").json(&body).repeatable())
}

/// Not repeatable: the token works once.
fn refresh_request(credentials: &Credentials, refresh: &Secret) -> Option<Request> {
    let Credentials::Password { account_name, app_id, app_secret, device_id, .. } = credentials
    else {
        return None;
    };
    let body = json!({
        "account_name": account_name,
        "grant_type": "refresh_token",
        "refresh_token": refresh.expose(),
        "app_id": app_id,
        "app_secret": app_secret.expose(),
        "device_id": device_id,
    });
    Some(Request::post("refresh token", "v1/tokens").endpoint("tokens").json(&body))
}

/// A 200 that carries an error: no token, and only a person can help.
fn signed_out(error: Error) -> Error {
    let refused = Error::new(
        ErrorKind::Auth,
        "Zenoti gives no token: check `account_name`, `user_name`, `password`, `app_id` and `app_secret`",
    );
    match error.vendor_code() {
        Some(code) => refused.code(code),
        None => refused,
    }
}

/// The answer, nested under `credentials` as documented, or flat as some have seen it.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    credentials: Option<Given>,
    #[serde(flatten)]
    flat: Given,
}

#[derive(Deserialize)]
struct Given {
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default, deserialize_with = "absent")]
    access_token_expiry: Option<UtcTime>,
    #[serde(default)]
    expires_in: Option<u32>,
    #[serde(default)]
    refresh_token: Option<Secret>,
    #[serde(default, deserialize_with = "absent")]
    refresh_token_expiry: Option<UtcTime>,
}

/// The documents contradict each other (24 hours, 10 hours); this is below both.
const UNSAID: TimeDelta = TimeDelta::hours(1);

impl Answer {
    fn token(self, asked_at: DateTime<Utc>) -> Result<Token> {
        let given = self.credentials.filter(|it| it.access_token.is_some()).unwrap_or(self.flat);
        let Some(access) = given.access_token.filter(|it| !it.expose().trim().is_empty()) else {
            return Err(Error::new(ErrorKind::Decode, "the answer holds no access token")
                .retry(Retry::Never));
        };
        let expires_at = given
            .access_token_expiry
            .map(|it| it.0)
            .or_else(|| Some(asked_at + TimeDelta::seconds(given.expires_in?.into())))
            .unwrap_or(asked_at + UNSAID);
        let alive = given.refresh_token_expiry.is_none_or(|until| until.0 > asked_at);
        let refresh = given.refresh_token.filter(|it| alive && !it.expose().trim().is_empty());
        Ok(Token { access, refresh, expires_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &str = r#"{"credentials":{"access_token":"tok-a","access_token_expiry":"2026-03-05T16:00:00Z","refresh_token":"ref-b","refresh_token_expiry":"2026-06-02T16:00:00Z","token_type":"Bearer","user_type":"Employee"},"error":null}"#;

    fn read(body: &str) -> Result<Token> {
        let answer: Answer = serde_json::from_str(body).unwrap();
        answer.token("2026-03-04T16:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_token_is_nested_or_flat_and_lives_as_long_as_it_says() {
        for (body, expires) in [
            (NESTED, "2026-03-05T16:00:00+00:00"),
            (r#"{"access_token":"tok-a","expires_in":3600}"#, "2026-03-04T17:00:00+00:00"),
            (r#"{"access_token":"tok-a"}"#, "2026-03-04T17:00:00+00:00"),
            (
                r#"{"credentials":{"access_token":"tok-a","access_token_expiry":"0001-01-01T00:00:00","expires_in":7200}}"#,
                "2026-03-04T18:00:00+00:00",
            ),
        ] {
            let token = read(body).unwrap();
            assert_eq!(token.access.expose(), "tok-a");
            assert_eq!(token.expires_at.to_rfc3339(), expires, "{body}");
        }
        assert_eq!(read(NESTED).unwrap().refresh.unwrap().expose(), "ref-b");
        assert!(read(r#"{"credentials":null}"#).is_err());
    }

    #[test]
    fn a_refresh_token_that_has_run_out_is_not_kept() {
        let body = r#"{"access_token":"a","refresh_token":"r","refresh_token_expiry":"2026-03-04T15:00:00Z"}"#;
        assert!(read(body).unwrap().refresh.is_none());
    }

    #[test]
    fn the_words_before_key_and_token_are_in_lower_case() {
        let header = swapped(&Secret::new("Bearer Bearer-1"), USUAL, ZENOTIS);
        assert_eq!(header.expose(), "bearer Bearer-1");
        assert_eq!(swapped(&header, ZENOTIS, USUAL).expose(), "Bearer Bearer-1");
        assert_eq!(ApiKey::new(&Secret::new("k-1")).0.expose(), "apikey k-1");
    }

    #[test]
    fn the_grants_are_as_documented() {
        let credentials = Credentials::Password {
            account_name: "harbor".to_owned(),
            user_name: Secret::new("api"),
            password: Secret::new("hush"),
            app_id: "app".to_owned(),
            app_secret: Secret::new("hush-too"),
            device_id: "cannula".to_owned(),
        };
        let requests =
            [password_request(&credentials), refresh_request(&credentials, &Secret::new("ref-1"))];
        let shown: Vec<_> = requests
            .into_iter()
            .flatten()
            .map(|it| format!("{} {} {:#}", it.method(), it.path(), it.body_json().unwrap()))
            .collect();
        insta::assert_snapshot!(shown.join("\n"));
        assert!(password_request(&Credentials::ApiKey(Secret::new("k"))).is_none());
    }
}
