//! The benches of all webhook decoders: deliveries of a sandbox, over real HTTP.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Router, body::Bytes, http::HeaderMap};
use base64::{Engine, engine::general_purpose::STANDARD};
use cannula::{
    aesthetix::{WebhookConfig, Webhooks},
    core::{Clock, RecordKind, Result, Secret, WebhookDecoder},
    patientnow::PatientNowWebhooks,
    zenoti::ZenotiWebhooks,
};
use cannula_sandbox::{
    NewContact, Sandbox, Vendor,
    practice::{AppointmentState, PatientState},
    zenoti::Amount,
};
use cannula_testkit::{Delivered, ManualClock, Power, WebhookBench, async_trait};
use cannula_tests::{Receiver, patientnow_config, zenoti_config};
use ring::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair},
};

use crate::behind::{first_day, start};

const CREATE: &str = "NXT Create";

/// A vendor of a sandbox, and who keeps what it delivers.
#[derive(Debug)]
pub(crate) struct Deliveries {
    vendor: Vendor,
    clock: Arc<ManualClock>,
    sandbox: Sandbox,
    kept: Arc<Mutex<Vec<Delivered>>>,
    _receiver: Receiver,
}

impl Deliveries {
    pub(crate) async fn patientnow() -> Self {
        Self::of(Vendor::PatientNow).await
    }

    pub(crate) async fn zenoti() -> Self {
        Self::of(Vendor::Zenoti).await
    }

    pub(crate) async fn aesthetix() -> Self {
        Self::of(Vendor::Crm).await
    }

    async fn of(vendor: Vendor) -> Self {
        let (sandbox, clock) = start().await;
        let kept: Arc<Mutex<Vec<Delivered>>> = Arc::default();
        let (keeper, now) = (Arc::clone(&kept), Arc::clone(&clock));
        let keep = move |headers: HeaderMap, body: Bytes| async move {
            let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
            let headers = headers.iter().map(|(name, value)| (name.to_string(), text(value)));
            let delivered = Delivered {
                headers: headers.collect(),
                body: body.to_vec(),
                received_at: now.now(),
            };
            keeper.lock().unwrap_or_else(PoisonError::into_inner).push(delivered);
        };
        let receiver = Receiver::serve(Router::new().fallback(keep)).await.unwrap();
        sandbox.subscribe(vendor, &receiver.url()).unwrap();
        Self { vendor, clock, sandbox, kept, _receiver: receiver }
    }

    /// Things happen that the vendor tells of.
    fn happen(&self) {
        if self.vendor == Vendor::Crm {
            let crm = self.sandbox.crm_state();
            let contact = NewContact {
                first_name: "Ida".to_owned(),
                last_name: "Law".to_owned(),
                tags: vec![CREATE.to_owned()],
                ..NewContact::default()
            };
            crm.add_contact(contact);
            return;
        }
        let practice = self.sandbox.practice();
        let ida = practice.add_patient(PatientState::new("Ida", "Law", 1));
        let start = (self.clock.now() + chrono::TimeDelta::days(3)).naive_utc();
        let visit = practice.book(AppointmentState::new(&ida, "Laser Treatment", start));
        if self.vendor == Vendor::Zenoti {
            assert!(practice.zenoti_close_invoice(&visit, None).is_some());
            practice.zenoti_join(&ida, "Juniper Circle", Amount::cents(49_500));
            return;
        }
        let order = practice.open_order(&ida, "Laser Treatment", 45_000);
        assert!(practice.close_order(&order));
        practice.sell_membership(&ida, "Glow Monthly", 19_900);
    }

    /// Our own key pair, whose public key the decoder of the CRM's deliveries trusts as well.
    fn key(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    /// A public key as PEM.
    fn pem(key: &Ed25519KeyPair) -> String {
        const PREFIX: [u8; 12] =
            [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];
        let der = [&PREFIX[..], key.public_key().as_ref()].concat();
        let text = STANDARD.encode(der);
        format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n")
    }

    fn decoder_of(&self, key: Option<&str>) -> Result<Box<dyn WebhookDecoder>> {
        let access = self.sandbox.access();
        Ok(match self.vendor {
            Vendor::PatientNow => {
                let mut config = patientnow_config(access, first_day())?;
                if let (Some(key), Some(webhooks)) = (key, &mut config.webhooks) {
                    webhooks.secrets = vec![Secret::new(key)];
                }
                Box::new(PatientNowWebhooks::new(&config)?)
            }
            Vendor::Zenoti => {
                let mut config = zenoti_config(access)?;
                if let (Some(key), Some(webhooks)) = (key, &mut config.webhooks) {
                    webhooks.secrets = vec![Secret::new(key)];
                }
                Box::new(ZenotiWebhooks::new(&config)?)
            }
            _ => {
                let crm = &access.crm;
                let mut config = WebhookConfig::new(&crm.location_id, vec![CREATE.to_owned()]);
                let both = [crm.webhook_public_key.clone(), Self::pem(&Self::key(7))];
                config.ed25519_keys = key.map_or(both.into(), |key| vec![key.to_owned()]);
                Box::new(Webhooks::new(config)?)
            }
        })
    }

    fn signed(&self, body: &[u8], genuine: bool) -> Delivered {
        let access = self.sandbox.access();
        let mac = |secret: &str| {
            let secret = if genuine { secret } else { "a secret that nobody was told" };
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            hmac::sign(&key, body).as_ref().to_vec()
        };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
        let proof = match self.vendor {
            Vendor::PatientNow => hex(&mac(&access.patientnow.webhook_secret)).concat(),
            Vendor::Zenoti => {
                let pairs = hex(&mac(&access.zenoti.webhook_secret)).join("-");
                format!("sha256 ={}", pairs.to_uppercase())
            }
            _ => STANDARD.encode(Self::key(if genuine { 7 } else { 8 }).sign(body)),
        };
        let headers = vec![(self.proof_header(), proof)];
        Delivered { headers, body: body.to_vec(), received_at: self.clock.now() }
    }
}

#[async_trait]
impl WebhookBench for Deliveries {
    fn decoder(&self) -> Box<dyn WebhookDecoder> {
        self.decoder_of(None).unwrap()
    }

    async fn deliveries(&self) -> Vec<Delivered> {
        self.happen();
        self.clock.advance(Duration::from_secs(30));
        self.sandbox.deliver_webhooks().await;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *kept)
    }

    fn kinds(&self) -> Vec<RecordKind> {
        use RecordKind::{Appointment, Membership, Patient, Payment, TaggedContact};
        match self.vendor {
            Vendor::PatientNow | Vendor::Zenoti => vec![Patient, Appointment, Payment, Membership],
            _ => vec![TaggedContact],
        }
    }

    fn proof_header(&self) -> String {
        match self.vendor {
            Vendor::PatientNow => self.sandbox.access().patientnow.webhook_header.clone(),
            Vendor::Zenoti => "zenoti-webhook-signature".to_owned(),
            _ => "X-GHL-Signature".to_owned(),
        }
    }

    fn sign(&self, body: &[u8]) -> Delivered {
        self.signed(body, true)
    }

    fn forge(&self, body: &[u8]) -> Delivered {
        self.signed(body, false)
    }

    fn decoder_with(&self, secret: &str) -> Result<Box<dyn WebhookDecoder>> {
        self.decoder_of(Some(secret))
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        match self.vendor {
            Vendor::PatientNow | Vendor::Zenoti => vec![(
                Power::Timestamps,
                "PatientNow, Zenoti: the signature covers no time, and what is played back is a pointer that costs one read",
            )],
            _ => Vec::new(),
        }
    }
}
