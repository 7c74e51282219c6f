use std::{collections::HashSet, sync::Arc, time::Duration};

use cannula_core::{Clock, ErrorKind};
use cannula_http::SystemClock;
use cannula_sandbox::{
    DeliveryState, NewContact, Sandbox, SandboxConfig, Signing, Vendor, WebhookQuirks,
    practice::PracticeConfig,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{receiver::Receiver, support::Crm};

const TEN_MINUTES: u64 = 600;

/// A CRM with a receiver that hears of its contacts.
async fn subscribed(quirks: WebhookQuirks) -> (Crm, Receiver) {
    let (crm, receiver) = (Crm::start().await, Receiver::start().await);
    crm.sandbox.subscribe(Vendor::Crm, &receiver.url).unwrap();
    crm.state.set_webhook_quirks(quirks);
    (crm, receiver)
}

async fn quiet() -> (Crm, Receiver) {
    subscribed(WebhookQuirks::default()).await
}

fn ana() -> NewContact {
    NewContact { first_name: "Ana".to_owned(), ..NewContact::default() }
}

/// A contact whose own two events are out of the way.
async fn settled(crm: &Crm, receiver: &Receiver) -> String {
    let id = crm.state.add_contact(ana());
    crm.sandbox.deliver_webhooks().await;
    receiver.take();
    id
}

#[tokio::test]
async fn a_new_contact_is_told_twice_as_created_and_as_updated() {
    let (crm, receiver) = quiet().await;
    let id = crm.contact(json!({ "firstName": "Ana", "tags": ["VIP"] })).await;
    assert!(receiver.take().is_empty(), "nothing goes out before it is delivered");
    assert_eq!(crm.sandbox.deliver_webhooks().await, 2);
    let arrivals = receiver.take();
    let told: Vec<_> = arrivals.iter().map(|arrival| arrival.what()).collect();
    assert_eq!(told, [("ContactCreate", id.as_str()), ("ContactUpdate", id.as_str())]);
    assert_ne!(arrivals[0].webhook_id(), arrivals[1].webhook_id());
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0);
}

