//! What anybody may send to the address that vendors were told.

use base64::{Engine, engine::general_purpose::STANDARD};
use cannula::{
    aesthetix::{WebhookConfig, Webhooks},
    core::{Clock, Delivery, ErrorKind, Event, Result, Secret, WebhookDecoder},
    patientnow::PatientNowWebhooks,
    zenoti::ZenotiWebhooks,
};
use cannula_examples::{patientnow_at, zenoti_at};
use cannula_sandbox::{
    NewContact, Sandbox, Vendor,
    practice::{AppointmentState, PatientState},
};
use chrono::{DateTime, TimeDelta, Utc};
use ring::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};

use super::bench::{self, Bench, clock, opening};

const SECRET: &str = "only the vendor and we know this";
const OTHER: &str = "nobody was told this";
const TAG: &str = "nxt create";

/// The first byte chooses a vendor, the second what is done: `a` signs the rest as the vendor does
/// and reads it; `b` takes the rest for headers, an empty line and a body, which nobody signed;
/// `c` takes it for a public key.
pub(super) fn webhooks(data: &[u8]) {
    let &[vendor, manner, ref rest @ ..] = data else { return };
    let received_at = clock().now();
    bench::with(|bench| match manner.wrapping_sub(b'a') % 3 {
        0 => authentic(bench, vendor, rest, received_at),
        1 => anonymous(bench, vendor, rest, received_at),
        _ => key(bench, rest),
    });
}

fn vendor_of(byte: u8) -> u8 {
    byte.wrapping_sub(b'a') % 3
}

fn decoder(bench: &Bench, vendor: u8, secret: &str) -> Box<dyn WebhookDecoder> {
    match vendor_of(vendor) {
        0 => {
            let mut config = patientnow_at(&bench.access, opening()).unwrap();
            config.webhooks.as_mut().unwrap().secrets = vec![Secret::new(secret)];
            Box::new(PatientNowWebhooks::new(&config).unwrap())
        }
        1 => {
            let mut config = zenoti_at(&bench.access).unwrap();
            config.webhooks.as_mut().unwrap().secrets = vec![Secret::new(secret)];
            Box::new(ZenotiWebhooks::new(&config).unwrap())
        }
        _ => {
            let location = &bench.access.crm.location_id;
            let mut config = WebhookConfig::new(location, vec![TAG.to_owned()]);
            config.ed25519_keys = vec![pem(&key_pair(secret))];
            Box::new(Webhooks::new(config).unwrap())
        }
    }
}

fn key_pair(secret: &str) -> Ed25519KeyPair {
    let seed = ring::digest::digest(&ring::digest::SHA256, secret.as_bytes());
    Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap()
}

/// A public key as PEM.
fn pem(key: &Ed25519KeyPair) -> String {
    const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];
    let text = STANDARD.encode([&PREFIX[..], key.public_key().as_ref()].concat());
    format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
}

/// The header that proves a body.
fn proof(bench: &Bench, vendor: u8, body: &[u8]) -> (String, String) {
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), body);
    let hex: Vec<_> = mac.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    match vendor_of(vendor) {
        0 => (bench.access.patientnow.webhook_header.clone(), hex.concat()),
        1 => (
            "zenoti-webhook-signature".to_owned(),
            format!("sha256 ={}", hex.join("-").to_uppercase()),
        ),
        _ => ("x-ghl-signature".to_owned(), STANDARD.encode(key_pair(SECRET).sign(body))),
    }
}

fn decode(
    decoder: &dyn WebhookDecoder,
    headers: &[(String, String)],
    body: &[u8],
    received_at: DateTime<Utc>,
) -> Result<Vec<Event>> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    decoder.decode(&Delivery { headers: &headers, body, received_at })
}

/// What is proven is read, or cannot be, or is too old.
fn authentic(bench: &Bench, vendor: u8, body: &[u8], received_at: DateTime<Utc>) {
    let proof = proof(bench, vendor, body);
    let events = decode(decoder(bench, vendor, SECRET).as_ref(), &[proof], body, received_at);
    match events {
        Ok(events) => {
            for event in &events {
                let json = serde_json::to_string(event).unwrap();
                assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), *event);
            }
        }
        Err(error) => {
            let stale = vendor_of(vendor) == 2 && error.kind() == ErrorKind::Auth;
            assert!(stale || error.kind() == ErrorKind::Decode, "{error}");
        }
    }
}

/// What is not proven is refused, unless there is nothing in it.
fn anonymous(bench: &Bench, vendor: u8, text: &[u8], received_at: DateTime<Utc>) {
    let at = text.windows(2).position(|window| window == b"\n\n").unwrap_or(text.len());
    let Ok(head) = std::str::from_utf8(&text[..at]) else { return };
    let body = text.get(at + 2..).unwrap_or_default();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_owned(), value.trim().to_owned()))
    };
    let headers: Vec<_> = head.lines().filter_map(header).collect();
    match decode(decoder(bench, vendor, OTHER).as_ref(), &headers, body, received_at) {
        Ok(events) => assert!(events.is_empty() && body.is_empty(), "nobody signed this"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Auth, "{error}"),
    }
}

/// A key is one, or the configuration is refused.
fn key(bench: &Bench, text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let mut config = WebhookConfig::new(&bench.access.crm.location_id, vec![TAG.to_owned()]);
    config.ed25519_keys = vec![text.to_owned()];
    config.rsa_keys = vec![text.to_owned()];
    if let Err(error) = Webhooks::new(config) {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }
}

/// Deliveries of the sandbox, signed with our secret.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    bench::with(|bench| {
        let mut seeds = Vec::new();
        for (letter, vendor) in
            [(b'a', Vendor::PatientNow), (b'b', Vendor::Zenoti), (b'c', Vendor::Crm)]
        {
            for body in bench.delivered(vendor, happen) {
                let (name, value) = proof(bench, letter, &body);
                let head = format!("{name}: {value}\n\n");
                seeds.push([&[letter, b'a'][..], &body].concat());
                seeds.push([&[letter, b'b'][..], head.as_bytes(), &body].concat());
            }
        }
        seeds.push([&b"cc"[..], pem(&key_pair(SECRET)).as_bytes()].concat());
        seeds
    })
}

/// Things happen that vendors tell of.
fn happen(sandbox: &Sandbox) {
    sandbox.crm_state().add_contact(NewContact {
        first_name: "Ida".to_owned(),
        last_name: "Law".to_owned(),
        tags: vec![TAG.to_owned()],
        ..NewContact::default()
    });
    let practice = sandbox.practice();
    let ida = practice.add_patient(PatientState::new("Ida", "Law", 1));
    let start = (clock().now() + TimeDelta::days(3)).naive_utc();
    practice.book(AppointmentState::new(&ida, "Laser Treatment", start));
}
