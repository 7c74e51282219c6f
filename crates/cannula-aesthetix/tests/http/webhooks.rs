//! Deliveries of the CRM, signed and forged.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use cannula_aesthetix::{DEFAULT_ED25519_KEY, WebhookConfig, Webhooks};
use cannula_core::{
    Delivery, ErrorKind, Event, Record, RecordKind, Result, Settings, WebhookDecoder,
};
use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::{
    Signer, SigningKey,
    pkcs8::{EncodePublicKey, spki::der::pem::LineEnding},
};
use serde_json::{Value, json};

use crate::support::fixture;

const NEW: &str = "X-GHL-Signature";
const OLD: &str = "x-wh-signature";

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn pem(key: &SigningKey) -> String {
    key.verifying_key().to_public_key_pem(LineEnding::LF).unwrap()
}

fn signed(key: &SigningKey, body: &[u8]) -> String {
    STANDARD.encode(key.sign(body).to_bytes())
}

fn config() -> WebhookConfig {
    WebhookConfig {
        ed25519_keys: vec![pem(&key(1))],
        ..WebhookConfig::new("loc1", vec!["NXT Create ".into()])
    }
}

fn rsa_config() -> WebhookConfig {
    WebhookConfig { rsa_keys: vec![fixture("webhooks/rsa_public.pem")], ..config() }
}

fn received_at() -> DateTime<Utc> {
    "2026-03-02T15:00:01Z".parse().unwrap()
}

fn tag_update() -> String {
    fixture("webhooks/tag_update.json")
}

fn rsa_signature() -> String {
    fixture("webhooks/tag_update.rsa.txt")
}

fn decode_at(
    config: WebhookConfig,
    headers: &[(&str, &str)],
    body: &[u8],
    received_at: DateTime<Utc>,
) -> Result<Vec<Event>> {
    Webhooks::new(config).unwrap().decode(&Delivery { headers, body, received_at })
}

fn decode(config: WebhookConfig, headers: &[(&str, &str)], body: &[u8]) -> Result<Vec<Event>> {
    decode_at(config, headers, body, received_at())
}

/// A delivery signed by the vendor.
fn genuine(body: &str) -> Result<Vec<Event>> {
    decode(config(), &[(NEW, &signed(&key(1), body.as_bytes()))], body.as_bytes())
}

/// The usual delivery with some of it changed, signed by the vendor.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Vec<Event>> {
    let mut body: Value = serde_json::from_str(&tag_update()).unwrap();
    change(&mut body);
    genuine(&body.to_string())
}

fn assert_refused(outcome: &Result<Vec<Event>>, words: &str) {
    let error = outcome.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert!(error.message().contains(words), "{error}");
    assert!(!format!("{error} {error:?}").contains("Mina"));
}

#[test]
fn a_tagged_contact_is_one_event() {
    let events = genuine(&tag_update()).unwrap();
    let [event] = &events[..] else { panic!("one event") };
    assert_eq!(event.key.practice.as_str(), "loc1");
    assert_eq!((event.key.kind, event.key.id.as_str()), (RecordKind::TaggedContact, "c-mina"));
    assert_eq!(event.version.stamp.to_rfc3339(), "2026-03-02T15:00:00.250+00:00");
    let Record::TaggedContact(tagged) = &event.record else { panic!("not tagged") };
    assert_eq!(tagged.tags, ["nxt create", "website lead"]);
}

#[test]
fn the_same_delivery_twice_is_the_same_event() {
    let body = tag_update();
    let headers = &[(NEW, &*signed(&key(1), body.as_bytes()))];
    let first = decode(config(), headers, body.as_bytes()).unwrap();
    let later = received_at() + TimeDelta::minutes(70);
    let again = decode_at(config(), headers, body.as_bytes(), later).unwrap();
    assert_eq!(first[0].id, again[0].id);
    let other = changed(|body| body["timestamp"] = json!("2026-03-02T15:00:00.251Z")).unwrap();
    assert_ne!(first[0].id, other[0].id);
}

/// The same bytes with one bit of each in turn the other way round: every byte is tried, and every
/// place in a byte.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len()).map(|at| {
        let mut forged = bytes.to_vec();
        forged[at] ^= 1 << (at % 8);
        forged
    })
}

#[test]
fn one_flipped_bit_anywhere_in_the_body_is_a_forgery() {
    let body = tag_update().into_bytes();
    let (new, old) = (signed(&key(1), &body), rsa_signature());
    let webhooks = Webhooks::new(rsa_config()).unwrap();
    let decode = |header: (&str, &str), body: &[u8]| {
        webhooks.decode(&Delivery { headers: &[header], body, received_at: received_at() })
    };
    let shorter = body[..body.len() - 1].to_vec();
    let longer = [&body[..], b" "].concat();
    for forged in flipped(&body).chain([shorter, longer, Vec::new()]) {
        assert_refused(&decode((NEW, &new), &forged), "not the vendor's");
        assert_refused(&decode((OLD, &old), &forged), "not the vendor's");
    }
    assert_eq!(decode((NEW, &new), &body).unwrap().len(), 1);
    assert_eq!(decode((OLD, &old), &body).unwrap().len(), 1);
}

