//! The durable store: inbox, subject states, outbox and cursors.

mod inquiry;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use cannula_core::{
    Cursor, Event, EventId, Feed, IdempotencyKey, ParkReason, PersonId, Phi, RecordKey, Rejected,
    Result, Subject,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use self::inquiry::{
    DeadLetter, Forgotten, History, HistoryEntry, Parked, RejectedRow, Summary,
};
use crate::Verdict;

/// Where a feed stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedState {
    /// Counts the pages stored; a page is stored only on the revision it was read from.
    pub revision: u64,
    /// Where to read on; `None` before the first page.
    pub cursor: Option<Cursor>,
}

/// An event on its way into the inbox.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The event.
    pub event: Event,
    /// The verdict on an event without a subject, which nothing else will ever decide.
    pub verdict: Option<Verdict>,
}

/// One page, to be stored with its cursor in one transaction.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// The feed.
    pub feed: Feed,
    /// The revision the page was read from.
    pub revision: u64,
    /// The page's events.
    pub arrivals: Vec<Arrival>,
    /// The page's unreadable rows.
    pub rejected: Vec<Rejected>,
    /// The cursor after the page.
    pub next: Cursor,
}

/// What came of storing events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Events not seen before.
    pub new: u64,
    /// Events that were there already and are ignored.
    pub duplicates: u64,
    /// States withdrawn from persons whose records turned out to be another's: events of the
    /// store's own, beside the new ones.
    pub withdrawn: u64,
    /// Of the new ones, messages that only point to a record.
    pub messages: u64,
    /// Unreadable rows not seen before.
    pub rejected: u64,
}

impl Ingested {
    pub(crate) const fn add(&mut self, more: Self) {
        self.new += more.new;
        self.duplicates += more.duplicates;
        self.withdrawn += more.withdrawn;
        self.messages += more.messages;
        self.rejected += more.rejected;
    }
}

/// What came of storing steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// The subjects whose lease was lost: nothing of theirs was stored.
    pub lost: Vec<Subject>,
    /// What came of the events that the steps brought.
    pub ingested: Ingested,
}

/// The standing of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "detail", rename_all = "snake_case")]
pub enum Outcome {
    /// Not decided yet.
    Pending,
    /// Decided; effects of its subject are on their way.
    Delivering,
    /// Decided and delivered.
    Done,
    /// The rules need a person to act first.
    Parked(ParkReason),
    /// The rules are done with it; the sink needs a person to act first.
    Held(ParkReason),
    /// The sink refuses an effect of it for good: the error's text.
    Dead(String),
}

/// A change of an event's standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventUpdate {
    /// The event.
    pub event: EventId,
    /// Its standing now.
    pub outcome: Outcome,
    /// The reasons, whole; `None` keeps what is there.
    pub reasons: Option<Vec<String>>,
    /// One more reason to add, unless it is there already.
    pub remark: Option<String>,
}

/// One effect in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// The event that caused it.
    pub cause: EventId,
    /// Its idempotency key.
    pub key: IdempotencyKey,
    /// The flow's effect as JSON.
    pub effect: Phi<String>,
    /// Where it stands.
    pub status: EffectStatus,
    /// The last error's text.
    pub error: Option<String>,
}

/// How long nothing is claimed of a subject with an effect of unknown outcome once its lease has
/// ended: what was sent last may still be at work at the vendor, which then says that it is not
/// there, and what is sent again is there twice. A lease that expires has seen to it by itself.
pub const SETTLE_AFTER: TimeDelta = TimeDelta::minutes(1);

/// Where an undelivered effect stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectStatus {
    /// It was or may have been sent and nobody knows the outcome: settle it before anything else,
    /// but not before [`SETTLE_AFTER`].
    Unknown,
    /// Not sent.
    Pending,
    /// Not sent; a person must act first.
    Parked,
    /// Refused for good.
    Dead,
}

/// A subject leased for work.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The subject.
    pub subject: Subject,
    /// Fences the lease: a step with an older epoch is refused.
    pub epoch: u64,
    /// Claims since the subject last came to rest, this one included.
    pub attempts: u32,
    /// Why the claim before was put off, if it was.
    pub error: Option<String>,
    /// The flow's state as JSON; `None` for a new subject.
    pub state: Option<Phi<String>>,
    /// The undecided events, oldest version first: pending, or dead without any reasons, because
    /// nothing could be decided about the subject when they came.
    pub events: Vec<Event>,
    /// Decided events whose effects are not delivered: delivering, held or dead.
    pub open: Vec<EventId>,
    /// The effects of unknown outcome, in the order they were to be sent.
    pub unknown: Vec<OutboxRow>,
}

