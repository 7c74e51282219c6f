//! Draws invoices, memberships and further services from a seed, on a stream of its own: visits
//! and patients are the same with them and without.

use std::{collections::BTreeMap, sync::Arc};

use cannula_core::{AppointmentStatus, PatientId, RecordId};
use chrono::{DateTime, Months, TimeDelta, Utc};

use super::{
    amount::Amount,
    book::{
        Book, Extra, InvoiceItem, InvoiceState, ItemKind, MembershipStanding, MembershipState,
        Merge, day,
    },
    ids,
    visit::Visit,
};
use crate::{
    faults::Rng,
    practice::{AppointmentState, Practice, PracticeConfig, Table, Version},
};

/// The vendor's own list of services, by type of the practice: everything that a visit can hold,
/// with its category.
pub(super) const CATEGORIZATION_CSV: &str = "\
type,purpose,category
Surgical Consult,,Surgical Consult
Cosmetic Surgery,,Surgical Appointment
Aesthetic Consult,,Non-Surgical Consult
Injectables,,Non-Surgical Appointment
Laser Treatment,,Non-Surgical Appointment
Skin Care,,Non-Surgical Appointment
LED Light Therapy,,Non-Surgical Appointment
Consultation - Surgery,,Surgical Consult
Consultation - Skin,,Non-Surgical Consult
Pre-Op Visit,,Pre-Op Appointment
Post-Op Visit,,Post-Op Appointment
Provider Block,,Block
Staff Meeting,,Block
";

/// Types that further services are added to.
static EXTENDED: [&str; 4] = ["Injectables", "Laser Treatment", "Skin Care", "Aesthetic Consult"];

static PRODUCTS: [&str; 3] =
    ["Barrier Repair Cream", "Mineral Sunscreen SPF 50", "Vitamin C Serum"];

static MEMBERSHIPS: [(&str, i64); 3] =
    [("Glow Monthly", 19_900), ("Juniper Circle", 49_500), ("Skin Club Annual", 118_800)];

impl Book {
    /// Fills the book with the whole timeline.
    pub(crate) fn fill(&mut self, config: PracticeConfig, rows: &Table<AppointmentState>) {
        let mut lives = BTreeMap::<Arc<str>, Vec<Arc<Version<AppointmentState>>>>::new();
        for (id, version) in rows.versions() {
            lives.entry(Arc::clone(id)).or_default().push(Arc::clone(version));
        }
        let end = config.start + TimeDelta::days(i64::from(config.days));
        let mut desk = Desk { random: Rng::new(config.seed ^ 0x02E7_0714), end, book: self };
        for (id, life) in lives {
            desk.extend(&id, &life);
            if config.oddities.payments {
                desk.settle(&id, &life);
            }
        }
    }
}

impl Practice {
    /// Plans so many merges of guests over the second half of the timeline, drawn from the seed. A guest
    /// may be merged into one who is merged later. Another product's clients would miss the
    /// guests, so no practice has merges by itself.
    pub fn zenoti_plan_merges(&self, config: PracticeConfig, count: usize) {
        let mut random = Rng::new(config.seed ^ 0x0003_E26E);
        let half = i64::from(config.days) * 12 * 60;
        let mut draw = |below: usize| {
            let drawn = random.next() % u64::try_from(below).unwrap_or(1).max(1);
            usize::try_from(drawn).unwrap_or(0)
        };
        let mut times: Vec<_> = (0..count)
            .map(|_| draw(usize::try_from(half).unwrap_or(1)))
            .map(|minutes| TimeDelta::minutes(half + i64::try_from(minutes).unwrap_or(0)))
            .collect();
        times.sort_unstable();
        self.look(|inner, _| {
            for at in times.into_iter().map(|time| config.start + time) {
                let mut guests: Vec<Arc<str>> =
                    inner.patients.view(at).rows.iter().map(|row| Arc::clone(&row.id)).collect();
                if guests.len() < 2 {
                    return;
                }
                let from = guests.swap_remove(draw(guests.len()));
                let into = guests.swap_remove(draw(guests.len()));
                let (from, into) = (PatientId::new(&*from), PatientId::new(&*into));
                inner.patients.delete(from.as_str(), at);
                inner.zenoti.merges.push(Merge { at, from, into });
            }
        });
    }
}

struct Desk<'a> {
    random: Rng,
    end: DateTime<Utc>,
    book: &'a mut Book,
}

