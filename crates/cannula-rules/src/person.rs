//! What is known of one person, kept by the engine between decisions.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{
    Appointment, ContactLink, CrmEffect, CrmLinks, Delivered, Event, EventId, FieldValue,
    Membership, Money, OpportunityStatus, Payment, Person, Phi, Receipt, Record, RecordId,
    RecordKey, RecordKind, Subject, Taken, Version,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Outcome, Posting, RulesConfig, ledger::Ledger, membership::Memberships, merge::Merged,
    patient::KnownPatient, registration::Registrations,
};

/// What is known of one person: every state of every appointment, payment and membership, the
/// newest known patient data, the links to the CRM, and what the CRM is known to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Subject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) patient: Option<KnownPatient>,
    /// Sorted by [`Entry::order`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Ledger::is_empty")]
    pub(crate) ledger: Ledger,
    #[serde(default, skip_serializing_if = "Memberships::is_empty")]
    pub(crate) memberships: Memberships,
    #[serde(default, skip_serializing_if = "Registrations::is_empty")]
    pub(crate) registrations: Registrations,
    /// The event that linked the contact, if it was none of our own finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) linked_by: Option<EventId>,
    /// The patient is one no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) merged: Option<Merged>,
    /// The events by which contacts of patients that are no more came here.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) inherited: BTreeSet<EventId>,
    #[serde(default)]
    pub(crate) links: CrmLinks,
    #[serde(default)]
    pub(crate) written: Written,
}

/// One state of one appointment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) event: EventId,
    pub(crate) record: RecordId,
    pub(crate) version: Version,
    pub(crate) appointment: Appointment,
    #[serde(default)]
    pub(crate) note: NoteState,
    /// The outcome told last; `None` before the first decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NoteState {
    /// The entry is not noted.
    #[default]
    None,
    /// It is to be noted and was not yet.
    Due,
    /// Its note stands in the CRM.
    Left,
}

impl Entry {
    /// What the history is sorted by: the same for every order of arrival.
    pub(crate) fn order(&self) -> (&Version, &RecordId) {
        (&self.version, &self.record)
    }
}

/// What the CRM is known to hold because we put it there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<Person>,
    /// What of the person it does not hold, because another contact has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) taken: Vec<Taken>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: BTreeMap<String, FieldValue>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) tags: BTreeSet<String>,
    /// By pipeline name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) stages: BTreeMap<String, Place>,
    /// Moves that found no opportunity, by pipeline name: the next event tries again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) missing: BTreeMap<String, Place>,
    /// Values of opportunities, by pipeline name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) values: BTreeMap<String, Phi<Money>>,
    /// Values that found no opportunity, by pipeline name: the next event tries again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) missing_values: BTreeMap<String, Phi<Money>>,
}

/// A stage and the opportunity's status in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) stage: String,
    pub(crate) status: OpportunityStatus,
}

/// What taking in an event did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arrival {
    /// A newer state of the same record was there before.
    pub(crate) late: bool,
    /// It changed the person's data.
    pub(crate) changed: bool,
}

impl PersonState {
    /// The person's records in the CRM.
    pub fn links(&self) -> &CrmLinks {
        &self.links
    }

    /// The person has nothing in the CRM, and the last decision found nothing to put there.
    pub fn is_dormant(&self) -> bool {
        self.links.contact.is_none() && self.undelivered().next().is_none()
    }

    /// The events that the last decision wants noted and whose notes were not delivered yet, in
    /// the order of their versions: the registration, appointments, payments, memberships.
    pub fn undelivered(&self) -> impl Iterator<Item = &EventId> {
        let due = |(event, note)| (note == NoteState::Due).then_some(event);
        self.notes().filter_map(due)
    }

    /// The registration that leaves a note.
    pub(crate) fn registration_noted(&self, config: &RulesConfig) -> Option<usize> {
        self.registrations.noted(config, self.linked_by.is_some())
    }

    /// Every event that can leave a note.
    fn notes(&self) -> impl Iterator<Item = (&EventId, NoteState)> {
        let created = self.registrations.all().iter().map(|it| (&it.event, it.note));
        let visits = self.history.iter().map(|it| (&it.event, it.note));
        let payments = self.ledger.entries().iter().map(|it| (&it.event, it.note));
        let memberships = self.memberships.entries().iter().map(|it| (&it.event, it.note));
        created.chain(visits).chain(payments).chain(memberships)
    }

