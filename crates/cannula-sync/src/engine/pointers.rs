//! Messages that a record changed, and nothing else: the record is read, and what is found is
//! taken in as an event of its own.

use std::collections::BTreeMap;

use cannula_core::{ErrorKind, Event, Pointer, Record, RecordKey};
use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Shared, later,
    plan::{Undecided, rest},
};
use crate::{
    backoff,
    flow::Flow,
    store::{Arrival, Claim, EventUpdate, Next, Outcome, Step},
    withdraw,
};

/// How long after a message its record may still come to light: a message may overtake it.
const OVERTAKES: TimeDelta = TimeDelta::seconds(5);
/// A record is taken to be gone when it is not there twice in a row, or after so many attempts.
const MOST_LOOKS: u32 = 10;

/// Whether the claim is one of messages, and not of a person.
pub(super) fn any(claim: &Claim) -> bool {
    claim.events.iter().any(|event| pointer(event).is_some())
}

fn pointer(event: &Event) -> Option<&Pointer> {
    match &event.record {
        Record::Pointer(pointer) => Some(pointer),
        _ => None,
    }
}

/// What is known of one record from the claim's messages.
#[derive(Default)]
struct Told {
    /// When the newest of them was sent.
    at: DateTime<Utc>,
    /// By that one, the record was removed.
    gone: bool,
}

/// What came of a record's messages.
struct Followed {
    outcome: Outcome,
    reason: String,
    /// What was read, or the withdrawal of what was known.
    arrival: Option<Arrival>,
}

impl<F: Flow> Shared<F> {
    /// Reads every record once that the claim's messages are about, however many they are. The
    /// step takes in what was found and ends the messages, so that a crash before it only means
    /// reading again.
    pub(super) async fn follow(
        &self,
        claim: &Claim,
        last_call: DateTime<Utc>,
    ) -> Result<Step, Undecided> {
        let mut records = BTreeMap::<&RecordKey, Told>::new();
        for (event, Pointer { key, gone }) in messages(claim) {
            let told = records.entry(key).or_default();
            // They come oldest first. Of two at one moment, the removal is the last.
            *told = Told {
                gone: *gone || (told.gone && told.at == event.version.stamp),
                at: event.version.stamp,
            };
        }
        let mut step = rest(claim);
        let mut clean = true;
        for (key, told) in records {
            let Followed { outcome, reason, arrival } =
                self.follow_one(key, &told, claim, last_call).await?;
            clean &= outcome == Outcome::Done;
            step.arrivals.extend(arrival);
            let ends = messages(claim).filter(|(_, pointer)| pointer.key == *key);
            step.events.extend(ends.map(|(event, _)| EventUpdate {
                event: event.id.clone(),
                outcome: outcome.clone(),
                reasons: Some(vec![reason.clone()]),
                remark: None,
            }));
        }
        if claim.state.is_some() || claim.events.len() > step.events.len() {
            // Somebody's id is spelled like a record's. They are decided by themselves.
            step.next = Next::Again { due_at: self.clock.now(), error: None };
        } else if clean {
            // Earlier messages that could not be followed were about the same record.
            step.events.extend(claim.open.iter().map(|event| EventUpdate {
                event: event.clone(),
                outcome: Outcome::Done,
                reasons: None,
                remark: Some("A later message about the record was followed.".to_owned()),
            }));
        }
        Ok(step)
    }

    async fn follow_one(
        &self,
        key: &RecordKey,
        told: &Told,
        claim: &Claim,
        last_call: DateTime<Utc>,
    ) -> Result<Followed, Undecided> {
        let noun = key.kind.as_str().replace('_', " ");
        if told.gone && !self.was_seen_since(key, told, claim).await? {
            let what = format!("The {noun} was removed at the source");
            return self.withdraw(key, told, claim, what).await;
        }
        let answer = self.read(key, claim, last_call).await?;
        let absent = match &answer {
            Ok(None) => Some(format!("the source does not have the {noun}, or not yet")),
            Err((error, _)) if error.kind() == ErrorKind::NotFound => Some(error.to_string()),
            _ => None,
        };
        if let Some(absent) = absent
            && !self.is_gone(told, claim, &absent)
        {
            return Err(self.once_more(told, claim, absent));
        }
        match answer {
            Ok(Some(event)) => Ok(Followed {
                outcome: Outcome::Done,
                reason: format!("The {noun} was read from the source."),
                arrival: Some(self.arrival(event)),
            }),
            Ok(None) => {
                let what = format!("The source does not have the {noun} any more");
                self.withdraw(key, told, claim, what).await
            }
            // It cannot be told whether it is there, so it stays as it is known.
            Err((error, _)) if error.kind() == ErrorKind::NotFound => {
                let reason = format!("The source does not show the {noun}: {}.", error.message());
                Ok(Followed { outcome: Outcome::Done, reason, arrival: None })
            }
            Err((error, outcome)) => Ok(Followed {
                outcome,
                reason: format!("Reading the {noun} failed: {error}."),
                arrival: None,
            }),
        }
    }

    /// Whether a record that is not there will not come any more: the look before found the same,
    /// and the last message about it is not a moment old.
    fn is_gone(&self, told: &Told, claim: &Claim, absent: &str) -> bool {
        let age = self.clock.now() - told.at;
        // By a vendor's clock that is ahead, nothing can be said of the message's age.
        let fresh = age >= TimeDelta::zero() && age < OVERTAKES;
        let twice = claim.error.as_deref() == Some(absent);
        (twice && !fresh) || claim.attempts >= MOST_LOOKS
    }

    /// The record is asked for again a little later.
    fn once_more(&self, told: &Told, claim: &Claim, error: String) -> Undecided {
        let now = self.clock.now();
        let wait = backoff::delay(claim.attempts, &claim.subject.to_string());
        let due_at = later(now, wait).max(told.at.min(now) + OVERTAKES);
        Undecided::Later { due_at, error: Some(error) }
    }

    /// Whether the record was there after it is told to have been removed: the message comes late.
    async fn was_seen_since(
        &self,
        key: &RecordKey,
        told: &Told,
        claim: &Claim,
    ) -> Result<bool, Undecided> {
        let last = self.store.last_event(key).await;
        let last = last.map_err(|error| self.postpone(error, claim))?;
        Ok(last.is_some_and(|last| last.version.stamp > told.at && !last.is_withdrawal()))
    }

    /// Takes back what is known of a record that is gone.
    async fn withdraw(
        &self,
        key: &RecordKey,
        told: &Told,
        claim: &Claim,
        what: String,
    ) -> Result<Followed, Undecided> {
        let last = self.store.last_event(key).await;
        let last = last.map_err(|error| self.postpone(error, claim))?;
        let withdrawn = last.as_ref().and_then(|last| withdraw::removed(last, told.at));
        let reason = match (&last, &withdrawn) {
            (None, _) => format!("{what}, and nothing was known of it."),
            (Some(last), None) => format!("{what}; {}.", withdraw::kept(&last.record)),
            (Some(_), Some(_)) => format!("{what}, so what was known of it is withdrawn."),
        };
        let arrival = withdrawn.map(|event| self.arrival(event));
        Ok(Followed { outcome: Outcome::Done, reason, arrival })
    }
}

/// The claim's messages, oldest first.
fn messages(claim: &Claim) -> impl Iterator<Item = (&Event, &Pointer)> {
    claim.events.iter().filter_map(|event| Some((event, pointer(event)?)))
}
