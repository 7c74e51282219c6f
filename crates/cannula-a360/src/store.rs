//! The port to the application's own list.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use async_trait::async_trait;
use cannula_core::{
    ContactId, Error, ErrorKind, PatientId, Person, Phi, PracticeId, Result, Retry,
};

use crate::{AuditRow, CRATE, Counts, Integration, Link, LinkFilter, LinkKey, LocalPatient};

/// Which patients to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatientQuery {
    /// The location that links are looked at for.
    pub location: PracticeId,
    /// By their link.
    pub filter: LinkFilter,
    /// What the patient's [`name_key`](cannula_rules::patient_link::name_key) must contain.
    pub words: Vec<Phi<String>>,
    /// How many to skip.
    pub skip: usize,
    /// How many at most.
    pub limit: usize,
}

/// One change of one patient, with its row of the audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whom it changes.
    pub target: Target,
    /// If it was decided on who has the name: the patients with the
    /// [`name_key`](cannula_rules::patient_link::name_key) of what the audit row has as `after`, by
    /// id, each with its version.
    pub same_name: Option<Vec<(PatientId, u64)>>,
    /// What happens to the link.
    pub link: LinkChange,
    /// The row; its `after` is what the patient holds from now on.
    pub audit: AuditRow,
}

/// Whom a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A new patient.
    New {
        /// What else the application holds.
        details: BTreeMap<String, Phi<String>>,
    },
    /// A patient as it was when the change was decided.
    Existing {
        /// The patient.
        id: PatientId,
        /// Its version then.
        version: u64,
    },
}

/// What happens to a patient's link to one location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Nothing.
    Keep,
    /// It is linked to this contact, in place of any other; an existing link was looked at again.
    Set(LinkKey),
    /// Its contact is gone.
    Break(PracticeId),
}

/// The application's own list of patients, with links, audit and the practice's switch.
///
/// What a change makes of a patient is [`Change::applied_to`]; of a new one, of
/// [`LocalPatient::blank`]. So [`commit`](Self::commit) is, in one transaction: compare what the
/// change was decided on with what is so, and refuse with [`contended`]; apply it; write the patient
/// with its links, and the audit row.
#[async_trait]
pub trait PatientStore: Debug + Send + Sync + 'static {
    /// The switch for a location; `None` if it was never touched.
    async fn integration(&self, location: &PracticeId) -> Result<Option<Integration>>;

    /// Sets the switch.
    async fn set_integration(&self, location: &PracticeId, to: &Integration) -> Result<()>;

    /// One patient.
    async fn patient(&self, id: &PatientId) -> Result<Option<LocalPatient>>;

    /// Patients by last name, first name and id.
    async fn patients(&self, query: &PatientQuery) -> Result<Vec<LocalPatient>>;

    /// The patients with this [`name_key`](cannula_rules::patient_link::name_key), by id.
    async fn same_name(&self, key: &Phi<String>) -> Result<Vec<LocalPatient>>;

    /// The patients that are linked to these contacts, broken links included, in no order.
    async fn linked(
        &self,
        location: &PracticeId,
        contacts: &[ContactId],
    ) -> Result<Vec<LocalPatient>>;

    /// How many patients there are.
    async fn counts(&self, location: &PracticeId) -> Result<Counts>;

    /// Applies a change and its audit row in one transaction, and returns the patient.
    ///
    /// # Errors
    /// [`ErrorKind::Contended`], and nothing was written, if the change was decided on what is no
    /// longer so: the patient has another version, those of [`Change::same_name`] are others or have
    /// other versions, or the contact is linked to another patient. Decide again.
    ///
    /// [`ErrorKind::Storage`] for all else, such as a list that somebody else holds.
    async fn commit(&self, change: &Change) -> Result<LocalPatient>;

    /// The audit of a patient, oldest first.
    async fn audit(&self, patient: &PatientId) -> Result<Vec<AuditRow>>;
}

#[async_trait]
impl<T: PatientStore + ?Sized> PatientStore for Arc<T> {
    async fn integration(&self, location: &PracticeId) -> Result<Option<Integration>> {
        (**self).integration(location).await
    }

