//! What every [`EmrSource`] must do, one named function each. They panic when the law is broken;
//! [`source_laws!`](macro@crate::source_laws) makes a test of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a law fails by panicking")]

mod pages;
mod rows;
mod sweeps;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::{
    Cursor, EmrSource, Event, EventId, Feed, Page, RecordKey, RecordKind, Rejected,
};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use serde_json::Value;

pub use self::{pages::*, rows::*, sweeps::*};
use crate::{Gate, ManualClock, Power, laws::set_of_laws};

/// More pages than any listing of a bench has.
const TOO_MANY_PAGES: usize = 300;

/// Finds the rows in an answer; `None` if it is no listing.
pub type RowsIn = fn(&mut Value) -> Option<&mut Vec<Value>>;

/// An EMR that laws can work at, and a source that reads it. It is empty at first.
#[async_trait]
pub trait SourceBench: Debug + Send + Sync {
    /// A fresh source, as after a restart, that asks for so many rows a page; where nobody can
    /// choose, the number is ignored.
    fn source(&self, page_size: u32) -> Arc<dyn EmrSource>;

    /// The most rows a page can have.
    fn largest_page(&self) -> u32;

    /// The rows that a source has on a page when it is asked for one row a page: more than one where
    /// nobody can choose. Laws about pages enter so many that there are several.
    fn smallest_page(&self, _kind: RecordKind) -> u32 {
        1
    }

    /// The clock of the source and of the EMR.
    fn clock(&self) -> &ManualClock;

    /// The time after which a source that has read a feed to its end looks again.
    fn next_sweep(&self) -> Duration;

    /// How late a record may be committed after its time of change and still be found.
    fn lateness(&self) -> Duration;

    /// The feeds that the hands below can work at.
    fn kinds(&self) -> Vec<RecordKind>;

    /// Enters a record that the feed of this kind tells of.
    async fn add(&self, kind: RecordKind);

    /// Changes the record of this kind that was added as the `index`th.
    async fn change(&self, kind: RecordKind, index: usize);

    /// Deletes the record of this kind that was added as the `index`th, so that the listing has a
    /// row less. `false` where a listing of this kind never loses one.
    async fn remove(&self, _kind: RecordKind, _index: usize) -> bool {
        false
    }

    /// Enters an appointment at a time on the practice's wall, in any place that the feed reads.
    async fn visit(&self, _start: NaiveDateTime) {
        panic!("a bench that does not lack `Power::WallClock` can enter visits");
    }

    /// The practice's zone.
    fn zone(&self) -> Tz {
        Tz::UTC
    }

    /// The gate that the source knows as its vendor; with [`Power::Http`] there is one.
    fn gate(&self) -> Option<&Gate> {
        None
    }

    /// A text that `METHOD /path?query` of a listing's requests contains.
    fn listing(&self, _kind: RecordKind) -> &'static str {
        "(none)"
    }

    /// How to find the rows in a listing's answer.
    fn rows(&self, _kind: RecordKind) -> RowsIn {
        |_| None
    }

    /// How to make a row unreadable and leave its id as it is.
    fn spoil(&self, _kind: RecordKind) -> fn(&mut Value) {
        |_| {}
    }

    /// Where in a row of this kind words of the vendor's stand, as JSON pointers, each with one
    /// that it may add.
    fn words(&self, _kind: RecordKind) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    /// The powers that source or EMR lack, each with the reason.
    fn lacks(&self) -> Vec<(Power, &'static str)>;
}

use SourceBench as Bench;

