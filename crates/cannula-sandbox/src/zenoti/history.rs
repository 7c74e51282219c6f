//! The truth: what a faithful client of Zenoti would map, version by version.

use cannula_core::{
    Appointment, AppointmentStatus, Event, Membership, MembershipStatus, Named, Patient,
    PatientMerge, Payer, Payment, PaymentKind, PaymentStatus, PersonName, Phi, Phone, PhoneUse,
    PracticeId, Record, RecordId, RecordKey, VisitTime,
};
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use std::collections::BTreeMap;

use super::{
    book::{Book, InvoiceState, MembershipStanding, MembershipState, Merge},
    ids::{self, CENTER, CENTER_NAME},
    phone,
    visit::{Service, Visit},
};
use crate::practice::{Inner, PatientState, Practice, Table, Version, instant_of};

impl Practice {
    /// Every version of every record of the whole timeline as a faithful client of Zenoti maps it,
    /// with the instant it comes into being, in order. An appointment is a group, a payment is an
    /// invoice; a guest's first version is new. A visit ahead whose group is deleted or
    /// loses all its services ends as cancelled. A version that says what the one before said is left out, and so
    /// are blocks, which have no group, and invoices that nobody closed.
    pub fn zenoti_history(&self) -> Vec<(DateTime<Utc>, Event)> {
        let mut inner = self.lock();
        let mut all = guests(&inner);
        all.extend(visits(&inner));
        all.extend(invoices(&inner.zenoti));
        all.extend(memberships(&inner.zenoti));
        inner.zenoti.restate(&mut all);
        all.extend(inner.zenoti.merges.iter().map(Merge::said));
        all.sort_by(|a, b| (a.at, a.record.kind(), &a.id).cmp(&(b.at, b.record.kind(), &b.id)));
        let mut last = BTreeMap::<RecordKey, Record>::new();
        let practice = PracticeId::new(CENTER);
        let events = all.into_iter().filter_map(|Said { at, id, record }| {
            let (id, practice) = (RecordId::new(id), practice.clone());
            let event = Event::new(practice, id, record, Some(at), at);
            let before = last.insert(event.key.clone(), event.record.clone());
            (before.as_ref() != Some(&event.record)).then_some((at, event))
        });
        events.collect()
    }

    /// The part of [`Practice::zenoti_history`] up to and with an instant.
    pub fn zenoti_history_until(&self, until: DateTime<Utc>) -> Vec<Event> {
        let past = self.zenoti_history().into_iter().filter(|(at, _)| *at <= until);
        past.map(|(_, event)| event).collect()
    }
}

/// What a record says from an instant on.
#[derive(Clone, Debug)]
struct Said {
    at: DateTime<Utc>,
    id: String,
    record: Record,
}

