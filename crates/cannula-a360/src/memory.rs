use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{ContactId, PatientId, Phi, PracticeId, Result};
use cannula_rules::patient_link::name_key;

use crate::{
    AuditRow, Change, Counts, Integration, LinkChange, LinkFilter, LocalPatient, PatientQuery,
    PatientStore, Target,
    store::{check_names, contended, number_of, patient_id, sort_key},
};

/// A [`PatientStore`] that is gone with the process.
#[derive(Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Default)]
struct State {
    patients: BTreeMap<u64, LocalPatient>,
    audit: BTreeMap<u64, Vec<AuditRow>>,
    integrations: BTreeMap<PracticeId, Integration>,
}

impl MemoryStore {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Prints no person.
impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("patients", &self.lock().patients.len())
            .finish_non_exhaustive()
    }
}

impl State {
    fn find(&self, id: &PatientId) -> Option<&LocalPatient> {
        self.patients.get(&number_of(id)?)
    }

    fn same_name(&self, key: &Phi<String>) -> Vec<LocalPatient> {
        self.patients.values().filter(|it| name_key(&it.person) == *key).cloned().collect()
    }

    fn commit(&mut self, change: &Change) -> Result<LocalPatient> {
        check_names(change, &self.same_name(&name_key(&change.audit.after)))?;
        let (number, before) = match &change.target {
            Target::New { details } => {
                let number = self.patients.last_key_value().map_or(1, |(last, _)| last + 1);
                (number, LocalPatient::blank(patient_id(number), details.clone()))
            }
            Target::Existing { id, version } => {
                let known = number_of(id).zip(self.find(id));
                match known.filter(|(_, it)| it.version == *version) {
                    Some((number, patient)) => (number, patient.clone()),
                    None => return Err(contended("the patient was changed in the meantime")),
                }
            }
        };
        if let LinkChange::Set(key) = &change.link {
            let taken = self.patients.values().any(|it| {
                let link = it.links.get(&key.location);
                it.id != before.id && link.is_some_and(|link| link.contact == key.contact)
            });
            if taken {
                return Err(contended("the contact is linked to another patient now"));
            }
        }
        let after = change.applied_to(&before);
        self.patients.insert(number, after.clone());
        self.audit.entry(number).or_default().push(change.audit.clone());
        Ok(after)
    }
}

#[async_trait]
impl PatientStore for MemoryStore {
    async fn integration(&self, location: &PracticeId) -> Result<Option<Integration>> {
        Ok(self.lock().integrations.get(location).cloned())
    }

    async fn set_integration(&self, location: &PracticeId, to: &Integration) -> Result<()> {
        self.lock().integrations.insert(location.clone(), to.clone());
        Ok(())
    }

    async fn patient(&self, id: &PatientId) -> Result<Option<LocalPatient>> {
        Ok(self.lock().find(id).cloned())
    }

    async fn patients(&self, query: &PatientQuery) -> Result<Vec<LocalPatient>> {
        let state = self.lock();
        let wanted = |it: &&LocalPatient| {
            let key = name_key(&it.person);
            query.filter.admits(it.links.get(&query.location))
                && query.words.iter().all(|word| key.expose().contains(word.expose()))
        };
        let mut found: Vec<_> = state.patients.values().filter(wanted).collect();
        found.sort_by_cached_key(|it| sort_key(&it.person));
        Ok(found.into_iter().skip(query.skip).take(query.limit).cloned().collect())
    }

    async fn same_name(&self, key: &Phi<String>) -> Result<Vec<LocalPatient>> {
        Ok(self.lock().same_name(key))
    }

    async fn linked(
        &self,
        location: &PracticeId,
        contacts: &[ContactId],
    ) -> Result<Vec<LocalPatient>> {
        let linked = |it: &&LocalPatient| {
            it.links.get(location).is_some_and(|link| contacts.contains(&link.contact))
        };
        Ok(self.lock().patients.values().filter(linked).cloned().collect())
    }

    async fn counts(&self, location: &PracticeId) -> Result<Counts> {
        let state = self.lock();
        let count = |filter: LinkFilter| {
            state.patients.values().filter(|it| filter.admits(it.links.get(location))).count()
                as u64
        };
        Ok(Counts {
            patients: count(LinkFilter::All),
            linked: count(LinkFilter::Linked),
            broken: count(LinkFilter::Broken),
        })
    }

    async fn commit(&self, change: &Change) -> Result<LocalPatient> {
        self.lock().commit(change)
    }

    async fn audit(&self, patient: &PatientId) -> Result<Vec<AuditRow>> {
        let rows = number_of(patient).and_then(|number| self.lock().audit.get(&number).cloned());
        Ok(rows.unwrap_or_default())
    }
}
