//! From a claim to a step that is safe to save before anything is sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cannula_core::{
    Error, ErrorKind, Event, EventId, IdempotencyKey, Phi, RecordKey, Result, Retry, Subject,
};
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

use super::{SHORTEST, Shared, fate::Fate, later, pointers};
use crate::{
    backoff,
    flow::{Decision, Flow, Ruling, Verdict},
    store::{Claim, EffectStatus, EventUpdate, Next, OutboxRow, Outcome, Step},
};

/// A subject's step, and what to deliver once it is saved.
pub(super) struct Planned<F: Flow> {
    pub(super) step: Step,
    pub(super) job: Option<Job<F>>,
    pub(super) settled: u64,
    /// Nothing could be decided; the subject was put off.
    pub(super) postponed: bool,
}

/// A subject's effects, to be delivered in order.
pub(super) struct Job<F: Flow> {
    pub(super) subject: Subject,
    pub(super) epoch: u64,
    pub(super) attempts: u32,
    pub(super) state: F::State,
    pub(super) effects: Vec<(F::Effect, OutboxRow)>,
    /// The events that are done once everything is delivered.
    pub(super) open: BTreeSet<EventId>,
}

/// Why nothing can be decided.
pub(super) enum Undecided {
    /// Not now: when to try again, and why.
    Later { due_at: DateTime<Utc>, error: Option<String> },
    /// Not before a person has acted.
    Stuck { error: String },
}

/// A record that was wanted.
enum Fetched {
    Found(Box<Event>),
    Missing(Option<String>),
}

impl<F: Flow> Planned<F> {
    /// A claim that ends here, with nothing to deliver.
    fn ended(step: Result<Step, Undecided>, claim: Claim) -> Self {
        let (step, postponed) = match step {
            Ok(step) => (step, false),
            Err(Undecided::Later { due_at, error }) => {
                (Step { next: Next::Again { due_at, error }, ..rest(&claim) }, true)
            }
            Err(Undecided::Stuck { error }) => (stuck(&claim, error), false),
        };
        Self { step, job: None, settled: 0, postponed }
    }
}

/// A step that changes nothing and ends the lease.
pub(super) fn rest(claim: &Claim) -> Step {
    Step {
        subject: claim.subject.clone(),
        epoch: claim.epoch,
        state: None,
        merged_into: None,
        fetched: Vec::new(),
        arrivals: Vec::new(),
        events: Vec::new(),
        outbox: None,
        next: Next::Rest { look_at: None },
    }
}

/// A step that ends the lease until a person has acted. Nothing is thrown away.
fn stuck(claim: &Claim, error: String) -> Step {
    tracing::error!(subject = %claim.subject, error, "nothing can be done for this person");
    let events = claim.events.iter().map(|event| &event.id).chain(&claim.open);
    let dead = |event: &EventId| EventUpdate {
        event: event.clone(),
        outcome: Outcome::Dead(error.clone()),
        reasons: None,
        remark: None,
    };
    Step { events: events.map(dead).collect(), next: Next::Stuck { error }, ..rest(claim) }
}

impl<F: Flow> Shared<F> {
    /// Settles what is unknown, fetches what is wanted and decides.
    ///
    /// # Errors
    /// Only if a state or an effect cannot be written as JSON.
    pub(super) async fn plan(
        self: Arc<Self>,
        mut claim: Claim,
        last_call: DateTime<Utc>,
    ) -> Result<Planned<F>> {
        let settled = claim.unknown.len() as u64;
        if pointers::any(&claim) {
            return Ok(Planned::ended(self.follow(&claim, last_call).await, claim));
        }
        if claim.state.is_none() && claim.events.is_empty() && claim.unknown.is_empty() {
            // Nothing is known of anybody, as after all that was pointed to has been read.
            return Ok(Planned::ended(Ok(rest(&claim)), claim));
        }
        match self.decide(&mut claim, last_call).await {
            Ok((decision, fetched, remark)) => {
                self.planned(claim, decision, fetched, remark, settled)
            }
            Err(postponed) => Ok(Planned::ended(Err(postponed), claim)),
        }
    }

    async fn decide(
        &self,
        claim: &mut Claim,
        last_call: DateTime<Utc>,
    ) -> Result<(Decision<F::State, F::Effect>, Vec<Event>, Option<String>), Undecided> {
        let state = self.settled_state(claim, last_call).await?;
        let decision = self.flow.decide(state, &claim.events, self.clock.now());
        let Some(key) = &decision.wants else { return Ok((decision, Vec::new(), None)) };
        match self.fetch(key, claim, last_call).await? {
            Fetched::Found(event) => {
                // The state already holds the claim's events; they are given again for their
                // verdicts.
                claim.events.push((*event).clone());
                let told = decision.told;
                let now = self.clock.now();
                let mut decision = self.flow.decide(decision.state, &claim.events, now);
                decision.told.splice(0..0, told);
                Ok((decision, vec![*event], None))
            }
            Fetched::Missing(remark) => Ok((decision, Vec::new(), remark)),
        }
    }