impl Desk<'_> {
    fn one_in(&mut self, n: u64) -> bool {
        self.random.next().is_multiple_of(n)
    }

    /// So many minutes and some seconds.
    fn minutes(&mut self, from: u64, to: u64) -> TimeDelta {
        let seconds = from * 60 + self.random.next() % ((to - from) * 60);
        TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0))
    }

    /// Some visits have a second service or an add-on.
    fn extend(&mut self, id: &str, life: &[Arc<Version<AppointmentState>>]) {
        let draw = self.random.next() % 12;
        let Some(state) = life.first().map(|version| &version.state) else { return };
        let Some(kind) = state.kind.as_ref().filter(|_| state.patient.is_some()) else { return };
        if !EXTENDED.contains(&kind.name.as_str()) {
            return;
        }
        let second = if kind.name == "Skin Care" { "Injectables" } else { "Skin Care" };
        let extra = match draw {
            0 | 1 => Extra { name: second.to_owned(), minutes: 30, add_on: false },
            2 => Extra { name: "LED Light Therapy".to_owned(), minutes: 15, add_on: true },
            _ => return,
        };
        self.book.extras.insert(id.to_owned(), vec![extra]);
    }

    /// Most visits are paid for at the desk, and some leave with more than they came for.
    fn settle(&mut self, id: &Arc<str>, life: &[Arc<Version<AppointmentState>>]) {
        let came = |version: &&Arc<Version<AppointmentState>>| {
            version.state.status == AppointmentStatus::Fulfilled && version.state.patient.is_some()
        };
        let (Some(done), Some(first)) = (life.iter().find(came), life.first()) else { return };
        let at = done.at + self.minutes(2, 40);
        let visit = Visit::at(id, first.at, done.at, &done.state, self.book, at);
        let Some(mut invoice) = visit.open_invoice() else { return };
        if self.one_in(8) {
            invoice.items.push(self.product());
        }
        let member = self.one_in(7).then(|| self.membership());
        if let Some((name, price)) = member {
            invoice.items.push(InvoiceItem::taxed(name, ItemKind::Membership, price));
        }
        if self.one_in(10) || at >= self.end {
            // Nobody closed it.
            return;
        }
        let (guest, name) = (invoice.guest.clone(), visit.invoice());
        let state = InvoiceState { closed: true, date: day(at), ..invoice };
        let items = state.items.clone();
        self.book.enter(&name, state, at);
        self.follow(&name, items, at);
        if let Some((membership, price)) = member {
            self.join(&guest, membership, price, &name, at);
        }
        if self.one_in(10) {
            self.sell(&guest, at);
        }
    }

    fn product(&mut self) -> InvoiceItem {
        let index = usize::try_from(self.random.next() % 3).unwrap_or(0);
        let name = PRODUCTS.get(index).copied().unwrap_or_default();
        // Half a cent now and then, to be rounded.
        let odd = if self.one_in(3) { 50 } else { 0 };
        let price = 200_000 + i64::try_from(self.random.next() % 900).unwrap_or(0) * 1_000 + odd;
        InvoiceItem {
            name: name.to_owned(),
            kind: ItemKind::Product,
            price: Amount(price),
            tax: Amount(0),
        }
    }

    fn membership(&mut self) -> (&'static str, Amount) {
        let index = usize::try_from(self.random.next() % 3).unwrap_or(0);
        let (name, cents) = MEMBERSHIPS.get(index).copied().unwrap_or_default();
        (name, Amount::cents(cents))
    }

    /// What becomes of a closed invoice: most stay, some are opened again, some are paid back.
    fn follow(&mut self, name: &str, mut items: Vec<InvoiceItem>, at: DateTime<Utc>) {
        let later = at + self.minutes(25, 20_000);
        let again = later + self.minutes(25, 3_000);
        match self.random.next() % 14 {
            0 | 1 if later < self.end => {
                self.book.reopen(name, later);
                items.push(self.product());
                if again < self.end {
                    self.book.close(name, Some(items), again);
                }
            }
            2 if later < self.end => {
                self.book.refund(name, items.len(), later);
            }
            3 if later < self.end => {
                self.book.refund(name, 1, later);
            }
            _ => {}
        }
    }

    /// A product over the counter, on an invoice without a visit.
    fn sell(&mut self, guest: &PatientId, since: DateTime<Utc>) {
        let at = since + self.minutes(25, 10_000);
        let item = self.product();
        if at >= self.end {
            return;
        }
        let number = self.book.next_number();
        let state = InvoiceState {
            guest: guest.clone(),
            appointment: None,
            number,
            items: vec![item],
            closed: true,
            refund: false,
            date: day(at),
        };
        self.book.enter(&ids::guid_of("invoice", &format!("sale/{number}")), state, at);
    }

    /// A membership and what becomes of it.
    fn join(
        &mut self,
        guest: &PatientId,
        name: &str,
        price: Amount,
        invoice: &str,
        at: DateTime<Utc>,
    ) {
        let at = at + TimeDelta::seconds(30);
        let first = at + self.minutes(1_500, 20_000);
        let second = first + self.minutes(1_500, 20_000);
        let fate = self.random.next() % 6;
        let id = ids::guid_of("membership", invoice);
        let start = day(at);
        let state = MembershipState {
            guest: guest.clone(),
            name: name.to_owned(),
            standing: MembershipStanding::Active,
            start,
            end: start.checked_add_months(Months::new(12)).unwrap_or(start),
            price,
            invoice: RecordId::new(invoice),
        };
        let change = |standing| MembershipState { standing, ..state.clone() };
        let mut life = vec![(at, state.clone())];
        match fate {
            0 => life.push((first, change(MembershipStanding::Cancelled))),
            1 => {
                life.push((first, change(MembershipStanding::Frozen)));
                life.push((second, state));
            }
            2 => {
                life.push((first, change(MembershipStanding::Frozen)));
                life.push((second, change(MembershipStanding::Cancelled)));
            }
            _ => {}
        }
        life.retain(|(at, _)| *at < self.end);
        if !life.is_empty() {
            let life = life.into_iter().map(|(at, state)| Version { at, state }).collect();
            self.book.memberships.add(&id, life);
        }
    }
}
