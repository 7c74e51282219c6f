//! The sandbox as one thing to start, look into and stop.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, PoisonError, RwLock},
};

use axum::Router;
use cannula_core::{Clock, Result};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::{
    Access, CrmAccess, CrmOptions, CrmSnapshot, CrmState, Faults, NextechAccess, OAuthAccess,
    PracticePlusAccess, Quirks, SandboxClock, SelectAccess, control, crm,
    nextech::{self, Account, PASSWORD, PLUS_SECRET},
    observe::Watch,
    practice::{Practice, PracticeConfig, Product},
    server,
};

/// Which fake is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Nextech, both products and the token endpoint.
    Nextech,
    /// The CRM.
    Crm,
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
    /// A background task delivers webhooks as they fall due and sleeps on `clock` in between. Off
    /// by default, for that moves a clock that stands still: tests call
    /// [`Sandbox::deliver_webhooks`].
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
    watch_nextech: Arc<Watch>,
    watch_crm: Arc<Watch>,
}

impl Shared {
    pub(crate) fn watch(&self, vendor: Vendor) -> &Watch {
        match vendor {
            Vendor::Nextech => &self.watch_nextech,
            Vendor::Crm => &self.watch_crm,
        }
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

/// Stateful fakes of both vendors on one loopback port. They stop when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    access: Access,
    address: SocketAddr,
    shared: Arc<Shared>,
    server: server::Server,
    /// Ends with the sandbox.
    _courier: JoinSet<()>,
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
            watch_nextech: Arc::new(Watch::new(seed ^ 0xFA01, Arc::clone(&shared_clock))),
            watch_crm: Arc::new(Watch::new(seed ^ 0xFA02, Arc::clone(&shared_clock))),
            configured: config.crm.settings.clone(),
            crm: Arc::new(CrmState::new(config.crm, shared_clock)),
            clock,
            practice,
            quirks,
        });
        shared.set_quirks(config.quirks);
        let server = server::Server::start(listener, router(&shared));
        let mut courier = JoinSet::new();
        if config.deliver_webhooks {
            let crm = Arc::clone(&shared.crm);
            courier.spawn(async move { crm.deliver_for_ever().await });
        }
        Ok(Self { access, address, shared, server, _courier: courier })
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

    /// Sends the webhooks of the CRM's contacts to a URL from now on, in place of any other. They
    /// are signed with the key of [`CrmAccess::webhook_public_key`].
    ///
    /// # Errors
    /// [`cannula_core::ErrorKind::Config`] if the URL is not `http` on a loopback address.
    pub fn subscribe_crm(&self, url: &str) -> Result<()> {
        self.shared.crm.subscribe(url)
    }

    /// Delivers the webhooks that are due on the sandbox's clock and returns the number of
    /// attempts; see [`CrmState::deliver_webhooks`].
    pub async fn deliver_webhooks(&self) -> usize {
        self.shared.crm.deliver_webhooks().await
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
    Router::new()
        .merge(shared.watch_nextech.over(nextech))
        .merge(shared.watch_crm.over(crm))
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
    }
}