/// Progress with one leased subject, stored whole or not at all.
#[derive(Clone, Debug)]
pub struct Step {
    /// The subject.
    pub subject: Subject,
    /// The claim's epoch.
    pub epoch: u64,
    /// The new state; `None` keeps the old one.
    pub state: Option<Phi<String>>,
    /// The person that the subject is by this state, with which it is stored; the store then reads
    /// its name for that person's.
    pub merged_into: Option<PersonId>,
    /// Events of the subject fetched for this step, which decides them; those already in the
    /// inbox are ignored.
    pub fetched: Vec<Event>,
    /// Events read during the work, whoever they are about: taken in as those of a page are.
    pub arrivals: Vec<Arrival>,
    /// Changes of events' standing, the fetched ones' included.
    pub events: Vec<EventUpdate>,
    /// Replaces everything in the subject's outbox; `None` keeps it.
    pub outbox: Option<Vec<OutboxRow>>,
    /// What happens to the lease.
    pub next: Next,
}

/// What happens to the lease after a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It stays: the outbox is about to be sent.
    Send,
    /// It ends, and the subject is claimed again at that time even if no event arrives, or, if an
    /// effect's outcome is unknown, after [`SETTLE_AFTER`]. The claims go on being counted.
    Again {
        /// When.
        due_at: DateTime<Utc>,
        /// Why it is to be tried again, for a person.
        error: Option<String>,
    },
    /// It ends, and so do [`Claim::attempts`]; the error stays until a person has acted and the
    /// subject is replayed.
    Stuck {
        /// Why nothing can be done.
        error: String,
    },
    /// It ends, and so do [`Claim::attempts`].
    Rest {
        /// When to look again even if no event arrives. Nothing is left to be done, so it does not
        /// count as [due](Store::next_due): whatever claims next from then on takes the subject too.
        look_at: Option<DateTime<Utc>>,
    },
}

/// What to decide and deliver again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Events that wait for a person.
    Parked,
    /// Events with an effect that was refused for good.
    Dead,
    /// Everything of one person.
    Subject(Subject),
    /// Everybody: after a change of the rules.
    All,
}

