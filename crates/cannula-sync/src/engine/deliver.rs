//! A subject's effects, one after the other, each ending in a known standing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use cannula_core::{Error, EventId, Result, Retry};
use chrono::{DateTime, Utc};

use super::{
    SHORTEST, Shared,
    fate::Fate,
    later,
    plan::{Job, write},
};
use crate::{
    flow::Flow,
    store::{EffectStatus, EventUpdate, Next, OutboxRow, Outcome, Step},
};

/// How often in a row receipts may reveal more at once. A flow that plans what has been applied
/// already would otherwise never let a drain end.
const ROUNDS: u32 = 8;

/// The step to save after a delivery, and what to say about it.
pub(super) struct Delivered {
    pub(super) step: Step,
    /// The labels of what was delivered.
    pub(super) labels: Vec<&'static str>,
    /// The rest was put off.
    pub(super) postponed: bool,
}

/// Why a subject's delivery ended before its last effect.
enum Stop {
    /// It goes on at that time.
    Retry { due_at: DateTime<Utc>, error: Option<String> },
    /// It goes on when a person has acted. `everything`: no event of the subject is finished, and
    /// not only those with an effect left over.
    Blocked { outcome: Outcome, everything: bool },
}

/// What became of a job.
#[derive(Default)]
struct Progress {
    leftover: Vec<OutboxRow>,
    dead: BTreeMap<EventId, Outcome>,
    remarks: BTreeMap<EventId, String>,
    labels: Vec<&'static str>,
    /// What was delivered lets more be planned.
    revealed: bool,
    stop: Option<Stop>,
}

impl<F: Flow> Shared<F> {
    /// Delivers a job.
    ///
    /// # Errors
    /// Only if the state cannot be written as JSON.
    pub(super) async fn deliver(
        self: Arc<Self>,
        mut job: Job<F>,
        last_call: DateTime<Utc>,
    ) -> Result<Delivered> {
        let mut progress = Progress::default();
        for (effect, row) in std::mem::take(&mut job.effects) {
            if progress.stop.is_some() {
                progress.leave(row, EffectStatus::Pending, None);
                continue;
            }
            if let Some(due_at) = self.held(last_call) {
                progress.stop = Some(Stop::Retry { due_at, error: None });
                progress.leave(row, EffectStatus::Pending, None);
                continue;
            }
            match self.in_time(self.flow.deliver(&job.state, &effect, &row.key)).await {
                Ok(receipt) => {
                    if let Some(remark) = self.flow.applied(&mut job.state, &effect, &receipt) {
                        progress.remark(row.cause, &remark);
                    }
                    let label = self.flow.label(&effect);
                    progress.labels.push(label);
                    self.counters.delivered(label);
                    progress.revealed |= self.flow.reveals(&effect);
                }
                Err(error) => self.failed(&mut job, &effect, row, error, &mut progress),
            }
        }
        let events = updates(&job.open, &progress);
        let postponed = matches!(progress.stop, Some(Stop::Retry { .. }));
        let next = match progress.stop {
            Some(Stop::Retry { due_at, error }) => Next::Again { due_at, error },
            // Whatever a person does next, everything is planned again then.
            Some(Stop::Blocked { .. }) => Next::Rest { look_at: None },
            None if progress.revealed => {
                Next::Again { due_at: self.again_at(job.attempts), error: None }
            }
            None => {
                let look_at = self.flow.look_again(&job.state, self.clock.now());
                Next::Rest { look_at }
            }
        };
        let step = Step {
            state: Some(write(&job.state)?),
            merged_into: self.flow.merged_into(&job.state),
            fetched: Vec::new(),
            arrivals: Vec::new(),
            events,
            outbox: Some(progress.leftover),
            next,
            subject: job.subject,
            epoch: job.epoch,
        };
        Ok(Delivered { step, labels: progress.labels, postponed })
    }

    /// When to plan what receipts have revealed.
    fn again_at(&self, attempts: u32) -> DateTime<Utc> {
        let now = self.clock.now();
        if attempts <= ROUNDS { now } else { later(now, SHORTEST) }
    }

    fn failed(
        &self,
        job: &mut Job<F>,
        effect: &F::Effect,
        row: OutboxRow,
        error: Error,
        progress: &mut Progress,
    ) {
        let text = error.to_string();
        let gate = self.flow.gates(effect);
        let fate = Fate::of(&error);
        // Whatever else the error means, what may have landed is looked up.
        let unknown = error.retry_advice() == Retry::Settle;
        let status = match &fate {
            Fate::Park(reason) => {
                let outcome = Outcome::Held(reason.clone());
                progress.stop = Some(Stop::Blocked { outcome, everything: gate });
                EffectStatus::Parked
            }
            Fate::Dead => {
                tracing::warn!(subject = %job.subject, cause = %row.cause, %error, "refused for good");
                let outcome = Outcome::Dead(text.clone());
                if gate {
                    progress.stop = Some(Stop::Blocked { outcome, everything: true });
                } else {
                    progress.dead.insert(row.cause.clone(), outcome);
                }
                EffectStatus::Dead
            }
            Fate::Halt | Fate::Pause(_) | Fate::Later(_) | Fate::Unknown | Fate::Relink => {
                if fate == Fate::Relink {
                    self.flow.link_broken(&mut job.state);
                }
                let due_at = self.retry_at(&fate, error, &job.subject, job.attempts);
                progress.stop = Some(Stop::Retry { due_at, error: Some(text.clone()) });
                if unknown { EffectStatus::Unknown } else { EffectStatus::Pending }
            }
        };
        progress.leave(row, status, Some(text));
    }
}

impl Progress {
    /// One event can move in two pipelines, and find nothing to move in either.
    fn remark(&mut self, event: EventId, remark: &str) {
        let all = self.remarks.entry(event).or_default();
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(remark);
    }

    fn leave(&mut self, row: OutboxRow, status: EffectStatus, error: Option<String>) {
        self.leftover.push(OutboxRow { status, error, ..row });
    }
}

/// The standing of the subject's open events after delivery.
fn updates(open: &BTreeSet<EventId>, progress: &Progress) -> Vec<EventUpdate> {
    let left: BTreeSet<_> = progress.leftover.iter().map(|row| &row.cause).collect();
    let outcome = |event: &EventId| match &progress.stop {
        Some(Stop::Retry { .. }) => Outcome::Delivering,
        // Not known yet: the next round decides about everything that is left.
        None if progress.revealed => Outcome::Delivering,
        // What was revealed waits behind the blocked effect, so nothing is finished either.
        Some(Stop::Blocked { outcome, everything }) if *everything || progress.revealed => {
            outcome.clone()
        }
        _ => match (progress.dead.get(event), &progress.stop) {
            (Some(dead), _) => dead.clone(),
            (None, Some(Stop::Blocked { outcome, .. })) if left.contains(event) => outcome.clone(),
            (None, _) => Outcome::Done,
        },
    };
    open.iter()
        .map(|event| EventUpdate {
            event: event.clone(),
            outcome: outcome(event),
            reasons: None,
            remark: progress.remarks.get(event).cloned(),
        })
        .filter(|update| update.outcome != Outcome::Delivering || update.remark.is_some())
        .collect()
}
