//! A practice on a wiremock server, with its own clock.
#![allow(dead_code, clippy::unwrap_used, reason = "tests, each of which uses a part")]

use std::sync::Arc;

use cannula_core::{
    Clock, Cursor, Event, Feed, Page, RecordId, RecordKey, RecordKind, Result, Secret, Source,
};
use cannula_testkit::ManualClock;
use cannula_zenoti::{Center, Credentials, Zenoti, ZenotiConfig};
use chrono::{DateTime, Utc};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{method, path, query_param},
};

pub(crate) const CENTER: &str = "40000000-0000-4000-8000-000000000001";
pub(crate) const GUEST: &str = "50000000-0000-4000-8000-000000000001";
pub(crate) const GROUP: &str = "20000000-0000-4000-8000-000000000001";
pub(crate) const INVOICE: &str = "10000000-0000-4000-8000-000000000001";
pub(crate) const MEMBERSHIP: &str = "c0000000-0000-4000-8000-000000000001";

/// Wednesday 4 March 2026, ten in the morning at the center.
pub(crate) fn start() -> DateTime<Utc> {
    "2026-03-04T18:00:00Z".parse().unwrap()
}

pub(crate) struct Practice {
    pub(crate) server: MockServer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) source: Zenoti,
}

pub(crate) fn config(base: &str) -> ZenotiConfig {
    let center = Center {
        id: CENTER.to_uppercase(),
        zone: chrono_tz::America::Los_Angeles,
        name: Some("Riverside".to_owned()),
    };
    let mut config = ZenotiConfig::new(Credentials::ApiKey(Secret::new("key-hush")), center);
    config.base_url = base.parse().unwrap();
    config.sweeps.days_ahead = 13;
    config
}

impl Practice {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut ZenotiConfig)) -> Self {
        let server = MockServer::start().await;
        let clock = Arc::new(ManualClock::at(start()));
        let mut config = config(&format!("{}/zenoti", server.uri()));
        adjust(&mut config);
        let source = Zenoti::new(config, clock.clone()).unwrap();
        Self { server, clock, source }
    }

    /// The same practice after a restart.
    pub(crate) fn restarted(&mut self) {
        let config = config(&format!("{}/zenoti", self.server.uri()));
        self.source = Zenoti::new(config, self.clock.clone()).unwrap();
    }

    /// Answers every read of a path that nothing before it answers.
    pub(crate) async fn answers(&self, at: &str, answer: ResponseTemplate) {
        self.mount(at, &[], answer, u64::MAX).await;
    }

    /// Answers one read of a path, after those told before.
    pub(crate) async fn then(&self, at: &str, answer: ResponseTemplate) {
        self.mount(at, &[], answer, 1).await;
    }

    pub(crate) async fn mount(
        &self,
        at: &str,
        query: &[(&str, &str)],
        answer: ResponseTemplate,
        times: u64,
    ) {
        let mut mock = Mock::given(method("GET")).and(path(format!("/zenoti/v1/{at}")));
        for (name, value) in query {
            mock = mock.and(query_param(*name, *value));
        }
        mock.respond_with(answer).up_to_n_times(times).mount(&self.server).await;
    }

    pub(crate) async fn get(&self, kind: RecordKind, id: &str) -> Result<Option<Event>> {
        let key = RecordKey { practice: CENTER.into(), kind, id: RecordId::new(id) };
        self.source.get(&key).await
    }

    pub(crate) async fn poll(&self, kind: RecordKind, cursor: Option<&Cursor>) -> Result<Page> {
        self.source.poll(&Feed { practice: CENTER.into(), kind }, cursor).await
    }

    /// Polls until the sweep is over.
    pub(crate) async fn sweep(
        &self,
        kind: RecordKind,
        cursor: Option<Cursor>,
    ) -> (Vec<Event>, Cursor) {
        let (mut events, mut cursor) = (Vec::new(), cursor);
        for _ in 0..200 {
            let page = self.poll(kind, cursor.as_ref()).await.unwrap();
            assert!(page.rejected.is_empty(), "{:?}", page.rejected);
            events.extend(page.events);
            if page.last {
                return (events, page.next);
            }
            assert_ne!(cursor.as_ref(), Some(&page.next));
            cursor = Some(page.next);
        }
        unreachable!("the sweep does not end")
    }

    /// Path and decoded query of each request so far.
    pub(crate) async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let show = |request: &wiremock::Request| {
            let pairs = request.url.query_pairs();
            let query: Vec<_> = pairs.map(|(name, value)| format!("{name}={value}")).collect();
            let path = request.url.path().trim_start_matches("/zenoti/v1/").to_owned();
            if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
        };
        requests.iter().map(show).collect()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }
}

pub(crate) fn json(body: impl Into<String>) -> ResponseTemplate {
    status(200, body)
}

pub(crate) fn status(status: u16, body: impl Into<String>) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.into(), "application/json")
}

pub(crate) fn shown(event: &Event) -> String {
    let key = &event.key;
    format!("{}/{} {:#}", key.kind, key.id, serde_json::to_value(&event.record).unwrap())
}
