//! Draws orders from a seed, on a stream of its own: visits, patients and payments are the same
//! with them and without.

use cannula_core::{AppointmentStatus, MembershipStatus, Named, PatientId};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    book::Book,
    order::{LineKind, OrderLine, OrderState, OrderStatus, PLANS, PRODUCTS, cents, main_location},
};
use crate::{
    faults::Rng,
    practice::{AppointmentState, KINDS, PracticeConfig, Table, Version},
};

/// Versions of one record are at least this far apart, as everywhere in the practice.
const APART: TimeDelta = TimeDelta::seconds(20 * 60 + 1);

impl Book {
    /// Fills the book with the whole timeline's orders and second services.
    pub(crate) fn fill(&mut self, config: PracticeConfig, appointments: &Table<AppointmentState>) {
        let end = config.start + TimeDelta::days(i64::from(config.days));
        let mut register =
            Register { random: Rng::new(config.seed ^ 0x0B1E_D0E5), orders: Vec::new() };
        let mut last: &str = "";
        for (id, version) in appointments.versions() {
            let state = &version.state;
            let Some(patient) = state.patient.as_ref().filter(|_| !is_block(state)) else {
                continue;
            };
            if &**id != last && register.one_in(8) {
                self.also.extend(register.second(state).map(|kind| (id.to_string(), kind)));
            }
            last = id;
            // One visit in ten is settled elsewhere.
            if state.status == AppointmentStatus::Fulfilled
                && config.oddities.payments
                && !register.one_in(10)
            {
                register.sell(patient, state, self.also.get(&**id), version.at);
            }
        }
        register.orders.sort_by_key(|order| order.life.first().map(|version| version.at));
        for Order { mut life, ends } in register.orders {
            life.retain(|version| version.at < end);
            if !life.is_empty() {
                self.enter(life, ends.filter(|ends| ends.0 < end));
            }
        }
        self.hand_over();
    }
}

fn is_block(state: &AppointmentState) -> bool {
    let name = state.kind.as_ref().map(|kind| kind.name.as_str());
    matches!(name, Some("Provider Block" | "Staff Meeting"))
}

struct Order {
    life: Vec<Version<OrderState>>,
    /// When the membership that it sells ends by itself, and how.
    ends: Option<(DateTime<Utc>, MembershipStatus)>,
}

struct Register {
    random: Rng,
    orders: Vec<Order>,
}

impl Register {
    fn one_in(&mut self, n: u64) -> bool {
        self.random.next().is_multiple_of(n)
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.random.next() % items.len().max(1) as u64;
        items.get(usize::try_from(index).unwrap_or(0))
    }

    fn minutes(&mut self, from: u64, to: u64) -> TimeDelta {
        let width = (to - from) * 60_000;
        let milliseconds = from * 60_000 + self.random.next() % width.max(1);
        TimeDelta::milliseconds(i64::try_from(milliseconds).unwrap_or(0))
    }

    /// Another treatment of the same visit.
    fn second(&mut self, state: &AppointmentState) -> Option<Named> {
        let first = state.kind.as_ref().map(|kind| kind.name.as_str());
        let name = *self.pick(&["Injectables", "Laser Treatment", "Skin Care"])?;
        let name = if first == Some(name) { "Aesthetic Consult" } else { name };
        Some(crate::practice::kind(name))
    }

    fn price(&mut self) -> i64 {
        let minor = i64::try_from(self.random.next() % 90_000).unwrap_or(0) + 2_500;
        if self.one_in(3) { minor } else { minor / 500 * 500 }
    }

    fn lines(&mut self, visit: &AppointmentState, also: Option<&Named>) -> Vec<OrderLine> {
        let mut lines = Vec::new();
        for kind in visit.kind.iter().chain(also) {
            let mut line = OrderLine::new(LineKind::Service, &kind.name, self.price());
            if self.one_in(6) {
                line.discount = cents(line.price.minor() / 10);
            }
            lines.push(line);
        }
        if self.one_in(4)
            && let Some((_, name, minor)) = self.pick(&PRODUCTS)
        {
            let quantity = if self.one_in(3) { 2 } else { 1 };
            lines.push(OrderLine { quantity, ..OrderLine::new(LineKind::Product, name, *minor) });
        }
        if self.one_in(9)
            && let Some((_, name, minor)) = self.pick(&PLANS)
        {
            lines.push(OrderLine::new(LineKind::Membership, name, *minor));
        }
        lines
    }

    /// Rings a visit up after the patient left the room, and lives the order.
    fn sell(
        &mut self,
        patient: &PatientId,
        visit: &AppointmentState,
        also: Option<&Named>,
        left: DateTime<Utc>,
    ) {
        let opened = left + self.minutes(1, 10);
        let state = OrderState {
            location: visit.location.unwrap_or_else(main_location),
            opened,
            tip: cents(if self.one_in(5) { 2_000 } else { 0 }),
            ..OrderState::new(patient, self.lines(visit, also))
        };
        if state.lines.is_empty() {
            return;
        }
        let mut life = vec![Version { at: opened, state }];
        if !self.one_in(12) {
            let wait =
                if self.one_in(10) { self.minutes(600, 4_300) } else { self.minutes(21, 60) };
            self.close(&mut life, wait);
            self.live(&mut life);
        }
        let wait = self.minutes(10_000, 60_000);
        let status =
            if self.one_in(2) { MembershipStatus::Cancelled } else { MembershipStatus::Frozen };
        let ends = self.one_in(4).then(|| (left + wait, status));
        self.orders.push(Order { life, ends });
    }

    fn close(&mut self, life: &mut Vec<Version<OrderState>>, wait: TimeDelta) {
        let owing = self.one_in(20);
        change(life, wait, |state, at| {
            state.status = OrderStatus::Closed;
            state.closed = Some(at);
            if owing {
                state.due = cents(state.total().minor() / 2 + 1);
            }
        });
        if owing {
            let wait = self.minutes(600, 6_000);
            change(life, wait, |state, _| state.due = cents(0));
        }
    }

    /// What becomes of a closed order.
    fn live(&mut self, life: &mut Vec<Version<OrderState>>) {
        let wait = if self.one_in(3) { self.minutes(21, 60) } else { self.minutes(60, 14_400) };
        match self.random.next() % 100 {
            0..66 => {}
            66..82 => {
                change(life, wait, |state, _| {
                    state.status = OrderStatus::Open;
                    state.closed = None;
                    state.due = cents(0);
                });
                let other = self.price();
                if let Some(last) = life.last_mut()
                    && let Some(line) = last.state.lines.first_mut()
                {
                    line.price = cents(other);
                    line.discount = cents(0);
                }
                let wait = self.minutes(21, 300);
                if !self.one_in(8) {
                    self.close(life, wait);
                }
            }
            82..91 => change(life, wait, |state, _| state.status = OrderStatus::Voided),
            _ => change(life, wait, |state, _| state.status = OrderStatus::Refunded),
        }
    }
}

/// The order changes so long after the last time, or as soon as versions may follow each other.
fn change(
    life: &mut Vec<Version<OrderState>>,
    wait: TimeDelta,
    change: impl FnOnce(&mut OrderState, DateTime<Utc>),
) {
    let Some(last) = life.last() else { return };
    let at = last.at + wait.max(APART);
    let mut state = last.state.clone();
    change(&mut state, at);
    life.push(Version { at, state });
}

/// What a service costs where nobody bargains, in cents.
pub(super) fn list_price(id: u32) -> i64 {
    let minutes = KINDS.iter().find(|kind| kind.id == id).map_or(30, |kind| kind.minutes);
    minutes * 1_450
}
