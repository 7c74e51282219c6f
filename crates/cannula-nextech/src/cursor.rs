//! Where a feed has been read to, and the sweep that moves it. Pure.
//!
//! A sweep reads every record changed since the mark less an overlap, page by page. Only a clean
//! one moves the mark: to the newest change seen, but not past the server's clock when the sweep
//! began, so that what changes while pages are read is read again by the next sweep. Rows can
//! slide past the reader only when the search result shrinks; the vendor's `total` tells, and
//! then the sweep starts over from the same mark.

use cannula_core::{Cursor, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// How often a sweep starts over before it gives up on moving the mark.
const MAX_RESTARTS: u32 = 3;

/// What a [`Cursor`] of this source holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Everything changed before this has been read.
    pub(crate) mark: DateTime<Utc>,
    /// The sweep under way, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sweep: Option<Sweep>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// What the search asks for.
    pub(crate) since: DateTime<Utc>,
    /// The next page; `None` is the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
    /// The server's clock at the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
    /// The newest change on any page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    newest: Option<DateTime<Utc>>,
    /// How many rows the vendor said there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Rows came, but none said when it changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    undated: bool,
    /// How often this sweep started over.
    #[serde(default)]
    restarts: u32,
}

/// What a page tells the sweep.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The server's clock.
    pub(crate) at: DateTime<Utc>,
    pub(crate) rows: usize,
    pub(crate) newest: Option<DateTime<Utc>>,
    pub(crate) total: Option<u64>,
    /// The checked link to the next page.
    pub(crate) next: Option<String>,
}

impl Progress {
    /// A feed that was never read.
    pub(crate) fn starting_from(mark: DateTime<Utc>) -> Self {
        Self { mark, sweep: Some(Sweep::new(mark, 0)) }
    }

    pub(crate) fn load(cursor: &Cursor) -> Result<Self> {
        cursor.read()
    }

    pub(crate) fn store(&self) -> Result<Cursor> {
        Cursor::write(self)
    }

    /// The sweep under way, else a new one.
    pub(crate) fn sweep(&self, overlap: TimeDelta) -> Sweep {
        self.sweep.clone().unwrap_or_else(|| {
            Sweep::new(self.mark.checked_sub_signed(overlap).unwrap_or(self.mark), 0)
        })
    }

    /// Takes note of a page. `true` if the sweep is over.
    ///
    /// A sweep that has started over often enough still moves the mark if rows were only added:
    /// they push others back, to where they are yet to be read, and so hide none.
    pub(crate) fn advance(&mut self, mut sweep: Sweep, seen: Seen) -> bool {
        let moved = matches!((sweep.total, seen.total), (Some(was), Some(is)) if was != is);
        let shrank = sweep.total > seen.total && seen.total.is_some();
        if moved && sweep.restarts < MAX_RESTARTS {
            return self.restart(&sweep);
        }
        let started_at = *sweep.started_at.get_or_insert(seen.at);
        sweep.undated |= seen.rows > 0 && seen.newest.is_none();
        sweep.newest = sweep.newest.max(seen.newest);
        if shrank {
            tracing::warn!("rows kept vanishing while pages were read; the mark stays");
            return self.end_without_moving();
        }
        sweep.total = seen.total.or(sweep.total);
        if seen.next.is_some() {
            sweep.next = seen.next;
            self.sweep = Some(sweep);
            return false;
        }
        // Rows that never say when they changed are read up to the server's clock.
        let read_to = sweep.newest.or(sweep.undated.then_some(started_at));
        if let Some(read_to) = read_to {
            self.mark = self.mark.max(read_to.min(started_at));
        }
        self.sweep = None;
        true
    }

    /// Reads the same window again from its first page. `true` if that was tried often enough:
    /// then the sweep is over and the mark stays, so that the next one reads it all again.
    pub(crate) fn restart(&mut self, sweep: &Sweep) -> bool {
        if sweep.restarts >= MAX_RESTARTS {
            tracing::warn!("the sweep could not be completed; the mark stays");
            return self.end_without_moving();
        }
        self.sweep = Some(Sweep::new(sweep.since, sweep.restarts + 1));
        false
    }

    fn end_without_moving(&mut self) -> bool {
        self.sweep = None;
        true
    }
}

impl Sweep {
    fn new(since: DateTime<Utc>, restarts: u32) -> Self {
        Self {
            since,
            next: None,
            started_at: None,
            newest: None,
            total: None,
            undated: false,
            restarts,
        }
    }
}