    /// The claim's state, after finding out what became of the effects of unknown outcome.
    async fn settled_state(
        &self,
        claim: &Claim,
        last_call: DateTime<Utc>,
    ) -> Result<F::State, Undecided> {
        let postpone = |error| self.postpone(error, claim);
        let stuck = |error: Error| Undecided::Stuck { error: error.to_string() };
        let mut state = match &claim.state {
            Some(text) => parse(text).map_err(stuck)?,
            None => F::State::default(),
        };
        for row in &claim.unknown {
            self.may_send(last_call)?;
            let effect = parse(&row.effect).map_err(stuck)?;
            let settle = self.flow.settle(&state, &effect, &row.key);
            let settled = match self.in_time(settle).await {
                // What comes behind this effect cannot even be looked up without its receipt.
                // Sending it again does no harm; that is what `None` says.
                Ok(None) if self.flow.gates(&effect) => {
                    self.may_send(last_call)?;
                    let deliver = self.flow.deliver(&state, &effect, &row.key);
                    self.in_time(deliver).await.map(Some)
                }
                settled => settled,
            };
            match settled {
                Ok(Some(receipt)) => {
                    self.flow.applied(&mut state, &effect, &receipt);
                }
                Ok(None) => {}
                Err(error) => match Fate::of(&error) {
                    Fate::Relink => self.flow.link_broken(&mut state),
                    // Refused this time, whatever became of it the first time. The plan has it
                    // again, and delivering that one records the reason. What came behind it may
                    // have landed, so it is looked up all the same.
                    Fate::Park(_) | Fate::Dead if self.flow.gates(&effect) => {}
                    // As with a poll, an answer that cannot be read is often a page that says the
                    // vendor is being mended.
                    _ if error.kind() == ErrorKind::Decode => {
                        return Err(postpone(error.retry(Retry::Backoff)));
                    }
                    // It is not known what became of it, and asking again does not tell.
                    Fate::Park(_) | Fate::Dead => return Err(stuck(error)),
                    // Without an answer nothing of this subject may be sent: the rows stay.
                    _ => return Err(postpone(error)),
                },
            }
        }
        Ok(state)
    }

    /// Whether there is time left in the lease, and nothing else that speaks against a call.
    fn may_send(&self, last_call: DateTime<Utc>) -> Result<(), Undecided> {
        match self.held(last_call) {
            Some(due_at) => Err(Undecided::Later { due_at, error: None }),
            None => Ok(()),
        }
    }

    async fn fetch(
        &self,
        key: &RecordKey,
        claim: &Claim,
        last_call: DateTime<Utc>,
    ) -> Result<Fetched, Undecided> {
        Ok(match self.read(key, claim, last_call).await? {
            Ok(Some(event)) if event.subject().as_ref() == Some(&claim.subject) => {
                Fetched::Found(Box::new(event))
            }
            Ok(_) => Fetched::Missing(None),
            Err((error, _)) => {
                Fetched::Missing(Some(format!("Reading the {} failed: {error}.", key.kind)))
            }
        })
    }

    /// Asks the source for a record. An error inside is one that asking again does not mend,
    /// with what is to become of the event.
    pub(super) async fn read(
        &self,
        key: &RecordKey,
        claim: &Claim,
        last_call: DateTime<Utc>,
    ) -> Result<Result<Option<Event>, (Error, Outcome)>, Undecided> {
        let now = self.clock.now();
        // Where credentials were refused a moment ago, asking for everybody locks the account. And
        // what is read when the lease has ended is read in vain.
        if self.control.halted() || self.control.stopping() || now >= last_call {
            return Err(Undecided::Later { due_at: now, error: claim.error.clone() });
        }
        let error = match self.source.get(key).await {
            Ok(found) => return Ok(Ok(found)),
            Err(error) => error,
        };
        match Fate::of(&error) {
            Fate::Park(reason) => Ok(Err((error, Outcome::Parked(reason)))),
            Fate::Relink | Fate::Dead => {
                let dead = Outcome::Dead(error.to_string());
                Ok(Err((error, dead)))
            }
            // The source's allowance, not the sink's: it holds back nobody else.
            Fate::Pause(wait) => {
                let due_at = later(self.clock.now(), wait);
                Err(Undecided::Later { due_at, error: Some(error.to_string()) })
            }
            _ => Err(self.postpone(error, claim)),
        }
    }

    pub(super) fn postpone(&self, error: Error, claim: &Claim) -> Undecided {
        let text = error.to_string();
        let due_at = self.retry_at(&Fate::of(&error), error, &claim.subject, claim.attempts);
        Undecided::Later { due_at, error: Some(text) }
    }

