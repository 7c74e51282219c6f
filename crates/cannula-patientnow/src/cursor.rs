//! Where a feed has been read to, and the sweep that is under way. Pure.
//!
//! Nothing is known of a filter by time of change, so a sweep reads all rows of a span of days
//! again, page by page. That costs calls, of which there are few: a sweep starts only so often,
//! and in between there is nothing to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use cannula_core::{Cursor, Error, ErrorKind, Result};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::{
    page::{Parsed, Sold},
    requests::{PageOf, Span},
};

/// How far before its mark a sweep by time of change starts, for clocks that differ and records
/// that were committed late.
const OVERLAP: TimeDelta = TimeDelta::hours(1);
/// From one sweep that goes all the way back to the next.
const A_DAY: TimeDelta = TimeDelta::days(1);

/// What a [`Cursor`] of this source holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// When the last sweep that came to its end had started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<DateTime<Utc>>,
    /// When the last sweep started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<DateTime<Utc>>,
    /// When the last sweep that went all the way back and came to its end had started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deep: Option<DateTime<Utc>>,
    /// The sweep under way, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sweep: Option<Sweep>,
    /// Orders that sell memberships: the latest day each speaks of, and which those are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sold: BTreeMap<String, (Option<NaiveDate>, BTreeSet<String>)>,
}

/// One reading of all rows of a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    started: DateTime<Utc>,
    /// It goes all the way back.
    #[serde(default)]
    deep: bool,
    /// The first and the last day.
    days: (NaiveDate, NaiveDate),
    /// Changed since, if the vendor can be asked that.
    changed: Option<DateTime<Utc>>,
    /// The next page.
    page: u32,
    /// Rows on the pages before.
    seen: u64,
    /// How many rows the vendor said there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Rows vanished while pages were read, which may have hidden others.
    #[serde(default)]
    shrank: bool,
    /// What tells the last page from another.
    #[serde(default)]
    last_page: String,
}

/// What a new sweep is planned from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) every: Duration,
    pub(crate) past_days: u32,
    /// The same once a day, if that is more.
    pub(crate) deep_days: u32,
    pub(crate) days_ahead: u32,
    pub(crate) start_from: DateTime<Utc>,
    pub(crate) zone: Tz,
    pub(crate) by_change: bool,
}

impl Progress {
    pub(crate) fn load(cursor: Option<&Cursor>) -> Result<Self> {
        cursor.map_or_else(|| Ok(Self::default()), Cursor::read)
    }

    pub(crate) fn store(&self) -> Result<Cursor> {
        Cursor::write(self)
    }

    /// The sweep under way, else a new one; `None` if it is too soon for one.
    pub(crate) fn sweep(&self, plan: Plan, now: DateTime<Utc>) -> Option<Sweep> {
        if let Some(sweep) = &self.sweep {
            return Some(sweep.clone());
        }
        let every = TimeDelta::from_std(plan.every).unwrap_or(TimeDelta::MAX);
        // A clock that was set back must not put the next sweep off.
        let too_soon = self.started.is_some_and(|started| now >= started && now - started < every);
        (!too_soon).then(|| self.plan(plan, now))
    }

    /// From some days ago, or from where the last sweep was if that is longer ago, but never from
    /// before the start.
    fn plan(&self, plan: Plan, now: DateTime<Utc>) -> Sweep {
        let day = |moment: DateTime<Utc>| moment.with_timezone(&plan.zone).date_naive();
        let deep = self.deep.is_none_or(|deep| now < deep || now - deep >= A_DAY);
        let past_days = if deep { plan.deep_days.max(plan.past_days) } else { plan.past_days };
        let back =
            |date: NaiveDate| date.checked_sub_days(Days::new(past_days.into())).unwrap_or(date);
        let (today, start) = (day(now), day(plan.start_from));
        let first = self
            .mark
            .map_or(start, |mark| back(day(mark.min(now).max(plan.start_from))).max(start));
        let last = today.checked_add_days(Days::new(plan.days_ahead.into())).unwrap_or(today);
        let since = self
            .mark
            .map(|mark| mark.checked_sub_signed(OVERLAP).unwrap_or(mark))
            .unwrap_or(plan.start_from);
        Sweep {
            started: now,
            deep,
            days: (first, last.max(first)),
            changed: plan.by_change.then_some(since),
            page: 1,
            seen: 0,
            total: None,
            shrank: false,
            last_page: String::new(),
        }
    }

