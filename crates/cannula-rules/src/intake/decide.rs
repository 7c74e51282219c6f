//! From what staff asked to what is left to do.

use cannula_core::{
    ContactLink, CrmContact, CrmEffect, Event, EventId, ParkReason, Record, RecordKey,
};
use chrono::{DateTime, Utc};

use super::{
    Intake, IntakeEffect, IntakeReason, IntakeState, IntakeVerdict, Registered, Registration,
    config::{Asked, same_tag},
    state::{Answer, Request},
};
use crate::Outcome;

/// What to do next for a contact, and why.
#[derive(Clone, Debug)]
pub struct IntakePlan {
    /// The contact's state with the events taken in; to be stored together with the effects.
    pub state: IntakeState,
    /// What is still to be written, in the order of delivery, each with the request it is for.
    pub effects: Vec<(EventId, IntakeEffect)>,
    /// One for each event passed in, for each request with an effect and for each that ends
    /// differently now.
    pub verdicts: Vec<(EventId, IntakeVerdict)>,
    /// The contact to read, and to pass in, before the requests can be worked off.
    pub wants: Option<RecordKey>,
}

impl Intake {
    /// Takes in `events` of one contact and plans what is left to do. With a request to work off
    /// it wants the contact, and plans the registration when the contact is among the events.
    /// Without events it plans again.
    pub fn decide(
        &self,
        mut state: IntakeState,
        events: &[Event],
        _now: DateTime<Utc>,
    ) -> IntakePlan {
        let mut contact = None;
        for event in events {
            match &event.record {
                Record::TaggedContact(tagged)
                    if self.config.asked(&tagged.tags) != Asked::Nothing =>
                {
                    state.take_in(event);
                }
                // The one that was fetched comes last.
                Record::Contact(read) => contact = Some(read),
                _ => {}
            }
        }
        self.join_unfinished(&mut state);
        if let Some(contact) = contact {
            state.gone = false;
            self.answer(&mut state, contact);
        }
        let mut effects = if state.gone { Vec::new() } else { self.effects(&state) };
        let registering = contact.and_then(|contact| self.register(&state, contact));
        effects.extend(registering);
        let wants = (state.is_open() && contact.is_none()).then(|| state.contact_key()).flatten();
        let verdicts = self.verdicts(&mut state, events, &effects);
        IntakePlan { state, effects, verdicts, wants }
    }

    /// The verdict on an event that is about nobody.
    pub fn unattended(&self, _event: &Event) -> IntakeVerdict {
        IntakeVerdict::done(IntakeReason::NotUsed)
    }

    /// While the tag of an answered request is not off the contact, every new sight of it is the
    /// same tag: our own note and tags make the CRM report the contact again.
    fn join_unfinished(&self, state: &mut IntakeState) {
        let unfinished = state.current().map(|index| &state.requests[index]).filter(|request| {
            !state.gone && !request.written.untagged && !self.tags_to_remove(request).is_empty()
        });
        let Some(event) = unfinished.map(|request| request.event.clone()) else { return };
        for request in state.open() {
            request.answer = Some(Answer::With(event.clone()));
        }
    }

    /// Answers the open requests as far as the contact alone does. At most one stays open.
    fn answer(&self, state: &mut IntakeState, contact: &CrmContact) {
        let asked = self.config.asked(&contact.tags);
        if asked == Asked::Nothing {
            state.open().for_each(|request| request.answer = Some(Answer::Withdrawn));
            return;
        }
        let answer = match asked {
            Asked::Foreign(foreign) => {
                let (tag, product) = (foreign.tag.clone(), foreign.product.clone());
                Some(Answer::Foreign { tag, product })
            }
            _ => state.patient.clone().map(Answer::Already),
        };
        let mut open = state.open();
        let Some(first) = open.next() else { return };
        first.answer = answer;
        first.tags.clone_from(&contact.tags);
        for request in open {
            request.answer = Some(Answer::With(first.event.clone()));
        }
    }

