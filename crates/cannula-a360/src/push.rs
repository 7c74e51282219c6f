//! Beyond what the application does: a patient that was added by hand becomes a contact.

use std::collections::BTreeSet;

use cannula_core::{
    ContactCreation, ContactId, CrmContact, DirectorySearch, Error, ErrorKind, PatientId, Person,
    Phi, Result, Retry,
};
use cannula_rules::patient_link::{
    Offer, PushDecision, Question, contact_of, decide_push, name_key,
};

use crate::{
    A360, Action, Actor, Answer, AuditRow, CRATE, Change, LinkChange, LocalPatient, Said,
    Selection, Target, select::Attempts,
};

/// Contacts of one name to look at. Where there are more, a person does.
const MOST_NAMESAKES: usize = 50;
/// Hits to ask for at once.
const ROWS: u16 = 500;
/// Pages to look at for one half of a name, which thousands may share.
const MOST_PAGES: usize = 2;

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// The CRM has a new contact, which the patient is linked to.
    Created {
        /// The patient.
        patient: LocalPatient,
        /// The contact.
        contact: ContactId,
    },
    /// The CRM had the person already: the patient was linked to it and merged, as if it had been
    /// selected.
    Found(Selection),
    /// Nothing was written: a person must say.
    Ask(Question),
}

impl A360 {
    /// Offers a patient to the CRM. By the same rules as a selection it is linked to the contact
    /// that surely is the person, a new contact is made if there is none, and anything between is
    /// asked about. `is_new` answers that question: none of them is.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] unless an administrator allowed it, [`ErrorKind::Invalid`] if the
    /// patient is linked already. If the CRM's answer to the creation is lost, push again: what was
    /// made is found and linked.
    pub async fn push(&self, actor: &Actor, patient: &PatientId, is_new: bool) -> Result<Pushed> {
        actor.must_edit()?;
        if !self.must_be_on().await?.push {
            let message = "pushing patients to the CRM is off; an administrator can allow it";
            return Err(Error::new(ErrorKind::Unsupported, message).connector(CRATE));
        }
        let patient = self.patient(patient).await?;
        if let Some(contact) = patient.contact_in(self.location()) {
            let message = "the patient is linked to a contact already; select that to synchronise";
            return Err(Error::new(ErrorKind::Invalid, message)
                .connector(CRATE)
                .with("contact", contact));
        }
        let (policy, today) = (&self.config.policy, self.today());
        let contacts = self.namesakes(&patient.person).await?;
        let offers: Vec<_> = contacts
            .iter()
            .map(|it| (it.id.clone(), Offer::read(it, None, policy, today)))
            .collect();
        match decide_push(&patient.person, &offers, is_new, policy, today) {
            PushDecision::Ask(question) => Ok(Pushed::Ask(question)),
            PushDecision::Create => self.create(actor, patient, is_new).await,
            PushDecision::Link(id) => {
                let contact = contacts.into_iter().find(|it| it.id == id);
                match contact {
                    Some(contact) => self.adopt(actor, patient, &contact).await,
                    None => Err(Error::new(ErrorKind::NotFound, "the contact is gone again")),
                }
            }
        }
    }

    /// The contacts of a person's name, each as it is now. Each half of the name is searched for
    /// alone as well, because the index may not know the other half as it is spelled here.
    async fn namesakes(&self, person: &Person) -> Result<Vec<CrmContact>> {
        let key = name_key(person);
        if key.expose().is_empty() {
            return Ok(Vec::new());
        }
        let (first, last) = (person.first_name.expose(), person.last_name.expose());
        let mut ids = BTreeSet::new();
        let searches = [
            (format!("{first} {last}"), usize::MAX),
            (last.clone(), MOST_PAGES),
            (first.clone(), MOST_PAGES),
        ];
        let searchable = |(text, _): &(String, usize)| text.chars().any(char::is_alphanumeric);
        for (text, most_pages) in searches.into_iter().filter(searchable) {
            let mut search = DirectorySearch { text: Phi::new(text), limit: ROWS, after: None };
            for _ in 0..most_pages {
                let page = self.look(self.directory.search(&search)).await?;
                for hit in page.hits {
                    // As the index has it; names agree before the contact is read.
                    let offer = Offer::read(&hit, None, &self.config.policy, self.today());
                    if offer.name_key().as_ref() == Some(&key) {
                        ids.insert(hit.id);
                    }
                }
                if ids.len() > MOST_NAMESAKES {
                    let message =
                        "the CRM has too many contacts of this name; select the right one";
                    return Err(Error::new(ErrorKind::Invalid, message).connector(CRATE));
                }
                search.after = page.next;
                if search.after.is_none() {
                    break;
                }
            }
        }
        let mut found = Vec::new();
        for id in ids {
            found.extend(self.read(&id).await?);
        }
        Ok(found)
    }