/// A durable store. A handle belongs to one *worker*: a name that no other running process has.
///
/// Several workers may share one store. Cursors are guarded by compare-and-swap on their
/// revision, subjects by leases. A lease lasts to its end or until a step ends it; whoever takes
/// an expired one gets a new epoch, and the old owner's steps are refused from then on.
///
/// Every method is one transaction or a part of one; when it returns `Ok`, what it wrote survives
/// a crash. States and effects are JSON text the store does not look into. `cannula-testkit` has
/// the laws.
///
/// The store knows the states of each record in the order of their versions; of two with one
/// stamp, the one that came later is the newer. Two things follow from that, in the transaction
/// that takes a state in:
///
/// - Where a record's next state is about another subject, or nobody any more, the state before
///   is withdrawn from its subject by [`moved_away`](crate::moved_away), whichever came first.
///   Withdrawals are not among the states of the record.
/// - A state that was *read* (a page's, or a [`Step::arrivals`]) with the id of an earlier one and
///   a later stamp, while the newest state is another, is the record's return to what it was: a
///   new event. Its source has no stamps of the vendor's, or the stamp would be a part of the id.
///   What was *delivered* ([`Store::add`]) may be delivered again at any time, so there it is a
///   duplicate.
///
/// A subject that was merged ([`Step::merged_into`]) has no more records: one that is read or
/// delivered and names it is taken in as if it named the subject that is left
/// ([`Event::with_patient`]), through as many merges as there were. Those that are said to be
/// merged into each other are left as they are named. What a step of a merged subject brings is
/// what it passes on, and is not renamed: whoever it is about passes it on in turn, with
/// everything that belongs to it.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Where a feed stands.
    async fn feed(&self, feed: &Feed) -> Result<FeedState>;

    /// Stores a page and its cursor. If the feed's revision is not the page's any more, nothing
    /// is stored and the error's kind is `Contended`.
    async fn ingest(&self, page: Ingest, now: DateTime<Utc>) -> Result<Ingested>;

    /// Stores events that came on their own, from a webhook. Calls made side by side may share a
    /// transaction; then they fail together.
    async fn add(&self, arrivals: Vec<Arrival>, now: DateTime<Utc>) -> Result<Ingested>;

    /// The newest known state of a record, whoever it is about.
    async fn last_event(&self, key: &RecordKey) -> Result<Option<Event>>;

    /// Ends the leases this worker held before a restart and makes their subjects due, those with
    /// an effect of unknown outcome after [`SETTLE_AFTER`].
    async fn reclaim(&self, now: DateTime<Utc>) -> Result<u64>;

    /// Leases up to `limit` subjects that are due, those of expired leases included. Whatever
    /// arrives, none is due before its [`SETTLE_AFTER`].
    async fn claim(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Claim>>;

    /// Stores steps.
    async fn save(&self, steps: Vec<Step>, now: DateTime<Utc>) -> Result<Saved>;

    /// Makes events undecided and their subjects due again. Returns the number of subjects.
    async fn replay(&self, what: Replay, now: DateTime<Utc>) -> Result<u64>;

    /// Removes what is personal of one subject, known or not: its state, its outbox, the contents
    /// and reasons of its events, the text of rejected rows that name it. From then on its events
    /// and such rows are kept without content; events are done as they arrive, and make nobody due;
    /// a lease on it is lost. What stays are ids: the subject's, the records' and the events'. The same is done to
    /// all that were merged into it, and to whom a later step merges into it.
    ///
    /// An error of the kind `Invalid` says who is left of a subject that was merged: nothing is
    /// removed then. One of the kind `Contended` means that what was removed may still be found in
    /// the store's files; calling it again then mends that.
    async fn purge(&self, subject: &Subject, now: DateTime<Utc>) -> Result<Forgotten>;

    /// Removes the contents of what reached the store before `before` and is over: of events that
    /// are done, unless they are their record's newest state, and of rejected rows. States stay.
    /// Errors as with [`Store::purge`].
    async fn forget_before(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Forgotten>;

    /// When the next subject is due, but for those that are leased or only looked at again.
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>>;

    /// The counts.
    async fn summary(&self) -> Result<Summary>;

    /// What waits for a person, the most frequent reason first.
    async fn parked(&self) -> Result<Vec<Parked>>;

    /// What is dead: the effects refused for good and, of whoever has none, the events.
    async fn dead(&self) -> Result<Vec<DeadLetter>>;

    /// What happened to one person's events.
    async fn history(&self, subject: &Subject) -> Result<History>;

    /// The flow's states as JSON, ordered by subject: up to `limit` that come after `after`.
    async fn states(
        &self,
        after: Option<Subject>,
        limit: usize,
    ) -> Result<Vec<(Subject, Phi<String>)>>;

    /// The rows no source could read, newest first.
    async fn rejected(&self) -> Result<Vec<RejectedRow>>;
}

#[async_trait]
impl<T: Store + ?Sized> Store for Arc<T> {
    async fn feed(&self, feed: &Feed) -> Result<FeedState> {
        (**self).feed(feed).await
    }

    async fn ingest(&self, page: Ingest, now: DateTime<Utc>) -> Result<Ingested> {
        (**self).ingest(page, now).await
    }

    async fn add(&self, arrivals: Vec<Arrival>, now: DateTime<Utc>) -> Result<Ingested> {
        (**self).add(arrivals, now).await
    }

    async fn last_event(&self, key: &RecordKey) -> Result<Option<Event>> {
        (**self).last_event(key).await
    }

    async fn reclaim(&self, now: DateTime<Utc>) -> Result<u64> {
        (**self).reclaim(now).await
    }

    async fn claim(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Claim>> {
        (**self).claim(now, until, limit).await
    }

    async fn save(&self, steps: Vec<Step>, now: DateTime<Utc>) -> Result<Saved> {
        (**self).save(steps, now).await
    }

    async fn replay(&self, what: Replay, now: DateTime<Utc>) -> Result<u64> {
        (**self).replay(what, now).await
    }

    async fn purge(&self, subject: &Subject, now: DateTime<Utc>) -> Result<Forgotten> {
        (**self).purge(subject, now).await
    }

    async fn forget_before(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Forgotten> {
        (**self).forget_before(before, now).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        (**self).next_due().await
    }

    async fn summary(&self) -> Result<Summary> {
        (**self).summary().await
    }

    async fn parked(&self) -> Result<Vec<Parked>> {
        (**self).parked().await
    }

    async fn dead(&self) -> Result<Vec<DeadLetter>> {
        (**self).dead().await
    }

    async fn history(&self, subject: &Subject) -> Result<History> {
        (**self).history(subject).await
    }

    async fn states(
        &self,
        after: Option<Subject>,
        limit: usize,
    ) -> Result<Vec<(Subject, Phi<String>)>> {
        (**self).states(after, limit).await
    }

    async fn rejected(&self) -> Result<Vec<RejectedRow>> {
        (**self).rejected().await
    }
}
