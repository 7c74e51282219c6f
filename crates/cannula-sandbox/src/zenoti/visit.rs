//! A visit as Zenoti sees it: a group of appointments, one for each service.

use std::sync::Arc;

use cannula_core::{AppointmentStatus, Named, PatientId};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::{
    amount::Amount,
    book::{Book, InvoiceItem, InvoiceState, ItemKind, day},
    ids,
};
use crate::practice::{AppointmentState, Visible};

/// One service of a visit.
#[derive(Clone, Debug)]
pub(super) struct Service {
    /// The id of its appointment, in lower case.
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) start: NaiveDateTime,
    pub(super) end: NaiveDateTime,
    pub(super) add_on: bool,
}

/// A visit at one of its states.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The practice's own id.
    pub(super) record: Arc<str>,
    pub(super) state: AppointmentState,
    pub(super) guest: Option<PatientId>,
    /// Whom it names.
    pub(super) named: Option<PatientId>,
    pub(super) services: Vec<Service>,
    pub(super) entered: DateTime<Utc>,
    pub(super) changed: DateTime<Utc>,
    /// The invoice is closed.
    pub(super) paid: bool,
    /// The moment it is looked at.
    pub(super) now: DateTime<Utc>,
}

impl Visit {
    /// The visit that a row of the practice is at an instant.
    pub(super) fn of(row: &Visible<AppointmentState>, book: &Book, now: DateTime<Utc>) -> Self {
        Self::at(&row.id, row.entered, row.version.at, &row.version.state, book, now)
    }

    pub(super) fn at(
        record: &Arc<str>,
        entered: DateTime<Utc>,
        changed: DateTime<Utc>,
        state: &AppointmentState,
        book: &Book,
        now: DateTime<Utc>,
    ) -> Self {
        let invoice = book.invoice(&ids::invoice(record), now);
        Self {
            record: Arc::clone(record),
            services: services(record, state, book),
            guest: state.patient.as_ref().map(|guest| book.survivor(guest, now)),
            named: state.patient.as_ref().map(|guest| book.named(guest, now)),
            state: state.clone(),
            entered,
            changed,
            paid: invoice.is_some_and(|invoice| invoice.closed),
            now,
        }
    }

    pub(super) fn group(&self) -> String {
        ids::group(&self.record)
    }

    pub(super) fn invoice(&self) -> String {
        ids::invoice(&self.record)
    }

    /// The vendor's code of where it stands. A visit that took place is checked in until its
    /// invoice is closed.
    pub(super) const fn status(&self) -> i64 {
        match self.state.status {
            AppointmentStatus::Confirmed => 4,
            AppointmentStatus::Fulfilled if self.paid => 1,
            AppointmentStatus::Arrived | AppointmentStatus::Fulfilled => 2,
            AppointmentStatus::Cancelled => -1,
            AppointmentStatus::NoShow => -2,
            AppointmentStatus::EnteredInError => 21,
            _ => 0,
        }
    }

    /// How far its services are: not started, started, completed.
    pub(super) fn progress(&self) -> i64 {
        match self.state.status {
            AppointmentStatus::Fulfilled => 2,
            AppointmentStatus::Arrived if self.now >= self.state.starts_at() => 1,
            _ => 0,
        }
    }

    /// It left the book: the list shows it only when asked to.
    pub(super) const fn off_the_book(&self) -> bool {
        matches!(self.status(), -1 | -2 | 21)
    }

    /// The invoice as it is before anybody touched it: open, with everything that was booked.
    pub(super) fn open_invoice(&self) -> Option<InvoiceState> {
        Some(InvoiceState {
            guest: self.named.clone()?,
            appointment: Some((&*self.record).into()),
            number: number_of(&self.record),
            items: self.services.iter().map(Service::item).collect(),
            closed: false,
            refund: false,
            date: day(self.entered),
        })
    }
}

impl Service {
    /// What it costs on an invoice.
    pub(super) fn item(&self) -> InvoiceItem {
        let name = self.name.clone().unwrap_or_default();
        let price = price_of(&name);
        InvoiceItem::taxed(name, ItemKind::Service, price)
    }
}

/// The price list: from 80 dollars on, with thirds of a dollar now and then.
pub(super) fn price_of(name: &str) -> Amount {
    let draw = ids::hash(name) % 900;
    let thirds = if draw.is_multiple_of(3) { 3_333 } else { 0 };
    Amount(800_000 + i64::try_from(draw).unwrap_or(0) * 10_000 + thirds)
}

/// The number of the invoice that a visit gets when it is booked.
pub(super) fn number_of(record: &str) -> u32 {
    record.parse().unwrap_or(0) + 100_000
}

/// The name of the service that a type of the practice is. A consultation is one service for each
/// of its purposes, since nothing else would tell them apart.
pub(super) fn service_name(kind: &Named, purposes: &[Named]) -> String {
    match purposes.first() {
        Some(purpose) if kind.name == "Consultation" => {
            format!("{} - {}", kind.name, purpose.name)
        }
        _ => kind.name.clone(),
    }
}

fn services(record: &str, state: &AppointmentState, book: &Book) -> Vec<Service> {
    let mut services = vec![Service {
        id: ids::appointment(record, 0),
        name: state.kind.as_ref().map(|kind| service_name(kind, &state.purposes)),
        start: state.start,
        end: state.end(),
        add_on: false,
    }];
    let mut start = state.end();
    for (index, extra) in book.extras.get(record).into_iter().flatten().enumerate() {
        let end = start + TimeDelta::minutes(extra.minutes);
        services.push(Service {
            id: ids::appointment(record, index + 1),
            name: Some(extra.name.clone()),
            start,
            end,
            add_on: extra.add_on,
        });
        start = end;
    }
    services
}
