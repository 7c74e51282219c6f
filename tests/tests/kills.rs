//! The programs as processes that are killed at random moments: no destructor runs, nothing is
//! flushed, and a request may be on its way. What the file holds is enough to go on from.
//!
//! `cargo test --workspace` builds the programs first; `--test kills` alone takes them as they were
//! built last: `cargo build --examples` builds them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::{
    env::{self, consts::EXE_SUFFIX},
    fs,
    hash::{BuildHasher, RandomState},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use cannula::{
    core::Clock,
    http::SystemClock,
    rules::{PaymentPipelines, RulesConfig},
    sync::{CrmFlow, Engine, SqliteStore, Store},
};
use cannula_examples::{posting_rules, referral_sources};
use cannula_sandbox::{
    Access, Vendor,
    dermpro::{Article, Checkout, Line, Shopper},
    practice::{AppointmentState, PatientState, Practice, Product, ZONE},
};
use cannula_tests::{Clinic, Emr, Shop, ShopConfig, World, WorldConfig, untold};
use chrono::{DateTime, NaiveTime, TimeDelta, Timelike, Utc};
use tokio::{net::TcpListener, process::Command};

/// How often each program is killed.
const KILLS: u32 = 50;
/// The longest life of a program that is killed, in milliseconds, until one is done before.
const LONGEST: u64 = 1_200;
/// How long what was there before is, in days.
const DAYS: u32 = 14;
const HOUR: Duration = Duration::from_secs(3_600);
/// How often the vendors' clock follows the real one.
const TICK: Duration = Duration::from_millis(20);

/// A compiled example.
fn program(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    profile.join("examples").join(format!("{name}{EXE_SUFFIX}"))
}

/// A folder with a program's configuration and its store.
struct Service {
    program: &'static str,
    arguments: Vec<String>,
    directory: tempfile::TempDir,
}

impl Service {
    fn new(program: &'static str, configuration: &str, categories: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("practice.toml"), configuration).unwrap();
        fs::write(directory.path().join("categories.csv"), categories).unwrap();
        let arguments = ["--live", "practice.toml", "--json"].map(str::to_owned).into();
        Self { program, arguments, directory }
    }

    /// Where the store is.
    fn file(&self) -> impl AsRef<Path> {
        self.directory.path().join("practice.db")
    }

    /// Lets a process live until it ends by itself, or until its time is over. Returns whether it
    /// was killed. `tick` is called all the while.
    async fn live(&self, more: &[String], time: Option<Duration>, tick: &impl AsyncFn()) -> bool {
        let mut process = Command::new(program(self.program))
            .args(&self.arguments)
            .args(more)
            .current_dir(self.directory.path())
            .env("RUST_LOG", "off")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lived = Duration::ZERO;
        loop {
            SystemClock.sleep(TICK).await;
            tick().await;
            lived += TICK;
            if process.try_wait().unwrap().is_some() {
                let output = process.wait_with_output().await.unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                return false;
            }
            if time.is_some_and(|time| lived >= time) {
                process.kill().await.unwrap();
                return true;
            }
        }
    }

    /// Kills one process after another; before each, something happens.
    async fn die(&self, more: &[String], mut happen: impl FnMut(u32), tick: &impl AsyncFn()) {
        let (mut kills, mut longest) = (0, LONGEST);
        for life in 0.. {
            assert!(life < KILLS * 4, "{kills} of {life} lives were long enough");
            happen(life);
            let time = Duration::from_millis(RandomState::new().hash_one(life) % longest);
            if self.live(more, Some(time), tick).await {
                kills += 1;
            } else {
                longest = longest * 9 / 10;
            }
            if kills == KILLS {
                return;
            }
        }
    }
}

/// Both vendors of a practice that has been there for a while, by the real clock.
async fn world(emr: Emr) -> World {
    let start = beginning();
    let mut config = WorldConfig::new(1, 12, DAYS, emr);
    config.practice.start = start;
    config.page_size = 100;
    let world = World::start(config).await.unwrap();
    world.pass((SystemClock.now() - start).to_std().unwrap());
    world
}

fn beginning() -> DateTime<Utc> {
    let day = SystemClock.now().date_naive() - TimeDelta::days(i64::from(DAYS) + 1);
    day.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(5)
}

