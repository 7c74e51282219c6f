//! The process ends at any boundary of ingest, decide and deliver and is started again: the CRM
//! ends up as if nothing had happened.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use cannula::{
    core::{
        CrmEffect, CrmLinks, CrmNeeds, CrmSink, EmrSource, IdempotencyKey, Receipt, Result, Settled,
    },
    sync::{CrmFlow, Engine, SqliteStore},
};
use cannula_sandbox::practice::Product;
use cannula_testkit::{Crash, CrashSink, CrashStore};
use cannula_tests::{Depth, Truth, World, WorldConfig, differences};
use futures::{StreamExt, stream};

const HALF_A_DAY: Duration = Duration::from_secs(12 * 3_600);
/// Lives that are lived side by side.
const SIDE_BY_SIDE: usize = 4;

/// What outlives a process: both vendors, the file, and for speed the clients, which remember
/// nothing but connections, a token and the CRM's ids.
struct Surroundings {
    world: World,
    source: Arc<dyn EmrSource>,
    sink: Arc<dyn CrmSink>,
    directory: tempfile::TempDir,
}

impl Surroundings {
    async fn new(config: WorldConfig) -> Self {
        let world = World::start(config).await.unwrap();
        let (source, sink) = (world.source().unwrap(), world.sink().unwrap());
        Self { world, source, sink, directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> impl AsRef<Path> {
        self.directory.path().join("practice.db")
    }

    /// A process that goes on with whatever the file holds.
    fn process(&self, crash: &Arc<Crash>) -> Engine<CrmFlow> {
        let inner = Arc::new(SqliteStore::open(self.file(), "main").unwrap());
        let store = Arc::new(CrashStore { inner, crash: Arc::clone(crash) });
        let inner = Arc::clone(&self.sink);
        let sink = Arc::new(CrashSink { inner, crash: Arc::clone(crash) });
        let source = Arc::clone(&self.source);
        self.world.engine_of(source, self.world.rules(), sink, store).unwrap()
    }
}

/// Plays a practice from its first day to its last, with a poll every `step`. Each process ends
/// at the boundary that `crashes` has for it; once there is none left, the process lives. Returns
/// how many died and how the CRM differs in the end.
async fn play(
    around: Surroundings,
    step: Duration,
    crashes: impl Iterator<Item = u64>,
) -> (usize, Vec<String>) {
    let mut crashes = crashes.map(Crash::at);
    let days = around.world.config.practice.days;
    let polls = u64::from(days) * 86_400 / step.as_secs();
    let world = &around.world;
    let mut next = || crashes.next().unwrap_or_else(Crash::never);
    let mut crash = next();
    let mut engine = around.process(&crash);
    let rules = world.rules();
    let mut truth = Truth::of(world.history());
    let mut deaths = 0;
    for _ in 0..polls {
        truth.poll(&rules, world.pass(step));
        while let Err(error) = world.settle(&engine).await {
            assert!(crash.happened(), "{error}");
            deaths += 1;
            drop(engine);
            crash = next();
            engine = around.process(&crash);
        }
    }
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
    assert!(summary.done > 0, "{summary:?}");
    (deaths, differences(&truth, &world.sandbox, &engine, Depth::Whole).await.unwrap())
}

/// Lives through `config` again and again and dies in each life once, at every `stride`th
/// boundary from `first` on, until a life ends before it comes to its boundary. Returns how many
/// lives knew death.
async fn die_once(config: &WorldConfig, step: Duration, first: usize, stride: usize) -> usize {
    let lives = stream::iter((first..).step_by(stride)).map(|boundary| {
        let config = config.clone();
        let seed = config.practice.seed;
        async move {
            let life = async move {
                let around = Surroundings::new(config).await;
                play(around, step, std::iter::once(boundary as u64)).await
            };
            // A task of its own, so that lives run on all threads.
            let (deaths, differences) = tokio::spawn(life).await.unwrap();
            let what = differences.join("\n");
            assert!(what.is_empty(), "seed {seed}, crashed at boundary {boundary}:\n{what}");
            deaths
        }
    });
    lives.buffered(SIDE_BY_SIDE).take_while(|deaths| std::future::ready(*deaths == 1)).count().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_boundary_changes_nothing_in_the_end() {
    let config = WorldConfig::new(1, 6, 12, Product::Select);
    let lives = die_once(&config, HALF_A_DAY * 4, 0, 1).await;
    assert!(lives > 150, "{lives}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_changes_nothing_in_larger_practices_with_faults_or_without() {
    for (seed, product, faults) in [
        (2, Product::Select, true),
        (3, Product::PracticePlus, true),
        (4, Product::Select, false),
        (5, Product::PracticePlus, false),
    ] {
        let config = WorldConfig { faults, ..WorldConfig::new(seed, 12, 15, product) };
        let lives = die_once(&config, HALF_A_DAY, seed as usize, 101).await;
        assert!(lives > 5, "{lives}");
    }
}

/// Numbers that look random, in `range`.
fn draw(seed: u64, range: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        let multiplied = state.wrapping_mul(6_364_136_223_846_793_005);
        state = multiplied.wrapping_add(1_442_695_040_888_963_407);
        range.start + (state >> 33) % (range.end - range.start)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_never_lives_long_still_gets_everything_done_once() {
    for (seed, product) in [
        (6, Product::Select),
        (7, Product::PracticePlus),
        (8, Product::Select),
        (9, Product::PracticePlus),
    ] {
        let config = WorldConfig::new(seed, 12, 15, product).with_faults();
        let around = Surroundings::new(config).await;
        // Now and then one lives through a whole batch: what was delivered is recorded after it.
        let (deaths, differences) = play(around, HALF_A_DAY, draw(seed, 0..120)).await;
        assert!(differences.is_empty(), "seed {seed}:\n{}", differences.join("\n"));
        assert!(deaths > 10, "{deaths}");
    }
}

/// A CRM that never looks whether a write of unknown outcome is there.
#[derive(Debug)]
struct Careless(Arc<dyn CrmSink>);

#[async_trait]
impl CrmSink for Careless {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn check(&self) -> Result<()> {
        self.0.check().await
    }

    async fn prepare(&self, needs: &CrmNeeds) -> Result<()> {
        self.0.prepare(needs).await
    }

    async fn deliver(
        &self,
        effect: &CrmEffect,
        links: &CrmLinks,
        key: &IdempotencyKey,
    ) -> Result<Receipt> {
        self.0.deliver(effect, links, key).await
    }

    async fn settle(
        &self,
        _effect: &CrmEffect,
        _links: &CrmLinks,
        _key: &IdempotencyKey,
    ) -> Result<Settled> {
        Ok(Settled::SendAgain)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_reading_back_these_tests_would_fail() {
    let mut around = Surroundings::new(WorldConfig::new(6, 12, 15, Product::Select)).await;
    around.sink = Arc::new(Careless(around.sink));
    let (_, differences) = play(around, HALF_A_DAY, draw(6, 0..120)).await;
    assert!(differences.iter().any(|what| what.contains("notes should be")), "{differences:#?}");
}
