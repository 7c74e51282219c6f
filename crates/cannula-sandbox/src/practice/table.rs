//! Records with all their versions, and what of them is visible at an instant.

use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};

/// One state of one record.
#[derive(Clone, Debug)]
pub(crate) struct Version<S> {
    /// When it came into being: `meta.lastUpdated`.
    pub(crate) at: DateTime<Utc>,
    pub(crate) state: S,
}

/// How a row is spoilt on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoil {
    /// `start` (or `birthDate`) is the text `not a date`.
    NotADate,
    /// `id` and `identifier` are missing.
    NoId,
    /// The whole resource is a text.
    NotAnObject,
}

#[derive(Debug)]
struct Row<S> {
    id: Arc<str>,
    /// In order of `at`; empty once what was planned of a record is forgotten before it began.
    versions: Vec<Arc<Version<S>>>,
    deleted: Option<DateTime<Utc>>,
    spoil: Option<Spoil>,
    /// Rows that were never part of the practice, only of what its API prints.
    phantom: bool,
}

/// A record as it is visible at an instant.
#[derive(Clone, Debug)]
pub(crate) struct Visible<S> {
    pub(crate) id: Arc<str>,
    pub(crate) entered: DateTime<Utc>,
    pub(crate) version: Arc<Version<S>>,
    pub(crate) spoil: Option<Spoil>,
    pub(crate) phantom: bool,
}

/// Everything visible at an instant, in order of entry.
#[derive(Debug)]
pub(crate) struct View<S> {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    pub(crate) rows: Vec<Visible<S>>,
}

/// All records of one kind.
#[derive(Debug)]
pub(crate) struct Table<S> {
    rows: Vec<Row<S>>,
    by_id: HashMap<Arc<str>, usize>,
    /// The last view, until something changes.
    cache: Option<Arc<View<S>>>,
}

impl<S> Default for Table<S> {
    fn default() -> Self {
        Self { rows: Vec::new(), by_id: HashMap::new(), cache: None }
    }
}

impl<S: Clone> Table<S> {
    /// Adds a record with its life; `versions` must be in order and not empty.
    pub(crate) fn add(&mut self, id: &str, versions: Vec<Version<S>>) {
        debug_assert!(!versions.is_empty());
        let id: Arc<str> = id.into();
        self.by_id.insert(Arc::clone(&id), self.rows.len());
        let versions = versions.into_iter().map(Arc::new).collect();
        self.rows.push(Row { id, versions, deleted: None, spoil: None, phantom: false });
        self.cache = None;
    }

    /// Adds a row that only the API shows and no client can read.
    pub(crate) fn add_phantom(&mut self, id: &str, version: Version<S>, spoil: Spoil) {
        self.add(id, vec![version]);
        if let Some(row) = self.rows.last_mut() {
            row.spoil = Some(spoil);
            row.phantom = true;
        }
    }

    /// The present state of a record with what is planned for it taken away, changed by
    /// `change` and stamped `now`. `false` if there is no such record yet.
    pub(crate) fn change(
        &mut self,
        id: &str,
        now: DateTime<Utc>,
        change: impl FnOnce(&mut S),
    ) -> bool {
        let Some(row) = self.by_id.get(id).and_then(|index| self.rows.get_mut(*index)) else {
            return false;
        };
        let Some(current) = row.versions.iter().rposition(|version| version.at <= now) else {
            return false;
        };
        row.versions.truncate(current + 1);
        let Some(last) = row.versions.last() else { return false };
        let mut state = last.state.clone();
        change(&mut state);
        // Two changes within a stamp's resolution would be one version to every client.
        let at = now.max(last.at + TimeDelta::milliseconds(1));
        row.versions.push(Arc::new(Version { at, state }));
        self.cache = None;
        true
    }

    /// Takes away what is planned for a record after `now`; one that is not there yet never
    /// comes into being.
    pub(crate) fn forget(&mut self, id: &str, now: DateTime<Utc>) {
        self.with_row(id, |row| row.versions.retain(|version| version.at <= now));
    }

