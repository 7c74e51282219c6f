//! Webhooks over real HTTP, with a vendor whose signature is a password.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::{
    future::Future,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Mutex},
    time::Duration,
};

use cannula_core::{Clock, Delivery, Error, ErrorKind, Event, RecordKind, Result, WebhookDecoder};
use cannula_sync::{CrmFlow, Engine, SqliteStore, Store, Summary, WebhookReceiver, webhook_router};
use cannula_testkit::{Crash, CrashStore, day_one, patient};
use chrono::{DateTime, Utc};
use common::{World, store};
use reqwest::Method;
use rusqlite::Connection;

/// The body is a patient's name, or `other` for something of no concern to us.
#[derive(Debug, Default)]
struct Vendor {
    seen: Mutex<Vec<DateTime<Utc>>>,
}

impl WebhookDecoder for Vendor {
    fn decode(&self, delivery: &Delivery<'_>) -> Result<Vec<Event>> {
        self.seen.lock().unwrap().push(delivery.received_at);
        if delivery.header("X-Signature") != Some("sésame") {
            return Err(Error::new(ErrorKind::Auth, "the signature is not the vendor's"));
        }
        match std::str::from_utf8(delivery.body) {
            Ok("other") => Ok(Vec::new()),
            Ok("bug") => panic!("a decoder has a bug"),
            Ok("no key") => Err(Error::new(ErrorKind::Config, "the key cannot be read")),
            Ok(name) => Ok(vec![patient(name, 0)]),
            Err(_) => Err(Error::new(ErrorKind::Decode, "the body is not UTF-8")),
        }
    }

    fn try_again(&self) -> u16 {
        429
    }
}

struct Scene {
    world: World,
    engine: Arc<Engine<CrmFlow>>,
    address: SocketAddr,
    http: reqwest::Client,
}

impl Scene {
    async fn new() -> Self {
        Self::with(store(), |receiver| receiver).await
    }

    async fn with(
        store: Arc<dyn Store>,
        limits: impl FnOnce(WebhookReceiver<CrmFlow>) -> WebhookReceiver<CrmFlow>,
    ) -> Self {
        cannula_http::install_tls_provider();
        let world = World::new();
        let engine = Arc::new(world.engine(store));
        let decoder = Arc::new(Vendor::default());
        let receiver = WebhookReceiver::new(engine.clone(), decoder, world.clock.clone());
        let app = axum::Router::new().nest("/hooks/crm", limits(receiver).router());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { world, engine, address, http: reqwest::Client::new() }
    }

    async fn deliver(&self, body: impl Into<reqwest::Body>) -> (u16, String) {
        self.send(Method::POST, "sésame", body).await
    }

    async fn send(
        &self,
        method: Method,
        signature: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, String) {
        let request = self
            .http
            .request(method, format!("http://{}/hooks/crm", self.address))
            .header("x-signature", signature.as_bytes())
            // A header that is not text is no reason to fail.
            .header("x-noise", &b"\xff\xfe"[..])
            .body(body);
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Sends the beginning of a request and nothing more.
    fn begin(&self, headers: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "POST /hooks/crm HTTP/1.1\r\nhost: x\r\n{headers}\r\n").unwrap();
        stream
    }

    async fn stored(&self) -> u64 {
        self.engine.summary().await.unwrap().events()
    }
}

fn answer(status: u16, body: &str) -> (u16, String) {
    (status, body.to_owned())
}

