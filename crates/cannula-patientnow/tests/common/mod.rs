//! A practice on a wiremock server, with its own clock.
#![allow(dead_code, clippy::unwrap_used, reason = "tests, each of which uses a part")]

use std::sync::Arc;

use cannula_core::{Cursor, Event, Feed, Page, RecordKey, RecordKind, Result, Secret, Source};
use cannula_patientnow::{Credentials, PatientNow, PatientNowConfig, Product};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use serde_json::Value;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

pub(crate) const KEY: &str = "gateway-key-hush";

pub(crate) struct Practice {
    pub(crate) server: MockServer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) source: PatientNow,
}

pub(crate) fn start() -> DateTime<Utc> {
    "2026-03-05T02:00:00Z".parse().unwrap()
}

pub(crate) fn config(product: Product) -> PatientNowConfig {
    let credentials = match product {
        Product::Pro => Credentials::Token(Secret::new(KEY)),
        _ => Credentials::Gateway {
            api_key: Secret::new(KEY),
            username: Secret::new("apiuser"),
            password: Secret::new("s3cret"),
        },
    };
    let from = "2026-03-01T08:00:00Z".parse().unwrap();
    let zone = chrono_tz::America::Los_Angeles;
    let mut config = PatientNowConfig::new(product, "12".into(), credentials, zone, from);
    config.company_id = Some("12".to_owned());
    config.company_zones.insert("9".to_owned(), chrono_tz::America::Denver);
    config
}

impl Practice {
    pub(crate) async fn open() -> Self {
        Self::with(Product::Essentials, |_| {}).await
    }

    pub(crate) async fn with(product: Product, adjust: impl FnOnce(&mut PatientNowConfig)) -> Self {
        let server = MockServer::start().await;
        let clock = Arc::new(ManualClock::at(start()));
        let mut config = config(product);
        config.base_url = format!("{}/api/v1", server.uri()).parse().unwrap();
        adjust(&mut config);
        let source = PatientNow::new(config, clock.clone()).unwrap();
        Self { server, clock, source }
    }

    /// Answers calls that have both credentials, after what it was told before.
    pub(crate) async fn answer(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        Mock::given(method(verb))
            .and(path(format!("/api/v1/{at}")))
            .and(query_param("apikey", KEY))
            .and(header("authorization", "Basic YXBpdXNlcjpzM2NyZXQ="))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// Answers one call.
    pub(crate) async fn once(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        Mock::given(method(verb))
            .and(path(format!("/api/v1/{at}")))
            .respond_with(answer)
            .up_to_n_times(1)
            .mount(&self.server)
            .await;
    }

    pub(crate) async fn poll(&self, kind: RecordKind, cursor: Option<&Cursor>) -> Result<Page> {
        self.source.poll(&Feed { practice: "12".into(), kind }, cursor).await
    }

    pub(crate) async fn get(&self, kind: RecordKind, id: &str) -> Result<Option<Event>> {
        self.source.get(&RecordKey { practice: "12".into(), kind, id: id.into() }).await
    }

    /// The calls so far, without the key.
    pub(crate) async fn calls(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().map(call).collect()
    }
}

fn call(request: &Request) -> String {
    let pairs = request.url.query_pairs().filter(|(name, _)| name != "apikey");
    let query: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
    let (verb, at) = (&request.method, request.url.path().trim_start_matches("/api/v1/"));
    let body = String::from_utf8_lossy(&request.body);
    format!("{verb} {at} {} {body}", query.join("&")).trim().to_owned()
}

/// A 200 with a body as PatientNow would send it.
pub(crate) fn json(body: impl Into<String>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.into(), "application/json")
}

/// A page of rows `{"AppointmentId": n}`.
pub(crate) fn appointments(ids: std::ops::Range<u32>) -> ResponseTemplate {
    let rows: Vec<Value> = ids
        .map(|id| serde_json::json!({ "AppointmentId": id, "Status": "Booked", "StartTime": "2026-03-04T15:30:00" }))
        .collect();
    json(Value::from(rows).to_string())
}

pub(crate) fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}
