use std::collections::BTreeMap;

use cannula::{
    core::{
        AppointmentStatus, Event, MembershipStatus, PatientId, PaymentStatus, Record, RecordKey,
        RecordKind, Result, Subject,
    },
    sync::{CrmFlow, Engine, Store},
};
use chrono::{DateTime, Utc};

/// Patients that were merged, and into whom.
#[derive(Debug, Default)]
struct Merges(BTreeMap<PatientId, PatientId>);

impl Merges {
    fn of(history: &[(DateTime<Utc>, Event)]) -> Self {
        let merges = history.iter().filter_map(|(_, event)| match &event.record {
            Record::PatientMerge(merge) => Some((merge.patient.clone(), merge.into.clone())),
            _ => None,
        });
        Self(merges.collect())
    }

    /// A record without what only a webhook knows, that a patient was registered just now, and
    /// without what depends on when a merge was learnt: it is that of whoever is left in the end.
    fn plain(&self, record: &Record) -> Record {
        let left = |mut patient: PatientId| {
            while let Some(into) = self.0.get(&patient) {
                patient.clone_from(into);
            }
            patient
        };
        let mut record = match record.person() {
            Some(person) => record.clone().with_patient(&left(PatientId::new(person.as_str()))),
            None => record.clone(),
        };
        match &mut record {
            Record::Patient(patient) => patient.is_new = false,
            Record::PatientMerge(merge) => merge.into = left(merge.into.clone()),
            _ => {}
        }
        record
    }

    /// What a merge itself brings: the contact that passes from one to the other, and states that
    /// the patient who is no more has not any more.
    fn brings(&self, event: &Event) -> bool {
        let of_merged = event
            .record
            .person()
            .is_some_and(|it| self.0.contains_key(&PatientId::new(it.as_str())));
        match &event.record {
            Record::ContactLink(link) => link.inherited.is_some(),
            Record::Appointment(it) => of_merged && it.status == AppointmentStatus::EnteredInError,
            Record::Payment(it) => of_merged && it.status == PaymentStatus::EnteredInError,
            Record::Membership(it) => of_merged && it.status == MembershipStatus::Cancelled,
            _ => false,
        }
    }
}

/// Every state of every record that the service has read, as its store has them.
#[derive(Debug)]
pub struct Inbox(Vec<(DateTime<Utc>, Event)>);

impl Inbox {
    /// What the store has of all persons.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn of(engine: &Engine<CrmFlow>, store: &dyn Store) -> Result<Self> {
        let mut subjects = Vec::<Subject>::new();
        engine.for_each_state(|subject, _| subjects.push(subject.clone())).await?;
        let mut events = Vec::new();
        for subject in subjects {
            let history = store.history(&subject).await?;
            let known = history.events.into_iter();
            events.extend(known.filter_map(|it| Some((it.received_at, it.event()?))));
        }
        Ok(Self(events))
    }

    /// The states.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.0.iter().map(|(_, event)| event)
    }

    /// States that were read and that the practice never had, in words; or not yet when they were
    /// read. What counts for nothing is left out: an invoice that nobody closed is a row of zero.
    pub fn strangers(&self, history: &[(DateTime<Utc>, Event)]) -> Vec<String> {
        let merges = Merges::of(history);
        let mut known = BTreeMap::<&RecordKey, Vec<(DateTime<Utc>, Record)>>::new();
        for (at, event) in history {
            known.entry(&event.key).or_default().push((*at, merges.plain(&event.record)));
        }
        let is_known = |received: DateTime<Utc>, event: &Event| {
            let versions = known.get(&event.key);
            let record = merges.plain(&event.record);
            match (versions, &event.record) {
                (Some(versions), _)
                    if versions.iter().any(|(at, it)| *at <= received && *it == record) =>
                {
                    true
                }
                (versions, Record::Payment(payment)) => {
                    // What a merged patient passes on was read before it was received.
                    let read = received.min(event.version.stamp);
                    let closed = versions.is_some_and(|it| it.iter().any(|(at, _)| *at <= read));
                    !closed && payment.amount.minor() == 0
                }
                _ => false,
            }
        };
        let strangers =
            self.0.iter().filter(|(at, event)| !merges.brings(event) && !is_known(*at, event));
        strangers
            .map(|(_, event)| {
                let nearest = known.get(&event.key).and_then(|versions| versions.last());
                format!("{}: read {:?}, known {nearest:?}", event.key, event.record)
            })
            .collect()
    }

    /// Records whose newest state was not read, in words.
    pub fn unread(&self, history: &[(DateTime<Utc>, Event)]) -> Vec<(RecordKey, String)> {
        let merges = Merges::of(history);
        let mut read = BTreeMap::<&RecordKey, &Event>::new();
        for event in self.events() {
            let newest = read.entry(&event.key).or_insert(event);
            if newest.version < event.version {
                *newest = event;
            }
        }
        let newest: BTreeMap<&RecordKey, &Event> =
            history.iter().map(|(_, event)| (&event.key, event)).collect();
        let mut unread = Vec::new();
        for (key, event) in newest {
            if matches!(&event.record, Record::Patient(it) if merges.0.contains_key(&it.id)) {
                // Nobody can read it any more.
                continue;
            }
            let have = read.get(key).map(|event| merges.plain(&event.record));
            let wanted = event.subject().is_some().then(|| merges.plain(&event.record));
            if have != wanted {
                unread.push((key.clone(), format!("{key}: read {have:?}, is {wanted:?}")));
            }
        }
        unread
    }

    /// A history with the patients as they were read in place of the patients as they were.
    pub fn among(&self, history: &[(DateTime<Utc>, Event)]) -> Vec<Event> {
        let is_patient = |event: &&Event| event.key.kind == RecordKind::Patient;
        let told = history.iter().map(|(_, event)| event).filter(|event| !is_patient(event));
        told.chain(self.events().filter(is_patient)).cloned().collect()
    }
}
