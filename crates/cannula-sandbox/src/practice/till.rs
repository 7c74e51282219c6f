//! Draws what patients pay from a seed, on a stream of its own: appointments and patients are
//! the same with payments and without.

use std::collections::{BTreeMap, HashMap};

use cannula_core::{AppointmentStatus, Money, PatientId, RecordId};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    PracticeConfig,
    ledger::{Ledger, Linking},
    life::{APART, hours, minutes, share},
    model::{AppointmentState, PatientState, ZONE},
    payment::{INSURERS, PAYMENT_CATEGORIES, PaymentState, cents},
    table::Table,
};
use crate::faults::Rng;

/// Fills the ledger with the whole timeline's payments.
pub(super) fn fill(
    config: PracticeConfig,
    patients: &Table<PatientState>,
    appointments: &Table<AppointmentState>,
    ledger: &mut Ledger,
) {
    let mut entered = HashMap::new();
    for (id, version) in patients.versions() {
        entered.entry(PatientId::new(&**id)).or_insert(version.at);
    }
    let end = config.start + TimeDelta::days(i64::from(config.days));
    let mut till =
        Till { random: Rng::new(config.seed ^ 0x0CA5_4B0C), end, acts: BTreeMap::new(), count: 0 };
    for (_, version) in appointments.versions() {
        let came = version.state.status == AppointmentStatus::Fulfilled;
        let patient = version.state.patient.as_ref().filter(|_| came);
        if let Some((patient, since)) = patient.and_then(|id| Some((id, *entered.get(id)?))) {
            till.visit(patient, since, version.at, &version.state);
        }
    }
    if config.patients >= MANY {
        let number = u64::from(config.patients);
        let index = usize::try_from(till.random.next() % number).unwrap_or(0);
        // Versions come record by record, in the order in which patients were thought of.
        let mut seen = patients.versions().map(|(id, _)| PatientId::new(&**id)).collect::<Vec<_>>();
        seen.dedup();
        if let Some((patient, since)) = seen.get(index).and_then(|id| Some((id, *entered.get(id)?)))
        {
            till.installments(patient, since);
        }
    }
    till.ring(ledger);
}

/// From so many patients on, one pays in more rows than a page can hold.
const MANY: u32 = 20;

/// Something that happens to the ledger.
#[derive(Debug)]
enum Act {
    Pay(Box<PaymentState>, Fate),
    Void(RecordId, Linking),
    Correct(RecordId, Money, Linking, Fate),
    Refund(RecordId, Money, Fate),
    Delete(RecordId),
    Edit(RecordId, Money),
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    Voided,
    Corrected,
    Refunded,
    Deleted,
    Edited,
}

struct Till {
    random: Rng,
    end: DateTime<Utc>,
    /// What is still to happen, in order.
    acts: BTreeMap<(DateTime<Utc>, u64), Act>,
    count: u64,
}

impl Till {
    fn one_in(&mut self, n: u64) -> bool {
        self.random.next().is_multiple_of(n)
    }

    fn plan(&mut self, at: DateTime<Utc>, act: Act) {
        if at < self.end {
            self.acts.insert((at, self.count), act);
            self.count += 1;
        }
    }

    /// Most patients pay at the desk; some before, some in parts, and some insurers pay later.
    fn visit(
        &mut self,
        patient: &PatientId,
        since: DateTime<Utc>,
        left: DateTime<Utc>,
        visit: &AppointmentState,
    ) {
        let row = |till: &mut Self, minor, at: DateTime<Utc>| PaymentState {
            practitioner: visit.practitioner,
            location: visit.location,
            ..till.row(patient, minor, at)
        };
        if self.one_in(7) {
            // A deposit: money that nobody has put to anything.
            let at = since + share(left - since, &mut self.random) + TimeDelta::minutes(1);
            let minor = self.price() / 5;
            let mut state = row(self, minor, at);
            state.claims.clear();
            state.category = Some("Deposit".to_owned());
            self.pay(state, at);
        }
        if !self.one_in(8) {
            let parts = if self.one_in(5) { 2 } else { 1 };
            for _ in 0..parts {
                let at = left + minutes(&mut self.random, 1, 40);
                let minor = self.price();
                let mut state = row(self, minor, at);
                if self.one_in(15) {
                    // Posted in a hurry, to nobody.
                    state.patient = None;
                }
                self.pay(state, at);
            }
        }
        if self.one_in(6) {
            let at = left + hours(&mut self.random, 30, 300);
            let minor = self.price();
            let mut state = row(self, minor, at).by_insurer();
            state.insurer = INSURERS.get(self.below(INSURERS.len())).copied();
            state.method = Some("ElectronicTransfer");
            self.pay(state, at);
        }
        if self.one_in(6) {
            let at = left + hours(&mut self.random, 1, 200);
            let code = CODES.get(self.below(CODES.len())).copied().unwrap_or(3);
            let minor = self.price() / 4;
            let mut state = row(self, minor, at).adjusting(code);
            state.insurer = INSURERS.first().copied().filter(|_| code == 2);
            self.pay(state, at);
        }
    }

    /// Small amounts, often several on one day.
    fn installments(&mut self, patient: &PatientId, since: DateTime<Utc>) {
        let number = 54 + self.below(20);
        for _ in 0..number {
            let at = since + share(self.end - since, &mut self.random) + TimeDelta::minutes(1);
            let state = self.row(patient, 2_500, at);
            self.pay(PaymentState { category: Some("Products".to_owned()), ..state }, at);
        }
    }

