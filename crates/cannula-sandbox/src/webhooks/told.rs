use std::{collections::HashMap, sync::Arc};

use chrono::{DateTime, Utc};

use crate::practice::{Table, Version};

/// Which versions of a table's records were told.
#[derive(Debug, Default)]
pub(crate) struct Told(HashMap<Arc<str>, DateTime<Utc>>);

/// A version that came to be.
#[derive(Clone, Debug)]
pub(crate) struct Change<S> {
    pub(crate) id: Arc<str>,
    /// The version before it; a new record has none.
    pub(crate) before: Option<Arc<Version<S>>>,
    pub(crate) after: Arc<Version<S>>,
}

impl Told {
    /// The versions that came to be up to `now` and were not told, record by record; they count
    /// as told from here on. Rows that no client can read are left out, deletions as well.
    pub(crate) fn fresh<S: Clone>(
        &mut self,
        table: &Table<S>,
        now: DateTime<Utc>,
    ) -> Vec<Change<S>> {
        let mut fresh = Vec::new();
        let mut last: Option<(&Arc<str>, &Arc<Version<S>>)> = None;
        for (id, version) in table.versions().filter(|(_, version)| version.at <= now) {
            let before = last.filter(|(other, _)| *other == id).map(|(_, version)| version);
            last = Some((id, version));
            if self.0.get(id).is_none_or(|told| *told < version.at) {
                self.0.insert(Arc::clone(id), version.at);
                let (id, after) = (Arc::clone(id), Arc::clone(version));
                fresh.push(Change { id, before: before.map(Arc::clone), after });
            }
        }
        fresh
    }
}

/// When the next version of a table comes to be.
pub(crate) fn next_version<S: Clone>(
    table: &Table<S>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    table.versions().map(|(_, version)| version.at).filter(|at| *at > now).min()
}