    pub(crate) fn notes_mut(&mut self) -> impl Iterator<Item = (&EventId, &mut NoteState)> {
        let created = self.registrations.all_mut().iter_mut().map(|it| (&it.event, &mut it.note));
        let visits = self.history.iter_mut().map(|it| (&it.event, &mut it.note));
        let payments = self.ledger.entries_mut().iter_mut().map(|it| (&it.event, &mut it.note));
        let memberships = self.memberships.entries_mut().iter_mut();
        let memberships = memberships.map(|it| (&it.event, &mut it.note));
        created.chain(visits).chain(payments).chain(memberships)
    }

    /// What the patient paid less what went back, by the ledger as it is known now, whether the
    /// CRM is to show it or not. `None` without payments, and if they have no sum.
    pub fn lifetime_value(&self) -> Option<Money> {
        self.ledger.sum(&self.ledger.books(), |_| true).ok().flatten()
    }

    /// The rows of the patient's ledger as they are now, by their ids.
    pub fn payments(&self) -> impl Iterator<Item = (&RecordId, &Payment)> {
        self.ledger.current().map(|entry| (&entry.record, &entry.payment))
    }

    /// The patient's memberships as they are now, by their ids.
    pub fn memberships(&self) -> impl Iterator<Item = (&RecordId, &Membership)> {
        self.memberships.current().into_values().map(|entry| (&entry.record, &entry.membership))
    }

