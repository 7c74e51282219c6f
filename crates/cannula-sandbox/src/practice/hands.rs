//! Hands for tests: what the front desk does with the ledger, and new patients from outside.

use std::collections::BTreeMap;

use cannula_core::{Currency, Money, PatientId, RecordId};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Inner, Practice, generate,
    ledger::{Ledger, Linking},
    model::PatientState,
    payment::PaymentState,
    table::{Spoil, Version},
};

/// Everything done by hand drops what the timeline had planned for the same row and for the rows
/// made from it. Two deeds within a millisecond are a millisecond apart.
impl Practice {
    /// Enters a row of the ledger now; `updated` is set to now.
    pub fn pay(&self, state: PaymentState) -> RecordId {
        self.with_ledger(|ledger, at| ledger.pay(state, at))
    }

    /// Enters a row of the ledger that listings show only when so much time has passed.
    pub(crate) fn pay_late(&self, state: PaymentState, late: TimeDelta) -> RecordId {
        self.with_ledger(|ledger, at| ledger.pay(state, at + late))
    }

    /// Merges a patient into another: its rows of the ledger and its appointments go over, and it
    /// is there no more. `false` if either is unknown or they are the same.
    pub fn merge_patients(&self, from: &PatientId, into: &PatientId) -> bool {
        if from == into || self.patient(from).is_none() || self.patient(into).is_none() {
            return false;
        }
        let owned = |row: &Option<PatientId>| row.as_ref() == Some(from);
        for id in self.payment_ids() {
            if self.payment(&id).is_some_and(|row| owned(&row.patient)) {
                self.with_ledger(|ledger, at| ledger.hand_to(&id, into, at));
            }
        }
        for id in self.appointment_ids() {
            if self.appointment(&id).is_some_and(|row| owned(&row.patient)) {
                self.update_appointment(&id, |row| row.patient = Some(into.clone()));
            }
        }
        let at = self.stamp();
        self.lock().patients.delete(from.as_str(), at)
    }

    /// Voids an active row now and returns the row that voids it. The voided row's `updated`
    /// stays as it was. `None` if there is no such row or it is not active.
    pub fn void(&self, id: &RecordId) -> Option<RecordId> {
        self.with_ledger(|ledger, at| ledger.void(id, at, Linking::Right))
    }

    /// Voids an active row now and enters it again with another amount. Returns the row that
    /// voids it and the new one; `None` if there is no such row or it is not active.
    pub fn void_and_correct(&self, id: &RecordId, amount: Money) -> Option<(RecordId, RecordId)> {
        self.with_ledger(|ledger, at| ledger.void_and_correct(id, amount, at, Linking::Right))
    }

    /// Pays a positive amount of an active payment back now and returns the refund, a payment
    /// with a negative amount. `None` if there is no such payment.
    pub fn refund(&self, id: &RecordId, amount: Money) -> Option<RecordId> {
        self.with_ledger(|ledger, at| ledger.refund(id, amount, at))
    }

    /// Changes an active row in place now. `false` if there is no such row or it is not active.
    pub fn update_payment(&self, id: &RecordId, change: impl FnOnce(&mut PaymentState)) -> bool {
        self.with_ledger(|ledger, at| ledger.edit(id, at, change))
    }

    /// Deletes an active row now as entered in error; listings go on showing it. `false` if there
    /// is no such row or it is not active.
    pub fn delete_payment(&self, id: &RecordId) -> bool {
        self.with_ledger(|ledger, at| ledger.delete(id, at))
    }

    /// Makes a row of the ledger unreadable on the wire until it is mended with `None`.
    pub fn spoil_payment(&self, id: &RecordId, spoil: Option<Spoil>) -> bool {
        self.lock().ledger.rows.spoil(id.as_str(), spoil)
    }

    /// The row of the ledger as it is now.
    pub fn payment(&self, id: &RecordId) -> Option<PaymentState> {
        self.lock().ledger.state(id, self.now())
    }

    /// The ids of all rows of the ledger that exist now, in order of entry.
    pub fn payment_ids(&self) -> Vec<RecordId> {
        self.payments_view().rows.iter().map(|row| RecordId::new(&*row.id)).collect()
    }

    /// What a patient has paid until now, less what went back: the practice's own books, kept
    /// beside the rows and not made from them. Nothing for a patient who never paid.
    pub fn lifetime_value(&self, patient: &PatientId) -> Money {
        self.lifetime_values().remove(patient).unwrap_or(Money::zero(Currency::USD))
    }

    /// [`Practice::lifetime_value`] of every patient who ever paid, also of those who got all
    /// of it back.
    pub fn lifetime_values(&self) -> BTreeMap<PatientId, Money> {
        self.lock().ledger.books(self.now())
    }

    /// Registers a patient now with the next chart number, unless it is one that is there.
    pub(crate) fn register(&self, state: PatientState) -> Result<PatientId, Duplicate> {
        let now = self.stamp();
        let mut inner = self.lock();
        let known = inner.patients.view(self.now());
        if known.rows.iter().any(|row| row.version.state.is_same_as(&state)) {
            return Err(Duplicate);
        }
        Ok(inner.enroll(state, now))
    }

    /// Registers a patient now with the next chart number, whoever is there already.
    pub(crate) fn enroll(&self, state: PatientState) -> PatientId {
        let now = self.stamp();
        self.lock().enroll(state, now)
    }

