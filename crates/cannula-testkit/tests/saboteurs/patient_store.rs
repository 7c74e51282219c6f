//! Lists of patients with one flaw each.

use std::sync::Arc;

use async_trait::async_trait;
use cannula_a360::{
    AuditRow, Change, Counts, Integration, LinkChange, LinkKey, LocalPatient, MemoryStore,
    PatientQuery, PatientStore, Target,
};
use cannula_core::{ContactId, ErrorKind, PatientId, Phi, PracticeId, Result};
use cannula_rules::patient_link::name_key;
use cannula_testkit::PatientStoreBench;

crate::laws_and_saboteurs!(patient_store_laws: bench => Bench, &[
    ("a_change_and_its_audit_are_one", Flaw::KeepsTheLastAuditRowOnly),
    ("a_change_decided_on_an_older_version_is_refused_whole", Flaw::IgnoresVersions),
    ("a_new_patient_is_refused_if_another_of_the_name_came_first", Flaw::IgnoresNames),
    ("a_change_decided_by_name_is_refused_if_others_have_it_or_were_changed", Flaw::IgnoresNames),
    (
        "a_change_decided_by_name_is_refused_if_others_have_it_or_were_changed",
        Flaw::IgnoresVersionsOfNamesakes,
    ),
    ("a_contact_has_one_patient_in_each_location", Flaw::TakesContactsAway),
    ("a_patient_has_one_contact_in_each_location", Flaw::ShowsOneLinkOnly),
    ("a_broken_link_stays_until_another_takes_its_place", Flaw::ForgetsBrokenLinks),
    ("patients_are_listed_by_name_a_page_at_a_time", Flaw::ListsFromTheBeginning),
    ("the_switch_is_kept_for_each_location", Flaw::HasOneSwitch),
    ("what_is_not_there_is_not_found", Flaw::ReadsIdsLeniently),
    ("a_list_is_there_after_reopening", Flaw::ForgetsOnReopening),
]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    KeepsTheLastAuditRowOnly,
    IgnoresVersions,
    IgnoresNames,
    IgnoresVersionsOfNamesakes,
    TakesContactsAway,
    ShowsOneLinkOnly,
    ForgetsBrokenLinks,
    ListsFromTheBeginning,
    HasOneSwitch,
    ReadsIdsLeniently,
    ForgetsOnReopening,
}

#[derive(Debug)]
struct Bench(Flawed);

async fn bench(flaw: Option<Flaw>) -> Bench {
    Bench(Flawed { list: Arc::default(), flaw })
}

#[async_trait]
impl PatientStoreBench for Bench {
    async fn open(&self) -> Arc<dyn PatientStore> {
        let mut store = self.0.clone();
        if store.has(Flaw::ForgetsOnReopening) {
            store.list = Arc::default();
        }
        Arc::new(store)
    }
}

#[derive(Clone, Debug)]
struct Flawed {
    list: Arc<MemoryStore>,
    flaw: Option<Flaw>,
}

impl Flawed {
    fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn location(&self, location: &PracticeId) -> PracticeId {
        if self.has(Flaw::HasOneSwitch) { "all".into() } else { location.clone() }
    }

    fn read(&self, id: &PatientId) -> PatientId {
        if self.has(Flaw::ReadsIdsLeniently) { id.as_str().trim().into() } else { id.clone() }
    }

    fn seen(&self, mut patient: LocalPatient) -> LocalPatient {
        while self.has(Flaw::ShowsOneLinkOnly) && patient.links.len() > 1 {
            patient.links.pop_last();
        }
        patient
    }

    /// Gives the contact's patient another contact.
    async fn take_away(&self, LinkKey { location, contact }: &LinkKey) -> Result<()> {
        for other in self.list.linked(location, std::slice::from_ref(contact)).await? {
            let key = LinkKey { location: location.clone(), contact: "taken-away".into() };
            let audit = self.list.audit(&other.id).await?.remove(0);
            self.list
                .commit(&Change {
                    target: Target::Existing { id: other.id, version: other.version },
                    same_name: None,
                    link: LinkChange::Set(key),
                    audit: AuditRow { after: other.person, ..audit },
                })
                .await?;
        }
        Ok(())
    }
}

#[async_trait]
impl PatientStore for Flawed {
    async fn integration(&self, location: &PracticeId) -> Result<Option<Integration>> {
        self.list.integration(&self.location(location)).await
    }

    async fn set_integration(&self, location: &PracticeId, to: &Integration) -> Result<()> {
        self.list.set_integration(&self.location(location), to).await
    }

    async fn patient(&self, id: &PatientId) -> Result<Option<LocalPatient>> {
        Ok(self.list.patient(&self.read(id)).await?.map(|patient| self.seen(patient)))
    }

    async fn patients(&self, query: &PatientQuery) -> Result<Vec<LocalPatient>> {
        let skip = if self.has(Flaw::ListsFromTheBeginning) { 0 } else { query.skip };
        self.list.patients(&PatientQuery { skip, ..query.clone() }).await
    }

    async fn same_name(&self, key: &Phi<String>) -> Result<Vec<LocalPatient>> {
        self.list.same_name(key).await
    }

    async fn linked(&self, at: &PracticeId, contacts: &[ContactId]) -> Result<Vec<LocalPatient>> {
        let mut linked = self.list.linked(at, contacts).await?;
        linked.retain(|it| !self.has(Flaw::ForgetsBrokenLinks) || it.contact_in(at).is_some());
        Ok(linked)
    }

    async fn counts(&self, location: &PracticeId) -> Result<Counts> {
        self.list.counts(location).await
    }

    async fn commit(&self, change: &Change) -> Result<LocalPatient> {
        let mut change = change.clone();
        match (self.flaw, &change.link) {
            (Some(Flaw::IgnoresNames), _) => change.same_name = None,
            (Some(Flaw::IgnoresVersionsOfNamesakes), _) => {
                let there = self.list.same_name(&name_key(&change.audit.after)).await?;
                for (id, version) in change.same_name.iter_mut().flatten() {
                    let now = there.iter().find(|it| it.id == *id);
                    *version = now.map_or(*version, |it| it.version);
                }
            }
            (Some(Flaw::TakesContactsAway), LinkChange::Set(key)) => self.take_away(key).await?,
            _ => {}
        }
        let committed = self.list.commit(&change).await;
        match (committed, &mut change.target) {
            (Err(error), Target::Existing { id, version })
                if error.kind() == ErrorKind::Contended && self.has(Flaw::IgnoresVersions) =>
            {
                let Some(now) = self.list.patient(id).await? else { return Err(error) };
                *version = now.version;
                self.list.commit(&change).await
            }
            (committed, _) => committed,
        }
    }

    async fn audit(&self, patient: &PatientId) -> Result<Vec<AuditRow>> {
        let mut audit = self.list.audit(&self.read(patient)).await?;
        if self.has(Flaw::KeepsTheLastAuditRowOnly) {
            audit.drain(..audit.len().saturating_sub(1));
        }
        Ok(audit)
    }
}
