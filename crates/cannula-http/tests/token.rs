//! One token for everybody.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::{Clock, Error, ErrorKind, Result, Retry, Secret};
use cannula_http::{Auth, Token, TokenCache, TokenGrant};
use cannula_testkit::ManualClock;
use chrono::TimeDelta;

/// Gives `token-1`, `token-2` … for an hour each, or fails as told.
#[derive(Debug)]
struct Grant {
    clock: Arc<ManualClock>,
    calls: Arc<AtomicUsize>,
    refreshes: Arc<Mutex<Vec<Option<String>>>>,
    failing: Arc<Mutex<Option<ErrorKind>>>,
}

#[async_trait]
impl TokenGrant for Grant {
    async fn grant(&self, previous: Option<&Token>) -> Result<Token> {
        let n = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let refresh = previous.and_then(|token| token.refresh.as_ref());
        self.refreshes.lock().unwrap().push(refresh.map(|it| it.expose().to_owned()));
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        if let Some(kind) = *self.failing.lock().unwrap() {
            return Err(Error::new(kind, "the password has expired").code("AADSTS50055"));
        }
        Ok(Token {
            access: Secret::new(format!("token-{n}")),
            refresh: Some(Secret::new(format!("refresh-{n}"))),
            expires_at: self.clock.now() + TimeDelta::hours(1),
        })
    }
}

struct Bench {
    clock: Arc<ManualClock>,
    calls: Arc<AtomicUsize>,
    refreshes: Arc<Mutex<Vec<Option<String>>>>,
    failing: Arc<Mutex<Option<ErrorKind>>>,
    cache: Arc<TokenCache<Grant>>,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at("2031-05-06T14:00:00Z".parse().unwrap()));
        let (calls, refreshes, failing) = (Arc::default(), Arc::default(), Arc::default());
        let grant = Grant {
            clock: Arc::clone(&clock),
            calls: Arc::clone(&calls),
            refreshes: Arc::clone(&refreshes),
            failing: Arc::clone(&failing),
        };
        let cache = Arc::new(TokenCache::new(grant, clock.clone()));
        Self { clock, calls, refreshes, failing, cache }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn header(&self) -> String {
        self.cache.header().await.unwrap().expose().to_owned()
    }
}

#[tokio::test]
async fn many_callers_wait_for_one_grant() {
    let bench = Bench::new();
    let headers = futures::future::join_all((0..8).map(|_| bench.header())).await;
    assert!(headers.iter().all(|header| header == "Bearer token-1"));
    assert_eq!(bench.calls(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_five_minutes_early_with_its_refresh_token() {
    let bench = Bench::new();
    bench.header().await;
    bench.clock.advance(Duration::from_secs(54 * 60));
    assert_eq!(bench.header().await, "Bearer token-1");
    bench.clock.advance(Duration::from_secs(60));
    assert_eq!(bench.header().await, "Bearer token-2");
    assert_eq!(*bench.refreshes.lock().unwrap(), [None, Some("refresh-1".to_owned())]);
}

#[tokio::test]
async fn eight_refusals_of_one_token_cost_one_grant() {
    let bench = Bench::new();
    let refused = bench.cache.header().await.unwrap();
    let again = futures::future::join_all((0..8).map(|_| async {
        assert!(bench.cache.rejected(&refused).await);
        bench.header().await
    }));
    assert!(again.await.iter().all(|header| header == "Bearer token-2"));
    assert_eq!(bench.calls(), 2);
    bench.cache.rejected(&refused).await;
    assert_eq!(bench.header().await, "Bearer token-2", "a late refusal of the old token is moot");
}

#[tokio::test]
async fn those_who_waited_for_a_failed_grant_share_its_failure() {
    let bench = Bench::new();
    *bench.failing.lock().unwrap() = Some(ErrorKind::Auth);
    let outcomes = futures::future::join_all((0..8).map(|_| bench.cache.header())).await;
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Auth);
        assert_eq!(error.retry_advice(), Retry::Never);
        assert_eq!(error.vendor_code(), Some("AADSTS50055"));
    }
    assert_eq!(bench.calls(), 1);
    *bench.failing.lock().unwrap() = None;
    assert_eq!(bench.header().await, "Bearer token-2", "who comes later tries afresh");
}

#[tokio::test]
async fn a_failed_early_renewal_leaves_the_token_in_use_and_is_not_repeated_at_once() {
    let bench = Bench::new();
    bench.header().await;
    *bench.failing.lock().unwrap() = Some(ErrorKind::Unavailable);
    bench.clock.advance(Duration::from_secs(56 * 60));
    assert_eq!(bench.header().await, "Bearer token-1");
    assert_eq!(bench.header().await, "Bearer token-1");
    assert_eq!(bench.calls(), 2);
    bench.clock.advance(Duration::from_secs(4 * 60));
    assert!(bench.cache.header().await.is_err());
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_the_new_token_with_it() {
    let bench = Bench::new();
    {
        let mut waiting = Box::pin(bench.cache.header());
        assert!(futures::poll!(&mut waiting).is_pending());
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.header().await, "Bearer token-1");
    assert_eq!(bench.calls(), 1);
}

#[tokio::test]
async fn debug_shows_no_token() {
    let bench = Bench::new();
    bench.header().await;
    let text = format!("{:?}", bench.cache);
    assert!(!text.contains("token-1") && !text.contains("refresh-1"), "{text}");
}
