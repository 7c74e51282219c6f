//! The CRM's deliveries: proven, then read.

use std::{fmt, time::Duration};

use cannula_core::{
    Delivery, Error, ErrorKind, Event, PracticeId, Problems, RecordId, Result, Settings,
    WebhookDecoder,
};
use chrono::TimeDelta;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    CONNECTOR,
    signature::{Keys, refused},
    source::{folded, tagged},
    wire,
};

/// The key the vendor publishes for `X-GHL-Signature` in its webhook integration guide.
pub const DEFAULT_ED25519_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=
-----END PUBLIC KEY-----
";

/// A delivery that we could not take is sent again, unchanged, for about 70 minutes. One that comes
/// twice within the window is the same event, and known by its id.
const WINDOW: Duration = Duration::from_secs(75 * 60);

/// The events that carry the whole list of a contact's tags. Which of them follow on a change of
/// tags differs, and a contact may come with the tag.
const CONTACT_EVENTS: [&str; 3] = ["ContactTagUpdate", "ContactCreate", "ContactUpdate"];

/// What [`Webhooks`] takes as proof and what it looks for. `Debug` shows how many keys there are.
#[derive(Clone)]
pub struct WebhookConfig {
    /// Ed25519 public keys in PEM; several while the vendor changes keys. Default
    /// [`DEFAULT_ED25519_KEY`].
    pub ed25519_keys: Vec<String>,
    /// RSA public keys in PEM for the older `X-WH-Signature`. None by default: such deliveries are
    /// refused.
    pub rsa_keys: Vec<String>,
    /// The sub-account; deliveries about others are of no concern.
    pub location_id: String,
    /// How far a delivery's time may be from ours, before or after. Default 75 minutes.
    pub window: Duration,
    /// The tags that ask for something, in any case.
    pub tags: Vec<String>,
}

impl WebhookConfig {
    /// The configuration of a location with the defaults for everything else.
    pub fn new(location_id: impl Into<String>, tags: Vec<String>) -> Self {
        Self {
            ed25519_keys: vec![DEFAULT_ED25519_KEY.to_owned()],
            rsa_keys: Vec::new(),
            location_id: location_id.into(),
            window: WINDOW,
            tags,
        }
    }

    /// Reads the section `[aesthetix.webhooks]`, noting every problem in `settings`.
    ///
    /// Keys, all optional: `ed25519_keys` and `rsa_keys`, lists of public keys in PEM, and
    /// `window_minutes`.
    pub fn from_settings(
        settings: &mut Settings,
        location_id: impl Into<String>,
        tags: Vec<String>,
    ) -> Self {
        let mut config = Self::new(location_id, tags);
        if let Some(keys) = settings.texts("ed25519_keys") {
            config.ed25519_keys = keys;
        }
        if let Some(keys) = settings.texts("rsa_keys") {
            config.rsa_keys = keys;
        }
        let minutes = settings.integer("window_minutes", WINDOW.as_secs() / 60);
        if minutes == 0 || minutes > 24 * 60 {
            settings.problem("window_minutes", "must be between 1 and 1440");
        } else {
            config.window = Duration::from_secs(minutes * 60);
        }
        let mut problems = Problems::new();
        Keys::read(&config.ed25519_keys, &config.rsa_keys, &mut problems);
        for problem in problems.iter() {
            settings.problem(&problem.place, problem.message.as_str());
        }
        config
    }
}

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("ed25519_keys", &self.ed25519_keys.len())
            .field("rsa_keys", &self.rsa_keys.len())
            .field("location_id", &self.location_id)
            .field("window", &self.window)
            .field("tags", &self.tags)
            .finish()
    }
}

/// Verifies and reads what the CRM delivers to a marketplace app.
///
/// A contact that has one of the tags is an event; everything else that is authentic is of no
/// concern. What the contact holds is not taken from the delivery: it is read when the work is
/// done.
#[derive(Clone, Debug)]
pub struct Webhooks {
    keys: Keys,
    practice: PracticeId,
    window: TimeDelta,
    tags: Vec<String>,
}

impl Webhooks {
    /// Prepares the decoder.
    ///
    /// # Errors
    /// `Config` if there is no key, or one cannot be read; all of them at once.
    pub fn new(config: WebhookConfig) -> Result<Self> {
        let mut problems = Problems::new();
        let keys = Keys::read(&config.ed25519_keys, &config.rsa_keys, &mut problems);
        problems.into_result(
            "the configuration of webhooks",
            Self {
                keys,
                practice: PracticeId::new(config.location_id),
                window: TimeDelta::from_std(config.window).unwrap_or(TimeDelta::MAX),
                tags: folded(config.tags),
            },
        )
    }

    /// A delivery that is not of this hour may be an old one played back.
    fn verify_time(&self, timestamp: &Value, delivery: &Delivery<'_>) -> Result<()> {
        let Some(sent_at) = wire::instant(timestamp) else {
            return Err(refused("the delivery does not say when it was made"));
        };
        let age = delivery.received_at.signed_duration_since(sent_at);
        if age > self.window {
            return Err(refused("the delivery is stale"));
        }
        if age < -self.window {
            return Err(refused("the delivery is from the future; check this machine's clock"));
        }
        Ok(())
    }
}

/// What every delivery has. The rest differs by type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(rename = "type", default, deserialize_with = "wire::lenient")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "wire::lenient")]
    location_id: Option<String>,
    #[serde(default)]
    timestamp: Value,
}

impl WebhookDecoder for Webhooks {
    fn decode(&self, delivery: &Delivery<'_>) -> Result<Vec<Event>> {
        self.keys.verify(delivery)?;
        let envelope: Envelope = read(delivery.body)?;
        self.verify_time(&envelope.timestamp, delivery)?;
        let ours = envelope.location_id.as_deref() == Some(self.practice.as_str());
        if !ours || !envelope.kind.is_some_and(|kind| CONTACT_EVENTS.contains(&kind.as_str())) {
            return Ok(Vec::new());
        }
        let contact: wire::TaggedHit = read(delivery.body)?;
        let Some(record) = tagged(&contact.id, contact.tags, &self.tags) else {
            return Ok(Vec::new());
        };
        let stamp = wire::instant(&envelope.timestamp);
        let id = RecordId::new(contact.id);
        Ok(vec![Event::new(self.practice.clone(), id, record, stamp, delivery.received_at)])
    }

    /// 429 is the only answer after which the vendor's guide promises another delivery: after 5xx
    /// and time-outs the delivery is lost.
    fn try_again(&self) -> u16 {
        429
    }
}

/// Reads a body that is proven to be the vendor's. The error has the path and not the value.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        Error::new(ErrorKind::Decode, "the delivery does not have the expected shape")
            .connector(CONNECTOR)
            .operation("read a webhook")
            .with("path", error.path())
    })
}
