use cannula_core::{
    ContactLink, CrmEffect, CrmNeeds, Event, EventId, ParkReason, Record, RecordKey,
};
use chrono::{DateTime, Utc};

use crate::{
    Categories, Outcome, PersonState, Reason, RulesConfig, Verdict,
    effects::Projection,
    ledger::Books,
    payment_telling::PaymentTelling,
    person::{Arrival, Entry, NoteState},
    reading::read,
    telling::Telling,
    walk::{End, Step, Walk, What},
    worth::Worth,
};

/// The rules of one practice. Pure: the same state, events and instant give the same plan.
#[derive(Clone, Debug)]
pub struct Rules {
    pub(crate) config: RulesConfig,
    pub(crate) categories: Categories,
}

/// What to do next for a person, and why.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The person with the events taken in; to be stored together with the effects.
    pub state: PersonState,
    /// What the CRM lacks, in the order of delivery.
    pub effects: Vec<Planned>,
    /// One for each event passed in, and one for each earlier event that ends differently now.
    pub verdicts: Vec<(EventId, Verdict)>,
    /// The patient record to read, and to pass in, before anything can be written.
    pub wants: Option<RecordKey>,
}

/// An effect and the event that calls for it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Planned {
    /// The event; idempotency keys derive from it.
    pub cause: EventId,
    /// The write.
    pub effect: CrmEffect,
}

/// Whether anything may be written for the person now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// No visit belongs in the CRM, and no contact is linked.
    NoVisit,
    PatientUnknown,
    NoContactDetails,
}

impl Rules {
    /// Rules from a checked configuration and categorization document.
    pub fn new(config: RulesConfig, categories: Categories) -> Self {
        Self { config, categories }
    }

    /// The custom fields and pipelines that must exist in the CRM.
    pub fn needs(&self) -> CrmNeeds {
        self.config.needs()
    }

    /// The verdict on an event that is about no person: a meeting, a lunch, a placeholder, or
    /// money without an owner.
    pub fn unattended(&self, event: &Event) -> Verdict {
        Verdict::done(match event.record {
            Record::Payment(_) => [Reason::NoOwner],
            _ => [Reason::NoPatient],
        })
    }

    /// Takes in `events` of one person, walks the person's whole history and plans what the CRM
    /// lacks. Without events it plans again, for example after the document was amended. `now`
    /// decides only which visits are to come.
    pub fn decide(&self, mut state: PersonState, events: &[Event], now: DateTime<Utc>) -> Plan {
        let arrivals = state.take_in(events);
        let mut walk = Walk::new(&self.config, now.with_timezone(&self.config.zone).date_naive());
        let mut steps: Vec<Step> = state
            .history
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                walk.step(index, entry, read(&self.config, &self.categories, &entry.appointment))
            })
            .collect();
        walk.mark_repeated(&mut steps);
        let books = state.ledger.books();
        let worth = Worth::of(&self.config, &state, &books, &walk.end);
        let gate = gate(&state, &walk);
        let effects = match (&state.patient, gate) {
            (Some(patient), Gate::Open) => Projection {
                config: &self.config,
                state: &state,
                patient,
                walk: &walk,
                steps: &steps,
                books: &books,
                worth: &worth,
                latest: events.last().map(|event| &event.id),
            }
            .effects(),
            _ => Vec::new(),
        };
        let end = walk.end;
        let arrival = |event: &EventId| {
            let at = events.iter().position(|arrived| arrived.id == *event)?;
            Some(arrivals[at])
        };
        let mut verdicts = self.appointment_verdicts(&mut state, &steps, end, gate, arrival);
        let telling = PaymentTelling { config: &self.config, worth: &worth, end, gate };
        verdicts.extend(payment_verdicts(&mut state, &books, telling, arrival));
        for (event, arrival) in events.iter().zip(&arrivals) {
            if !matches!(event.record, Record::Appointment(_) | Record::Payment(_)) {
                verdicts
                    .push((event.id.clone(), self.other_verdict(&state, event, *arrival, gate)));
            }
        }
        let wants = (gate == Gate::PatientUnknown).then(|| state.patient_key()).flatten();
        Plan { state, effects, verdicts, wants }
    }

    /// The verdicts on what arrived now and on what ends differently now, which the history
    /// keeps for the next decision, together with the notes that are due.
    fn appointment_verdicts(
        &self,
        state: &mut PersonState,
        steps: &[Step],
        end: End,
        gate: Gate,
        arrival: impl Fn(&EventId) -> Option<Arrival>,
    ) -> Vec<(EventId, Verdict)> {
        let mut verdicts = Vec::new();
        for (index, (entry, step)) in state.history.iter_mut().zip(steps).enumerate() {
            let outcome = outcome(entry, step, gate);
            let arrival = arrival(&entry.event);
            if arrival.is_some() || entry.outcome.as_ref() != Some(&outcome) {
                let telling = Telling { rules: self, end, index, step };
                let late = arrival.is_some_and(|arrival| arrival.late);
                let reasons = telling.reasons(&entry.appointment, &outcome, late);
                entry.outcome = Some(outcome.clone());
                verdicts.push((entry.event.clone(), Verdict { outcome, reasons }));
            }
            if entry.note != NoteState::Left {
                entry.note = if step.is_noted() { NoteState::Due } else { NoteState::None };
            }
        }
        verdicts
    }

    fn other_verdict(
        &self,
        state: &PersonState,
        event: &Event,
        arrival: Arrival,
        gate: Gate,
    ) -> Verdict {
        match &event.record {
            Record::Patient(_) => self.patient_verdict(state, arrival, gate),
            Record::ContactLink(link) => Verdict::done([link_reason(state, event, link)]),
            _ => Verdict::done([Reason::NotUsed]),
        }
    }

    fn patient_verdict(&self, state: &PersonState, arrival: Arrival, gate: Gate) -> Verdict {
        let mut reasons = vec![match gate {
            Gate::NoVisit => Reason::NoVisitYet,
            Gate::NoContactDetails => Reason::NoContactDetails,
            _ if arrival.late => Reason::ArrivedLate,
            _ if arrival.changed => Reason::PersonUpdated,
            _ => Reason::NothingChanged,
        }];
        let has_birthday = state.patient.as_ref().is_some_and(|it| it.birth_date().is_some());
        if gate == Gate::Open && !has_birthday {
            let field = self.config.fields.birthday.clone();
            reasons.push(Reason::NoBirthday { field });
        }
        Verdict::done(reasons)
    }
}

