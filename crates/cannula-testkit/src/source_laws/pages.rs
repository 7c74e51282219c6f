use std::collections::BTreeSet;

use cannula_core::{Cursor, Error, ErrorKind, Feed, PracticeId, RecordId, RecordKey, RecordKind};
use futures::future::{join, join_all};

use super::{
    Read, SourceBench, add, feed, gate, read, read_afresh, rows::change_rows, rows_of_pages,
};
use crate::Spoil;

/// And tells so.
pub async fn an_empty_feed_ends_at_once(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        let all = read_afresh(bench, kind).await;
        assert_eq!((all.events.len(), all.rejected.len()), (0, 0), "{kind}");
    }
}

/// As one event, with its record's own kind.
pub async fn every_record_is_read_once(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 5).await;
        let all = read_afresh(bench, kind).await;
        let of_kind = all.keys().into_iter().filter(|key| key.kind == kind).count();
        assert_eq!((of_kind, all.rejected.len()), (5, 0), "{kind}");
        assert_eq!(all.ids().len(), all.events.len(), "an event twice in {kind}");
        for event in &all.events {
            assert_eq!(event.key.kind, event.record.kind());
        }
    }
}

/// One row a page, two, and as many as there can be.
pub async fn page_size_changes_nothing(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 5).await;
        let whole = read_afresh(bench, kind).await;
        assert!(!whole.events.is_empty());
        for size in [1, 2] {
            let small = read(&*bench.source(size), kind, None).await;
            assert_eq!(small.states(), whole.states(), "{kind} with {size} rows a page");
            assert!(small.pages > whole.pages, "{kind}: {size} rows a page are not fewer");
        }
    }
}

/// Whoever crashed before the page was stored polls the same cursor again.
pub async fn a_page_read_again_is_the_same(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, rows_of_pages(bench, kind)).await;
        let source = bench.source(1);
        let feed = feed(&*source, kind);
        let mut cursor = None;
        for page in 1.. {
            let [once, again] =
                [(); 2].map(|()| async { source.poll(&feed, cursor.as_ref()).await.unwrap() });
            let (once, again) = (once.await, again.await);
            let ids = |page: &cannula_core::Page| {
                page.events.iter().map(|event| event.id.clone()).collect::<Vec<_>>()
            };
            assert_eq!(ids(&once), ids(&again), "{kind}");
            assert_eq!(once.last, again.last, "{kind}");
            if again.last {
                assert!(page > 2, "{kind}: {page} pages");
                break;
            }
            cursor = Some(again.next);
        }
    }
}

/// The cursor is all that the next process has.
pub async fn a_listing_goes_on_in_another_process(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, rows_of_pages(bench, kind)).await;
        let mut all = Read::default();
        loop {
            let source = bench.source(1);
            let page = source.poll(&feed(&*source, kind), all.cursor.as_ref()).await.unwrap();
            if all.take(page) {
                break;
            }
        }
        assert!(all.pages > 2, "{kind}: {} pages", all.pages);
        assert_eq!(all.states(), read_afresh(bench, kind).await.states(), "{kind}");
    }
}

/// Eight of them with one source, each with a cursor of its own.
pub async fn polls_side_by_side_do_not_disturb_each_other(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, rows_of_pages(bench, kind)).await;
        let source = bench.source(1);
        let reads = join_all((0..8).map(|_| read(&*source, kind, None))).await;
        let alone = read_afresh(bench, kind).await;
        for read in reads {
            assert_eq!(read.states(), alone.states(), "{kind}");
        }
    }
}

/// It runs out while they are under way.
pub async fn polls_side_by_side_outlive_their_sign_in(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, rows_of_pages(bench, kind)).await;
        let source = bench.source(1);
        let alone = read(&*source, kind, None).await;
        let asked = || gate(bench).count(bench.listing(kind));
        let before = asked();
        let run_out = async {
            while asked() < before + 8 {
                tokio::task::yield_now().await;
            }
            gate(bench).revoke();
        };
        let (reads, ()) = join(join_all((0..8).map(|_| read(&*source, kind, None))), run_out).await;
        for read in reads {
            assert_eq!(read.states(), alone.states(), "{kind}");
        }
    }
}

