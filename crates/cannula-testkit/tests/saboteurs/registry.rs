use std::sync::Arc;

use async_trait::async_trait;
use cannula_core::{
    ErrorKind, NewPatient, Patient, PatientField as Field, PatientRegistry, Person, PersonName,
    PickLists, RegistryInfo, Result,
};
use cannula_http::Request;
use cannula_testkit::{Gate, ManualClock, Power, RegistryBench, practice};

use crate::link::{Caller, ERROR_IN_200, Link, LinkFlaw};

crate::laws_and_saboteurs!(registry_laws: bench => Bench, &[
    ("what_is_demanded_is_named", Flaw::DemandsNothing),
    ("somebody_new_is_created_and_shown", Flaw::ShowsSomebodyElse),
    ("somebody_is_found_by_each_of_the_data", Flaw::SearchesByEmailOnly),
    ("nobody_is_found_who_is_not_there", Flaw::FindsEverybody),
    ("somebody_is_found_by_chart_number", Flaw::KnowsNoCharts),
    ("the_same_person_twice_is_refused", Flaw::HidesDuplicates),
    ("a_patient_that_did_not_arrive_is_made_once", Flaw::PretendsThatAllIsDone),
    ("a_patient_whose_answer_is_lost_is_there_once", Flaw::RepeatsUnseen),
    ("a_patient_without_an_answer_is_there_once", Flaw::RepeatsUnseen),
    ("a_create_that_may_have_landed_is_not_repeated_unseen", Flaw::RepeatsUnseen),
    ("an_error_with_status_200_is_no_patient", Flaw::TrustsTheStatus),
]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    DemandsNothing,
    ShowsSomebodyElse,
    SearchesByEmailOnly,
    FindsEverybody,
    KnowsNoCharts,
    HidesDuplicates,
    PretendsThatAllIsDone,
    /// With a new e-mail address, so that the vendor does not see that it is the same person.
    RepeatsUnseen,
    TrustsTheStatus,
}

/// A client of the small vendor's register, with one flaw or none.
#[derive(Debug)]
struct ToyRegistry {
    caller: Caller,
    info: RegistryInfo,
    flaw: Option<Flaw>,
}

impl ToyRegistry {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

#[async_trait]
impl PatientRegistry for ToyRegistry {
    fn info(&self) -> &RegistryInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn lists(&self) -> Result<PickLists> {
        Ok(PickLists::new())
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        let by_email = Person { email: person.email.clone(), ..Person::default() };
        let everybody = Person { email: Some("ida".to_owned().into()), ..Person::default() };
        let person = match self.flaw {
            Some(Flaw::SearchesByEmailOnly) => &by_email,
            Some(Flaw::FindsEverybody) => &everybody,
            _ => person,
        };
        self.caller.json(&Request::post("search", "search").json(person).repeatable()).await
    }

    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        if self.is(Flaw::KnowsNoCharts) {
            return Ok(None);
        }
        self.caller.json(&Request::get("get by chart", format!("charts/{chart}"))).await
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        let request = |patient: &NewPatient| Request::post("create", "patients").json(patient);
        let mut outcome = self.caller.json::<Patient>(&request(patient)).await;
        if self.is(Flaw::RepeatsUnseen) && outcome.is_err() {
            let again =
                NewPatient { email: "new@example.test".to_owned().into(), ..patient.clone() };
            outcome = self.caller.json(&request(&again)).await;
        }
        let nobody = |patient: &NewPatient| Patient {
            id: "nobody".into(),
            name: patient.name.clone(),
            chart_number: None,
            birth_date: None,
            emails: Vec::new(),
            phones: Vec::new(),
            is_new: false,
        };
        match outcome {
            Err(_) if self.is(Flaw::PretendsThatAllIsDone) => Ok(nobody(patient)),
            Err(error) if self.is(Flaw::TrustsTheStatus) && error.kind() == ErrorKind::Decode => {
                Ok(nobody(patient))
            }
            Err(error)
                if self.is(Flaw::HidesDuplicates) && error.kind() == ErrorKind::Duplicate =>
            {
                Ok(nobody(patient))
            }
            Ok(patient) if self.is(Flaw::ShowsSomebodyElse) => {
                Ok(Patient { name: PersonName::default(), ..patient })
            }
            outcome => outcome,
        }
    }
}

#[derive(Debug)]
struct Bench {
    link: Link,
    flaw: Option<Flaw>,
}

async fn bench(flaw: Option<Flaw>) -> Bench {
    Bench { link: Link::open().await, flaw }
}

#[async_trait]
impl RegistryBench for Bench {
    fn registry(&self) -> Arc<dyn PatientRegistry> {
        let mut required = vec![Field::FirstName, Field::LastName];
        if self.flaw == Some(Flaw::DemandsNothing) {
            required.clear();
        }
        let info = RegistryInfo {
            name: "toy",
            product: "Toy EMR",
            practice: practice(),
            required,
            default_postal_code: None,
        };
        let trusts = self.flaw == Some(Flaw::TrustsTheStatus);
        let caller = self.link.caller(trusts.then_some(LinkFlaw::TrustsTheStatus));
        Arc::new(ToyRegistry { caller, info, flaw: self.flaw })
    }

    fn clock(&self) -> &ManualClock {
        self.link.clock()
    }

    async fn somebody(&self, number: u32) -> NewPatient {
        NewPatient {
            name: PersonName {
                given: "Ida".to_owned().into(),
                family: format!("Law{number}").into(),
            },
            email: format!("ida.law{number}@example.test").into(),
            phone: format!("+1646555{number:04}").into(),
            birth_date: chrono::NaiveDate::from_ymd_opt(1985, 3, 4).unwrap_or_default().into(),
            gender: None,
            street: None,
            city: None,
            state: None,
            postal_code: None,
            location: None,
            referral_source: None,
            general_practitioner: None,
        }
    }

    async fn patients(&self) -> usize {
        self.link.vendor.registry.patients().len()
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.link.gate)
    }

    fn create_request(&self) -> &'static str {
        "POST /patients"
    }

    fn errors_in_200(&self) -> Vec<String> {
        vec![ERROR_IN_200.to_owned()]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}