    /// Deletes a record without a trace.
    pub(crate) fn delete(&mut self, id: &str, now: DateTime<Utc>) -> bool {
        self.with_row(id, |row| row.deleted = Some(now))
    }

    /// Brings a deleted record back as it was. `false` if there is no such record.
    pub(crate) fn restore(&mut self, id: &str, now: DateTime<Utc>) -> bool {
        let mut was_deleted = false;
        self.with_row(id, |row| was_deleted = row.deleted.take().is_some());
        was_deleted && self.change(id, now, |_| ())
    }

    /// Spoils a record on the wire, or mends it.
    pub(crate) fn spoil(&mut self, id: &str, spoil: Option<Spoil>) -> bool {
        self.with_row(id, |row| row.spoil = spoil)
    }

    fn with_row(&mut self, id: &str, change: impl FnOnce(&mut Row<S>)) -> bool {
        self.cache = None;
        let row = self.by_id.get(id).and_then(|index| self.rows.get_mut(*index));
        row.map(change).is_some()
    }

    /// Makes the next `count` planned changes happen now instead. A change waits if its record
    /// changed within the last `gap`, so that the record's versions stay apart.
    pub(crate) fn hasten(&mut self, now: DateTime<Utc>, count: usize, gap: TimeDelta) {
        let mut planned: Vec<_> = (0..self.rows.len())
            .filter_map(|index| {
                let row = self.rows.get(index)?;
                let next = row.versions.iter().position(|version| version.at > now)?;
                // A record that does not exist yet stays unborn: others may depend on the order.
                let before = row.versions.get(next.checked_sub(1)?)?;
                let at = row.versions.get(next)?.at;
                (before.at + gap <= now && row.deleted.is_none()).then_some((at, index, next))
            })
            .collect();
        planned.sort_unstable();
        for (_, index, next) in planned.into_iter().take(count) {
            let version = self.rows.get_mut(index).and_then(|row| row.versions.get_mut(next));
            if let Some(version) = version {
                *version = Arc::new(Version { at: now, state: version.state.clone() });
                self.cache = None;
            }
        }
    }

