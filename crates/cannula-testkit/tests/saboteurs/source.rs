use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::{
    Appointment, AppointmentStatus, Clock, Cursor, EmrSource, Error, ErrorKind, Event, Feed, Named,
    Page, PatientId, Record, RecordId, RecordKey, RecordKind, Rejected, Result, SourceInfo,
    VisitTime,
};
use cannula_http::Request;
use cannula_testkit::{Gate, ManualClock, Power, RowsIn, SourceBench, practice};
use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::{America::New_York, Tz};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    link::{Caller, Link, LinkFlaw},
    vendor::Row,
};

crate::laws_and_saboteurs!(source_laws: bench => Bench, &[
    ("an_empty_feed_ends_at_once", Flaw::NeverEndsEmpty),
    ("every_record_is_read_once", Flaw::ReadsTwice),
    ("page_size_changes_nothing", Flaw::SkipsARowBetweenPages),
    ("a_page_read_again_is_the_same", Flaw::KeepsItsPlaceInMemory),
    ("a_listing_goes_on_in_another_process", Flaw::KeepsItsPlaceInMemory),
    ("polls_side_by_side_do_not_disturb_each_other", Flaw::SharesItsBuffer),
    ("polls_side_by_side_outlive_their_sign_in", Flaw::SignsInOnce),
    ("an_empty_page_is_not_the_end", Flaw::TakesAnEmptyPageForTheEnd),
    ("a_failed_poll_leaves_its_cursor_good", Flaw::SkipsWhatFailed),
    ("rows_that_move_while_pages_are_read_are_all_seen", Flaw::MarksTheEndOfTheSweep),
    ("a_row_that_vanishes_while_pages_are_read_hides_no_other", Flaw::OverlooksVanishedRows),
    ("a_change_is_told_by_the_next_sweep", Flaw::ReadsARecordOnlyOnce),
    ("a_row_that_was_committed_late_is_found", Flaw::NoOverlap),
    ("what_did_not_change_is_no_new_event", Flaw::StampsWithTheTimeOfReading),
    ("one_bad_row_is_rejected_and_the_page_goes_on", Flaw::FailsThePage),
    ("one_bad_row_is_rejected_and_the_page_goes_on", Flaw::DropsBadRows),
    ("a_row_that_is_no_object_is_rejected_and_the_page_goes_on", Flaw::DropsBadRows),
    ("a_bad_row_that_is_mended_is_read", Flaw::RemembersBadRows),
    ("unknown_fields_change_nothing", Flaw::DeniesUnknownFields),
    ("an_unknown_word_loses_no_row", Flaw::DropsUnknownWords),
    ("an_unknown_word_loses_no_row", Flaw::TakesUnknownWordsForKnownOnes),
    ("a_visit_is_at_its_time_on_the_wall_and_at_its_instant", Flaw::TakesTheWallForUtc),
    ("a_visit_is_at_its_time_on_the_wall_and_at_its_instant", Flaw::KnowsNoDaylightSaving),
    ("a_record_read_alone_is_the_one_of_the_listing", Flaw::MapsSingleRecordsOtherwise),
    ("a_record_that_nobody_has_is_none", Flaw::MissingIsAnError),
    ("a_feed_that_is_not_there_is_refused", Flaw::TakesAnyFeed),
    ("a_cursor_of_somebody_else_is_refused", Flaw::StartsOverInSilence),
]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    NeverEndsEmpty,
    ReadsTwice,
    SkipsARowBetweenPages,
    KeepsItsPlaceInMemory,
    /// Polls put their rows into one buffer, and whoever comes first takes them all.
    SharesItsBuffer,
    SignsInOnce,
    TakesAnEmptyPageForTheEnd,
    SkipsWhatFailed,
    MarksTheEndOfTheSweep,
    OverlooksVanishedRows,
    ReadsARecordOnlyOnce,
    NoOverlap,
    StampsWithTheTimeOfReading,
    FailsThePage,
    DropsBadRows,
    RemembersBadRows,
    DeniesUnknownFields,
    DropsUnknownWords,
    TakesUnknownWordsForKnownOnes,
    TakesTheWallForUtc,
    KnowsNoDaylightSaving,
    MapsSingleRecordsOtherwise,
    MissingIsAnError,
    TakesAnyFeed,
    StartsOverInSilence,
}

const KIND: RecordKind = RecordKind::Appointment;
const ZONE: Tz = New_York;

/// A source that reads the small vendor's records, with one flaw or none.
#[derive(Debug)]
struct ToySource {
    info: SourceInfo,
    caller: Caller,
    clock: Arc<ManualClock>,
    size: u32,
    flaw: Option<Flaw>,
    memory: Mutex<Memory>,
}

/// What only a source with a flaw keeps.
#[derive(Debug, Default)]
struct Memory {
    place: Option<Progress>,
    failures: usize,
    bad: Vec<String>,
    buffer: Vec<Event>,
    read: BTreeMap<String, ()>,
}

