//! Crashes at a chosen boundary.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use cannula_core::{
    CrmEffect, CrmLinks, CrmNeeds, CrmSink, Error, ErrorKind, Event, Feed, IdempotencyKey,
    LedgerInfo, LedgerOptions, LedgerRow, NewPatient, NewPayment, Patient, PatientId,
    PatientRegistry, PaymentLedger, Person, Phi, PickLists, Receipt, RecordKey, RegistryInfo,
    Result, Settled, Subject,
};
use cannula_sync::{
    Arrival, Claim, DeadLetter, FeedState, Forgotten, History, Ingest, Ingested, Parked,
    RejectedRow, Replay, Saved, Step, Store, Summary,
};
use chrono::{DateTime, NaiveDate, Utc};

/// Counts boundaries (before and after each guarded call) and ends everything at one of them:
/// that call and every later one fails, as if the process were gone.
#[derive(Debug)]
pub struct Crash {
    at: Option<u64>,
    passed: AtomicU64,
    happened: AtomicBool,
}

impl Crash {
    /// Only counts.
    pub fn never() -> Arc<Self> {
        Self::new(None)
    }

    /// Crashes at the boundary with this number, counted from zero.
    pub fn at(boundary: u64) -> Arc<Self> {
        Self::new(Some(boundary))
    }

    fn new(at: Option<u64>) -> Arc<Self> {
        Arc::new(Self { at, passed: AtomicU64::new(0), happened: AtomicBool::new(false) })
    }

    /// How many boundaries were passed.
    pub fn boundaries(&self) -> u64 {
        self.passed.load(Ordering::SeqCst)
    }

    /// Whether it happened.
    pub fn happened(&self) -> bool {
        self.happened.load(Ordering::SeqCst)
    }

    async fn guard<T>(&self, call: impl Future<Output = Result<T>> + Send) -> Result<T> {
        self.boundary()?;
        let result = call.await;
        self.boundary()?;
        result
    }

    fn boundary(&self) -> Result<()> {
        if !self.happened() {
            let number = self.passed.fetch_add(1, Ordering::SeqCst);
            if self.at != Some(number) {
                return Ok(());
            }
            self.happened.store(true, Ordering::SeqCst);
        }
        Err(Error::new(ErrorKind::Storage, "the process is gone"))
    }
}

/// A store that a [`Crash`] cuts off. Questions people ask are not boundaries.
#[derive(Debug)]
pub struct CrashStore {
    /// The store.
    pub inner: Arc<dyn Store>,
    /// The crash, shared with whatever else dies with the process.
    pub crash: Arc<Crash>,
}

#[async_trait]
impl Store for CrashStore {
    async fn feed(&self, feed: &Feed) -> Result<FeedState> {
        self.crash.guard(self.inner.feed(feed)).await
    }

    async fn ingest(&self, page: Ingest, now: DateTime<Utc>) -> Result<Ingested> {
        self.crash.guard(self.inner.ingest(page, now)).await
    }

    async fn add(&self, arrivals: Vec<Arrival>, now: DateTime<Utc>) -> Result<Ingested> {
        self.crash.guard(self.inner.add(arrivals, now)).await
    }

    async fn last_event(&self, key: &RecordKey) -> Result<Option<Event>> {
        self.crash.guard(self.inner.last_event(key)).await
    }

    async fn reclaim(&self, now: DateTime<Utc>) -> Result<u64> {
        self.crash.guard(self.inner.reclaim(now)).await
    }

    async fn claim(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Claim>> {
        self.crash.guard(self.inner.claim(now, until, limit)).await
    }

    async fn save(&self, steps: Vec<Step>, now: DateTime<Utc>) -> Result<Saved> {
        self.crash.guard(self.inner.save(steps, now)).await
    }

    async fn replay(&self, what: Replay, now: DateTime<Utc>) -> Result<u64> {
        self.crash.guard(self.inner.replay(what, now)).await
    }

    async fn purge(&self, subject: &Subject, now: DateTime<Utc>) -> Result<Forgotten> {
        self.crash.guard(self.inner.purge(subject, now)).await
    }

    async fn forget_before(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Forgotten> {
        self.crash.guard(self.inner.forget_before(before, now)).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        self.inner.next_due().await
    }

    async fn summary(&self) -> Result<Summary> {
        self.inner.summary().await
    }

    async fn parked(&self) -> Result<Vec<Parked>> {
        self.inner.parked().await
    }

    async fn dead(&self) -> Result<Vec<DeadLetter>> {
        self.inner.dead().await
    }

    async fn history(&self, subject: &Subject) -> Result<History> {
        self.inner.history(subject).await
    }

    async fn states(
        &self,
        after: Option<Subject>,
        limit: usize,
    ) -> Result<Vec<(Subject, Phi<String>)>> {
        self.inner.states(after, limit).await
    }

    async fn rejected(&self) -> Result<Vec<RejectedRow>> {
        self.inner.rejected().await
    }
}

/// A CRM that a [`Crash`] cuts off before or after each call.
#[derive(Debug)]
pub struct CrashSink {
    /// The CRM.
    pub inner: Arc<dyn CrmSink>,
    /// The crash, shared with whatever else dies with the process.
    pub crash: Arc<Crash>,
}

#[async_trait]
impl CrmSink for CrashSink {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn check(&self) -> Result<()> {
        self.inner.check().await
    }

    async fn prepare(&self, needs: &CrmNeeds) -> Result<()> {
        self.crash.guard(self.inner.prepare(needs)).await
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        self.crash.guard(self.inner.deliver(effect, links, key)).await
    }

    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Settled> {
        self.crash.guard(self.inner.settle(effect, links, key)).await
    }
}

/// An EMR, its register and its ledger, that a [`Crash`] cuts off before or after each call.
#[derive(Debug)]
pub struct CrashEmr {
    /// The register of patients.
    pub registry: Arc<dyn PatientRegistry>,
    /// The ledger.
    pub ledger: Arc<dyn PaymentLedger>,
    /// The crash, shared with whatever else dies with the process.
    pub crash: Arc<Crash>,
}

#[async_trait]
impl PatientRegistry for CrashEmr {
    fn info(&self) -> &RegistryInfo {
        self.registry.info()
    }

    async fn check(&self) -> Result<()> {
        self.registry.check().await
    }

    async fn lists(&self) -> Result<PickLists> {
        self.crash.guard(self.registry.lists()).await
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        self.crash.guard(self.registry.search(person)).await
    }

    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        self.crash.guard(self.registry.by_chart(chart)).await
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        self.crash.guard(self.registry.create(patient)).await
    }
}

#[async_trait]
impl PaymentLedger for CrashEmr {
    fn info(&self) -> &LedgerInfo {
        self.ledger.info()
    }

    async fn check(&self) -> Result<()> {
        self.ledger.check().await
    }

    async fn options(&self) -> Result<LedgerOptions> {
        self.crash.guard(self.ledger.options()).await
    }

    async fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>> {
        self.crash.guard(self.ledger.between(from, to)).await
    }

    async fn of_patient(&self, patient: &PatientId) -> Result<Vec<LedgerRow>> {
        self.crash.guard(self.ledger.of_patient(patient)).await
    }

    async fn post(&self, payment: &NewPayment) -> Result<()> {
        self.crash.guard(self.ledger.post(payment)).await
    }
}
