//! Beyond what the application does: linked patients are synchronised without a click.

use cannula_core::{ContactId, Error, ErrorKind, PatientId, Phi, Result};
use cannula_rules::patient_link::{Offer, is_another_person};

use crate::{
    A360, Action, Actor, Answer, CRATE, LinkFilter, LocalPatient, Outcome, PatientQuery, Selection,
};

/// Patients to list at once.
const PAGE: usize = 500;

/// What a refresh did.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Patients whose contact changed something.
    pub updated: Vec<Outcome>,
    /// How many had nothing new.
    pub unchanged: usize,
    /// Patients whose contact is gone.
    pub broken: Vec<LocalPatient>,
    /// Patients whose contact has another name and another birth date now, each with the contact:
    /// perhaps it was used for the next person. They are left as they were; select the contact if
    /// it is right.
    pub doubtful: Vec<(PatientId, ContactId)>,
    /// Patients that could not be synchronised, each with its error.
    pub failed: Vec<(PatientId, Error)>,
    /// Why it ended before the last patient. Start again later: what was done stays.
    pub stopped: Option<Error>,
}

impl A360 {
    /// Reads the contact of every linked patient and merges it, as a selection does. One patient's
    /// trouble is its own; a CRM that is down or refuses everything ends it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] unless an administrator allowed it; those of the store.
    pub async fn refresh(&self, actor: &Actor) -> Result<Refreshed> {
        actor.must_edit()?;
        if !self.must_be_on().await?.refresh {
            let message = "refreshing linked patients is off; an administrator can allow it";
            return Err(Error::new(ErrorKind::Unsupported, message).connector(CRATE));
        }
        let mut done = Refreshed::default();
        for patient in self.all_linked().await? {
            let Some(contact) = patient.contact_in(self.location()).cloned() else { continue };
            match self.refresh_one(actor, &patient, &contact).await {
                Ok(Some(Selection::Done(outcome))) if outcome.action == Action::Unchanged => {
                    done.unchanged += 1;
                }
                Ok(Some(Selection::Done(outcome))) => done.updated.push(outcome),
                Ok(Some(Selection::Gone { patient })) => done.broken.extend(patient),
                // The link went away meanwhile; nothing is left to synchronise.
                Ok(Some(Selection::Ask(_))) => {}
                Ok(None) => done.doubtful.push((patient.id, contact)),
                Err(error) if concerns_all(error.kind()) => {
                    done.stopped = Some(error);
                    break;
                }
                Err(error) => done.failed.push((patient.id, error)),
            }
        }
        Ok(done)
    }

    /// As a selection does, but `None` for a contact that may be another person now.
    async fn refresh_one(
        &self,
        actor: &Actor,
        patient: &LocalPatient,
        contact: &ContactId,
    ) -> Result<Option<Selection>> {
        let Some(contact) = self.read(contact).await? else {
            let patient = self.broken(actor, contact).await?;
            return Ok(Some(Selection::Gone { patient }));
        };
        let (policy, today) = (&self.config.policy, self.today());
        let offer = Offer::read(&contact, None, policy, today);
        if is_another_person(&offer, &patient.person, policy, today) {
            return Ok(None);
        }
        self.link(actor, &contact, &Answer::default()).await.map(Some)
    }

    /// All linked patients, before any of them is renamed and moves in the list.
    async fn all_linked(&self) -> Result<Vec<LocalPatient>> {
        let mut query = PatientQuery {
            location: self.location().clone(),
            filter: LinkFilter::Linked,
            words: Vec::<Phi<String>>::new(),
            skip: 0,
            limit: PAGE,
        };
        let mut all = Vec::new();
        loop {
            let page = self.store.patients(&query).await?;
            let last = page.len() < PAGE;
            query.skip += page.len();
            all.extend(page);
            if last {
                return Ok(all);
            }
        }
    }
}

/// The next patient would meet the same.
const fn concerns_all(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Auth
            | ErrorKind::Forbidden
            | ErrorKind::Config
            | ErrorKind::Throttled
            | ErrorKind::QuotaExhausted
            | ErrorKind::Unavailable
            | ErrorKind::Connection
            | ErrorKind::Storage
            | ErrorKind::Unsupported
    )
}
