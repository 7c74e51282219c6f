//! Where the orders have been read to. Pure.
//!
//! Reading goes in two turns. New orders come first, by id. Then all that changed since the mark
//! less an overlap, by id too; only when that is through does the mark move, to when it began, so
//! that what changes while pages are read is read by the next one.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What a [`Cursor`](cannula_core::Cursor) of this source holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The greatest id among the orders that were read when they were new.
    pub(crate) after: u64,
    /// Every change before this has been read; absent before the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<DateTime<Utc>>,
    /// The sweep of changes under way; else new orders are next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sweep: Option<Sweep>,
}

/// A sweep of changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// Older changes are not looked for.
    pub(crate) since: DateTime<Utc>,
    /// The greatest id on the pages so far.
    pub(crate) after: u64,
    /// The store's clock at the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_at: Option<DateTime<Utc>>,
}

/// What a page tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The store's clock.
    pub(crate) at: DateTime<Utc>,
    /// The greatest id on it.
    pub(crate) last_id: Option<u64>,
    /// Nothing comes after it.
    pub(crate) is_end: bool,
}

impl Progress {
    /// Takes note of a page of the turn under way. `true` if both turns are over.
    pub(crate) fn advance(&mut self, seen: Seen, overlap: TimeDelta) -> bool {
        let Some(sweep) = &mut self.sweep else {
            let mark = *self.mark.get_or_insert(seen.at);
            self.after = self.after.max(seen.last_id.unwrap_or(0));
            if seen.is_end {
                let since = mark.checked_sub_signed(overlap).unwrap_or(mark);
                self.sweep = Some(Sweep { since, after: 0, started_at: None });
            }
            return false;
        };
        let started_at = *sweep.started_at.get_or_insert(seen.at);
        sweep.after = sweep.after.max(seen.last_id.unwrap_or(0));
        if seen.is_end {
            self.mark = self.mark.max(Some(started_at));
            self.sweep = None;
        }
        seen.is_end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cannula_core::Cursor;

    const OVERLAP: TimeDelta = TimeDelta::minutes(30);

    fn at(minute: u32) -> DateTime<Utc> {
        format!("2031-05-06T14:{minute:02}:00Z").parse().unwrap()
    }

    fn seen(minute: u32, last_id: Option<u64>, is_end: bool) -> Seen {
        Seen { at: at(minute), last_id, is_end }
    }

    #[test]
    fn the_mark_moves_to_the_start_of_a_sweep_and_only_after_its_last_page() {
        let mut progress = Progress::default();
        assert!(!progress.advance(seen(0, Some(200), false), OVERLAP));
        assert!(!progress.advance(seen(1, Some(250), true), OVERLAP));
        let sweep = progress.sweep.clone().unwrap();
        assert_eq!((sweep.since, sweep.after), (at(0) - OVERLAP, 0));
        assert!(!progress.advance(seen(2, Some(90), false), OVERLAP));
        assert_eq!(progress.mark, Some(at(0)));
        assert_eq!(progress.sweep.as_ref().unwrap().after, 90);
        assert!(progress.advance(seen(3, Some(251), true), OVERLAP));
        assert_eq!((progress.mark, progress.sweep.clone()), (Some(at(2)), None));
        assert_eq!(
            progress.after, 250,
            "a sweep does not skip orders that are still to come as new"
        );
        // Nothing new: the next sweep starts from the new mark.
        assert!(!progress.advance(seen(9, None, true), OVERLAP));
        assert_eq!(progress.sweep.as_ref().unwrap().since, at(2) - OVERLAP);
        assert_eq!(progress.after, 250);
    }

    #[test]
    fn a_cursor_survives_being_stored() {
        let mut progress = Progress::default();
        progress.advance(seen(0, Some(7), true), OVERLAP);
        progress.advance(seen(1, Some(3), false), OVERLAP);
        assert_eq!(Cursor::write(&progress).unwrap().read::<Progress>().unwrap(), progress);
    }
}
