//! Brings events to the subscriber, over HTTP on this machine.

use std::time::Duration;

use cannula_core::{Error, ErrorKind, Result};
use chrono::{DateTime, Utc};
use reqwest::{Client, Url, header, redirect};

use crate::crm::state::CrmState;

use super::{
    WebhookDelivery, WebhookQuirks,
    outbox::{Errand, Parcel},
};

/// How long an answer may take. The vendor does not say; a receiver that is slower has lost the
/// event.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where events go.
#[derive(Clone, Debug)]
pub(super) struct Subscriber {
    url: Url,
    client: Client,
}

impl Subscriber {
    /// Only addresses of this machine: the contacts are invented and so is the sender.
    fn new(url: &str) -> Result<Self> {
        let url = Url::parse(url).ok().filter(is_local);
        let url = url.ok_or_else(|| {
            let message = "a webhook URL must be http on a loopback address, such as \
                           http://127.0.0.1:8080/webhooks";
            Error::new(ErrorKind::Config, message)
        })?;
        // Only http is spoken, but the client does not come up without.
        cannula_http::install_tls_provider();
        let builder = Client::builder().no_proxy().timeout(PATIENCE);
        let client = builder.redirect(redirect::Policy::none()).build().map_err(|error| {
            Error::new(ErrorKind::Config, "the client of webhooks cannot be set up").source(error)
        })?;
        Ok(Self { url, client })
    }

    /// Sends an event and returns the status that it was answered with.
    async fn post(&self, body: Vec<u8>, signature: Option<String>) -> Option<u16> {
        let request = self.client.post(self.url.clone());
        let mut request = request.header(header::CONTENT_TYPE, "application/json");
        if let Some(signature) = signature {
            request = request.header("X-GHL-Signature", signature);
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

impl CrmState {
    /// Sends events of contacts to a URL from now on, in place of any other: `http` on a loopback
    /// address. What happened before is not told.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for any other URL.
    pub fn subscribe(&self, url: &str) -> Result<()> {
        let subscriber = Subscriber::new(url)?;
        self.lock().records.outbox.set_subscriber(Some(subscriber));
        Ok(())
    }

    /// Sends events nowhere and forgets those that wait.
    pub fn unsubscribe(&self) {
        self.lock().records.outbox.set_subscriber(None);
    }

    /// What can go wrong with webhooks, as it is.
    pub fn webhook_quirks(&self) -> WebhookQuirks {
        self.lock().records.outbox.quirks().clone()
    }

    /// Changes what can go wrong with webhooks, for changes and attempts from now on.
    pub fn set_webhook_quirks(&self, quirks: WebhookQuirks) {
        self.lock().records.outbox.set_quirks(quirks);
    }

    /// The deliveries in the order in which they ended, the last 10,000 of them, and after them
    /// those that wait.
    pub fn webhook_log(&self) -> Vec<WebhookDelivery> {
        self.lock().records.outbox.log()
    }

    /// Delivers what is due at this moment of the sandbox's clock, one event after another, and
    /// returns the number of attempts. What is recorded meanwhile, for example because the
    /// receiver writes to the CRM, waits for the next call.
    pub async fn deliver_webhooks(&self) -> usize {
        let _turn = self.courier.lock().await;
        let (now, newest) = (self.now(), self.lock().records.outbox.newest());
        let mut attempts = 0;
        while let Some(Errand { subscriber, signing, parcel }) = self.next_errand(now, newest) {
            let body = parcel.event.body();
            let signature = signing.header(&body);
            let answer = subscriber.post(body, signature).await;
            self.settle(parcel, answer);
            attempts += 1;
        }
        attempts
    }

    // Apart, so that the lock is given back before the event is sent.
    fn next_errand(&self, now: DateTime<Utc>, newest: u64) -> Option<Errand> {
        self.lock().records.outbox.take(now, newest)
    }

    fn settle(&self, parcel: Parcel, answer: Option<u16>) {
        let now = self.now();
        self.lock().records.outbox.settle(parcel, answer, now);
    }

    /// Delivers everything when it is due, for ever. It sleeps on the sandbox's clock in between,
    /// which moves a clock that stands still.
    pub(crate) async fn deliver_for_ever(&self) {
        loop {
            self.deliver_webhooks().await;
            let due = self.lock().records.outbox.next_due();
            let wait = due.map(|due| (due - self.now()).to_std().unwrap_or_default());
            match wait {
                Some(wait) => tokio::select! {
                    () = self.sleep(wait) => {}
                    () = self.wake.notified() => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    /// Makes the background task look again, after the clock was moved.
    pub(crate) fn wake_courier(&self) {
        self.wake.notify_one();
    }
}