    /// The registration for the request that is open after [`Intake::answer`].
    fn register(
        &self,
        state: &IntakeState,
        contact: &CrmContact,
    ) -> Option<(EventId, IntakeEffect)> {
        let request = state.requests.iter().find(|request| request.answer.is_none())?;
        let registration = Registration { contact: contact.clone(), told: state.told() };
        Some((request.event.clone(), IntakeEffect::Register(Box::new(registration))))
    }

    /// What the answers have not left on the contact yet.
    fn effects(&self, state: &IntakeState) -> Vec<(EventId, IntakeEffect)> {
        let current = state.current();
        let each = state.requests.iter().enumerate();
        each.flat_map(|(index, request)| self.of_request(state, request, current == Some(index)))
            .collect()
    }

    /// Only the `current` request's tags count; what it is told for stays told.
    fn of_request(
        &self,
        state: &IntakeState,
        request: &Request,
        current: bool,
    ) -> Vec<(EventId, IntakeEffect)> {
        let Some(answer) = request.outcome() else { return Vec::new() };
        let mut effects = Vec::new();
        if let (Some(registrant), false) = (request.registrant(), request.written.linked) {
            let link = state.contact().map(|contact| {
                let patient = registrant.patient.clone();
                IntakeEffect::Link(ContactLink { patient, contact, inherited: None })
            });
            effects.extend(link);
        }
        if !request.written.noted {
            effects.push(IntakeEffect::Crm(CrmEffect::Note(self.note(request, answer))));
        }
        if current && !request.written.tagged {
            let tag = match is_made(answer) {
                true => &self.config.created_tag,
                false => &self.config.failed_tag,
            };
            effects.push(IntakeEffect::Crm(CrmEffect::AddTags { tags: vec![tag.clone()] }));
        }
        let tags = self.tags_to_remove(request);
        if current && !request.written.untagged && !tags.is_empty() {
            effects.push(IntakeEffect::Crm(CrmEffect::RemoveTags { tags }));
        }
        effects.into_iter().map(|effect| (request.event.clone(), effect)).collect()
    }

    /// The tags that asked, so that applying one again asks again, and the opposite outcome's; in
    /// the CRM's spelling.
    fn tags_to_remove(&self, request: &Request) -> Vec<String> {
        let Some(answer) = request.outcome() else { return Vec::new() };
        let goes = |tag: &&String| match answer {
            Answer::Foreign { tag: foreign, .. } => same_tag(tag, foreign),
            answer if is_made(answer) => {
                self.config.is_create(tag) || same_tag(tag, &self.config.failed_tag)
            }
            _ => self.config.is_create(tag) || same_tag(tag, &self.config.created_tag),
        };
        request.tags.iter().filter(goes).cloned().collect()
    }

    /// The verdicts on what arrived, on what causes an effect (a request that is parked and noted
    /// stays parked) and on what ends differently now.
    fn verdicts(
        &self,
        state: &mut IntakeState,
        events: &[Event],
        effects: &[(EventId, IntakeEffect)],
    ) -> Vec<(EventId, IntakeVerdict)> {
        let mut verdicts = Vec::new();
        for index in 0..state.requests.len() {
            let verdict = self.verdict(state, index, effects);
            let request = &mut state.requests[index];
            let due = events.iter().any(|event| event.id == request.event)
                || effects.iter().any(|(cause, _)| *cause == request.event)
                || request.told.as_ref() != Some(&verdict);
            if due {
                request.told = Some(verdict.clone());
                verdicts.push((request.event.clone(), verdict));
            }
        }
        for event in events {
            if state.requests.iter().all(|request| request.event != event.id) {
                verdicts.push((event.id.clone(), IntakeVerdict::done(self.bystander(event))));
            }
        }
        verdicts
    }

    /// The reason for an event that is no request.
    fn bystander(&self, event: &Event) -> IntakeReason {
        match event.record {
            Record::TaggedContact(_) => {
                IntakeReason::NotAsked { tag: self.config.tag().to_owned() }
            }
            Record::Contact(_) => IntakeReason::ContactRead,
            _ => IntakeReason::NotUsed,
        }
    }

