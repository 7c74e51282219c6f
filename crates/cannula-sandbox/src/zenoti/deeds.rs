//! What happened in the practice that Zenoti tells of, in order.

use std::sync::Arc;

use cannula_core::{AppointmentStatus, PatientId};
use chrono::{DateTime, Utc};

use super::{
    book::{InvoiceState, MembershipStanding, MembershipState},
    ids,
    settings::ZenotiSettings,
    visit::Visit,
};
use crate::practice::{AppointmentState, Inner, PatientState, Table, Version};

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) struct Deed {
    pub(super) at: DateTime<Utc>,
    /// The same whenever it is looked at: record, version and event.
    pub(super) key: String,
    pub(super) what: What,
}

/// What happened, with the state that it left.
#[derive(Clone, Debug)]
pub(super) enum What {
    Guest(&'static str, PatientId, PatientState),
    /// The id that died, and the one that is left.
    Merged(PatientId, PatientId),
    Group(&'static str, Box<Visit>),
    /// All services of a group were removed.
    Emptied(Box<Visit>),
    /// The group was deleted; only its ids are left.
    Deleted(Box<Visit>),
    /// The group has another status.
    Status(Box<Visit>),
    /// Services were started or completed.
    Progress(&'static str, Box<Visit>),
    Invoice(String, InvoiceState),
    Membership(&'static str, String, MembershipState),
}

/// A record's states up to its end, and the instant of that end.
struct Life<'a, S> {
    id: &'a Arc<str>,
    versions: Vec<&'a Version<S>>,
    end: Option<DateTime<Utc>>,
}

fn lives<S: Clone>(table: &Table<S>) -> Vec<Life<'_, S>> {
    let mut lives: Vec<Life<'_, S>> = Vec::new();
    for (id, version) in table.versions() {
        match lives.last_mut() {
            Some(life) if life.id == id => life.versions.push(version),
            _ => lives.push(Life { id, versions: vec![version], end: None }),
        }
    }
    for (id, end) in table.ends() {
        if let Some(life) = lives.iter_mut().find(|life| life.id == id) {
            life.end = Some(end);
            life.versions.retain(|version| version.at <= end);
        }
    }
    lives
}

/// Everything that happens in the whole timeline, also what lies ahead.
pub(super) fn deeds(inner: &Inner, settings: &ZenotiSettings) -> Vec<Deed> {
    let mut teller = Teller { inner, settings, deeds: Vec::new() };
    lives(&inner.patients).iter().for_each(|life| teller.guest(life));
    lives(&inner.appointments).iter().for_each(|life| teller.visit(life));
    lives(&inner.zenoti.invoices).iter().for_each(|life| teller.invoice(life));
    lives(&inner.zenoti.memberships).iter().for_each(|life| teller.membership(life));
    teller.opted_in();
    // Stable: what happens at one instant stays in the order in which it is written here.
    teller.deeds.sort_by_key(|deed| deed.at);
    teller.deeds
}

struct Teller<'a> {
    inner: &'a Inner,
    settings: &'a ZenotiSettings,
    deeds: Vec<Deed>,
}

impl Teller<'_> {
    fn add(&mut self, at: DateTime<Utc>, key: String, what: What) {
        self.deeds.push(Deed { at, key, what });
    }

    fn guest(&mut self, life: &Life<'_, PatientState>) {
        let id = PatientId::new(&**life.id);
        for (index, version) in life.versions.iter().enumerate() {
            let event = if index == 0 { "Guest.Created" } else { "Guest.Updated" };
            let what = What::Guest(event, id.clone(), version.state.clone());
            self.add(version.at, format!("{id}/{index}"), what);
            if index == 0 && version.state.chart.is_multiple_of(5) {
                let what = What::Guest("Guest.OptedIn", id.clone(), version.state.clone());
                self.add(version.at, format!("{id}/opted"), what);
            }
        }
        let (Some(end), Some(last)) = (life.end, life.versions.last()) else { return };
        let merge = self.inner.zenoti.merges.iter().find(|merge| merge.from == id);
        let what = match merge {
            Some(merge) => What::Merged(id.clone(), merge.into.clone()),
            None => What::Guest("Guest.Deleted", id.clone(), last.state.clone()),
        };
        self.add(end, format!("{id}/end"), what);
    }

    fn opted_in(&mut self) {
        for (index, (at, id)) in self.inner.zenoti.opted_in.iter().enumerate() {
            if let Some(row) = self.inner.patients.get(id.as_str(), *at) {
                let what = What::Guest("Guest.OptedIn", id.clone(), row.version.state.clone());
                self.add(*at, format!("opted/{index}"), what);
            }
        }
    }

