use std::sync::Arc;

use cannula::core::{
    Named, NewPatient, PatientField as Field, PatientRegistry, PersonName, PickLists,
};
use cannula_examples::birthday;
use cannula_sandbox::practice::Product;
use cannula_testkit::{Gate, ManualClock, Power, RegistryBench, async_trait};
use cannula_tests::Emr;

use super::EmrBench;

#[async_trait]
impl RegistryBench for EmrBench {
    fn registry(&self) -> Arc<dyn PatientRegistry> {
        self.registry_of()
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    async fn somebody(&self, number: u32) -> NewPatient {
        let lists = self.registry_of().lists().await.unwrap();
        somebody(number, &lists)
    }

    async fn patients(&self) -> usize {
        self.practice().patient_ids().len()
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.gate)
    }

    fn create_request(&self) -> &'static str {
        match self.emr {
            Emr::Nextech(Product::Select) => "POST /nextech/select/api/Patient",
            Emr::Nextech(Product::PracticePlus) => "POST /nextech/practice-plus/api/Patient",
            Emr::PatientNow => "POST /patientnow/api/v1/customers",
            Emr::Zenoti => "POST /zenoti/v1/guests",
        }
    }

    fn errors_in_200(&self) -> Vec<String> {
        self.errors_in_200()
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        match self.emr {
            Emr::PatientNow => vec![(
                Power::RefusesDuplicates,
                "PatientNow: that it refuses a customer it has is not documented, and the sandbox does not",
            )],
            Emr::Nextech(_) | Emr::Zenoti => Vec::new(),
        }
    }
}

/// Somebody new with everything that a register can demand.
pub(crate) fn somebody(number: u32, lists: &PickLists) -> NewPatient {
    let entry = |field| -> Option<Named> { lists.get(&field)?.first().cloned() };
    let text = |text: &str| Some(text.to_owned().into());
    NewPatient {
        name: PersonName {
            given: "Ida".to_owned().into(),
            family: format!("Law{}", letters(number)).into(),
        },
        email: format!("ida.law{number}@example.test").into(),
        phone: format!("+1646555{number:04}").into(),
        birth_date: birthday(number).into(),
        gender: text("female"),
        street: text("12 Quay Street"),
        city: text("Newport"),
        state: text("RI"),
        postal_code: text("02840"),
        location: entry(Field::Location),
        referral_source: entry(Field::ReferralSource),
        general_practitioner: entry(Field::GeneralPractitioner),
    }
}

/// A number as letters, for names.
fn letters(number: u32) -> String {
    let digits = number.to_string().into_bytes();
    digits.iter().map(|digit| char::from(digit - b'0' + b'a')).collect()
}
