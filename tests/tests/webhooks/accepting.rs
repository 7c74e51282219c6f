//! What was answered with 200 is not lost, and what cannot be stored is not answered with 200.

use std::{path::Path, sync::Arc, time::Duration};

use cannula::{
    core::Clock,
    sync::{SqliteStore, Store, WebhookReceiver},
};
use cannula_sandbox::{
    DeliveryState, WebhookDelivery,
    practice::{AppointmentState, PatientState},
};
use cannula_testkit::{Crash, CrashStore};
use cannula_tests::{Clinic, Emr, Receiver, World, WorldConfig};

use crate::{contact, time, titles};

const EMRS: [Emr; 2] = [Emr::PatientNow, Emr::Zenoti];
/// Longer than the vendors wait before they deliver again, and than a lease.
const AN_HOUR: Duration = Duration::from_secs(3_600);

async fn world(emr: Emr) -> World {
    World::start(WorldConfig::empty(emr)).await.unwrap()
}

/// The file, once the process before is gone for good.
pub(crate) async fn open(file: &Path) -> SqliteStore {
    for _ in 0..10_000 {
        match SqliteStore::open(file, "main") {
            Ok(store) => return store,
            Err(_) => tokio::task::yield_now().await,
        }
    }
    SqliteStore::open(file, "main").unwrap()
}

/// Somebody is registered and books a visit.
fn book(world: &World) {
    let practice = world.sandbox.practice();
    let ann = practice.add_patient(PatientState::new("Ann", "Smith", 1));
    practice.book(AppointmentState::new(&ann, "Laser Treatment", time("2026-03-02T10:00")));
}

fn log(world: &World) -> Vec<WebhookDelivery> {
    world.sandbox.webhook_log(world.config.emr.vendor())
}

/// The visit is there as if nothing had happened.
fn assert_told(clinic: &Clinic, what: &str) {
    let contact = contact(clinic, "Ann");
    let mut told = titles(&contact);
    told.sort_unstable();
    assert_eq!(told, ["Appointment Booked", "Patient Created"], "{what}");
    assert_eq!(contact.opportunities.len(), 1, "{what}");
    let delivered = |it: &WebhookDelivery| it.state == DeliveryState::Delivered;
    assert!(log(&clinic.world).iter().all(delivered), "{what}: {:#?}", log(&clinic.world));
}

/// The process ends at this boundary, somewhere from storing webhooks to working them off, and
/// another goes on. Nothing is swept, so what was lost would stay lost. Returns whether it did.
async fn die(emr: Emr, boundary: u64) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("practice.db");
    let crash = Crash::at(boundary);
    let inner = Arc::new(open(&file).await) as Arc<dyn Store>;
    let store = Arc::new(CrashStore { inner, crash: Arc::clone(&crash) });
    let first = Clinic::on(world(emr).await, store).await.unwrap();
    book(&first.world);
    let heard = first.minutes().await;
    let died = crash.happened();
    assert_eq!(heard.is_err(), died, "{emr:?} {boundary}");
    // The process is gone, and so are its receiver and the connections to it.
    let world = first.end().unwrap();
    let second = Clinic::on(world, Arc::new(open(&file).await)).await.unwrap();
    second.hear(AN_HOUR).await.unwrap();
    second.hear(AN_HOUR).await.unwrap();
    assert_told(&second, &format!("{emr:?} {boundary}"));
    died
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_between_accepting_a_webhook_and_acting_on_it_loses_nothing() {
    for emr in EMRS {
        let mut boundary = 0;
        while die(emr, boundary).await {
            boundary += 1;
        }
        assert!(boundary > 10, "{emr:?}: {boundary}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_locked_makes_the_vendor_deliver_again() {
    for emr in EMRS {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("practice.db");
        let clinic = Clinic::on(world(emr).await, Arc::new(open(&file).await)).await.unwrap();
        let decoder = clinic.world.decoder().unwrap();
        let clock = Arc::clone(&clinic.world.clock) as Arc<dyn Clock>;
        let impatient = WebhookReceiver::new(Arc::clone(&clinic.engine), decoder, clock)
            .patience(Duration::from_millis(100));
        let app = axum::Router::new().nest("/webhooks", impatient.router());
        let receiver = Receiver::serve(app).await.unwrap();
        clinic.world.sandbox.subscribe(emr.vendor(), &receiver.url()).unwrap();

        let other = rusqlite::Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        book(&clinic.world);
        clinic.world.sandbox.deliver_webhooks().await;
        let answers: Vec<_> = log(&clinic.world).into_iter().flat_map(|it| it.answers).collect();
        assert!(answers.iter().all(|it| *it == Some(503)) && !answers.is_empty(), "{answers:?}");
        other.execute_batch("ROLLBACK").unwrap();
        clinic.hear(AN_HOUR).await.unwrap();
        clinic.hear(AN_HOUR).await.unwrap();
        assert_told(&clinic, &format!("{emr:?}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_makes_the_vendor_deliver_again() {
    for emr in EMRS {
        let inner = Arc::new(SqliteStore::in_memory("main").unwrap()) as Arc<dyn Store>;
        let broken = CrashStore { inner: Arc::clone(&inner), crash: Crash::at(0) };
        let clinic = Clinic::on(world(emr).await, Arc::new(broken)).await.unwrap();
        book(&clinic.world);
        clinic.world.sandbox.deliver_webhooks().await;
        let before = log(&clinic.world);
        assert!(before.iter().all(|it| it.answers == [Some(503)]), "{before:#?}");
        assert_eq!(clinic.engine.summary().await.unwrap().events(), 0);

        let world = clinic.end().unwrap();
        let mended = Clinic::on(world, inner).await.unwrap();
        mended.hear(AN_HOUR).await.unwrap();
        mended.hear(AN_HOUR).await.unwrap();
        let last = |it: &WebhookDelivery| it.answers.last() == Some(&Some(200));
        assert!(log(&mended.world).iter().all(last), "{:#?}", log(&mended.world));
        assert_told(&mended, &format!("{emr:?}"));
    }
}
