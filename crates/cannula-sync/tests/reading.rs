//! Pages: each is read while the one before it is stored, and none is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use cannula_core::{
    Cursor, EmrSource, Error, ErrorKind, Event, Feed, Page, RecordKey, RecordKind, Result, Retry,
    SourceInfo,
};
use cannula_sync::{CrmFlow, Engine, SqliteStore, Store};
use cannula_testkit::{Crash, CrashStore, ScriptedSource, async_trait, patient};
use common::{DOCUMENT, World, flow, store};
use rusqlite::Connection;

type Act = Box<dyn FnOnce() + Send>;

/// A source that notes which pages it was asked for, and does something at one of them.
struct Watched {
    inner: Arc<ScriptedSource>,
    asked: Mutex<Vec<Option<Cursor>>>,
    /// The page, and what to do before it is given out.
    at: Mutex<Option<(Cursor, Act)>>,
    /// The page that never comes.
    silent: Option<Cursor>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

#[async_trait]
impl EmrSource for Watched {
    fn info(&self) -> &SourceInfo {
        self.inner.info()
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        if feed.kind == RecordKind::Patient {
            self.asked.lock().unwrap().push(cursor.cloned());
            let here = self.at.lock().unwrap().take_if(|(at, _)| Some(&*at) == cursor);
            if let Some((_, act)) = here {
                act();
            }
            if cursor.is_some() && cursor == self.silent.as_ref() {
                std::future::pending::<()>().await;
            }
        }
        self.inner.poll(feed, cursor).await
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        self.inner.get(key).await
    }
}

struct Scene {
    world: World,
    source: Watched,
}

impl Scene {
    /// A practice of so many pages with a patient each.
    fn of_pages(pages: usize) -> Self {
        let world = World::new();
        for number in 0..pages {
            world.source.page(RecordKind::Patient, vec![patient(&format!("p{number}"), 0)]);
        }
        let inner = world.source.clone();
        let source = Watched { inner, asked: Mutex::default(), at: Mutex::default(), silent: None };
        Self { world, source }
    }

    fn engine(self, store: Arc<dyn Store>) -> (Engine<CrmFlow>, Arc<Watched>) {
        let flow = flow(self.world.crm.clone(), DOCUMENT);
        let source = Arc::new(self.source);
        (Engine::new(source.clone(), flow, store, self.world.clock.clone()), source)
    }
}

fn cursor(page: usize) -> Cursor {
    Cursor::new(page.to_string())
}

#[tokio::test]
async fn the_next_page_is_asked_for_while_one_is_being_stored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let store = Arc::new(SqliteStore::open(&path, "main").unwrap());
    // Nothing can be stored before the second page is asked for.
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut scene = Scene::of_pages(3);
    let release = Box::new(move || other.execute_batch("ROLLBACK").unwrap());
    *scene.source.at.get_mut().unwrap() = Some((cursor(1), release));
    let (engine, source) = scene.engine(store);
    let report = engine.poll().await.unwrap();
    assert_eq!((report.pages, report.new), (4, 3));
    assert_eq!(*source.asked.lock().unwrap(), [None, Some(cursor(1)), Some(cursor(2))]);
}

#[tokio::test]
async fn a_page_that_cannot_be_stored_takes_the_one_behind_it_along() {
    let mut scene = Scene::of_pages(3);
    // Nobody waits for a page that is of no use.
    scene.source.silent = Some(cursor(1));
    let inner = store();
    let crashed = Arc::new(CrashStore { inner: inner.clone(), crash: Crash::at(2) });
    let pages = scene.world.source.clone();
    let (engine, source) = scene.engine(crashed);
    let polled = tokio::time::timeout(Duration::from_secs(30), engine.poll());
    polled.await.expect("it hangs").unwrap_err();
    assert_eq!(*source.asked.lock().unwrap(), [None, Some(cursor(1))]);

    // Read again from where the store is: from the beginning.
    let mut again = Scene::of_pages(0);
    again.source.inner = pages;
    let (engine, source) = again.engine(inner);
    let report = engine.poll().await.unwrap();
    assert_eq!((report.pages, report.new, report.duplicates), (4, 3, 0));
    assert_eq!(source.asked.lock().unwrap()[0], None);
}

#[tokio::test]
async fn a_page_that_cannot_be_read_leaves_the_one_before_it_stored() {
    let mut scene = Scene::of_pages(3);
    let pages = scene.world.source.clone();
    let down = Error::new(ErrorKind::Unavailable, "down").retry(Retry::Backoff);
    let fail = Box::new(move || pages.fail_next_poll(down));
    *scene.source.at.get_mut().unwrap() = Some((cursor(1), fail));
    let (engine, source) = scene.engine(store());
    assert_eq!(engine.poll().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(engine.summary().await.unwrap().events(), 1);
    // From the page that failed.
    source.asked.lock().unwrap().clear();
    assert_eq!(engine.poll().await.unwrap().new, 2);
    assert_eq!(*source.asked.lock().unwrap(), [Some(cursor(1)), Some(cursor(2))]);
}

#[tokio::test]
async fn a_source_that_repeats_its_cursor_is_not_read_in_circles() {
    let world = Scene::of_pages(1).world;
    let (circle, flow) = (Circle(world.source.clone()), flow(world.crm.clone(), DOCUMENT));
    let engine = Engine::new(Arc::new(circle), flow, store(), world.clock.clone());
    let error = engine.poll().await.unwrap_err();
    assert_eq!((error.kind(), error.retry_advice()), (ErrorKind::Decode, Retry::Backoff));
    assert_eq!(engine.summary().await.unwrap().events(), 1, "what it gave is kept");
}

/// A source whose every page says that the next one is the first one again.
#[derive(Debug)]
struct Circle(Arc<ScriptedSource>);

#[async_trait]
impl EmrSource for Circle {
    fn info(&self) -> &SourceInfo {
        self.0.info()
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn poll(&self, feed: &Feed, _cursor: Option<&Cursor>) -> Result<Page> {
        let page = self.0.poll(feed, None).await?;
        Ok(Page { next: cursor(1), last: false, ..page })
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        self.0.get(key).await
    }
}