/// The verdicts on the payments that arrived now and on those that end differently now, which the
/// ledger keeps for the next decision, together with the notes that are due.
fn payment_verdicts(
    state: &mut PersonState,
    books: &Books,
    telling: PaymentTelling<'_>,
    arrival: impl Fn(&EventId) -> Option<Arrival>,
) -> Vec<(EventId, Verdict)> {
    let mut verdicts = Vec::new();
    for (entry, step) in state.ledger.entries_mut().iter_mut().zip(&books.steps) {
        let outcome = telling.outcome(entry, step);
        let due = telling.is_pending(entry, step) && telling.gate != Gate::NoVisit;
        // The outcome alone does not say all: a payment is done while it waits for the first visit
        // or for the switch, and again when its note follows.
        let scope = telling.worth.scope;
        let differs = entry.outcome.as_ref() != Some(&outcome)
            || (entry.note == NoteState::Due) != due
            || (entry.note != NoteState::Left && entry.scope != scope);
        if differs || arrival(&entry.event).is_some() {
            let reasons = telling.reasons(entry, step, &outcome);
            entry.outcome = Some(outcome.clone());
            entry.scope = scope;
            verdicts.push((entry.event.clone(), Verdict { outcome, reasons }));
        }
        if entry.note != NoteState::Left {
            entry.note = if due { NoteState::Due } else { NoteState::None };
        }
    }
    verdicts
}

fn link_reason(state: &PersonState, event: &Event, link: &ContactLink) -> Reason {
    let contact = link.contact.clone();
    match &state.links.contact {
        None => Reason::LinkedContactGone { contact },
        Some(ours) if *ours != contact => Reason::LinkedElsewhere { ours: ours.clone(), contact },
        _ if state.linked_by.as_ref() == Some(&event.id) => Reason::LinkedByIntake { contact },
        Some(_) => Reason::AlreadyLinked { contact },
    }
}

fn gate(state: &PersonState, walk: &Walk<'_>) -> Gate {
    let linked = state.links.contact.is_some();
    if walk.newest.entry.is_none() && !linked {
        return Gate::NoVisit;
    }
    match &state.patient {
        None => Gate::PatientUnknown,
        Some(patient) if !patient.reachable() && !linked => Gate::NoContactDetails,
        Some(_) => Gate::Open,
    }
}

fn outcome(entry: &Entry, step: &Step, gate: Gate) -> Outcome {
    let pending = step.is_noted() && entry.note != NoteState::Left;
    match (&step.what, gate) {
        (What::Parked(park), _) => Outcome::Parked(park.clone()),
        (_, Gate::PatientUnknown) if pending => Outcome::Waiting,
        (_, Gate::NoContactDetails) if pending => Outcome::Parked(ParkReason::NoContactDetails),
        _ => Outcome::Done,
    }
}
