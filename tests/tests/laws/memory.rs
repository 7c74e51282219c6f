//! The implementations of `cannula-testkit` that other tests stand on: they keep the laws too.

use std::sync::Arc;

use cannula::core::{
    Clock, ContactId, CrmNeeds, CrmSink, FieldKind, FieldSpec, Named, NewPatient, PatientId,
    PatientRegistry, PaymentLedger, PaymentTerms, PipelineSpec,
};
use cannula_testkit::{
    LedgerBench, ManualClock, MemoryContact, MemoryCrm, MemoryLedger, MemoryRegistry, Power,
    RegistryBench, SinkBench, async_trait,
};
use chrono::NaiveDate;

use crate::{behind::first_day, emr::somebody};

const IN_MEMORY: (Power, &str) = (Power::Http, "in memory there is no network");

/// The memory implementations on one clock.
#[derive(Debug)]
pub(crate) struct Memory {
    clock: Arc<ManualClock>,
    crm: Arc<MemoryCrm>,
    registry: Arc<MemoryRegistry>,
    ledger: Arc<MemoryLedger>,
    patients: std::sync::atomic::AtomicU32,
}

impl Memory {
    pub(crate) async fn open() -> Self {
        let clock = Arc::new(ManualClock::at(first_day()));
        let ledger = Arc::new(MemoryLedger::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let (crm, registry) = (Arc::default(), Arc::default());
        Self { clock, crm, registry, ledger, patients: 0.into() }
    }
}

#[async_trait]
impl SinkBench for Memory {
    fn sink(&self) -> Arc<dyn CrmSink> {
        Arc::clone(&self.crm) as _
    }

    fn needs(&self) -> CrmNeeds {
        let stage = |name: &str| (format!("stages.{name}"), name.to_owned());
        let (field, pipeline) = ("fields.card".to_owned(), "pipeline".to_owned());
        let field = FieldSpec { name: "Card".to_owned(), kind: FieldKind::Text, config_key: field };
        let stages = vec![stage("Booked"), stage("Patient")];
        let pipeline =
            PipelineSpec { name: "Lead 2 Patient".to_owned(), config_key: pipeline, stages };
        CrmNeeds { fields: vec![field], pipelines: vec![pipeline] }
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn contact(&self, id: &ContactId) -> Option<MemoryContact> {
        self.crm.contact(id)
    }

    async fn contacts(&self) -> usize {
        self.crm.contacts().len()
    }

    async fn tag(&self, id: &ContactId, tag: &str) {
        self.crm.tag(id, tag);
    }

    /// There is one contact when a law deletes it.
    async fn delete(&self, _id: &ContactId) {
        self.crm.delete_contacts();
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        vec![IN_MEMORY, (Power::Catalog, "the CRM in memory has whatever it is asked for")]
    }
}

#[async_trait]
impl RegistryBench for Memory {
    fn registry(&self) -> Arc<dyn PatientRegistry> {
        Arc::clone(&self.registry) as _
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn somebody(&self, number: u32) -> NewPatient {
        somebody(number, &self.registry.lists().await.unwrap())
    }

    async fn patients(&self) -> usize {
        self.registry.patients().len()
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        vec![IN_MEMORY]
    }
}

#[async_trait]
impl LedgerBench for Memory {
    fn ledger(&self) -> Arc<dyn PaymentLedger> {
        Arc::clone(&self.ledger) as _
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn patient(&self) -> PatientId {
        let number = self.patients.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        PatientId::new(format!("patient-{number}"))
    }

    fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
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
        self.ledger.rows().len()
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        vec![IN_MEMORY]
    }
}
