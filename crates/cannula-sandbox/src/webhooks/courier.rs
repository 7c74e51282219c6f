//! Brings a vendor's events to its subscriber, over HTTP on this machine.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cannula_core::{Clock, Result};
use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::{
    Feed, Payload, Policy, WebhookDelivery, WebhookQuirks,
    outbox::{Errand, Outbox},
    subscriber::Subscriber,
};

/// The webhooks of one vendor.
#[derive(Debug)]
pub(crate) struct Courier {
    policy: Policy,
    clock: Arc<dyn Clock>,
    feed: Option<Arc<dyn Feed>>,
    /// Held for moments only: what is sent is taken out first.
    outbox: Mutex<Outbox>,
    /// Whose turn it is to deliver.
    turn: tokio::sync::Mutex<()>,
    /// Told of every event to deliver.
    wake: Arc<Notify>,
}

impl Courier {
    /// Nothing to deliver yet, and nobody to deliver it to.
    pub(crate) fn new(policy: Policy, clock: Arc<dyn Clock>) -> Self {
        let wake = Arc::new(Notify::new());
        let outbox = Mutex::new(Outbox::new(policy));
        Self { policy, clock, feed: None, outbox, turn: tokio::sync::Mutex::default(), wake }
    }

    /// Tells what comes to be by itself as well.
    pub(crate) fn with_feed(self, feed: Arc<dyn Feed>) -> Self {
        Self { feed: Some(feed), ..self }
    }

    /// Sends events to a URL from now on, in place of any other: `http` on a loopback address.
    /// What happened before is not told.
    ///
    /// # Errors
    /// [`cannula_core::ErrorKind::Config`] for any other URL.
    pub(crate) fn subscribe(&self, url: &str) -> Result<()> {
        let subscriber = Subscriber::new(url, self.policy.patience)?;
        // What came to be for the subscriber before is still told, to this one.
        self.collect();
        let first = self.outbox().set_subscriber(Some(subscriber)).is_none();
        if let Some(feed) = self.feed.as_ref().filter(|_| first) {
            feed.begin();
        }
        self.wake();
        Ok(())
    }

    /// Sends events nowhere and forgets those that wait.
    pub(crate) fn unsubscribe(&self) {
        self.outbox().set_subscriber(None);
    }

    pub(crate) fn quirks(&self) -> WebhookQuirks {
        self.outbox().quirks().clone()
    }

    /// Changes what can go wrong, for changes and attempts from now on.
    pub(crate) fn set_quirks(&self, quirks: WebhookQuirks) {
        self.collect();
        self.outbox().set_quirks(quirks);
    }

    /// The deliveries in the order in which they ended, the last 10,000 of them, and after them
    /// those that wait.
    pub(crate) fn log(&self) -> Vec<WebhookDelivery> {
        self.collect();
        self.outbox().log()
    }

    /// Takes an event about something that happened at `at`. Without a subscriber it is forgotten.
    pub(crate) fn record(&self, payload: Arc<dyn Payload>, at: DateTime<Utc>) {
        self.outbox().record(payload, at);
        self.wake();
    }

    /// Delivers what is due at this moment of the sandbox's clock, one event after another, and
    /// returns the number of attempts. What is recorded meanwhile, for example because the
    /// receiver writes to the vendor, waits for the next call.
    pub(crate) async fn deliver(&self) -> usize {
        let _turn = self.turn.lock().await;
        self.collect();
        let (now, newest) = (self.clock.now(), self.outbox().newest());
        let mut attempts = 0;
        while let Some(errand) = self.next_errand(now, newest) {
            let Errand { subscriber, quirks, parcel } = errand;
            let body = parcel.body();
            let signature = (self.policy.sign)(quirks.signing, &body);
            let answer = subscriber.send(quirks.verb, body, signature).await;
            self.outbox().settle(parcel, answer, self.clock.now());
            attempts += 1;
        }
        attempts
    }

    /// Delivers everything when it is due, for ever. It sleeps on the sandbox's clock in between,
    /// which moves a clock that stands still.
    pub(crate) async fn deliver_for_ever(&self) {
        loop {
            self.deliver().await;
            let now = self.clock.now();
            let planned = self.feed.as_ref().and_then(|feed| feed.next());
            let planned = planned.filter(|_| self.outbox().has_subscriber());
            let due = [self.outbox().next_due(), planned].into_iter().flatten().min();
            match due.map(|due| (due - now).to_std().unwrap_or_default()) {
                Some(wait) => tokio::select! {
                    () = self.clock.sleep(wait) => {}
                    () = self.wake.notified() => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    /// Makes the background task look again, after the clock was moved.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    // Apart, so that the lock is given back before the event is sent.
    fn next_errand(&self, now: DateTime<Utc>, newest: u64) -> Option<Errand> {
        self.outbox().take(now, newest)
    }

    /// Packs what came to be by itself since the last time.
    fn collect(&self) {
        let Some(feed) = self.feed.as_ref().filter(|_| self.outbox().has_subscriber()) else {
            return;
        };
        let news = feed.news();
        let mut outbox = self.outbox();
        for news in news {
            outbox.record(news.payload, news.at);
        }
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        // Nothing that runs under the lock panics half-way through a change.
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
