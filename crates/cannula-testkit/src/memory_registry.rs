//! An EMR's register of patients in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{
    Error, ErrorKind, NewPatient, Patient, PatientField, PatientId, PatientRegistry, Person, Phi,
    Phone, PhoneUse, PickLists, RegistryInfo, Result,
};

use crate::practice;

/// A register as mean as a real one where it counts: it searches by prefix, withholds what is
/// private, refuses a patient it has without saying which, has no idempotency keys, and fails as
/// told, before or after the patient was stored.
#[derive(Debug)]
pub struct MemoryRegistry {
    info: RegistryInfo,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    patients: Vec<Entry>,
    lists: PickLists,
    failures: BTreeMap<&'static str, VecDeque<Failure>>,
    calls: BTreeMap<&'static str, usize>,
}

#[derive(Clone, Debug)]
struct Entry {
    patient: Patient,
    postal_code: String,
    privacy: Privacy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privacy {
    Open,
    /// E-mail and phone are withheld, and not searched.
    ContactData,
    /// Nothing of the patient is shown.
    Everything,
}

#[derive(Debug)]
struct Failure {
    error: Error,
    applied: bool,
}

impl Default for MemoryRegistry {
    /// Demands names, e-mail, phone, birth date and postal code.
    fn default() -> Self {
        Self::demanding(vec![
            PatientField::FirstName,
            PatientField::LastName,
            PatientField::Email,
            PatientField::Phone,
            PatientField::BirthDate,
            PatientField::PostalCode,
        ])
    }
}

impl MemoryRegistry {
    /// A register that demands these fields.
    pub fn demanding(required: Vec<PatientField>) -> Self {
        let info = RegistryInfo {
            name: "memory",
            product: "Memory EMR",
            practice: practice(),
            required,
            default_postal_code: None,
        };
        Self { info, inner: Mutex::default() }
    }

    /// Replaces the lists.
    pub fn set_lists(&self, lists: PickLists) {
        self.inner().lists = lists;
    }

    /// Registers a patient, as the practice's own staff do. Not a call.
    pub fn add(&self, patient: &NewPatient) -> PatientId {
        self.inner().store(patient).id
    }

    /// Marks a patient's e-mail and phone as private: they are withheld.
    pub fn withhold_contact_data(&self, id: &PatientId) {
        self.inner().set_privacy(id, Privacy::ContactData);
    }

    /// Shows a patient to nobody, though it counts as a duplicate.
    pub fn hide(&self, id: &PatientId) {
        self.inner().set_privacy(id, Privacy::Everything);
    }

    /// Fails the next not yet failing call: `lists`, `search`, `by chart` or `create`.
    /// `applied`: it takes effect first.
    pub fn fail_next(&self, call: &'static str, error: Error, applied: bool) {
        self.inner().failures.entry(call).or_default().push_back(Failure { error, applied });
    }

    /// The patients, in the order they came.
    pub fn patients(&self) -> Vec<Patient> {
        self.inner().patients.iter().map(|entry| entry.patient.clone()).collect()
    }

    /// How often a call was made so far.
    pub fn calls(&self, call: &str) -> usize {
        self.inner().calls.get(call).copied().unwrap_or_default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and lets others have their turn in the middle of it, as over a network.
    async fn call(&self, call: &'static str) -> Option<Failure> {
        *self.inner().calls.entry(call).or_default() += 1;
        tokio::task::yield_now().await;
        self.inner().failures.get_mut(call).and_then(VecDeque::pop_front)
    }

    async fn read(&self, call: &'static str) -> Result<()> {
        self.call(call).await.map_or(Ok(()), |failure| Err(failure.error))
    }
}

impl Inner {
    fn create(&mut self, patient: &NewPatient) -> Result<Patient> {
        if self.patients.iter().any(|entry| entry.is(patient)) {
            return Err(Error::new(ErrorKind::Duplicate, "the patient exists"));
        }
        Ok(self.store(patient))
    }

