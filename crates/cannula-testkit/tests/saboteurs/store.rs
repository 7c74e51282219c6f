use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{
    Error, ErrorKind, Event, EventId, Feed, Phi, RecordKey, Rejected, Result, Subject,
};
use cannula_sync::{
    Arrival, Claim, DeadLetter, EffectStatus, EventUpdate, FeedState, Forgotten, History, Ingest,
    Ingested, Next, Outcome, Parked, RejectedRow, Replay, SETTLE_AFTER, Saved, SqliteStore, Step,
    Store, Summary,
};
use cannula_testkit::StoreBench;
use chrono::{DateTime, TimeDelta, Utc};

crate::laws_and_saboteurs!(store_laws: bench => Bench, &[
    ("a_page_is_stored_with_its_cursor", Flaw::ForgetsCursors),
    ("a_page_read_at_a_stale_revision_is_refused_whole", Flaw::TakesStalePages),
    ("of_two_pages_at_one_revision_one_is_stored", Flaw::ComparesAndThenStores),
    ("an_event_seen_twice_is_stored_once", Flaw::TakesDuplicates),
    ("an_event_about_nobody_is_decided_at_once", Flaw::IgnoresVerdicts),
    ("a_rejected_row_is_kept_once", Flaw::KeepsRejectedRowsEachTime),
    ("everything_is_there_after_reopening", Flaw::ForgetsOnReopening),
    ("additions_side_by_side_are_stored_once_each", Flaw::TakesDuplicates),
    ("the_last_event_of_a_record_is_its_newest_version", Flaw::LastIsTheOneThatCameLast),
    ("a_record_that_moves_is_withdrawn_from_whom_it_was_about", Flaw::WithdrawsNothing),
    ("a_late_state_of_a_moved_record_is_withdrawn_as_well", Flaw::WithdrawsNothing),
    ("a_record_that_comes_back_is_withdrawn_from_the_other_person", Flaw::WithdrawsNothing),
    ("payments_and_memberships_move_as_well_and_patients_do_not", Flaw::WithdrawsNothing),
    ("a_refused_page_withdraws_nothing", Flaw::TakesStalePages),
    ("a_state_read_again_after_another_is_new", Flaw::TakesPagesForDeliveries),
    ("a_state_delivered_again_after_another_is_ignored", Flaw::TakesDeliveriesForPages),
    ("a_withdrawn_record_that_is_read_is_there_again", Flaw::TakesPagesForDeliveries),
    ("what_names_a_merged_person_is_taken_for_the_one_that_is_left", Flaw::ForgetsMerges),
    ("what_was_passed_on_and_is_read_again_by_the_old_name_is_no_news", Flaw::ForgetsMerges),
    ("a_person_who_is_one_again_has_its_records_again", Flaw::ForgetsMerges),
    (
        "what_comes_while_a_merge_is_decided_is_taken_for_the_one_that_is_left",
        Flaw::ForgetsMerges,
    ),
    ("what_a_merged_person_passes_on_goes_to_whom_it_names", Flaw::RenamesWhatIsPassedOn),
    ("a_lease_excludes_everybody_else", Flaw::LeasesLastNoTime),
    ("two_workers_never_hold_the_same_subject", Flaw::LeasesLastNoTime),
    ("two_workers_never_hold_the_same_subject", Flaw::SelectsAndThenTakes),
    ("an_expired_lease_is_taken_and_fences_the_old_owner", Flaw::DoesNotFence),
    ("a_restarted_worker_gets_its_subjects_back_at_once", Flaw::ReclaimsNothing),
    ("an_event_that_arrives_during_a_lease_makes_the_subject_due_after_it", Flaw::LosesWhatArrives),
    ("a_subject_rests_until_it_is_due", Flaw::ForgetsDueDates),
    ("what_is_unknown_is_left_alone_for_a_minute", Flaw::LooksAtOnce),
    (
        "what_could_not_be_decided_is_undecided_with_the_next_event",
        Flaw::TakesTheDeadForDecided,
    ),
    ("whoever_is_stuck_waits_for_a_replay", Flaw::ReplaysNothing),
    ("a_claim_brings_the_events_oldest_first", Flaw::NewestFirst),
    ("a_step_replaces_the_outbox", Flaw::KeepsTheOutbox),
    ("a_stale_step_leaves_the_other_steps_alone", Flaw::OneStaleStepLosesAll),
    ("effects_of_unknown_outcome_are_seen_after_a_restart", Flaw::UnknownIsPending),
    ("a_fetched_event_does_not_make_its_subject_due_again", Flaw::FetchedAreArrivals),
    ("what_a_step_takes_in_makes_its_subject_due", Flaw::DropsArrivalsOfSteps),
    ("a_remark_is_added_once", Flaw::RemarksReplaceReasons),
    ("replay_makes_parked_events_undecided_and_due", Flaw::ReplaysNothing),
    ("replay_makes_dead_events_undecided_and_due", Flaw::ReplaysNothing),
    ("what_is_parked_is_counted_by_reason", Flaw::RarestReasonFirst),
    ("the_states_are_listed_by_subject_a_page_at_a_time", Flaw::ListsFromTheBeginning),
    ("a_purged_person_leaves_ids_and_nothing_else", Flaw::ForgetsNothing),
    ("nothing_is_ever_done_again_about_a_purged_person", Flaw::ForgetsNothing),
    ("a_purge_takes_the_lease_away", Flaw::ForgetsNothing),
    (
        "a_record_that_leaves_or_reaches_a_purged_person_is_the_others_concern",
        Flaw::ForgetsNothing,
    ),
    ("a_purge_takes_along_who_was_merged_into_the_person", Flaw::ForgetsMerges),
    ("a_purge_by_an_old_name_is_refused_and_says_who_is_left", Flaw::ForgetsMerges),
    ("what_is_over_is_forgotten_and_what_still_counts_is_not", Flaw::ForgetsNothing),
    ("a_forgotten_state_that_is_read_again_is_no_news", Flaw::TakesDuplicates),
]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    ForgetsCursors,
    TakesStalePages,
    TakesDuplicates,
    IgnoresVerdicts,
    KeepsRejectedRowsEachTime,
    ForgetsOnReopening,
    LastIsTheOneThatCameLast,
    WithdrawsNothing,
    TakesPagesForDeliveries,
    TakesDeliveriesForPages,
    ForgetsMerges,
    RenamesWhatIsPassedOn,
    /// Between looking at the revision and storing the page, others get their turn.
    ComparesAndThenStores,
    LeasesLastNoTime,
    /// Between finding who is due and taking them, others get their turn.
    SelectsAndThenTakes,
    DoesNotFence,
    ReclaimsNothing,
    LosesWhatArrives,
    ForgetsDueDates,
    LooksAtOnce,
    TakesTheDeadForDecided,
    NewestFirst,
    KeepsTheOutbox,
    OneStaleStepLosesAll,
    UnknownIsPending,
    FetchedAreArrivals,
    DropsArrivalsOfSteps,
    RemarksReplaceReasons,
    ReplaysNothing,
    RarestReasonFirst,
    ListsFromTheBeginning,
    ForgetsNothing,
}

