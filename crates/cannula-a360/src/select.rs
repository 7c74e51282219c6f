use cannula_core::{ContactId, CrmContact, Error, ErrorKind, PatientId, Person, Phi, Result};
use cannula_rules::patient_link::{
    Candidate, Choice, LinkDecision, MergeRules, Offer, Question, decide, merge, name_key,
};
use chrono::NaiveDate;
use serde::Serialize;

use crate::{
    A360, Action, Actor, AuditRow, Change, LinkChange, LocalPatient, Target, contended,
    store::versions,
};

/// How often a change is decided because others get in between.
const ATTEMPTS: usize = 10;

/// Counts how often a change was decided.
#[derive(Debug, Default)]
pub(crate) struct Attempts(usize);

impl Attempts {
    /// Somebody else got in between, and it is worth deciding again.
    pub(crate) fn again(&mut self, error: &Error) -> bool {
        self.0 += 1;
        error.kind() == ErrorKind::Contended && self.0 < ATTEMPTS
    }
}

/// What staff say to the questions of a selection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Who the contact is.
    pub said: Option<Said>,
    /// The birth date of a contact without a usable one.
    pub birth_date: Option<Phi<NaiveDate>>,
}

/// Who a contact is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// This patient.
    Is(PatientId),
    /// None of the patients there are.
    New,
}

/// How a selection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The patient is in the local list, as the CRM has it.
    Done(Outcome),
    /// No patient was changed: a person must say.
    Ask(Question),
    /// The CRM does not have the contact any more: it was deleted or merged. The patient it was
    /// linked to stays, with a broken link; search again to find whom to link it to.
    Gone {
        /// That patient.
        patient: Option<LocalPatient>,
    },
}

/// What a selection did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The patient.
    pub patient: LocalPatient,
    /// What was done to it.
    pub action: Action,
    /// Why each field holds what it does.
    pub rules: MergeRules,
    /// Others of the same name, if the patient is new, newly linked or renamed. A warning only.
    pub duplicates: Vec<Duplicate>,
}

/// Another patient of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// The other patient.
    pub patient: PatientId,
    /// It has the same birth date, too.
    pub same_birth_date: bool,
}

impl A360 {
    /// Pulls a contact into the local list: links it to the patient it surely is or to a new one,
    /// and merges. What is not sure is asked, and `answer` is what staff say to it.
    ///
    /// Selecting a contact again synchronises its patient; several at once make one patient.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] for whoever may not edit patients, [`ErrorKind::Unsupported`] while
    /// the integration is off, [`ErrorKind::NotFound`] if the answer names no patient; what the CRM
    /// answers, and what the store says. Then no patient was changed; at most the link to a contact
    /// that is gone was marked.
    pub async fn select(
        &self,
        actor: &Actor,
        contact: &ContactId,
        answer: &Answer,
    ) -> Result<Selection> {
        actor.must_edit()?;
        self.must_be_on().await?;
        // The index may be behind, so the contact itself decides.
        match self.read(contact).await? {
            Some(found) => self.link(actor, &found, answer).await,
            None => Ok(Selection::Gone { patient: self.broken(actor, contact).await? }),
        }
    }

    /// Links and merges a contact that was just read. A patient who is linked to a contact that is
    /// gone, such as one that was merged into this one, is free.
    pub(crate) async fn link(
        &self,
        actor: &Actor,
        contact: &CrmContact,
        answer: &Answer,
    ) -> Result<Selection> {
        let mut attempts = Attempts::default();
        loop {
            match self.link_once(actor, contact, answer).await {
                Err(error) if attempts.again(&error) => {}
                Ok(Selection::Ask(Question::PatientTaken { by, .. }))
                    if self.is_gone(actor, &by).await? => {}
                ended => return ended,
            }
        }
    }