    fn store(&mut self, new: &NewPatient) -> Patient {
        let number = self.patients.len() + 1;
        let phone = Phone { usage: PhoneUse::Mobile, number: new.phone.clone(), preferred: false };
        let patient = Patient {
            is_new: false,
            id: PatientId::new(format!("patient-{number}")),
            chart_number: Some(Phi::new(format!("{}", 1000 + number))),
            name: new.name.clone(),
            birth_date: Some(new.birth_date.clone()),
            emails: vec![new.email.clone()],
            phones: vec![phone],
        };
        let postal_code = new.postal_code.as_ref().map(|it| it.expose().clone());
        self.patients.push(Entry {
            patient: patient.clone(),
            postal_code: postal_code.unwrap_or_default(),
            privacy: Privacy::Open,
        });
        patient
    }

    fn set_privacy(&mut self, id: &PatientId, privacy: Privacy) {
        for entry in self.patients.iter_mut().filter(|entry| entry.patient.id == *id) {
            entry.privacy = privacy;
        }
    }
}

impl Entry {
    /// The vendors' test: everything a patient must have is the same.
    fn is(&self, new: &NewPatient) -> bool {
        let Self { patient, postal_code, .. } = self;
        patient.name == new.name
            && patient.birth_date.as_ref() == Some(&new.birth_date)
            && patient.emails.contains(&new.email)
            && patient.phones.iter().any(|phone| phone.number == new.phone)
            && *postal_code == new.postal_code.as_ref().map_or("", |code| code.expose())
    }

    /// What the register shows of the patient.
    fn shown(&self) -> Option<Patient> {
        let patient = self.patient.clone();
        match self.privacy {
            Privacy::Open => Some(patient),
            Privacy::ContactData => {
                Some(Patient { emails: Vec::new(), phones: Vec::new(), ..patient })
            }
            Privacy::Everything => None,
        }
    }
}

fn begins(value: &Phi<String>, prefix: Option<&Phi<String>>) -> bool {
    prefix.is_some_and(|prefix| {
        value.expose().to_lowercase().starts_with(&prefix.expose().to_lowercase())
    })
}

#[async_trait]
impl PatientRegistry for MemoryRegistry {
    fn info(&self) -> &RegistryInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn lists(&self) -> Result<PickLists> {
        self.read("lists").await?;
        Ok(self.inner().lists.clone())
    }

    async fn search(&self, person: &Person) -> Result<Vec<Patient>> {
        self.read("search").await?;
        let shown: Vec<_> = self.inner().patients.iter().filter_map(Entry::shown).collect();
        let (mut by_email, mut by_phone, mut by_name) = (Vec::new(), Vec::new(), Vec::new());
        for patient in shown {
            if patient.emails.iter().any(|email| begins(email, person.email.as_ref())) {
                by_email.push(patient.clone());
            }
            if patient.phones.iter().any(|it| begins(&it.number, person.phone.as_ref())) {
                by_phone.push(patient.clone());
            }
            if begins(&patient.name.family, Some(&person.last_name))
                && begins(&patient.name.given, Some(&person.first_name))
                && patient.birth_date == person.birth_date
            {
                by_name.push(patient);
            }
        }
        Ok([by_email, by_phone, by_name].concat())
    }

    async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        self.read("by chart").await?;
        let shown: Vec<_> = self.inner().patients.iter().filter_map(Entry::shown).collect();
        let has = |patient: &Patient| {
            patient.chart_number.as_ref().is_some_and(|number| number.expose() == chart)
        };
        Ok(shown.into_iter().find(has))
    }

    async fn create(&self, patient: &NewPatient) -> Result<Patient> {
        let failure = self.call("create").await;
        match failure {
            None => self.inner().create(patient),
            Some(Failure { error, applied }) => {
                if applied {
                    self.inner().create(patient)?;
                }
                Err(error)
            }
        }
    }
}
