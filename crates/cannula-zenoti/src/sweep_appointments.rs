//! The sweep of the book: every booking from some days ago to some weeks ahead, seven days a call.

use std::collections::BTreeMap;

use cannula_core::{Page, RecordKind, Result};
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::{
    config::Center,
    group,
    group_lookup::{Listed, Whereabouts},
    requests,
    source::Zenoti,
    sweep::Progress,
};

/// Bookings on one page that are looked for because they are not where they were.
const SEARCHES_A_PAGE: usize = 10;

/// How far the sweep has got, and the bookings that stood in the book.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Book {
    /// The next window of the sweep under way.
    #[serde(default)]
    window: u64,
    /// The first day of the sweep's first window, so that all are of one calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<NaiveDate>,
    /// What the last look saw: by group.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    seen: BTreeMap<String, Seen>,
}

/// A booking that stood in the book: center, day and guest. One that is gone leaves no other trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen(String, NaiveDate, String);

impl Zenoti {
    /// Reads one window. Bookings that stood in it and do not any more are looked for by their
    /// guests' lists: they moved, or were removed.
    pub(crate) async fn sweep_appointments(&self, mut progress: Progress<Book>) -> Result<Page> {
        let now = self.clock.now();
        if !progress.begins(now) {
            return progress.page(Vec::new(), Vec::new());
        }
        let sweeps = &self.config.sweeps;
        let back = Days::new(sweeps.days_back.into());
        let from = *progress.at.from.get_or_insert(self.today(self.home()) - back);
        let days = u64::from(sweeps.days_back) + u64::from(sweeps.days_ahead) + 1;
        let windows = days.div_ceil(requests::SPAN);
        let (center, window) = (progress.at.window / windows, progress.at.window % windows);
        let center = usize::try_from(center).ok().and_then(|at| self.config.centers.get(at));
        let Some(center) = center else {
            // There are fewer centers than when the sweep began.
            return self.end_book(progress).page(Vec::new(), Vec::new());
        };
        // A cursor that was spoilt asks for nothing useful, and does no harm.
        let later =
            |day: NaiveDate, days| day.checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX);
        let first = later(from, window * requests::SPAN);
        let last = later(first, (requests::SPAN - 1).min(days - window * requests::SPAN - 1));
        self.pace().await?;
        let asked_at = self.clock.now();
        let mut listed = self.list(center, first, last).await?;
        let mut rejected: Vec<_> = std::mem::take(&mut listed.unreadable)
            .into_iter()
            .map(|row| {
                let kind = RecordKind::Appointment;
                self.rejected(kind, row.group.as_deref(), row.problem, row.raw)
            })
            .collect();
        let mut events = Vec::new();
        for (id, group) in &listed.groups {
            match self.group_event(id, group, center, asked_at, false).await? {
                Ok(event) => events.push(event),
                Err(problem) => {
                    // Its rows are parsed already; which booking it is must do.
                    let raw = format!("{{\"appointment_group_id\":\"{id}\"}}");
                    let kind = RecordKind::Appointment;
                    rejected.push(self.rejected(kind, Some(id), problem, raw));
                }
            }
        }
        let missing = progress.at.turn(center, (first, last), &listed);
        for (id, seen) in missing {
            events.extend(self.search_for(&id, &seen, &mut progress.at).await?);
        }
        progress.at.window += 1;
        if progress.at.window >= windows * self.config.centers.len() as u64 {
            progress = self.end_book(progress);
        }
        progress.page(events, rejected)
    }

    fn end_book(&self, mut progress: Progress<Book>) -> Progress<Book> {
        (progress.at.window, progress.at.from) = (0, None);
        progress.end(self.every(), self.clock.now());
        progress
    }

    /// Looks for a booking that is not where it was.
    async fn search_for(
        &self,
        id: &str,
        seen: &Seen,
        book: &mut Book,
    ) -> Result<Option<cannula_core::Event>> {
        self.pace().await?;
        let asked_at = self.clock.now();
        let Seen(_, _, guest) = seen;
        match self.whereabouts(id, guest).await? {
            Whereabouts::Nowhere => Ok(Some(self.gone(RecordKind::Appointment, id, asked_at))),
            Whereabouts::Elsewhere => Ok(None),
            // It is looked for again until its day is over: a later sweep may know who is left.
            Whereabouts::Unknown => {
                book.seen.insert(id.to_owned(), seen.clone());
                Ok(None)
            }
            Whereabouts::At { center, day } => {
                let Some(center) = self.config.center(&center) else { return Ok(None) };
                self.pace().await?;
                let asked_at = self.clock.now();
                let listed = self.list(center, day, day).await?;
                let Some(group) = listed.groups.get(id) else { return Ok(None) };
                book.see(id, group, center);
                Ok(self.group_event(id, group, center, asked_at, false).await?.ok())
            }
        }
    }
}

impl Book {
    fn see(&mut self, id: &str, group: &group::Group, center: &Center) {
        if let (true, Some(day), Some(guest)) =
            (group::is_live(group), group::day(group), group::guest(group))
        {
            self.seen.insert(id.to_owned(), Seen(center.id.clone(), day, guest));
        }
    }

    /// Turns the page of some days: notes what stands there now, and says what stood there and
    /// does not, as much of it as may be looked for at once.
    fn turn(
        &mut self,
        center: &Center,
        (first, last): (NaiveDate, NaiveDate),
        listed: &Listed,
    ) -> Vec<(String, Seen)> {
        let here = |Seen(at, day, _): &Seen| *at == center.id && (first..=last).contains(day);
        let (were, elsewhere) =
            std::mem::take(&mut self.seen).into_iter().partition(|(_, seen)| here(seen));
        self.seen = elsewhere;
        let were: BTreeMap<String, Seen> = were;
        let mut missing = Vec::new();
        for (id, seen) in were {
            if listed.groups.contains_key(&id) {
                continue;
            }
            // One that is there and cannot be read stays known; so does what waits for its turn.
            if listed.broken.contains(&id) || missing.len() >= SEARCHES_A_PAGE {
                self.seen.insert(id, seen);
            } else {
                missing.push((id, seen));
            }
        }
        for (id, group) in &listed.groups {
            self.seen.remove(id);
            self.see(id, group, center);
        }
        // A booking that was seen in a later window in the meantime has only moved.
        missing.retain(|(id, _)| !self.seen.contains_key(id));
        self.forget(first);
        missing
    }

    /// What lies long before the sweep is over and done with.
    fn forget(&mut self, first: NaiveDate) {
        let Some(from) = self.from else { return };
        let from = from.min(first);
        self.seen.retain(|_, Seen(_, day, _)| *day >= from);
    }
}
