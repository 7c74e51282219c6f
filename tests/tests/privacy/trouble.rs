//! What goes wrong.

use std::sync::Arc;

use async_trait::async_trait;
use cannula::{
    a360::{AuditRow, Change, Counts, Integration, LocalPatient, PatientQuery, PatientStore},
    core::{
        ContactId, CrmEffect, CrmLinks, CrmNeeds, CrmSink, IdempotencyKey, LedgerInfo,
        LedgerOptions, LedgerRow, NewPatient, NewPayment, Patient, PatientId, PatientRegistry,
        PaymentLedger, Person, Phi, PickLists, PracticeId, Receipt, RegistryInfo, Result, Settled,
    },
};
use cannula_sandbox::FaultRates;
use chrono::NaiveDate;

/// What goes wrong in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing but a bad row, a bad webhook and work for a person.
    Nothing,
    /// Both vendors fail often and in every way.
    Faults,
    /// The EMR's credentials are wrong.
    EmrRefuses,
    /// The credentials of whom the EMR is connected with are wrong: the CRM, or the store.
    OtherRefuses,
    /// Both vendors answer with errors that repeat the request, its URL and headers included.
    Echoes,
    /// Values in answers are of another type than they should be.
    Mangles,
    /// The sink panics with all that it has at hand.
    Panics,
}

/// Often enough that a few requests meet each.
pub(crate) const OFTEN: FaultRates = FaultRates {
    too_many_requests: 0.05,
    too_many_requests_retry_after: 0.05,
    error_before: 0.05,
    error_after: 0.05,
    hang: 0.0,
    hang_after: 0.0,
    reset_before: 0.05,
    reset_after: 0.05,
    truncated_json: 0.1,
};

/// A sink with a bug, and a programmer who wanted to see what led to it.
#[derive(Debug)]
pub(crate) struct BuggySink;

#[async_trait]
impl CrmSink for BuggySink {
    fn name(&self) -> &'static str {
        "buggy"
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn prepare(&self, _: &CrmNeeds) -> Result<()> {
        Ok(())
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        tracing::error!(?effect, ?links, ?key, "this cannot be");
        panic!("impossible: {effect:?} {effect:#?} {links:?} {key:?}");
    }

    async fn settle(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Settled> {
        panic!("impossible: {effect:?} {links:?} {key:?}");
    }
}

/// A registry with a bug.
#[derive(Debug)]
pub(crate) struct BuggyRegistry(pub(crate) Arc<dyn PatientRegistry>);

#[async_trait]
impl PatientRegistry for BuggyRegistry {
    fn info(&self) -> &RegistryInfo {
        self.0.info()
    }

    async fn check(&self) -> Result<()> {
        self.0.check().await
    }

    async fn lists(&self) -> Result<PickLists> {
        self.0.lists().await
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        self.0.search(person).await
    }

    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        self.0.by_chart(chart).await
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        tracing::error!(?patient, "this cannot be");
        panic!("impossible: {patient:?} {patient:#?}");
    }
}

/// A ledger with a bug.
#[derive(Debug)]
pub(crate) struct BuggyLedger(pub(crate) Arc<dyn PaymentLedger>);

#[async_trait]
impl PaymentLedger for BuggyLedger {
    fn info(&self) -> &LedgerInfo {
        self.0.info()
    }

    async fn check(&self) -> Result<()> {
        self.0.check().await
    }

    async fn options(&self) -> Result<LedgerOptions> {
        self.0.options().await
    }

    async fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>> {
        self.0.between(from, to).await
    }

    async fn of_patient(&self, patient: &PatientId) -> Result<Vec<LedgerRow>> {
        self.0.of_patient(patient).await
    }

    async fn post(&self, payment: &NewPayment) -> Result<()> {
        tracing::error!(?payment, "this cannot be");
        panic!("impossible: {payment:?} {payment:#?}");
    }
}

/// A list of patients with a bug.
#[derive(Debug)]
pub(crate) struct BuggyPatients(pub(crate) Arc<dyn PatientStore>);

#[async_trait]
impl PatientStore for BuggyPatients {
    async fn integration(&self, location: &PracticeId) -> Result<Option<Integration>> {
        self.0.integration(location).await
    }

    async fn set_integration(&self, location: &PracticeId, to: &Integration) -> Result<()> {
        self.0.set_integration(location, to).await
    }

    async fn patient(&self, id: &PatientId) -> Result<Option<LocalPatient>> {
        self.0.patient(id).await
    }

    async fn patients(&self, query: &PatientQuery) -> Result<Vec<LocalPatient>> {
        tracing::trace!(?query);
        self.0.patients(query).await
    }

    async fn same_name(&self, key: &Phi<String>) -> Result<Vec<LocalPatient>> {
        tracing::trace!(?key);
        self.0.same_name(key).await
    }

    async fn linked(
        &self,
        location: &PracticeId,
        contacts: &[ContactId],
    ) -> Result<Vec<LocalPatient>> {
        self.0.linked(location, contacts).await
    }

    async fn counts(&self, location: &PracticeId) -> Result<Counts> {
        self.0.counts(location).await
    }

    async fn commit(&self, change: &Change) -> Result<LocalPatient> {
        tracing::error!(?change, "this cannot be");
        panic!("impossible: {change:?} {change:#?}");
    }

    async fn audit(&self, patient: &PatientId) -> Result<Vec<AuditRow>> {
        self.0.audit(patient).await
    }
}
