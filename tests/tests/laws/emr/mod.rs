//! The benches of all EMRs: each is a sandbox behind a gate.

mod client;
mod ledger;
mod registry;
mod source;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cannula::{
    core::{Clock, EmrSource, PatientId, PatientRegistry, RecordId, RecordKind},
    nextech::Nextech,
    patientnow::PatientNow,
    zenoti::Zenoti,
};
use cannula_examples::{nextech_at, referral_sources};
use cannula_sandbox::{
    Access, Sandbox,
    practice::{Practice, Product},
};
use cannula_testkit::{Gate, ManualClock};
use cannula_tests::{Emr, patientnow_config, zenoti_config, zenoti_password};
use serde_json::json;

pub(crate) use client::ClientOf;
pub(crate) use registry::somebody;

use crate::behind::{behind_a_gate, start};

/// An EMR in a sandbox, behind a gate, with nobody in it.
#[derive(Debug)]
pub(crate) struct EmrBench {
    emr: Emr,
    clock: Arc<ManualClock>,
    sandbox: Sandbox,
    gate: Gate,
    /// The sandbox's, by way of the gate.
    access: Access,
    /// What was entered, by kind and in that order.
    added: Mutex<BTreeMap<RecordKind, Vec<RecordId>>>,
}

impl EmrBench {
    pub(crate) async fn open(emr: Emr) -> Self {
        let (sandbox, clock) = start().await;
        let (gate, access) = behind_a_gate(&sandbox).await;
        Self { emr, clock, sandbox, gate, access, added: Mutex::default() }
    }

    fn practice(&self) -> &Practice {
        self.sandbox.practice()
    }

    fn source_of(&self, page_size: u32) -> Arc<dyn EmrSource> {
        match self.emr {
            Emr::Nextech(_) => self.nextech(page_size),
            Emr::PatientNow => self.patientnow(page_size),
            Emr::Zenoti => self.zenoti(),
        }
    }

    fn registry_of(&self) -> Arc<dyn PatientRegistry> {
        match self.emr {
            Emr::Nextech(_) => self.nextech(50),
            Emr::PatientNow => self.patientnow(100),
            Emr::Zenoti => self.zenoti(),
        }
    }

    fn clock_of(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    fn nextech(&self, page_size: u32) -> Arc<Nextech> {
        let Emr::Nextech(product) = self.emr else { panic!("the bench of {:?}", self.emr) };
        let start = crate::behind::first_day();
        let mut config = nextech_at(&self.access, product, start).unwrap();
        (config.page_size, config.requests_per_second) = (page_size, None);
        config.new_patients.referral_sources = referral_sources();
        config.new_payments.practice = Some("1".to_owned());
        Arc::new(Nextech::new(config, self.clock_of()).unwrap())
    }

    fn patientnow(&self, page_size: u32) -> Arc<PatientNow> {
        let mut config = patientnow_config(&self.access, crate::behind::first_day()).unwrap();
        config.rows = page_size;
        (config.daily_requests, config.requests_per_second) = (None, None);
        Arc::new(PatientNow::new(config, self.clock_of()).unwrap())
    }

    /// With a user's password, so that there are tokens.
    fn zenoti(&self) -> Arc<Zenoti> {
        let mut config = zenoti_config(&self.access).unwrap();
        config.credentials = zenoti_password(&self.access);
        config.requests_per_minute = None;
        Arc::new(Zenoti::new(config, self.clock_of()).unwrap())
    }

    fn keep(&self, kind: RecordKind, id: RecordId) -> usize {
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        let of_kind = added.entry(kind).or_default();
        of_kind.push(id);
        of_kind.len()
    }

    /// What was entered as the `index`th of its kind.
    fn added(&self, kind: RecordKind, index: usize) -> RecordId {
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        added[&kind][index].clone()
    }

    fn count(&self, kind: RecordKind) -> u32 {
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        u32::try_from(added.get(&kind).map_or(0, Vec::len)).unwrap()
    }

    /// How the EMR says with status 200 that something went wrong.
    fn errors_in_200(&self) -> Vec<String> {
        let bodies = match self.emr {
            Emr::Nextech(Product::Select | Product::PracticePlus) => vec![json!({
                "resourceType": "OperationOutcome",
                "issue": [{ "severity": "error", "code": "processing" }],
            })],
            Emr::PatientNow => vec![json!({ "Message": "An error has occurred." })],
            Emr::Zenoti => vec![
                json!({ "code": 500, "message": "Something went wrong." }),
                json!({ "error": { "code": "414", "message": "Something went wrong." } }),
                json!({ "error": { "StatusCode": 419, "Message": "Something went wrong." } }),
                json!({ "Error": { "code": 481, "message": "Something went wrong." } }),
            ],
        };
        bodies.iter().map(ToString::to_string).collect()
    }

    /// Somebody new.
    fn somebody(&self) -> PatientId {
        use cannula_sandbox::practice::PatientState;
        let number = u32::try_from(self.practice().patient_ids().len()).unwrap();
        self.practice().add_patient(PatientState::new("Ann", &format!("Smith{number}"), number))
    }
}
