//! The processes of the benchmark and what they tell each other.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Instant,
};

use cannula::{
    aesthetix::Aesthetix,
    core::Clock,
    http::SystemClock,
    nextech::Nextech,
    rules::{Categories, Rules, RulesConfig},
    sync::{CrmFlow, Engine, SqliteStore},
};
use cannula_sandbox::{
    Access, Quirks, Sandbox, SandboxConfig,
    practice::{CATEGORIZATION_CSV, PracticeConfig, Product, ZONE},
};
use cannula_tests::{aesthetix_config, nextech_config};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::bare;

const ROLE: &str = "CANNULA_BENCH_ROLE";
const INPUT: &str = "CANNULA_BENCH_INPUT";

/// What one end-to-end run did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) events: u64,
    /// HTTP requests by operation.
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
    /// How many of the seconds went by before the first write to the CRM.
    pub(crate) reading: f64,
    pub(crate) peak_mb: f64,
}

impl Measured {
    pub(crate) fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    pub(crate) fn rate(&self) -> f64 {
        self.total() as f64 / self.seconds
    }

    /// Calls per second from the first write to the CRM on.
    pub(crate) fn delivering(&self) -> f64 {
        let pages: u64 = self
            .calls
            .iter()
            .filter(|(operation, _)| operation.starts_with("search "))
            .map(|(_, count)| count)
            .sum();
        (self.total() - pages) as f64 / (self.seconds - self.reading)
    }
}

/// What a run is told.
#[derive(Debug, Serialize, Deserialize)]
struct Input {
    access: Access,
    calls: BTreeMap<String, u64>,
}

/// Plays the role this process was started with; `false` if it was started by a person.
pub(crate) async fn play() -> bool {
    let Ok(role) = env::var(ROLE) else { return false };
    let input = env::var(INPUT).unwrap_or_default();
    match role.as_str() {
        "sandbox" => serve(input.parse().unwrap()).await,
        "engine" => report(&run_engine(&serde_json::from_str(&input).unwrap()).await),
        "bare" => {
            let Input { access, calls } = serde_json::from_str(&input).unwrap();
            report(&run_bare(&access, calls).await);
        }
        other => panic!("no such role: {other}"),
    }
    true
}

/// A kind sandbox whose whole timeline lies in the past; it serves until its standard input ends.
async fn serve(patients: u32) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let practice = PracticeConfig::new(7, patients, 60, start());
    let config = SandboxConfig { quirks: Quirks::kind(), ..SandboxConfig::new(clock, practice) };
    let sandbox = Sandbox::start(config).await.unwrap();
    report(sandbox.access());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    ended.await.unwrap();
}

fn start() -> DateTime<Utc> {
    SystemClock.now() - TimeDelta::days(61)
}

async fn run_engine(input: &Input) -> Measured {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(directory.path().join("bench.db"), "main").unwrap();
    let config =
        nextech_config(&input.access, Product::Select, start() - TimeDelta::days(400)).unwrap();
    let source = Arc::new(Nextech::new(config, Arc::clone(&clock)).unwrap());
    let config = aesthetix_config(&input.access).unwrap();
    let crm = Arc::new(Aesthetix::new(config, Arc::clone(&clock)).unwrap());
    let categories = Categories::from_csv(CATEGORIZATION_CSV).unwrap();
    let rules = Rules::new(RulesConfig::new(ZONE), categories);
    let flow = CrmFlow::new(rules, Arc::clone(&crm) as _);
    let engine = Engine::new(Arc::clone(&source) as _, flow, Arc::new(store), clock);
    let started = Instant::now();
    let polled = engine.poll().await.unwrap();
    let reading = started.elapsed().as_secs_f64();
    engine.drain().await.unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let calls = source.calls().into_iter().chain(crm.calls());
    Measured {
        events: polled.new,
        calls: calls.map(|(operation, count)| (operation.to_owned(), count)).collect(),
        seconds,
        reading,
        peak_mb: peak_mb(),
    }
}

async fn run_bare(access: &Access, calls: BTreeMap<String, u64>) -> Measured {
    let started = Instant::now();
    bare::run(access, &calls).await;
    let seconds = started.elapsed().as_secs_f64();
    Measured { events: 0, calls, seconds, reading: 0.0, peak_mb: peak_mb() }
}

/// Starts a sandbox and a run against it, each a process of its own, and waits for the figures.
pub(crate) fn measure(role: &str, patients: u32, like: Option<&Measured>) -> Measured {
    let mut sandbox = spawn("sandbox", &patients.to_string());
    let access: Access = answer(&mut sandbox);
    let calls = like.map(|run| run.calls.clone()).unwrap_or_default();
    let input = serde_json::to_string(&Input { access, calls }).unwrap();
    let mut run = spawn(role, &input);
    let measured = answer(&mut run);
    run.wait().unwrap();
    drop(sandbox.stdin.take());
    sandbox.wait().unwrap();
    measured
}

fn spawn(role: &str, input: &str) -> Child {
    Command::new(env::current_exe().unwrap())
        .env(ROLE, role)
        .env(INPUT, input)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Writes one line of JSON for the process that started this one.
fn report(value: &impl Serialize) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(value).unwrap()).unwrap();
    out.flush().unwrap();
}

fn answer<T: for<'de> Deserialize<'de>>(child: &mut Child) -> T {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

/// The most memory this process has held, as the kernel counts it.
fn peak_mb() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1024.0
}
