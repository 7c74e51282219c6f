//! A practice on a wiremock server, with its own clock.
#![allow(dead_code, clippy::unwrap_used, reason = "tests, each of which uses a part")]

use std::sync::Arc;

use cannula_core::{Clock, Cursor, EmrSource, Feed, Page, RecordKind, Result, Secret};
use cannula_nextech::{Credentials, Nextech, NextechConfig, Product};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) struct Practice {
    pub(crate) server: MockServer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) source: Nextech,
}

pub(crate) fn start() -> DateTime<Utc> {
    "2031-05-06T14:00:00Z".parse().unwrap()
}

pub(crate) fn select() -> Credentials {
    Credentials::Password {
        client_id: "app".to_owned(),
        username: Secret::new("u@example.test"),
        password: Secret::new("hush"),
        resource: "https://select.nextech-api.com/api".to_owned(),
    }
}

pub(crate) fn plus() -> Credentials {
    Credentials::ClientSecret {
        client_id: "partner".to_owned(),
        client_secret: Secret::new("hush"),
        resource: "api://partner".to_owned(),
    }
}

impl Practice {
    /// A practice whose sign-in service is not there yet.
    pub(crate) async fn locked(product: Product) -> Self {
        Self::with(product, |_| {}).await
    }

    /// The same with another configuration.
    pub(crate) async fn with(product: Product, adjust: impl FnOnce(&mut NextechConfig)) -> Self {
        let server = MockServer::start().await;
        let clock = Arc::new(ManualClock::at(start()));
        let credentials = if product == Product::Select { select() } else { plus() };
        let from = "2031-05-01T04:00:00Z".parse().unwrap();
        let zone = chrono_tz::America::New_York;
        let mut config = NextechConfig::new(product, "practice".into(), credentials, zone, from);
        config.base_url = format!("{}/api", server.uri()).parse().unwrap();
        config.token_url = format!("{}/login/oauth2/token", server.uri()).parse().unwrap();
        adjust(&mut config);
        let source = Nextech::new(config, clock.clone()).unwrap();
        Self { server, clock, source }
    }

    /// A practice that signs everybody in.
    pub(crate) async fn open(product: Product) -> Self {
        let practice = Self::locked(product).await;
        practice.tokens(token("token-1", None)).await;
        practice
    }

    /// What the sign-in service answers from now on, after what it was told before.
    pub(crate) async fn tokens(&self, answer: ResponseTemplate) {
        Mock::given(method("POST"))
            .and(path("/login/oauth2/token"))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// Answers one search for appointments, after those told before.
    pub(crate) async fn then(&self, answer: ResponseTemplate) {
        Mock::given(method("GET"))
            .and(path("/api/Appointment"))
            .respond_with(answer)
            .up_to_n_times(1)
            .mount(&self.server)
            .await;
    }

    pub(crate) fn feed(&self) -> Feed {
        Feed { practice: "practice".into(), kind: RecordKind::Appointment }
    }

    pub(crate) async fn poll(&self, cursor: Option<&Cursor>) -> Result<Page> {
        self.source.poll(&self.feed(), cursor).await
    }

    /// Queries of the API requests so far, decoded; links by their offset.
    pub(crate) async fn queries(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let api = requests.iter().filter(|request| request.url.path().starts_with("/api/"));
        api.map(|request| {
            let pairs = request.url.query_pairs();
            pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        })
        .collect()
    }

    /// Forms sent to the sign-in service so far.
    pub(crate) async fn forms(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let sign_ins = requests.iter().filter(|request| request.url.path().starts_with("/login"));
        sign_ins.map(|request| String::from_utf8(request.body.clone()).unwrap()).collect()
    }

    pub(crate) fn link(&self, offset: usize) -> String {
        format!("{}/api/Appointment?_getpagesoffset={offset}", self.server.uri())
    }

    /// A page as this server sends it, dated by its clock.
    pub(crate) fn page(
        &self,
        rows: &[Value],
        total: usize,
        next: Option<String>,
    ) -> ResponseTemplate {
        let entry: Vec<_> = rows.iter().map(|row| json!({ "resource": row })).collect();
        let link: Vec<_> =
            next.iter().map(|url| json!({ "relation": "next", "url": url })).collect();
        let body =
            json!({ "resourceType": "Bundle", "total": total, "link": link, "entry": entry });
        dated(self.clock.now()).set_body_json(body)
    }
}

/// A 200 whose `Date` is the practice's clock; the server would send the machine's.
pub(crate) fn dated(now: DateTime<Utc>) -> ResponseTemplate {
    let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    ResponseTemplate::new(200).insert_header("date", date.as_str())
}

pub(crate) fn token(access: &str, refresh: Option<&str>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "token_type": "Bearer", "expires_in": "3600", "access_token": access, "refresh_token": refresh,
    }))
}

pub(crate) fn row(id: usize, changed: &str) -> Value {
    json!({
        "resourceType": "Appointment", "id": id.to_string(), "status": "pending",
        "meta": { "lastUpdated": changed },
    })
}

pub(crate) fn ids(page: &Page) -> Vec<&str> {
    page.events.iter().map(|event| event.key.id.as_str()).collect()
}

pub(crate) fn mark(page: &Page) -> String {
    let cursor: Value = serde_json::from_str(page.next.as_str()).unwrap();
    cursor["mark"].as_str().unwrap().to_owned()
}
