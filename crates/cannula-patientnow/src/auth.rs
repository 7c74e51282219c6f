//! The `Authorization` header, the same on every call: there is no sign-in.

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use cannula_core::{Result, Secret};
use cannula_http::Auth;

use crate::{config::Credentials, dialect::Dialect};

/// A header that never changes.
#[derive(Debug)]
pub(crate) struct Fixed(Secret);

impl Fixed {
    pub(crate) fn of(credentials: &Credentials, dialect: &Dialect) -> Self {
        Self(match credentials {
            Credentials::Gateway { username, password, .. } => basic(username, password),
            Credentials::Token(token) => {
                Secret::new(format!("{} {}", dialect.auth_scheme, token.expose()))
            }
        })
    }
}

fn basic(username: &Secret, password: &Secret) -> Secret {
    let pair = format!("{}:{}", username.expose(), password.expose());
    Secret::new(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

#[async_trait]
impl Auth for Fixed {
    async fn header(&self) -> Result<Secret> {
        Ok(self.0.clone())
    }

    async fn rejected(&self, _header: &Secret) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_as_rfc_7617_has_it() {
        let header =
            |user, password| basic(&Secret::new(user), &Secret::new(password)).expose().to_owned();
        assert_eq!(header("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(header("apiuser", "s3cret"), "Basic YXBpdXNlcjpzM2NyZXQ=");
    }
}
