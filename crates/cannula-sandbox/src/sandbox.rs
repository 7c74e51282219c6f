//! The sandbox as one thing to start, look into and stop.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use axum::Router;
use cannula_core::{Clock, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{
    Access, CrmAccess, CrmOptions, CrmSnapshot, CrmState, Faults, NextechAccess, OAuthAccess,
    PracticePlusAccess, Quirks, SandboxClock, SelectAccess, control, crm,
    dermpro::{self, StoreConfig},
    nextech::{self, Account, PASSWORD, PLUS_SECRET},
    observe::Watch,
    patientnow,
    practice::{Practice, PracticeConfig, Product},
    server,
    webhooks::{Courier, WebhookDelivery, WebhookQuirks},
    zenoti,
};

/// Which fake is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Nextech, both products and the token endpoint.
    Nextech,
    /// The CRM.
    Crm,
    /// PatientNow Essentials.
    #[serde(rename = "patientnow")]
    PatientNow,
    /// Zenoti.
    Zenoti,
    /// The DermPRO store.
    #[serde(rename = "dermpro")]
    DermPro,
}

impl Vendor {
    pub(crate) const ALL: [Self; 5] =
        [Self::Nextech, Self::Crm, Self::PatientNow, Self::Zenoti, Self::DermPro];

    /// The name on the wire.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nextech => "nextech",
            Self::Crm => "crm",
            Self::PatientNow => "patientnow",
            Self::Zenoti => "zenoti",
            Self::DermPro => "dermpro",
        }
    }
}

/// What a sandbox is started with.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// The address to listen on; a loopback address. Port 0 takes a free port.
    pub listen: SocketAddr,
    /// The clock that decides everything: what is visible, token life, rate limits, search lag.
    pub clock: Arc<dyn Clock>,
    /// How many times as fast as `clock` the sandbox's own clock runs.
    pub speed: f64,
    /// The synthetic practice.
    pub practice: PracticeConfig,
    /// The meannesses of the vendors.
    pub quirks: Quirks,
    /// The CRM's location.
    pub crm: CrmOptions,
    /// The online store's life. Empty by default: a store with customers has some more patients
    /// registered with the practice.
    pub store: StoreConfig,
    /// A background task delivers webhooks as they fall due and sleeps on `clock` in between. Off
    /// by default, for that moves a clock that stands still: tests call
    /// [`Sandbox::deliver_webhooks`]. What hands do to the practice it tells of when the next
    /// thing falls due or the clock is moved.
    pub deliver_webhooks: bool,
}

impl SandboxConfig {
    /// A free port on 127.0.0.1, everything as mean as it gets, the CRM as it is provisioned.
    pub fn new(clock: Arc<dyn Clock>, practice: PracticeConfig) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            clock,
            speed: 1.0,
            practice,
            quirks: Quirks::default(),
            crm: CrmOptions::default(),
            store: StoreConfig::default(),
            deliver_webhooks: false,
        }
    }
}

/// Everything a running sandbox consists of, shared with its control endpoints.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<SandboxClock>,
    pub(crate) practice: Arc<Practice>,
    pub(crate) quirks: Arc<RwLock<Quirks>>,
    pub(crate) crm: Arc<CrmState>,
    /// The CRM's settings as configured, for quirks that take something away for a while.
    configured: crm::CrmSettings,
    nextech: Arc<nextech::Server>,
    patientnow: Arc<patientnow::Server>,
    zenoti: Arc<zenoti::Server>,
    pub(crate) dermpro: Arc<dermpro::Server>,
    watch_nextech: Arc<Watch>,
    watch_crm: Arc<Watch>,
    watch_patientnow: Arc<Watch>,
    watch_zenoti: Arc<Watch>,
    watch_dermpro: Arc<Watch>,
}

impl Shared {
    pub(crate) fn watch(&self, vendor: Vendor) -> &Watch {
        match vendor {
            Vendor::Nextech => &self.watch_nextech,
            Vendor::Crm => &self.watch_crm,
            Vendor::PatientNow => &self.watch_patientnow,
            Vendor::Zenoti => &self.watch_zenoti,
            Vendor::DermPro => &self.watch_dermpro,
        }
    }

    /// What delivers a vendor's webhooks; Nextech and the store have none.
    pub(crate) fn courier(&self, vendor: Vendor) -> Option<&Arc<Courier>> {
        match vendor {
            Vendor::Nextech | Vendor::DermPro => None,
            Vendor::Crm => Some(&self.crm.courier),
            Vendor::PatientNow => Some(&self.patientnow.courier),
            Vendor::Zenoti => Some(&self.zenoti.courier),
        }
    }

    /// Like [`Shared::courier`], for callers that may name any vendor.
    pub(crate) fn sender(&self, vendor: Vendor) -> Result<&Arc<Courier>> {
        let message = "Nextech and DermPRO send no webhooks; the CRM, PatientNow and Zenoti do";
        self.courier(vendor).ok_or_else(|| Error::new(ErrorKind::Config, message))
    }

