//! The life of one appointment: from booking to whatever becomes of it.

use cannula_core::AppointmentStatus;
use chrono::{DateTime, Datelike, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

use super::{
    Oddities,
    model::{AppointmentState, ZONE},
    table::Version,
};
use crate::faults::Rng;

/// Versions of one record are at least this far apart: a poller that comes more often sees all.
pub(crate) const APART: TimeDelta = TimeDelta::minutes(20);

/// Builds the versions of one record, in order and [`APART`].
#[derive(Debug)]
pub(crate) struct Life<S> {
    versions: Vec<Version<S>>,
}

impl<S: Clone> Life<S> {
    /// A record entered at `at`.
    pub(crate) fn enter(at: DateTime<Utc>, state: S) -> Self {
        Self { versions: vec![Version { at, state }] }
    }

    /// The record changes at `at`, or as soon after it as versions may follow each other.
    pub(crate) fn change(&mut self, at: DateTime<Utc>, change: impl FnOnce(&mut S)) {
        let Some(last) = self.versions.last() else { return };
        let mut state = last.state.clone();
        change(&mut state);
        // A second more keeps versions apart even when a client rounds stamps.
        let at = at.max(last.at + APART + TimeDelta::seconds(1));
        self.versions.push(Version { at, state });
    }

    /// The versions up to the end of the timeline; empty if the record is entered after it.
    pub(crate) fn until(mut self, end: DateTime<Utc>) -> Vec<Version<S>> {
        self.versions.retain(|version| version.at < end);
        self.versions
    }
}

/// What becomes of an appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Fulfilled,
    Moved,
    Rebooked,
    Cancelled,
    NoShow,
    EnteredInError,
}

impl Fate {
    pub(crate) fn draw(random: &mut Rng) -> Self {
        match random.next() % 100 {
            0..58 => Self::Fulfilled,
            58..70 => Self::Moved,
            70..80 => Self::Rebooked,
            80..90 => Self::Cancelled,
            90..97 => Self::NoShow,
            _ => Self::EnteredInError,
        }
    }
}

/// Lives an appointment entered at `booked`. Returns its versions, with those of the new
/// appointment where it was rebooked, and whether the patient came in the end.
pub(crate) fn live(
    state: AppointmentState,
    booked: DateTime<Utc>,
    odd: Oddities,
    random: &mut Rng,
) -> (Vec<Life<AppointmentState>>, bool) {
    let fate = Fate::draw(random);
    let first = first_status(odd, random);
    let taken_over = first != AppointmentStatus::Pending && !random.next().is_multiple_of(4);
    let mut life = Life::enter(booked, AppointmentState { status: first, ..state.clone() });
    if taken_over {
        // Staff take a held or self-named booking over; a quarter is forgotten until the visit.
        life.change(booked + hours(random, 1, 24), |state| {
            state.status = AppointmentStatus::Pending;
        });
    }
    let start = state.starts_at();
    if random.next() % 10 < 7 && start - booked > TimeDelta::hours(6) {
        let at = booked + share(start - booked, random);
        life.change(at, |state| state.status = AppointmentStatus::Confirmed);
    }
    match fate {
        Fate::Fulfilled => (vec![fulfil(life, random)], true),
        Fate::Moved => {
            let new_start = slot(start + hours(random, 24, 240), random);
            let at = booked + share(start - booked, random);
            life.change(at, |state| {
                state.start = new_start;
                state.status = AppointmentStatus::Pending;
            });
            (vec![fulfil(life, random)], true)
        }
        Fate::Rebooked => (rebook(life, &state, booked, random), true),
        Fate::Cancelled => {
            life.change(booked + share(start - booked, random), |state| {
                state.status = AppointmentStatus::Cancelled;
            });
            (vec![life], false)
        }
        Fate::NoShow => {
            life.change(start + minutes(random, 30, 180), |state| {
                state.status = AppointmentStatus::NoShow;
            });
            (vec![life], false)
        }
        Fate::EnteredInError => {
            life.change(booked + minutes(random, 25, 300), |state| {
                state.status = AppointmentStatus::EnteredInError;
            });
            (vec![life], false)
        }
    }
}

/// Most bookings are made by staff; some come from the web, held or under a status that the
/// practice made up.
fn first_status(odd: Oddities, random: &mut Rng) -> AppointmentStatus {
    match random.next() % 20 {
        0 if odd.held_bookings => AppointmentStatus::Proposed,
        1 if odd.own_statuses => AppointmentStatus::PracticeDefined("Web Request".to_owned()),
        _ => AppointmentStatus::Pending,
    }
}

/// A new appointment is made first and the old slot cancelled later: the order that drags a
/// patient backwards where each message moves the stage.
fn rebook(
    mut old: Life<AppointmentState>,
    state: &AppointmentState,
    booked: DateTime<Utc>,
    random: &mut Rng,
) -> Vec<Life<AppointmentState>> {
    let start = state.starts_at();
    let at = booked + share(start - booked, random);
    let mut new = state.clone();
    new.status = AppointmentStatus::Pending;
    new.start = slot(start + hours(random, 48, 300), random);
    let new = Life::enter(at, new);
    let cancelled = at + hours(random, 1, 60);
    old.change(cancelled, |state| state.status = AppointmentStatus::Cancelled);
    vec![old, fulfil(new, random)]
}

/// The patient comes; half the practices' front desks note the arrival.
fn fulfil(mut life: Life<AppointmentState>, random: &mut Rng) -> Life<AppointmentState> {
    let Some(last) = life.versions.last() else { return life };
    let start = last.state.starts_at();
    let end = start + TimeDelta::minutes(last.state.minutes);
    if random.next().is_multiple_of(2) {
        life.change(start - minutes(random, 1, 10), |state| {
            state.status = AppointmentStatus::Arrived;
        });
    }
    life.change(end + minutes(random, 5, 60), |state| {
        state.status = AppointmentStatus::Fulfilled;
    });
    life
}

/// A time on the practice's wall near an instant: a quarter of an hour between 8 and 16 o'clock
/// on a working day, not before the instant.
pub(crate) fn slot(near: DateTime<Utc>, random: &mut Rng) -> NaiveDateTime {
    let mut date = near.with_timezone(&ZONE).date_naive();
    loop {
        date = date.succ_opt().unwrap_or(date);
        if !matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
            break;
        }
    }
    let quarter = i64::try_from(random.next() % 33).unwrap_or(0);
    date.and_time(NaiveTime::MIN) + TimeDelta::minutes(8 * 60 + quarter * 15)
}

/// Some hours, with seconds and milliseconds.
pub(crate) fn hours(random: &mut Rng, from: u32, to: u32) -> TimeDelta {
    between(random, i64::from(from) * 3_600_000, i64::from(to) * 3_600_000)
}

/// Some minutes, with seconds and milliseconds.
pub(crate) fn minutes(random: &mut Rng, from: u32, to: u32) -> TimeDelta {
    between(random, i64::from(from) * 60_000, i64::from(to) * 60_000)
}

/// A part of a span: from a tenth to nine tenths of it.
pub(crate) fn share(span: TimeDelta, random: &mut Rng) -> TimeDelta {
    let whole = span.num_milliseconds().max(0);
    between(random, whole / 10, whole / 10 * 9)
}

fn between(random: &mut Rng, from: i64, to: i64) -> TimeDelta {
    let width = u64::try_from(to - from).unwrap_or(0).max(1);
    let offset = i64::try_from(random.next() % width).unwrap_or(0);
    TimeDelta::milliseconds(from + offset)
}
