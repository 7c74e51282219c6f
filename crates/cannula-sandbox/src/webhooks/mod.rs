//! Webhooks, for every vendor that sends them: one URL, at least once and in no promised order.
//! What vendors do differently is in a [`Policy`] and in the [`Payload`]s.

mod courier;
mod feed;
mod outbox;
mod subscriber;
mod told;

use std::{fmt, time::Duration};

use chrono::TimeDelta;
use ring::hmac;
use serde::{Deserialize, Serialize};

pub(crate) use courier::Courier;
pub(crate) use feed::{Feed, News};
pub(crate) use told::{Change, Told, next_version};

/// What can go wrong between a vendor and a receiver. All of it is off by default: events go out
/// signed, once, at once and in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookQuirks {
    /// How long after the change an event is due, in seconds of the sandbox's clock.
    pub delay_seconds: u64,
    /// Up to this many seconds more, drawn for each event: later events may overtake.
    pub spread_seconds: u64,
    /// How likely an event goes out twice with the same id, from 0 to 1.
    pub duplicates: f64,
    /// How likely an event never goes out, from 0 to 1.
    pub loss: f64,
    /// Events that are due together go out in any order.
    pub reorder: bool,
    /// Up to this many seconds more than the vendor's pause between two attempts.
    pub retry_jitter_seconds: u64,
    /// How events are signed.
    pub signing: Signing,
    /// The verb, where the vendor lets its customer choose.
    pub verb: WebhookVerb,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

/// What is in the header that carries the signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// The vendor's own signature of the raw body.
    #[default]
    Genuine,
    /// The same with a key that nobody published.
    ForeignKey,
    /// The text `N/A`.
    NotAvailable,
    /// There is no such header.
    Absent,
}

/// One event on its way to the subscriber, or at the end of it. An event that goes out twice is
/// two of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WebhookDelivery {
    /// The event's type, for example `ContactTagUpdate` or `Order.Closed`.
    pub event: String,
    /// The id of the record that it is about.
    pub record: String,
    /// The event's id, the same for every attempt and every duplicate.
    pub webhook_id: String,
    /// What each attempt was answered with; `None` where no answer came.
    pub answers: Vec<Option<u16>>,
    /// How far it got.
    pub state: DeliveryState,
}

/// How far a delivery got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Not due yet, or to be tried again.
    Waiting,
    /// Answered with 2xx.
    Delivered,
    /// Given up: the vendor does not try such an answer again, or not once more.
    GivenUp,
    /// Never sent, by [`WebhookQuirks::loss`].
    Lost,
}

/// The verb of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum WebhookVerb {
    /// `POST`.
    #[default]
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
}

/// A name and a value.
pub(crate) type Header = (&'static str, String);

/// How a vendor delivers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Name and value of the header that signs a body; `None` for no such header.
    pub(crate) sign: fn(Signing, &[u8]) -> Option<Header>,
    /// The id of the vendor's nth event, counted from 1.
    pub(crate) event_id: fn(u64) -> String,
    /// How long an answer may take.
    pub(crate) patience: Duration,
    /// Whether an attempt that was answered like this, or not at all, is made again. An answer of
    /// 2xx is always the end.
    pub(crate) retried: fn(Option<u16>) -> bool,
    /// How long to wait before the second, third … attempt; there are no more than these.
    pub(crate) pauses: &'static [TimeDelta],
    /// So many failed attempts in a row, of whatever events, end the subscription.
    pub(crate) switched_off_after: Option<usize>,
}

/// What an event says.
pub(crate) trait Payload: fmt::Debug + Send + Sync + 'static {
    /// The event's type.
    fn event(&self) -> &str;

    /// The id of the record that it is about.
    fn record(&self) -> &str;

    /// The body, the same bytes at every attempt.
    fn body(&self, event_id: &str) -> Vec<u8>;
}

/// HMAC-SHA256 of a body.
pub(crate) fn hmac_sha256(secret: &str, body: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, body).as_ref().to_vec()
}