set_of_laws! { $,
    /// Makes one test of each law for sources. Takes an `async` function that returns a fresh
    /// [`SourceBench`](crate::SourceBench); the crate that uses it needs `tokio` with the feature `macros`.
    source_laws,
    an_empty_feed_ends_at_once,
    every_record_is_read_once,
    page_size_changes_nothing [PageSizes],
    a_page_read_again_is_the_same,
    a_listing_goes_on_in_another_process,
    polls_side_by_side_do_not_disturb_each_other,
    polls_side_by_side_outlive_their_sign_in [Http, Tokens],
    an_empty_page_is_not_the_end [Http, EmptyPages],
    a_failed_poll_leaves_its_cursor_good [Http],
    rows_that_move_while_pages_are_read_are_all_seen,
    a_row_that_vanishes_while_pages_are_read_hides_no_other [Deletes],
    a_change_is_told_by_the_next_sweep,
    a_row_that_was_committed_late_is_found,
    what_did_not_change_is_no_new_event,
    one_bad_row_is_rejected_and_the_page_goes_on [Http],
    a_row_that_is_no_object_is_rejected_and_the_page_goes_on [Http],
    a_bad_row_that_is_mended_is_read [Http],
    unknown_fields_change_nothing [Http],
    an_unknown_word_loses_no_row [Http, Words],
    a_visit_is_at_its_time_on_the_wall_and_at_its_instant [WallClock],
    a_record_read_alone_is_the_one_of_the_listing [SingleRecords],
    a_record_that_nobody_has_is_none [SingleRecords],
    a_feed_that_is_not_there_is_refused,
    a_cursor_of_somebody_else_is_refused [Marks],
}

/// What a feed brought.
#[derive(Debug, Default)]
struct Read {
    events: Vec<Event>,
    rejected: Vec<Rejected>,
    pages: usize,
    /// The cursor behind it.
    cursor: Option<Cursor>,
}

impl Read {
    fn take(&mut self, page: Page) -> bool {
        self.events.extend(page.events);
        self.rejected.extend(page.rejected);
        self.pages += 1;
        self.cursor = Some(page.next);
        assert!(self.pages < TOO_MANY_PAGES, "the listing does not end");
        page.last
    }

    fn ids(&self) -> BTreeSet<&EventId> {
        self.events.iter().map(|event| &event.id).collect()
    }

    /// Every state that was seen, by record and content.
    fn states(&self) -> BTreeSet<(&RecordKey, &str)> {
        self.events.iter().map(|event| (&event.key, event.version.digest.as_str())).collect()
    }

    /// The records.
    fn keys(&self) -> BTreeSet<&RecordKey> {
        self.events.iter().map(|event| &event.key).collect()
    }

    /// The newest state of each record.
    fn newest(&self) -> BTreeMap<&RecordKey, &Event> {
        let mut newest = BTreeMap::new();
        for event in &self.events {
            let known = newest.entry(&event.key).or_insert(event);
            if known.version <= event.version {
                *known = event;
            }
        }
        newest
    }
}

fn feed(source: &dyn EmrSource, kind: RecordKind) -> Feed {
    let feeds = &source.info().feeds;
    let feed = feeds.iter().find(|feed| feed.kind == kind).cloned();
    feed.unwrap_or_else(|| panic!("{} has no feed of {kind}", source.info().name))
}

/// Reads a feed from a cursor to its end.
async fn read(source: &dyn EmrSource, kind: RecordKind, cursor: Option<&Cursor>) -> Read {
    let feed = feed(source, kind);
    let mut read = Read { cursor: cursor.cloned(), ..Read::default() };
    loop {
        let page = source.poll(&feed, read.cursor.as_ref()).await.unwrap();
        if read.take(page) {
            return read;
        }
    }
}

/// Reads a whole feed with a fresh source and the largest pages.
async fn read_afresh(bench: &dyn SourceBench, kind: RecordKind) -> Read {
    read(&*bench.source(bench.largest_page()), kind, None).await
}

/// Enters records, each at a moment of its own.
async fn add(bench: &dyn SourceBench, kind: RecordKind, count: usize) {
    for _ in 0..count {
        bench.add(kind).await;
        bench.clock().advance(Duration::from_secs(2));
    }
}

/// How many rows fill three pages of the smallest size, and of two rows where there can be such.
fn rows_of_pages(bench: &dyn SourceBench, kind: RecordKind) -> usize {
    (2 * bench.smallest_page(kind) as usize + 2).max(6)
}

fn gate(bench: &dyn SourceBench) -> &Gate {
    bench.gate().unwrap_or_else(|| panic!("a bench with `Power::Http` has a gate"))
}