/// Where a feed has been read to.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Progress {
    mark: DateTime<Utc>,
    since: Option<DateTime<Utc>>,
    offset: usize,
    newest: Option<DateTime<Utc>>,
    total: Option<usize>,
    shrank: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Listing {
    rows: Vec<Value>,
    next: Option<usize>,
    total: usize,
}

impl ToySource {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self, cursor: Option<&Cursor>) -> Result<Progress> {
        let start = Progress {
            mark: DateTime::UNIX_EPOCH,
            since: None,
            offset: 0,
            newest: None,
            total: None,
            shrank: false,
        };
        if self.is(Flaw::KeepsItsPlaceInMemory) {
            return Ok(self.memory().place.clone().unwrap_or(start));
        }
        let Some(cursor) = cursor else { return Ok(start) };
        match serde_json::from_str(cursor.as_str()) {
            Err(_) if self.is(Flaw::StartsOverInSilence) => Ok(start),
            read => read.map_err(|_| Error::new(ErrorKind::Storage, "the cursor is not ours")),
        }
    }

    /// Reads a row; `None` if it is left out.
    fn row(&self, raw: &Value) -> Result<Option<Event>, String> {
        if self.is(Flaw::DeniesUnknownFields)
            && raw.as_object().is_some_and(|object| object.len() > 5)
        {
            return Err("an unknown field".to_owned());
        }
        let row: Row = serde_json::from_value(raw.clone()).map_err(|error| error.to_string())?;
        let status = match row.status.as_str() {
            "open" => AppointmentStatus::Pending,
            _ if self.is(Flaw::DropsUnknownWords) => return Ok(None),
            _ if self.is(Flaw::TakesUnknownWordsForKnownOnes) => AppointmentStatus::Pending,
            other => AppointmentStatus::Unknown(other.to_owned()),
        };
        let local = ZONE.from_local_datetime(&row.start).earliest();
        let instant = local.map_or(row.start.and_utc(), |it| it.with_timezone(&Utc));
        let instant = match self.flaw {
            Some(Flaw::TakesTheWallForUtc) => row.start.and_utc(),
            Some(Flaw::KnowsNoDaylightSaving) => row.start.and_utc() + TimeDelta::hours(5),
            _ => instant,
        };
        let record = Record::Appointment(Appointment {
            also: Vec::new(),
            patient: Some(PatientId::new("patient")),
            status,
            kind: Some(Named::new(format!("Visit {}", row.number))),
            purposes: Vec::new(),
            start: Some(VisitTime { local: row.start, instant }),
            end: None,
            practitioner: None,
            location: None,
        });
        let now = self.clock.now();
        let by_reading = self.is(Flaw::StampsWithTheTimeOfReading);
        let stamp = if by_reading { now } else { row.changed };
        Ok(Some(Event::new(practice(), RecordId::new(row.id), record, Some(stamp), now)))
    }

    async fn page(&self, progress: &Progress, since: DateTime<Utc>) -> Result<Listing> {
        let skipped = if self.is(Flaw::SkipsWhatFailed) { self.memory().failures } else { 0 };
        let request = Request::get("list", "records")
            .query("since", since.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
            .query("offset", (progress.offset + skipped).to_string())
            .query("size", self.size.to_string());
        let answer = self.caller.json(&request).await;
        if answer.is_err() {
            self.memory().failures += 1;
        }
        answer
    }

    fn read(&self, listing: &Listing) -> Result<(Vec<Event>, Vec<Rejected>)> {
        let (mut events, mut rejected) = (Vec::new(), Vec::new());
        for (index, raw) in listing.rows.iter().enumerate() {
            let id = raw["id"].as_str();
            if id.is_some_and(|id| self.memory().bad.iter().any(|bad| bad == id)) {
                continue;
            }
            match self.row(raw) {
                Ok(event) => events.extend(event),
                Err(_) if self.is(Flaw::DropsBadRows) => {}
                Err(problem) if self.is(Flaw::FailsThePage) => {
                    return Err(Error::new(ErrorKind::Decode, problem));
                }
                Err(problem) => {
                    if self.is(Flaw::RemembersBadRows) {
                        self.memory().bad.extend(id.map(str::to_owned));
                    }
                    let key = id.map(|id| RecordKey {
                        practice: practice(),
                        kind: KIND,
                        id: RecordId::new(id),
                    });
                    let path = format!("rows[{index}]");
                    rejected.push(Rejected { key, path, problem, raw: raw.to_string().into() });
                }
            }
        }
        if self.is(Flaw::ReadsTwice) {
            events.extend(events.clone());
        }
        if self.is(Flaw::ReadsARecordOnlyOnce) {
            let mut memory = self.memory();
            events.retain(|event| memory.read.insert(event.key.id.to_string(), ()).is_none());
        }
        Ok((events, rejected))
    }
}