    async fn link_once(
        &self,
        actor: &Actor,
        contact: &CrmContact,
        answer: &Answer,
    ) -> Result<Selection> {
        let (policy, today) = (&self.config.policy, self.today());
        let birth_date = answer.birth_date.as_ref().map(|date| *date.expose());
        let offer = Offer::read(contact, birth_date, policy, today);
        let linked = self.linked_to(&contact.id).await?;
        let same_name = match offer.name_key() {
            Some(key) => self.store.same_name(&key).await?,
            None => Vec::new(),
        };
        let named = match &answer.said {
            Some(Said::Is(patient)) => Some(self.patient(patient).await?),
            Some(Said::New) | None => None,
        };
        let choice = match (&answer.said, &named) {
            (_, Some(patient)) => Some(Choice::Is(self.candidate(patient, &contact.id))),
            (Some(_), None) => Some(Choice::New),
            (None, None) => None,
        };
        let candidates: Vec<_> =
            same_name.iter().map(|it| self.candidate(it, &contact.id)).collect();
        let decision = decide(
            &offer,
            &contact.id,
            linked.as_ref().map(|it| &it.id),
            &candidates,
            choice.as_ref(),
            policy,
            today,
        );
        // An existing link, and whom staff named, stay who they are whoever has the name.
        let by_name = match decision {
            LinkDecision::Link(_) => answer.said.is_none(),
            LinkDecision::Create => true,
            LinkDecision::Linked(_) | LinkDecision::Ask(_) => false,
        };
        let before = match decision {
            LinkDecision::Ask(question) => return Ok(Selection::Ask(question)),
            LinkDecision::Create => None,
            LinkDecision::Linked(id) | LinkDecision::Link(id) => {
                let mut known = linked.into_iter().chain(named).chain(same_name.iter().cloned());
                Some(known.find(|it| it.id == id).ok_or_else(|| contended("the patient is gone"))?)
            }
        };
        let held = before.as_ref().map_or_else(Person::default, |it| it.person.clone());
        let merged = merge(&offer, &held, policy, today);
        let action = match &before {
            None => Action::Created,
            Some(it) if it.contact_in(self.location()) != Some(&contact.id) => Action::Linked,
            Some(it) if it.person != merged.person => Action::Updated,
            Some(_) => Action::Unchanged,
        };
        let target = match &before {
            None => Target::New { details: Default::default() },
            Some(it) => Target::Existing { id: it.id.clone(), version: it.version },
        };
        // Before the commit: what fails after it would look as if nothing had been written.
        let renamed = name_key(&held) != name_key(&merged.person);
        let others = if renamed || action == Action::Linked {
            self.same_name(&merged.person).await?
        } else {
            Vec::new()
        };
        let key = self.key(&contact.id);
        let change = Change {
            target,
            same_name: by_name.then(|| versions(&same_name)),
            link: LinkChange::Set(key.clone()),
            audit: AuditRow {
                at: self.clock.now(),
                by: actor.name.clone(),
                action,
                contact: Some(key),
                before: before.map(|it| it.person),
                after: merged.person,
                rules: Some(merged.rules),
            },
        };
        let patient = self.store.commit(&change).await?;
        let duplicates = duplicates(others, &patient.id, &patient.person);
        Ok(Selection::Done(Outcome { patient, action, rules: merged.rules, duplicates }))
    }

    fn candidate(&self, patient: &LocalPatient, contact: &ContactId) -> Candidate {
        let other = patient.contact_in(self.location()).filter(|linked| *linked != contact);
        Candidate {
            id: patient.id.clone(),
            person: patient.person.clone(),
            taken_by: other.cloned(),
        }
    }

    /// The patient that a contact is linked to, though the link be broken.
    pub(crate) async fn linked_to(&self, contact: &ContactId) -> Result<Option<LocalPatient>> {
        Ok(self.store.linked(self.location(), std::slice::from_ref(contact)).await?.pop())
    }

    /// Whether the CRM does not have a contact any more; then its link is marked.
    async fn is_gone(&self, actor: &Actor, contact: &ContactId) -> Result<bool> {
        if self.read(contact).await?.is_some() {
            return Ok(false);
        }
        self.broken(actor, contact).await?;
        Ok(true)
    }

    /// Marks the link to a contact that is gone, and returns its patient.
    pub(crate) async fn broken(
        &self,
        actor: &Actor,
        contact: &ContactId,
    ) -> Result<Option<LocalPatient>> {
        let mut attempts = Attempts::default();
        loop {
            match self.break_once(actor, contact).await {
                Err(error) if attempts.again(&error) => {}
                ended => return ended,
            }
        }
    }

    async fn break_once(&self, actor: &Actor, contact: &ContactId) -> Result<Option<LocalPatient>> {
        let Some(patient) = self.linked_to(contact).await? else { return Ok(None) };
        if patient.contact_in(self.location()).is_none() {
            return Ok(Some(patient));
        }
        let change = Change {
            target: Target::Existing { id: patient.id, version: patient.version },
            same_name: None,
            link: LinkChange::Break(self.location().clone()),
            audit: AuditRow {
                at: self.clock.now(),
                by: actor.name.clone(),
                action: Action::Broken,
                contact: Some(self.key(contact)),
                before: Some(patient.person.clone()),
                after: patient.person,
                rules: None,
            },
        };
        self.store.commit(&change).await.map(Some)
    }

    pub(crate) async fn same_name(&self, person: &Person) -> Result<Vec<LocalPatient>> {
        self.store.same_name(&name_key(person)).await
    }
}

/// Those of a patient's name who are others.
pub(crate) fn duplicates(
    same_name: Vec<LocalPatient>,
    patient: &PatientId,
    person: &Person,
) -> Vec<Duplicate> {
    let others = same_name.into_iter().filter(|other| other.id != *patient);
    let duplicate = |other: LocalPatient| Duplicate {
        same_birth_date: other.person.birth_date.is_some()
            && other.person.birth_date == person.birth_date,
        patient: other.id,
    };
    others.map(duplicate).collect()
}
