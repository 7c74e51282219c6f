//! What is known of one tagged contact, kept by the engine between decisions.

use cannula_core::{
    ContactId, CrmEffect, CrmLinks, Event, EventId, PatientId, RecordId, RecordKey, RecordKind,
    Subject, Version,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{IntakeEffect, IntakeReceipt, IntakeVerdict, Registered, Registrant};

/// What is known of one contact: who asked for what and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntakeState {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Subject>,
    /// In the order of arrival.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) requests: Vec<Request>,
    /// The patient made of the contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) patient: Option<Registrant>,
    /// The CRM said that the contact is gone, and has not shown it since.
    #[serde(default)]
    pub(super) gone: bool,
}

/// A state of the contact that bore a create tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Request {
    pub(super) event: EventId,
    version: Version,
    /// `None` while there is work to do for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<Answer>,
    /// The contact's tags when it was answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<String>,
    #[serde(default)]
    pub(super) written: Written,
    /// The verdict told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) told: Option<IntakeVerdict>,
}

/// What a request's answer left behind so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Written {
    pub(super) linked: bool,
    pub(super) noted: bool,
    pub(super) tagged: bool,
    pub(super) untagged: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The contact no longer bore the tag.
    Withdrawn,
    /// Another request, before this one, is for the same.
    With(EventId),
    /// The contact was made a patient before.
    Already(Registrant),
    /// The tag belongs to another product.
    Foreign { tag: String, product: String },
    /// The register was asked.
    Registered(Registered),
}

impl Answer {
    /// Whether staff are told on the contact.
    const fn is_told(&self) -> bool {
        !matches!(self, Self::Withdrawn | Self::With(_))
    }
}

impl Request {
    fn new(event: &Event) -> Self {
        Self {
            event: event.id.clone(),
            version: event.version.clone(),
            answer: None,
            tags: Vec::new(),
            written: Written::default(),
            told: None,
        }
    }

    /// The answer, if staff are told it.
    pub(super) fn outcome(&self) -> Option<&Answer> {
        self.answer.as_ref().filter(|answer| answer.is_told())
    }

    /// The patient it found or made.
    pub(super) fn registrant(&self) -> Option<&Registrant> {
        match &self.answer {
            Some(Answer::Registered(registered)) => registered.registrant(),
            _ => None,
        }
    }
}

impl IntakeState {
    /// The contact in the form sinks want.
    pub fn links(&self) -> CrmLinks {
        CrmLinks { contact: self.contact(), ..CrmLinks::default() }
    }

    /// The latest instant of a request, by the clock of the CRM.
    pub fn asked_at(&self) -> Option<DateTime<Utc>> {
        self.requests.iter().map(|request| request.version.stamp).max()
    }

    /// Records that `effect` was delivered, so that it is not planned again.
    pub fn applied(&mut self, effect: &IntakeEffect, receipt: &IntakeReceipt) {
        match (effect, receipt) {
            (IntakeEffect::Register(asked), IntakeReceipt::Registered(registered)) => {
                if let Some(registrant) = registered.registrant() {
                    self.patient = Some(registrant.clone());
                }
                if let Some(request) = self.requests.iter_mut().find(|it| it.answer.is_none()) {
                    request.answer = Some(Answer::Registered(registered.clone()));
                    request.tags.clone_from(&asked.contact.tags);
                }
            }
            (IntakeEffect::Link(link), _) => {
                let made =
                    |it: &Request| it.registrant().is_some_and(|it| it.patient == link.patient);
                for request in self.requests.iter_mut().filter(|it| made(it)) {
                    request.written.linked = true;
                }
            }
            (IntakeEffect::Crm(CrmEffect::Note(note)), _) => {
                let about = |it: &&mut Request| it.event.reference() == note.reference;
                if let Some(request) = self.requests.iter_mut().find(about) {
                    request.written.noted = true;
                }
            }
            (IntakeEffect::Crm(CrmEffect::AddTags { .. }), _) => {
                self.for_current(|written| written.tagged = true);
            }
            (IntakeEffect::Crm(CrmEffect::RemoveTags { .. }), _) => {
                self.for_current(|written| written.untagged = true);
            }
            _ => {}
        }
    }

    /// Records that the contact is gone from the CRM.
    pub fn link_broken(&mut self) {
        self.gone = true;
    }

    /// Takes in a request, unless it is known.
    pub(super) fn take_in(&mut self, event: &Event) {
        if self.subject.is_none() {
            self.subject = event.subject();
        }
        if self.requests.iter().all(|request| request.event != event.id) {
            self.requests.push(Request::new(event));
        }
    }

    pub(super) fn contact(&self) -> Option<ContactId> {
        self.subject.as_ref().map(|subject| ContactId::new(subject.person.as_str()))
    }

    pub(super) fn contact_key(&self) -> Option<RecordKey> {
        self.subject.as_ref().map(|subject| RecordKey {
            practice: subject.practice.clone(),
            kind: RecordKind::Contact,
            id: RecordId::new(subject.person.as_str()),
        })
    }

    pub(super) fn open(&mut self) -> impl Iterator<Item = &mut Request> {
        self.requests.iter_mut().filter(|request| request.answer.is_none())
    }

    pub(super) fn is_open(&self) -> bool {
        self.requests.iter().any(|request| request.answer.is_none())
    }

    /// The request whose outcome the contact's tags show: the last one staff are told of.
    pub(super) fn current(&self) -> Option<usize> {
        self.requests.iter().rposition(|request| request.outcome().is_some())
    }

    /// All candidates that staff were told of.
    pub(super) fn told(&self) -> Vec<PatientId> {
        let mut told = Vec::new();
        for request in &self.requests {
            if let Some(Answer::Registered(Registered::Several(all))) = &request.answer {
                told.extend(all.iter().map(|(candidate, _)| candidate.patient.clone()));
            }
        }
        told.sort();
        told.dedup();
        told
    }

    fn for_current(&mut self, record: impl FnOnce(&mut Written)) {
        if let Some(index) = self.current() {
            record(&mut self.requests[index].written);
        }
    }
}
