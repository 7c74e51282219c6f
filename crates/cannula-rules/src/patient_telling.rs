//! How the event of a patient's own record ended, and why.

use cannula_core::{EventId, ParkReason};

use crate::{
    ContactsFor, Outcome, PersonState, Reason, RulesConfig, Verdict,
    decide::Gate,
    person::{Arrival, NoteState},
};

/// A person's own record in the light of everything else that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PatientTelling<'a> {
    pub(crate) config: &'a RulesConfig,
    pub(crate) gate: Gate,
    /// The registration that is noted.
    noted: Option<usize>,
}

impl<'a> PatientTelling<'a> {
    pub(crate) fn new(config: &'a RulesConfig, gate: Gate, state: &PersonState) -> Self {
        Self { config, gate, noted: state.registration_noted(config) }
    }

    /// The verdict on a state of the record that arrived now.
    pub(crate) fn verdict(
        &self,
        state: &PersonState,
        event: &EventId,
        arrival: Arrival,
    ) -> Verdict {
        let known = state.registrations.all().iter().position(|it| it.event == *event);
        let outcome = known.map_or(Outcome::Done, |index| self.outcome(state, index));
        let noted = known.is_some() && known == self.noted && self.gate == Gate::Open;
        let mut reasons = Vec::new();
        if noted {
            let title = self.config.titles.patient_created.clone();
            reasons.push(Reason::Noted { title });
        } else if known.is_some() && self.noted.is_none() && state.linked_by.is_some() {
            reasons.push(Reason::RegisteredByIntake);
        }
        match self.gate {
            Gate::NoVisit if self.config.contacts_for == ContactsFor::Visits => {
                reasons.push(Reason::NoVisitYet);
            }
            Gate::NoVisit => reasons.push(Reason::NothingYet),
            Gate::NoContactDetails => reasons.push(Reason::NoContactDetails),
            _ if arrival.late => reasons.push(Reason::ArrivedLate),
            _ if arrival.changed => reasons.push(Reason::PersonUpdated),
            _ if noted => {}
            _ => reasons.push(Reason::NothingChanged),
        }
        let has_birthday = state.patient.as_ref().is_some_and(|it| it.birth_date().is_some());
        if self.gate == Gate::Open && !has_birthday {
            let field = self.config.fields.birthday.clone();
            reasons.push(Reason::NoBirthday { field });
        }
        Verdict { outcome, reasons }
    }

    fn is_pending(&self, state: &PersonState, index: usize) -> bool {
        self.noted == Some(index)
            && self.gate != Gate::Merged
            && state.registrations.all()[index].note != NoteState::Left
    }

    fn outcome(&self, state: &PersonState, index: usize) -> Outcome {
        match self.gate {
            Gate::NoContactDetails if self.is_pending(state, index) => {
                Outcome::Parked(ParkReason::NoContactDetails)
            }
            _ => Outcome::Done,
        }
    }

    /// The verdicts on registrations that arrived before and end differently now. They are kept
    /// for the next decision, together with the note that is due.
    pub(crate) fn told_again(
        &self,
        state: &mut PersonState,
        arrived: impl Fn(&EventId) -> bool,
    ) -> Vec<(EventId, Verdict)> {
        let mut verdicts = Vec::new();
        for index in 0..state.registrations.all().len() {
            let (due, outcome) = (self.is_pending(state, index), self.outcome(state, index));
            let known = &state.registrations.all()[index];
            let differs = known.outcome.as_ref() != Some(&outcome)
                || (known.note != NoteState::Left && (known.note == NoteState::Due) != due);
            if differs && !arrived(&known.event) {
                let verdict = self.verdict(state, &known.event, Arrival::default());
                verdicts.push((known.event.clone(), verdict));
            }
            let known = &mut state.registrations.all_mut()[index];
            known.outcome = Some(outcome);
            if known.note != NoteState::Left {
                known.note = if due { NoteState::Due } else { NoteState::None };
            }
        }
        verdicts
    }
}