/// A good store behind a bad front: what goes in or comes out is spoilt in one way.
#[derive(Debug)]
struct Spoilt {
    inner: SqliteStore,
    flaw: Option<Flaw>,
    shared: Arc<Shared>,
}

/// What a spoilt store remembers beside the good one.
#[derive(Debug, Default)]
struct Shared(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Makes what comes again look new.
    count: i64,
    last: Option<Event>,
    leased: BTreeSet<Subject>,
    dead: BTreeSet<EventId>,
    /// Leases that were not taken in the good store.
    until: BTreeMap<Subject, DateTime<Utc>>,
}

impl Spoilt {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What arrives, as the flaw lets it through.
    fn arrivals(&self, mut arrivals: Vec<Arrival>) -> Vec<Arrival> {
        let mut kept = self.kept();
        for arrival in &mut arrivals {
            kept.last = Some(arrival.event.clone());
            if self.is(Flaw::IgnoresVerdicts) {
                arrival.verdict = None;
            }
            if self.is(Flaw::TakesDuplicates) {
                kept.count += 1;
                let later = arrival.event.version.stamp + TimeDelta::milliseconds(kept.count);
                arrival.event = stamped(&arrival.event, later);
            }
        }
        if self.is(Flaw::LosesWhatArrives) {
            let leased = |arrival: &Arrival| {
                arrival.event.subject().is_some_and(|subject| kept.leased.contains(&subject))
            };
            arrivals.retain(|arrival| !leased(arrival));
        }
        arrivals
    }

    /// The same events as records of their own, so that nothing is known to have moved.
    fn apart(&self, arrivals: Vec<Arrival>) -> Vec<Arrival> {
        if !self.is(Flaw::WithdrawsNothing) {
            return arrivals;
        }
        let apart = |arrival: Arrival| {
            let mut event = arrival.event;
            event.key.id = format!("{}/{}", event.key.id, event.version.stamp).as_str().into();
            Arrival { event, ..arrival }
        };
        arrivals.into_iter().map(apart).collect()
    }