    /// When to try a subject again after an error, which may hold back everybody.
    pub(super) fn retry_at(
        &self,
        fate: &Fate,
        error: Error,
        subject: &Subject,
        attempts: u32,
    ) -> DateTime<Utc> {
        tracing::debug!(%subject, attempts, %error, "postponed");
        let now = self.clock.now();
        match fate {
            Fate::Halt => {
                self.control.halt(error);
                now
            }
            Fate::Pause(wait) => {
                let until = later(now, (*wait).max(SHORTEST));
                tracing::warn!(%error, %until, "nothing is sent for a while");
                self.control.pause(until);
                until
            }
            Fate::Later(Some(wait)) => later(now, (*wait).max(SHORTEST)),
            Fate::Relink if attempts <= 1 => now,
            _ => later(now, backoff::delay(attempts, &subject.to_string())),
        }
    }

    fn planned(
        &self,
        claim: Claim,
        decision: Decision<F::State, F::Effect>,
        fetched: Vec<Event>,
        remark: Option<String>,
        settled: u64,
    ) -> Result<Planned<F>> {
        let Decision { state, effects, mut verdicts, wants, told } = decision;
        if let (Some(remark), true) = (remark, wants.is_some()) {
            for (_, verdict) in &mut verdicts {
                if matches!(verdict.ruling, Ruling::Waiting(_)) {
                    verdict.reasons.push(remark.clone());
                }
            }
        }
        let effects = effects
            .into_iter()
            .map(|(cause, effect)| {
                let text = write(&effect)?;
                let key = IdempotencyKey::derive(&cause, text.expose());
                let status = EffectStatus::Unknown;
                Ok((effect, OutboxRow { cause, key, effect: text, status, error: None }))
            })
            .collect::<Result<Vec<_>>>()?;
        let causes = effects.iter().map(|(_, row)| &row.cause);
        let (events, open) = standings(&claim, verdicts, causes);
        let next = if effects.is_empty() { Next::Rest { look_at: None } } else { Next::Send };
        let step = Step {
            state: Some(write(&state)?),
            merged_into: self.flow.merged_into(&state),
            fetched,
            arrivals: told.into_iter().map(|event| self.arrival(event)).collect(),
            events,
            // Marked as unknown before the first is sent: whatever happens then, somebody looks.
            outbox: Some(effects.iter().map(|(_, row)| row.clone()).collect()),
            next,
            ..rest(&claim)
        };
        let job = (!effects.is_empty()).then_some(Job {
            subject: claim.subject,
            epoch: claim.epoch,
            attempts: claim.attempts,
            state,
            effects,
            open,
        });
        Ok(Planned { step, job, settled, postponed: false })
    }
}

/// The events' standing before delivery, and those that delivery will finish.
fn standings<'a>(
    claim: &Claim,
    verdicts: Vec<(EventId, Verdict)>,
    causes: impl Iterator<Item = &'a EventId>,
) -> (Vec<EventUpdate>, BTreeSet<EventId>) {
    let causes: BTreeSet<_> = causes.cloned().collect();
    let decided = if causes.is_empty() { Outcome::Done } else { Outcome::Delivering };
    let mut updates = BTreeMap::new();
    let mut put = |event: EventId, outcome: Outcome, reasons: Option<Vec<String>>| {
        let update = EventUpdate { event: event.clone(), outcome, reasons, remark: None };
        updates.insert(event, update);
    };
    for event in claim.open.iter().chain(&causes) {
        put(event.clone(), decided.clone(), None);
    }
    for event in &claim.events {
        let missing = Outcome::Dead("the rules gave no verdict on it".to_owned());
        put(event.id.clone(), missing, None);
    }
    for (event, verdict) in verdicts {
        let outcome = match verdict.ruling {
            Ruling::Done => decided.clone(),
            Ruling::Parked(reason) => Outcome::Parked(reason),
            // What it waits for has just been asked for, and is not there.
            Ruling::Waiting(reason) => Outcome::Parked(reason),
        };
        put(event, outcome, Some(verdict.reasons));
    }
    let open = updates
        .values()
        .filter(|update| update.outcome == Outcome::Delivering)
        .map(|update| update.event.clone())
        .collect();
    (updates.into_values().collect(), open)
}

const UNREADABLE: &str = "this version cannot read what is kept of the person; run the version that wrote it or a newer one, then replay what is dead, or purge the person";

pub(super) fn parse<T: DeserializeOwned>(text: &Phi<String>) -> Result<T> {
    // The cause is dropped: it may quote personal data. Not of kind `Storage`, which would stop
    // everybody's work for one person's row.
    serde_json::from_str(text.expose()).map_err(|_| Error::new(ErrorKind::Decode, UNREADABLE))
}

pub(super) fn write(value: &impl Serialize) -> Result<Phi<String>> {
    serde_json::to_string(value)
        .map(Phi::new)
        .map_err(|_| Error::new(ErrorKind::Storage, "a state cannot be written as JSON"))
}
