use std::{future::Future, sync::Arc};

use cannula_core::{
    Clock, ContactDirectory, ContactId, CrmContact, Error, ErrorKind, PatientId, PracticeId,
    Result, Retry,
};
use chrono::NaiveDate;

use crate::{A360Config, Actor, AuditRow, CRATE, Integration, LinkKey, LocalPatient, PatientStore};

/// The application's patient search over one location of a CRM, and its own list.
///
/// Several locations are several of these over one store.
#[derive(Clone, Debug)]
pub struct A360 {
    pub(crate) directory: Arc<dyn ContactDirectory>,
    pub(crate) store: Arc<dyn PatientStore>,
    pub(crate) config: A360Config,
    pub(crate) clock: Arc<dyn Clock>,
}

impl A360 {
    /// Puts it together; no I/O.
    pub fn new(
        directory: Arc<dyn ContactDirectory>,
        store: Arc<dyn PatientStore>,
        config: A360Config,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { directory, store, config, clock }
    }

    /// The part of the CRM whose contacts are searched.
    pub fn location(&self) -> &PracticeId {
        &self.directory.info().location
    }

    /// What was done to a patient, oldest first, with what the patient held before.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] for whoever may not edit patients, [`ErrorKind::NotFound`] if there is
    /// no such patient.
    pub async fn audit(&self, actor: &Actor, patient: &PatientId) -> Result<Vec<AuditRow>> {
        actor.must_read_audits()?;
        self.patient(patient).await?;
        self.store.audit(patient).await
    }

    /// The date of today. Birth dates are compared with it, so that it may be another day at the
    /// practice does not matter.
    pub(crate) fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
    }

    pub(crate) fn key(&self, contact: &ContactId) -> LinkKey {
        LinkKey { location: self.location().clone(), contact: contact.clone() }
    }

    pub(crate) async fn patient(&self, id: &PatientId) -> Result<LocalPatient> {
        self.store.patient(id).await?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "there is no such patient in the local list")
                .connector(CRATE)
                .with("patient", id)
        })
    }

    /// The switch, if it is on.
    pub(crate) async fn switched_on(&self) -> Result<Option<Integration>> {
        Ok(self.store.integration(self.location()).await?.filter(|it| it.enabled))
    }

    /// The switch, which must be on.
    pub(crate) async fn must_be_on(&self) -> Result<Integration> {
        self.switched_on().await?.ok_or_else(|| {
            let message = "the integration with the CRM is off; enable it first";
            Error::new(ErrorKind::Unsupported, message).connector(CRATE)
        })
    }

    /// Reads a contact as it is now.
    pub(crate) async fn read(&self, contact: &ContactId) -> Result<Option<CrmContact>> {
        self.look(self.directory.get(contact)).await
    }

    /// Waits for the CRM no longer than people would. For reading only: what is cut off may have
    /// been done.
    pub(crate) async fn look<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.config.wait, call).await.unwrap_or_else(|_| {
            let wait = self.config.wait.as_secs();
            let message = format!("the CRM did not answer within {wait} s; try again later");
            Err(Error::new(ErrorKind::Connection, message).connector(CRATE).retry(Retry::Backoff))
        })
    }
}
