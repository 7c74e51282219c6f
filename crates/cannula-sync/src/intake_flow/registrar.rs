//! Finds or creates the patient: check, search, compare, create.

use std::sync::Arc;

use cannula_core::{Clock, CrmContact, PatientId, PatientRegistry, Person, Phi, PickLists, Result};
use cannula_rules::intake::{
    Choice, Draft, Fault, FieldProblem, Intake, Match, Registered, Registrant, Registration,
    contradicts, resolve,
};
use chrono::TimeDelta;

use crate::register::{Made, Register};

/// Staff edit the lists; a value that is on one now may be gone later.
const LIFE: TimeDelta = TimeDelta::minutes(10);
/// A value that is on no list may have been added since, but is not looked for all the time.
const LIFE_OF_A_MISS: TimeDelta = TimeDelta::minutes(1);

/// The register of patients behind the intake's rules.
#[derive(Debug)]
pub(super) struct Registrar {
    intake: Intake,
    register: Register,
}

impl Registrar {
    pub(super) fn new(
        intake: Intake,
        registry: Arc<dyn PatientRegistry>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { intake, register: Register::new(registry, clock) }
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.intake
    }

    /// Asks whether the credentials are good, and reads the lists.
    pub(super) async fn prepare(&self) -> Result<Arc<PickLists>> {
        self.register.prepare().await
    }

    /// Finds the person in the register, or creates the patient. Nothing is asked of it for a
    /// contact that is not complete.
    pub(super) async fn register(&self, asked: &Registration) -> Result<Registered> {
        let draft = match self.draft(&asked.contact).await? {
            Ok(draft) => draft,
            Err(problems) => return Ok(Registered::Incomplete(problems)),
        };
        let _one_at_a_time = self.register.one_at_a_time().await;
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
        let lists = self.register.lists(LIFE).await?.lists;
        if let Err(problems) = self.check(&asked.contact, &lists) {
            // It was never sent, unless a list has changed since.
            if problems.iter().any(|problem| problem.fault != Fault::NotListed) {
                return Ok(None);
            }
        }
        let person = self.intake.person(&asked.contact);
        Ok(match self.search(&person, except).await? {
            Match::One(patient) => Some(Registered::Confirmed(Registrant::from(&patient))),
            Match::Nobody | Match::Several(_) | Match::Possible(_) => None,
        })
    }

    async fn find_or_create(&self, draft: &Draft, except: &[PatientId]) -> Result<Registered> {
        let Draft { patient, person, .. } = draft;
        let found = self.search(person, except).await?;
        let made = match found {
            Match::Nobody => {
                let who = |found| resolve(person, found);
                self.register.create(patient, person, except, who).await?
            }
            found => Made::Found(found),
        };
        Ok(match made {
            Made::Created(patient) => Registered::Created(Registrant::from(&patient)),
            Made::Found(Match::One(patient)) => Registered::Linked(Registrant::from(&patient)),
            Made::Found(Match::Several(all) | Match::Possible(all)) => Registered::Several(
                all.into_iter()
                    .map(|(patient, candidate)| (candidate, patient.chart_number))
                    .collect(),
            ),
            // Not reached: who is found is somebody.
            Made::Found(Match::Nobody) => Registered::Refused(Register::HIDDEN.to_owned()),
            Made::Refused(problem) => Registered::Refused(problem),
        })
    }

    /// The patient staff named, unless it plainly is somebody else.
    async fn by_chart(&self, person: &Person, chart: &Phi<String>) -> Result<Registered> {
        let product = self.intake.registry().product;
        let problem = match self.register.by_chart(chart.expose()).await? {
            None => format!("leads to nobody: {product} shows no patient with this chart number"),
            Some(patient) => match contradicts(person, &patient) {
                None => return Ok(Registered::Linked(Registrant::from(&patient))),
                Some(other) => format!("leads to a patient with {other} in {product}"),
            },
        };
        Ok(Registered::Incomplete(vec![self.intake.chart_problem(problem)]))
    }

    async fn search(&self, person: &Person, except: &[PatientId]) -> Result<Match> {
        Ok(resolve(person, self.register.search(person, except).await?))
    }

    /// The contact as a patient, by lists that are fresh enough for the answer.
    async fn draft(&self, contact: &CrmContact) -> Result<Result<Draft, Vec<FieldProblem>>> {
        // However old: what is missing is missing whatever the lists say.
        let cached = self.register.lists(TimeDelta::MAX).await?;
        let checked = self.check(contact, &cached.lists);
        let life = match &checked {
            Ok(_) => LIFE,
            Err(problems) if problems.iter().any(|it| it.fault == Fault::NotListed) => {
                LIFE_OF_A_MISS
            }
            Err(_) => return Ok(checked),
        };
        let fresh = self.register.lists(life).await?;
        if fresh.read_at == cached.read_at {
            return Ok(checked);
        }
        Ok(self.check(contact, &fresh.lists))
    }

    fn check(&self, contact: &CrmContact, lists: &PickLists) -> Result<Draft, Vec<FieldProblem>> {
        self.intake.check(contact, lists, self.register.today())
    }
}
