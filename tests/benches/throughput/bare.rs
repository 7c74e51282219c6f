//! The same calls with nothing but reqwest: no store, no rules, no retry, no order.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use cannula_sandbox::{Access, practice::Product};
use reqwest::{Client, Method, header};
use serde_json::{Value, json};

/// As many requests under way as the engine has.
const CONCURRENCY: usize = 32;

/// A page of fifty appointments, as sent.
pub(crate) async fn page(access: &Access, product: Product) -> Vec<u8> {
    let client = Client::new();
    let (base, practice) = match product {
        Product::Select => (&access.nextech.select.base_url, &access.nextech.select.practice_id),
        Product::PracticePlus => {
            (&access.nextech.practice_plus.base_url, &access.nextech.practice_plus.practice_id)
        }
    };
    let token = token(&client, access, product).await;
    let answer = client
        .get(format!("{base}/Appointment?_count=50"))
        .bearer_auth(token)
        .header("nx-practice-id", practice)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());
    answer.bytes().await.unwrap().to_vec()
}

async fn token(client: &Client, access: &Access, product: Product) -> String {
    let (url, form) = match product {
        Product::Select => {
            let it = &access.nextech.select;
            let form = format!(
                "grant_type=password&client_id={}&username={}&password={}&resource={}",
                it.client_id, it.username, it.password, it.resource
            );
            (&it.token_url, form)
        }
        Product::PracticePlus => {
            let it = &access.nextech.practice_plus;
            let form = format!(
                "grant_type=client_credentials&client_id={}&client_secret={}&resource={}",
                it.client_id, it.client_secret, it.resource
            );
            (&it.token_url, form)
        }
    };
    let answer = client
        .post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Makes as many calls of each kind as the engine did.
pub(crate) async fn run(access: &Access, calls: &BTreeMap<String, u64>) {
    let crm = Arc::new(Crm::new(access));
    read(access, calls).await;
    crm.fill(calls).await;
}

/// The pages of Nextech, one after the other as a listing has it.
async fn read(access: &Access, calls: &BTreeMap<String, u64>) {
    let client = Client::new();
    let select = &access.nextech.select;
    let token = token(&client, access, Product::Select).await;
    for (operation, resource) in
        [("search patients", "Patient"), ("search appointments", "Appointment")]
    {
        for page in 0..calls.get(operation).copied().unwrap_or_default() {
            let url =
                format!("{}/{resource}?_count=50&_getpagesoffset={}", select.base_url, page * 50);
            let request = client.get(url).bearer_auth(&token);
            let answer =
                request.header("nx-practice-id", &select.practice_id).send().await.unwrap();
            assert!(answer.status().is_success());
            answer.bytes().await.unwrap();
        }
    }
}

struct Crm {
    client: Client,
    base: String,
    location: String,
    token: String,
    contacts: Mutex<Vec<String>>,
    pipeline: Mutex<(String, String)>,
}

impl Crm {
    fn new(access: &Access) -> Self {
        Self {
            client: Client::new(),
            base: access.crm.base_url.clone(),
            location: access.crm.location_id.clone(),
            token: access.crm.private_token.clone(),
            contacts: Mutex::default(),
            pipeline: Mutex::default(),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
            .header("Version", "2021-07-28");
        if let Some(body) = body {
            request =
                request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
    }

    async fn fill(self: &Arc<Self>, calls: &BTreeMap<String, u64>) {
        let count = |operation: &str| calls.get(operation).copied().unwrap_or_default();
        let path = format!("/opportunities/pipelines?locationId={}", self.location);
        let pipelines = self.call(Method::GET, &path, None).await;
        let pipeline = &pipelines["pipelines"][0];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        *self.pipeline.lock().unwrap() =
            (text(&pipeline["id"]), text(&pipeline["stages"][0]["id"]));
        self.many(count("create contact"), |crm, n| async move { crm.create(n).await }).await;
        self.many(count("add tags"), |crm, n| async move {
            let body = json!({ "tags": ["Appointment Booked"] });
            crm.call(Method::POST, &format!("/contacts/{}/tags", crm.contact(n)), Some(body)).await;
        })
        .await;
        self.many(count("create note"), |crm, n| async move {
            let body = json!({ "body": format!("Appointment Confirmed\nStatus: Confirmed\nType: Botox\nPurpose: Forehead\nPractitioner: Rao, Mina\nLocation: North\nRef: {n:012x}") });
            crm.call(Method::POST, &format!("/contacts/{}/notes", crm.contact(n)), Some(body)).await;
        })
        .await;
        let opportunities = count("upsert opportunity") + count("update opportunity");
        self.many(opportunities, |crm, n| async move { crm.upsert_opportunity(n).await }).await;
        let updates = count("update contact") + count("get contact");
        self.many(updates, |crm, n| async move {
            let body = json!({ "firstName": "Mina" });
            crm.call(Method::PUT, &format!("/contacts/{}", crm.contact(n)), Some(body)).await;
        })
        .await;
    }

    /// Runs `count` calls, [`CONCURRENCY`] at a time.
    async fn many<F>(
        self: &Arc<Self>,
        count: u64,
        call: impl Fn(Arc<Self>, u64) -> F + Clone + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let next = Arc::new(AtomicU64::new(0));
        let workers = (0..CONCURRENCY).map(|_| {
            let (crm, next, call) = (Arc::clone(self), Arc::clone(&next), call.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= count {
                        break;
                    }
                    call(Arc::clone(&crm), n).await;
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
    }

    async fn create(&self, n: u64) {
        let body = json!({
            "locationId": self.location, "firstName": "Mina", "lastName": format!("Varga {n}"),
            "email": format!("mina.{n}@example.test"), "phone": format!("+1555{n:07}"),
            "dateOfBirth": "1988-11-03",
        });
        let answer = self.call(Method::POST, "/contacts/", Some(body)).await;
        self.contacts.lock().unwrap().push(answer["contact"]["id"].as_str().unwrap().to_owned());
    }

    async fn upsert_opportunity(&self, n: u64) {
        let (pipeline, stage) = self.pipeline.lock().unwrap().clone();
        let body = json!({
            "locationId": self.location, "contactId": self.contact(n), "pipelineId": pipeline,
            "pipelineStageId": stage, "status": "open", "name": "Mina Varga",
        });
        self.call(Method::POST, "/opportunities/upsert", Some(body)).await;
    }

    fn contact(&self, n: u64) -> String {
        let contacts = self.contacts.lock().unwrap();
        contacts[n as usize % contacts.len()].clone()
    }
}