    fn step(&self, mut step: Step) -> Step {
        if let (Flaw::KeepsTheOutbox, Some(outbox)) =
            (self.flaw.unwrap_or(Flaw::ForgetsCursors), &step.outbox)
            && outbox.len() < 2
        {
            step.outbox = None;
        }
        if self.is(Flaw::UnknownIsPending) {
            let rows = step.outbox.iter_mut().flatten();
            rows.for_each(|row| row.status = EffectStatus::Pending);
        }
        if self.is(Flaw::FetchedAreArrivals) {
            let fetched = std::mem::take(&mut step.fetched).into_iter();
            step.arrivals.extend(fetched.map(|event| Arrival { event, verdict: None }));
        }
        if self.is(Flaw::ForgetsMerges) {
            step.merged_into = None;
        }
        let dead = |update: &&EventUpdate| matches!(update.outcome, Outcome::Dead(_));
        let dead = step.events.iter().filter(dead).map(|update| update.event.clone());
        self.kept().dead.extend(dead);
        if self.is(Flaw::DropsArrivalsOfSteps) {
            step.arrivals.clear();
        }
        if self.is(Flaw::RemarksReplaceReasons) {
            for update in &mut step.events {
                if let Some(remark) = update.remark.take() {
                    update.reasons = Some(vec![remark]);
                }
            }
        }
        if self.is(Flaw::ForgetsDueDates) && step.next != Next::Send {
            step.next = Next::Rest { look_at: None };
        }
        step
    }
}

/// Others get their turn, such as a worker who asks the same.
async fn others() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// The same state at another time of change.
fn stamped(event: &Event, stamp: DateTime<Utc>) -> Event {
    let (practice, id) = (event.key.practice.clone(), event.key.id.clone());
    Event::new(practice, id, event.record.clone(), Some(stamp), stamp)
}

#[async_trait]
impl Store for Spoilt {
    async fn feed(&self, feed: &Feed) -> Result<FeedState> {
        let state = self.inner.feed(feed).await?;
        if self.is(Flaw::ForgetsCursors) {
            return Ok(FeedState { cursor: None, ..state });
        }
        Ok(state)
    }

    async fn ingest(&self, mut page: Ingest, now: DateTime<Utc>) -> Result<Ingested> {
        if self.is(Flaw::ComparesAndThenStores) {
            if self.inner.feed(&page.feed).await?.revision != page.revision {
                return Err(Error::new(ErrorKind::Contended, "somebody else has read on"));
            }
            others().await;
        }
        if self.is(Flaw::TakesStalePages) || self.is(Flaw::ComparesAndThenStores) {
            page.revision = self.inner.feed(&page.feed).await?.revision;
        }
        if self.is(Flaw::KeepsRejectedRowsEachTime) {
            for (number, row) in page.rejected.iter_mut().enumerate() {
                let path = format!("{}#{number}/{}", row.path, page.revision);
                *row = Rejected { path, ..row.clone() };
            }
        }
        let arrivals = self.arrivals(std::mem::take(&mut page.arrivals));
        page.arrivals = self.apart(arrivals);
        if self.is(Flaw::TakesPagesForDeliveries) {
            let arrivals = std::mem::take(&mut page.arrivals);
            self.inner.ingest(page, now).await?;
            return self.inner.add(arrivals, now).await;
        }
        self.inner.ingest(page, now).await
    }

    async fn add(&self, arrivals: Vec<Arrival>, now: DateTime<Utc>) -> Result<Ingested> {
        let arrivals = self.apart(self.arrivals(arrivals));
        if let (true, Some(first)) = (self.is(Flaw::TakesDeliveriesForPages), arrivals.first()) {
            let feed = Feed {
                practice: first.event.key.practice.clone(),
                kind: cannula_core::RecordKind::Pointer,
            };
            let revision = self.inner.feed(&feed).await?.revision;
            let next = cannula_core::Cursor::new("delivered");
            let page = Ingest { feed, revision, arrivals, rejected: Vec::new(), next };
            return self.inner.ingest(page, now).await;
        }
        self.inner.add(arrivals, now).await
    }

    async fn last_event(&self, key: &RecordKey) -> Result<Option<Event>> {
        if self.is(Flaw::LastIsTheOneThatCameLast) {
            return Ok(self.kept().last.clone());
        }
        self.inner.last_event(key).await
    }

    async fn reclaim(&self, now: DateTime<Utc>) -> Result<u64> {
        if self.is(Flaw::ReclaimsNothing) {
            return Ok(0);
        }
        self.inner.reclaim(now).await
    }