#[tokio::test]
async fn an_event_is_flat_and_carries_the_contact_beside_the_envelope() {
    let (crm, receiver) = quiet().await;
    let contact = NewContact {
        last_name: "Silva".to_owned(),
        email: Some("ana@example.test".to_owned()),
        phone: Some("+15550100001".to_owned()),
        birth_date: "1990-09-25".parse().ok(),
        address1: Some("1 Main St".to_owned()),
        city: Some("Austin".to_owned()),
        state: Some("TX".to_owned()),
        postal_code: Some("78701".to_owned()),
        tags: vec!["Website Lead".to_owned()],
        fields: [("NXT Location".to_owned(), json!("Austin"))].into(),
        ..ana()
    };
    let id = crm.state.add_contact(contact);
    crm.sandbox.deliver_webhooks().await;
    let body = receiver.take()[0].body.clone();
    let field = body["customFields"][0]["id"].clone();
    let expected = json!({
        "type": "ContactCreate",
        "locationId": crm.location,
        "id": id,
        "timestamp": "2026-03-02T14:00:00.000Z",
        "webhookId": body["webhookId"],
        "appId": "sandbox-app",
        "versionId": "sandbox-app-version-1",
        "name": "Ana Silva", "firstName": "Ana", "lastName": "Silva",
        "email": "ana@example.test", "phone": "+15550100001",
        "dateOfBirth": "1990-09-25T00:00:00.000Z",
        "address1": "1 Main St", "city": "Austin", "state": "TX", "postalCode": "78701",
        "dateAdded": "2026-03-02T14:00:00.000Z",
        "dnd": false,
        "tags": ["website lead"],
        "customFields": [{ "id": field, "value": "Austin" }],
        "attachments": [],
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn the_signature_is_of_the_raw_body_with_the_published_key() {
    let (crm, receiver) = quiet().await;
    let pem = crm.sandbox.access().crm.webhook_public_key.clone();
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA"), "{pem}");
    crm.state.add_contact(ana());
    crm.sandbox.deliver_webhooks().await;
    for mut arrival in receiver.take() {
        assert!(arrival.verifies(&pem));
        assert_eq!(arrival.headers["content-type"], "application/json");
        arrival.raw = format!("{} ", arrival.body).into();
        assert!(!arrival.verifies(&pem), "another body has another signature");
    }
}

#[tokio::test]
async fn a_signature_can_be_foreign_not_available_or_absent() {
    let (crm, receiver) = quiet().await;
    let pem = crm.sandbox.access().crm.webhook_public_key.clone();
    let id = settled(&crm, &receiver).await;
    let mut arrivals = Vec::new();
    for signing in [Signing::ForeignKey, Signing::NotAvailable, Signing::Absent] {
        crm.state.set_webhook_quirks(WebhookQuirks { signing, ..WebhookQuirks::default() });
        crm.state.edit_contact(&id, |contact| contact.last_name.push('x'));
        crm.sandbox.deliver_webhooks().await;
        arrivals.append(&mut receiver.take());
    }
    assert!(!arrivals[0].verifies(&pem));
    assert_eq!(arrivals[1].signature(), Some("N/A"));
    assert_eq!(arrivals[2].signature(), None);
}

#[tokio::test]
async fn a_tag_is_told_as_an_update_and_with_the_full_list_and_only_if_it_is_new() {
    let (crm, receiver) = quiet().await;
    let id = settled(&crm, &receiver).await;
    crm.state.tag(&id, &["NXT Create", "vip"]);
    crm.sandbox.deliver_webhooks().await;
    let arrivals = receiver.take();
    let told: Vec<_> = arrivals.iter().map(|arrival| arrival.what().0).collect();
    assert_eq!(told, ["ContactUpdate", "ContactTagUpdate"]);
    assert_eq!(arrivals[1].body["tags"], json!(["nxt create", "vip"]));
    crm.state.tag(&id, &["VIP"]);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0, "a tag it has changes nothing");
    crm.state.untag(&id, &["Vip"]);
    crm.sandbox.deliver_webhooks().await;
    assert_eq!(receiver.take()[1].body["tags"], json!(["nxt create"]));
}

#[tokio::test]
async fn writes_through_the_api_are_told_as_well() {
    let (crm, receiver) = quiet().await;
    let id = settled(&crm, &receiver).await;
    let path = format!("/contacts/{id}");
    let told = async || {
        crm.sandbox.deliver_webhooks().await;
        receiver.take_types()
    };
    crm.put(&path, json!({ "city": "Reno" })).await.expect(200);
    assert_eq!(told().await, ["ContactUpdate"]);
    crm.put(&path, json!({ "tags": ["a", "b"] })).await.expect(200);
    assert_eq!(told().await, ["ContactUpdate", "ContactTagUpdate"]);
    crm.put(&path, json!({ "tags": ["B", "A"] })).await.expect(200);
    assert_eq!(told().await, ["ContactUpdate"], "the same set in another order");
    crm.post(&format!("{path}/tags"), json!({ "tags": ["c"] })).await.expect(201);
    assert_eq!(told().await, ["ContactUpdate", "ContactTagUpdate"]);
    crm.delete(&path).await.expect(200);
    assert_eq!(told().await, ["ContactDelete", "ContactUpdate"]);
}

#[tokio::test]
async fn a_merge_tells_of_the_master_and_of_the_end_of_the_other() {
    let (crm, receiver) = quiet().await;
    let master = settled(&crm, &receiver).await;
    let other = settled(&crm, &receiver).await;
    crm.state.merge_contacts(&master, &other);
    crm.sandbox.deliver_webhooks().await;
    let arrivals = receiver.take();
    let told: Vec<_> = arrivals.iter().map(|arrival| arrival.what()).collect();
    let (master, other) = (master.as_str(), other.as_str());
    let expected = [("ContactUpdate", master), ("ContactDelete", other), ("ContactUpdate", other)];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn an_answer_of_429_is_tried_again_after_ten_minutes_with_the_same_bytes() {
    let (crm, receiver) = quiet().await;
    let id = settled(&crm, &receiver).await;
    receiver.answer(&[429, 200]);
    crm.state.edit_contact(&id, |contact| contact.last_name = "Silva".to_owned());
    assert_eq!(crm.sandbox.deliver_webhooks().await, 1);
    crm.advance(TEN_MINUTES - 1);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0);
    crm.state.edit_contact(&id, |contact| contact.last_name = "Souza".to_owned());
    crm.advance(1);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 2);
    let arrivals = receiver.take();
    assert_eq!(arrivals[2].raw, arrivals[0].raw, "the newer event overtook");
    assert_eq!(arrivals[2].body["lastName"], "Silva");
    let log = crm.state.webhook_log();
    assert_eq!(log[3].answers, [Some(429), Some(200)]);
    assert_eq!(log[3].state, DeliveryState::Delivered);
}

#[tokio::test]
async fn delays_and_retries_can_vary_within_their_bounds() {
    let quirks = WebhookQuirks {
        delay_seconds: 10,
        spread_seconds: 20,
        retry_jitter_seconds: 60,
        seed: 5,
        ..WebhookQuirks::default()
    };
    let (crm, receiver) = subscribed(quirks).await;
    receiver.answer(&[429; 20]);
    for _ in 0..10 {
        crm.state.add_contact(ana());
    }
    crm.advance(9);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0);
    crm.advance(11);
    let early = crm.sandbox.deliver_webhooks().await;
    assert!((1..20).contains(&early), "{early}");
    crm.advance(10);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 20 - early);
    crm.advance(TEN_MINUTES - 11);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0);
    crm.advance(11 + 60);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 20);
}

