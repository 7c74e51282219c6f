//! A source in memory.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use cannula_core::{
    Cursor, EmrSource, Error, Event, Feed, Page, RecordKey, RecordKind, Rejected, Result,
    SourceInfo,
};

use crate::practice;

/// An EMR that says what a test tells it to, page by page.
#[derive(Debug)]
pub struct ScriptedSource {
    info: SourceInfo,
    script: Mutex<Script>,
}

/// What one page holds.
type Rows = (Vec<Event>, Vec<Rejected>);

#[derive(Debug, Default)]
struct Script {
    pages: BTreeMap<Feed, Vec<Rows>>,
    records: BTreeMap<RecordKey, Event>,
    reads: Vec<RecordKey>,
    poll_failures: VecDeque<Error>,
    get_failures: VecDeque<Error>,
}

impl Default for ScriptedSource {
    fn default() -> Self {
        Self::of(&[RecordKind::Patient, RecordKind::Appointment])
    }
}

impl ScriptedSource {
    /// A source with a feed for each of these kinds of records.
    pub fn of(kinds: &[RecordKind]) -> Self {
        let feed = |kind: &RecordKind| Feed { practice: practice(), kind: *kind };
        let info = SourceInfo { name: "scripted", feeds: kinds.iter().map(feed).collect() };
        Self { info, script: Mutex::default() }
    }

    /// Adds a page to the feed of `kind`.
    pub fn page(&self, kind: RecordKind, events: Vec<Event>) {
        self.page_with(kind, events, Vec::new());
    }

    /// Adds a page with rows that could not be read.
    pub fn page_with(&self, kind: RecordKind, events: Vec<Event>, rejected: Vec<Rejected>) {
        let feed = Feed { practice: practice(), kind };
        self.script().pages.entry(feed).or_default().push((events, rejected));
    }

    /// Makes a record readable by [`EmrSource::get`], whether or not a feed has it.
    pub fn record(&self, event: Event) {
        self.script().records.insert(event.key.clone(), event);
    }

    /// The vendor has this record no more; what the feeds brought of it stays in them.
    pub fn forget(&self, key: &RecordKey) {
        self.script().records.remove(key);
    }

    /// The records asked for by [`EmrSource::get`], in that order.
    pub fn reads(&self) -> Vec<RecordKey> {
        self.script().reads.clone()
    }

    /// Fails the next not yet failing [`EmrSource::poll`].
    pub fn fail_next_poll(&self, error: Error) {
        self.script().poll_failures.push_back(error);
    }

    /// Fails the next not yet failing [`EmrSource::get`].
    pub fn fail_next_get(&self, error: Error) {
        self.script().get_failures.push_back(error);
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EmrSource for ScriptedSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        // The cursor is the number of the next page.
        let number: usize = cursor.and_then(|cursor| cursor.as_str().parse().ok()).unwrap_or(0);
        let mut script = self.script();
        if let Some(error) = script.poll_failures.pop_front() {
            return Err(error);
        }
        let pages = script.pages.get(feed).map_or(&[][..], Vec::as_slice);
        let (events, rejected) = pages.get(number).cloned().unwrap_or_default();
        let next = pages.len().min(number + 1);
        let next_cursor = Cursor::new(next.to_string());
        Ok(Page { events, rejected, next: next_cursor, last: next == pages.len() })
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        let mut script = self.script();
        script.reads.push(key.clone());
        match script.get_failures.pop_front() {
            Some(error) => Err(error),
            None => Ok(script.records.get(key).cloned()),
        }
    }
}
