//! Webhooks of the Marketplace app that is installed on the location: one URL, one POST for each
//! event of a contact, signed.
//!
//! Shapes follow the event pages of `GoHighLevel/highlevel-api-docs`, behaviour its integration
//! guide of October 2025 and its issues. Only the events of contacts are sent. The older
//! `X-WH-Signature` (RSA), which the vendor gives up in July 2026, is not.

mod payload;
mod signature;

use std::{sync::Arc, time::Duration};

use cannula_core::{Clock, Result};
use chrono::{DateTime, TimeDelta, Utc};

use super::{contact::Contact, ids::uuid, state::CrmState};
use crate::webhooks::{Courier, Policy, WebhookDelivery, WebhookQuirks};

pub(crate) use payload::Kind;
pub(crate) use signature::public_key_pem;

use payload::Event;

/// Only 429 is tried again, six times, ten minutes apart: the vendor's guide of October 2025 and
/// help page 155000007071. Whatever else is answered, 500 among it, the event is gone. How long an
/// answer may take the vendor does not say.
const POLICY: Policy = Policy {
    sign: |signing, body| Some(("X-GHL-Signature", signature::header(signing, body)?)),
    event_id: |number| uuid(FIRST_ID + number),
    patience: Duration::from_secs(10),
    retried: |answer| answer == Some(429),
    pauses: &[TimeDelta::minutes(10); 6],
    switched_off_after: None,
};

/// Webhook ids count from here, far from those of pipeline stages.
const FIRST_ID: u64 = 1 << 40;

/// Where the location's changes are handed in.
#[derive(Debug)]
pub(super) struct Outbox {
    app: String,
    courier: Arc<Courier>,
}

impl Outbox {
    pub(super) const fn new(app: String, courier: Arc<Courier>) -> Self {
        Self { app, courier }
    }

    /// Records events about a contact as a change left it. Without a subscriber there are none.
    pub(super) fn record(&self, kinds: &[Kind], contact: &Arc<Contact>, now: DateTime<Utc>) {
        for &kind in kinds {
            let (app, contact) = (self.app.clone(), Arc::clone(contact));
            self.courier.record(Arc::new(Event { kind, app, at: now, contact }), now);
        }
    }
}

pub(super) fn courier(clock: Arc<dyn Clock>) -> Arc<Courier> {
    Arc::new(Courier::new(POLICY, clock))
}

impl CrmState {
    /// Sends events of contacts to a URL from now on, in place of any other: `http` on a loopback
    /// address. What happened before is not told.
    ///
    /// # Errors
    /// [`cannula_core::ErrorKind::Config`] for any other URL.
    pub fn subscribe(&self, url: &str) -> Result<()> {
        self.courier.subscribe(url)
    }

    /// Sends events nowhere and forgets those that wait.
    pub fn unsubscribe(&self) {
        self.courier.unsubscribe();
    }

    /// What can go wrong with webhooks, as it is.
    pub fn webhook_quirks(&self) -> WebhookQuirks {
        self.courier.quirks()
    }

    /// Changes what can go wrong with webhooks, for changes and attempts from now on.
    pub fn set_webhook_quirks(&self, quirks: WebhookQuirks) {
        self.courier.set_quirks(quirks);
    }

    /// The deliveries in the order in which they ended, the last 10,000 of them, and after them
    /// those that wait.
    pub fn webhook_log(&self) -> Vec<WebhookDelivery> {
        self.courier.log()
    }
}
