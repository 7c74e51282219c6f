//! Finds or creates the patient: check, search, compare, create.

use std::sync::Arc;

use cannula_core::{
    Clock, CrmContact, ErrorKind, Patient, PatientId, PatientRegistry, Person, Phi, PickLists,
    Result, Retry,
};
use cannula_rules::intake::{
    Choice, Draft, Fault, FieldProblem, Intake, Match, Registered, Registrant, Registration,
    contradicts, resolve,
};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

/// Staff edit the lists; a value that is on one now may be gone later.
const LIFE: TimeDelta = TimeDelta::minutes(10);
/// A value that is on no list may have been added since, but is not looked for all the time.
const LIFE_OF_A_MISS: TimeDelta = TimeDelta::minutes(1);

const HIDDEN: &str = "it says that it has this patient already, but shows nobody who surely is this person; what it compares may be marked private there.";

/// The register of patients behind the intake's rules.
#[derive(Debug)]
pub(super) struct Registrar {
    intake: Intake,
    registry: Arc<dyn PatientRegistry>,
    clock: Arc<dyn Clock>,
    lists: Mutex<Option<Cached>>,
    /// Held from the search to the answer of the creation.
    creating: Mutex<()>,
}

#[derive(Clone, Debug)]
struct Cached {
    lists: Arc<PickLists>,
    read_at: DateTime<Utc>,
}

impl Registrar {
    pub(super) fn new(
        intake: Intake,
        registry: Arc<dyn PatientRegistry>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { intake, registry, clock, lists: Mutex::default(), creating: Mutex::default() }
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Asks whether the credentials are good, and reads the lists.
    pub(super) async fn prepare(&self) -> Result<Arc<PickLists>> {
        self.registry.check().await?;
        Ok(self.lists(TimeDelta::zero()).await?.lists)
    }

    /// Finds the person in the register, or creates the patient. Nothing is asked of it for a
    /// contact that is not complete.
    pub(super) async fn register(&self, asked: &Registration) -> Result<Registered> {
        let draft = match self.draft(&asked.contact).await? {
            Ok(draft) => draft,
            Err(problems) => return Ok(Registered::Incomplete(problems)),
        };
        let _one_at_a_time = self.creating.lock().await;
        match &draft.choice {
            Choice::Chart(chart) => self.by_chart(&draft.person, chart).await,
            Choice::Any => self.find_or_create(&draft, &[]).await,
            Choice::New => self.find_or_create(&draft, &asked.told).await,
        }
    }

    /// Looks whether an attempt of unknown outcome made the patient. `None`: attempt it again,
    /// which looks too.
    pub(super) async fn confirm(&self, asked: &Registration) -> Result<Option<Registered>> {
        let except = match self.intake.choice(&asked.contact) {
            // Nothing is created then.
            Choice::Chart(_) => return Ok(None),
            Choice::Any => &[][..],
            Choice::New => &asked.told,
        };
        if let Err(problems) = self.check(&asked.contact, &self.lists(LIFE).await?.lists) {
            // It was never sent, unless a list has changed since.
            if problems.iter().any(|problem| problem.fault != Fault::NotListed) {
                return Ok(None);
            }
        }
        let person = self.intake.person(&asked.contact);
        Ok(match self.search(&person, except).await? {
            Match::One(patient) => Some(Registered::Confirmed(Registrant::from(&patient))),
            Match::Nobody | Match::Several(_) => None,
        })
    }

    async fn find_or_create(&self, draft: &Draft, except: &[PatientId]) -> Result<Registered> {
        if let Some(found) = found(self.search(&draft.person, except).await?) {
            return Ok(found);
        }
        let error = match self.registry.create(&draft.patient).await {
            Ok(patient) => return Ok(Registered::Created(Registrant::from(&patient))),
            Err(error) => error,
        };
        match (error.retry_advice(), error.kind()) {
            (Retry::Never, ErrorKind::Duplicate) => {
                // The answer does not say who it is.
                let found = found(self.search(&draft.person, except).await?);
                Ok(found.unwrap_or_else(|| Registered::Refused(HIDDEN.to_owned())))
            }
            (Retry::Never, ErrorKind::Invalid) => {
                Ok(Registered::Refused(error.message().to_owned()))
            }
            _ => Err(error),
        }
    }

    /// The patient staff named, unless it plainly is somebody else.
    async fn by_chart(&self, person: &Person, chart: &Phi<String>) -> Result<Registered> {
        let product = self.intake.registry().product;
        let problem = match self.registry.by_chart(chart.expose()).await? {
            None => format!("leads to nobody: {product} shows no patient with this chart number"),
            Some(patient) => match contradicts(person, &patient) {
                None => return Ok(Registered::Linked(Registrant::from(&patient))),
                Some(other) => format!("leads to a patient with {other} in {product}"),
            },
        };
        Ok(Registered::Incomplete(vec![self.intake.chart_problem(problem)]))
    }

    async fn search(&self, person: &Person, except: &[PatientId]) -> Result<Match> {
        let mut patients = self.registry.search(person).await?;
        patients.retain(|patient: &Patient| !except.contains(&patient.id));
        Ok(resolve(person, patients))
    }

    /// The contact as a patient, by lists that are fresh enough for the answer.
    async fn draft(&self, contact: &CrmContact) -> Result<Result<Draft, Vec<FieldProblem>>> {
        // However old: what is missing is missing whatever the lists say.
        let cached = self.lists(TimeDelta::MAX).await?;
        let checked = self.check(contact, &cached.lists);
        let life = match &checked {
            Ok(_) => LIFE,
            Err(problems) if problems.iter().any(|it| it.fault == Fault::NotListed) => {
                LIFE_OF_A_MISS
            }
            Err(_) => return Ok(checked),
        };
        let fresh = self.lists(life).await?;
        if fresh.read_at == cached.read_at {
            return Ok(checked);
        }
        Ok(self.check(contact, &fresh.lists))
    }

    fn check(&self, contact: &CrmContact, lists: &PickLists) -> Result<Draft, Vec<FieldProblem>> {
        // Somewhere it is tomorrow already.
        let today = (self.clock.now() + TimeDelta::hours(14)).date_naive();
        self.intake.check(contact, lists, today)
    }

    /// The lists, read again if they were read longer ago than `life`.
    async fn lists(&self, life: TimeDelta) -> Result<Cached> {
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

/// What a search says without creating anybody.
fn found(found: Match) -> Option<Registered> {
    match found {
        Match::One(patient) => Some(Registered::Linked(Registrant::from(&patient))),
        Match::Several(all) => Some(Registered::Several(
            all.into_iter().map(|(patient, candidate)| (candidate, patient.chart_number)).collect(),
        )),
        Match::Nobody => None,
    }
}