    /// The ledger entry by entry, in the order in which they became known. Their changes add up
    /// to [`PersonState::lifetime_value`].
    pub fn postings(&self) -> impl Iterator<Item = Posting<'_>> {
        self.ledger.postings()
    }

    /// What the person's opportunities are worth, as far as we set it: pipeline and value.
    pub fn values(&self) -> impl Iterator<Item = (&str, Money)> {
        self.written.values.iter().map(|(pipeline, value)| (&**pipeline, *value.expose()))
    }

    /// Where the person's opportunities stand, as far as we put them there: pipeline and stage.
    pub fn placements(&self) -> impl Iterator<Item = (&str, &str)> {
        self.written.stages.iter().map(|(pipeline, place)| (&**pipeline, &*place.stage))
    }

    /// How many notes were left on the contact.
    pub fn notes_left(&self) -> usize {
        self.notes().filter(|(_, note)| *note == NoteState::Left).count()
    }

    /// When to plan again though nothing is heard of the person: what another contact had may be
    /// free by then.
    pub fn look_again(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        (!self.written.taken.is_empty()).then(|| now + TimeDelta::days(1))
    }

    /// Records that `effect` was delivered, so that it is not planned again.
    pub fn applied(&mut self, effect: &CrmEffect, receipt: &Receipt) {
        if let Some(contact) = &receipt.contact {
            self.links.contact = Some(contact.clone());
        }
        if let Some((pipeline, opportunity)) = &receipt.opportunity {
            self.links.opportunities.insert(pipeline.clone(), opportunity.clone());
        }
        let written = &mut self.written;
        match effect {
            CrmEffect::Contact(contact) => {
                written.person = Some(contact.person.clone());
                written.taken.clone_from(&receipt.taken);
                for (name, value) in &contact.fields {
                    if *value == FieldValue::Empty {
                        written.fields.remove(name);
                    } else {
                        written.fields.insert(name.clone(), value.clone());
                    }
                }
            }
            CrmEffect::AddTags { tags } => written.tags.extend(tags.iter().cloned()),
            CrmEffect::RemoveTags { tags } => written.tags.retain(|tag| !tags.contains(tag)),
            CrmEffect::Note(note) => {
                let noted = |(event, _): &(&EventId, _)| event.reference() == note.reference;
                if let Some((_, state)) = self.notes_mut().find(noted) {
                    *state = NoteState::Left;
                }
            }
            CrmEffect::Value(worth) => {
                let (enter, leave) = match receipt.delivered {
                    Delivered::Applied => (&mut written.values, &mut written.missing_values),
                    Delivered::OpportunityMissing => {
                        (&mut written.missing_values, &mut written.values)
                    }
                };
                enter.insert(worth.pipeline.clone(), worth.value.clone());
                leave.remove(&worth.pipeline);
            }
            CrmEffect::Stage(to) => {
                let place = Place { stage: to.stage.clone(), status: to.status };
                let (enter, leave) = match receipt.delivered {
                    Delivered::Applied => (&mut written.stages, &mut written.missing),
                    Delivered::OpportunityMissing => (&mut written.missing, &mut written.stages),
                };
                enter.insert(to.pipeline.clone(), place);
                leave.remove(&to.pipeline);
            }
        }
    }

    /// Records that the linked contact or opportunity is gone from the CRM. Everything is
    /// written anew, to a contact found or created anew, except the notes that were left.
    pub fn link_broken(&mut self) {
        self.links = CrmLinks::default();
        self.written = Written::default();
    }

    /// Takes in appointments, payments, memberships, patient data, links and merges; one [`Arrival`] for each event.
    pub(crate) fn take_in(&mut self, events: &[Event]) -> Vec<Arrival> {
        let late: Vec<bool> = events.iter().map(|event| self.is_late(event)).collect();
        self.ledger.take_in(events);
        let arrivals = events
            .iter()
            .zip(late)
            .map(|(event, late)| {
                if self.subject.is_none() {
                    self.subject = event.subject();
                }
                Arrival { late, changed: self.take_in_one(event) }
            })
            .collect();
        self.mark_inherited(events);
        arrivals
    }

    fn take_in_one(&mut self, event: &Event) -> bool {
        match &event.record {
            Record::Patient(patient) => {
                if patient.is_new {
                    self.registrations.take_in(event);
                }
                match &mut self.patient {
                    Some(known) => known.learn(event, patient),
                    None => {
                        self.patient = Some(KnownPatient::new(event, patient));
                        true
                    }
                }
            }
            Record::Appointment(appointment) => {
                if self.history.iter().all(|entry| entry.event != event.id) {
                    self.insert(event, appointment);
                }
                false
            }
            Record::Membership(membership) => {
                self.memberships.take_in(event, membership);
                false
            }
            Record::PatientMerge(merge) => {
                self.take_in_merge(event, merge);
                false
            }
            Record::ContactLink(link) => match &link.inherited {
                Some(inheritance) => self.take_in_inheritance(event, link, inheritance),
                None => self.take_in_link(event, link),
            },
            _ => false,
        }
    }

    fn take_in_link(&mut self, event: &Event, link: &ContactLink) -> bool {
        // The event may be given again after the contact it names is gone.
        let news = self.links.contact.is_none() && self.linked_by.as_ref() != Some(&event.id);
        if news {
            self.links.contact = Some(link.contact.clone());
            self.linked_by = Some(event.id.clone());
        }
        news
    }

    fn insert(&mut self, event: &Event, appointment: &Appointment) {
        let entry = Entry {
            event: event.id.clone(),
            record: event.key.id.clone(),
            version: event.version.clone(),
            appointment: appointment.clone(),
            note: NoteState::None,
            outcome: None,
        };
        let at = self.history.partition_point(|other| other.order() < entry.order());
        self.history.insert(at, entry);
    }

    fn is_late(&self, event: &Event) -> bool {
        match event.key.kind {
            RecordKind::Patient => {
                self.patient.as_ref().is_some_and(|known| known.is_newer_than(&event.version))
            }
            RecordKind::Appointment => self
                .history
                .iter()
                .rev()
                .take_while(|entry| entry.version > event.version)
                .any(|entry| entry.record == event.key.id),
            RecordKind::Membership => self.memberships.is_late(event),
            // The ledger has an order of its own, and a link has no versions.
            _ => false,
        }
    }

    /// The key of the person's own record.
    pub(crate) fn patient_key(&self) -> Option<RecordKey> {
        self.subject.as_ref().map(|subject| RecordKey {
            practice: subject.practice.clone(),
            kind: RecordKind::Patient,
            id: RecordId::new(subject.person.as_str()),
        })
    }
}
