//! Webhooks. Names, envelope, signature and retries are all assumed: the vendor publishes none of
//! them.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{WEBHOOK_HEADER, WEBHOOK_SECRET, order::OrderState, order::main_location, render};
use crate::{
    practice::{AppointmentState, Inner, PatientState, Practice},
    webhooks::{Change, Feed, News, Payload, Policy, Signing, Told, hmac_sha256, next_version},
};

/// Everything but 2xx is tried again, five times, with pauses that grow.
pub(super) const POLICY: Policy = Policy {
    sign: |signing, body| Some((WEBHOOK_HEADER, signature(signing, body)?)),
    event_id: |number| format!("evt-{number:04}"),
    patience: Duration::from_secs(10),
    retried: |_| true,
    pauses: &[
        TimeDelta::minutes(1),
        TimeDelta::minutes(5),
        TimeDelta::minutes(15),
        TimeDelta::hours(1),
        TimeDelta::hours(4),
    ],
    switched_off_after: None,
};

fn signature(signing: Signing, body: &[u8]) -> Option<String> {
    let secret = match signing {
        Signing::Genuine => WEBHOOK_SECRET,
        Signing::ForeignKey => "a secret that nobody was told",
        Signing::NotAvailable => return Some("N/A".to_owned()),
        Signing::Absent => return None,
    };
    let hex: String = hmac_sha256(secret, body).iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("sha256={hex}"))
}

/// One event.
#[derive(Debug)]
struct Message {
    event: &'static str,
    record: String,
    at: DateTime<Utc>,
    company: u32,
    data: Value,
}

impl Payload for Message {
    fn event(&self) -> &str {
        self.event
    }

    fn record(&self) -> &str {
        &self.record
    }

    fn body(&self, event_id: &str) -> Vec<u8> {
        let body = json!({
            "EventId": event_id,
            "EventType": self.event,
            "EventTimestamp": self.at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            "SchemaVersion": "1",
            "CompanyId": self.company,
            "Data": self.data,
        });
        body.to_string().into_bytes()
    }
}

/// Follows the practice: every version that a client can see and that PatientNow has an event for
/// is told once. It has none for an edited customer, nor for an order that is opened again, voided
/// or refunded, nor for an appointment that is deleted.
#[derive(Debug)]
pub(super) struct Teller {
    practice: Arc<Practice>,
    told: Mutex<ToldAll>,
}

#[derive(Debug, Default)]
struct ToldAll {
    patients: Told,
    appointments: Told,
    /// Appointments that were told as booked, which held ones are not.
    booked: HashSet<Arc<str>>,
    orders: Told,
}

impl Teller {
    pub(super) fn new(practice: Arc<Practice>) -> Self {
        Self { practice, told: Mutex::default() }
    }
}

impl Feed for Teller {
    fn begin(&self) {
        self.news();
    }

    fn news(&self) -> Vec<News> {
        let now = self.practice.now();
        let told = &mut *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &*self.practice.lock();
        let mut messages = Vec::new();
        let patients = told.patients.fresh(&inner.patients, now);
        messages.extend(patients.iter().filter_map(|change| created(inner, change)));
        for change in told.appointments.fresh(&inner.appointments, now) {
            messages.extend(visit(inner, &change, &mut told.booked));
        }
        let orders = told.orders.fresh(&inner.patientnow.orders, now);
        messages.extend(orders.iter().filter_map(|change| closed(inner, change)));
        messages.sort_by_key(|message| message.at);
        let news = |message: Message| News { at: message.at, payload: Arc::new(message) };
        messages.into_iter().map(news).collect()
    }

    fn next(&self) -> Option<DateTime<Utc>> {
        let now = self.practice.now();
        let inner = self.practice.lock();
        let next = [
            next_version(&inner.patients, now),
            next_version(&inner.appointments, now),
            next_version(&inner.patientnow.orders, now),
        ];
        next.into_iter().flatten().min()
    }
}

fn created(inner: &Inner, change: &Change<PatientState>) -> Option<Message> {
    if change.before.is_some() {
        return None;
    }
    let row = inner.patients.get(&change.id, change.after.at)?;
    let customer = render::customer(inner, &row);
    let names = ["CustomerId", "FirstName", "LastName", "Email", "MobilePhone"];
    let data = names.map(|name| (name.to_owned(), customer[name].clone()));
    Some(Message {
        event: "Customer.Created",
        record: customer["CustomerId"].to_string(),
        at: change.after.at,
        company: change.after.state.location.unwrap_or_else(main_location).id,
        data: Value::Object(data.into_iter().collect()),
    })
}

fn visit(
    inner: &Inner,
    change: &Change<AppointmentState>,
    booked: &mut HashSet<Arc<str>>,
) -> Option<Message> {
    let state = &change.after.state;
    let status = render::status(&change.id, state)?;
    let place = state.location.unwrap_or_else(main_location);
    let first = booked.insert(Arc::clone(&change.id));
    let mut data = json!({
        "AppointmentId": render::number(&change.id),
        "CustomerId": state.patient.as_ref().map(|id| render::customer_id(inner, id)),
        "Status": status,
        "ServiceName": render::services(inner, &change.id, state).first().map(|it| &it.name),
        "StartTime": render::local(state.start),
        "CompanyName": place.name,
    });
    let event = if first {
        "Appointment.Booked"
    } else {
        let before = change.before.as_ref();
        data["PreviousStatus"] =
            json!(before.and_then(|before| render::status(&change.id, &before.state)));
        "Appointment.StatusUpdated"
    };
    let (record, at) = (change.id.to_string(), change.after.at);
    Some(Message { event, record, at, company: place.id, data })
}

/// An order that is closed and was not, or that was closed anew, or paid the rest.
fn closed(inner: &Inner, change: &Change<OrderState>) -> Option<Message> {
    let state = &change.after.state;
    let before = change.before.as_ref().map(|before| &before.state);
    let same = before.is_some_and(|it| (it.closed, it.due) == (state.closed, state.due));
    if state.status != super::order::OrderStatus::Closed || same {
        return None;
    }
    let order = render::order(inner, &change.id, &change.after);
    let lines = order["Lines"].as_array().into_iter().flatten();
    let lines = lines
        .map(|line| json!({ "Type": line["Type"], "Name": line["Name"], "Total": line["Total"] }));
    let data = json!({
        "OrderId": order["OrderId"],
        "CustomerId": order["CustomerId"],
        "Status": order["Status"],
        "Total": order["Total"],
        "Lines": lines.collect::<Vec<_>>(),
    });
    let (record, at) = (change.id.to_string(), change.after.at);
    Some(Message { event: "Order.Closed", record, at, company: state.location.id, data })
}
