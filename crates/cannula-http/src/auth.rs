use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use cannula_core::{Result, Secret};
use reqwest::Method;
use url::Url;

/// Says what goes into the `Authorization` header.
#[async_trait]
pub trait Auth: Debug + Send + Sync + 'static {
    /// The header's whole value, such as `Bearer …`. May do I/O to get it.
    async fn header(&self) -> Result<Secret>;

    /// The vendor refused `header`: forget it if it is still the one in use. `true` if asking
    /// [`Auth::header`] again can give a better one, `false` if there is no use trying again.
    async fn rejected(&self, header: &Secret) -> bool;
}

#[async_trait]
impl<T: Auth + ?Sized> Auth for Arc<T> {
    async fn header(&self) -> Result<Secret> {
        (**self).header().await
    }

    async fn rejected(&self, header: &Secret) -> bool {
        (**self).rejected(header).await
    }
}

/// Signs each request, where a vendor wants that instead of a token.
pub trait Sign: Debug + Send + Sync + 'static {
    /// The `Authorization` header's whole value for one request. `url` is what is sent, with its
    /// query. Every attempt is signed anew.
    fn sign(&self, method: &Method, url: &Url) -> Secret;
}

/// A bearer token that never changes.
#[derive(Clone, Debug)]
pub struct StaticToken(Secret);

impl StaticToken {
    /// Sends `Bearer <token>`.
    pub fn bearer(token: &Secret) -> Self {
        Self(bearer(token))
    }
}

#[async_trait]
impl Auth for StaticToken {
    async fn header(&self) -> Result<Secret> {
        Ok(self.0.clone())
    }

    async fn rejected(&self, _header: &Secret) -> bool {
        false
    }
}

/// The header value of a bearer token.
pub(crate) fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}