    async fn claim(
        &self,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Claim>> {
        if self.is(Flaw::SelectsAndThenTakes) {
            let mut due = self.inner.claim(now, now, 1_000).await?;
            due.retain(|claim| self.kept().until.get(&claim.subject).is_none_or(|it| *it <= now));
            due.truncate(limit);
            others().await;
            let taken = due.iter().map(|claim| (claim.subject.clone(), until));
            self.kept().until.extend(taken);
            return Ok(due);
        }
        let until = if self.is(Flaw::LeasesLastNoTime) { now } else { until };
        let now = if self.is(Flaw::LooksAtOnce) { now + SETTLE_AFTER } else { now };
        let mut claims = self.inner.claim(now, until, limit).await?;
        let mut kept = self.kept();
        for claim in &mut claims {
            kept.leased.insert(claim.subject.clone());
            if self.is(Flaw::NewestFirst) {
                claim.events.reverse();
            }
            if self.is(Flaw::TakesTheDeadForDecided) {
                claim.events.retain(|event| !kept.dead.contains(&event.id));
            }
        }
        Ok(claims)
    }

    async fn save(&self, steps: Vec<Step>, now: DateTime<Utc>) -> Result<Saved> {
        let all: Vec<Subject> = steps.iter().map(|step| step.subject.clone()).collect();
        let mut steps: Vec<Step> = steps.into_iter().map(|step| self.step(step)).collect();
        let mut read = Vec::new();
        if self.is(Flaw::RenamesWhatIsPassedOn) {
            read.extend(steps.iter_mut().flat_map(|step| std::mem::take(&mut step.arrivals)));
        }
        let mut saved = self.inner.save(steps, now).await?;
        if !read.is_empty() {
            saved.ingested = self.inner.add(read, now).await?;
        }
        if self.is(Flaw::DoesNotFence) {
            saved.lost.clear();
        }
        if self.is(Flaw::OneStaleStepLosesAll) && !saved.lost.is_empty() {
            saved.lost = all;
        }
        Ok(saved)
    }

    async fn purge(&self, subject: &Subject, now: DateTime<Utc>) -> Result<Forgotten> {
        if self.is(Flaw::ForgetsNothing) {
            return Ok(Forgotten::default());
        }
        self.inner.purge(subject, now).await
    }

    async fn forget_before(&self, before: DateTime<Utc>, now: DateTime<Utc>) -> Result<Forgotten> {
        if self.is(Flaw::ForgetsNothing) {
            return Ok(Forgotten::default());
        }
        self.inner.forget_before(before, now).await
    }

    async fn replay(&self, what: Replay, now: DateTime<Utc>) -> Result<u64> {
        if self.is(Flaw::ReplaysNothing) {
            return Ok(0);
        }
        self.inner.replay(what, now).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>> {
        self.inner.next_due().await
    }

    async fn summary(&self) -> Result<Summary> {
        self.inner.summary().await
    }

    async fn parked(&self) -> Result<Vec<Parked>> {
        let mut parked = self.inner.parked().await?;
        if self.is(Flaw::RarestReasonFirst) {
            parked.reverse();
        }
        Ok(parked)
    }

    async fn dead(&self) -> Result<Vec<DeadLetter>> {
        self.inner.dead().await
    }

    async fn history(&self, subject: &Subject) -> Result<History> {
        self.inner.history(subject).await
    }

    async fn states(
        &self,
        after: Option<Subject>,
        limit: usize,
    ) -> Result<Vec<(Subject, Phi<String>)>> {
        let after = after.filter(|_| !self.is(Flaw::ListsFromTheBeginning));
        let page = self.inner.states(after, limit).await?;
        // Otherwise the law would list for ever; the second page that begins anew is enough.
        if self.is(Flaw::ListsFromTheBeginning) {
            let mut kept = self.kept();
            kept.count += 1;
            return Ok(if kept.count > 3 { Vec::new() } else { page });
        }
        Ok(page)
    }

    async fn rejected(&self) -> Result<Vec<RejectedRow>> {
        self.inner.rejected().await
    }
}

#[derive(Debug)]
struct Bench {
    main: SqliteStore,
    flaw: Option<Flaw>,
    shared: Arc<Shared>,
    opened: Mutex<u32>,
}

async fn bench(flaw: Option<Flaw>) -> Bench {
    let main = SqliteStore::in_memory("bench").unwrap();
    Bench { main, flaw, shared: Arc::default(), opened: Mutex::new(0) }
}

#[async_trait]
impl StoreBench for Bench {
    async fn open(&self, worker: &str) -> Arc<dyn Store> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        *opened += 1;
        let inner = if self.flaw == Some(Flaw::ForgetsOnReopening) && *opened > 1 {
            SqliteStore::in_memory(worker).unwrap()
        } else {
            self.main.as_worker(worker).unwrap()
        };
        Arc::new(Spoilt { inner, flaw: self.flaw, shared: Arc::clone(&self.shared) })
    }
}
