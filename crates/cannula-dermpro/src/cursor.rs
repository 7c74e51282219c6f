//! Where the orders have been read to. Pure.
//!
//! A round of reading has two turns. New orders come first, by id. Then, of those that were known
//! before, all that changed since the mark less an overlap, by id too; in the first round there are
//! none. Only when both are through does the mark move, to when the round began, so that what
//! changes while pages are read is read by the next one.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What a [`Cursor`](cannula_core::Cursor) of this source holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The greatest id among the orders that were read when they were new.
    after: u64,
    /// Every change before this has been read; absent during the first round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mark: Option<DateTime<Utc>>,
    /// The round under way; else one begins with the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    round: Option<Round>,
}

/// A round under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Round {
    /// The store's clock at the first page.
    started_at: DateTime<Utc>,
    /// [`Progress::after`] at that time.
    known: u64,
    /// The greatest id on the pages of changes so far; absent while new orders are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<u64>,
}

/// What the next page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next {
    /// Orders with a greater id than this.
    pub(crate) after: u64,
    /// Only those that changed, if it is their turn.
    pub(crate) changed: Option<Changed>,
}

/// Which orders have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Those that changed at or after this instant,
    pub(crate) since: DateTime<Utc>,
    /// and have no greater id than this.
    pub(crate) known: u64,
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
    /// What comes next.
    pub(crate) fn next(&self, overlap: TimeDelta) -> Next {
        let turn = self.round.as_ref().and_then(|round| Some((round.known, round.changes?)));
        let Some(((known, after), mark)) = turn.zip(self.mark) else {
            return Next { after: self.after, changed: None };
        };
        let since = mark.checked_sub_signed(overlap).unwrap_or(mark);
        Next { after, changed: Some(Changed { since, known }) }
    }

    /// Takes note of a page of the turn under way. `true` if the round is over.
    pub(crate) fn advance(&mut self, seen: Seen) -> bool {
        let known = self.after;
        let round = self.round.get_or_insert(Round { started_at: seen.at, known, changes: None });
        let last_id = round.changes.as_mut().unwrap_or(&mut self.after);
        *last_id = seen.last_id.unwrap_or(0).max(*last_id);
        if !seen.is_end {
            return false;
        }
        if round.changes.is_none() && self.mark.is_some() {
            round.changes = Some(0);
            return false;
        }
        self.mark = self.mark.max(Some(round.started_at));
        self.round = None;
        true
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

    fn new_after(after: u64) -> Next {
        Next { after, changed: None }
    }

    fn changed_after(after: u64, since: DateTime<Utc>, known: u64) -> Next {
        Next { after, changed: Some(Changed { since, known }) }
    }

    #[test]
    fn the_mark_moves_to_the_start_of_a_round_and_only_after_its_last_page() {
        let mut progress = Progress::default();
        assert_eq!(progress.next(OVERLAP), new_after(0));
        assert!(!progress.advance(seen(0, Some(200), false)));
        assert_eq!((progress.next(OVERLAP), progress.mark), (new_after(200), None));
        assert!(progress.advance(seen(1, Some(250), true)), "nothing was known before");
        assert_eq!((progress.next(OVERLAP), progress.mark), (new_after(250), Some(at(0))));

        assert!(!progress.advance(seen(5, Some(260), true)));
        assert_eq!(progress.next(OVERLAP), changed_after(0, at(0) - OVERLAP, 250));
        assert!(!progress.advance(seen(6, Some(90), false)));
        assert_eq!(progress.next(OVERLAP), changed_after(90, at(0) - OVERLAP, 250));
        assert_eq!(progress.mark, Some(at(0)));
        assert!(progress.advance(seen(7, Some(240), true)));
        assert_eq!((progress.next(OVERLAP), progress.mark), (new_after(260), Some(at(5))));

        // Nothing new, nothing changed.
        assert!(!progress.advance(seen(9, None, true)));
        assert_eq!(progress.next(OVERLAP), changed_after(0, at(5) - OVERLAP, 260));
        assert!(progress.advance(seen(9, None, true)));
        assert_eq!((progress.next(OVERLAP), progress.mark), (new_after(260), Some(at(9))));
    }

    #[test]
    fn a_cursor_survives_being_stored() {
        let mut progress = Progress::default();
        for (last_id, is_end) in [(7, true), (9, true), (3, false)] {
            progress.advance(seen(0, Some(last_id), is_end));
            assert_eq!(Cursor::write(&progress).unwrap().read::<Progress>().unwrap(), progress);
        }
    }
}
