//! Everything at once, from one number: the seed decides the flow, the practice, its EMR and its
//! webhooks, what fails, when each process dies and how many there are. Practices are small and
//! there are many of them; the other tests look at one trouble at a time in larger ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use cannula::{
    core::{CrmSink, EmrSource, PatientRegistry, Result},
    rules::{PaymentPipelines, posting::PostingRules},
    sync::{CrmFlow, Engine, Flow, IntakeFlow, PostingFlow, SqliteStore, Store},
};
use cannula_sandbox::{
    DeliveryState, Sandbox, Vendor,
    practice::{PatientState, Product},
};
use cannula_testkit::{Crash, CrashEmr, CrashSink, CrashStore, MemoryLedger};
use cannula_tests::{
    Depth, Emr, Receiver, Shop, ShopConfig, Truth, World, WorldConfig, differences, each_seed,
    trouble, untold,
};
use futures::future::join_all;

/// How many seeds every run tries.
const USUAL: u64 = 200;
const HALF_A_DAY: Duration = Duration::from_secs(12 * 3_600);
/// Processes that die, of each worker.
const DEATHS: u64 = 12;

/// Numbers that look random.
struct Chance(u64);

impl Chance {
    fn of(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    /// When the processes of one worker end, one after the other.
    fn deaths(&mut self) -> Vec<Arc<Crash>> {
        (0..DEATHS).map(|_| Crash::at(self.below(150))).collect()
    }
}

/// A flow between vendors that outlive its processes.
#[async_trait]
trait Life: Sync {
    type Flow: Flow;

    /// A process, and what receives its webhooks.
    async fn start(&self, store: Arc<dyn Store>, crash: &Arc<Crash>) -> Process<Self::Flow>;

    /// Works everything off.
    async fn work(&self, process: &Process<Self::Flow>) -> Result<()>;
}

struct Process<F: Flow> {
    engine: Arc<Engine<F>>,
    /// The visits' engine, if the flow is another that tells it something.
    visits: Option<Arc<Engine<CrmFlow>>>,
    _receiver: Option<Receiver>,
}

/// What a seed has gone through.
#[derive(Clone, Copy, Debug)]
struct Troubles {
    deaths: usize,
    faults: u64,
    lost: usize,
}

impl Troubles {
    fn of(sandbox: &Sandbox, deaths: usize, vendors: &[Vendor]) -> Self {
        let faults = vendors.iter().flat_map(|vendor| sandbox.faults(*vendor).injected());
        let log = vendors.iter().flat_map(|vendor| sandbox.webhook_log(*vendor));
        Self {
            deaths,
            faults: faults.map(|(_, times)| times).sum(),
            lost: log.filter(|it| it.state == DeliveryState::Lost).count(),
        }
    }
}

/// One that works on a store under its own name. Its processes end, the handle stays: what a
/// process has not saved is gone with it.
struct Worker<'a, L: Life> {
    life: &'a L,
    store: Arc<SqliteStore>,
    deaths: Vec<Arc<Crash>>,
    /// How many of its processes have died.
    died: usize,
    crash: Arc<Crash>,
    process: Process<L::Flow>,
}

impl<'a, L: Life> Worker<'a, L> {
    async fn new(life: &'a L, store: Arc<SqliteStore>, mut deaths: Vec<Arc<Crash>>) -> Self {
        let crash = deaths.pop().unwrap_or_else(Crash::never);
        let on = on(&store, &crash);
        let process = life.start(on, &crash).await;
        Self { life, store, deaths, died: 0, crash, process }
    }

    /// Works everything off, however many processes that takes.
    async fn settle(mut self) -> Self {
        while let Err(error) = self.life.work(&self.process).await {
            assert!(self.crash.happened(), "{error}");
            drop(self.process);
            let died = self.died + 1;
            self = Self { died, ..Self::new(self.life, self.store, self.deaths).await };
        }
        self
    }
}

/// A store as a process sees it that will end.
fn on(store: &Arc<SqliteStore>, crash: &Arc<Crash>) -> Arc<dyn Store> {
    let inner = Arc::clone(store) as Arc<dyn Store>;
    Arc::new(CrashStore { inner, crash: Arc::clone(crash) })
}

struct Visits {
    world: World,
    source: Arc<dyn EmrSource>,
    sink: Arc<dyn CrmSink>,
}

impl Visits {
    /// The EMR sends no webhooks.
    fn is_polled(&self) -> bool {
        matches!(self.world.config.emr, Emr::Nextech(_))
    }
}

#[async_trait]
impl Life for Visits {
    type Flow = CrmFlow;

    async fn start(&self, store: Arc<dyn Store>, crash: &Arc<Crash>) -> Process<CrmFlow> {
        let (world, inner) = (&self.world, Arc::clone(&self.sink));
        let sink = Arc::new(CrashSink { inner, crash: Arc::clone(crash) });
        let engine = world.engine_of(Arc::clone(&self.source), world.rules(), sink, store);
        let engine = Arc::new(engine.unwrap());
        let receiver = match self.is_polled() {
            true => None,
            false => Some(world.receive(&engine).await.unwrap()),
        };
        Process { engine, visits: None, _receiver: receiver }
    }

