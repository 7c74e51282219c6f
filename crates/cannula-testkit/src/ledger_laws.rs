//! What every [`PaymentLedger`] must do, one named function each. They panic when the law is
//! broken; [`ledger_laws!`](macro@crate::ledger_laws) makes a test of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a law fails by panicking")]

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use cannula_core::{LedgerRow, Money, NewPayment, PatientId, PaymentLedger, PaymentTerms, Retry};
use chrono::{Days, NaiveDate};

use crate::{
    Gate, ManualClock, Power, Spoil,
    laws::set_of_laws,
    write_faults::{AFTER, BEFORE, SILENCE, may_be_final, met, untrue},
};

/// An EMR's ledger that laws can work at. Nothing is on it at first.
#[async_trait]
pub trait LedgerBench: Debug + Send + Sync {
    /// A fresh ledger, as after a restart.
    fn ledger(&self) -> Arc<dyn PaymentLedger>;

    /// The ledger's clock.
    fn clock(&self) -> &ManualClock;

    /// Enters a new patient.
    async fn patient(&self) -> PatientId;

    /// Today on the practice's calendar.
    fn today(&self) -> NaiveDate;

    /// How a payment can be booked.
    async fn terms(&self) -> PaymentTerms;

    /// How many rows there are, seen with other eyes than the ledger's.
    async fn rows(&self) -> usize;

    /// The gate that the ledger knows as its vendor; with [`Power::Http`] there is one.
    fn gate(&self) -> Option<&Gate> {
        None
    }

    /// A text that `METHOD /path?query` of the request that posts a payment contains.
    fn post_request(&self) -> &'static str {
        "(none)"
    }

    /// Bodies that the vendor is known to send with status 200 when it means an error.
    fn errors_in_200(&self) -> Vec<String> {
        Vec::new()
    }

    /// The powers that ledger or EMR lack, each with the reason.
    fn lacks(&self) -> Vec<(Power, &'static str)>;
}

use LedgerBench as Bench;

set_of_laws! { $,
    /// Makes one test of each law for ledgers. Takes an `async` function that returns a fresh
    /// [`LedgerBench`](crate::LedgerBench); the crate that uses it needs `tokio` with the feature `macros`.
    ledger_laws,
    what_is_posted_is_found_by_its_first_words,
    a_refund_is_a_negative_row,
    a_row_is_on_its_patients_ledger_and_on_no_other,
    days_are_both_included,
    a_description_is_kept_as_long_as_was_promised,
    what_it_takes_can_be_asked_for,
    a_payment_that_did_not_arrive_is_posted_once [Http],
    a_payment_whose_answer_is_lost_is_there_once [Http],
    a_payment_without_an_answer_is_there_once [Http],
    a_post_that_may_have_landed_is_not_repeated_unseen [Http],
    an_error_with_status_200_is_no_payment [Http, ErrorsIn200],
}

/// Amount, date and patient as they were sent, from another process.
pub async fn what_is_posted_is_found_by_its_first_words(bench: &dyn LedgerBench) {
    let payment = payment(bench, 1, 12_345).await;
    bench.ledger().post(&payment).await.unwrap();
    let rows = bench.ledger().of_patient(&payment.patient).await.unwrap();
    let row = found(&rows, &payment).unwrap_or_else(|| panic!("not among {rows:?}"));
    assert_eq!(row.payment.amount, payment.amount);
    assert_eq!(row.payment.date, Some(payment.date));
    assert_eq!(row.payment.patient, Some(payment.patient));
    assert_eq!(bench.rows().await, 1);
}

/// And no payment of the same amount.
pub async fn a_refund_is_a_negative_row(bench: &dyn LedgerBench) {
    let refund = payment(bench, 1, -2_500).await;
    bench.ledger().post(&refund).await.unwrap();
    let rows = bench.ledger().of_patient(&refund.patient).await.unwrap();
    assert_eq!(found(&rows, &refund).map(|row| row.payment.amount), Some(refund.amount));
}

/// Nobody pays for somebody else.
pub async fn a_row_is_on_its_patients_ledger_and_on_no_other(bench: &dyn LedgerBench) {
    let (one, two) = (payment(bench, 1, 1_000).await, payment(bench, 2, 2_000).await);
    let ledger = bench.ledger();
    ledger.post(&one).await.unwrap();
    ledger.post(&two).await.unwrap();
    for (mine, other) in [(&one, &two), (&two, &one)] {
        let rows = ledger.of_patient(&mine.patient).await.unwrap();
        assert!(found(&rows, mine).is_some() && found(&rows, other).is_none(), "{rows:?}");
    }
}

/// The first and the last; what is outside is not there.
pub async fn days_are_both_included(bench: &dyn LedgerBench) {
    let today = bench.today();
    let mut posted = Vec::new();
    for (number, back) in (1..).zip([0_u64, 2, 4]) {
        let date = today - Days::new(back);
        let payment = NewPayment { date, ..payment(bench, number, 1_000).await };
        bench.ledger().post(&payment).await.unwrap();
        posted.push(payment);
    }
    let ledger = bench.ledger();
    let seen =
        |rows: &[LedgerRow]| posted.iter().map(|it| found(rows, it).is_some()).collect::<Vec<_>>();
    for (from, to, expected) in
        [(4, 0, [true, true, true]), (2, 0, [true, true, false]), (2, 2, [false, true, false])]
    {
        let days = (today - Days::new(from), today - Days::new(to));
        let rows = ledger.between(days.0, days.1).await.unwrap();
        assert_eq!(seen(&rows), expected, "{days:?}");
    }
}