    /// What is visible at an instant.
    pub(crate) fn view(&mut self, now: DateTime<Utc>) -> Arc<View<S>> {
        if let Some(view) = self.cache.as_ref().filter(|view| view.from <= now && now < view.until)
        {
            return Arc::clone(view);
        }
        let mut from = DateTime::<Utc>::MIN_UTC;
        let mut until = DateTime::<Utc>::MAX_UTC;
        let mut note = |at: DateTime<Utc>| {
            if at <= now {
                from = from.max(at);
            } else {
                until = until.min(at);
            }
        };
        let mut rows = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            row.versions.iter().for_each(|version| note(version.at));
            row.deleted.into_iter().for_each(&mut note);
            let gone = row.deleted.is_some_and(|deleted| deleted <= now);
            let current = row.versions.iter().rev().find(|version| version.at <= now);
            let (Some(version), false, Some(first)) = (current, gone, row.versions.first()) else {
                continue;
            };
            rows.push(Visible {
                id: Arc::clone(&row.id),
                entered: first.at,
                version: Arc::clone(version),
                spoil: row.spoil,
                phantom: row.phantom,
            });
        }
        rows.sort_by_key(|row| row.entered);
        let view = Arc::new(View { from, until, rows });
        self.cache = Some(Arc::clone(&view));
        view
    }

    /// The record as it is visible at an instant.
    pub(crate) fn get(&self, id: &str, now: DateTime<Utc>) -> Option<Visible<S>> {
        let row = self.rows.get(*self.by_id.get(id)?)?;
        if row.deleted.is_some_and(|deleted| deleted <= now) {
            return None;
        }
        let version = row.versions.iter().rev().find(|version| version.at <= now)?;
        Some(Visible {
            id: Arc::clone(&row.id),
            entered: row.versions.first()?.at,
            version: Arc::clone(version),
            spoil: row.spoil,
            phantom: row.phantom,
        })
    }

    /// When each real record that is deleted, or will be, ends.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&Arc<str>, DateTime<Utc>)> {
        let real = self.rows.iter().filter(|row| !row.phantom);
        real.filter_map(|row| Some((&row.id, row.deleted?)))
    }

    /// The versions of a record, those ahead among them.
    pub(crate) fn life(&self, id: &str) -> &[Arc<Version<S>>] {
        let row = self.by_id.get(id).and_then(|index| self.rows.get(*index));
        row.map_or(&[], |row| &row.versions)
    }

    /// The place of a record among all that were ever added.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// The record at a place.
    pub(crate) fn at_place(&self, place: usize) -> Option<Arc<str>> {
        self.rows.get(place).map(|row| Arc::clone(&row.id))
    }

    /// Every version of every real record, record by record in the order of time.
    pub(crate) fn versions(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<Version<S>>)> {
        self.rows
            .iter()
            .filter(|row| !row.phantom)
            .flat_map(|row| row.versions.iter().map(move |version| (&row.id, version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> DateTime<Utc> {
        DateTime::from_timestamp(i64::from(minute) * 60, 0).unwrap()
    }

    fn table() -> Table<&'static str> {
        let mut table = Table::default();
        let life = |minutes: [u32; 2], states: [&'static str; 2]| {
            minutes.into_iter().zip(states).map(|(m, state)| Version { at: at(m), state }).collect()
        };
        table.add("b", life([20, 60], ["b1", "b2"]));
        table.add("a", life([10, 90], ["a1", "a2"]));
        table
    }

    fn states(table: &mut Table<&'static str>, minute: u32) -> Vec<&'static str> {
        table.view(at(minute)).rows.iter().map(|row| row.version.state).collect()
    }

    #[test]
    fn what_is_visible_follows_the_clock_in_order_of_entry() {
        let mut table = table();
        assert_eq!(states(&mut table, 5), Vec::<&str>::new());
        assert_eq!(states(&mut table, 10), ["a1"]);
        assert_eq!(states(&mut table, 59), ["a1", "b1"]);
        assert_eq!(states(&mut table, 60), ["a1", "b2"]);
        assert_eq!(states(&mut table, 30), ["a1", "b1"], "clocks may go back");
    }

    #[test]
    fn a_change_by_hand_replaces_what_was_planned() {
        let mut table = table();
        assert!(table.change("a", at(30), |state| *state = "hand"));
        assert_eq!(states(&mut table, 100), ["hand", "b2"]);
        assert!(!table.change("c", at(30), |_| ()));
    }

    #[test]
    fn a_forgotten_plan_leaves_what_has_happened() {
        let mut table = table();
        table.forget("a", at(15));
        table.forget("b", at(15));
        assert_eq!(states(&mut table, 100), ["a1"]);
        assert!(table.get("b", at(100)).is_none());
        assert!(!table.change("b", at(100), |_| ()));
    }

    #[test]
    fn hastened_changes_happen_now_unless_their_record_just_changed() {
        let mut table = table();
        table.hasten(at(35), 1, TimeDelta::minutes(20)); // b changed 15 minutes ago
        assert_eq!(states(&mut table, 35), ["a2", "b1"]);
    }

    #[test]
    fn a_deleted_record_leaves_no_trace() {
        let mut table = table();
        assert!(table.delete("a", at(40)));
        assert_eq!(states(&mut table, 39), ["a1", "b1"]);
        assert_eq!(states(&mut table, 40), ["b1"]);
        assert!(table.get("a", at(40)).is_none());
        assert!(table.restore("a", at(50)) && !table.restore("a", at(50)));
        assert_eq!(states(&mut table, 50), ["a1", "b1"]);
    }
}
