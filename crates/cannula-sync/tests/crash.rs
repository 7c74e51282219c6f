//! The process ends at each boundary of ingest, decide and deliver, and is started again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{collections::BTreeMap, path::Path, sync::Arc};

use cannula_core::{AppointmentStatus as Status, Error, ErrorKind, RecordKind, Result, Retry};
use cannula_sync::{SqliteStore, Summary};
use cannula_testkit::{Crash, CrashSink, CrashStore, MemoryContact, patient};
use common::{World, consult, visit};

/// Three persons: one is rescheduled, one changes in a later page, one is known only by asking.
fn world() -> World {
    let world = World::with_consults(&["ada", "bea"]);
    world.source.record(patient("cid", 0));
    let later = vec![
        visit("ada", "Consult", Status::Cancelled, 3),
        visit("ada", "Surgery", Status::Confirmed, 2),
        visit("bea", "Consult", Status::Fulfilled, 4),
        visit("cid", "Filler", Status::Pending, 1),
    ];
    world.source.page(RecordKind::Appointment, later);
    let unknown = || Error::new(ErrorKind::Connection, "no answer").retry(Retry::Settle);
    world.crm.fail_next("note", unknown(), true);
    world.crm.fail_next("note", unknown(), false);
    world.crm.fail_next("stage", unknown(), false);
    world
}

/// A whole working day of one process; it may end early.
async fn live(world: &World, path: &Path, crash: &Arc<Crash>) -> Result<Summary> {
    let inner = Arc::new(SqliteStore::open(path, "main")?);
    let store = Arc::new(CrashStore { inner, crash: crash.clone() });
    let sink = Arc::new(CrashSink { inner: world.crm.clone(), crash: crash.clone() });
    let engine = world.engine_with(store, sink, common::DOCUMENT);
    engine.poll().await?;
    world.drain_all(&engine).await?;
    let news = vec![visit("cid", "Filler", Status::Fulfilled, 6), consult("cid")];
    engine.accept(news).await?;
    world.drain_all(&engine).await?;
    engine.summary().await
}

async fn straight() -> (BTreeMap<String, MemoryContact>, Summary, u64) {
    let (world, dir, crash) = (world(), tempfile::tempdir().unwrap(), Crash::never());
    let summary = live(&world, &dir.path().join("store.db"), &crash).await.unwrap();
    (world.crm.contacts(), summary, crash.boundaries())
}

/// A process for each boundary, which ends there, and one that lives.
async fn crashed_at(boundaries: &[u64]) -> (BTreeMap<String, MemoryContact>, Summary) {
    let (world, dir) = (world(), tempfile::tempdir().unwrap());
    let path = dir.path().join("store.db");
    for boundary in boundaries {
        let crash = Crash::at(*boundary);
        let ended = live(&world, &path, &crash).await;
        assert_eq!(ended.is_err(), crash.happened());
    }
    let summary = live(&world, &path, &Crash::never()).await.unwrap();
    (world.crm.contacts(), summary)
}

#[tokio::test]
async fn a_crash_at_any_boundary_changes_nothing_in_the_end() {
    let (contacts, summary, boundaries) = straight().await;
    let notes: usize = contacts.values().map(|contact| contact.notes.len()).sum();
    assert_eq!((contacts.len(), notes, summary.done), (3, 8, 11));
    assert!(boundaries > 60, "{boundaries}");
    for boundary in 0..boundaries {
        let (after, counts) = crashed_at(&[boundary]).await;
        assert_eq!(after, contacts, "crashed at {boundary}");
        assert_eq!(counts, summary, "crashed at {boundary}");
    }
}

#[tokio::test]
async fn three_crashes_in_a_row_change_nothing_either() {
    let (contacts, summary, boundaries) = straight().await;
    let mut seed = 1_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % boundaries
    };
    for _ in 0..30 {
        let at = [next(), next(), next()];
        let (after, counts) = crashed_at(&at).await;
        assert_eq!((after, counts), (contacts.clone(), summary), "crashed at {at:?}");
    }
}