impl Book {
    /// Guests that were merged keep what they had: it is said again, of the guest they became.
    fn restate(&mut self, all: &mut Vec<Said>) {
        for merge in &self.merges {
            let mut current = BTreeMap::<(&'static str, String), Said>::new();
            for said in all.iter().filter(|said| said.at <= merge.at) {
                let key = (said.record.kind().as_str(), said.id.clone());
                let newer = current.get(&key).is_none_or(|before| before.at <= said.at);
                if newer {
                    current.insert(key, said.clone());
                }
            }
            let moved = current.into_values().filter_map(|said| {
                let mut record = said.record;
                let owner = match &mut record {
                    Record::Appointment(it) => it.patient.as_mut()?,
                    Record::Payment(it) => it.patient.as_mut()?,
                    Record::Membership(it) => &mut it.patient,
                    _ => return None,
                };
                if *owner != merge.from {
                    return None;
                }
                owner.clone_from(&merge.into);
                Some(Said { at: merge.at, record, ..said })
            });
            let moved: Vec<_> = moved.collect();
            all.extend(moved);
        }
    }
}

impl Merge {
    fn said(&self) -> Said {
        let (patient, into) = (self.from.clone(), self.into.clone());
        let record = Record::PatientMerge(PatientMerge { patient, into });
        Said { at: self.at, id: self.from.as_str().to_owned(), record }
    }
}

/// Every version of every record of a table that comes before the record's end.
fn versions<S: Clone>(table: &Table<S>) -> impl Iterator<Item = (&str, &Version<S>)> {
    let ends: BTreeMap<&str, _> = table.ends().map(|(id, at)| (&**id, at)).collect();
    table.versions().filter_map(move |(id, version)| {
        let over = ends.get(&**id).is_some_and(|end| *end < version.at);
        (!over).then_some((&**id, &**version))
    })
}

fn guests(inner: &Inner) -> Vec<Said> {
    let said = versions(&inner.patients).map(|(id, version)| {
        let first = inner.patients.life(id).first().is_some_and(|first| first.at == version.at);
        let record = Record::Patient(guest(id, &version.state, first));
        Said { at: version.at, id: id.to_owned(), record }
    });
    said.collect()
}

fn visits(inner: &Inner) -> Vec<Said> {
    let mut all = Vec::new();
    let mut last = BTreeMap::new();
    for (id, version) in versions(&inner.appointments) {
        let entered = inner.appointments.life(id).first().map_or(version.at, |first| first.at);
        let (at, state) = (version.at, &version.state);
        let visit = Visit::at(&id.into(), entered, at, state, &inner.zenoti, at);
        if visit.guest.is_some() {
            let record = Record::Appointment(appointment(&visit));
            all.push(Said { at, id: visit.group(), record });
            last.insert(id, visit);
        }
    }
    for (id, at) in inner.appointments.ends() {
        let booked = last.get(&**id).map(|visit| (visit.group(), appointment(visit)));
        if let Some((group, state)) = booked.filter(|(_, state)| is_ahead(&state.status)) {
            let record = Appointment { status: AppointmentStatus::Cancelled, ..state };
            all.push(Said { at, id: group, record: Record::Appointment(record) });
        }
    }
    all
}

/// Taking the visit away cancels it; what is over stays as it ended.
const fn is_ahead(status: &AppointmentStatus) -> bool {
    use AppointmentStatus::{Arrived, Confirmed, Pending};
    matches!(status, Pending | Confirmed | Arrived)
}

fn invoices(book: &Book) -> Vec<Said> {
    let said = versions(&book.invoices).map(|(id, version)| {
        let guest = book.survivor(&version.state.guest, version.at);
        let record = Record::Payment(payment(&InvoiceState { guest, ..version.state.clone() }));
        Said { at: version.at, id: id.to_owned(), record }
    });
    said.collect()
}

fn memberships(book: &Book) -> Vec<Said> {
    let said = versions(&book.memberships).map(|(id, version)| {
        let guest = book.survivor(&version.state.guest, version.at);
        let state = MembershipState { guest, ..version.state.clone() };
        Said { at: version.at, id: id.to_owned(), record: Record::Membership(membership(state)) }
    });
    said.collect()
}

fn guest(id: &str, state: &PatientState, is_new: bool) -> Patient {
    let phones =
        [PhoneUse::Mobile, PhoneUse::Work, PhoneUse::Home].into_iter().filter_map(|usage| {
            let typed = state.phones.iter().find(|phone| phone.usage == usage)?;
            let number = Phi::new(phone::international(&typed.number));
            Some(Phone { usage, number, preferred: false })
        });
    Patient {
        id: id.into(),
        chart_number: Some(Phi::new(state.chart.to_string())),
        name: PersonName {
            given: Phi::new(state.given.clone()),
            family: Phi::new(state.family.clone()),
        },
        birth_date: (state.birth_date.year() > 1900).then(|| Phi::new(state.birth_date)),
        emails: state.emails.first().map(|it| Phi::new(it.address.clone())).into_iter().collect(),
        phones: phones.collect(),
        is_new,
    }
}

fn appointment(visit: &Visit) -> Appointment {
    let mut kinds = visit.services.iter().filter_map(|service| named(service.name.as_deref()?));
    let status = match &visit.state.status {
        AppointmentStatus::Confirmed => AppointmentStatus::Confirmed,
        AppointmentStatus::Arrived => AppointmentStatus::Arrived,
        AppointmentStatus::Fulfilled => AppointmentStatus::Fulfilled,
        // What is void left the book as what is cancelled did.
        AppointmentStatus::Cancelled | AppointmentStatus::EnteredInError => {
            AppointmentStatus::Cancelled
        }
        AppointmentStatus::NoShow => AppointmentStatus::NoShow,
        _ => AppointmentStatus::Pending,
    };
    let end = visit.services.iter().map(|service: &Service| service.end).max();
    Appointment {
        patient: visit.guest.clone(),
        status,
        kind: kinds.next(),
        also: kinds.collect(),
        purposes: Vec::new(),
        start: Some(visit_time(visit.state.start)),
        end: end.map(visit_time),
        practitioner: visit.state.practitioner.map(|who| Named {
            id: Some(ids::therapist(who.id)),
            name: format!("{} {}", who.given, who.family),
        }),
        location: Some(center()),
    }
}

fn named(service: &str) -> Option<Named> {
    Some(Named { id: Some(ids::service(service)), name: service.to_owned() })
}

fn center() -> Named {
    Named { id: Some(CENTER.to_owned()), name: CENTER_NAME.to_owned() }
}

fn payment(state: &InvoiceState) -> Payment {
    let total = state.total().money();
    Payment {
        patient: Some(state.guest.clone()),
        kind: PaymentKind::Payment,
        payer: Payer::Patient,
        status: PaymentStatus::Active,
        amount: if state.closed { total } else { cannula_core::Money::zero(total.currency()) },
        date: Some(state.date),
        method: None,
        category: Some("Invoice".to_owned()),
        items: state.items.iter().map(|item| item.name.clone()).collect(),
        description: None,
        practitioner: None,
        location: Some(center()),
        corrections: Vec::new(),
    }
}

fn membership(state: MembershipState) -> Membership {
    Membership {
        patient: state.guest,
        name: state.name,
        status: match state.standing {
            MembershipStanding::Active => MembershipStatus::Active,
            MembershipStanding::Frozen => MembershipStatus::Frozen,
            MembershipStanding::Cancelled => MembershipStatus::Cancelled,
        },
        start: Some(state.start),
        end: Some(state.end),
        price: Some(state.price.money()),
    }
}

fn visit_time(local: NaiveDateTime) -> VisitTime {
    VisitTime { local, instant: instant_of(local) }
}