    fn pay(&mut self, state: PaymentState, at: DateTime<Utc>) {
        let fate = match self.random.next() % 100 {
            0..70 => Fate::Stays,
            70..79 => Fate::Voided,
            79..88 => Fate::Corrected,
            88..96 => Fate::Refunded,
            _ => Fate::Deleted,
        };
        self.plan(at, Act::Pay(Box::new(state), fate));
    }

    /// A patient's payment; a third is put to no claim, and some were paid days before they
    /// were entered.
    fn row(&mut self, patient: &PatientId, minor: i64, at: DateTime<Utc>) -> PaymentState {
        let late = if self.one_in(9) { TimeDelta::days(2) } else { TimeDelta::zero() };
        let date = (at - late).with_timezone(&ZONE).date_naive();
        let mut state = PaymentState::new(patient, minor, date);
        state.method = METHODS.get(self.below(METHODS.len())).copied();
        // What insurers and the store pay has its own categories.
        let category = self.below(PAYMENT_CATEGORIES.len() - 2);
        state.category = PAYMENT_CATEGORIES.get(category).map(|name| (*name).to_owned());
        state.adjustment_code = self.one_in(2).then_some(1);
        let claim = 4_000 + u32::try_from(self.below(3_000)).unwrap_or(0);
        state.claims = match self.random.next() % 6 {
            0 | 1 => Vec::new(),
            2 => vec![(claim, cents(minor - minor / 3)), (claim + 1, cents(minor / 3))],
            _ => vec![(claim, cents(minor))],
        };
        state.note = NOTES.get(self.below(NOTES.len() * 2)).map(|note| (*note).to_owned());
        state
    }

    /// From a cent to some thousand dollars: whole dollars, ten cents, or odd cents.
    fn price(&mut self) -> i64 {
        let most = if self.one_in(10) { 500_000 } else { 60_000 };
        let minor = i64::try_from(self.random.next() % most).unwrap_or(0) + 100;
        match self.random.next() % 3 {
            0 => minor / 100 * 100,
            1 => minor / 10 * 10,
            _ => minor,
        }
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.random.next() % n.max(1) as u64).unwrap_or(0)
    }

    /// Lets everything happen in its order; what happens may lead to more.
    fn ring(mut self, ledger: &mut Ledger) {
        while let Some(((at, _), act)) = self.acts.pop_first() {
            match act {
                Act::Pay(state, fate) => {
                    let amount = state.amount;
                    let id = ledger.pay(*state, at);
                    self.follow(id, amount, fate, at);
                }
                Act::Void(id, linking) => {
                    ledger.void(&id, at, linking);
                }
                Act::Correct(id, amount, linking, fate) => {
                    if let Some((_, again)) = ledger.void_and_correct(&id, amount, at, linking) {
                        self.follow(again, amount, fate, at);
                    }
                }
                Act::Refund(id, amount, fate) => {
                    if let Some(refund) = ledger.refund(&id, amount, at) {
                        self.follow(refund, cents(-amount.minor()), fate, at);
                    }
                }
                Act::Delete(id) => {
                    ledger.delete(&id, at);
                }
                Act::Edit(id, amount) => {
                    ledger.edit(&id, at, |state| {
                        state.amount = amount;
                        state.claims.truncate(1);
                        state.claims.iter_mut().for_each(|claim| claim.1 = amount);
                    });
                }
            }
        }
    }

    /// Plans what becomes of a row entered at `at`.
    fn follow(&mut self, id: RecordId, amount: Money, fate: Fate, at: DateTime<Utc>) {
        let later = at + APART + TimeDelta::seconds(1);
        let at = if self.one_in(3) {
            later + minutes(&mut self.random, 1, 30)
        } else {
            later + hours(&mut self.random, 1, 400)
        };
        let linking = match self.random.next() % 6 {
            0 | 1 => Linking::Dangling,
            2 => Linking::PartsOnly,
            _ => Linking::Right,
        };
        let other = cents(amount.minor() - amount.minor() / 7 - 1);
        let next = match self.random.next() % 4 {
            0 => Fate::Voided,
            1 => Fate::Edited,
            _ => Fate::Stays,
        };
        let act = match fate {
            Fate::Stays => return,
            Fate::Voided => Act::Void(id, linking),
            Fate::Corrected => Act::Correct(id, other, linking, next),
            Fate::Refunded => {
                let part = if self.one_in(2) { amount } else { cents(amount.minor() / 2 + 1) };
                let next = if next == Fate::Voided { next } else { Fate::Stays };
                Act::Refund(id, part, next)
            }
            Fate::Deleted => Act::Delete(id),
            Fate::Edited => Act::Edit(id, other),
        };
        self.plan(at, act);
    }
}

/// Codes of adjustments. 4, a return, is left out: whether money moves then is not documented.
static CODES: [u8; 7] = [2, 3, 5, 6, 7, 8, 9];

static METHODS: [&str; 7] = [
    "CreditCard",
    "CreditCard",
    "CreditCard",
    "Cash",
    "Check",
    "ElectronicTransfer",
    "GiftCertificate",
];

/// What is written beside payments; as many have nothing.
static NOTES: [&str; 5] = [
    "Order 90071: SKU HB-22 x1",
    "paid in full – thank you",
    "2 units \"Botox\" & filler",
    "Card ending 4242",
    "FIRST INSTALLMENT\nsecond due in May",
];

#[cfg(test)]
mod tests;