    fn visit(&mut self, life: &Life<'_, AppointmentState>) {
        let Some(first) = life.versions.first().filter(|first| first.state.patient.is_some())
        else {
            return;
        };
        let book = &self.inner.zenoti;
        let at_version = |version: &Version<AppointmentState>, now| {
            Visit::at(life.id, first.at, version.at, &version.state, book, now)
        };
        let mut deeds = Vec::new();
        let mut add = |at, key: String, what| deeds.push(Deed { at, key, what });
        let mut before: Option<Visit> = None;
        for (index, version) in life.versions.iter().enumerate() {
            let visit = Box::new(at_version(version, version.at));
            let key = |event: &str| format!("{}/{index}/{event}", life.id);
            let status = before.as_ref().map_or(0, Visit::status);
            let moved = before.as_ref().is_some_and(|before| !same_but_status(before, &visit));
            let done = visit.state.status == AppointmentStatus::Fulfilled;
            let new_status = !done && visit.status() != status;
            if index == 0 {
                add(
                    version.at,
                    key("created"),
                    What::Group("AppointmentGroup.Created", visit.clone()),
                );
            } else if moved || (!new_status && !done) {
                add(
                    version.at,
                    key("updated"),
                    What::Group("AppointmentGroup.Updated", visit.clone()),
                );
            }
            if new_status {
                add(version.at, key("status"), What::Status(visit.clone()));
            }
            if done && before.as_ref().is_none_or(|it| it.state.status != visit.state.status) {
                let what = What::Progress("Appointment.Completed", visit.clone());
                add(version.at, key("completed"), what);
            }
            let next = life.versions.get(index + 1).map_or(DateTime::<Utc>::MAX_UTC, |it| it.at);
            let started = version.at.max(version.state.starts_at());
            if visit.state.status == AppointmentStatus::Arrived && started < next {
                let visit = Box::new(at_version(version, started));
                add(started, key("started"), What::Progress("Appointment.Started", visit));
            }
            before = Some(*visit);
        }
        if let (Some(end), Some(last)) = (life.end, life.versions.last()) {
            let visit = Box::new(at_version(last, end));
            let emptied = book.emptied.contains(&**life.id);
            let what = if emptied { What::Emptied(visit) } else { What::Deleted(visit) };
            add(end, format!("{}/end", life.id), what);
        }
        self.deeds.append(&mut deeds);
    }

    /// An invoice that closes, and one that is opened again, which the vendor calls by one name.
    fn invoice(&mut self, life: &Life<'_, InvoiceState>) {
        let early = self.settings.early_invoices;
        for (index, version) in life.versions.iter().enumerate() {
            let (id, at, state) = (life.id, version.at, &version.state);
            let guest = self.inner.zenoti.named(&state.guest, at);
            let state = InvoiceState { guest, ..state.clone() };
            let open = InvoiceState { closed: false, ..state.clone() };
            if early && (!state.closed || ids::hash(id).is_multiple_of(3)) {
                let what = What::Invoice(id.to_string(), open);
                self.add(at, format!("{id}/{index}/open"), what);
            }
            if !state.closed {
                continue;
            }
            let visit = state.appointment.as_ref().filter(|_| !state.refund);
            let visit = visit.and_then(|it| self.inner.appointments.get(it.as_str(), at));
            let visit = visit.map(|row| Visit::of(&row, &self.inner.zenoti, at));
            if let Some(visit) = visit.filter(|visit| visit.status() == 1) {
                self.add(at, format!("{id}/{index}/status"), What::Status(Box::new(visit)));
            }
            self.add(at, format!("{id}/{index}"), What::Invoice(id.to_string(), state));
        }
    }

    fn membership(&mut self, life: &Life<'_, MembershipState>) {
        for (index, version) in life.versions.iter().enumerate() {
            let guest = self.inner.zenoti.named(&version.state.guest, version.at);
            let state = MembershipState { guest, ..version.state.clone() };
            let event = match state.standing {
                _ if index == 0 => "Guest.Membership.Created",
                MembershipStanding::Active => "Guest.Membership.Unfreeze",
                MembershipStanding::Frozen => "Guest.Membership.Freeze",
                MembershipStanding::Cancelled => "Guest.Membership.Cancelled",
            };
            let what = What::Membership(event, life.id.to_string(), state);
            self.add(version.at, format!("{}/{index}", life.id), what);
        }
    }
}

/// Nothing but where it stands is different, and something of that is.
fn same_but_status(before: &Visit, after: &Visit) -> bool {
    let (a, b) = (&before.state, &after.state);
    a.start == b.start
        && a.minutes == b.minutes
        && a.kind == b.kind
        && a.practitioner == b.practitioner
        && before.named == after.named
}