#[test]
fn one_flipped_bit_anywhere_in_the_signature_is_a_forgery() {
    let body = tag_update().into_bytes();
    for (header, signature) in [(NEW, signed(&key(1), &body)), (OLD, rsa_signature())] {
        for forged in flipped(&STANDARD.decode(signature.trim()).unwrap()) {
            let forged = STANDARD.encode(forged);
            assert_refused(&decode(rsa_config(), &[(header, &forged)], &body), "not the vendor's");
        }
    }
}

#[test]
fn a_header_that_is_absent_or_no_signature_is_a_refusal() {
    let body = tag_update().into_bytes();
    assert_refused(&decode(rsa_config(), &[], &body), "carries no signature");
    for header in [NEW, OLD] {
        for text in ["N/A", "", "  ", "not base64!", "AAA"] {
            assert_refused(&decode(rsa_config(), &[(header, text)], &body), "not in base64");
        }
    }
    assert_refused(&decode(config(), &[(NEW, "AAAA")], &body), "64 bytes");
    assert_refused(&decode(rsa_config(), &[(OLD, "AAAA")], &body), "not the vendor's");
}

#[test]
fn the_older_signature_counts_where_its_key_is_configured() {
    let body = tag_update().into_bytes();
    let old = rsa_signature();
    assert_eq!(decode(rsa_config(), &[(OLD, &old)], &body).unwrap().len(), 1);
    assert_refused(&decode(config(), &[(OLD, &old)], &body), "`rsa_keys` holds no key");
}

#[test]
fn where_both_signatures_are_present_the_newer_one_decides_alone() {
    let body = tag_update().into_bytes();
    let (new, old) = (signed(&key(1), &body), rsa_signature());
    let both = |new: &str, old: &str| decode(rsa_config(), &[(OLD, old), (NEW, new)], &body);
    assert_eq!(both(&new, &old).unwrap().len(), 1);
    assert_eq!(both(&new, "N/A").unwrap().len(), 1);
    assert_refused(&both(&signed(&key(2), &body), &old), "not the vendor's");
    assert_refused(&both("N/A", &old), "not in base64");
    assert_refused(&both("", &old), "not in base64");
}

#[test]
fn while_the_vendor_changes_keys_either_counts() {
    let body = tag_update().into_bytes();
    let rotating = || WebhookConfig { ed25519_keys: vec![pem(&key(1)), pem(&key(2))], ..config() };
    for seed in [1, 2] {
        let headers = &[(NEW, &*signed(&key(seed), &body))];
        assert_eq!(decode(rotating(), headers, &body).unwrap().len(), 1);
    }
    let stranger = signed(&key(3), &body);
    assert_refused(&decode(rotating(), &[(NEW, &stranger)], &body), "not the vendor's");
}

#[test]
fn a_delivery_counts_for_75_minutes_before_and_after_its_time() {
    let body = tag_update().into_bytes();
    let headers = &[(NEW, &*signed(&key(1), &body))];
    let made_at: DateTime<Utc> = "2026-03-02T15:00:00.250Z".parse().unwrap();
    let at = |apart: TimeDelta| decode_at(config(), headers, &body, made_at + apart);
    let (window, more) = (TimeDelta::minutes(75), TimeDelta::milliseconds(1));
    assert_eq!(at(window).unwrap().len(), 1);
    assert_eq!(at(-window).unwrap().len(), 1);
    assert_refused(&at(window + more), "stale");
    assert_refused(&at(-window - more), "future");
    let narrow = WebhookConfig { window: Duration::from_secs(300), ..config() };
    let late = decode_at(narrow, headers, &body, made_at + TimeDelta::seconds(301));
    assert_refused(&late, "stale");
}

#[test]
fn a_delivery_that_does_not_say_when_it_was_made_is_refused() {
    for timestamp in [Value::Null, json!("soon"), json!(true), json!("")] {
        let outcome = changed(|body| body["timestamp"] = timestamp);
        assert_refused(&outcome, "does not say when");
    }
    let outcome = changed(|body| drop(body.as_object_mut().unwrap().remove("timestamp")));
    assert_refused(&outcome, "does not say when");
    let millis = json!(received_at().timestamp_millis());
    assert_eq!(changed(|body| body["timestamp"] = millis).unwrap().len(), 1);
    let seconds = json!(received_at().timestamp());
    assert_refused(&changed(|body| body["timestamp"] = seconds), "stale");
}

