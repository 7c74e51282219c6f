//! The two ways to get a token.

use std::sync::Arc;

use async_trait::async_trait;
use cannula_core::{Clock, ErrorKind, Result, Secret};
use cannula_http::{Client, Request, Token, TokenGrant};
use chrono::TimeDelta;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::config::Credentials;

/// Asks the sign-in service, whose client has the token URL as its base.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) client: Client,
    pub(crate) credentials: Credentials,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Grant {
    async fn ask(&self, request: &Request, refresh: Option<&Secret>) -> Result<Token> {
        // The life is counted from before the request, so that a slow answer shortens it.
        let asked_at = self.clock.now();
        let answer: Answer = self.client.json(request).await?;
        Ok(Token {
            access: answer.access_token,
            // A refresh need not bring a new refresh token; the old one is good until it does.
            refresh: answer.refresh_token.or_else(|| refresh.cloned()),
            expires_at: asked_at + TimeDelta::seconds(i64::from(answer.expires_in)),
        })
    }
}

#[async_trait]
impl TokenGrant for Grant {
    async fn grant(&self, previous: Option<&Token>) -> Result<Token> {
        if let (Credentials::Password { client_id, .. }, Some(refresh)) =
            (&self.credentials, previous.and_then(|token| token.refresh.as_ref()))
        {
            match self.ask(&refresh_request(client_id, refresh), Some(refresh)).await {
                // Refresh tokens live 14 days and end with a password change: start over.
                Err(error) if error.kind() == ErrorKind::Auth => {
                    tracing::info!(%error, "the refresh token is no longer good");
                }
                outcome => return outcome,
            }
        }
        self.ask(&first_request(&self.credentials), None).await
    }
}

fn first_request(credentials: &Credentials) -> Request {
    let form = match credentials {
        Credentials::Password { client_id, username, password, resource } => vec![
            ("grant_type", "password".to_owned()),
            ("client_id", client_id.clone()),
            ("username", username.expose().to_owned()),
            ("password", password.expose().to_owned()),
            ("resource", resource.clone()),
        ],
        Credentials::ClientSecret { client_id, client_secret, resource } => vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", client_id.clone()),
            ("client_secret", client_secret.expose().to_owned()),
            ("resource", resource.clone()),
        ],
    };
    // Asking twice gives two tokens and harms nobody.
    Request::post("get token", "").form(form).repeatable()
}

fn refresh_request(client_id: &str, refresh: &Secret) -> Request {
    Request::post("refresh token", "")
        .form(vec![
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", client_id.to_owned()),
            ("refresh_token", refresh.expose().to_owned()),
        ])
        .repeatable()
}

#[derive(Deserialize)]
struct Answer {
    access_token: Secret,
    #[serde(default)]
    refresh_token: Option<Secret>,
    #[serde(default = "an_hour", deserialize_with = "seconds")]
    expires_in: u32,
}

/// Documented as the default life of a token.
fn an_hour() -> u32 {
    3600
}

/// Azure AD v1 writes numbers as strings.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Seconds {
        Number(u32),
        Text(String),
    }
    match Seconds::deserialize(deserializer)? {
        Seconds::Number(seconds) => Ok(seconds),
        Seconds::Text(text) => {
            text.trim().parse().map_err(|_| D::Error::custom("expected seconds"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grants_are_forms() {
        let select = Credentials::Password {
            client_id: "app".to_owned(),
            username: Secret::new("u@example.test"),
            password: Secret::new("hush"),
            resource: "https://select.nextech-api.com/api".to_owned(),
        };
        let plus = Credentials::ClientSecret {
            client_id: "partner".to_owned(),
            client_secret: Secret::new("hush"),
            resource: "api://partner".to_owned(),
        };
        let requests = [
            first_request(&select),
            refresh_request("app", &Secret::new("r-1")),
            first_request(&plus),
        ];
        let shown = requests.map(|request| {
            let form: Vec<_> = request
                .form_pairs()
                .iter()
                .map(|(name, value)| format!("  {name}={value}"))
                .collect();
            format!("{} {}\n{}", request.method(), request.operation(), form.join("\n"))
        });
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn the_life_of_a_token_is_a_number_or_a_text_or_an_hour() {
        for (body, seconds) in [
            (r#"{"access_token":"a","expires_in":3599}"#, 3599),
            (r#"{"access_token":"a","expires_in":"3599","expires_on":"1936000000"}"#, 3599),
            (r#"{"access_token":"a"}"#, 3600),
        ] {
            assert_eq!(serde_json::from_str::<Answer>(body).unwrap().expires_in, seconds);
        }
        assert!(
            serde_json::from_str::<Answer>(r#"{"access_token":"a","expires_in":"x"}"#).is_err()
        );
    }
}
