use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cannula_aesthetix::{Aesthetix, AesthetixConfig, Credentials, OAuth, TokenPair, TokenStore};
use cannula_core::{Clock, CrmSink, Error, ErrorKind, Result, Secret};
use cannula_testkit::ManualClock;
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{body_string_contains, method, path},
};

use crate::support::answer;

/// Remembers every pair it was given, and can refuse one.
#[derive(Debug, Default)]
struct TestStore {
    saved: Mutex<Vec<TokenPair>>,
    full: AtomicBool,
}

impl TestStore {
    fn accesses(&self) -> Vec<String> {
        let saved = self.saved.lock().unwrap();
        saved.iter().map(|pair| pair.access.expose().to_owned()).collect()
    }
}

#[async_trait]
impl TokenStore for TestStore {
    async fn load(&self) -> Result<Option<TokenPair>> {
        Ok(self.saved.lock().unwrap().last().cloned())
    }

    async fn save(&self, pair: &TokenPair) -> Result<()> {
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Storage, "the disk is full"));
        }
        self.saved.lock().unwrap().push(pair.clone());
        Ok(())
    }
}

/// Exchanges each refresh token once, as the vendor does, and counts.
struct Vendor {
    exchanges: AtomicU32,
}

impl Respond for Vendor {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let spent = self.exchanges.fetch_add(1, Ordering::SeqCst);
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let right = format!("refresh_token=refresh-{spent}");
        if !form.contains(&right) || !form.contains("client_secret=s3cret%2F%2B") {
            return ResponseTemplate::new(400).set_body_string("{\"message\":\"wrong\"}");
        }
        let next = spent + 1;
        ResponseTemplate::new(200).set_delay(Duration::from_millis(50)).set_body_raw(
            format!(
                r#"{{"access_token":"access-{next}","token_type":"Bearer","expires_in":86399,
                    "refresh_token":"refresh-{next}","scope":"contacts.write","userType":"Location",
                    "locationId":"loc1","refreshTokenId":"x"}}"#
            ),
            "application/json",
        )
    }
}

/// Lets a call in only with a token that is already in the store.
struct SavedTokensOnly(Arc<TestStore>);

impl Respond for SavedTokensOnly {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let sent = request.headers.get("authorization").map(|value| value.to_str().unwrap());
        let last = self.0.accesses().last().map(|access| format!("Bearer {access}"));
        if last.is_some() && sent == last.as_deref() {
            answer(200, "pipelines.json")
        } else {
            ResponseTemplate::new(401).set_body_string(r#"{"message":"Invalid JWT"}"#)
        }
    }
}

struct App {
    server: MockServer,
    store: Arc<TestStore>,
    clock: Arc<ManualClock>,
    sink: Aesthetix,
}

impl App {
    async fn start() -> Self {
        let server = MockServer::start().await;
        let store = Arc::new(TestStore::default());
        let clock = Arc::new(ManualClock::at("2026-03-02T15:00:00Z".parse().unwrap()));
        let sink = sink(&server, &store, &clock, "refresh-0");
        Self { server, store, clock, sink }
    }

    async fn started() -> Self {
        let app = Self::start().await;
        app.exchanges_from(0).await;
        app.lets_saved_tokens_in().await;
        app
    }

    async fn exchanges_from(&self, first: u32) {
        Mock::given(method("POST"))
            .and(path("/oauth/token"))
            .and(body_string_contains("grant_type=refresh_token"))
            .respond_with(Vendor { exchanges: first.into() })
            .mount(&self.server)
            .await;
    }

    async fn lets_saved_tokens_in(&self) {
        Mock::given(path("/opportunities/pipelines"))
            .respond_with(SavedTokensOnly(Arc::clone(&self.store)))
            .mount(&self.server)
            .await;
    }

    fn calls(&self, operation: &str) -> u64 {
        self.sink.calls().get(operation).copied().unwrap_or_default()
    }
}

fn sink(
    server: &MockServer,
    store: &Arc<TestStore>,
    clock: &Arc<ManualClock>,
    refresh_token: &str,
) -> Aesthetix {
    let app = Credentials::OAuth(OAuth {
        client_id: "client".into(),
        client_secret: Secret::new("s3cret/+"),
        refresh_token: Secret::new(refresh_token),
        store: Arc::clone(store) as Arc<dyn TokenStore>,
    });
    let config = AesthetixConfig::new(server.uri().parse().unwrap(), "loc1", app);
    Aesthetix::new(config, Arc::clone(clock) as Arc<dyn Clock>).unwrap()
}

