//! The client: signs every request, and says what its refusals mean for this product.

use std::{fmt, sync::Arc};

use cannula_core::{Clock, Error, ErrorKind, Result, Retry, Secret};
use cannula_http::{Budget, Client, Lane, Quota, Request, Response};

use crate::{
    auth::Fixed,
    complaint::Complaint,
    config::{Credentials, PatientNowConfig},
    dialect::Dialect,
    errors,
    product::Product,
    requests::CUSTOMERS,
};

/// The gateway key's place in the query.
const API_KEY: &str = "apikey";

#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    budget: Option<Arc<Budget>>,
    /// What every request carries besides what it asks: the gateway key, or Pro's practice.
    always: (&'static str, Secret),
    product: Product,
    dialect: Arc<Dialect>,
}

impl Api {
    pub(crate) fn new(config: &PatientNowConfig, clock: Arc<dyn Clock>) -> Result<Self> {
        let base = config.base_url.clone();
        let mut client = Client::builder(config.product.connector(), base, Arc::clone(&clock))
            .auth(Fixed::of(&config.credentials, &config.dialect))
            .errors(errors::table);
        let budget = quota(config).map(|quota| Arc::new(Budget::shared(quota, clock)));
        if let Some(budget) = &budget {
            client = client.budget(Arc::clone(budget));
        }
        let always = match &config.credentials {
            Credentials::Gateway { api_key, .. } => (API_KEY, api_key.clone()),
            Credentials::Token(_) => {
                (config.dialect.filters.practice, Secret::new(config.practice.as_str()))
            }
        };
        Ok(Self {
            client: client.build()?,
            budget,
            always,
            product: config.product,
            dialect: Arc::new(config.dialect.clone()),
        })
    }

    /// The same client, which may use the calls that sweeps leave alone.
    pub(crate) fn urgent(&self) -> Self {
        Self { client: self.client.lane(Lane::Urgent), ..self.clone() }
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn read<T>(
        &self,
        request: &Request,
        parse: impl Fn(Response) -> Result<T>,
    ) -> Result<T> {
        // Only what is sent has the key. What is shown, logged or kept is the request without it.
        let (name, value) = &self.always;
        let signed = request.clone().query(name, value.expose());
        let answer = self.client.read(&signed, parse).await;
        answer.map_err(|error| self.explain(request, error))
    }

    pub(crate) async fn send(&self, request: &Request) -> Result<Response> {
        self.read(request, Ok).await
    }

    pub(crate) fn calls(&self) -> std::collections::BTreeMap<&'static str, u64> {
        self.client.calls()
    }

    pub(crate) fn left_today(&self) -> Option<u64> {
        self.budget.as_ref()?.left_today()
    }

    /// What a refusal means here: a key without customers, or a day that is used up.
    fn explain(&self, request: &Request, error: Error) -> Error {
        let Some(status) = error.http_status() else { return error };
        if error.kind() == ErrorKind::QuotaExhausted {
            return error;
        }
        let complaint = Complaint::of(&error).filter(|_| matches!(status, 403 | 429));
        if let Some(said) = complaint
            && self.dialect.words.tells_of_quota(said.text())
        {
            let wait = said.retry_after.map_or(Retry::Never, Retry::After);
            let used_up = self.error(request, ErrorKind::QuotaExhausted, errors::USED_UP);
            return used_up.status(status).retry(wait);
        }
        if error.kind() == ErrorKind::Throttled {
            return error;
        }
        if request.endpoint_name() != CUSTOMERS || !matches!(status, 401 | 403 | 404) {
            return error;
        }
        let whole = request.path() == self.dialect.paths.customers;
        let (kind, message) = match (self.product, status) {
            (Product::Vish, _) => (ErrorKind::Forbidden, VISH),
            (_, 403) => (ErrorKind::Forbidden, NO_CUSTOMERS),
            (_, 401) => (ErrorKind::Auth, PERHAPS_NO_CUSTOMERS),
            // A list is there, however short: the path leads nowhere for this key.
            (_, 404) if whole => (ErrorKind::Forbidden, NO_SUCH_PATH),
            _ => return error,
        };
        self.error(request, kind, message).status(status)
    }

    pub(crate) fn error(&self, request: &Request, kind: ErrorKind, message: &str) -> Error {
        Error::new(kind, message).connector(self.product.connector()).operation(request.operation())
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("client", &self.client).finish_non_exhaustive()
    }
}

const VISH: &str =
    "this key has no access to customers: VISH has none, so nobody can be found or created";
const NO_CUSTOMERS: &str = "this key has no access to customers; a VISH key has none";
const PERHAPS_NO_CUSTOMERS: &str = "PatientNow refuses the credentials for customers: check `api_key`, `username` and `password`; if other calls are answered, this key has no access to customers";
const NO_SUCH_PATH: &str =
    "this key has no access to customers, or `dialect.paths.customers` is wrong";

fn quota(config: &PatientNowConfig) -> Option<Quota> {
    if config.daily_requests.is_none() && config.requests_per_second.is_none() {
        return None;
    }
    Some(Quota {
        burst: config.requests_per_second.unwrap_or(u32::MAX),
        per: std::time::Duration::from_secs(1),
        daily: config.daily_requests,
        reserve: config.reserved_requests,
    })
}
