//! Ingest, decide, deliver.

mod control;
mod deliver;
mod fate;
mod ingest;
mod plan;
mod pointers;
mod report;
mod work;

use std::{collections::BTreeMap, fmt, future::Future, pin::pin, sync::Arc, time::Duration};

use cannula_core::{Clock, Error, ErrorKind, Event, RecordKey, Result, Retry, Source, Subject};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, Notify, OnceCell};

pub use self::report::{DrainReport, Line, PollReport, Progress};
use self::{control::Control, report::Counters};
use crate::{
    backoff,
    flow::Flow,
    store::{DeadLetter, Forgotten, Ingested, Parked, RejectedRow, Replay, Store, Summary},
};

/// The shortest wait, whatever a vendor says: nothing is tried again in a hot loop.
const SHORTEST: Duration = Duration::from_secs(1);

/// Carries what a source says to where a [`Flow`] takes it: once, in order per person, explained,
/// and never lost.
///
/// Between any two of its steps the process may die; the next engine on the same store goes on.
/// Only one engine at a time may use a store handle.
pub struct Engine<F: Flow> {
    shared: Arc<Shared<F>>,
}

/// What the engine's tasks share.
struct Shared<F: Flow> {
    source: Arc<dyn Source>,
    flow: F,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    control: Control,
    counters: Counters,
    draining: Mutex<()>,
    /// There is something to do before its time.
    wake: Notify,
    ready: OnceCell<()>,
}

impl<F: Flow> Engine<F> {
    /// An engine from its parts. It does nothing until it is told to.
    pub fn new(
        source: Arc<dyn Source>,
        flow: F,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let shared = Shared {
            source,
            flow,
            store,
            clock,
            control: Control::default(),
            counters: Counters::default(),
            draining: Mutex::new(()),
            wake: Notify::new(),
            ready: OnceCell::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Asks both sides whether credentials and configuration are good, and makes the sink ready.
    ///
    /// # Errors
    /// What the source or the sink says.
    pub async fn check(&self) -> Result<()> {
        self.shared.source.check().await?;
        self.shared.ready().await
    }

    /// Reads every feed to its end, each page stored with its cursor in one transaction.
    ///
    /// # Errors
    /// The first feed's error, after all feeds have been tried.
    pub async fn poll(&self) -> Result<PollReport> {
        self.shared.poll().await
    }

    /// Stores events that came on their own. Once this returns, they are durable, and an
    /// [`Engine::run`] that sleeps wakes up for them. Calls made side by side may share a
    /// transaction.
    ///
    /// # Errors
    /// If the store fails; then nothing was stored.
    pub async fn accept(&self, events: Vec<Event>) -> Result<Ingested> {
        self.shared.accept(events).await
    }

    /// Decides and delivers until nothing is due now.
    ///
    /// # Errors
    /// If the store fails, or the vendor refuses the credentials. What was not delivered stays
    /// in the outbox.
    pub async fn drain(&self) -> Result<DrainReport> {
        Shared::drain(&self.shared).await
    }

    /// Polls every `interval` and delivers, until `shutdown` completes; then it finishes the page
    /// and the calls that are on their way and returns. Errors that time can heal are logged and
    /// tried again; those of the source put off the next poll and nothing else.
    ///
    /// # Errors
    /// Those that time cannot heal, such as refused credentials.
    pub async fn run(
        &self,
        interval: Duration,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<()> {
        let mut shutdown = pin!(shutdown);
        let mut schedule = Schedule { poll_at: self.shared.clock.now(), ..Schedule::default() };
        loop {
            let mut cycle = pin!(self.cycle(&mut schedule, interval));
            let stopped = tokio::select! {
                pause = &mut cycle => {
                    let pause = pause?;
                    tokio::select! {
                        biased;
                        () = &mut shutdown => true,
                        () = self.shared.wake.notified(), if pause.light => false,
                        () = self.shared.clock.sleep(pause.wait) => false,
                    }
                }
                () = &mut shutdown => {
                    let _stop = self.shared.control.stop();
                    cycle.await?;
                    true
                }
            };
            if stopped {
                return Ok(());
            }
        }
    }

    /// One poll, if it is time, and one drain. Returns how long there is nothing to do.
    async fn cycle(&self, schedule: &mut Schedule, interval: Duration) -> Result<Pause> {
        let polled = self.poll_on_time(schedule, interval).await;
        if self.shared.control.stopping() {
            return polled.map(|()| Pause { wait: Duration::ZERO, light: false });
        }
        // A source that is down keeps nothing back from the sink.
        let due = match self.drain().await {
            Ok(drained) => {
                schedule.failed_drains = 0;
                drained.next_due
            }
            Err(error) => {
                schedule.failed_drains += 1;
                let wait = put_off(error, schedule.failed_drains, interval)?;
                Some(later(self.shared.clock.now(), wait))
            }
        };
        polled?;
        let wake = due.map_or(schedule.poll_at, |due| due.min(schedule.poll_at));
        let wait = (wake - self.shared.clock.now()).to_std().unwrap_or_default();
        Ok(Pause { wait: wait.max(SHORTEST), light: schedule.failed_drains == 0 })
    }

    /// Polls if it is time, and says when the next time is.
    ///
    /// # Errors
    /// Those that time cannot heal.
    async fn poll_on_time(&self, schedule: &mut Schedule, interval: Duration) -> Result<()> {
        let now = self.shared.clock.now();
        if now < schedule.poll_at {
            return Ok(());
        }
        let wait = match self.poll().await {
            Ok(_) => {
                schedule.failed_polls = 0;
                interval
            }
            Err(error) => {
                schedule.failed_polls += 1;
                put_off(error, schedule.failed_polls, interval)?
            }
        };
        schedule.poll_at = later(now, wait);
        Ok(())
    }

    /// Makes events undecided again, so that the next [`Engine::drain`] handles them anew.
    /// Returns the number of persons concerned.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn replay(&self, what: Replay) -> Result<u64> {
        let subjects = self.shared.store.replay(what, self.shared.clock.now()).await?;
        self.shared.wake.notify_one();
        Ok(subjects)
    }

    /// Removes what the store has of one person, and takes in nothing about them from then on.
    /// Waits for a [`Engine::drain`] that is under way, so that this engine sends nothing of the
    /// person afterwards. What vendors have of them is theirs to delete.
    ///
    /// # Errors
    /// If the store fails. If the error's kind is `Invalid`, the person was merged into another,
    /// whom it names; if it is `Contended`, the person is purged, but the store's files may hold
    /// traces until it is called again.
    pub async fn purge(&self, subject: &Subject) -> Result<Forgotten> {
        let _nothing_on_its_way = self.shared.draining.lock().await;
        self.shared.store.purge(subject, self.shared.clock.now()).await
    }

    /// Removes the contents of events that were stored before `before`, are done and were
    /// superseded, and the text of rejected rows. What is decided does not depend on them.
    ///
    /// # Errors
    /// As [`Engine::purge`].
    pub async fn forget_before(&self, before: DateTime<Utc>) -> Result<Forgotten> {
        self.shared.store.forget_before(before, self.shared.clock.now()).await
    }

    /// The newest known state of a record; `None` if it is about a person who was purged.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn last_event(&self, key: &RecordKey) -> Result<Option<Event>> {
        self.shared.store.last_event(key).await
    }

    /// The counts.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn summary(&self) -> Result<Summary> {
        self.shared.store.summary().await
    }

