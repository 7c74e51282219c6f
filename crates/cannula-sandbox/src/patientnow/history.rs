//! The truth as PatientNow tells it: every version of every record as the events a correct client
//! must see, mapped from the practice's own model and not from what the API prints.

use cannula_core::{
    Appointment, AppointmentStatus, Event, Membership, MembershipStatus, Named, Patient, PatientId,
    Payer, Payment, PaymentKind, PaymentStatus, PersonName, Phi, Phone, PhoneUse, PracticeId,
    Record, RecordId, VisitTime,
};
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};

use super::{
    book::local_date,
    ids,
    order::{LineKind, OrderState, OrderStatus, PatientNowMembership, main_location},
};
use crate::practice::{AppointmentState, Inner, PatientState, Practice, ZONE, instant_of};

impl Practice {
    /// Every version of every record of the whole timeline as PatientNow shows it, also those that
    /// lie ahead, with the instant it comes into being, in order. The practice's id is that of its
    /// main location; stamps are what a client reads from the local times on the wire. Online
    /// bookings that are only held are not shown, and appointments entered in error are cancelled.
    ///
    /// Memberships are those that orders tell of: `440001/2` is the second line of that order, in
    /// force from the day it is closed and cancelled when it is taken back. What customers' own
    /// lists of memberships tell is in [`Practice::patientnow_memberships`].
    pub fn patientnow_history(&self) -> Vec<(DateTime<Utc>, Event)> {
        let inner = self.lock();
        let mut history = History::default();
        for (id, version) in inner.patients.versions() {
            if let Some(id) = ids::customer_of(&inner.patients, id) {
                history.add(&id, Record::Patient(patient(&id, &version.state)), version.at);
            }
        }
        for (id, version) in inner.appointments.versions() {
            if let Some(record) = appointment(&inner, id, &version.state) {
                history.add(id, Record::Appointment(record), version.at);
            }
        }
        for (id, version) in inner.patientnow.orders.versions() {
            history.add(id, Record::Payment(order(&inner, &version.state)), version.at);
            for (line, record) in sold(&inner, &version.state) {
                history.add(&format!("{id}/{line}"), Record::Membership(record), version.at);
            }
        }
        history.sorted()
    }

    /// Every version of every membership as the lists of customers show it, like
    /// [`Practice::patientnow_history`].
    pub fn patientnow_memberships(&self) -> Vec<(DateTime<Utc>, Event)> {
        let inner = self.lock();
        let mut history = History::default();
        for (id, version) in inner.patientnow.memberships.versions() {
            if let Some(record) = membership(&inner, &version.state) {
                history.add(id, Record::Membership(record), version.at);
            }
        }
        history.sorted()
    }

    /// The part of [`Practice::patientnow_history`] up to and with an instant.
    pub fn patientnow_history_until(&self, until: DateTime<Utc>) -> Vec<Event> {
        let past = self.patientnow_history().into_iter().filter(|(at, _)| *at <= until);
        past.map(|(_, event)| event).collect()
    }
}

#[derive(Default)]
struct History(Vec<(DateTime<Utc>, Event)>);

impl History {
    fn add(&mut self, id: &str, record: Record, at: DateTime<Utc>) {
        let practice = PracticeId::new(main_location().id.to_string());
        let stamp = instant_of(at.with_timezone(&ZONE).naive_local());
        let event = Event::new(practice, RecordId::new(id), record, Some(stamp), at);
        self.0.push((at, event));
    }

    fn sorted(mut self) -> Vec<(DateTime<Utc>, Event)> {
        self.0.sort_by(|(at, a), (bt, b)| (at, &a.key).cmp(&(bt, &b.key)));
        self.0
    }
}

fn customer(inner: &Inner, id: &PatientId) -> Option<PatientId> {
    ids::customer_of(&inner.patients, id.as_str()).map(PatientId::new)
}