/// What is longer would be cut without a word, and with it what it is found by.
pub async fn a_description_is_kept_as_long_as_was_promised(bench: &dyn LedgerBench) {
    let mut payment = payment(bench, 1, 1_000).await;
    let limit = bench.ledger().info().description_limit;
    let text: String = format!("{} ", payment.description.expose())
        .chars()
        .chain(std::iter::repeat('é'))
        .take(limit)
        .collect();
    payment.description = text.into();
    bench.ledger().post(&payment).await.unwrap();
    let rows = bench.ledger().of_patient(&payment.patient).await.unwrap();
    assert!(found(&rows, &payment).is_some(), "{rows:?}");
}

/// Locations, practitioners, and the methods by their spelling.
pub async fn what_it_takes_can_be_asked_for(bench: &dyn LedgerBench) {
    let ledger = bench.ledger();
    ledger.check().await.unwrap();
    let (options, terms) = (ledger.options().await.unwrap(), bench.terms().await);
    assert!(options.locations.iter().any(|it| it.name == terms.location.name), "{options:?}");
    let names: Vec<_> = options.practitioners.iter().map(|it| it.name.as_str()).collect();
    assert!(names.contains(&terms.practitioner.name.as_str()), "{names:?}");
    assert!(ledger.info().methods.contains(&terms.method.as_str()));
}

/// Refused, turned away for haste, or lost on the way.
pub async fn a_payment_that_did_not_arrive_is_posted_once(bench: &dyn LedgerBench) {
    under(bench, &BEFORE).await;
}

/// Ledgers have no idempotency keys: a payment of unknown outcome is looked for first.
pub async fn a_payment_whose_answer_is_lost_is_there_once(bench: &dyn LedgerBench) {
    under(bench, &AFTER).await;
}

/// Whether the request arrived or not.
pub async fn a_payment_without_an_answer_is_there_once(bench: &dyn LedgerBench) {
    under(bench, &SILENCE).await;
}

/// The patient would have paid twice.
pub async fn a_post_that_may_have_landed_is_not_repeated_unseen(bench: &dyn LedgerBench) {
    let gate = gate(bench);
    let payment = payment(bench, 1, 1_000).await;
    let ledger = bench.ledger();
    gate.always(bench.post_request(), Spoil::StatusAfter(500));
    let error = ledger.post(&payment).await.unwrap_err();
    assert_eq!(error.retry_advice(), Retry::Settle, "{error:?}");
    assert_eq!(gate.count(bench.post_request()), 1, "requests to post");
    gate.open();
    assert_eq!(bench.rows().await, 1);
}

/// The order would count as paid, and the ledger would show nothing.
pub async fn an_error_with_status_200_is_no_payment(bench: &dyn LedgerBench) {
    under(bench, &untrue(bench.errors_in_200())).await;
}

async fn under(bench: &dyn LedgerBench, faults: &[Spoil]) {
    for (number, fault) in (1..).zip(faults) {
        let payment = payment(bench, number, 1_000).await;
        let call = post(bench, &payment, fault);
        met(gate(bench), bench.clock(), bench.post_request(), fault, call).await;
        assert_eq!(bench.rows().await, number, "{fault:?}");
    }
}

/// Posts a payment as an engine does: again where it was not applied, and after a look for its
/// marker where it may have been, each time as another process.
async fn post(bench: &dyn LedgerBench, payment: &NewPayment, fault: &Spoil) {
    for _ in 0..10 {
        let Err(error) = bench.ledger().post(payment).await else { return };
        match error.retry_advice() {
            Retry::Never if may_be_final(Some(fault)) => {}
            Retry::Never => panic!("the payment is refused: {error}"),
            Retry::Backoff => bench.clock().advance(Duration::from_secs(60)),
            Retry::After(wait) => bench.clock().advance(wait),
            Retry::Settle => {
                let rows = bench.ledger().of_patient(&payment.patient).await.unwrap();
                if found(&rows, payment).is_some() {
                    return;
                }
            }
        }
    }
    panic!("the payment was never posted")
}

async fn payment(bench: &dyn LedgerBench, number: usize, minor: i64) -> NewPayment {
    NewPayment {
        patient: bench.patient().await,
        amount: Money::from_minor(minor, bench.ledger().info().currency),
        date: bench.today(),
        description: format!("Store payment no. {number}: a jar of cream").into(),
        terms: bench.terms().await,
    }
}

fn found<'a>(rows: &'a [LedgerRow], payment: &NewPayment) -> Option<&'a LedgerRow> {
    rows.iter().find(|row| row.payment.description.as_ref() == Some(&payment.description))
}

fn gate(bench: &dyn LedgerBench) -> &Gate {
    bench.gate().unwrap_or_else(|| panic!("a bench with `Power::Http` has a gate"))
}
