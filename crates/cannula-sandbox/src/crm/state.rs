//! The location's data behind one lock, which is held for map operations only: requests are
//! read before it is taken and answers are written after it is given back.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use cannula_core::Clock;
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    contact::{Contact, Directory},
    fields::Fields,
    guard::Gate,
    ids::{Ids, uuid},
    opportunity::{Cards, Opportunity, Pipeline},
    options::{CrmOptions, CrmSettings},
    reply::Refusal,
    shelf::Shelf,
    tags_notes::Note,
    webhooks::{self, Outbox},
};
use crate::webhooks::Courier;

/// The fake CRM: what the sandbox serves, and what tests read and plant.
pub struct CrmState {
    clock: Arc<dyn Clock>,
    pub(super) location: String,
    traces: AtomicU64,
    inner: Mutex<Inner>,
    /// Delivers webhooks.
    pub(crate) courier: Arc<Courier>,
}

/// Everything behind the lock.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) records: Records,
    pub(super) gate: Gate,
}

/// The data of the location.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) location: String,
    pub(super) settings: CrmSettings,
    pub(super) ids: Ids,
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) fields: Fields,
    pub(super) contacts: Shelf<Contact>,
    /// Contacts by e-mail address and phone.
    pub(super) directory: Directory,
    /// Notes by contact, oldest first.
    pub(super) notes: HashMap<String, Vec<Arc<Note>>>,
    pub(super) opportunities: Shelf<Opportunity>,
    /// Opportunities by contact and pipeline.
    pub(super) cards: Cards,
    /// Webhooks to deliver.
    pub(super) outbox: Outbox,
}

impl Records {
    fn new(options: &CrmOptions, courier: &Arc<Courier>) -> Self {
        let lag = lag(&options.settings);
        let mut ids = Ids::default();
        let mut fields = Fields::default();
        for field in &options.fields {
            fields.add(ids.next(), &field.name, &field.data_type, "contact");
        }
        let pipelines =
            options.pipelines.iter().map(|options| Pipeline::new(options, &mut ids)).collect();
        Self {
            location: options.location_id.clone(),
            settings: options.settings.clone(),
            ids,
            pipelines,
            fields,
            contacts: Shelf::new(lag),
            directory: Directory::default(),
            notes: HashMap::new(),
            opportunities: Shelf::new(lag),
            cards: Cards::default(),
            outbox: Outbox::new(options.oauth.client_id.clone(), Arc::clone(courier)),
        }
    }

    /// The refusal of an id that no record has.
    pub(super) fn unknown_id(&self, what: &str, id: &str) -> Refusal {
        let message = format!("{what} with id {id} not found");
        if self.settings.unknown_id_is_404 {
            Refusal::not_found(message)
        } else {
            Refusal::bad_request(message)
        }
    }
}

impl CrmState {
    /// A location with these options. The clock decides token lifetimes, rate windows, search
    /// lag and every time stamp.
    pub fn new(options: CrmOptions, clock: Arc<dyn Clock>) -> Self {
        let courier = webhooks::courier(Arc::clone(&clock));
        let records = Records::new(&options, &courier);
        Self {
            clock,
            location: options.location_id.clone(),
            traces: AtomicU64::new(0),
            inner: Mutex::new(Inner { records, gate: Gate::new(options) }),
            courier,
        }
    }

    /// The settings as they are.
    pub fn settings(&self) -> CrmSettings {
        self.lock().records.settings.clone()
    }

    /// Changes settings, from the next request on.
    pub fn change_settings(&self, change: impl FnOnce(&mut CrmSettings)) {
        let mut inner = self.lock();
        let records = &mut inner.records;
        change(&mut records.settings);
        records.contacts.set_lag(lag(&records.settings));
        records.opportunities.set_lag(lag(&records.settings));
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    pub(super) fn next_trace(&self) -> String {
        uuid(self.traces.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that runs under the lock panics half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a request that names another location.
    pub(super) fn own_location(&self, location: Option<&str>) -> Result<(), Refusal> {
        match location {
            Some(other) if other != self.location => Err(Refusal::foreign_location()),
            _ => Ok(()),
        }
    }
}

/// Prints no token and no person.
impl fmt::Debug for CrmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrmState").field("location", &self.location).finish_non_exhaustive()
    }
}

fn lag(settings: &CrmSettings) -> TimeDelta {
    i64::try_from(settings.search_lag_seconds)
        .ok()
        .and_then(TimeDelta::try_seconds)
        .unwrap_or(TimeDelta::MAX)
}
