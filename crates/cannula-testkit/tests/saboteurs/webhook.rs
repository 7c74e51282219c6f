use std::sync::Arc;

use async_trait::async_trait;
use cannula_core::{
    Clock, Delivery, Error, ErrorKind, Event, Pointer, Record, RecordId, RecordKey, RecordKind,
    Result, WebhookDecoder,
};
use cannula_testkit::{Delivered, ManualClock, Power, WebhookBench, day_one, practice};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

crate::laws_and_saboteurs!(webhook_laws: bench => Bench, &[
    ("a_genuine_delivery_is_taken", Flaw::RefusesAll),
    ("a_genuine_delivery_is_taken", Flaw::KnowsNoPayments),
    ("the_same_delivery_is_the_same_events", Flaw::NamesEventsByTheirArrival),
    ("any_other_byte_in_the_body_is_refused", Flaw::ProvesTheBeginningOnly),
    ("any_other_byte_in_the_body_is_refused", Flaw::ProvesWhatItReads),
    ("any_other_byte_in_the_body_is_refused", Flaw::TrustsPayments),
    ("any_other_letter_in_the_proof_is_refused", Flaw::ComparesTheBeginningOnly),
    ("any_other_letter_in_the_proof_is_refused", Flaw::TrustsPayments),
    ("a_delivery_without_proof_is_refused", Flaw::TakesTheUnsigned),
    ("a_delivery_without_proof_is_refused", Flaw::TrustsPayments),
    ("a_proof_by_another_key_is_refused", Flaw::TakesAnyKey),
    ("a_proof_by_another_key_is_refused", Flaw::TrustsPayments),
    ("there_is_no_decoder_without_a_key", Flaw::NeedsNoKey),
    ("a_stale_delivery_is_refused", Flaw::TakesTheStale),
    ("a_delivery_from_the_future_is_refused", Flaw::TakesTheFuture),
    ("unknown_fields_change_nothing", Flaw::DeniesUnknownFields),
    ("an_event_that_nobody_knows_is_acknowledged", Flaw::RefusesUnknownEvents),
    ("what_is_proven_and_cannot_be_read_is_an_error_and_no_panic", Flaw::TakesRubbish),
    ("what_is_proven_and_cannot_be_read_is_an_error_and_no_panic", Flaw::Panics),
    ("what_fails_is_to_be_delivered_again", Flaw::AcknowledgesWhatFails),
]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    RefusesAll,
    KnowsNoPayments,
    /// What says that it is about a payment needs no proof.
    TrustsPayments,
    NamesEventsByTheirArrival,
    ProvesTheBeginningOnly,
    /// The JSON without its blanks, instead of the bytes.
    ProvesWhatItReads,
    ComparesTheBeginningOnly,
    TakesTheUnsigned,
    TakesAnyKey,
    NeedsNoKey,
    TakesTheStale,
    TakesTheFuture,
    DeniesUnknownFields,
    RefusesUnknownEvents,
    TakesRubbish,
    Panics,
    AcknowledgesWhatFails,
}

/// A proof good enough for a test of tests: of key and body, and as long as a real one.
fn proof(key: &str, body: &[u8], flaw: Option<Flaw>) -> String {
    let shown = match flaw {
        Some(Flaw::ProvesTheBeginningOnly) => body.get(..20).unwrap_or(body).to_vec(),
        Some(Flaw::ProvesWhatItReads) => serde_json::from_slice::<Value>(body)
            .map_or_else(|_| body.to_vec(), |value| value.to_string().into_bytes()),
        _ => body.to_vec(),
    };
    let hash = Sha256::digest([key.as_bytes(), b"/", &shown].concat());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug)]
struct ToyDecoder {
    key: String,
    flaw: Option<Flaw>,
}

impl ToyDecoder {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn verify(&self, delivery: &Delivery<'_>) -> Result<()> {
        let refused = || Error::new(ErrorKind::Auth, "the delivery is not proven");
        let is_payment = |body: Value| body["type"] == "Payment.Made";
        let is_trusted = self.is(Flaw::TrustsPayments)
            && serde_json::from_slice(delivery.body).is_ok_and(is_payment);
        if is_trusted {
            return Ok(());
        }
        let Some(given) = delivery.header("x-proof") else {
            return if self.is(Flaw::TakesTheUnsigned) { Ok(()) } else { Err(refused()) };
        };
        let right = proof(&self.key, delivery.body, self.flaw);
        let good = match self.flaw {
            Some(Flaw::RefusesAll) => false,
            Some(Flaw::ComparesTheBeginningOnly) => {
                given.len() >= 8 && given.get(..8) == right.get(..8)
            }
            Some(Flaw::TakesAnyKey) => given.len() == right.len(),
            _ => given == right,
        };
        if good { Ok(()) } else { Err(refused()) }
    }
}

