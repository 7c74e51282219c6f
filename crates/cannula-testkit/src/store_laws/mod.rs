//! What every `cannula_sync::Store` must do, one named function each. They panic when
//! the law is broken; [`store_laws!`](macro@crate::store_laws) makes a test of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a law fails by panicking")]

mod forgetting;
mod inbox;
mod leases;
mod merges;
mod records;
mod steps;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;
use cannula_core::{AppointmentStatus, Cursor, Event, Feed, Phi, RecordKind};
use cannula_sync::{Arrival, Claim, Ingest, Next, OutboxRow, Step, Store};
use chrono::{DateTime, TimeDelta, Utc};

pub use self::{forgetting::*, inbox::*, leases::*, merges::*, records::*, steps::*};
use crate::{Power, appointment, day_one, laws::set_of_laws, practice};

/// One empty store that several workers can open.
#[async_trait]
pub trait StoreBench: Debug + Send + Sync {
    /// Opens the store as this worker, which no living handle belongs to.
    async fn open(&self, worker: &str) -> Arc<dyn Store>;

    /// The powers that the store lacks, each with the reason; no law for stores needs one.
    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}

use StoreBench as Bench;

set_of_laws! { $,
    /// Makes one test of each law for stores. Takes an `async` function that returns a fresh
    /// [`StoreBench`](crate::StoreBench); the crate that uses it needs `tokio` with the feature `macros`.
    store_laws,
    a_page_is_stored_with_its_cursor,
    a_page_read_at_a_stale_revision_is_refused_whole,
    of_two_pages_at_one_revision_one_is_stored,
    an_event_seen_twice_is_stored_once,
    an_event_about_nobody_is_decided_at_once,
    a_rejected_row_is_kept_once,
    everything_is_there_after_reopening,
    additions_side_by_side_are_stored_once_each,
    the_last_event_of_a_record_is_its_newest_version,
    a_record_that_moves_is_withdrawn_from_whom_it_was_about,
    a_late_state_of_a_moved_record_is_withdrawn_as_well,
    a_record_that_comes_back_is_withdrawn_from_the_other_person,
    payments_and_memberships_move_as_well_and_patients_do_not,
    a_refused_page_withdraws_nothing,
    a_state_read_again_after_another_is_new,
    a_state_delivered_again_after_another_is_ignored,
    a_withdrawn_record_that_is_read_is_there_again,
    what_names_a_merged_person_is_taken_for_the_one_that_is_left,
    what_was_passed_on_and_is_read_again_by_the_old_name_is_no_news,
    a_person_who_is_one_again_has_its_records_again,
    what_comes_while_a_merge_is_decided_is_taken_for_the_one_that_is_left,
    what_a_merged_person_passes_on_goes_to_whom_it_names,
    a_lease_excludes_everybody_else,
    two_workers_never_hold_the_same_subject,
    an_expired_lease_is_taken_and_fences_the_old_owner,
    a_restarted_worker_gets_its_subjects_back_at_once,
    an_event_that_arrives_during_a_lease_makes_the_subject_due_after_it,
    a_subject_rests_until_it_is_due,
    what_is_unknown_is_left_alone_for_a_minute,
    whoever_is_stuck_waits_for_a_replay,
    a_claim_brings_the_events_oldest_first,
    a_step_replaces_the_outbox,
    a_stale_step_leaves_the_other_steps_alone,
    effects_of_unknown_outcome_are_seen_after_a_restart,
    what_could_not_be_decided_is_undecided_with_the_next_event,
    a_fetched_event_does_not_make_its_subject_due_again,
    what_a_step_takes_in_makes_its_subject_due,
    a_remark_is_added_once,
    replay_makes_parked_events_undecided_and_due,
    replay_makes_dead_events_undecided_and_due,
    what_is_parked_is_counted_by_reason,
    the_states_are_listed_by_subject_a_page_at_a_time,
    a_purged_person_leaves_ids_and_nothing_else,
    nothing_is_ever_done_again_about_a_purged_person,
    a_purge_takes_the_lease_away,
    a_record_that_leaves_or_reaches_a_purged_person_is_the_others_concern,
    a_purge_takes_along_who_was_merged_into_the_person,
    a_purge_by_an_old_name_is_refused_and_says_who_is_left,
    what_is_over_is_forgotten_and_what_still_counts_is_not,
    a_forgotten_state_that_is_read_again_is_no_news,
}

fn feed() -> Feed {
    Feed { practice: practice(), kind: RecordKind::Appointment }
}

fn visit(id: &str, patient: &str, minute: i64) -> Event {
    appointment(id, patient, "Consult", AppointmentStatus::Pending, minute)
}

fn arrivals(events: &[Event]) -> Vec<Arrival> {
    events.iter().map(|event| Arrival { event: event.clone(), verdict: None }).collect()
}

fn page(revision: u64, events: &[Event], next: &str) -> Ingest {
    Ingest {
        feed: feed(),
        revision,
        arrivals: arrivals(events),
        rejected: Vec::new(),
        next: Cursor::new(next),
    }
}

fn minute(minute: i64) -> DateTime<Utc> {
    day_one() + TimeDelta::minutes(minute)
}

/// Claims everything due, for ten minutes.
async fn claim(store: &dyn Store, now: DateTime<Utc>) -> Vec<Claim> {
    store.claim(now, now + TimeDelta::minutes(10), 100).await.unwrap()
}

/// Adds events and claims their only subject.
async fn claimed(store: &dyn Store, events: &[Event]) -> Claim {
    store.add(arrivals(events), minute(0)).await.unwrap();
    let mut claims = claim(store, minute(0)).await;
    assert_eq!(claims.len(), 1);
    claims.remove(0)
}

/// A step that changes nothing and ends the lease.
fn rest(claim: &Claim) -> Step {
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

fn effect(cause: &Event, text: &str) -> OutboxRow {
    OutboxRow {
        cause: cause.id.clone(),
        key: format!("{}-{text}", cause.id).as_str().into(),
        effect: format!("\"{text}\"").into(),
        status: cannula_sync::EffectStatus::Unknown,
        error: None,
    }
}

fn texts(rows: &[OutboxRow]) -> Vec<&str> {
    rows.iter().map(|row| row.effect.expose().trim_matches('"')).collect()
}

fn text(state: &Option<Phi<String>>) -> Option<&str> {
    state.as_ref().map(|state| state.expose().as_str())
}