    fn with_ledger<T>(&self, deed: impl FnOnce(&mut Ledger, DateTime<Utc>) -> T) -> T {
        let now = self.stamp();
        let ledger = &mut self.lock().ledger;
        let at = ledger.moment(now);
        deed(ledger, at)
    }
}

impl Inner {
    fn enroll(&mut self, mut state: PatientState, at: DateTime<Utc>) -> PatientId {
        state.chart = self.next_chart;
        self.next_chart += 1;
        let id = generate::guid(&mut self.random);
        self.patients.add(&id, vec![Version { at, state }]);
        PatientId::new(id)
    }
}

/// The patient is there already.
#[derive(Debug)]
pub(crate) struct Duplicate;

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use cannula_core::{Clock, PaymentStatus};
    use cannula_testkit::ManualClock;

    use super::*;
    use crate::practice::{PracticeConfig, payment::cents};

    fn open(config: PracticeConfig) -> (Practice, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(config.start));
        (Practice::new(config, Arc::clone(&clock) as Arc<dyn Clock>), clock)
    }

    fn empty() -> (Practice, Arc<ManualClock>, PatientId) {
        let (practice, clock) =
            open(PracticeConfig::empty("2031-04-04T12:00:00Z".parse().unwrap()));
        let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
        (practice, clock, ann)
    }

    fn paid(patient: &PatientId, minor: i64) -> PaymentState {
        PaymentState::new(patient, minor, "2031-04-04".parse().unwrap())
    }

    #[test]
    fn the_books_follow_every_hand() {
        let (practice, clock, ann) = empty();
        let value = || {
            clock.advance(Duration::from_secs(60));
            practice.lifetime_value(&ann).minor()
        };
        assert_eq!(value(), 0);
        let first = practice.pay(paid(&ann, 14_999));
        assert_eq!(value(), 14_999);
        practice.pay(paid(&ann, 50_000).by_insurer());
        practice.pay(paid(&ann, 700).adjusting(3));
        practice.pay(PaymentState { patient: None, ..paid(&ann, 100) });
        assert_eq!(value(), 14_999);
        let refund = practice.refund(&first, cents(4_999)).unwrap();
        assert_eq!(value(), 10_000);
        let (void, again) = practice.void_and_correct(&first, cents(20_001)).unwrap();
        assert_eq!(value(), 15_002);
        assert!(practice.update_payment(&again, |state| state.amount = cents(20_000)));
        assert_eq!(value(), 15_001);
        practice.void(&refund).unwrap();
        assert_eq!(value(), 20_000);
        assert!(practice.delete_payment(&again));
        assert_eq!(value(), 0);
        for done in [&first, &void, &again, &refund] {
            assert!(practice.void(done).is_none());
            assert!(!practice.delete_payment(done));
            assert!(practice.refund(done, cents(1)).is_none());
        }
        assert_eq!(practice.payment_ids().len(), 8);
    }

    #[test]
    fn a_voided_row_keeps_the_stamp_it_had() {
        let (practice, clock, ann) = empty();
        let start = clock.now();
        let id = practice.pay(paid(&ann, 14_999));
        clock.advance(Duration::from_secs(60));
        let void = practice.void(&id).unwrap();
        let (old, new) = (practice.payment(&id).unwrap(), practice.payment(&void).unwrap());
        assert_eq!((old.status, new.status), (PaymentStatus::Voided, PaymentStatus::Voided));
        assert_eq!((old.updated, new.updated), (start, clock.now()));
        assert_eq!(new.amount.minor(), -14_999);
    }

    #[test]
    fn deeds_at_one_moment_follow_each_other_by_milliseconds() {
        let (practice, clock, ann) = empty();
        let id = practice.pay(paid(&ann, 1_000));
        let (_, again) = practice.void_and_correct(&id, cents(900)).unwrap();
        assert!(practice.void(&again).is_some());
        clock.advance(Duration::from_millis(5));
        assert_eq!(practice.lifetime_value(&ann).minor(), 0);
        assert_eq!(practice.payment_ids().len(), 4);
    }

    /// Whoever puts a hand to a row of the timeline ends what was planned for it, in the rows and
    /// in the books.
    #[test]
    fn a_deed_by_hand_drops_what_was_planned() {
        let start = "2031-02-01T00:00:00Z".parse().unwrap();
        for seed in 0..5 {
            let (practice, clock) = open(PracticeConfig::new(seed, 30, 60, start));
            clock.advance(Duration::from_secs(86_400 * 25));
            for (index, id) in practice.payment_ids().iter().enumerate() {
                match index % 4 {
                    0 => drop(practice.void(id)),
                    1 => drop(practice.refund(id, cents(5))),
                    2 => drop(practice.update_payment(id, |state| state.note = None)),
                    _ => {}
                }
            }
            clock.advance(Duration::from_secs(86_400 * 60));
            let mut sums = BTreeMap::<PatientId, i64>::new();
            for id in practice.payment_ids() {
                let state = practice.payment(&id).unwrap();
                let minor = if state.counts() { state.amount.minor() } else { 0 };
                if let Some(patient) = state.patient {
                    *sums.entry(patient).or_default() += minor;
                }
            }
            for (patient, value) in practice.lifetime_values() {
                assert_eq!(sums.get(&patient), Some(&value.minor()), "seed {seed}, {patient}");
            }
        }
    }
}
