use std::collections::BTreeSet;

use cannula_core::{
    Delivery, Error, ErrorKind, Event, Pointer, PracticeId, Record, RecordId, RecordKey,
    RecordKind, Result, WebhookDecoder,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    CONNECTOR,
    codes::AppointmentCode,
    config::ZenotiConfig,
    locator::Locator,
    merge,
    signature::Keys,
    time::{self, CenterTime, UtcTime},
    wire,
};

/// Verifies and reads what Zenoti delivers: each event is a pointer to the record that changed.
///
/// Nothing of a payload is believed but ids, and where to look for them. What is authentic and of
/// no concern, or not understood, is acknowledged: twenty refusals in a row would switch the
/// webhook off.
#[derive(Clone, Debug)]
pub struct ZenotiWebhooks {
    keys: Keys,
    practice: PracticeId,
    organization: Option<String>,
    centers: BTreeSet<String>,
}

impl ZenotiWebhooks {
    /// Prepares the decoder of a practice.
    ///
    /// # Errors
    /// `Config` if there is no secret: there is no decoder that does not verify.
    pub fn new(config: &ZenotiConfig) -> Result<Self> {
        let keys = config.webhooks.as_ref().and_then(|it| Keys::new(&it.header, &it.secrets));
        let Some(keys) = keys else {
            let message = "webhooks need a secret and the name of a header, under `webhooks`";
            return Err(Error::new(ErrorKind::Config, message).connector(CONNECTOR));
        };
        Ok(Self {
            keys,
            practice: config.practice.clone(),
            organization: config.organization.clone(),
            centers: config.centers.iter().map(|center| center.id.clone()).collect(),
        })
    }

    /// Whether the payload says that it is about another organisation, or about other centers.
    fn is_foreign(&self, data: &Value) -> bool {
        let organization = id_at(data, &["organization_id"]);
        if let (Some(ours), Some(theirs)) = (&self.organization, organization)
            && *ours != theirs
        {
            return true;
        }
        center(data).is_some_and(|center| !self.centers.contains(&center))
    }
}

/// A pointer to be.
struct Found {
    kind: RecordKind,
    locator: Locator,
    gone: bool,
}

impl Found {
    fn changed(kind: RecordKind, locator: Locator) -> Self {
        Self { kind, locator: Locator { changed: true, ..locator }, gone: false }
    }

    /// What is gone has its bare id, which is what is known of it.
    fn gone(kind: RecordKind, id: String) -> Self {
        Self { kind, locator: Locator::to(id), gone: true }
    }
}

impl WebhookDecoder for ZenotiWebhooks {
    fn decode(&self, delivery: &Delivery<'_>) -> Result<Vec<Event>> {
        // The user interface's test button sends nothing, unsigned. Nothing can come of nothing.
        if delivery.body.is_empty() {
            return Ok(Vec::new());
        }
        self.keys.verify(delivery)?;
        let body: Value = serde_json::from_slice(delivery.body).map_err(|error| {
            Error::new(ErrorKind::Decode, "the delivery is not JSON")
                .connector(CONNECTOR)
                .operation("read a webhook")
                .with("at", format!("line {} column {}", error.line(), error.column()))
        })?;
        let stamp = moment(&body["event_timestamp"]);
        let name = text(&body["event_type"]).map(str::to_lowercase);
        // Without an envelope the payload is all there is; in one, `id` is the call's own.
        let is_bare = name.is_none() && !body["data"].is_object();
        let data = if is_bare { &body } else { &body["data"] };
        let invoice = &data["invoice"];
        if self.is_foreign(data) || (invoice.is_object() && self.is_foreign(invoice)) {
            tracing::debug!("a delivery is about another center");
            return Ok(Vec::new());
        }
        let made = stamp.unwrap_or(delivery.received_at);
        let found = match name.as_deref() {
            Some(name) => named(name, data, made),
            None => bare(data),
        };
        let id = dedupe_id(&body, delivery.body);
        let events = found.into_iter().enumerate().map(|(index, found)| {
            let key = RecordKey {
                practice: self.practice.clone(),
                kind: found.kind,
                id: found.locator.record_id(),
            };
            let id = if index == 0 { id.clone() } else { format!("{id}/{index}") };
            let record = Record::Pointer(Pointer { key, gone: found.gone });
            let practice = self.practice.clone();
            Event::new(practice, RecordId::new(id), record, stamp, delivery.received_at)
        });
        Ok(events.collect())
    }

    /// Anything but 2xx is tried again, up to five times; 503 says what is the matter.
    fn try_again(&self) -> u16 {
        503
    }
}

/// What an event is about, by its name in lower case.
fn named(name: &str, data: &Value, made: DateTime<Utc>) -> Vec<Found> {
    let is_progress = matches!(name, "appointment.started" | "appointment.completed");
    let found = if is_progress || name.starts_with("appointmentgroup.") {
        group(name, data)
    } else if name.starts_with("guest.membership.") {
        membership(data).into_iter().collect()
    } else if name.starts_with("invoice.") {
        invoice(data).into_iter().collect()
    } else {
        match name {
            "guest.created" | "guest.updated" | "guest.deleted" => guest(name, data, made),
            "guest.merged" => merged(data),
            _ => {
                tracing::debug!("a delivery is of no concern");
                return Vec::new();
            }
        }
    };
    if found.is_empty() {
        // Answering an error would bring it back five times and no better.
        tracing::warn!(
            "a delivery does not say which record it is about; the sweep has to find it"
        );
    }
    found
}

