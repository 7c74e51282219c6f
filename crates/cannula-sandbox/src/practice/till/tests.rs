//! What generated payments are held to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cannula_core::{
    Clock, Correction, Event, Payer, Payment, PaymentKind, PaymentStatus, Record, RecordKey,
};
use cannula_testkit::ManualClock;

use super::*;
use crate::practice::{Oddities, Practice, Product};

fn config(seed: u64) -> PracticeConfig {
    PracticeConfig::new(seed, 40, 60, "2031-02-01T00:00:00Z".parse().unwrap())
}

fn open(config: PracticeConfig) -> (Practice, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(config.start));
    (Practice::new(config, Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

fn payments(practice: &Practice, product: Product) -> Vec<(DateTime<Utc>, Event, Payment)> {
    let history = practice.history(product).into_iter();
    history
        .filter_map(|(at, event)| match event.record.clone() {
            Record::Payment(payment) => Some((at, event, payment)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_books_are_the_sum_over_the_rows_at_every_moment() {
    for (seed, product) in
        (0..6).flat_map(|seed| [(seed, Product::Select), (seed, Product::PracticePlus)])
    {
        let (practice, clock) = open(config(seed));
        let history = payments(&practice, product);
        assert!(history.len() > 60, "{}", history.len());
        let mut rows = BTreeMap::<RecordKey, Payment>::new();
        let mut left = history.iter().peekable();
        while let Some((at, event, payment)) = left.next() {
            rows.insert(event.key.clone(), payment.clone());
            if left.peek().is_some_and(|(next, ..)| next == at) {
                continue;
            }
            clock.set(*at);
            let mut sums = BTreeMap::<PatientId, i64>::new();
            for payment in rows.values() {
                let Some(patient) = payment.patient.clone() else { continue };
                *sums.entry(patient).or_default() +=
                    payment.counted().map_or(0, |amount| amount.minor());
            }
            let books = practice.lifetime_values();
            for (patient, minor) in &sums {
                let known = books.get(patient).map_or(0, Money::minor);
                assert_eq!(known, *minor, "seed {seed}, {at}, {patient}");
            }
            assert!(books.keys().all(|patient| sums.contains_key(patient)));
        }
        let values = practice.lifetime_values();
        assert!(values.values().filter(|value| value.minor() > 0).count() > 10);
    }
}

/// Which oddities a practice has.
fn census(practice: &Practice) -> BTreeSet<&'static str> {
    let mut found = BTreeSet::new();
    let mut days = BTreeMap::<_, BTreeSet<_>>::new();
    let mut rows = BTreeMap::<_, BTreeSet<_>>::new();
    let mut known = BTreeSet::new();
    let history = payments(practice, Product::PracticePlus);
    let ids: BTreeSet<_> = history.iter().map(|(_, event, _)| event.key.id.clone()).collect();
    for (at, event, payment) in &history {
        let id = &event.key.id;
        let mut see = |what, it_is: bool| it_is.then(|| found.insert(what));
        see("voided", payment.status == PaymentStatus::Voided);
        see("entered in error", payment.status == PaymentStatus::EnteredInError);
        see("refund", payment.counted().is_some_and(|amount| amount.is_negative()));
        see("adjustment", payment.kind == PaymentKind::Adjustment);
        see("insurer", payment.payer == Payer::Insurer);
        see("nobody's", payment.patient.is_none());
        see("odd cents", payment.amount.minor() % 10 != 0);
        see("stale stamp", event.version.stamp < *at);
        see("no note", payment.description.is_none());
        see("edited", !known.insert(id) && payment.status == PaymentStatus::Active);
        let parts = &payment.corrections;
        see("corrected and voided", parts.len() == 2);
        see(
            "link to nowhere",
            parts.iter().any(|part| {
                let (Correction::VoidedBy(to) | Correction::Voids(to) | Correction::Recreates(to)) =
                    part;
                to.as_ref().is_some_and(|to| !ids.contains(to))
            }),
        );
        see(
            "part without link",
            parts.iter().any(|part| {
                let (Correction::VoidedBy(to) | Correction::Voids(to) | Correction::Recreates(to)) =
                    part;
                to.is_none()
            }),
        );
        if let Some(patient) = &payment.patient {
            let day = days.entry((patient.clone(), payment.date)).or_default();
            day.insert(id.clone());
            see("several a day", day.len() > 2);
            let all = rows.entry(patient.clone()).or_default();
            all.insert(id.clone());
            see("more than a page", all.len() > 50);
        }
    }
    for id in practice.payment_ids() {
        if practice.payment(&id).is_some_and(|state| state.claims.is_empty()) {
            found.insert("unapplied");
        }
    }
    found
}

#[test]
fn every_oddity_of_payments_occurs_and_payments_can_be_left_out() {
    let mut found = BTreeSet::new();
    for seed in 0..8 {
        let (practice, clock) = open(config(seed));
        clock.set(config(seed).start + TimeDelta::days(60));
        found.extend(census(&practice));
    }
    for what in [
        "voided",
        "entered in error",
        "refund",
        "adjustment",
        "insurer",
        "nobody's",
        "odd cents",
        "stale stamp",
        "no note",
        "edited",
        "corrected and voided",
        "link to nowhere",
        "part without link",
        "several a day",
        "more than a page",
        "unapplied",
    ] {
        assert!(found.contains(what), "{what} is not in {found:?}");
    }
    let without = PracticeConfig { oddities: Oddities::NONE, ..config(1) };
    assert!(payments(&open(without).0, Product::Select).is_empty());
}

#[test]
fn appointments_and_patients_are_the_same_with_payments_and_without() {
    let others = |oddities| {
        let (practice, _) = open(PracticeConfig { oddities, ..config(3) });
        let mut history = practice.history(Product::Select);
        history.retain(|(_, event)| !matches!(event.record, Record::Payment(_)));
        history
    };
    let without = Oddities { payments: false, ..Oddities::ALL };
    assert_eq!(others(Oddities::ALL), others(without));
}

#[test]
fn nobody_pays_before_being_a_patient() {
    let (practice, _) = open(config(2));
    let mut known = BTreeSet::new();
    for (_, event) in practice.history(Product::Select) {
        match event.record {
            Record::Patient(patient) => {
                known.insert(patient.id);
            }
            Record::Payment(payment) => {
                assert!(payment.patient.iter().all(|patient| known.contains(patient)));
            }
            _ => {}
        }
    }
}