#[tokio::test]
async fn after_six_more_times_429_the_event_is_given_up() {
    let (crm, receiver) = quiet().await;
    let id = settled(&crm, &receiver).await;
    receiver.answer(&[429; 8]);
    crm.state.edit_contact(&id, |contact| contact.last_name = "Silva".to_owned());
    let mut attempts = 0;
    for _ in 0..10 {
        attempts += crm.sandbox.deliver_webhooks().await;
        crm.advance(TEN_MINUTES);
    }
    assert_eq!(attempts, 7);
    let last = crm.state.webhook_log().pop().unwrap();
    assert_eq!((last.answers.len(), last.state), (7, DeliveryState::GivenUp));
}

#[tokio::test]
async fn any_other_answer_and_none_at_all_end_an_event() {
    let (crm, receiver) = quiet().await;
    let id = settled(&crm, &receiver).await;
    let edit = || crm.state.edit_contact(&id, |contact| contact.last_name.push('x'));
    receiver.answer(&[500]);
    edit();
    crm.sandbox.deliver_webhooks().await;
    drop(receiver);
    edit();
    crm.sandbox.deliver_webhooks().await;
    crm.advance(TEN_MINUTES * 10);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0, "lost, as with the vendor");
    let log = crm.state.webhook_log();
    let ends: Vec<_> = log[2..].iter().map(|end| (end.answers.as_slice(), end.state)).collect();
    let expected: [(&[Option<u16>], _); 2] =
        [(&[Some(500)], DeliveryState::GivenUp), (&[None], DeliveryState::GivenUp)];
    assert_eq!(ends, expected);
}

#[tokio::test]
async fn events_can_be_late_on_the_sandboxs_clock() {
    let quirks = WebhookQuirks { delay_seconds: 30, ..WebhookQuirks::default() };
    let (crm, receiver) = subscribed(quirks).await;
    crm.state.add_contact(ana());
    crm.advance(29);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0);
    crm.advance(1);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 2);
    assert_eq!(receiver.take()[0].body["timestamp"], "2026-03-02T14:00:00.000Z");
}

#[tokio::test]
async fn events_can_come_twice_with_one_webhook_id() {
    let quirks = WebhookQuirks { duplicates: 1.0, ..WebhookQuirks::default() };
    let (crm, receiver) = subscribed(quirks).await;
    crm.state.add_contact(ana());
    assert_eq!(crm.sandbox.deliver_webhooks().await, 4);
    let arrivals = receiver.take();
    let ids: HashSet<&str> = arrivals.iter().map(|arrival| arrival.webhook_id()).collect();
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn events_can_be_lost_which_the_log_knows() {
    let quirks = WebhookQuirks { loss: 1.0, ..WebhookQuirks::default() };
    let (crm, _receiver) = subscribed(quirks).await;
    crm.state.add_contact(ana());
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0);
    let log = crm.state.webhook_log();
    assert!(log.iter().all(|end| end.state == DeliveryState::Lost && end.answers.is_empty()));
    assert_eq!(log.len(), 2);
}

#[tokio::test]
async fn events_can_come_in_any_order_the_same_on_every_run() {
    let run = async |seed| {
        let quirks = WebhookQuirks { reorder: true, seed, ..WebhookQuirks::default() };
        let (crm, receiver) = subscribed(quirks).await;
        for _ in 0..5 {
            crm.state.add_contact(ana());
        }
        assert_eq!(crm.sandbox.deliver_webhooks().await, 10);
        let arrivals = receiver.take();
        arrivals.iter().map(|arrival| arrival.webhook_id().to_owned()).collect::<Vec<_>>()
    };
    let shuffled = run(3).await;
    let mut sorted = shuffled.clone();
    sorted.sort_by_key(|id| id[24..].to_owned());
    assert_ne!(shuffled, sorted);
    assert_eq!(run(3).await, shuffled);
    assert_ne!(run(4).await, shuffled);
}