#[async_trait]
impl EmrSource for ToySource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        if !self.info.feeds.contains(feed) && !self.is(Flaw::TakesAnyFeed) {
            return Err(Error::new(ErrorKind::Unsupported, "there is no such feed"));
        }
        let mut progress = self.progress(cursor)?;
        let overlap = TimeDelta::minutes(if self.is(Flaw::NoOverlap) { 0 } else { 10 });
        let since = *progress.since.get_or_insert(progress.mark - overlap);
        let listing = self.page(&progress, since).await?;
        let (mut events, rejected) = self.read(&listing)?;
        if self.is(Flaw::SharesItsBuffer) {
            self.memory().buffer.append(&mut events);
            tokio::task::yield_now().await;
            events.append(&mut self.memory().buffer);
        }
        progress.shrank |= progress.total.is_some_and(|total| listing.total < total)
            && !self.is(Flaw::OverlooksVanishedRows);
        progress.total = Some(listing.total);
        let stamps = events.iter().map(|event| event.version.stamp);
        progress.newest = progress.newest.max(stamps.max());
        let mut next = listing.next;
        if listing.rows.is_empty() && self.is(Flaw::TakesAnEmptyPageForTheEnd) {
            next = None;
        }
        if let Some(next) = next {
            progress.offset = next + usize::from(self.is(Flaw::SkipsARowBetweenPages));
        } else {
            let newest = progress.newest.unwrap_or(progress.mark);
            if self.is(Flaw::MarksTheEndOfTheSweep) {
                progress.mark = self.clock.now() + overlap;
            } else if !progress.shrank {
                progress.mark = progress.mark.max(newest);
            }
            let mark = progress.mark;
            progress =
                Progress { mark, since: None, offset: 0, newest: None, total: None, shrank: false };
        }
        self.memory().place = Some(progress.clone());
        let last = next.is_none() && !(self.is(Flaw::NeverEndsEmpty) && listing.rows.is_empty());
        let next = Cursor::new(serde_json::to_string(&progress).unwrap());
        Ok(Page { events, rejected, next, last })
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        let request = Request::get("get", format!("records/{}", key.id));
        let mut row: Value = match self.caller.json(&request).await {
            Ok(row) => row,
            Err(error)
                if error.kind() == ErrorKind::NotFound && !self.is(Flaw::MissingIsAnError) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if self.is(Flaw::MapsSingleRecordsOtherwise) {
            row["number"] = json!(0);
        }
        self.row(&row).map_err(|problem| Error::new(ErrorKind::Decode, problem))
    }
}

#[derive(Debug)]
struct Bench {
    link: Link,
    flaw: Option<Flaw>,
}

async fn bench(flaw: Option<Flaw>) -> Bench {
    Bench { link: Link::open().await, flaw }
}

impl Bench {
    fn enter(&self, start: NaiveDateTime) {
        let changed = self.link.clock().now();
        let mut rows = self.link.vendor.rows();
        let id = format!("r{}", rows.len() + 1);
        rows.push(Row { id, status: "open".to_owned(), number: 1, changed, start });
    }
}

#[async_trait]
impl SourceBench for Bench {
    fn source(&self, page_size: u32) -> Arc<dyn EmrSource> {
        let feeds = vec![Feed { practice: practice(), kind: KIND }];
        let once = self.flaw == Some(Flaw::SignsInOnce);
        Arc::new(ToySource {
            info: SourceInfo { name: "toy", feeds },
            caller: self.link.caller(once.then_some(LinkFlaw::SignsInOnce)),
            clock: Arc::clone(&self.link.vendor.clock),
            size: page_size,
            flaw: self.flaw,
            memory: Mutex::default(),
        })
    }

    fn largest_page(&self) -> u32 {
        100
    }

    fn clock(&self) -> &ManualClock {
        self.link.clock()
    }

    fn next_sweep(&self) -> Duration {
        Duration::from_secs(60)
    }

    fn lateness(&self) -> Duration {
        Duration::from_secs(300)
    }

    fn kinds(&self) -> Vec<RecordKind> {
        vec![KIND]
    }

    async fn add(&self, _kind: RecordKind) {
        let start = self.link.clock().now().naive_utc() + TimeDelta::days(3);
        self.enter(start);
    }

    async fn change(&self, _kind: RecordKind, index: usize) {
        let now = self.link.clock().now();
        let mut rows = self.link.vendor.rows();
        rows[index].number += 1;
        rows[index].changed = now;
    }

    async fn remove(&self, _kind: RecordKind, index: usize) -> bool {
        self.link.vendor.rows().remove(index);
        true
    }

    async fn visit(&self, start: NaiveDateTime) {
        self.enter(start);
    }

    fn zone(&self) -> Tz {
        ZONE
    }

    fn gate(&self) -> Option<&Gate> {
        Some(&self.link.gate)
    }

    fn listing(&self, _kind: RecordKind) -> &'static str {
        "GET /records?"
    }

    fn rows(&self, _kind: RecordKind) -> RowsIn {
        |answer| answer.get_mut("rows")?.as_array_mut()
    }

    fn spoil(&self, _kind: RecordKind) -> fn(&mut Value) {
        |row| row["start"] = json!("soon")
    }

    fn words(&self, _kind: RecordKind) -> Vec<(&'static str, Value)> {
        vec![("/status", json!("postponed"))]
    }

    fn lacks(&self) -> Vec<(Power, &'static str)> {
        Vec::new()
    }
}
