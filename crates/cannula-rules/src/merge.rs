//! Patients that turned out to be one person: what the one that is no more passes on.

use std::collections::BTreeMap;

use cannula_core::{
    AppointmentStatus, ContactLink, Event, Inheritance, MembershipStatus, PatientId, PatientMerge,
    PaymentStatus, Record, RecordId, RecordKind, Version,
};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::person::{NoteState, PersonState};

/// Into whom the patient was merged, and what was passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Merged {
    pub(crate) into: PatientId,
    version: Version,
    /// The other one has a contact of its own, so this one's is left with it and tidied up.
    #[serde(default)]
    pub(crate) keeps_contact: bool,
    /// What was passed on, with the digest of what was said. Each state is passed on once, so that
    /// two patients that are said to be merged into each other do not pass it to and fro.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    told: BTreeMap<RecordKind, BTreeMap<RecordId, String>>,
}

impl Merged {
    /// Takes note of what is told of a record; `false` if the same was told last.
    fn tells(&mut self, kind: RecordKind, id: &RecordId, digest: &str) -> bool {
        let last = self.told.entry(kind).or_default().insert(id.clone(), digest.to_owned());
        last.is_none_or(|last| last != digest)
    }
}

impl PersonState {
    /// Into whom the patient was merged, unless it is one again: whatever names it is that one's.
    pub fn merged_into(&self) -> Option<&PatientId> {
        self.merged().map(|merged| &merged.into)
    }

    /// The merge that holds: the patient's own record was not read since.
    pub(crate) fn merged(&self) -> Option<&Merged> {
        let is_back = |merged: &&Merged| {
            self.patient.as_ref().is_some_and(|known| known.is_newer_than(&merged.version))
        };
        self.merged.as_ref().filter(|merged| !is_back(merged))
    }

    pub(crate) fn take_in_merge(&mut self, event: &Event, merge: &PatientMerge) {
        let known = self.merged.as_ref().is_some_and(|it| it.version >= event.version);
        if !known && merge.into != merge.patient {
            self.merged = Some(Merged {
                into: merge.into.clone(),
                version: event.version.clone(),
                keeps_contact: false,
                told: BTreeMap::new(),
            });
        }
    }

    /// Takes in a contact that passes from one patient to another, or is given back.
    pub(crate) fn take_in_inheritance(
        &mut self,
        event: &Event,
        link: &ContactLink,
        inheritance: &Inheritance,
    ) -> bool {
        if inheritance.from == link.patient {
            let returned = self.links.contact.as_ref() == Some(&link.contact);
            if let Some(merged) = self.merged.as_mut().filter(|_| returned) {
                merged.keeps_contact = true;
            }
            return false;
        }
        if !self.inherited.insert(event.id.clone()) {
            return false;
        }
        match &self.links.contact {
            None => self.links.contact = Some(link.contact.clone()),
            Some(ours) if *ours != link.contact => return false,
            // Both wrote to it, so what it holds is not known.
            Some(_) => self.written = Default::default(),
        }
        true
    }

    /// Marks what the inherited contact has notes of.
    pub(crate) fn mark_inherited(&mut self, events: &[Event]) {
        for event in events {
            let Record::ContactLink(link) = &event.record else { continue };
            let Some(inheritance) = &link.inherited else { continue };
            if self.links.contact.as_ref() != Some(&link.contact) {
                continue;
            }
            for (id, note) in self.notes_mut() {
                if inheritance.noted.contains(id) {
                    *note = NoteState::Left;
                }
            }
        }
    }

    /// What is to be told to other patients: everything that a merged patient has and did not
    /// pass on yet, and that a contact is given back because there is another.
    pub(crate) fn tell(&mut self, events: &[Event]) -> Vec<Event> {
        let mut told = self.pass_on();
        told.extend(events.iter().filter_map(|event| self.give_back(event)));
        told
    }

