//! A stateful fake of Zenoti, as mean as its documents and the reports of those who use it.
//!
//! Where the vendor is silent it does what is hardest for a client; most of that has a switch in
//! [`ZenotiSettings`]. Nothing here was compared with a live system.

mod amount;
mod appointment_json;
mod appointments;
mod auth;
mod book;
mod centers;
mod deeds;
mod draw;
mod guard;
mod guest_body;
mod guest_json;
mod guests;
mod hands;
mod history;
mod ids;
mod invoice_json;
mod invoices;
mod membership_json;
mod phone;
mod query;
mod reply;
mod settings;
mod signature;
mod teller;
mod visit;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{delete, get, post},
};
use cannula_core::Clock;
use chrono::TimeDelta;

pub use amount::Amount;
pub(crate) use book::Book;
pub use book::{InvoiceItem, InvoiceState, ItemKind, MembershipStanding, MembershipState};
pub use settings::ZenotiSettings;

use crate::{
    Quirks, ZenotiAccess,
    practice::Practice,
    webhooks::{Courier, Policy},
};
use auth::{ACCOUNT, API_KEY, APP_ID, APP_SECRET, PASSWORD, USER};
use teller::{Teller, Told};

/// Five attempts, 30 seconds to ten minutes apart; 20 failures in a row end it.
const POLICY: Policy = Policy {
    sign: signature::sign,
    event_id: |number| format!("66a{number:021x}"),
    patience: Duration::from_secs(10),
    retried: |_| true,
    pauses: &[
        TimeDelta::seconds(30),
        TimeDelta::minutes(1),
        TimeDelta::minutes(3),
        TimeDelta::minutes(10),
    ],
    switched_off_after: Some(20),
};

/// The fake, to change settings of and to send pings from. Its front desk is
/// [`Practice`], whose hands begin with `zenoti_`.
#[derive(Debug)]
pub struct Server {
    practice: Arc<Practice>,
    quirks: Arc<RwLock<Quirks>>,
    settings: Arc<RwLock<ZenotiSettings>>,
    pub(crate) courier: Arc<Courier>,
    tokens: auth::Tokens,
    limits: guard::Limits,
}

impl Server {
    pub(crate) fn new(
        practice: Arc<Practice>,
        quirks: Arc<RwLock<Quirks>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let settings = ZenotiSettings::default();
        practice.look(|inner, _| inner.zenoti.heed(&settings));
        let settings = Arc::new(RwLock::new(settings));
        let teller = Teller::new(Arc::clone(&practice), Arc::clone(&quirks), Arc::clone(&settings));
        let courier = Courier::new(POLICY, clock).with_feed(Arc::new(teller));
        Self {
            practice,
            quirks,
            settings,
            courier: Arc::new(courier),
            tokens: auth::Tokens::default(),
            limits: guard::Limits::default(),
        }
    }

    /// The settings as they are.
    pub fn settings(&self) -> ZenotiSettings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes settings, for what happens from now on.
    pub fn change_settings(&self, change: impl FnOnce(&mut ZenotiSettings)) {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut settings);
        self.practice.look(|inner, _| inner.zenoti.heed(&settings));
    }

    /// Sends the test ping: an empty body without a signature.
    pub fn ping(&self) {
        let now = self.practice.now();
        self.courier.record(Arc::new(Told::ping(now)), now);
    }

    /// Makes every token that was issued worthless.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke();
    }

    fn quirks(&self) -> Quirks {
        self.quirks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The API, to be nested under `/zenoti`.
pub(crate) fn router(server: &Arc<Server>) -> Router {
    let api = Router::new()
        .route("/v1/centers", get(centers::centers))
        .route("/v1/countries", get(centers::countries))
        .route("/v1/guests", get(guests::changed).post(guests::create))
        .route("/v1/guests/search", get(guests::search))
        .route("/v1/guests/merge_history", get(guests::merges))
        .route("/v1/guests/{id}", get(guests::read).put(guests::replace))
        .route("/v1/guests/{id}/appointments", get(appointments::of_guest))
        .route("/v1/guests/{id}/memberships", get(invoices::memberships))
        .route("/v1/appointments", get(appointments::list))
        .route("/v1/appointments/{id}", get(appointments::read))
        .route("/v1/invoices/{id}", get(invoices::read))
        .route("/v1/tokens/sessions/revoke", delete(auth::revoke))
        .layer(from_fn_with_state(Arc::clone(server), guard::guard));
    api.route("/v1/tokens", post(auth::token)).with_state(Arc::clone(server))
}

/// Where it is and with what to sign in.
pub(crate) fn access(origin: &str) -> ZenotiAccess {
    ZenotiAccess {
        base_url: format!("{origin}/zenoti"),
        api_key: API_KEY.to_owned(),
        center_id: ids::CENTER.to_owned(),
        organization_id: ids::ORGANIZATION.to_owned(),
        account_name: ACCOUNT.to_owned(),
        user_name: USER.to_owned(),
        password: PASSWORD.to_owned(),
        app_id: APP_ID.to_owned(),
        app_secret: APP_SECRET.to_owned(),
        webhook_secret: signature::SECRET.to_owned(),
    }
}