    async fn set_integration(&self, location: &PracticeId, to: &Integration) -> Result<()> {
        (**self).set_integration(location, to).await
    }

    async fn patient(&self, id: &PatientId) -> Result<Option<LocalPatient>> {
        (**self).patient(id).await
    }

    async fn patients(&self, query: &PatientQuery) -> Result<Vec<LocalPatient>> {
        (**self).patients(query).await
    }

    async fn same_name(&self, key: &Phi<String>) -> Result<Vec<LocalPatient>> {
        (**self).same_name(key).await
    }

    async fn linked(
        &self,
        location: &PracticeId,
        contacts: &[ContactId],
    ) -> Result<Vec<LocalPatient>> {
        (**self).linked(location, contacts).await
    }

    async fn counts(&self, location: &PracticeId) -> Result<Counts> {
        (**self).counts(location).await
    }

    async fn commit(&self, change: &Change) -> Result<LocalPatient> {
        (**self).commit(change).await
    }

    async fn audit(&self, patient: &PatientId) -> Result<Vec<AuditRow>> {
        (**self).audit(patient).await
    }
}

impl Change {
    /// What a patient is after the change. Looking at a contact again is no new version.
    pub fn applied_to(&self, patient: &LocalPatient) -> LocalPatient {
        let at = self.audit.at;
        let mut after = LocalPatient { person: self.audit.after.clone(), ..patient.clone() };
        let mut linked_anew = false;
        match &self.link {
            LinkChange::Keep => {}
            LinkChange::Set(key) => match after.links.get_mut(&key.location) {
                Some(link) if link.contact == key.contact && link.broken_at.is_none() => {
                    link.checked_at = at;
                }
                _ => {
                    let contact = key.contact.clone();
                    let link = Link { contact, since: at, checked_at: at, broken_at: None };
                    after.links.insert(key.location.clone(), link);
                    linked_anew = true;
                }
            },
            LinkChange::Break(location) => {
                if let Some(link) = after.links.get_mut(location) {
                    link.checked_at = at;
                    linked_anew = link.broken_at.replace(at).is_none();
                }
            }
        }
        if linked_anew || after.person != patient.person {
            after.version += 1;
        }
        after
    }
}

impl LocalPatient {
    /// A new patient before its first change, of version 0.
    pub fn blank(id: PatientId, details: BTreeMap<String, Phi<String>>) -> Self {
        Self { id, version: 0, person: Person::default(), details, links: BTreeMap::new() }
    }
}

/// Patients as [`Change::same_name`] has them.
pub(crate) fn versions(patients: &[LocalPatient]) -> Vec<(PatientId, u64)> {
    patients.iter().map(|it| (it.id.clone(), it.version)).collect()
}

/// Refuses a change if others have the name now than when it was decided.
pub(crate) fn check_names(change: &Change, there: &[LocalPatient]) -> Result<()> {
    match &change.same_name {
        Some(decided_on) if *decided_on != versions(there) => {
            Err(contended("other patients have this name now"))
        }
        _ => Ok(()),
    }
}

/// What the patients are sorted by.
pub(crate) fn sort_key(person: &Person) -> String {
    let part = |text: &Phi<String>| text.expose().trim().to_lowercase();
    format!("{}\u{1f}{}", part(&person.last_name), part(&person.first_name))
}

pub(crate) fn patient_id(number: u64) -> PatientId {
    PatientId::new(format!("p{number}"))
}

/// The number of an id that this list gave out.
pub(crate) fn number_of(id: &PatientId) -> Option<u64> {
    let number = id.as_str().strip_prefix('p')?.parse().ok()?;
    // A row's number is signed in SQLite.
    (patient_id(number) == *id && i64::try_from(number).is_ok()).then_some(number)
}

/// The refusal of a change because what it was decided on is no longer so. It is decided again, a
/// few times.
pub fn contended(message: &str) -> Error {
    Error::new(ErrorKind::Contended, message).connector(CRATE).retry(Retry::Backoff)
}
