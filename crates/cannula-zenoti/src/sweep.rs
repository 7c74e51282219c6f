//! The repair sweeps: what webhooks lost is found by reading again, at a pace of its own.

use cannula_core::{Cursor, Event, Page, RecordKind, Rejected, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{CONNECTOR, source::Zenoti};

/// Records read by single calls on one page.
pub(crate) const CALLS_A_PAGE: usize = 15;

/// A cursor: when the next sweep is due, and how far this one has got.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress<T> {
    /// The sweep that is over has its successor then; `None` before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<DateTime<Utc>>,
    /// When the sweep under way began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) began: Option<DateTime<Utc>>,
    pub(crate) at: T,
}

impl<T: Serialize + DeserializeOwned + Default> Progress<T> {
    pub(crate) fn load(cursor: Option<&Cursor>) -> Result<Self> {
        cursor
            .map_or_else(|| Ok(Self::default()), Cursor::read)
            .map_err(|error| error.connector(CONNECTOR))
    }

    /// Whether there is something to read now; a sweep that is due begins.
    pub(crate) fn begins(&mut self, now: DateTime<Utc>) -> bool {
        if self.began.is_none() {
            if self.due.is_some_and(|due| now < due) {
                return false;
            }
            self.began = Some(now);
        }
        true
    }

    /// The sweep is over; `every` after it began the next is due.
    pub(crate) fn end(&mut self, every: TimeDelta, now: DateTime<Utc>) {
        let began = self.began.take().unwrap_or(now);
        self.due = began.checked_add_signed(every);
    }

    pub(crate) fn page(self, events: Vec<Event>, rejected: Vec<Rejected>) -> Result<Page> {
        let last = self.began.is_none();
        Ok(Page { events, rejected, next: Cursor::write(&self)?, last })
    }
}

impl Zenoti {
    pub(crate) async fn sweep(&self, kind: RecordKind, cursor: Option<&Cursor>) -> Result<Page> {
        match kind {
            RecordKind::Patient => self.sweep_guests(Progress::load(cursor)?).await,
            RecordKind::Appointment => self.sweep_appointments(Progress::load(cursor)?).await,
            RecordKind::Payment => self.sweep_invoices(Progress::load(cursor)?).await,
            _ => self.sweep_memberships(Progress::load(cursor)?).await,
        }
    }

    pub(crate) fn every(&self) -> TimeDelta {
        TimeDelta::from_std(self.config.sweeps.every).unwrap_or(TimeDelta::days(1))
    }
}
