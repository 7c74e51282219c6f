//! What every [`WebhookDecoder`] must do, one named function each. They panic when the law is
//! broken; [`webhook_laws!`](macro@crate::webhook_laws) makes a test of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a law fails by panicking")]

use std::{collections::BTreeSet, fmt::Debug};

use async_trait::async_trait;
use cannula_core::{Delivery, Error, ErrorKind, Event, Record, RecordKind, Result, WebhookDecoder};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{Power, laws::set_of_laws};

/// A delivery as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Names and values of the headers.
    pub headers: Vec<(String, String)>,
    /// The raw body.
    pub body: Vec<u8>,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
}

/// A vendor that delivers to us.
#[async_trait]
pub trait WebhookBench: Debug + Send + Sync {
    /// What proves and reads its deliveries.
    fn decoder(&self) -> Box<dyn WebhookDecoder>;

    /// Deliveries as the vendor makes them, of which each tells of something: one at least of each
    /// of [`kinds`](Self::kinds).
    async fn deliveries(&self) -> Vec<Delivered>;

    /// What the vendor tells of.
    fn kinds(&self) -> Vec<RecordKind>;

    /// The header that carries the proof, in any case.
    fn proof_header(&self) -> String;

    /// A delivery of this body with a good proof, made and received now.
    fn sign(&self, body: &[u8]) -> Delivered;

    /// The same, proven by somebody else's key or secret.
    fn forge(&self, body: &[u8]) -> Delivered;

    /// A decoder with this in place of the configured key or secret.
    fn decoder_with(&self, secret: &str) -> Result<Box<dyn WebhookDecoder>>;

    /// The powers that the vendor lacks, each with the reason.
    fn lacks(&self) -> Vec<(Power, &'static str)>;
}

use WebhookBench as Bench;

/// In a longer text not every place is tried, but so many all over it: each costs a verification.
const PLACES: usize = 150;

/// Places all over a text of this length, both ends among them.
fn places(length: usize) -> impl Iterator<Item = usize> {
    let step = length.div_ceil(PLACES).max(1);
    (0..length).step_by(step).chain(length.checked_sub(1))
}

set_of_laws! { $,
    /// Makes one test of each law for webhook decoders. Takes an `async` function that returns a fresh
    /// [`WebhookBench`](crate::WebhookBench); the crate that uses it needs `tokio` with the feature `macros`.
    webhook_laws,
    a_genuine_delivery_is_taken,
    the_same_delivery_is_the_same_events,
    any_other_byte_in_the_body_is_refused,
    any_other_letter_in_the_proof_is_refused,
    a_delivery_without_proof_is_refused,
    a_proof_by_another_key_is_refused,
    there_is_no_decoder_without_a_key,
    a_stale_delivery_is_refused [Timestamps],
    a_delivery_from_the_future_is_refused [Timestamps],
    unknown_fields_change_nothing,
    an_event_that_nobody_knows_is_acknowledged,
    what_is_proven_and_cannot_be_read_is_an_error_and_no_panic,
    what_fails_is_to_be_delivered_again,
}

/// And tells of something.
pub async fn a_genuine_delivery_is_taken(bench: &dyn WebhookBench) {
    let mut told = BTreeSet::new();
    for delivery in bench.deliveries().await {
        let kinds = kinds(bench, &delivery);
        assert!(!kinds.is_empty(), "a delivery of {} bytes tells nothing", delivery.body.len());
        told.extend(kinds);
    }
    assert_eq!(told, bench.kinds().into_iter().collect());
}

/// Vendors deliver at least once, sometimes much later; the inbox knows the ids.
pub async fn the_same_delivery_is_the_same_events(bench: &dyn WebhookBench) {
    for delivery in bench.deliveries().await {
        let later = delivery.received_at + TimeDelta::minutes(5);
        let again = Delivered { received_at: later, ..delivery.clone() };
        let [once, again] = [delivery, again].map(|it| decode(bench, &it).unwrap());
        let ids = |events: &[Event]| events.iter().map(|it| it.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&once), ids(&again));
    }
}