    /// Takes note of a page. `true` if the sweep is over.
    pub(crate) fn advance(
        &mut self,
        mut sweep: Sweep,
        page: PageOf,
        parsed: &Parsed,
    ) -> Result<bool> {
        if parsed.count > 0 && sweep.last_page == parsed.mark {
            return Err(Error::new(
                ErrorKind::Decode,
                "two pages in a row begin with the same row, so pages are not what was assumed",
            ));
        }
        self.started = Some(sweep.started);
        let total = parsed.extent.rows;
        sweep.shrank |= matches!((sweep.total, total), (Some(was), Some(is)) if is < was);
        sweep.total = total.or(sweep.total);
        if !parsed.extent.is_last(page, sweep.seen, parsed.count) {
            sweep.page = page.page.saturating_add(1);
            sweep.seen = sweep.seen.saturating_add(parsed.count);
            sweep.last_page.clone_from(&parsed.mark);
            self.sweep = Some(sweep);
            return Ok(false);
        }
        // Rows that were pushed out of sight are read by the next sweep, which starts where this
        // one did.
        if !sweep.shrank {
            if sweep.deep {
                // What lies before it is read no more.
                self.sold.retain(|_, (latest, _)| latest.is_none_or(|day| day >= sweep.days.0));
            }
            self.mark = Some(sweep.started);
            self.deep = if sweep.deep { self.mark } else { self.deep };
        }
        self.sweep = None;
        Ok(true)
    }
}

impl Progress {
    /// Takes note of what an order sells. Returns the memberships whose lines it has no more.
    pub(crate) fn sells(&mut self, sold: &Sold) -> Vec<String> {
        let now = &sold.memberships;
        let before = match now.is_empty() {
            true => self.sold.remove(&sold.order),
            false => self.sold.insert(sold.order.clone(), (sold.latest, now.clone())),
        };
        before.into_iter().flat_map(|(_, before)| before).filter(|it| !now.contains(it)).collect()
    }
}

impl Sweep {
    /// What to ask for.
    pub(crate) fn span(&self, changed_since: Option<&'static str>) -> Span {
        match (self.changed, changed_since) {
            (Some(since), Some(filter)) => Span::Changed(filter, since),
            _ => Span::Days(self.days.0, self.days.1),
        }
    }