    async fn work(&self, process: &Process<CrmFlow>) -> Result<()> {
        self.world.settle(&process.engine).await
    }
}

async fn visits(seed: u64, emr: Emr, chance: &mut Chance) -> Troubles {
    let mut config = WorldConfig::new(seed, 5, 6, emr).with_faults();
    config.page_size = 100;
    let days = u64::from(config.practice.days);
    if !matches!(emr, Emr::Nextech(_)) {
        config.payments = PaymentPipelines::All;
    }
    let world = World::start(config).await.unwrap();
    let (source, sink) = (world.source().unwrap(), world.sink().unwrap());
    let life = Visits { world, source, sink };
    let world = &life.world;
    if emr == Emr::Zenoti {
        world.sandbox.practice().zenoti_plan_merges(world.config.practice, 1);
    }
    if !life.is_polled() {
        world.sandbox.set_webhook_quirks(emr.vendor(), trouble(seed));
    }
    let directory = tempfile::tempdir().unwrap();
    let open = |worker| SqliteStore::open(directory.path().join("store.db"), worker).unwrap();
    // Two processes have a file between them, and a connection each.
    let stores: Vec<Arc<SqliteStore>> = match chance.below(2) {
        0 => vec![Arc::new(SqliteStore::in_memory("one").unwrap())],
        _ => ["one", "two"].map(|worker| Arc::new(open(worker))).into(),
    };
    let store = Arc::clone(&stores[0]);
    let mut workers = Vec::new();
    for store in stores {
        workers.push(Worker::new(&life, store, chance.deaths()).await);
    }
    let rules = world.rules();
    let mut truth = Truth::of(world.history());
    // A week more for what is late.
    for _ in 0..(days + 7) * 2 {
        truth.poll(&rules, world.pass(HALF_A_DAY));
        world.sandbox.deliver_webhooks().await;
        workers = join_all(workers.into_iter().map(Worker::settle)).await;
    }
    let deaths = workers.iter().map(|worker| worker.died).sum();
    drop(workers);
    let worker = Worker::new(&life, Arc::clone(&store), Vec::new()).await;
    let engine = &worker.process.engine;
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
    assert!(summary.done > 0, "{summary:?}");
    let wrong = if life.is_polled() {
        differences(&truth, &world.sandbox, engine, Depth::Whole).await.unwrap()
    } else {
        world.decide_again(engine).await.unwrap();
        untold(world, engine, &*store).await.unwrap()
    };
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Troubles::of(&world.sandbox, deaths, &[emr.vendor(), Vendor::Crm])
}

struct Intake {
    world: World,
    registry: Arc<dyn PatientRegistry>,
    source: Arc<dyn EmrSource>,
    sink: Arc<dyn CrmSink>,
    /// What the visits' engine knows.
    visits: Arc<SqliteStore>,
}

#[async_trait]
impl Life for Intake {
    type Flow = IntakeFlow;

    async fn start(&self, store: Arc<dyn Store>, crash: &Arc<Crash>) -> Process<IntakeFlow> {
        let registry = Arc::clone(&self.registry);
        let ledger = Arc::new(MemoryLedger::new(Arc::clone(&self.world.clock) as _));
        let registry = Arc::new(CrashEmr { registry, ledger, crash: Arc::clone(crash) });
        let (world, inner) = (&self.world, Arc::clone(&self.sink));
        let crm = Arc::new(CrashSink { inner, crash: Arc::clone(crash) });
        let (source, sink) = (Arc::clone(&self.source), Arc::clone(&crm) as _);
        let visits = world.engine_of(source, world.rules(), sink, on(&self.visits, crash));
        let visits = Arc::new(visits.unwrap());
        let engine = Arc::new(world.intake(registry, crm, &visits, store).unwrap());
        let receiver = world.receive_tags(&engine).await.unwrap();
        Process { engine, visits: Some(visits), _receiver: Some(receiver) }
    }

    async fn work(&self, process: &Process<IntakeFlow>) -> Result<()> {
        self.world.settle(&process.engine).await?;
        match &process.visits {
            Some(visits) => self.world.settle(visits).await,
            None => Ok(()),
        }
    }
}

/// Contacts that ask for a patient; every third is one already.
const CONTACTS: u32 = 9;