/// Wherever it is, also where JSON would not care.
pub async fn any_other_byte_in_the_body_is_refused(bench: &dyn WebhookBench) {
    for delivery in one_of_each_kind(bench).await {
        for index in places(delivery.body.len()) {
            let mut other = delivery.clone();
            other.body[index] ^= 1;
            refused(bench, &other, &format!("byte {index} differs"));
        }
        for body in [&b" "[..], b"{}", &delivery.body[..delivery.body.len() - 1]] {
            refused(bench, &Delivered { body: body.to_vec(), ..delivery.clone() }, "another body");
        }
        let longer = [&delivery.body[..], b" "].concat();
        refused(bench, &Delivered { body: longer, ..delivery }, "a space more");
    }
}

/// Nor a part of it, nor nothing, nor more.
pub async fn any_other_letter_in_the_proof_is_refused(bench: &dyn WebhookBench) {
    for delivery in one_of_each_kind(bench).await {
        let proof = proof(bench, &delivery);
        // The last letters of a text in base64 may hold bits that mean nothing.
        for index in 0..proof.trim_end_matches('=').len().saturating_sub(1) {
            let mut letters: Vec<char> = proof.chars().collect();
            letters[index] = if letters[index] == '0' { '1' } else { '0' };
            let other: String = letters.into_iter().collect();
            let other = with_proof(bench, &delivery, &other);
            refused(bench, &other, &format!("letter {index} differs"));
        }
        for other in ["", " ", "N/A", "null", &proof[..proof.len() / 2], &proof.repeat(2)] {
            refused(bench, &with_proof(bench, &delivery, other), "another proof");
        }
    }
}

/// There is no setting that would take it.
pub async fn a_delivery_without_proof_is_refused(bench: &dyn WebhookBench) {
    let header = bench.proof_header();
    for mut delivery in one_of_each_kind(bench).await {
        delivery.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(&header));
        refused(bench, &delivery, "no proof");
    }
}

/// Though everything else about it is right.
pub async fn a_proof_by_another_key_is_refused(bench: &dyn WebhookBench) {
    for genuine in one_of_each_kind(bench).await {
        refused(bench, &bench.forge(&genuine.body), "another key");
        decode(bench, &bench.sign(&genuine.body)).unwrap();
    }
}

