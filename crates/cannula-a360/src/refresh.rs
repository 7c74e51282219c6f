//! Beyond what the application does: linked patients are synchronised without a click.

use cannula_core::{Error, ErrorKind, PatientId, Phi, Result};

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
            let Some(contact) = patient.contact_in(self.location()) else { continue };
            match self.select(actor, contact, &Answer::default()).await {
                Ok(Selection::Done(outcome)) if outcome.action == Action::Unchanged => {
                    done.unchanged += 1;
                }
                Ok(Selection::Done(outcome)) => done.updated.push(outcome),
                Ok(Selection::Gone { patient }) => done.broken.extend(patient),
                // The link went away meanwhile; nothing is left to synchronise.
                Ok(Selection::Ask(_)) => {}
                Err(error) if concerns_all(error.kind()) => {
                    done.stopped = Some(error);
                    break;
                }
                Err(error) => done.failed.push((patient.id, error)),
            }
        }
        Ok(done)
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