/// Somebody new comes, and somebody else is told another time.
fn happen(practice: &Practice, life: u32) {
    let now = SystemClock.now().with_timezone(&ZONE).naive_local();
    // Times of visits are printed without fractions of a second.
    let now = now.with_nanosecond(0).unwrap();
    let new = practice.add_patient(PatientState::new("Ada", &format!("Quill{life}"), 100 + life));
    let start = now + TimeDelta::days(2);
    let booked = practice.book(AppointmentState::new(&new, "Laser Treatment", start));
    if life.is_multiple_of(3) {
        practice.update_appointment(&booked, |it| it.start += TimeDelta::hours(1));
    }
}

/// Everything there is was read and is in the CRM once.
async fn assert_right(world: &World, engine: &Engine<CrmFlow>, store: &dyn Store) {
    let summary = engine.summary().await.unwrap();
    assert_eq!((summary.pending, summary.delivering, summary.dead), (0, 0, 0), "{summary:?}");
    let untold = untold(world, engine, store).await.unwrap();
    assert!(untold.is_empty(), "{}", untold.join("\n"));
    assert!(world.sandbox.crm().contacts.len() > KILLS as usize);
}

fn start_of_file() -> String {
    format!("[practice]\nzone = \"{ZONE}\"\n[store]\nfile = \"practice.db\"\n")
}

fn nextech(access: &Access) -> String {
    let it = &access.nextech.select;
    format!(
        r#"
[nextech]
product = "select"
start_from = 2020-01-01
practice_id = "{}"
client_id = "{}"
username = "{}"
password = "{}"
resource = "{}"
base_url = "{}"
token_url = "{}"
requests_per_second = 0
"#,
        it.practice_id,
        it.client_id,
        it.username,
        it.password,
        it.resource,
        it.base_url,
        it.token_url,
    )
}