    async fn create(&self, actor: &Actor, patient: LocalPatient, is_new: bool) -> Result<Pushed> {
        let person = contact_of(&patient.person, &self.config.policy);
        let created = self.directory.create(&person).await.map_err(|error| {
            if error.retry_advice() != Retry::Settle {
                return error;
            }
            let message =
                "the CRM may have created the contact; push again, and it is found and linked";
            Error::new(error.kind(), message).connector(CRATE).retry(Retry::Settle).source(error)
        })?;
        let (by, shared) = match created {
            ContactCreation::Created(contact) => return self.pushed(actor, patient, contact).await,
            ContactCreation::Taken { by, shared } => (by, shared),
        };
        let (policy, today) = (&self.config.policy, self.today());
        if let Some(contact) = self.read(&by).await? {
            let offers = [(by.clone(), Offer::read(&contact, None, policy, today))];
            match decide_push(&patient.person, &offers, is_new, policy, today) {
                PushDecision::Link(_) => return self.adopt(actor, patient, &contact).await,
                PushDecision::Ask(question) => return Ok(Pushed::Ask(question)),
                PushDecision::Create => {}
            }
        }
        Ok(Pushed::Ask(Question::ContactConflict { contact: by, shared }))
    }

    /// Links a patient to the contact that it is.
    async fn adopt(
        &self,
        actor: &Actor,
        patient: LocalPatient,
        contact: &CrmContact,
    ) -> Result<Pushed> {
        let answer = Answer { said: Some(Said::Is(patient.id)), birth_date: None };
        Ok(match self.link(actor, contact, &answer).await? {
            Selection::Ask(question) => Pushed::Ask(question),
            selection => Pushed::Found(selection),
        })
    }

    /// Links a patient to the contact that was made of it.
    async fn pushed(
        &self,
        actor: &Actor,
        patient: LocalPatient,
        contact: ContactId,
    ) -> Result<Pushed> {
        let mut attempts = Attempts::default();
        loop {
            match self.link_made(actor, &patient.id, &contact).await {
                Err(error) if attempts.again(&error) => {}
                ended => return ended,
            }
        }
    }

    async fn link_made(
        &self,
        actor: &Actor,
        patient: &PatientId,
        contact: &ContactId,
    ) -> Result<Pushed> {
        // Who edits the patient meanwhile does not undo the contact, and who links it is not undone.
        let now = self.patient(patient).await?;
        if let Some(by) = now.contact_in(self.location()).filter(|linked| *linked != contact) {
            let (patient, by) = (now.id.clone(), by.clone());
            return Ok(Pushed::Ask(Question::PatientTaken { patient, by }));
        }
        let key = self.key(contact);
        let change = Change {
            target: Target::Existing { id: now.id, version: now.version },
            same_name: None,
            link: LinkChange::Set(key.clone()),
            audit: AuditRow {
                at: self.clock.now(),
                by: actor.name.clone(),
                action: Action::Pushed,
                contact: Some(key),
                before: Some(now.person.clone()),
                after: now.person,
                rules: None,
            },
        };
        let patient = self.store.commit(&change).await?;
        Ok(Pushed::Created { patient, contact: contact.clone() })
    }
}
