//! Posting without posting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use cannula_core::{
    LedgerInfo, LedgerOptions, LedgerRow, NewPatient, NewPayment, Patient, PatientId,
    PatientRegistry, Payer, Payment, PaymentKind, PaymentLedger, PaymentStatus, Person, Phone,
    PhoneUse, PickLists, RecordId, RegistryInfo, Result,
};
use chrono::NaiveDate;

/// A register and a ledger that are read as they are and written to in memory only: what a
/// [`PostingFlow`](crate::PostingFlow) over it does, it would do. Give its engine a store that is
/// thrown away, because that one remembers what was posted.
#[derive(Debug)]
pub struct Rehearsal<R, L> {
    registry: R,
    ledger: L,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    patients: Vec<Patient>,
    rows: Vec<LedgerRow>,
}

impl<R: PatientRegistry, L: PaymentLedger> Rehearsal<R, L> {
    /// A rehearsal over these two.
    pub fn new(registry: R, ledger: L) -> Arc<Self> {
        Arc::new(Self { registry, ledger, written: Mutex::default() })
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_ours(&self, patient: &PatientId) -> bool {
        self.written().patients.iter().any(|it| it.id == *patient)
    }

    fn add(&self, mut rows: Vec<LedgerRow>, wanted: impl Fn(&Payment) -> bool) -> Vec<LedgerRow> {
        rows.extend(self.written().rows.iter().filter(|row| wanted(&row.payment)).cloned());
        rows
    }
}

#[async_trait]
impl<R: PatientRegistry, L: PaymentLedger> PatientRegistry for Rehearsal<R, L> {
    fn info(&self) -> &RegistryInfo {
        self.registry.info()
    }

    async fn check(&self) -> Result<()> {
        self.registry.check().await
    }

    async fn lists(&self) -> Result<PickLists> {
        self.registry.lists().await
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        let mut found = self.registry.search(person).await?;
        found.extend(self.written().patients.iter().cloned());
        Ok(found)
    }

    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        self.registry.by_chart(chart).await
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        let mut written = self.written();
        let id = PatientId::new(format!("would-be-patient-{}", written.patients.len() + 1));
        let phone =
            Phone { usage: PhoneUse::Other, number: patient.phone.clone(), preferred: false };
        let patient = Patient {
            id,
            chart_number: None,
            name: patient.name.clone(),
            birth_date: Some(patient.birth_date.clone()),
            emails: vec![patient.email.clone()],
            phones: vec![phone],
            is_new: false,
        };
        written.patients.push(patient.clone());
        Ok(patient)
    }
}

#[async_trait]
impl<R: PatientRegistry, L: PaymentLedger> PaymentLedger for Rehearsal<R, L> {
    fn info(&self) -> &LedgerInfo {
        self.ledger.info()
    }

    async fn check(&self) -> Result<()> {
        self.ledger.check().await
    }

    async fn options(&self) -> Result<LedgerOptions> {
        self.ledger.options().await
    }

    async fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>> {
        let rows = self.ledger.between(from, to).await?;
        let dates = from..=to;
        Ok(self.add(rows, |row| row.date.is_none_or(|date| dates.contains(&date))))
    }

    async fn of_patient(&self, patient: &PatientId) -> Result<Vec<LedgerRow>> {
        let rows = if self.is_ours(patient) {
            Vec::new()
        } else {
            self.ledger.of_patient(patient).await?
        };
        Ok(self.add(rows, |row| row.patient.as_ref() == Some(patient)))
    }

    async fn post(&self, payment: &NewPayment) -> Result<()> {
        let mut written = self.written();
        let id = RecordId::new(format!("would-be-row-{}", written.rows.len() + 1));
        let terms = payment.terms.clone();
        let payment = Payment {
            patient: Some(payment.patient.clone()),
            kind: PaymentKind::Payment,
            payer: Payer::Patient,
            status: PaymentStatus::Active,
            amount: payment.amount,
            date: Some(payment.date),
            method: Some(terms.method),
            category: terms.category,
            items: Vec::new(),
            description: Some(payment.description.clone()),
            practitioner: Some(terms.practitioner),
            location: Some(terms.location),
            corrections: Vec::new(),
        };
        written.rows.push(LedgerRow { id, payment });
        Ok(())
    }
}