#[tokio::test]
async fn only_http_on_this_machine_can_subscribe() {
    let crm = Crm::start().await;
    for url in ["https://127.0.0.1:1/", "http://example.com/hook", "http://10.0.0.1/", "hook"] {
        let error = crm.sandbox.subscribe(Vendor::Crm, url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{url}");
    }
    crm.sandbox.subscribe(Vendor::Crm, "http://localhost:9/hook").unwrap();
}

#[tokio::test]
async fn without_a_subscriber_nothing_is_recorded_and_an_unsubscribed_one_hears_no_more() {
    let (crm, receiver) = quiet().await;
    crm.state.add_contact(ana());
    crm.state.unsubscribe();
    crm.state.add_contact(ana());
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0);
    crm.sandbox.subscribe(Vendor::Crm, &receiver.url).unwrap();
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0, "what happened before is not told");
}

#[tokio::test]
async fn the_control_endpoints_subscribe_deliver_and_show_the_log() {
    let (crm, receiver) = (Crm::start().await, Receiver::start().await);
    let origin = crm.sandbox.access().origin.clone();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let call = async |method: Method, path: &str, body: Value| {
        let request = http.request(method, format!("{origin}/_sandbox/crm/webhooks{path}"));
        crate::support::send(request.json(&body)).await
    };
    let order = json!({ "url": receiver.url, "quirks": { "duplicates": 1.0 } });
    call(Method::POST, "", order).await.expect(204);
    call(Method::POST, "", json!({ "url": "http://example.com" })).await.expect(400);
    let id = crm.state.add_contact(ana());
    let answer = call(Method::POST, "/deliver", Value::Null).await.expect(200);
    assert_eq!(answer["attempts"], 4);
    let shown = call(Method::GET, "", Value::Null).await.expect(200);
    assert_eq!(shown["quirks"]["signing"], "genuine");
    let first = &shown["deliveries"][0];
    assert_eq!((&first["event"], &first["record"]), (&json!("ContactCreate"), &json!(id)));
    assert_eq!((&first["answers"], &first["state"]), (&json!([200]), &json!("delivered")));
    call(Method::POST, "", json!({ "stop": true })).await.expect(204);
    crm.state.tag(&id, &["vip"]);
    assert_eq!(crm.sandbox.deliver_webhooks().await, 0);
}

#[tokio::test]
async fn a_background_task_delivers_by_itself_where_the_clock_runs() {
    let receiver = Receiver::start().await;
    let clock = Arc::new(SystemClock);
    let practice = PracticeConfig::empty(clock.now());
    let config = SandboxConfig {
        deliver_webhooks: true,
        // Ten minutes are half a second.
        speed: 1_200.0,
        ..SandboxConfig::new(Arc::<SystemClock>::clone(&clock), practice)
    };
    let sandbox = Sandbox::start(config).await.unwrap();
    sandbox.subscribe(Vendor::Crm, &receiver.url).unwrap();
    receiver.answer(&[429]);
    sandbox.crm_state().add_contact(ana());
    let mut arrivals = Vec::new();
    for _ in 0..200 {
        arrivals.append(&mut receiver.take());
        if arrivals.len() == 3 {
            break;
        }
        clock.sleep(Duration::from_millis(50)).await;
    }
    let told: Vec<_> = arrivals.iter().map(|arrival| arrival.what().0).collect();
    assert_eq!(told, ["ContactCreate", "ContactUpdate", "ContactCreate"]);
}

#[tokio::test]
async fn the_log_shows_what_waits() {
    let (crm, receiver) = quiet().await;
    let id = settled(&crm, &receiver).await;
    let quirks = WebhookQuirks { delay_seconds: 5, ..WebhookQuirks::default() };
    crm.state.set_webhook_quirks(quirks);
    crm.state.edit_contact(&id, |contact| contact.last_name = "Silva".to_owned());
    let waiting = crm.state.webhook_log().pop().unwrap();
    assert_eq!(waiting.state, DeliveryState::Waiting);
    assert_eq!((waiting.event.as_str(), waiting.record.as_str()), ("ContactUpdate", id.as_str()));
}
