//! An EMR's ledger in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{
    Clock, Currency, Error, ErrorKind, LedgerInfo, LedgerOptions, LedgerRow, Money, Named,
    NewPayment, PatientId, Payer, Payment, PaymentKind, PaymentLedger, PaymentStatus, Phi,
    RecordId, Result,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use crate::practice;

/// A ledger as mean as a real one where it counts: no idempotency key, no answer that says what
/// was stored, descriptions that are cut, rows that are there before they are shown, and failures
/// as told, before or after the payment was stored.
#[derive(Debug)]
pub struct MemoryLedger {
    info: LedgerInfo,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    rows: Vec<Stored>,
    failures: BTreeMap<&'static str, VecDeque<Failure>>,
}

#[derive(Clone, Debug)]
struct Stored {
    row: LedgerRow,
    shown_from: DateTime<Utc>,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    /// It takes effect all the same, after so long.
    applied: Option<TimeDelta>,
}

impl MemoryLedger {
    /// An empty ledger in US dollars with one location, `Main`, one practitioner, `Rao`, and the
    /// category `Online store`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let info = LedgerInfo {
            name: "memory",
            product: "Memory EMR",
            practice: practice(),
            currency: Currency::USD,
            description_limit: 255,
            methods: &["Cash", "Charge"],
            card_types: None,
            category_required: true,
            card_type_required: &[],
        };
        Self { info, clock, inner: Mutex::default() }
    }

    /// Adds a row without a marker, as the practice's own staff do. Not a call.
    pub fn add(&self, patient: &str, amount: Money, date: NaiveDate, words: &str) -> RecordId {
        self.store(&PatientId::new(patient), amount, date, words, TimeDelta::zero())
    }

    /// Fails the next not yet failing call: `options`, `between`, `of patient` or `post`.
    pub fn fail_next(&self, call: &'static str, error: Error) {
        self.fail(call, Failure { error, applied: None });
    }

    /// Fails the next not yet failing `post`, and stores the payment so long after.
    pub fn fail_next_post_after_storing(&self, error: Error, after: TimeDelta) {
        self.fail("post", Failure { error, applied: Some(after) });
    }

    /// Everything stored, shown or not, in the order it came.
    pub fn rows(&self) -> Vec<LedgerRow> {
        self.inner().rows.iter().map(|stored| stored.row.clone()).collect()
    }

    fn fail(&self, call: &'static str, failure: Failure) {
        self.inner().failures.entry(call).or_default().push_back(failure);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn store(
        &self,
        patient: &PatientId,
        amount: Money,
        date: NaiveDate,
        words: &str,
        after: TimeDelta,
    ) -> RecordId {
        let mut inner = self.inner();
        let id = RecordId::new(format!("{}", inner.rows.len() + 1));
        let limit = self.info.description_limit;
        let payment = Payment {
            patient: Some(patient.clone()),
            kind: PaymentKind::Payment,
            payer: Payer::Patient,
            status: PaymentStatus::Active,
            amount,
            date: Some(date),
            method: Some("Charge".to_owned()),
            category: Some("Online store".to_owned()),
            items: Vec::new(),
            description: Some(Phi::new(words.chars().take(limit).collect())),
            practitioner: None,
            location: None,
            corrections: Vec::new(),
        };
        let shown_from = self.clock.now() + after;
        inner.rows.push(Stored { row: LedgerRow { id: id.clone(), payment }, shown_from });
        id
    }

    /// Lets others have their turn in the middle of a call, as over a network.
    async fn call(&self, call: &'static str) -> Option<Failure> {
        tokio::task::yield_now().await;
        self.inner().failures.get_mut(call).and_then(VecDeque::pop_front)
    }

    async fn read(
        &self,
        call: &'static str,
        wanted: impl Fn(&Payment) -> bool + Send,
    ) -> Result<Vec<LedgerRow>> {
        if let Some(failure) = self.call(call).await {
            return Err(failure.error);
        }
        let now = self.clock.now();
        let inner = self.inner();
        let shown = inner.rows.iter().filter(|it| it.shown_from <= now && wanted(&it.row.payment));
        Ok(shown.map(|stored| stored.row.clone()).collect())
    }
}

#[async_trait]
impl PaymentLedger for MemoryLedger {
    fn info(&self) -> &LedgerInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn options(&self) -> Result<LedgerOptions> {
        match self.call("options").await {
            Some(failure) => Err(failure.error),
            None => Ok(LedgerOptions {
                locations: vec![Named::new("Main")],
                practitioners: vec![Named::new("Rao")],
                categories: ["Online store".to_owned()].into(),
                card_types: ["Visa".to_owned()].into(),
            }),
        }
    }

    async fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>> {
        let dates = from..=to;
        self.read("between", move |row| row.date.is_none_or(|date| dates.contains(&date))).await
    }

    async fn of_patient(&self, patient: &PatientId) -> Result<Vec<LedgerRow>> {
        self.read("of patient", |row| row.patient.as_ref() == Some(patient)).await
    }

    async fn post(&self, payment: &NewPayment) -> Result<()> {
        if payment.terms.category.as_deref() != Some("Online store") {
            return Err(Error::new(ErrorKind::Invalid, "the category is not on the list"));
        }
        let failure = self.call("post").await;
        let after = failure.as_ref().map_or(Some(TimeDelta::zero()), |failure| failure.applied);
        if let Some(after) = after {
            let words = payment.description.expose();
            self.store(&payment.patient, payment.amount, payment.date, words, after);
        }
        failure.map_or(Ok(()), |failure| Err(failure.error))
    }
}