fn patient(id: &str, state: &PatientState) -> Patient {
    let phone = |usage| {
        let phone = state.phones.iter().find(|phone| phone.usage == usage)?;
        Some(Phone { usage, number: Phi::new(phone.number.clone()), preferred: false })
    };
    Patient {
        id: PatientId::new(id),
        chart_number: None,
        name: PersonName {
            given: Phi::new(state.given.clone()),
            family: Phi::new(state.family.clone()),
        },
        birth_date: (state.birth_date.year() > 1900).then(|| Phi::new(state.birth_date)),
        emails: state
            .emails
            .first()
            .map(|email| Phi::new(email.address.clone()))
            .into_iter()
            .collect(),
        phones: [PhoneUse::Mobile, PhoneUse::Home, PhoneUse::Work]
            .into_iter()
            .filter_map(phone)
            .collect(),
        is_new: false,
    }
}

fn appointment(inner: &Inner, id: &str, state: &AppointmentState) -> Option<Appointment> {
    let status = match &state.status {
        AppointmentStatus::Proposed => return None,
        AppointmentStatus::EnteredInError => AppointmentStatus::Cancelled,
        AppointmentStatus::PracticeDefined(_) | AppointmentStatus::Unknown(_) => {
            AppointmentStatus::Pending
        }
        status => status.clone(),
    };
    // The same service twice is one.
    let also = inner.patientnow.also.get(id).filter(|also| state.kind.as_ref() != Some(also));
    let also = also.cloned();
    let (first, rest) = match &state.kind {
        Some(kind) => (Some(kind.clone()), also),
        None => (also, None),
    };
    let place = state.location.unwrap_or_else(main_location);
    // The practitioner stands beside a service; without one there is none.
    let practitioner = state.practitioner.filter(|_| first.is_some());
    Some(Appointment {
        patient: state.patient.as_ref().and_then(|id| customer(inner, id)),
        status,
        kind: first,
        also: rest.into_iter().collect(),
        purposes: Vec::new(),
        start: Some(visit_time(state.start)),
        end: Some(visit_time(state.end())),
        practitioner: practitioner.map(|who| Named {
            id: Some(who.id.to_string()),
            name: format!("{} {}", who.given, who.family),
        }),
        location: Some(Named { id: Some(place.id.to_string()), name: place.name.to_owned() }),
    })
}

fn order(inner: &Inner, state: &OrderState) -> Payment {
    let status = match state.status {
        OrderStatus::Open | OrderStatus::Closed => PaymentStatus::Active,
        OrderStatus::Voided | OrderStatus::Refunded => PaymentStatus::Voided,
    };
    Payment {
        patient: customer(inner, &state.patient),
        kind: PaymentKind::Payment,
        payer: Payer::Patient,
        status,
        amount: state.value(),
        date: state.closed.map(local_date),
        method: None,
        category: Some("Order".to_owned()),
        items: state.lines.iter().map(|line| line.name.clone()).collect(),
        description: None,
        practitioner: None,
        location: None,
        corrections: Vec::new(),
    }
}

/// The memberships that an order tells of, by the numbers of their lines. An order that is open or
/// not paid has sold none yet.
fn sold(inner: &Inner, state: &OrderState) -> Vec<(u32, Membership)> {
    let status = match state.status {
        OrderStatus::Closed if state.is_settled() => MembershipStatus::Active,
        OrderStatus::Voided | OrderStatus::Refunded => MembershipStatus::Cancelled,
        OrderStatus::Open | OrderStatus::Closed => return Vec::new(),
    };
    let Some(patient) = customer(inner, &state.patient) else { return Vec::new() };
    let lines = (1..).zip(&state.lines).filter(|(_, line)| line.kind == LineKind::Membership);
    let sold = lines.map(|(number, line)| {
        let membership = Membership {
            patient: patient.clone(),
            name: line.name.clone(),
            status: status.clone(),
            start: state.closed.map(local_date),
            end: None,
            price: Some(line.total()),
        };
        (number, membership)
    });
    sold.collect()
}

fn membership(inner: &Inner, state: &PatientNowMembership) -> Option<Membership> {
    Some(Membership {
        patient: customer(inner, &state.patient)?,
        name: state.name.clone(),
        status: state.status.clone(),
        start: Some(state.start),
        end: state.end,
        price: Some(state.price),
    })
}

/// The wall clock as the practice wrote it, and the instant that wall clock means there.
fn visit_time(local: NaiveDateTime) -> VisitTime {
    VisitTime { local, instant: instant_of(local) }
}
