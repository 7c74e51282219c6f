//! The webhooks: what happened, in the vendor's words.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    appointment_json::plain,
    auth::stamp,
    book::InvoiceState,
    deeds::{Deed, What, deeds},
    guest_json,
    ids::{self, CENTER, CENTER_NAME, ORGANIZATION, shown},
    invoice_json, membership_json,
    settings::ZenotiSettings,
    visit::{Visit, number_of},
};
use crate::{
    practice::{Inner, Practice},
    quirks::Quirks,
    webhooks::{Feed, News, Payload},
};

/// Follows the practice and tells what happens in it.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) practice: Arc<Practice>,
    pub(super) quirks: Arc<RwLock<Quirks>>,
    pub(super) settings: Arc<RwLock<ZenotiSettings>>,
    /// The keys of what was told.
    told: Mutex<HashSet<String>>,
}

impl Teller {
    pub(super) fn new(
        practice: Arc<Practice>,
        quirks: Arc<RwLock<Quirks>>,
        settings: Arc<RwLock<ZenotiSettings>>,
    ) -> Self {
        Self { practice, quirks, settings, told: Mutex::default() }
    }

    fn told(&self) -> MutexGuard<'_, HashSet<String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What happened until now and was not told yet.
    fn fresh<T>(&self, tell: impl Fn(Deed, &Inner, &ZenotiSettings) -> T) -> Vec<T> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut told = self.told();
        self.practice.look(|inner, now| {
            let deeds = deeds(inner, &settings);
            let past = deeds.into_iter().filter(|deed| deed.at <= now);
            let fresh = past.filter(|deed| told.insert(deed.key.clone()));
            fresh.map(|deed| tell(deed, inner, &settings)).collect()
        })
    }
}

impl Feed for Teller {
    fn begin(&self) {
        self.fresh(|_, _, _| ());
    }

    fn news(&self) -> Vec<News> {
        let quirks = self.quirks.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.fresh(|deed, inner, settings| {
            let at = deed.at;
            News { at, payload: Arc::new(Told::of(deed, inner, settings, quirks.mixed_case)) }
        })
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        let settings = self.settings.read().unwrap_or_else(PoisonError::into_inner).clone();
        self.practice.look(|inner, now| {
            deeds(inner, &settings).into_iter().map(|deed| deed.at).find(|at| *at > now)
        })
    }
}

/// An event, ready to be sent.
#[derive(Debug)]
pub(super) struct Told {
    event: &'static str,
    record: String,
    at: DateTime<Utc>,
    /// The data alone, without an envelope.
    bare: bool,
    /// `None` for the test ping.
    data: Option<Value>,
}

impl Told {
    /// What the button in the vendor's settings sends.
    pub(super) const fn ping(at: DateTime<Utc>) -> Self {
        Self { event: "(ping)", record: String::new(), at, bare: true, data: None }
    }

    fn of(deed: Deed, inner: &Inner, settings: &ZenotiSettings, mixed: bool) -> Self {
        let at = deed.at;
        let (event, record, data) = match deed.what {
            What::Guest(event, id, state) => {
                let entered = inner.patients.life(id.as_str()).first().map_or(at, |it| it.at);
                let data = guest_json::told(id.as_str(), &state, entered, mixed);
                (event, id.as_str().to_owned(), data)
            }
            What::Merged(from, into) => {
                let data = json!({
                    "source_guest_id": shown(from.as_str(), mixed),
                    "target_guest_id": shown(into.as_str(), mixed),
                    "center_id": shown(CENTER, mixed),
                });
                ("Guest.Merged", from.as_str().to_owned(), data)
            }
            What::Group(event, visit) => (event, visit.group(), group(&visit, inner, mixed)),
            What::Emptied(visit) => {
                ("AppointmentGroup.Updated", visit.group(), emptied(&visit, mixed))
            }
            What::Deleted(visit) => {
                let data = json!({ "appointment_group_id": shown(&visit.group(), mixed) });
                ("AppointmentGroup.Delete", visit.group(), data)
            }
            What::Status(visit) => {
                ("AppointmentGroup.Status", visit.group(), status(&visit, mixed))
            }
            What::Progress(event, visit) => (event, visit.group(), progress(&visit, mixed)),
            What::Invoice(id, state) => {
                let data = invoice(&id, &state, at, inner, settings, mixed);
                ("Invoice.Closed", id, data)
            }
            What::Membership(event, id, state) => {
                let left = inner.zenoti.survivor(&state.guest, at);
                let person = inner.patients.get(left.as_str(), at);
                let data = match person.filter(|_| event.ends_with("Created")) {
                    Some(person) => {
                        let invoice = inner.zenoti.invoice(state.invoice.as_str(), at);
                        let number = invoice.map_or(0, |invoice| invoice.number);
                        let (guest, person) = (&state.guest, &person.version.state);
                        membership_json::membership(&id, &state, guest, person, number, mixed)
                    }
                    None => membership_json::change(&id, &state, &plain(at), mixed),
                };
                (event, id, data)
            }
        };
        let documented_bare = event.starts_with("Appointment.")
            || (event.starts_with("Guest.Membership.") && !event.ends_with("Created"));
        Self { event, record, at, bare: documented_bare && settings.bare_events, data: Some(data) }
    }
}