#[test]
fn another_location_another_tag_or_another_type_is_of_no_concern() {
    let none = |change: fn(&mut Value)| assert_eq!(changed(change).unwrap(), []);
    none(|body| body["locationId"] = json!("loc2"));
    none(|body| drop(body.as_object_mut().unwrap().remove("locationId")));
    none(|body| body["tags"] = json!(["nxt-create", "nxt created", "patient"]));
    none(|body| body["tags"] = Value::Null);
    none(|body| drop(body.as_object_mut().unwrap().remove("tags")));
    for kind in ["INSTALL", "UNINSTALL", "ContactDelete", "OpportunityUpdate", "contacttagupdate"] {
        assert_eq!(changed(|body| body["type"] = json!(kind)).unwrap(), [], "{kind}");
    }
    // What has no contact is not read any further.
    let install = json!({ "type": "INSTALL", "locationId": "loc1", "timestamp": "2026-03-02T15:00:00Z", "id": 7, "tags": "x" });
    assert_eq!(genuine(&install.to_string()).unwrap(), []);
}

#[test]
fn a_contact_may_be_created_or_updated_with_the_tag_in_any_case() {
    for kind in ["ContactCreate", "ContactUpdate", "ContactTagUpdate"] {
        let events = changed(|body| {
            body["type"] = json!(kind);
            body["tags"] = json!([" NXT CREATE"]);
        });
        assert_eq!(events.unwrap().len(), 1, "{kind}");
    }
}

#[test]
fn what_cannot_be_read_is_named_by_its_path_and_not_by_its_value() {
    let path = |outcome: Result<Vec<Event>>| {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{error}");
        assert!(!error.to_string().contains("Mina"), "{error}");
        error.to_string().rsplit_once("path=").unwrap().1.to_owned()
    };
    assert_eq!(path(changed(|body| body["id"] = json!({ "name": "Mina" }))), "id)");
    assert_eq!(path(changed(|body| body["tags"] = json!(["x", { "Mina": 1 }]))), "tags[1])");
    assert_eq!(path(genuine("Mina")), ".)");
}

#[test]
fn the_vendor_delivers_again_only_after_429() {
    assert_eq!(Webhooks::new(config()).unwrap().try_again(), 429);
}

#[test]
fn the_published_key_is_the_default_and_signs_nothing_of_ours() {
    assert!(
        DEFAULT_ED25519_KEY
            .contains("MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg=")
    );
    let body = tag_update().into_bytes();
    let published = WebhookConfig::new("loc1", vec!["nxt create".into()]);
    assert_eq!(published.ed25519_keys, [DEFAULT_ED25519_KEY]);
    let headers = &[(NEW, &*signed(&key(1), &body))];
    assert_refused(&decode(published, headers, &body), "not the vendor's");
}

#[test]
fn every_key_that_cannot_be_used_is_named_at_once() {
    let config = WebhookConfig {
        ed25519_keys: vec![pem(&key(1)), "hush".into(), fixture("webhooks/rsa_public.pem")],
        rsa_keys: vec![pem(&key(1)), fixture("webhooks/rsa_1024_public.pem")],
        ..config()
    };
    let error = Webhooks::new(config).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    insta::assert_snapshot!("webhook_keys", error.message());
    let none = WebhookConfig { ed25519_keys: Vec::new(), ..self::config() };
    assert!(Webhooks::new(none).unwrap_err().message().contains("every delivery is refused"));
}

#[test]
fn the_section_may_be_empty_and_what_is_wrong_in_it_is_named() {
    let read = |section: Value| {
        let mut settings = Settings::new("aesthetix.webhooks", section);
        let config = WebhookConfig::from_settings(&mut settings, "loc1", vec!["a".into()]);
        (config, settings.finish().to_string())
    };
    let (config, problems) = read(Value::Null);
    assert_eq!((problems.as_str(), config.window), ("", Duration::from_secs(75 * 60)));
    assert_eq!(config.ed25519_keys, [DEFAULT_ED25519_KEY]);
    assert_eq!(config.rsa_keys, Vec::<String>::new());

    let indented = format!("\n    {}\n  ", pem(&key(1)).replace('\n', "\n    "));
    let (config, problems) = read(json!({ "ed25519_keys": [indented], "window_minutes": 5 }));
    assert_eq!((problems.as_str(), config.window), ("", Duration::from_secs(300)));

    let wrong = json!({ "ed25519_keys": "x", "rsa_keys": ["x"], "window_minutes": 0, "keys": [] });
    insta::assert_snapshot!("webhook_settings", read(wrong).1);
}

#[test]
fn debug_shows_no_key_and_no_signature() {
    let config = rsa_config();
    let text = format!("{config:?} {:?}", Webhooks::new(config.clone()).unwrap());
    assert!(!text.contains("BEGIN") && !text.contains("MCow"), "{text}");
}