fn aesthetix(access: &Access) -> String {
    let it = &access.crm;
    format!(
        r#"
[aesthetix]
location_id = "{}"
token = "{}"
base_url = "{}"
calls_per_10_seconds = 1000000
"#,
        it.location_id, it.private_token, it.base_url,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nextech_is_killed_fifty_times_and_every_visit_is_told_once() {
    let world = world(Emr::Nextech(Product::Select)).await;
    let access = world.sandbox.access();
    let rules = "[rules]\ncategories = \"categories.csv\"\n".to_owned();
    let configuration = [start_of_file(), rules, nextech(access), aesthetix(access)].concat();
    let categories = world.config.emr.categories(world.sandbox.practice());
    let service = Service::new("nextech", &configuration, categories);
    let tick = async || {
        world.pass(TICK);
    };
    service.die(&[], |life| happen(world.sandbox.practice(), life), &tick).await;
    assert!(!world.sandbox.crm().contacts.is_empty(), "no life was long enough for anything");
    // One that may live to its end. It leaves alone what the last one may still be at.
    assert!(!service.live(&[], None, &tick).await);

    let store = Arc::new(SqliteStore::open(service.file(), "main").unwrap());
    assert!(store.summary().await.unwrap().done > 0);
    let engine = world.engine(Arc::clone(&store) as _).unwrap();
    world.pass(HOUR);
    world.settle(&engine).await.unwrap();
    world.decide_again(&engine).await.unwrap();
    assert_right(&world, &engine, &*store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zenoti_is_killed_fifty_times_and_every_visit_is_told_once() {
    let mut world = world(Emr::Zenoti).await;
    world.config.payments = PaymentPipelines::All;
    let access = world.sandbox.access();
    let configuration = [start_of_file(), zenoti(access), aesthetix(access)].concat();
    let categories = world.config.emr.categories(world.sandbox.practice());
    let service = Service::new("zenoti", &configuration, categories);
    // A port that is free at this moment.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let listen = ["--watch", "--listen", &address.to_string()].map(str::to_owned);
    let happen = |life| {
        // Zenoti sends nothing more to whoever was not there twenty times.
        let receiver = format!("http://{address}/webhooks/zenoti");
        world.sandbox.subscribe(Vendor::Zenoti, &receiver).unwrap();
        happen(world.sandbox.practice(), life);
    };
    let tick = async || {
        world.pass(TICK);
        world.sandbox.deliver_webhooks().await;
    };
    service.die(&listen, happen, &tick).await;
    assert!(!world.sandbox.crm().contacts.is_empty(), "no life was long enough for anything");

    let store = Arc::new(SqliteStore::open(service.file(), "main").unwrap());
    let clinic = Clinic::on(world, Arc::clone(&store) as _).await.unwrap();
    // Until the next sweep is due, and a day is allowed for what is sent again.
    for _ in 0..26 {
        clinic.work(HOUR).await.unwrap();
    }
    clinic.world.decide_again(&clinic.engine).await.unwrap();
    assert_right(&clinic.world, &clinic.engine, &*clinic.store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dermpro_is_killed_fifty_times_and_every_cent_is_posted_once() {
    let start = beginning();
    let mut config = ShopConfig::new(1, 12, DAYS, Product::Select);
    config.start = start;
    let shop = Shop::open(config).await.unwrap();
    shop.pass((SystemClock.now() - start).to_std().unwrap());
    let access = shop.sandbox.access();
    let configuration = [start_of_file(), posting(start), dermpro(access), nextech(access)];
    let sources = referral_sources().into_iter();
    let sources = sources.filter_map(|it| Some(format!("\"{}\" = \"{}\"\n", it.name, it.id?)));
    let sources: String = sources.collect();
    let sources = format!("[nextech.new_patients.referral_sources]\n{sources}");
    let service = Service::new("dermpro", &(configuration.concat() + &sources), "");
    let tick = async || shop.pass(TICK);
    let happen = |life| {
        let shopper = Shopper::new("Ada", &format!("Quill{life}"), 100 + life);
        let line = Line::new(Article::Simple, "SER-30", "Serum", 12_000);
        shop.sandbox.store().place(Checkout::new(shopper, vec![line]));
    };
    service.die(&[], happen, &tick).await;
    assert!(!shop.posted().is_empty(), "no life was long enough for anything");
    // One that may live to its end. It leaves alone what the last one may still be at.
    assert!(!service.live(&[], None, &tick).await);

    let store = Arc::new(SqliteStore::open(service.file(), "main").unwrap());
    assert!(store.summary().await.unwrap().done > 0);
    let engine = shop.engine(store).unwrap();
    let rules = shop.rules(&shop.emr().unwrap());
    for round in 0.. {
        assert!(round < 10, "staff never come to an end");
        shop.pass(HOUR);
        shop.settle(&engine).await.unwrap();
        if shop.staff(&engine, &rules).await.unwrap() == 0 {
            break;
        }
    }
    let differences = shop.differences();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(shop.posted().len() > KILLS as usize);
}

fn zenoti(access: &Access) -> String {
    let it = &access.zenoti;
    let fields = RulesConfig::new(ZONE).fields;
    format!(
        r#"
[rules]
categories = "categories.csv"
[rules.fields]
appointment_status = "{}"
appointment_type = "{}"
appointment_category = "{}"
location = "{}"
birthday = "{}"
[zenoti]
api_key = "{}"
center_id = "{}"
organization_id = "{}"
base_url = "{}"
requests_per_minute = 0
[zenoti.webhooks]
secret = "{}"
"#,
        fields.appointment_status,
        fields.appointment_type,
        fields.appointment_category,
        fields.location,
        fields.birthday,
        it.api_key,
        it.center_id,
        it.organization_id.to_lowercase(),
        it.base_url,
        it.webhook_secret,
    )
}

fn posting(start: DateTime<Utc>) -> String {
    let rules = posting_rules(Product::Select, start);
    format!(
        r#"
[posting]
start_from = "{}"
category = "{}"
location = "{}"
practitioner = "{}"
referral_source = "{}"
accept_unused_words = true
"#,
        start.format("%Y-%m-%dT%H:%M:%SZ"),
        rules.category.unwrap_or_default(),
        rules.location.unwrap_or_default(),
        rules.practitioner.unwrap_or_default(),
        rules.referral_source.unwrap_or_default(),
    )
}

fn dermpro(access: &Access) -> String {
    let it = &access.dermpro;
    format!(
        r#"
[dermpro]
base_url = "{}"
practice_id = "store"
consumer_key = "{}"
consumer_secret = "{}"
access_token = "{}"
access_token_secret = "{}"
"#,
        it.base_url, it.consumer_key, it.consumer_secret, it.access_token, it.access_token_secret,
    )
}
