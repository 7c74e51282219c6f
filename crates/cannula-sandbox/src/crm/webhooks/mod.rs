//! Webhooks of the Marketplace app that is installed on the location: one URL, one POST for each
//! event of a contact, signed, at least once and in no promised order.
//!
//! Shapes follow the event pages of `GoHighLevel/highlevel-api-docs`, behaviour its integration
//! guide of October 2025 and its issues. Only the events of contacts are sent. The older
//! `X-WH-Signature` (RSA), which the vendor gives up in July 2026, is not.

mod courier;
mod outbox;
mod payload;
mod signature;

use serde::{Deserialize, Serialize};

pub(crate) use outbox::Outbox;
pub(crate) use payload::Kind;
pub(crate) use signature::public_key_pem;

/// What can go wrong between the CRM and a receiver. All of it is off by default: events go out
/// signed, once, at once and in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookQuirks {
    /// How long after the change an event is due, in seconds of the sandbox's clock.
    pub delay_seconds: u64,
    /// Up to this many seconds more, drawn for each event: later events may overtake.
    pub spread_seconds: u64,
    /// How likely an event goes out twice with the same `webhookId`, from 0 to 1.
    pub duplicates: f64,
    /// How likely an event never goes out, from 0 to 1.
    pub loss: f64,
    /// Events that are due together go out in any order.
    pub reorder: bool,
    /// Up to this many seconds more than ten minutes between two attempts.
    pub retry_jitter_seconds: u64,
    /// How events are signed.
    pub signing: Signing,
    /// Decides everything that is left to chance.
    pub seed: u64,
}

/// What is in the header `X-GHL-Signature`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    /// The Ed25519 signature of the raw body, in base64.
    #[default]
    Ed25519,
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
    /// The event's type, for example `ContactTagUpdate`.
    pub event: String,
    /// The id of the contact that it is about.
    pub contact: String,
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
    /// Given up: answered with something else, not answered, or with 429 too often.
    GivenUp,
    /// Never sent, by [`WebhookQuirks::loss`].
    Lost,
}