impl WebhookDecoder for ToyDecoder {
    fn decode(&self, delivery: &Delivery<'_>) -> Result<Vec<Event>> {
        self.verify(delivery)?;
        let unread = |what: &str| Error::new(ErrorKind::Decode, what);
        let body: Value = match serde_json::from_slice(delivery.body) {
            Ok(body) => body,
            Err(_) if self.is(Flaw::TakesRubbish) => return Ok(Vec::new()),
            Err(_) if self.is(Flaw::Panics) => panic!("not JSON"),
            Err(_) => return Err(unread("the delivery is not JSON")),
        };
        if self.is(Flaw::DeniesUnknownFields) && body.as_object().is_some_and(|it| it.len() > 3) {
            return Err(unread("an unknown field"));
        }
        let made = body["made"].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        let Some(made) = made else { return Err(unread("there is no time")) };
        let age = delivery.received_at - made;
        let window = TimeDelta::hours(1);
        let stale = age > window && !self.is(Flaw::TakesTheStale);
        if stale || (age < -window && !self.is(Flaw::TakesTheFuture)) {
            return Err(Error::new(ErrorKind::Auth, "the delivery is not of this hour"));
        }
        let kind = match body["type"].as_str() {
            Some("Visit.Changed") => Some(RecordKind::Appointment),
            Some("Payment.Made") if !self.is(Flaw::KnowsNoPayments) => Some(RecordKind::Payment),
            _ => None,
        };
        let (Some(kind), Some(id)) = (kind, body["id"].as_str()) else {
            if self.is(Flaw::RefusesUnknownEvents) {
                return Err(unread("an unknown event"));
            }
            return Ok(Vec::new());
        };
        let key = RecordKey { practice: practice(), kind, id: RecordId::new(id) };
        let arrival = delivery.received_at;
        let stamp = if self.is(Flaw::NamesEventsByTheirArrival) { arrival } else { made };
        let record = Record::Pointer(Pointer { key, gone: false });
        Ok(vec![Event::new(practice(), RecordId::new(id), record, Some(stamp), arrival)])
    }

    fn try_again(&self) -> u16 {
        if self.is(Flaw::AcknowledgesWhatFails) { 200 } else { 503 }
    }
}

const KEY: &str = "the toy's key";

#[derive(Debug)]
struct Bench {
    clock: Arc<ManualClock>,
    flaw: Option<Flaw>,
}

async fn bench(flaw: Option<Flaw>) -> Bench {
    Bench { clock: Arc::new(ManualClock::at(day_one())), flaw }
}

impl Bench {
    fn signed(&self, key: &str, body: &[u8]) -> Delivered {
        let headers = vec![("X-Proof".to_owned(), proof(key, body, self.flaw))];
        Delivered { headers, body: body.to_vec(), received_at: self.clock.now() }
    }
}

#[async_trait]
impl WebhookBench for Bench {
    fn decoder(&self) -> Box<dyn WebhookDecoder> {
        Box::new(ToyDecoder { key: KEY.to_owned(), flaw: self.flaw })
    }

    async fn deliveries(&self) -> Vec<Delivered> {
        let told = [("Visit.Changed", "v1"), ("Payment.Made", "p1")].map(|(kind, id)| {
            let body = json!({ "type": kind, "id": id, "made": self.clock.now() });
            self.signed(KEY, body.to_string().as_bytes())
        });
        told.into()
    }

    fn kinds(&self) -> Vec<RecordKind> {
        vec![RecordKind::Appointment, RecordKind::Payment]
    }

    fn proof_header(&self) -> String {
        "x-proof".to_owned()
    }

    fn sign(&self, body: &[u8]) -> Delivered {
        self.signed(KEY, body)
    }

    fn forge(&self, body: &[u8]) -> Delivered {
        self.signed("another key", body)
    }

    fn decoder_with(&self, secret: &str) -> Result<Box<dyn WebhookDecoder>> {
        if secret.trim().is_empty() && self.flaw != Some(Flaw::NeedsNoKey) {
            return Err(Error::new(ErrorKind::Config, "webhooks need a key"));
        }
        Ok(Box::new(ToyDecoder { key: secret.to_owned(), flaw: self.flaw }))
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}