    /// What waits for a person, the most frequent reason first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn parked(&self) -> Result<Vec<Parked>> {
        self.shared.store.parked().await
    }

    /// What waits for a person because it was refused for good or could not be decided.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn dead(&self) -> Result<Vec<DeadLetter>> {
        self.shared.store.dead().await
    }

    /// The rows the source could not read, newest first.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn rejected(&self) -> Result<Vec<RejectedRow>> {
        self.shared.store.rejected().await
    }

    /// Shows the state of every person to `look`, a page at a time.
    ///
    /// # Errors
    /// If the store fails, or holds the states of another flow.
    pub async fn for_each_state(&self, mut look: impl FnMut(&Subject, &F::State)) -> Result<()> {
        const PAGE: usize = 256;
        let mut after = None;
        loop {
            let page = self.shared.store.states(after, PAGE).await?;
            for (subject, state) in &page {
                look(subject, &plan::parse(state)?);
            }
            after = page.into_iter().nth(PAGE - 1).map(|(subject, _)| subject);
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// What happened to one person's events and why, oldest first. No personal data.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn explain(&self, subject: &Subject) -> Result<Vec<Line>> {
        Ok(report::lines(self.shared.store.history(subject).await?))
    }

    /// Effects delivered since the engine was made, by label.
    pub fn delivered(&self) -> BTreeMap<&'static str, u64> {
        self.shared.counters.by_label()
    }

    /// Counts so far, for a progress bar; costs nothing.
    pub fn progress(&self) -> Progress {
        self.shared.counters.progress()
    }
}

impl<F: Flow> fmt::Debug for Engine<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("source", &self.shared.source)
            .field("flow", &self.shared.flow)
            .field("store", &self.shared.store)
            .finish_non_exhaustive()
    }
}

impl<F: Flow> Shared<F> {
    async fn ready(&self) -> Result<()> {
        self.ready.get_or_try_init(|| self.flow.prepare()).await.copied()
    }

    /// If nothing may be sent under a lease that ends soon after `last_call`: when to look again.
    fn held(&self, last_call: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let now = self.clock.now();
        self.control.held(now).or((now >= last_call).then_some(now))
    }
}

/// When [`Engine::run`] polls next, and how often in a row something failed.
#[derive(Default)]
struct Schedule {
    poll_at: DateTime<Utc>,
    failed_polls: u32,
    failed_drains: u32,
}

/// How long [`Engine::run`] sleeps.
struct Pause {
    wait: Duration,
    /// Events that come on their own end it. After a drain that failed they wait with the rest.
    light: bool,
}

/// How long to put off what failed; the error itself if time cannot heal it.
fn put_off(error: Error, failures: u32, interval: Duration) -> Result<Duration> {
    let wait = match error.retry_advice() {
        // An answer that cannot be read is often a page that says the vendor is being mended.
        Retry::Never if error.kind() != ErrorKind::Decode => return Err(error),
        Retry::After(wait) => wait.max(SHORTEST),
        _ => backoff::delay(failures, "run").min(interval),
    };
    tracing::warn!(%error, failures, ?wait, "trying again later");
    Ok(wait)
}

/// An instant so much later; the far future if that is beyond the calendar.
fn later(instant: DateTime<Utc>, wait: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(wait)
        .ok()
        .and_then(|wait| instant.checked_add_signed(wait))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