    pub(crate) fn page(&self, rows: u32) -> PageOf {
        PageOf::first(rows).number(self.page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Extent;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn plan() -> Plan {
        Plan {
            every: Duration::from_secs(3600),
            past_days: 3,
            deep_days: 3,
            days_ahead: 30,
            start_from: at("2031-05-01T04:00:00Z"),
            zone: chrono_tz::America::New_York,
            by_change: false,
        }
    }

    fn page(count: u64, rows: Option<u64>, mark: &str) -> Parsed {
        let extent = Extent { rows, pages: None };
        Parsed { count, extent, mark: mark.to_owned(), ..Parsed::default() }
    }

    fn days(sweep: &Sweep) -> String {
        format!("{} to {}", sweep.days.0, sweep.days.1)
    }

    /// The progress after a whole sweep of one page.
    fn swept(now: &str) -> Progress {
        let mut progress = Progress::default();
        let sweep = progress.sweep(plan(), at(now)).unwrap();
        assert!(progress.advance(sweep, PageOf::first(100), &page(1, None, "a")).unwrap());
        progress
    }

    #[test]
    fn the_first_sweep_reads_from_the_start_and_later_ones_a_few_days() {
        let first = Progress::default().sweep(plan(), at("2031-06-20T02:00:00Z")).unwrap();
        assert_eq!(days(&first), "2031-05-01 to 2031-07-19");
        let progress = swept("2031-06-20T02:00:00Z");
        let next = progress.sweep(plan(), at("2031-06-20T14:00:00Z")).unwrap();
        assert_eq!(days(&next), "2031-06-16 to 2031-07-20");
        // After an outage it goes back to where it was.
        let late = progress.sweep(plan(), at("2031-07-20T14:00:00Z")).unwrap();
        assert_eq!(days(&late), "2031-06-16 to 2031-08-19");
    }

    #[test]
    fn once_a_day_a_sweep_goes_all_the_way_back() {
        let start_from = at("2030-01-01T05:00:00Z");
        let plan = || Plan { deep_days: 180, start_from, ..plan() };
        let mut progress = Progress::default();
        let mut swept = |now: &str| {
            let sweep = progress.sweep(plan(), at(now)).unwrap();
            let first = sweep.days.0.to_string();
            assert!(progress.advance(sweep, PageOf::first(100), &page(1, None, now)).unwrap());
            first
        };
        assert_eq!(swept("2031-06-20T14:00:00Z"), "2030-01-01");
        assert_eq!(swept("2031-06-20T15:00:00Z"), "2031-06-17");
        assert_eq!(swept("2031-06-21T13:59:00Z"), "2031-06-17");
        assert_eq!(swept("2031-06-21T15:00:00Z"), "2030-12-23");
        assert_eq!(swept("2031-06-21T16:00:00Z"), "2031-06-18");
        // What a sweep that went far missed, the next one is to find.
        let sweep = progress.sweep(plan(), at("2031-06-22T15:00:00Z")).unwrap();
        let half = progress.advance(sweep, PageOf::first(100), &page(100, None, "a"));
        assert!(!half.unwrap());
        let restored = Progress::load(Some(&progress.store().unwrap())).unwrap();
        let sweep = restored.sweep(plan(), at("2031-06-22T18:00:00Z")).unwrap();
        assert_eq!((sweep.page, sweep.days.0.to_string()), (2, "2030-12-23".to_owned()));
    }

    #[test]
    fn a_sweep_starts_only_so_often_however_often_it_is_asked_for() {
        let progress = swept("2031-06-20T14:00:00Z");
        assert!(progress.sweep(plan(), at("2031-06-20T14:59:59Z")).is_none());
        assert!(progress.sweep(plan(), at("2031-06-20T15:00:00Z")).is_some());
        assert!(progress.sweep(plan(), at("2031-06-20T13:00:00Z")).is_some(), "clock set back");
    }

    #[test]
    fn a_sweep_that_was_broken_off_goes_on_with_its_next_page() {
        let mut progress = swept("2031-06-20T14:00:00Z");
        let sweep = progress.sweep(plan(), at("2031-06-20T15:00:00Z")).unwrap();
        let last = progress.advance(sweep, PageOf::first(100), &page(100, None, "a")).unwrap();
        assert!(!last);
        let restored = Progress::load(Some(&progress.store().unwrap())).unwrap();
        let sweep = restored.sweep(plan(), at("2031-06-20T15:01:00Z")).unwrap();
        assert_eq!(sweep.page(200), PageOf::first(100).number(2));
    }

    #[test]
    fn a_server_that_serves_the_same_page_for_ever_is_noticed() {
        let mut progress = Progress::default();
        let sweep = progress.sweep(plan(), at("2031-06-20T15:00:00Z")).unwrap();
        progress.advance(sweep, PageOf::first(100), &page(100, None, "a")).unwrap();
        let sweep = progress.sweep(plan(), at("2031-06-20T15:00:00Z")).unwrap();
        let again = progress.advance(sweep, PageOf::first(100).number(2), &page(100, None, "a"));
        assert_eq!(again.unwrap_err().kind(), ErrorKind::Decode);
    }

    #[test]
    fn rows_that_vanish_meanwhile_leave_the_mark_where_it_was() {
        let mut progress = swept("2031-06-20T14:00:00Z");
        let mark = progress.mark;
        for (number, count, total) in [(1, 100, 150), (2, 49, 149)] {
            let sweep = progress.sweep(plan(), at("2031-06-20T15:00:00Z")).unwrap();
            let page_of = PageOf::first(100).number(number);
            let last =
                progress.advance(sweep, page_of, &page(count, Some(total), &count.to_string()));
            assert_eq!(last.unwrap(), number == 2);
        }
        assert_eq!(progress.mark, mark);
        assert_eq!(progress.started, Some(at("2031-06-20T15:00:00Z")));
    }

    #[test]
    fn with_a_filter_by_change_a_sweep_asks_for_what_changed_since_the_last() {
        let by_change = Plan { by_change: true, ..plan() };
        let first = Progress::default().sweep(by_change, at("2031-06-20T14:00:00Z")).unwrap();
        assert_eq!(first.span(Some("Since")), Span::Changed("Since", plan().start_from));
        let progress = swept("2031-06-20T14:00:00Z");
        let next = progress.sweep(by_change, at("2031-06-20T15:00:00Z")).unwrap();
        assert_eq!(next.span(Some("Since")), Span::Changed("Since", at("2031-06-20T13:00:00Z")));
    }
}