#[tokio::test]
async fn a_new_pair_is_in_the_store_before_it_is_used() {
    let app = App::started().await;
    app.sink.check().await.unwrap();
    assert_eq!(app.store.accesses(), ["access-1"]);
    assert_eq!((app.calls("refresh token"), app.calls("list pipelines")), (1, 1));
}

#[tokio::test]
async fn eight_calls_at_once_exchange_the_refresh_token_once() {
    let app = App::started().await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let sink = app.sink.clone();
            tokio::spawn(async move { sink.check().await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!((app.calls("refresh token"), app.calls("list pipelines")), (1, 8));
}

#[tokio::test]
async fn the_pair_is_rotated_before_it_runs_out() {
    let app = App::started().await;
    app.sink.check().await.unwrap();
    app.clock.advance(Duration::from_secs(86_399 - 299));
    app.sink.check().await.unwrap();
    app.sink.check().await.unwrap();
    assert_eq!(app.store.accesses(), ["access-1", "access-2"]);
}

#[tokio::test]
async fn the_next_process_goes_on_with_the_stored_pair() {
    let app = App::started().await;
    app.sink.check().await.unwrap();
    let next = sink(&app.server, &app.store, &app.clock, "refresh-0");
    next.check().await.unwrap();
    assert_eq!(next.calls().get("refresh token"), None);
    app.clock.advance(Duration::from_secs(86_400 * 2));
    next.check().await.unwrap();
    assert_eq!(app.store.accesses(), ["access-1", "access-2"]);
}

#[tokio::test]
async fn a_refused_token_is_exchanged_once_and_the_call_sent_again() {
    let app = App::start().await;
    app.exchanges_from(0).await;
    Mock::given(path("/opportunities/pipelines"))
        .respond_with(ResponseTemplate::new(401).set_body_string(r#"{"message":"Invalid JWT"}"#))
        .up_to_n_times(1)
        .mount(&app.server)
        .await;
    app.lets_saved_tokens_in().await;
    app.sink.check().await.unwrap();
    assert_eq!(app.store.accesses(), ["access-1", "access-2"]);
    assert_eq!(app.calls("list pipelines"), 2);
}

#[tokio::test]
async fn a_missing_scope_does_not_spend_the_refresh_token() {
    let app = App::start().await;
    app.exchanges_from(0).await;
    let body = r#"{"statusCode":401,"message":"The token is not authorized for this scope."}"#;
    Mock::given(path("/opportunities/pipelines"))
        .respond_with(ResponseTemplate::new(401).set_body_string(body))
        .mount(&app.server)
        .await;
    let error = app.sink.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!((app.calls("refresh token"), app.calls("list pipelines")), (1, 1));
}

#[tokio::test]
async fn a_pair_that_cannot_be_saved_is_not_used_and_not_lost() {
    let app = App::started().await;
    app.store.full.store(true, Ordering::SeqCst);
    let error = app.sink.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Storage);
    assert_eq!(app.calls("list pipelines"), 0);
    app.store.full.store(false, Ordering::SeqCst);
    app.sink.check().await.unwrap();
    assert_eq!(app.store.accesses(), ["access-1"]);
    assert_eq!(app.calls("refresh token"), 1, "the predecessor is spent");
}

#[tokio::test]
async fn after_the_app_was_connected_again_the_configured_token_begins_a_new_chain() {
    let app = App::start().await;
    let lapsed = TokenPair {
        access: Secret::new("old"),
        refresh: Secret::new("refresh-old"),
        expires_at: app.clock.now(),
    };
    app.store.save(&lapsed).await.unwrap();
    Mock::given(path("/oauth/token"))
        .and(body_string_contains("refresh-old"))
        .respond_with(ResponseTemplate::new(400).set_body_string(r#"{"error":"invalid_grant"}"#))
        .mount(&app.server)
        .await;
    app.exchanges_from(0).await;
    app.lets_saved_tokens_in().await;
    app.sink.check().await.unwrap();
    assert_eq!(app.store.accesses(), ["old", "access-1"]);
}

#[tokio::test]
async fn a_refresh_token_that_is_spent_says_what_to_do() {
    let app = App::start().await;
    Mock::given(path("/oauth/token"))
        .respond_with(ResponseTemplate::new(401).set_body_string(r#"{"error":"invalid_grant"}"#))
        .mount(&app.server)
        .await;
    let error = app.sink.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(error.message().contains("connect the app again"), "{error}");
}
