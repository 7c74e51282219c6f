//! What is particular to one flow of data: how events become effects, and where effects go.

use std::fmt::Debug;

use async_trait::async_trait;
use cannula_core::{Event, EventId, IdempotencyKey, ParkReason, PersonId, RecordKey, Result};
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

/// One flow: pure rules on one side, a sink on the other. The engine and the store know nothing
/// else about it, so a new flow is a new implementation of this trait.
///
/// Two laws make every crash, replay and reordering harmless:
///
/// - [`Flow::decide`] is a *fold*. Giving it an event that the state already holds changes
///   nothing in the state, and giving it none plans again whatever has not been applied.
/// - Effects are *differences*. What [`Flow::applied`] has recorded is not planned again.
#[async_trait]
pub trait Flow: Debug + Send + Sync + 'static {
    /// What is known of one subject; stored as JSON.
    type State: Default + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// One outward write; stored as JSON until it is delivered.
    type Effect: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What the sink learned while delivering.
    type Receipt: Send + Sync + 'static;

    /// Makes the sink ready. The engine calls it once, before the first delivery.
    async fn prepare(&self) -> Result<()>;

    /// The verdict on an event that is about nobody.
    fn unattended(&self, event: &Event) -> Verdict;

    /// Folds `events` into `state` and plans what is still to be written. Pure. There must be a
    /// verdict for each of `events`; there may be verdicts on earlier ones that have changed.
    fn decide(
        &self,
        state: Self::State,
        events: &[Event],
        now: DateTime<Utc>,
    ) -> Decision<Self::State, Self::Effect>;

    /// Applies one effect. The error's retry advice says what the engine does next.
    async fn deliver(
        &self,
        state: &Self::State,
        effect: &Self::Effect,
        key: &IdempotencyKey,
    ) -> Result<Self::Receipt>;

    /// Finds out whether an effect of unknown outcome landed. `None`: it did not, or sending it
    /// again does no harm.
    async fn settle(
        &self,
        state: &Self::State,
        effect: &Self::Effect,
        key: &IdempotencyKey,
    ) -> Result<Option<Self::Receipt>>;

    /// Records that an effect holds. Returns a sentence if its cause's explanation needs one
    /// more, for example that there was nothing to move.
    fn applied(
        &self,
        state: &mut Self::State,
        effect: &Self::Effect,
        receipt: &Self::Receipt,
    ) -> Option<String>;

    /// When to decide again, without new events, about a subject whose plan has been delivered:
    /// something could only be applied in part, and may be applied whole by then.
    fn look_again(&self, state: &Self::State, now: DateTime<Utc>) -> Option<DateTime<Utc>>;

    /// The person that the subject turned out to be, by this state. Records that go on naming the
    /// subject are that one's from then on.
    fn merged_into(&self, state: &Self::State) -> Option<PersonId>;

    /// Forgets the links to records that are gone, so that the next decision makes new ones.
    fn link_broken(&self, state: &mut Self::State);

    /// Nothing else of the subject can be delivered before this effect.
    fn gates(&self, effect: &Self::Effect) -> bool;

    /// What follows from this effect's receipt can only be planned once it is there, so the
    /// engine decides again, without new events, as soon as the plan has been delivered. Until
    /// then no event of the subject is finished. What holds up the rest of the plan holds up this
    /// as well: an error until it is tried again, a person until they have acted.
    fn reveals(&self, effect: &Self::Effect) -> bool;

    /// The effect in one or two words, for tables and metrics.
    fn label(&self, effect: &Self::Effect) -> &'static str;
}

/// What follows from a subject's events.
#[derive(Debug)]
pub struct Decision<S, E> {
    /// The new state.
    pub state: S,
    /// What to write, in order, each with the event that caused it.
    pub effects: Vec<(EventId, E)>,
    /// What became of the events.
    pub verdicts: Vec<(EventId, Verdict)>,
    /// A record to fetch from the source before the waiting events can be decided: one for each
    /// claim of the subject. With it, the events are decided a second time.
    pub wants: Option<RecordKey>,
    /// Events that follow from these about other subjects: taken in as if they had been read, in
    /// the transaction that stores the state.
    pub told: Vec<Event>,
}

/// What the rules make of one event, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub ruling: Ruling,
    /// Why: sentences for a person, without personal data.
    pub reasons: Vec<String>,
}

/// What becomes of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Its effects are planned; if there are none, it is done.
    Done,
    /// A person must act first.
    Parked(ParkReason),
    /// It waits for the record that [`Decision::wants`] names; if the source does not have it, a
    /// person must act for this reason.
    Waiting(ParkReason),
}