    fn verdict(
        &self,
        state: &IntakeState,
        index: usize,
        effects: &[(EventId, IntakeEffect)],
    ) -> IntakeVerdict {
        let request = &state.requests[index];
        let Some(answer) = &request.answer else {
            let registering = effects.iter().any(|(cause, _)| *cause == request.event);
            return match registering {
                true => IntakeVerdict::done(IntakeReason::Registering { product: self.product() }),
                false => IntakeVerdict {
                    outcome: Outcome::Waiting,
                    reasons: vec![IntakeReason::WaitingForContact],
                },
            };
        };
        let mut verdict = self.answered(answer);
        let later = state.current().filter(|later| *later > index);
        if let (Outcome::Parked(_), Some(later)) = (&verdict.outcome, later) {
            let reference = state.requests[later].event.reference().to_owned();
            return IntakeVerdict::done(IntakeReason::AnsweredLater { reference });
        }
        if state.gone && request.outcome().is_some() && !request.written.noted {
            verdict.outcome = Outcome::Parked(ParkReason::ContactNotFound);
            verdict.reasons.push(IntakeReason::ContactGone);
        }
        verdict
    }

    fn answered(&self, answer: &Answer) -> IntakeVerdict {
        let product = self.product();
        let reason = match answer {
            Answer::Withdrawn => IntakeReason::Withdrawn { tag: self.config.tag().to_owned() },
            Answer::With(event) => {
                IntakeReason::AnsweredWith { reference: event.reference().to_owned() }
            }
            Answer::Already(it) => IntakeReason::Already { product, patient: it.patient.clone() },
            Answer::Foreign { tag, product } => IntakeReason::WrongTag {
                tag: tag.clone(),
                product: product.clone(),
                ours: self.product(),
                right: self.config.tag().to_owned(),
            },
            Answer::Registered(registered) => self.registered_reason(registered),
        };
        let outcome = park(answer, &reason).map_or(Outcome::Done, Outcome::Parked);
        IntakeVerdict { outcome, reasons: vec![reason] }
    }

    fn registered_reason(&self, registered: &Registered) -> IntakeReason {
        let product = self.product();
        match registered {
            Registered::Created(it) => {
                IntakeReason::Created { product, patient: it.patient.clone() }
            }
            Registered::Linked(it) => IntakeReason::Linked { product, patient: it.patient.clone() },
            Registered::Confirmed(it) => {
                IntakeReason::Confirmed { product, patient: it.patient.clone() }
            }
            Registered::Incomplete(problems) => {
                IntakeReason::Incomplete { problems: problems.clone() }
            }
            Registered::Several(all) => IntakeReason::Several { product, count: all.len() },
            Registered::Refused(problem) => {
                IntakeReason::Refused { product, problem: problem.clone() }
            }
        }
    }

    fn product(&self) -> String {
        self.registry.product.to_owned()
    }
}

/// Whether there is a patient now.
fn is_made(answer: &Answer) -> bool {
    match answer {
        Answer::Already(_) => true,
        Answer::Registered(registered) => registered.registrant().is_some(),
        Answer::Withdrawn | Answer::With(_) | Answer::Foreign { .. } => false,
    }
}

/// What a person must do, if somebody must.
fn park(answer: &Answer, reason: &IntakeReason) -> Option<ParkReason> {
    match answer {
        Answer::Registered(Registered::Incomplete(problems)) => {
            let problems = problems.iter().map(ToString::to_string).collect();
            Some(ParkReason::ContactIncomplete { problems })
        }
        Answer::Registered(Registered::Several(all)) => {
            let candidates = all.iter().map(|(candidate, _)| candidate.clone()).collect();
            Some(ParkReason::SeveralPatients { candidates })
        }
        Answer::Registered(Registered::Refused(problem)) => {
            Some(ParkReason::PatientRefused { problem: problem.clone() })
        }
        Answer::Foreign { .. } => {
            Some(ParkReason::ContactIncomplete { problems: vec![reason.sentence()] })
        }
        _ => None,
    }
}