impl Payload for Told {
    fn event(&self) -> &str {
        self.event
    }

    fn record(&self) -> &str {
        &self.record
    }

    fn body(&self, event_id: &str) -> Vec<u8> {
        let Some(data) = &self.data else { return Vec::new() };
        if self.bare {
            return data.to_string().into_bytes();
        }
        // Newer events come without.
        let resource = match self.event {
            "AppointmentGroup.Status" => Some("AppointmentGroup"),
            "Invoice.Closed" => Some("Invoice"),
            event if event.starts_with("Guest.Membership.") => None,
            event if event.starts_with("Guest.") => Some("Guest"),
            _ => None,
        };
        let envelope = json!({
            "id": ids::object_id("call", event_id),
            "event_id": event_id,
            "event_schema": "v1",
            "event_resource": resource,
            "event_type": self.event,
            "event_timestamp": stamp(self.at),
            "data": data,
        });
        envelope.to_string().into_bytes()
    }
}

/// Created and updated: a guest without a phone, and every service.
fn group(visit: &Visit, inner: &Inner, mixed: bool) -> Value {
    let guest = visit.guest.as_ref().zip(visit.named.as_ref()).and_then(|(id, named)| {
        let row = inner.patients.get(id.as_str(), visit.now)?;
        let state = &row.version.state;
        Some(json!({
            "id": shown(named.as_str(), mixed),
            "first_name": state.given,
            "last_name": state.family,
            "email": state.emails.first().map(|email| email.address.clone()),
        }))
    });
    let appointments =
        (0..visit.services.len()).map(|index| invoice_json::booked(visit, index, mixed));
    json!({
        "invoice_id": shown(&visit.invoice(), mixed),
        "invoice_number": number_of(&visit.record).to_string(),
        "invoice_number_prefix": "JA1",
        "utm_source": null,
        "utm_medium": null,
        "appointment_group_id": shown(&visit.group(), mixed),
        "organization_id": ORGANIZATION,
        "center_id": shown(CENTER, mixed),
        "center_Name": CENTER_NAME,
        "guest": guest,
        "appointments": appointments.collect::<Vec<_>>(),
    })
}

/// The form in which invoice and center's name are missing.
fn emptied(visit: &Visit, mixed: bool) -> Value {
    json!({
        "appointment_group_id": shown(&visit.group(), mixed),
        "organization_id": ORGANIZATION,
        "center_id": shown(CENTER, mixed),
        "guest": visit.named.as_ref().map(|id| json!({ "id": shown(id.as_str(), mixed) })),
        "appointments": [],
    })
}

/// Neither guest nor center nor service.
fn status(visit: &Visit, mixed: bool) -> Value {
    let fee = if matches!(visit.status(), -1 | -2) { "Yes" } else { "No" };
    json!({
        "invoice_id": shown(&visit.invoice(), mixed),
        "invoice_number": number_of(&visit.record).to_string(),
        "receipt_number": "0",
        "appointment_group_id": shown(&visit.group(), mixed),
        "appointment_group_status": visit.status(),
        "is_noshowfeerequired": if visit.status() == -2 { fee } else { "No" },
        "is_cancellationfeerequired": if visit.status() == -1 { fee } else { "No" },
    })
}

fn progress(visit: &Visit, mixed: bool) -> Value {
    let appointments = (0..visit.services.len()).map(|index| {
        let mut line = invoice_json::line(visit, index, mixed);
        line["appointment_progress"] = json!(visit.progress());
        line["room_id"] = json!("");
        line["equipment_id"] = json!("");
        line
    });
    json!({
        "invoice_id": shown(&visit.invoice(), mixed),
        "invoice_number": number_of(&visit.record).to_string(),
        "appointment_group_id": shown(&visit.group(), mixed),
        "center_id": shown(CENTER, mixed),
        "appointments": appointments.collect::<Vec<_>>(),
    })
}

fn invoice(
    id: &str,
    state: &InvoiceState,
    at: DateTime<Utc>,
    inner: &Inner,
    settings: &ZenotiSettings,
    mixed: bool,
) -> Value {
    let left = inner.zenoti.survivor(&state.guest, at);
    let guest = inner.patients.get(left.as_str(), at);
    let guest = guest.as_ref().map(|row| &row.version.state);
    let mut invoice = invoice_json::invoice(id, state, guest, mixed);
    invoice["invoice_items"] = invoice_json::items(id, state, mixed);
    invoice["transactions"] = invoice_json::transactions(state);
    let visit = state.appointment.as_ref();
    let visit = visit.and_then(|it| inner.appointments.get(it.as_str(), at));
    let visit = visit.map(|row| Visit::of(&row, &inner.zenoti, at));
    invoice["appointments"] = invoice_json::appointments(visit.as_ref(), mixed);
    if settings.mixed_centers && ids::hash(id).is_multiple_of(2) {
        if let Value::Object(invoice) = &mut invoice {
            invoice.remove("center_id");
        }
        invoice["center"] = json!({ "id": shown(CENTER, mixed), "name": CENTER_NAME });
    }
    json!({ "invoice": invoice })
}
