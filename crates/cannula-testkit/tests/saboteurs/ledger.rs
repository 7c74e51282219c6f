use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use cannula_core::{
    Clock, Currency, LedgerInfo, LedgerOptions, LedgerRow, Money, Named, NewPayment, PatientId,
    PaymentLedger, PaymentTerms, Result,
};
use cannula_http::Request;
use cannula_testkit::{Gate, LedgerBench, ManualClock, Power, practice};
use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::Value;

use crate::link::{Caller, ERROR_IN_200, Link, LinkFlaw};

crate::laws_and_saboteurs!(ledger_laws: bench => Bench, &[
    ("what_is_posted_is_found_by_its_first_words", Flaw::PostsWithoutDescription),
    ("a_refund_is_a_negative_row", Flaw::LosesTheSign),
    ("a_row_is_on_its_patients_ledger_and_on_no_other", Flaw::ShowsEverybodysRows),
    ("days_are_both_included", Flaw::LeavesTheLastDayOut),
    ("a_description_is_kept_as_long_as_was_promised", Flaw::CutsDescriptions),
    ("what_it_takes_can_be_asked_for", Flaw::KnowsNoLocations),
    ("a_payment_that_did_not_arrive_is_posted_once", Flaw::PretendsThatAllIsDone),
    ("a_payment_whose_answer_is_lost_is_there_once", Flaw::RepeatsUnseen),
    ("a_payment_without_an_answer_is_there_once", Flaw::RepeatsUnseen),
    ("a_post_that_may_have_landed_is_not_repeated_unseen", Flaw::RepeatsUnseen),
    ("an_error_with_status_200_is_no_payment", Flaw::TrustsTheStatus),
]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    PostsWithoutDescription,
    LosesTheSign,
    ShowsEverybodysRows,
    LeavesTheLastDayOut,
    CutsDescriptions,
    KnowsNoLocations,
    PretendsThatAllIsDone,
    RepeatsUnseen,
    TrustsTheStatus,
}

/// A client of the small vendor's ledger, with one flaw or none.
#[derive(Debug)]
struct ToyLedger {
    caller: Caller,
    info: LedgerInfo,
    flaw: Option<Flaw>,
}

#[derive(Deserialize)]
struct Options {
    locations: Vec<Named>,
    practitioners: Vec<Named>,
}

impl ToyLedger {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    async fn rows(&self) -> Result<Vec<LedgerRow>> {
        self.caller.json(&Request::get("list payments", "payments")).await
    }
}

#[async_trait]
impl PaymentLedger for ToyLedger {
    fn info(&self) -> &LedgerInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn options(&self) -> Result<LedgerOptions> {
        let mut options: Options = self.caller.json(&Request::get("options", "options")).await?;
        if self.is(Flaw::KnowsNoLocations) {
            options.locations.clear();
        }
        Ok(LedgerOptions {
            locations: options.locations,
            practitioners: options.practitioners,
            categories: BTreeSet::new(),
            card_types: BTreeSet::new(),
        })
    }

    async fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>> {
        let mut rows = self.rows().await?;
        rows.retain(|row| row.payment.date.is_none_or(|date| (from..=to).contains(&date)));
        if self.is(Flaw::LeavesTheLastDayOut) {
            rows.retain(|row| row.payment.date.is_none_or(|date| date < to));
        }
        Ok(rows)
    }

    async fn of_patient(&self, patient: &PatientId) -> Result<Vec<LedgerRow>> {
        let mut rows = self.rows().await?;
        if !self.is(Flaw::ShowsEverybodysRows) {
            rows.retain(|row| row.payment.patient.as_ref() == Some(patient));
        }
        Ok(rows)
    }

    async fn post(&self, payment: &NewPayment) -> Result<()> {
        let mut payment = payment.clone();
        match self.flaw {
            Some(Flaw::PostsWithoutDescription) => payment.description = String::new().into(),
            Some(Flaw::CutsDescriptions) => {
                payment.description =
                    payment.description.expose().chars().take(100).collect::<String>().into();
            }
            Some(Flaw::LosesTheSign) => {
                payment.amount = Money::from_minor(payment.amount.minor().abs(), Currency::USD);
            }
            _ => {}
        }
        let mut request = Request::post("post", "payments").json(&payment);
        if self.is(Flaw::RepeatsUnseen) {
            request = request.repeatable();
        }
        match self.caller.json::<Value>(&request).await {
            Err(_) if self.is(Flaw::PretendsThatAllIsDone) => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}

#[derive(Debug)]
struct Bench {
    link: Link,
    flaw: Option<Flaw>,
    patients: AtomicU32,
}

async fn bench(flaw: Option<Flaw>) -> Bench {
    Bench { link: Link::open().await, flaw, patients: AtomicU32::new(0) }
}

#[async_trait]
impl LedgerBench for Bench {
    fn ledger(&self) -> Arc<dyn PaymentLedger> {
        let info = LedgerInfo {
            name: "toy",
            product: "Toy EMR",
            practice: practice(),
            currency: Currency::USD,
            description_limit: 255,
            methods: &["Charge"],
            card_types: None,
            category_required: true,
            card_type_required: &[],
        };
        let trusts = self.flaw == Some(Flaw::TrustsTheStatus);
        let caller = self.link.caller(trusts.then_some(LinkFlaw::TrustsTheStatus));
        Arc::new(ToyLedger { caller, info, flaw: self.flaw })
    }

    fn clock(&self) -> &ManualClock {
        self.link.clock()
    }

    async fn patient(&self) -> PatientId {
        PatientId::new(format!("patient-{}", self.patients.fetch_add(1, Ordering::SeqCst)))
    }

    fn today(&self) -> NaiveDate {
        self.link.clock().now().date_naive()
    }

    async fn terms(&self) -> PaymentTerms {
        PaymentTerms {
            method: "Charge".to_owned(),
            category: Some("Online store".to_owned()),
            card_type: None,
            location: Named::new("Main"),
            practitioner: Named::new("Rao"),
        }
    }

    async fn rows(&self) -> usize {
        self.link.vendor.ledger.rows().len()
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.link.gate)
    }

    fn post_request(&self) -> &'static str {
        "POST /payments"
    }

    fn errors_in_200(&self) -> Vec<String> {
        vec![ERROR_IN_200.to_owned()]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}
