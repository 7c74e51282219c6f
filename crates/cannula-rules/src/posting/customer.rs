//! The store's customer as a patient to be.

use std::collections::BTreeMap;

use cannula_core::{
    ContactId, CrmContact, NewPatient, Patient, PatientField, Person, Phi, PickLists, Problems,
    RegistryInfo, Result, StoreCustomer,
};
use chrono::NaiveDate;

use super::{PostingConfig, matching};
use crate::intake::{Intake, IntakeConfig, IntakeFields, Match};

/// The lists of a new patient, by the keys of the configuration.
fn fields() -> IntakeFields {
    IntakeFields {
        location: "location".to_owned(),
        referral_source: "referral_source".to_owned(),
        general_practitioner: "general_practitioner".to_owned(),
        ..IntakeFields::default()
    }
}

/// How customers become patients.
#[derive(Clone, Debug)]
pub(super) struct Customers {
    /// A customer is checked as a contact of a CRM is, with the practice's own list entries.
    intake: Intake,
    entries: BTreeMap<String, Phi<String>>,
}

impl Customers {
    pub(super) fn new(config: &PostingConfig, registry: RegistryInfo) -> Self {
        let fields = fields();
        let entries = [
            (&fields.location, &config.location),
            (&fields.referral_source, &config.referral_source),
            (&fields.general_practitioner, &config.general_practitioner),
        ];
        let entries = entries
            .into_iter()
            .filter_map(|(name, entry)| Some((name.clone(), Phi::new(entry.clone()?))))
            .collect();
        let config = IntakeConfig { fields, ..IntakeConfig::new(Vec::new()) };
        Self { intake: Intake::new(config, registry), entries }
    }

    pub(super) fn registry(&self) -> &RegistryInfo {
        self.intake.registry()
    }

    /// Whether the practice has what new patients are given.
    pub(super) fn check(&self, lists: &PickLists) -> Result<()> {
        let mut problems = Problems::new();
        let referral = &self.intake.config().fields.referral_source;
        let demanded = self.registry().required.contains(&PatientField::ReferralSource);
        // An intake passes over what it cannot check and need not send; here it was asked for.
        if self.entries.contains_key(referral)
            && !demanded
            && lists.get(&PatientField::ReferralSource).is_none_or(Vec::is_empty)
        {
            problems.add(referral, "cannot be resolved: no referral sources of the practice are configured, with their ids in the EMR");
        }
        for problem in self.intake.check_entries(&self.entries, lists) {
            problems.add(problem.field, problem.message);
        }
        problems.into_result("the configuration of new patients", ())
    }

    pub(super) fn person(&self, customer: &StoreCustomer) -> Person {
        self.intake.person(&self.contact(customer))
    }

    pub(super) fn identify(
        &self,
        config: &PostingConfig,
        customer: &StoreCustomer,
        found: Vec<Patient>,
    ) -> Match {
        matching::identify(&self.person(customer), found, config.near_match)
    }

    /// The customer as a new patient.
    ///
    /// # Errors
    /// A sentence for each field that is missing or wrong.
    pub(super) fn draft(
        &self,
        customer: &StoreCustomer,
        lists: &PickLists,
        today: NaiveDate,
    ) -> Result<NewPatient, Vec<String>> {
        match self.intake.check(&self.contact(customer), lists, today) {
            Ok(draft) => Ok(draft.patient),
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    fn contact(&self, customer: &StoreCustomer) -> CrmContact {
        let StoreCustomer {
            id,
            name,
            email,
            phone,
            birth_date,
            gender,
            street,
            city,
            state,
            postal_code,
        } = customer.clone();
        CrmContact {
            id: ContactId::new(id.as_str()),
            first_name: Some(name.given),
            last_name: Some(name.family),
            email,
            phone,
            birth_date,
            gender,
            street,
            city,
            state,
            postal_code,
            tags: Vec::new(),
            fields: self.entries.clone(),
        }
    }
}
