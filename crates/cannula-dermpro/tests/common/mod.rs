//! A store on a wiremock server, with its own clock.
#![allow(dead_code, clippy::unwrap_used, reason = "tests, each of which uses a part")]

use std::sync::Arc;

use cannula_core::{
    Clock, Cursor, Event, Feed, Page, RecordId, RecordKey, RecordKind, Result, Secret, Source,
};
use cannula_dermpro::{Credentials, Dermpro, DermproConfig};
use cannula_testkit::ManualClock;
use chrono::{DateTime, Utc};
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{method, path, query_param},
};

const FILTER: &str = "searchCriteria[filterGroups]";
/// The value of the first filter: the id after which a page of orders begins.
pub(crate) const AFTER: &str = "searchCriteria[filterGroups][0][filters][0][value]";
/// The value of the third filter: the day since which orders changed.
pub(crate) const CHANGED: &str = "searchCriteria[filterGroups][2][filters][0][value]";

/// Tuesday 6 May 2031, nine in the morning in Chicago.
pub(crate) fn start() -> DateTime<Utc> {
    "2031-05-06T14:00:00Z".parse().unwrap()
}

pub(crate) struct Store {
    pub(crate) server: MockServer,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) source: Dermpro,
}

/// Sends a template with the store's time, as servers do.
struct Dated(ResponseTemplate, Arc<ManualClock>);

impl Respond for Dated {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let date = self.1.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        self.0.clone().insert_header("date", &*date)
    }
}

pub(crate) fn oauth() -> Credentials {
    Credentials::OAuth {
        consumer_key: Secret::new("ck"),
        consumer_secret: Secret::new("hush-1"),
        access_token: Secret::new("hush-2"),
        access_token_secret: Secret::new("hush-3"),
    }
}

impl Store {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut DermproConfig)) -> Self {
        let server = MockServer::start().await;
        let clock = Arc::new(ManualClock::at(start()));
        let base = format!("{}/rest/default", server.uri()).parse().unwrap();
        let from = "2031-05-01T05:00:00Z".parse().unwrap();
        let zone = chrono_tz::America::Chicago;
        let mut config = DermproConfig::new(base, "p".into(), oauth(), zone, from);
        adjust(&mut config);
        let source = Dermpro::new(config, clock.clone()).unwrap();
        Self { server, clock, source }
    }

    /// Answers reads of a path whose query has these pairs, `times` times at most.
    pub(crate) async fn mount(
        &self,
        at: &str,
        query: &[(&str, &str)],
        answer: ResponseTemplate,
        times: u64,
    ) {
        let mut mock = Mock::given(method("GET")).and(path(format!("/rest/default/V1/{at}")));
        for (name, value) in query {
            mock = mock.and(query_param(*name, *value));
        }
        let answer = Dated(answer, self.clock.clone());
        mock.respond_with(answer).up_to_n_times(times).mount(&self.server).await;
    }

    /// Answers every read of a path that nothing before it answers.
    pub(crate) async fn answers(&self, at: &str, answer: ResponseTemplate) {
        self.mount(at, &[], answer, u64::MAX).await;
    }

    /// Nothing was given back, and nothing captured later than ordered.
    pub(crate) async fn nothing_belongs_to_orders(&self) {
        self.answers("creditmemos", page(&[], 0)).await;
        self.answers("transactions", page(&[], 0)).await;
    }

    pub(crate) async fn poll(&self, cursor: Option<&Cursor>) -> Result<Page> {
        let feed = Feed { practice: "p".into(), kind: RecordKind::Order };
        self.source.poll(&feed, cursor).await
    }

    /// Polls until both turns are over.
    pub(crate) async fn sweep(&self, cursor: Option<Cursor>) -> (Vec<Event>, Cursor) {
        let (mut events, mut cursor) = (Vec::new(), cursor);
        for _ in 0..20 {
            let page = self.poll(cursor.as_ref()).await.unwrap();
            assert!(page.rejected.is_empty(), "{:?}", page.rejected);
            events.extend(page.events);
            cursor = Some(page.next);
            if page.last {
                break;
            }
        }
        (events, cursor.unwrap())
    }

    pub(crate) async fn get(&self, number: &str) -> Result<Option<Event>> {
        let id = RecordId::new(number);
        self.source.get(&RecordKey { practice: "p".into(), kind: RecordKind::Order, id }).await
    }

    /// Path and filters of each request so far.
    pub(crate) async fn asked(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let show = |request: &Request| {
            let mut shown = request.url.path().trim_start_matches("/rest/default/V1/").to_owned();
            for (name, value) in request.url.query_pairs().filter(|(it, _)| it.starts_with(FILTER))
            {
                let separator = if name.ends_with("[field]") { "; " } else { " " };
                shown += &format!("{separator}{value}");
            }
            shown
        };
        requests.iter().map(show).collect()
    }

    /// The `Authorization` header of each request so far.
    pub(crate) async fn signatures(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        let header = |it: &Request| it.headers["authorization"].to_str().unwrap().to_owned();
        requests.iter().map(header).collect()
    }
}

/// A page of these rows, of so many that fit the search.
pub(crate) fn page(rows: &[&str], total: u64) -> ResponseTemplate {
    let rows = rows.join(",");
    json(format!(
        r#"{{"items":[{rows}],"search_criteria":{{"filter_groups":[]}},"total_count":{total}}}"#
    ))
}

pub(crate) fn json(body: impl Into<String>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.into(), "application/json")
}

pub(crate) fn refusal(status: u16, body: &str, kind: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body, kind)
}

/// A small order as the store has it.
pub(crate) fn small(id: u64, placed: &str, changed: &str) -> String {
    format!(
        r#"{{"entity_id":{id},"increment_id":"{id:09}","store_id":1,"state":"processing",
        "created_at":"{placed}","updated_at":"{changed}","customer_id":{id},
        "customer_email":"c{id}@example.test","order_currency_code":"USD","grand_total":10,
        "subtotal":10,"total_paid":10,"items":[{{"item_id":1,"sku":"A","name":"A"}}]}}"#
    )
}
