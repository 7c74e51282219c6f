use cannula_core::{
    ContactLink, CrmEffect, CrmNeeds, Event, EventId, Inheritance, ParkReason, PatientMerge,
    Record, RecordKey,
};
use chrono::{DateTime, Utc};

use crate::{
    Categories, ContactsFor, Outcome, PaymentPipelines, PersonState, Reason, RulesConfig, Verdict,
    effects::Projection,
    ledger::Books,
    membership_telling::MembershipTelling,
    patient_telling::PatientTelling,
    payment::makes_contact,
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
    /// Events about other persons that follow: a patient that was merged into another passes on
    /// what it has. To be stored together with the state.
    pub told: Vec<Event>,
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
    /// No visit (or other record that makes a contact) belongs in the CRM, and none is linked.
    NoVisit,
    PatientUnknown,
    NoContactDetails,
    /// The patient was merged into another, who has it all.
    Merged,
}

impl Gate {
    /// Whether what is to be noted will be, now or as soon as it can be.
    pub(crate) fn leaves_notes(self) -> bool {
        !matches!(self, Self::NoVisit | Self::Merged)
    }
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
        let told = state.tell(events);
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
        let roll = state.memberships.roll();
        let gate = self.gate(&state, &walk);
        let effects = match (&state.patient, gate) {
            (Some(patient), Gate::Open) => Projection {
                config: &self.config,
                state: &state,
                patient,
                walk: &walk,
                steps: &steps,
                books: &books,
                worth: &worth,
                roll: &roll,
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
        let shown = state.memberships.name_shown(&roll);
        let telling = MembershipTelling { config: &self.config, roll: &roll, gate, shown: &shown };
        verdicts.extend(membership_verdicts(&mut state, telling, arrival));
        let telling = PatientTelling::new(&self.config, gate, &state);
        verdicts.extend(telling.told_again(&mut state, |event| arrival(event).is_some()));
        for (event, arrival) in events.iter().zip(&arrivals) {
            let verdict = match &event.record {
                Record::Appointment(_) | Record::Payment(_) | Record::Membership(_) => continue,
                Record::Patient(_) => telling.verdict(&state, &event.id, *arrival),
                Record::ContactLink(link) => Verdict::done([link_reason(&state, event, link)]),
                Record::PatientMerge(merge) => Verdict::done([merge_reason(&state, merge)]),
                _ => Verdict::done([Reason::NotUsed]),
            };
            verdicts.push((event.id.clone(), verdict));
        }
        let is_read = events
            .iter()
            .zip(&arrivals)
            .any(|(event, arrival)| arrival.changed && matches!(event.record, Record::Patient(_)));
        let wants = match gate {
            Gate::PatientUnknown => state.patient_key(),
            // An address may have been added since, and not every EMR tells of that.
            Gate::NoContactDetails if !events.is_empty() && !is_read => state.patient_key(),
            _ => None,
        };
        if let (Gate::Merged, Some(merged)) = (gate, state.merged()) {
            for (_, verdict) in &mut verdicts {
                verdict.reasons = vec![Reason::PassedOn { into: merged.into.clone() }];
            }
        }
        Plan { state, effects, verdicts, wants, told }
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
                let due = step.is_noted() && gate != Gate::Merged;
                entry.note = if due { NoteState::Due } else { NoteState::None };
            }
        }
        verdicts
    }

    fn gate(&self, state: &PersonState, walk: &Walk<'_>) -> Gate {
        let linked = state.links.contact.is_some();
        if state.merged().is_some_and(|merged| !(merged.keeps_contact && linked)) {
            return Gate::Merged;
        }
        let any_record = self.config.contacts_for == ContactsFor::AnyRecord;
        if walk.newest.entry.is_none() && !linked && !(any_record && self.has_other(state)) {
            return Gate::NoVisit;
        }
        match &state.patient {
            None => Gate::PatientUnknown,
            Some(patient) if !patient.reachable() && !linked => Gate::NoContactDetails,
            Some(_) => Gate::Open,
        }
    }

    /// Whether there is a record beside visits that makes a contact, where any record does.
    fn has_other(&self, state: &PersonState) -> bool {
        let payments = self.config.payments.pipelines != PaymentPipelines::None;
        let memberships = self.config.memberships.enabled;
        !state.registrations.is_empty()
            || memberships && !state.memberships.is_empty()
            || payments && state.ledger.entries().iter().any(|it| makes_contact(&it.payment))
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
        let due = telling.is_pending(entry, step) && telling.gate.leaves_notes();
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

/// The same for memberships.
fn membership_verdicts(
    state: &mut PersonState,
    telling: MembershipTelling<'_>,
    arrival: impl Fn(&EventId) -> Option<Arrival>,
) -> Vec<(EventId, Verdict)> {
    let mut verdicts = Vec::new();
    let on = telling.config.memberships.enabled;
    for (index, entry) in state.memberships.entries_mut().iter_mut().enumerate() {
        let outcome = telling.outcome(index, entry);
        let due = telling.is_pending(index, entry) && telling.gate.leaves_notes();
        let arrival = arrival(&entry.event);
        // As with payments, the outcome alone does not say all.
        let differs = entry.outcome.as_ref() != Some(&outcome)
            || (entry.note != NoteState::Left
                && ((entry.note == NoteState::Due) != due || entry.on != on));
        if differs || arrival.is_some() {
            let late = arrival.is_some_and(|arrival| arrival.late);
            let reasons = telling.reasons(index, entry, &outcome, late);
            entry.outcome = Some(outcome.clone());
            entry.on = on;
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
    let is_ours = state.links.contact.as_ref() == Some(&contact);
    if let (Some(Inheritance { from, .. }), true) = (&link.inherited, is_ours) {
        return match *from == link.patient {
            true => Reason::ContactKept { contact },
            false => Reason::Inherited { contact, from: from.clone() },
        };
    }
    match &state.links.contact {
        None => Reason::LinkedContactGone { contact },
        Some(ours) if *ours != contact => Reason::LinkedElsewhere { ours: ours.clone(), contact },
        _ if state.linked_by.as_ref() == Some(&event.id) => Reason::LinkedByIntake { contact },
        Some(_) => Reason::AlreadyLinked { contact },
    }
}

/// Why a merge ended as it did.
fn merge_reason(state: &PersonState, merge: &PatientMerge) -> Reason {
    match state.merged() {
        Some(merged) if merged.into == merge.into => Reason::PassedOn { into: merge.into.clone() },
        _ => Reason::MergeUndone { into: merge.into.clone() },
    }
}

fn outcome(entry: &Entry, step: &Step, gate: Gate) -> Outcome {
    let pending = step.is_noted() && entry.note != NoteState::Left;
    match (&step.what, gate) {
        (_, Gate::Merged) => Outcome::Done,
        (What::Parked(park), _) => Outcome::Parked(park.clone()),
        (_, Gate::PatientUnknown) if pending => Outcome::Waiting,
        (_, Gate::NoContactDetails) if pending => Outcome::Parked(ParkReason::NoContactDetails),
        _ => Outcome::Done,
    }
}
