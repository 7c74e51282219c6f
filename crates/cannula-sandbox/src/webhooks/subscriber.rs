use std::time::Duration;

use cannula_core::{Error, ErrorKind, Result};
use reqwest::{Client, Method, Url, header, redirect};

use super::{Header, WebhookVerb};

/// Where events go.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    url: Url,
    client: Client,
}

impl Subscriber {
    /// Only addresses of this machine: the people are invented and so is the sender.
    pub(super) fn new(url: &str, patience: Duration) -> Result<Self> {
        let url = Url::parse(url).ok().filter(is_local);
        let url = url.ok_or_else(|| {
            let message = "a webhook URL must be http on a loopback address, such as \
                           http://127.0.0.1:8080/webhooks";
            Error::new(ErrorKind::Config, message)
        })?;
        // Only http is spoken, but the client does not come up without.
        cannula_http::install_tls_provider();
        let builder = Client::builder().no_proxy().timeout(patience);
        let client = builder.redirect(redirect::Policy::none()).build().map_err(|error| {
            Error::new(ErrorKind::Config, "the client of webhooks cannot be set up").source(error)
        })?;
        Ok(Self { url, client })
    }

    /// Sends an event and returns the status that it was answered with.
    pub(super) async fn send(
        &self,
        verb: WebhookVerb,
        body: Vec<u8>,
        signature: Option<Header>,
    ) -> Option<u16> {
        let method = match verb {
            WebhookVerb::Post => Method::POST,
            WebhookVerb::Put => Method::PUT,
            WebhookVerb::Patch => Method::PATCH,
        };
        let request = self.client.request(method, self.url.clone());
        let mut request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some((name, value)) = signature {
            request = request.header(name, value);
        }
        request.body(body).send().await.ok().map(|response| response.status().as_u16())
    }
}

fn is_local(url: &Url) -> bool {
    let local = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    local && url.scheme() == "http"
}