/// An empty one would be a proof that everybody can give.
pub async fn there_is_no_decoder_without_a_key(bench: &dyn WebhookBench) {
    for secret in ["", " ", "\t\n"] {
        let Err(error) = bench.decoder_with(secret) else {
            panic!("there is a decoder with the key {secret:?}")
        };
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}

/// It may have been recorded and played back.
pub async fn a_stale_delivery_is_refused(bench: &dyn WebhookBench) {
    out_of_time(bench, TimeDelta::days(2)).await;
}

/// It would stay good for longer than it should.
pub async fn a_delivery_from_the_future_is_refused(bench: &dyn WebhookBench) {
    out_of_time(bench, -TimeDelta::days(2)).await;
}

async fn out_of_time(bench: &dyn WebhookBench, late: TimeDelta) {
    for delivery in bench.deliveries().await {
        let received_at = delivery.received_at + late;
        refused(bench, &Delivered { received_at, ..delivery }, &format!("{late} late"));
    }
}

/// Vendors add fields without asking.
pub async fn unknown_fields_change_nothing(bench: &dyn WebhookBench) {
    for delivery in bench.deliveries().await {
        let mut body: Value = serde_json::from_slice(&delivery.body).unwrap();
        let plain = decode(bench, &bench.sign(&delivery.body)).unwrap();
        body["addedByTheVendorLater"] = json!({ "new": [1, null, { "deep": "er" }] });
        let adorned = decode(bench, &bench.sign(body.to_string().as_bytes())).unwrap();
        let records = |events: &[Event]| events.iter().map(|it| it.record.clone()).collect();
        let (plain, adorned): (Vec<_>, Vec<_>) = (records(&plain), records(&adorned));
        assert_eq!(plain, adorned);
    }
}

/// Refusing it would bring it back, and in the end switch the webhook off.
pub async fn an_event_that_nobody_knows_is_acknowledged(bench: &dyn WebhookBench) {
    let mut renamed = 0;
    for genuine in one_of_each_kind(bench).await {
        let mut body: Value = serde_json::from_slice(&genuine.body).unwrap();
        // Some vendors' deliveries of some kinds have no name and are known by their shape.
        let names = ["type", "event_type", "EventType"];
        let Some(name) = names.into_iter().find(|name| body.get(name).is_some()) else { continue };
        body[name] = json!("Something.New");
        assert_eq!(decode(bench, &bench.sign(body.to_string().as_bytes())).unwrap(), []);
        renamed += 1;
    }
    assert!(renamed > 0, "no delivery has a name");
}

/// Cut anywhere, of another type, or not JSON at all.
pub async fn what_is_proven_and_cannot_be_read_is_an_error_and_no_panic(bench: &dyn WebhookBench) {
    let odd = ["not JSON", "[", "{\"a\":", "\u{feff}", "nul"].map(|text| text.as_bytes().to_vec());
    let mut broken: Vec<_> = odd.into_iter().chain([vec![0xff, 0xfe, 0x00]]).collect();
    for genuine in one_of_each_kind(bench).await {
        let cuts = places(genuine.body.len()).skip(1);
        broken.extend(cuts.map(|length| genuine.body[..length].to_vec()));
    }
    for body in broken {
        let error = decode(bench, &bench.sign(&body)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
    }
    // JSON of another shape may tell nothing, or be an error; it tells of no record.
    for body in ["null", "[]", "{}", "7", "\"text\"", "[[[[]]]]"] {
        if let Ok(events) = decode(bench, &bench.sign(body.as_bytes())) {
            assert_eq!(events, [], "{body}");
        }
    }
}

/// By a status that the vendor takes as a wish to deliver again.
pub async fn what_fails_is_to_be_delivered_again(bench: &dyn WebhookBench) {
    let status = bench.decoder().try_again();
    assert!((400..600).contains(&status), "{status} is no refusal");
}

/// What a delivery tells of.
fn kinds(bench: &dyn WebhookBench, delivery: &Delivered) -> BTreeSet<RecordKind> {
    let kind = |event: Event| match event.record {
        Record::Pointer(pointer) => pointer.key.kind,
        record => record.kind(),
    };
    decode(bench, delivery).unwrap().into_iter().map(kind).collect()
}

/// The first delivery of each kind.
async fn one_of_each_kind(bench: &dyn WebhookBench) -> Vec<Delivered> {
    let mut known = BTreeSet::new();
    let mut deliveries = bench.deliveries().await;
    deliveries.retain(|delivery| known.insert(kinds(bench, delivery)));
    assert!(!deliveries.is_empty(), "nothing was delivered");
    deliveries
}

fn proof(bench: &dyn WebhookBench, delivery: &Delivered) -> String {
    let header = bench.proof_header();
    let found = delivery.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(&header));
    found.map(|(_, value)| value.clone()).unwrap_or_else(|| panic!("there is no header {header}"))
}

fn with_proof(bench: &dyn WebhookBench, delivery: &Delivered, proof: &str) -> Delivered {
    let header = bench.proof_header();
    let mut delivery = delivery.clone();
    for (name, value) in &mut delivery.headers {
        if name.eq_ignore_ascii_case(&header) {
            proof.clone_into(value);
        }
    }
    delivery
}

fn decode(bench: &dyn WebhookBench, delivery: &Delivered) -> Result<Vec<Event>> {
    let headers: Vec<_> =
        delivery.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let delivery =
        Delivery { headers: &headers, body: &delivery.body, received_at: delivery.received_at };
    bench.decoder().decode(&delivery)
}

fn refused(bench: &dyn WebhookBench, delivery: &Delivered, why: &str) {
    let outcome: Result<Vec<Event>, Error> = decode(bench, delivery);
    let Err(error) = outcome else { panic!("taken for genuine: {why}") };
    assert_eq!(error.kind(), ErrorKind::Auth, "{why}: {error}");
}
