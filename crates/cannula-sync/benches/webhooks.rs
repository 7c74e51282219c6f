//! `cargo bench -p cannula-sync --bench webhooks`: what durable webhooks cost.
//!
//! Deliveries per second and how long each takes, over HTTP on many connections, into a store on
//! disk and into the same store in memory, beside what the disk alone can sync. Nothing here
//! passes or fails; the figures are for people.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark measures, prints, and may fail loudly"
)]

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use cannula_core::{
    Delivery, Error, ErrorKind, Event, Pointer, PracticeId, Record, RecordId, RecordKey,
    RecordKind, Result, WebhookDecoder,
};
use cannula_http::SystemClock;
use cannula_rules::{Categories, Rules, RulesConfig};
use cannula_sync::{CrmFlow, Engine, SqliteStore, webhook_router};
use cannula_testkit::{MemoryCrm, ScriptedSource};

const CONNECTIONS: usize = 64;
/// The measurements take turns, so that what else the machine does befalls them alike.
const ROUNDS: u32 = 4;
/// How long each of them runs in a round.
const LOOP: Duration = Duration::from_secs(5);

/// A vendor that only says which record changed: the body is the record's id.
#[derive(Debug)]
struct Vendor;

impl WebhookDecoder for Vendor {
    fn decode(&self, delivery: &Delivery<'_>) -> Result<Vec<Event>> {
        if delivery.header("x-key") != Some("open") {
            return Err(Error::new(ErrorKind::Auth, "the key is not the vendor's"));
        }
        let id = std::str::from_utf8(delivery.body)
            .map_err(|_| Error::new(ErrorKind::Decode, "the body is not UTF-8"))?;
        let (practice, id) = (PracticeId::new("practice"), RecordId::new(id));
        let kind = RecordKind::Appointment;
        let key = RecordKey { practice: practice.clone(), kind, id: id.clone() };
        let record = Record::Pointer(Pointer { key, gone: false });
        let at = delivery.received_at;
        Ok(vec![Event::new(practice, id, record, Some(at), at)])
    }

    fn try_again(&self) -> u16 {
        503
    }
}

fn main() {
    // `cargo test --all-targets` starts this program, too.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    cannula_http::install_tls_provider();
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let on_disk = SqliteStore::open(dir.path().join("store.db"), "main").unwrap();
    let in_memory = SqliteStore::in_memory("main").unwrap();
    let (mut sync, mut disk, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        sync.extend(syncs(dir.path()));
        disk.extend(deliveries(&on_disk, round));
        memory.extend(deliveries(&in_memory, round));
    }
    println!("Measured in this one run, in turns: {ROUNDS} times {LOOP:?} of each.\n");
    println!("{:<34} {:>10} {:>10} {:>10}", "", "per second", "p50", "p99");
    let sync = show("sync of 4 KiB, one at a time", sync);
    let on_disk = show(&format!("{CONNECTIONS} connections, store on disk"), disk);
    let in_memory = show(&format!("{CONNECTIONS} connections, store in memory"), memory);

    let share = 100.0 * on_disk.rate / in_memory.rate;
    println!("\ndurable rate: {share:.0} % of the rate in memory (aim: 50 % at least)");
    let aim = 5 * sync.p50 + in_memory.p99;
    println!("durable p99: {:.1?} (aim: {aim:.1?} at most)", on_disk.p99);
}

struct Figures {
    rate: f64,
    p50: Duration,
    p99: Duration,
}

/// Prints a line of the table.
fn show(what: &str, mut took: Vec<Duration>) -> Figures {
    took.sort_unstable();
    let rate = took.len() as f64 / (LOOP * ROUNDS).as_secs_f64();
    let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
    let figures = Figures { rate, p50: at(50), p99: at(99) };
    let Figures { p50, p99, .. } = figures;
    println!("{what:<34} {rate:>10.0} {:>10} {:>10}", format!("{p50:.1?}"), format!("{p99:.1?}"));
    figures
}

/// How long each write of 4 KiB takes to be on the disk.
fn syncs(dir: &Path) -> Vec<Duration> {
    let mut file = File::create(dir.join("syncs")).unwrap();
    let mut took = Vec::new();
    let until = Instant::now() + LOOP;
    while Instant::now() < until {
        let begun = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        took.push(begun.elapsed());
    }
    took
}

/// How long each delivery takes to be answered, on all connections at once.
fn deliveries(store: &SqliteStore, round: u32) -> Vec<Duration> {
    let clock = Arc::new(SystemClock);
    let categories = Categories::from_csv("type,purpose,category\n").unwrap();
    let rules = Rules::new(RulesConfig::new(chrono_tz::America::New_York), categories);
    let flow = CrmFlow::new(rules, Arc::new(MemoryCrm::default()));
    let source = Arc::new(ScriptedSource::default());
    let engine = Arc::new(Engine::new(source, flow, Arc::new(store.clone()), clock.clone()));
    let router = webhook_router(engine.clone(), Arc::new(Vendor), clock);

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
    };
    let server = runtime.spawn(serve);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| format!("{round}-{client}"))
        .map(|client| thread::spawn(move || deliver(address, &client)))
        .collect();
    let took: Vec<_> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    // Every answer was the truth.
    assert_eq!(engine.progress().ingested, took.len() as u64);
    server.abort();
    took
}

/// Delivers one after the other on one connection.
fn deliver(address: SocketAddr, client: &str) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut took, mut answer) = (Vec::new(), Vec::new());
    let until = Instant::now() + LOOP;
    while Instant::now() < until {
        let body = format!("{client}-{}", took.len());
        let length = body.len();
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nx-key: open\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        answer.clear();
        while !answer.ends_with(b"}") {
            let mut part = [0; 1024];
            let read = stream.read(&mut part).unwrap();
            assert_ne!(read, 0, "the server hung up");
            answer.extend_from_slice(&part[..read]);
        }
        took.push(begun.elapsed());
        let ok = answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(br#"{"accepted":1}"#);
        assert!(ok, "{}", String::from_utf8_lossy(&answer));
    }
    took
}