#[tokio::test]
async fn a_delivery_is_answered_once_its_events_are_stored() {
    let scene = Scene::new().await;
    assert_eq!(scene.deliver("ada").await, answer(200, r#"{"accepted":1}"#));
    assert_eq!(scene.stored().await, 1);
    assert_eq!(scene.engine.drain().await.unwrap().done, 1);
}

#[tokio::test]
async fn put_and_patch_deliver_as_well_and_nothing_else_does() {
    let scene = Scene::new().await;
    assert_eq!(scene.send(Method::PUT, "sésame", "ada").await.0, 200);
    assert_eq!(scene.send(Method::PATCH, "sésame", "bea").await.0, 200);
    assert_eq!(scene.send(Method::GET, "sésame", "cid").await.0, 405);
    assert_eq!(scene.send(Method::DELETE, "sésame", "cid").await.0, 405);
    assert_eq!(scene.stored().await, 2);
}

#[tokio::test]
async fn a_repeated_delivery_is_accepted_and_changes_nothing() {
    let scene = Scene::new().await;
    scene.deliver("ada").await;
    scene.engine.drain().await.unwrap();
    assert_eq!(scene.deliver("ada").await, answer(200, r#"{"accepted":0}"#));
    let summary = scene.engine.summary().await.unwrap();
    assert_eq!(summary, Summary { done: 1, subjects: 1, ..Summary::default() });
    assert_eq!(scene.engine.drain().await.unwrap().claims, 0);
}

#[tokio::test]
async fn a_change_seen_by_poll_and_by_webhook_is_one_event() {
    let scene = Scene::new().await;
    scene.world.source.page(RecordKind::Patient, vec![patient("ada", 0)]);
    scene.engine.poll().await.unwrap();
    assert_eq!(scene.deliver("ada").await, answer(200, r#"{"accepted":0}"#));
    assert_eq!(scene.stored().await, 1);
}

#[tokio::test]
async fn a_forged_delivery_is_refused_and_stored_nowhere() {
    let scene = Scene::new().await;
    for forged in ["", "sesame", "N/A"] {
        let refused = scene.send(Method::POST, forged, "ada").await;
        assert_eq!(refused, answer(401, r#"{"error":"Unauthorized"}"#));
    }
    assert_eq!(scene.engine.summary().await.unwrap(), Summary::default());
}

#[tokio::test]
async fn an_authentic_delivery_of_no_concern_is_accepted() {
    let scene = Scene::new().await;
    assert_eq!(scene.deliver("other").await, answer(200, r#"{"accepted":0}"#));
    assert_eq!(scene.stored().await, 0);
}

#[tokio::test]
async fn an_authentic_delivery_that_cannot_be_read_is_refused_without_a_word_of_it() {
    let scene = Scene::new().await;
    let refused = scene.deliver(&b"Mina\xff"[..]).await;
    assert_eq!(refused, answer(400, r#"{"error":"Bad Request"}"#));
}

#[tokio::test]
async fn trouble_of_our_own_makes_the_vendor_deliver_again() {
    let scene = Scene::new().await;
    for trouble in ["no key", "bug"] {
        let again = scene.deliver(trouble).await;
        assert_eq!(again, answer(429, r#"{"error":"Too Many Requests"}"#), "{trouble}");
    }
    // A place is free again, whatever became of the delivery before.
    assert_eq!(scene.deliver("ada").await.0, 200);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_with_and_without_its_length() {
    let scene = Scene::with(store(), |receiver| receiver.body_limit(10)).await;
    assert_eq!(scene.deliver("0123456789").await.0, 200);
    assert_eq!(scene.deliver("0123456789a").await.0, 413);
    let mut stream = scene.begin("transfer-encoding: chunked\r\n");
    stream.write_all(b"b\r\n0123456789a\r\n0\r\n\r\n").unwrap();
    let status = tokio::task::spawn_blocking(move || {
        let mut line = [0; 12];
        stream.read_exact(&mut line).map(|()| String::from_utf8_lossy(&line).into_owned())
    });
    assert_eq!(status.await.unwrap().unwrap(), "HTTP/1.1 413");
    assert_eq!(scene.stored().await, 1);

    let scene = Scene::new().await;
    assert_eq!(scene.deliver("x".repeat((1 << 20) + 1)).await.0, 413);
    assert_eq!(scene.stored().await, 0);
}

#[tokio::test]
async fn a_store_that_fails_makes_the_vendor_deliver_again() {
    let inner = store();
    let crash = Crash::at(0);
    let broken = Arc::new(CrashStore { inner: inner.clone(), crash });
    let scene = Scene::with(broken, |receiver| receiver).await;
    assert_eq!(scene.deliver("ada").await.0, 429);
    assert_eq!(inner.summary().await.unwrap().events(), 0);
    let scene = Scene::with(inner, |receiver| receiver).await;
    assert_eq!(scene.deliver("ada").await, answer(200, r#"{"accepted":1}"#));
}

/// A store in a file, and a connection that keeps everybody else from writing.
fn locked(dir: &tempfile::TempDir) -> (Arc<SqliteStore>, Connection) {
    let path = dir.path().join("store.db");
    let store = Arc::new(SqliteStore::open(&path, "main").unwrap());
    let lock = Connection::open(&path).unwrap();
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    (store, lock)
}

async fn soon(it: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(30), it).await.expect("it does not happen");
}

#[tokio::test]
async fn a_store_that_is_slow_makes_the_vendor_deliver_again_and_stores_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, lock) = locked(&dir);
    let short = Duration::from_millis(200);
    let scene = Scene::with(store, |receiver| receiver.patience(short).at_once(1)).await;
    assert_eq!(scene.deliver("ada").await.0, 429);
    // It still has the only place.
    assert_eq!(scene.deliver("bea").await.0, 429);
    lock.execute_batch("ROLLBACK").unwrap();
    soon(async { while scene.deliver("ada").await != answer(200, r#"{"accepted":0}"#) {} }).await;
    assert_eq!(scene.stored().await, 1);
}

#[tokio::test]
async fn a_vendor_that_hangs_up_does_not_stop_what_was_begun() {
    let dir = tempfile::tempdir().unwrap();
    let (store, lock) = locked(&dir);
    let scene = Scene::with(store, |receiver| receiver).await;
    let mut stream = scene.begin("x-signature: sésame\r\ncontent-length: 3\r\n");
    stream.write_all(b"ada").unwrap();
    // The next one comes after it and hangs up, too.
    let next = tokio::time::timeout(Duration::from_millis(500), scene.deliver("bea"));
    assert!(next.await.is_err(), "nothing can be stored yet");
    drop(stream);
    lock.execute_batch("ROLLBACK").unwrap();
    // Not only stored: the engine has taken note, and a run that sleeps would be awake.
    soon(async {
        while scene.engine.progress().ingested < 2 {
            tokio::task::yield_now().await
        }
    })
    .await;
}

#[tokio::test]
async fn strangers_that_never_finish_lose_their_places() {
    let short = Duration::from_millis(300);
    let scene = Scene::with(store(), |receiver| receiver.patience(short).at_once(2)).await;
    let slow: Vec<_> = (0..2).map(|_| scene.begin("content-length: 100\r\n")).collect();
    for mut stranger in slow {
        let told = tokio::task::spawn_blocking(move || {
            let mut answer = [0; 12];
            stranger.read_exact(&mut answer).map(|()| answer)
        });
        assert_eq!(&told.await.unwrap().unwrap(), b"HTTP/1.1 429");
    }
    assert_eq!(scene.deliver("ada").await.0, 200);
}

#[tokio::test]
async fn a_burst_waits_for_its_turn_and_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (store, lock) = locked(&dir);
    let scene = Arc::new(Scene::with(store, |receiver| receiver.at_once(1)).await);
    let deliver = |number| {
        let scene = Arc::clone(&scene);
        tokio::spawn(async move { scene.deliver(format!("ada{number}")).await.0 })
    };
    let mut burst = futures::future::join_all((0..20).map(deliver));
    let early = tokio::time::timeout(Duration::from_millis(200), &mut burst).await;
    assert!(early.is_err(), "nothing can be stored yet");
    lock.execute_batch("ROLLBACK").unwrap();
    for status in burst.await {
        assert_eq!(status.unwrap(), 200);
    }
    assert_eq!(scene.stored().await, 20);
}

#[tokio::test]
async fn the_decoder_is_told_when_the_delivery_arrived() {
    cannula_http::install_tls_provider();
    let (world, decoder) = (World::new(), Arc::new(Vendor::default()));
    let engine = Arc::new(world.engine(store()));
    let app = webhook_router(engine, decoder.clone(), world.clock.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    world.clock.advance(Duration::from_secs(60));
    let sent = reqwest::Client::new().post(format!("http://{address}/")).body("ada").send();
    assert_eq!(sent.await.unwrap().status().as_u16(), 401);
    assert_eq!(*decoder.seen.lock().unwrap(), [world.clock.now()]);
    assert!(world.clock.now() > day_one());
}

#[tokio::test]
async fn a_delivery_is_acted_on_at_once_by_a_run() {
    let scene = Scene::new().await;
    let acted = async {
        scene.deliver("ada").await;
        while scene.engine.summary().await.unwrap().done == 0 {}
    };
    let run = scene.engine.run(Duration::from_secs(300), acted);
    tokio::time::timeout(Duration::from_secs(30), run).await.expect("it hangs").unwrap();
}
