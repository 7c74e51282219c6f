//! Records by id, behind a search index that trails them.
//!
//! HighLevel's searches run on an index that follows writes after some seconds, while reading
//! by id is immediate. Each record keeps what the index shows until the lag has passed.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

/// The records of one kind.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    lag: TimeDelta,
    live: HashMap<String, Entry<T>>,
    /// Deleted records that the index still shows, each with the instant it stops to.
    ghosts: Vec<(DateTime<Utc>, Arc<T>)>,
}

#[derive(Debug)]
struct Entry<T> {
    live: Arc<T>,
    /// What the index shows until `due`; from then on it shows `live`. A second write within
    /// the lag shows together with the first, so a busy record is not hidden for ever.
    shown: Option<Arc<T>>,
    due: DateTime<Utc>,
}

impl<T: Clone> Shelf<T> {
    pub(super) fn new(lag: TimeDelta) -> Self {
        Self { lag, live: HashMap::new(), ghosts: Vec::new() }
    }

    /// Sets the lag of writes from now on.
    pub(super) const fn set_lag(&mut self, lag: TimeDelta) {
        self.lag = lag;
    }

    /// The record as it is now.
    pub(super) fn get(&self, id: &str) -> Option<&Arc<T>> {
        self.live.get(id).map(|entry| &entry.live)
    }

    /// All records as they are now, in no order.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<T>> {
        self.live.values().map(|entry| &entry.live)
    }

    pub(super) fn insert(&mut self, id: String, record: T, now: DateTime<Utc>) -> Arc<T> {
        let live = Arc::new(record);
        let entry = Entry { live: Arc::clone(&live), shown: None, due: now + self.lag };
        self.live.insert(id, entry);
        live
    }

    /// Changes a record and returns it as it then is; `None` if there is none.
    pub(super) fn edit(
        &mut self,
        id: &str,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut T),
    ) -> Option<Arc<T>> {
        let entry = self.live.get_mut(id)?;
        if now >= entry.due && self.lag > TimeDelta::zero() {
            entry.shown = Some(Arc::clone(&entry.live));
            entry.due = now + self.lag;
        }
        change(Arc::make_mut(&mut entry.live));
        Some(Arc::clone(&entry.live))
    }

    pub(super) fn remove(&mut self, id: &str, now: DateTime<Utc>) -> Option<Arc<T>> {
        self.ghosts.retain(|(until, _)| *until > now);
        let entry = self.live.remove(id)?;
        let shown = if now >= entry.due { Some(&entry.live) } else { entry.shown.as_ref() };
        if let Some(shown) = shown {
            self.ghosts.push((now + self.lag, Arc::clone(shown)));
        }
        Some(entry.live)
    }

    /// What the index shows, in no order.
    pub(super) fn indexed(&self, now: DateTime<Utc>) -> impl Iterator<Item = &Arc<T>> {
        let live = self.live.values().filter_map(move |entry| {
            if now >= entry.due { Some(&entry.live) } else { entry.shown.as_ref() }
        });
        let ghosts = self.ghosts.iter().filter(move |(until, _)| *until > now);
        live.chain(ghosts.map(|(_, record)| record))
    }
}