    pub(crate) fn couriers(&self) -> impl Iterator<Item = &Arc<Courier>> {
        Vendor::ALL.into_iter().filter_map(|vendor| self.courier(vendor))
    }

    pub(crate) async fn deliver_webhooks(&self) -> usize {
        let mut attempts = 0;
        for courier in self.couriers() {
            attempts += courier.deliver().await;
        }
        attempts
    }

    /// Applies quirks; those of the CRM live in its own settings.
    pub(crate) fn set_quirks(&self, quirks: Quirks) {
        let configured = &self.configured;
        self.crm.change_settings(|settings| {
            settings.limits = configured.limits.filter(|_| quirks.limits);
            settings.search_lag_seconds =
                if quirks.search_lag { configured.search_lag_seconds } else { 0 };
        });
        *self.quirks.write().unwrap_or_else(PoisonError::into_inner) = quirks;
    }
}

/// Stateful fakes of all vendors on one loopback port. They stop when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    access: Access,
    address: SocketAddr,
    shared: Arc<Shared>,
    server: server::Server,
    /// Ends with the sandbox.
    _couriers: JoinSet<()>,
}

impl Sandbox {
    /// Generates the practice and starts to serve.
    ///
    /// # Errors
    /// [`cannula_core::ErrorKind::Config`] if the address is not a loopback address, is taken, or
    /// cannot be listened on.
    pub async fn start(config: SandboxConfig) -> Result<Self> {
        let listener = server::bind(config.listen).await?;
        let address = listener.local_addr().unwrap_or(config.listen);
        let origin = format!("http://{address}");
        let access = access(&origin, &config.crm);
        let clock = Arc::new(SandboxClock::new(config.clock, config.speed));
        let shared_clock: Arc<dyn Clock> = Arc::<SandboxClock>::clone(&clock);
        let practice = Arc::new(Practice::new(config.practice, Arc::clone(&shared_clock)));
        let quirks = Arc::new(RwLock::new(config.quirks.clone()));
        let seed = config.practice.seed;
        let shared = Arc::new(Shared {
            nextech: Arc::new(nextech::Server::new(
                Arc::clone(&practice),
                Arc::clone(&quirks),
                origin,
            )),
            patientnow: Arc::new(patientnow::Server::new(
                Arc::clone(&practice),
                Arc::clone(&quirks),
                Arc::clone(&shared_clock),
            )),
            zenoti: Arc::new(zenoti::Server::new(
                Arc::clone(&practice),
                Arc::clone(&quirks),
                Arc::clone(&shared_clock),
            )),
            dermpro: Arc::new(dermpro::Server::new(dermpro::Store::new(
                config.store,
                config.practice,
                Arc::clone(&practice),
                Arc::clone(&shared_clock),
            ))),
            watch_dermpro: Arc::new(Watch::new(seed ^ 0xFA05, Arc::clone(&shared_clock))),
            watch_nextech: Arc::new(Watch::new(seed ^ 0xFA01, Arc::clone(&shared_clock))),
            watch_crm: Arc::new(Watch::new(seed ^ 0xFA02, Arc::clone(&shared_clock))),
            watch_patientnow: Arc::new(Watch::new(seed ^ 0xFA03, Arc::clone(&shared_clock))),
            watch_zenoti: Arc::new(Watch::new(seed ^ 0xFA04, Arc::clone(&shared_clock))),
            configured: config.crm.settings.clone(),
            crm: Arc::new(CrmState::new(config.crm, shared_clock)),
            clock,
            practice,
            quirks,
        });
        shared.set_quirks(config.quirks);
        let server = server::Server::start(listener, router(&shared));
        let mut couriers = JoinSet::new();
        if config.deliver_webhooks {
            for courier in shared.couriers().map(Arc::clone) {
                couriers.spawn(async move { courier.deliver_for_ever().await });
            }
        }
        Ok(Self { access, address, shared, server, _couriers: couriers })
    }

    /// Where the sandbox is and with what to sign in.
    pub const fn access(&self) -> &Access {
        &self.access
    }

    /// The address it listens on.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sandbox's clock, to be moved forward on its own.
    pub fn clock(&self) -> &SandboxClock {
        &self.shared.clock
    }

    /// The faults of a vendor.
    pub fn faults(&self, vendor: Vendor) -> &Faults {
        &self.shared.watch(vendor).faults
    }

    /// The practice: its true history, and hands to change it.
    pub fn practice(&self) -> &Practice {
        &self.shared.practice
    }

    /// Changes the quirks from now on.
    pub fn set_quirks(&self, quirks: Quirks) {
        self.shared.set_quirks(quirks);
    }