async fn intake(seed: u64, emr: Emr, chance: &mut Chance) -> Troubles {
    let mut config = WorldConfig::empty(emr).with_faults();
    config.practice.seed = seed;
    let world = World::start(config).await.unwrap();
    let visits = Arc::new(SqliteStore::in_memory("visits").unwrap());
    let (registry, source) = (world.registry().unwrap(), world.source().unwrap());
    let sink = world.sink().unwrap();
    let life = Intake { world, registry, source, sink, visits };
    let world = &life.world;
    world.sandbox.crm_state().set_webhook_quirks(trouble(seed));
    let store = Arc::new(SqliteStore::in_memory("one").unwrap());
    let mut worker = Worker::new(&life, store, chance.deaths()).await;
    let mut contacts = BTreeMap::new();
    for number in 0..CONTACTS {
        let first = format!("Ann{}", char::from(b'a' + number as u8));
        let lead = world.lead(&first, "Vale", number);
        if number % 3 == 0 {
            let birth_date = cannula_examples::birthday(number);
            let patient = PatientState { birth_date, ..PatientState::new(&first, "Vale", number) };
            world.sandbox.practice().add_patient(patient);
        }
        let contact = world.sandbox.crm_state().add_contact(lead);
        assert!(world.sandbox.crm_state().tag(&contact, &[emr.create_tag()]));
        contacts.insert(contact, first);
        if chance.below(3) == 0 {
            world.pass(Duration::from_secs(300));
            world.sandbox.deliver_webhooks().await;
            worker = worker.settle().await;
        }
    }
    for _ in 0..6 {
        world.pass(Duration::from_secs(1_800));
        world.sandbox.deliver_webhooks().await;
        worker = worker.settle().await;
    }
    let process = Worker::new(&life, Arc::clone(&worker.store), Vec::new()).await.process;
    let visits = process.visits.unwrap();
    let wrong = world.unregistered(&contacts, &visits).await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let summary = worker.process.engine.summary().await.unwrap();
    let open = (summary.pending, summary.delivering, summary.parked, summary.dead);
    assert_eq!(open, (0, 0, 0, 0), "{summary:?}");
    Troubles::of(&world.sandbox, worker.died, &[emr.vendor(), Vendor::Crm])
}

struct Posting {
    shop: Shop,
    rules: PostingRules,
}

#[async_trait]
impl Life for Posting {
    type Flow = PostingFlow;

    async fn start(&self, store: Arc<dyn Store>, crash: &Arc<Crash>) -> Process<PostingFlow> {
        let emr = self.shop.emr().unwrap();
        let (registry, ledger) = (Arc::clone(&emr) as _, emr as _);
        let emr = Arc::new(CrashEmr { registry, ledger, crash: Arc::clone(crash) });
        let (source, rules) = (self.shop.source().unwrap(), self.rules.clone());
        let engine = self.shop.engine_of(source, rules, Arc::clone(&emr) as _, emr, store);
        Process { engine: Arc::new(engine), visits: None, _receiver: None }
    }

    async fn work(&self, process: &Process<PostingFlow>) -> Result<()> {
        let engine = &process.engine;
        self.shop.settle(engine).await?;
        self.shop.staff(engine, &self.rules).await?;
        self.shop.settle(engine).await
    }
}

async fn posting(seed: u64, product: Product, chance: &mut Chance) -> Troubles {
    let mut config = ShopConfig::new(seed, 4, 6, product);
    config.faults = true;
    let shop = Shop::open(config).await.unwrap();
    let rules = shop.rules(&shop.emr().unwrap());
    let life = Posting { shop, rules };
    let Posting { shop, rules } = &life;
    let store = Arc::new(SqliteStore::in_memory("one").unwrap());
    let mut worker = Worker::new(&life, store, chance.deaths()).await;
    for _ in 0..16 {
        shop.pass(HALF_A_DAY);
        worker = worker.settle().await;
    }
    let deaths = worker.died;
    let mut rounds = 0..10;
    loop {
        worker = Worker::new(&life, worker.store, Vec::new()).await.settle().await;
        if shop.staff(&worker.process.engine, rules).await.unwrap() == 0 {
            break;
        }
        assert!(rounds.next().is_some(), "staff never come to an end");
    }
    let differences = shop.differences();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let summary = worker.process.engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
    Troubles::of(&shop.sandbox, deaths, &[Vendor::DermPro, Vendor::Nextech])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_everything_is_there_once() {
    let emrs = [
        Emr::Nextech(Product::Select),
        Emr::Nextech(Product::PracticePlus),
        Emr::PatientNow,
        Emr::Zenoti,
    ];
    let all = each_seed(USUAL, |seed| async move {
        let chance = &mut Chance::of(seed);
        match seed % 10 {
            of @ 0..4 => visits(seed, emrs[of as usize], chance).await,
            of @ 4..8 => intake(seed, emrs[of as usize - 4], chance).await,
            8 => posting(seed, Product::Select, chance).await,
            _ => posting(seed, Product::PracticePlus, chance).await,
        }
    })
    .await;
    // That these seeds proved something.
    if all.len() >= 10 {
        let mean =
            |what: fn(&Troubles) -> u64| all.iter().map(what).sum::<u64>() / all.len() as u64;
        assert!(mean(|it| it.deaths as u64) >= 1, "{all:?}");
        assert!(mean(|it| it.faults) >= 1, "{all:?}");
        assert!(all.iter().any(|it| it.lost > 0), "{all:?}");
    }
}