/// What a payload without an envelope is about, by its shape.
fn bare(data: &Value) -> Vec<Found> {
    let has_progress = |row: &Value| !row["appointment_progress"].is_null();
    let rows = data["appointments"].as_array();
    if id_at(data, &["appointment_group_id"]).is_some()
        && rows.is_some_and(|rows| rows.iter().any(has_progress))
    {
        return group("appointment.progress", data);
    }
    if id_at(data, &["user_membership_id"]).is_some() {
        return membership(data).into_iter().collect();
    }
    tracing::info!("a delivery without an event type is not one we know");
    Vec::new()
}

fn group(name: &str, data: &Value) -> Vec<Found> {
    const KIND: RecordKind = RecordKind::Appointment;
    let Some(id) = id_at(data, &["appointment_group_id"]) else { return Vec::new() };
    let rows = data["appointments"].as_array();
    let emptied = name == "appointmentgroup.updated" && rows.is_some_and(Vec::is_empty);
    if emptied || matches!(name, "appointmentgroup.delete" | "appointmentgroup.deleted") {
        return vec![Found::gone(KIND, id)];
    }
    let rows = rows.into_iter().flatten();
    // Here `start_time` is UTC, or it is not said what it is: the day is known only roughly.
    let local = rows.clone().filter_map(|row| time_at::<CenterTime>(row, "start_time_in_center"));
    let utc = rows.filter_map(|row| time_at::<UtcTime>(row, "start_time"));
    let day = local.min().map(|it| it.0.date());
    let near = utc.min().map(|it| it.0.date_naive()).filter(|_| day.is_none());
    let invoice = id_at(data, &["invoice_id"]);
    let locator = Locator {
        center: center(data),
        day,
        near,
        invoice: invoice.clone(),
        guest: id_at(&data["guest"], &["id"]),
        ..Locator::to(id)
    };
    let mut found = vec![Found::changed(KIND, locator)];
    // No event says that an invoice was voided or paid back; its booking does.
    let code = data["appointment_group_status"].as_i64().map(AppointmentCode::of);
    let paid_back = code.is_some_and(|code| {
        matches!(
            code,
            AppointmentCode::Voided
                | AppointmentCode::VoidedToo
                | AppointmentCode::Deleted
                | AppointmentCode::Refund
        )
    });
    if let Some(invoice) = invoice.filter(|_| paid_back) {
        found.push(Found::changed(RecordKind::Payment, Locator::to(invoice)));
    }
    found
}

fn guest(name: &str, data: &Value, made: DateTime<Utc>) -> Vec<Found> {
    let Some(id) = id_at(data, &["id", "guest_id"]) else { return Vec::new() };
    let locator = Locator::to(id);
    vec![match name {
        "guest.created" => Found {
            kind: RecordKind::Patient,
            locator: Locator { created: Some(made), ..locator },
            gone: false,
        },
        "guest.deleted" => Found::gone(RecordKind::Patient, locator.id),
        _ => Found::changed(RecordKind::Patient, locator),
    }]
}

/// All guests that a merge names, each with the others: one of them is left.
fn merged(data: &Value) -> Vec<Found> {
    let guests = merge::guests_named(data);
    let found = guests.iter().map(|guest| {
        let others = guests.iter().filter(|it| *it != guest).cloned().collect();
        let locator = Locator { merged: others, ..Locator::to(&**guest) };
        Found::changed(RecordKind::Patient, locator)
    });
    found.collect()
}

fn invoice(data: &Value) -> Option<Found> {
    let nested = id_at(&data["invoice"], &["id", "invoice_id"]);
    let id = nested.or_else(|| id_at(data, &["invoice_id", "id"]))?;
    Some(Found::changed(RecordKind::Payment, Locator::to(id)))
}

fn membership(data: &Value) -> Option<Found> {
    let locator = Locator {
        center: center(data),
        guest: id_at(data, &["guest_id"]).or_else(|| id_at(&data["guest"], &["id"])),
        ..Locator::to(id_at(data, &["user_membership_id"])?)
    };
    Some(Found::changed(RecordKind::Membership, locator))
}

fn center(data: &Value) -> Option<String> {
    id_at(data, &["center_id"]).or_else(|| id_at(&data["center"], &["id"]))
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The first of these keys that holds an id.
fn id_at(data: &Value, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| wire::id(text(&data[*key])?))
}

fn time_at<T: time::Written + time::Dated>(row: &Value, key: &str) -> Option<T> {
    time::read(text(&row[key])?).ok().flatten()
}

fn moment(value: &Value) -> Option<DateTime<Utc>> {
    time::read::<UtcTime>(text(value)?).ok().flatten().map(|it| it.0)
}

/// What makes two deliveries one: the event's id, else the call's, else the bytes.
fn dedupe_id(body: &Value, bytes: &[u8]) -> String {
    let id = text(&body["event_id"]).or_else(|| text(&body["event_type"]).and(text(&body["id"])));
    id.map(str::to_lowercase).unwrap_or_else(|| {
        Sha256::digest(bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    })
}
