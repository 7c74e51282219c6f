use std::time::Duration;

use cannula_core::{Clock, RecordKind};
use chrono::TimeDelta;

use super::{Read, SourceBench, add, feed, read, read_afresh, rows_of_pages};

/// Rows are changed before and behind the reader, and new ones come; after another sweep the
/// reader has seen what somebody sees who begins afresh.
pub async fn rows_that_move_while_pages_are_read_are_all_seen(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        let rows = rows_of_pages(bench, kind);
        add(bench, kind, rows).await;
        let source = bench.source(2);
        let feed = feed(&*source, kind);
        let mut seen = Read::default();
        let mut busy = [0, rows - 1, rows / 3, rows * 2 / 3].into_iter();
        loop {
            let page = source.poll(&feed, seen.cursor.as_ref()).await.unwrap();
            let last = seen.take(page);
            assert!(!last || seen.pages > 1, "{kind}: one page has all");
            if let Some(index) = busy.next() {
                bench.clock().advance(Duration::from_secs(1));
                bench.change(kind, index).await;
                bench.add(kind).await;
            } else if last {
                break;
            }
            if last {
                bench.clock().advance(bench.next_sweep());
            }
        }
        for _ in 0..2 {
            bench.clock().advance(bench.next_sweep());
            let more = read(&*source, kind, seen.cursor.as_ref()).await;
            seen.events.extend(more.events);
            seen.cursor = more.cursor;
        }
        let truth = read_afresh(bench, kind).await;
        let missing: Vec<_> = truth.states().difference(&seen.states()).cloned().collect();
        assert_eq!(missing, [], "{kind}");
        assert_eq!(truth.keys(), seen.keys(), "{kind}");
    }
}

/// Those behind it move up, past the reader; the next sweep sees them at the latest. The rows lie
/// further apart in time than any overlap of two sweeps that is there for rows that come late.
pub async fn a_row_that_vanishes_while_pages_are_read_hides_no_other(bench: &dyn SourceBench) {
    let mut removed = false;
    for kind in bench.kinds() {
        for _ in 0..rows_of_pages(bench, kind) {
            add(bench, kind, 1).await;
            bench.clock().advance(bench.lateness() * 4);
        }
        let source = bench.source(2);
        let feed = feed(&*source, kind);
        let mut seen = Read::default();
        let first = source.poll(&feed, None).await.unwrap();
        assert!(!seen.take(first), "{kind}: one page has all");
        if !bench.remove(kind, 0).await {
            continue;
        }
        removed = true;
        let mut rest = read(&*source, kind, seen.cursor.as_ref()).await;
        for _ in 0..2 {
            seen.events.extend(rest.events);
            bench.clock().advance(bench.next_sweep());
            rest = read(&*source, kind, rest.cursor.as_ref()).await;
        }
        seen.events.extend(rest.events);
        let truth = read_afresh(bench, kind).await;
        let missing: Vec<_> = truth.keys().difference(&seen.keys()).cloned().collect();
        assert!(missing.is_empty(), "{kind}: never seen: {missing:?}");
    }
    assert!(removed, "the bench must remove rows of some kind, or lack `Power::Deletes`");
}

/// As a newer version of the same record.
pub async fn a_change_is_told_by_the_next_sweep(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 3).await;
        let source = bench.source(2);
        let before = read(&*source, kind, None).await;
        bench.clock().advance(bench.next_sweep());
        bench.change(kind, 1).await;
        bench.clock().advance(Duration::from_secs(5));
        let after = read(&*source, kind, before.cursor.as_ref()).await;
        let (old, new) = (before.states(), after.states());
        let changed: Vec<_> = new.difference(&old).filter(|(key, _)| key.kind == kind).collect();
        assert_eq!(changed.len(), 1, "{kind}: {changed:?}");
        let key = changed[0].0;
        assert!(after.newest()[key].version > before.newest()[key].version, "{kind}");
    }
}

/// A record whose time of change lies before what was read already: it was committed late, or by
/// a machine whose clock is slow.
pub async fn a_row_that_was_committed_late_is_found(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 1).await;
        bench.clock().advance(Duration::from_secs(3_600));
        add(bench, kind, 1).await;
        let source = bench.source(bench.largest_page());
        let before = read(&*source, kind, None).await;
        let now = bench.clock().now();
        bench.clock().set(now - TimeDelta::from_std(bench.lateness()).unwrap());
        bench.add(kind).await;
        bench.clock().set(now);
        bench.clock().advance(bench.next_sweep());
        let after = read(&*source, kind, before.cursor.as_ref()).await;
        let late = |kind: RecordKind| {
            after.keys().difference(&before.keys()).filter(|key| key.kind == kind).count()
        };
        assert_eq!(late(kind), 1, "{kind}");
    }
}

/// However often it is read, and by whom.
pub async fn what_did_not_change_is_no_new_event(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 3).await;
        let source = bench.source(2);
        let mut seen = read(&*source, kind, None).await;
        let known: Vec<_> = seen.events.iter().map(|event| event.id.clone()).collect();
        for _ in 0..2 {
            bench.clock().advance(bench.next_sweep());
            seen = read(&*source, kind, seen.cursor.as_ref()).await;
            for event in &seen.events {
                assert!(known.contains(&event.id), "{kind}: {:?} is told as new", event.key);
            }
        }
        for event in read_afresh(bench, kind).await.events {
            assert!(known.contains(&event.id), "{kind}: {:?} is new to another process", event.key);
        }
    }
}
