use cannula_sandbox::{Signing, WebhookQuirks, practice::Product};

use crate::{desk, newest};

/// How the receiver answered the deliveries so far, newest last.
fn answers(desk: &cannula_tests::Desk, event: &str) -> Vec<Option<u16>> {
    let log = desk.world.sandbox.crm_state().webhook_log();
    log.iter().filter(|it| it.event == event).flat_map(|it| it.answers.clone()).collect()
}

#[tokio::test]
async fn forged_webhooks_are_refused_and_change_nothing() {
    for signing in [Signing::ForeignKey, Signing::NotAvailable, Signing::Absent] {
        let desk = desk(Product::Select).await;
        let crm = desk.world.sandbox.crm_state();
        crm.set_webhook_quirks(WebhookQuirks { signing, ..WebhookQuirks::default() });
        let nora = desk.add(desk.lead("Nora", "Lind", 1));
        desk.apply(&nora);
        desk.work().await.unwrap();
        assert_eq!(answers(&desk, "ContactTagUpdate"), [Some(401)], "{signing:?}");
        let summary = desk.intake.summary().await.unwrap();
        assert_eq!((summary.done, summary.subjects, desk.patients()), (0, 0, 0), "{signing:?}");
        // What was refused is found by its tag.
        desk.poll().await.unwrap();
        assert_eq!(newest(&desk, &nora), "Patient Created");
    }
}

#[tokio::test]
async fn repeated_webhooks_are_acknowledged_and_change_nothing() {
    let desk = desk(Product::Select).await;
    let crm = desk.world.sandbox.crm_state();
    crm.set_webhook_quirks(WebhookQuirks { duplicates: 1.0, ..WebhookQuirks::default() });
    let nora = desk.add(desk.lead("Nora", "Lind", 1));
    desk.apply(&nora);
    for _ in 0..3 {
        desk.work().await.unwrap();
    }
    let answers = answers(&desk, "ContactTagUpdate");
    assert!(answers.len() > 1 && answers.iter().all(|it| *it == Some(200)), "{answers:?}");
    assert_eq!((desk.patients(), desk.contact(&nora).unwrap().notes.len()), (1, 1));
}

#[tokio::test]
async fn stale_and_altered_webhooks_are_refused_and_change_nothing() {
    let desk = desk(Product::Select).await;
    let nora = desk.add(desk.lead("Nora", "Lind", 1));
    desk.apply(&nora);
    let (mut body, signature) = captured(&desk).await;
    let post = |body: Vec<u8>| {
        let request = reqwest::Client::new().post(&desk.webhooks).body(body);
        request.header("X-GHL-Signature", &signature).send()
    };
    // The same delivery hours later, though its signature is good.
    desk.world.pass(std::time::Duration::from_secs(4 * 3_600));
    assert_eq!(post(body.clone()).await.unwrap().status(), 401);
    // One byte changed, in time.
    let last = body.len() - 2;
    body[last] ^= 1;
    assert_eq!(post(body).await.unwrap().status(), 401);
    let summary = desk.intake.summary().await.unwrap();
    assert_eq!((summary.done, summary.pending, desk.patients()), (0, 0, 0));
}

/// The newest ContactTagUpdate as the CRM sends it, taken down on the way.
async fn captured(desk: &cannula_tests::Desk) -> (Vec<u8>, String) {
    let taken = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = std::sync::Arc::clone(&taken);
    let take = move |headers: axum::http::HeaderMap, body: axum::body::Bytes| async move {
        let signature = headers["X-GHL-Signature"].to_str().unwrap().to_owned();
        keep.lock().unwrap().push((body.to_vec(), signature));
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/", axum::routing::post(take));
    tokio::spawn(async move { axum::serve(listener, app).await });
    desk.world.sandbox.crm_state().subscribe(&url).unwrap();
    desk.world.sandbox.deliver_webhooks().await;
    let taken = taken.lock().unwrap();
    let of_tags =
        |(body, _): &&(Vec<u8>, String)| String::from_utf8_lossy(body).contains("ContactTagUpdate");
    taken.iter().rfind(of_tags).unwrap().clone()
}
