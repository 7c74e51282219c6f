use cannula_core::{CrmEffect, CrmNeeds, Event, EventId, ParkReason, Record, RecordKey};
use chrono::{DateTime, Utc};

use crate::{
    Categories, Outcome, PersonState, Reason, RulesConfig, Verdict,
    effects::Projection,
    person::{Arrival, Entry, NoteState},
    reading::read,
    telling::Telling,
    walk::{End, Step, Walk, What},
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
enum Gate {
    Open,
    /// No visit belongs in the CRM.
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

    /// The verdict on an event that is about no person: a meeting, a lunch, a placeholder.
    pub fn unattended(&self, _event: &Event) -> Verdict {
        Verdict::done([Reason::NoPatient])
    }

    /// Takes in `events` of one person, walks the person's whole history and plans what the CRM
    /// lacks. Without events it plans again, for example after the document was amended. `now`
    /// decides only which visits are to come.
    pub fn decide(&self, mut state: PersonState, events: &[Event], now: DateTime<Utc>) -> Plan {
        let arrivals = state.take_in(events);
        let mut walk = Walk::new(&self.config, now.with_timezone(&self.config.zone).date_naive());
        let steps: Vec<Step> = state
            .history
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                walk.step(index, entry, read(&self.config, &self.categories, &entry.appointment))
            })
            .collect();
        let gate = gate(&state, &walk);
        let effects = match (&state.patient, gate) {
            (Some(patient), Gate::Open) => Projection {
                config: &self.config,
                state: &state,
                patient,
                walk: &walk,
                steps: &steps,
                latest: events.last().map(|event| &event.id),
            }
            .effects(),
            _ => Vec::new(),
        };
        let end = walk.end;
        let mut verdicts = self.appointment_verdicts(&mut state, &steps, end, gate, |event| {
            let at = events.iter().position(|arrived| arrived.id == *event)?;
            Some(arrivals[at])
        });
        for (event, arrival) in events.iter().zip(&arrivals) {
            if !matches!(event.record, Record::Appointment(_)) {
                verdicts.push((event.id.clone(), patient_verdict(event, *arrival, gate)));
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
                entry.note = if step.what.is_noted() { NoteState::Due } else { NoteState::None };
            }
        }
        verdicts
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
    let pending = step.what.is_noted() && entry.note != NoteState::Left;
    match (&step.what, gate) {
        (What::Parked(park), _) => Outcome::Parked(park.clone()),
        (_, Gate::PatientUnknown) if pending => Outcome::Waiting,
        (_, Gate::NoContactDetails) if pending => Outcome::Parked(ParkReason::NoContactDetails),
        _ => Outcome::Done,
    }
}

fn patient_verdict(event: &Event, arrival: Arrival, gate: Gate) -> Verdict {
    let Record::Patient(_) = event.record else {
        return Verdict::done([Reason::NotUsed]);
    };
    Verdict::done(match gate {
        Gate::NoVisit => [Reason::NoVisitYet],
        Gate::NoContactDetails => [Reason::NoContactDetails],
        _ if arrival.late => [Reason::ArrivedLate],
        _ if arrival.changed => [Reason::PersonUpdated],
        _ => [Reason::NothingChanged],
    })
}