    fn pass_on(&mut self) -> Vec<Event> {
        let (Some(mut merged), Some(subject)) = (self.merged().cloned(), &self.subject) else {
            return Vec::new();
        };
        let practice = subject.practice.clone();
        let (mut told, mut noted) = (Vec::new(), Vec::new());
        for (id, version, record, has_note) in self.current() {
            // The other one's own reading of it may have come first and taken it from here.
            if is_over(&record) {
                continue;
            }
            // Just far enough behind the last state for its withdrawal to come in between: a newer
            // one that was not read yet comes behind it.
            let stamp = version.stamp + TimeDelta::microseconds(2);
            let record = record.with_patient(&merged.into);
            let event = Event::new(practice.clone(), id, record, Some(stamp), stamp);
            if !merged.tells(event.key.kind, &event.key.id, &event.version.digest) {
                continue;
            }
            if has_note {
                noted.push(event.id.clone());
            }
            told.push(event);
        }
        if let Some(contact) = self.links.contact.clone().filter(|_| !merged.keeps_contact) {
            let id = RecordId::new(contact.as_str());
            let first = merged.tells(RecordKind::ContactLink, &id, "");
            if first || !told.is_empty() {
                let from = PatientId::new(subject.person.as_str());
                let inherited = Some(Inheritance { from, noted });
                let link = ContactLink { patient: merged.into.clone(), contact, inherited };
                let stamp = merged.version.stamp;
                let record = Record::ContactLink(link);
                told.insert(0, Event::new(practice, id, record, Some(stamp), stamp));
            }
        }
        self.merged = Some(merged);
        told
    }

    /// The newest state of each record, and whether the contact has a note of everything about it.
    fn current(&self) -> Vec<(RecordId, Version, Record, bool)> {
        let mut current = BTreeMap::new();
        for it in &self.history {
            let record = Record::Appointment(it.appointment.clone());
            add(&mut current, (&it.record, &it.version, it.note), record);
        }
        for it in self.ledger.entries() {
            let record = Record::Payment(it.payment.clone());
            add(&mut current, (&it.record, &it.version, it.note), record);
        }
        for it in self.memberships.entries() {
            let record = Record::Membership(it.membership.clone());
            add(&mut current, (&it.record, &it.version, it.note), record);
        }
        let all = current.into_iter();
        all.map(|((_, id), (version, record, notes))| {
            let has_note = notes.contains(&NoteState::Left) && !notes.contains(&NoteState::Due);
            (id.clone(), version.clone(), record, has_note)
        })
        .collect()
    }

    /// The answer to a contact that passed to a patient who has another.
    fn give_back(&self, event: &Event) -> Option<Event> {
        let Record::ContactLink(link) = &event.record else { return None };
        let from = &link.inherited.as_ref()?.from;
        let ours = self.links.contact.as_ref()?;
        if *from == link.patient || *ours == link.contact {
            return None;
        }
        let inherited = Some(Inheritance { from: from.clone(), noted: Vec::new() });
        let link = ContactLink { patient: from.clone(), contact: link.contact.clone(), inherited };
        let (key, stamp) = (event.key.clone(), event.version.stamp);
        Some(Event::new(key.practice, key.id, Record::ContactLink(link), Some(stamp), stamp))
    }
}

type Current<'a> = BTreeMap<(RecordKind, &'a RecordId), (&'a Version, Record, Vec<NoteState>)>;

fn add<'a>(
    current: &mut Current<'a>,
    (id, version, note): (&'a RecordId, &'a Version, NoteState),
    record: Record,
) {
    let known = current.entry((record.kind(), id)).or_insert((version, record.clone(), Vec::new()));
    known.2.push(note);
    if *version >= *known.0 {
        (known.0, known.1) = (version, record);
    }
}

/// Whether nothing of a record counts any more, as after its withdrawal from this patient.
fn is_over(record: &Record) -> bool {
    match record {
        Record::Appointment(it) => it.status == AppointmentStatus::EnteredInError,
        Record::Payment(it) => it.status == PaymentStatus::EnteredInError,
        Record::Membership(it) => {
            matches!(it.status, MembershipStatus::Cancelled | MembershipStatus::Expired)
        }
        _ => false,
    }
}
