//! A register of patients that is searched before anybody is created in it.

use std::sync::Arc;

use cannula_core::{
    Clock, ErrorKind, NewPatient, Patient, PatientId, PatientRegistry, Person, PickLists, Result,
    Retry,
};
use cannula_rules::intake::Match;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::sync::{Mutex, MutexGuard};

/// The register behind a flow that makes patients.
#[derive(Debug)]
pub(crate) struct Register {
    registry: Arc<dyn PatientRegistry>,
    clock: Arc<dyn Clock>,
    lists: Mutex<Option<Cached>>,
    creating: Mutex<()>,
}

/// Lists, and when they were read.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) lists: Arc<PickLists>,
    pub(crate) read_at: DateTime<Utc>,
}

/// What came of creating a patient.
pub(crate) enum Made {
    /// The patient is new.
    Created(Patient),
    /// The EMR has the patient already: who it is.
    Found(Match),
    /// The EMR refused, in its words.
    Refused(String),
}

impl Register {
    /// Why nobody was created, where the EMR says that it has the patient and does not show them.
    pub(crate) const HIDDEN: &str = "it says that it has this patient already, but shows nobody who surely is this person; what it compares may be marked private there.";

    pub(crate) fn new(registry: Arc<dyn PatientRegistry>, clock: Arc<dyn Clock>) -> Self {
        Self { registry, clock, lists: Mutex::default(), creating: Mutex::default() }
    }

    /// Asks whether the credentials are good, and reads the lists.
    pub(crate) async fn prepare(&self) -> Result<Arc<PickLists>> {
        self.registry.check().await?;
        Ok(self.lists(TimeDelta::zero()).await?.lists)
    }

    /// Held from a search to the answer of the creation that follows from it, so that two who ask
    /// for one person get one patient.
    pub(crate) async fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        self.creating.lock().await
    }

    pub(crate) async fn by_chart(&self, chart: &str) -> Result<Option<Patient>> {
        self.registry.by_chart(chart).await
    }

    /// Everybody who might be the person, but for those who are not.
    pub(crate) async fn search(
        &self,
        person: &Person,
        except: &[PatientId],
    ) -> Result<Vec<Patient>> {
        let mut patients = self.registry.search(person).await?;
        patients.retain(|patient| !except.contains(&patient.id));
        Ok(patients)
    }

    /// Creates a patient whom a search did not find. Where the EMR has them all the same, another
    /// search and `who` say who it is: the EMR does not.
    pub(crate) async fn create(
        &self,
        patient: &NewPatient,
        person: &Person,
        except: &[PatientId],
        who: impl Fn(Vec<Patient>) -> Match + Send,
    ) -> Result<Made> {
        let error = match self.registry.create(patient).await {
            Ok(patient) => return Ok(Made::Created(patient)),
            Err(error) => error,
        };
        match (error.retry_advice(), error.kind()) {
            (Retry::Never, ErrorKind::Duplicate) => {
                Ok(match who(self.search(person, except).await?) {
                    Match::Nobody => Made::Refused(Self::HIDDEN.to_owned()),
                    found => Made::Found(found),
                })
            }
            (Retry::Never, ErrorKind::Invalid) => Ok(Made::Refused(error.message().to_owned())),
            _ => Err(error),
        }
    }

    /// The last day on which somebody can be born: somewhere it is tomorrow already.
    pub(crate) fn today(&self) -> NaiveDate {
        (self.clock.now() + TimeDelta::hours(14)).date_naive()
    }

    /// The lists, read again if they were read longer ago than `life`.
    pub(crate) async fn lists(&self, life: TimeDelta) -> Result<Cached> {
        let mut slot = self.lists.lock().await;
        let now = self.clock.now();
        if let Some(cached) = slot.as_ref().filter(|cached| now - cached.read_at <= life) {
            return Ok(cached.clone());
        }
        let lists = Arc::new(self.registry.lists().await?);
        let cached = Cached { lists, read_at: self.clock.now() };
        *slot = Some(cached.clone());
        Ok(cached)
    }
}