/// It may be that all its rows are somebody else's; what follows is read all the same.
pub async fn an_empty_page_is_not_the_end(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 4).await;
        let all = read_afresh(bench, kind).await;
        let source = bench.source(1);
        let feed = feed(&*source, kind);
        let first = source.poll(&feed, None).await.unwrap();
        assert!(!first.last);
        let rows = change_rows(bench, kind, Vec::clear);
        let second = source.poll(&feed, Some(&first.next)).await.unwrap();
        assert!(rows.met(), "{kind}: the page had no rows to take away");
        assert!(second.events.is_empty() && !second.last, "{kind}");
        gate(bench).open();
        let rest = read(&*source, kind, Some(&second.next)).await;
        let seen: BTreeSet<_> =
            rest.events.iter().chain(&first.events).map(|event| &event.key).collect();
        assert_eq!(seen.len(), all.keys().len() - 1, "{kind}: all but the row taken away");
    }
}

/// Nothing was stored, so nothing is lost.
pub async fn a_failed_poll_leaves_its_cursor_good(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, rows_of_pages(bench, kind)).await;
        let all = read_afresh(bench, kind).await;
        let source = bench.source(1);
        let feed = feed(&*source, kind);
        let mut seen = Read::default();
        loop {
            gate(bench).always(bench.listing(kind), Spoil::Status(503));
            let failed = source.poll(&feed, seen.cursor.as_ref()).await;
            gate(bench).open();
            // What asks for nothing cannot fail: the sweep is not due yet, or is over.
            let page = match failed {
                Ok(page) => page,
                Err(_) => source.poll(&feed, seen.cursor.as_ref()).await.unwrap(),
            };
            if seen.take(page) {
                break;
            }
        }
        assert_eq!(seen.states(), all.states(), "{kind}");
    }
}

/// By the same id, with the same content.
pub async fn a_record_read_alone_is_the_one_of_the_listing(bench: &dyn SourceBench) {
    for kind in bench.kinds() {
        add(bench, kind, 2).await;
        let source = bench.source(bench.largest_page());
        let all = read(&*source, kind, None).await;
        for event in all.events.iter().filter(|event| event.key.kind == kind) {
            let alone = source.get(&event.key).await.unwrap();
            let alone = alone.unwrap_or_else(|| panic!("{kind}: the listing has it"));
            assert_eq!((&alone.key, &alone.record), (&event.key, &event.record), "{kind}");
        }
    }
}

/// `None`: the engine then takes the record for gone. A source that has not read one such record
/// yet may doubt that it can, and one that cannot tell says `NotFound`.
pub async fn a_record_that_nobody_has_is_none(bench: &dyn SourceBench) {
    let source = bench.source(bench.largest_page());
    for kind in bench.kinds() {
        add(bench, kind, 1).await;
        let all = read(&*source, kind, None).await;
        let known = all.events.iter().find(|event| event.key.kind == kind);
        let known = known.unwrap_or_else(|| panic!("{kind}: what was added is not listed"));
        assert!(source.get(&known.key).await.unwrap().is_some(), "{kind}");
        let id = RecordId::new("00000000-0000-4000-8000-00000000dead");
        let key = RecordKey { practice: feed(&*source, kind).practice, kind, id };
        let found = source.get(&key).await;
        let is_doubt =
            |error: &Error| error.kind() == ErrorKind::NotFound && error.http_status().is_none();
        let is_none = found.as_ref().map_or_else(is_doubt, Option::is_none);
        assert!(is_none, "{kind}: {found:?}");
    }
}

/// Another practice's, or a kind that no EMR has.
pub async fn a_feed_that_is_not_there_is_refused(bench: &dyn SourceBench) {
    let source = bench.source(bench.largest_page());
    let practice = source.info().feeds[0].practice.clone();
    let kind = source.info().feeds[0].kind;
    for feed in [
        Feed { practice, kind: RecordKind::OrderDecision },
        Feed { practice: PracticeId::new("somebody else's"), kind },
    ] {
        let error = source.poll(&feed, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

/// Starting over in silence would hide that the store belongs to another source.
pub async fn a_cursor_of_somebody_else_is_refused(bench: &dyn SourceBench) {
    let source = bench.source(bench.largest_page());
    for kind in bench.kinds() {
        let cursor = Cursor::new("where somebody else has read to");
        let outcome = source.poll(&feed(&*source, kind), Some(&cursor)).await;
        assert!(outcome.is_err(), "{kind}: taken as {outcome:?}");
    }
}