    /// The quirks as they are.
    pub fn quirks(&self) -> Quirks {
        self.shared.quirks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes every token that Nextech issued worthless, as a reset of credentials does.
    pub fn revoke_nextech_tokens(&self) {
        self.shared.nextech.tokens.revoke();
    }

    /// What the CRM holds.
    pub fn crm(&self) -> CrmSnapshot {
        self.shared.crm.snapshot()
    }

    /// The CRM itself, to plant contacts in and to change settings of.
    pub fn crm_state(&self) -> &Arc<CrmState> {
        &self.shared.crm
    }

    /// The fake of Zenoti, to change its settings.
    pub fn zenoti(&self) -> &Arc<zenoti::Server> {
        &self.shared.zenoti
    }

    /// The online store: its true books, hands to change it, and its settings.
    pub fn store(&self) -> &dermpro::Store {
        &self.shared.dermpro.store
    }

    /// Sends a vendor's webhooks to a URL from now on, in place of any other; what happened before
    /// is not told. How they are signed is in [`Access`].
    ///
    /// # Errors
    /// [`cannula_core::ErrorKind::Config`] if the URL is not `http` on a loopback address, or the
    /// vendor sends none.
    pub fn subscribe(&self, vendor: Vendor, url: &str) -> Result<()> {
        self.shared.sender(vendor)?.subscribe(url)
    }

    /// Sends a vendor's webhooks nowhere and forgets those that wait.
    pub fn unsubscribe(&self, vendor: Vendor) {
        if let Some(courier) = self.shared.courier(vendor) {
            courier.unsubscribe();
        }
    }

    /// Changes what can go wrong with a vendor's webhooks, for changes and attempts from now on.
    pub fn set_webhook_quirks(&self, vendor: Vendor, quirks: WebhookQuirks) {
        if let Some(courier) = self.shared.courier(vendor) {
            courier.set_quirks(quirks);
        }
    }

    /// A vendor's deliveries in the order in which they ended, the last 10,000 of them, and after
    /// them those that wait.
    pub fn webhook_log(&self, vendor: Vendor) -> Vec<WebhookDelivery> {
        self.shared.courier(vendor).map(|courier| courier.log()).unwrap_or_default()
    }

    /// Delivers all vendors' webhooks that are due at this moment of the sandbox's clock, one event
    /// after another, and returns the number of attempts. What is recorded meanwhile, for example
    /// because the receiver writes to the CRM, waits for the next call.
    pub async fn deliver_webhooks(&self) -> usize {
        self.shared.deliver_webhooks().await
    }

    /// Requests that reached a vendor, by `METHOD /template`; spoilt ones count too.
    pub fn calls(&self, vendor: Vendor) -> BTreeMap<String, u64> {
        self.shared.watch(vendor).calls.counts()
    }

    /// Takes no new request, lets those in flight end, and closes every connection.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn router(shared: &Arc<Shared>) -> Router {
    let nextech = Router::new().nest("/nextech", nextech::router(&shared.nextech));
    let crm = Router::new().nest("/crm", crm::router(Arc::clone(&shared.crm)));
    let patientnow =
        Router::new().nest("/patientnow/api/v1", patientnow::router(&shared.patientnow));
    let zenoti = Router::new().nest("/zenoti", zenoti::router(&shared.zenoti));
    let dermpro = Router::new().nest("/dermpro", dermpro::router(&shared.dermpro));
    Router::new()
        .merge(shared.watch_nextech.over(nextech))
        .merge(shared.watch_crm.over(crm))
        .merge(shared.watch_patientnow.over(patientnow))
        .merge(shared.watch_zenoti.over(zenoti))
        .merge(shared.watch_dermpro.over(dermpro))
        .nest("/_sandbox", control::router(Arc::clone(shared)))
}

fn access(origin: &str, crm: &CrmOptions) -> Access {
    let token_url = format!("{origin}/nextech/login/oauth2/token");
    let base_url = |product: Product| format!("{origin}{}", product.base_path());
    Access {
        origin: origin.to_owned(),
        nextech: NextechAccess {
            select: SelectAccess {
                base_url: base_url(Product::Select),
                token_url: token_url.clone(),
                practice_id: Product::Select.practice_id().to_owned(),
                client_id: Account::SELECT_CLIENT.to_owned(),
                username: Account::SELECT_USER.to_owned(),
                password: PASSWORD.to_owned(),
                resource: Account::SELECT_RESOURCE.to_owned(),
            },
            practice_plus: PracticePlusAccess {
                base_url: base_url(Product::PracticePlus),
                token_url,
                practice_id: Product::PracticePlus.practice_id().to_owned(),
                client_id: Account::PLUS_CLIENT.to_owned(),
                client_secret: PLUS_SECRET.to_owned(),
                resource: Account::PLUS_RESOURCE.to_owned(),
            },
        },
        crm: CrmAccess {
            base_url: format!("{origin}/crm"),
            location_id: crm.location_id.clone(),
            private_token: crm.private_token.expose().to_owned(),
            oauth: OAuthAccess {
                client_id: crm.oauth.client_id.clone(),
                client_secret: crm.oauth.client_secret.expose().to_owned(),
                refresh_token: crm.oauth.refresh_token.expose().to_owned(),
            },
            webhook_public_key: crm::public_key_pem(),
        },
        patientnow: patientnow::access(origin),
        zenoti: zenoti::access(origin),
        dermpro: dermpro::access(origin),
    }
}
