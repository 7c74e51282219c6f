//! Quota: bursts, days, lanes and the vendor's own count.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use cannula_core::{Clock, ErrorKind, Retry};
use cannula_http::{Budget, HeaderMap, Lane, Quota, QuotaHeaders};
use cannula_testkit::ManualClock;
use chrono::{DateTime, TimeDelta, Utc};

const HEADERS: QuotaHeaders = QuotaHeaders {
    max: "x-ratelimit-max",
    interval_ms: "x-ratelimit-interval-milliseconds",
    remaining: "x-ratelimit-remaining",
    daily_max: "x-ratelimit-limit-daily",
    daily_remaining: "x-ratelimit-daily-remaining",
};

fn start() -> DateTime<Utc> {
    "2031-05-06T23:00:00Z".parse().unwrap()
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(start()))
}

fn quota(burst: u32, daily: Option<u64>, reserve: u64) -> Quota {
    Quota { burst, per: Duration::from_secs(1), daily, reserve }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

async fn times(budget: &Budget, clock: &ManualClock, endpoint: &'static str, n: usize) -> Vec<i64> {
    let mut times = Vec::new();
    for _ in 0..n {
        budget.acquire(endpoint, Lane::Normal).await.unwrap();
        times.push((clock.now() - start()).num_milliseconds());
    }
    times
}

#[tokio::test]
async fn no_window_holds_more_than_the_quota_and_requests_come_as_early_as_that_allows() {
    let clock = clock();
    let budget = Budget::per_endpoint(quota(3, None, 0), clock.clone());
    assert_eq!(times(&budget, &clock, "a", 3).await, [0, 0, 0]);
    clock.advance(Duration::from_millis(400));
    assert_eq!(times(&budget, &clock, "a", 5).await, [1000, 1000, 1000, 2000, 2000]);
    assert_eq!(times(&budget, &clock, "b", 1).await, [2000], "another endpoint is free");
}

#[tokio::test]
async fn a_shared_budget_counts_all_endpoints_together() {
    let clock = clock();
    let budget = Budget::shared(quota(2, None, 0), clock.clone());
    assert_eq!(times(&budget, &clock, "a", 2).await, [0, 0]);
    assert_eq!(times(&budget, &clock, "b", 1).await, [1000]);
}

#[tokio::test]
async fn the_reserve_of_a_day_is_for_urgent_requests_and_the_day_ends_at_utc_midnight() {
    let clock = clock();
    let budget = Budget::shared(quota(9, Some(3), 1), clock.clone());
    times(&budget, &clock, "a", 2).await;
    let error = budget.acquire("a", Lane::Normal).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExhausted);
    assert_eq!(error.retry_advice(), Retry::After(Duration::from_secs(3600)));
    budget.acquire("a", Lane::Urgent).await.unwrap();
    let error = budget.acquire("a", Lane::Urgent).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExhausted);

    clock.advance(Duration::from_secs(3600));
    budget.acquire("a", Lane::Normal).await.unwrap();
    assert_eq!(budget.left_today(), Some(2));
}

#[tokio::test]
async fn the_vendors_count_wins_where_it_is_lower() {
    let clock = clock();
    let budget = Budget::shared(quota(5, Some(100), 0), clock.clone()).headers(HEADERS);
    times(&budget, &clock, "a", 1).await;
    budget.observe(
        "a",
        &headers(&[("x-ratelimit-remaining", "2"), ("x-ratelimit-daily-remaining", "40")]),
    );
    assert_eq!(budget.left_today(), Some(40));
    assert_eq!(times(&budget, &clock, "a", 3).await, [0, 0, 1000]);

    budget.observe("a", &headers(&[("x-ratelimit-daily-remaining", "0")]));
    assert_eq!(
        budget.acquire("a", Lane::Urgent).await.unwrap_err().kind(),
        ErrorKind::QuotaExhausted
    );
}

#[tokio::test]
async fn the_vendor_may_change_the_window() {
    let clock = clock();
    let budget = Budget::shared(quota(5, None, 0), clock.clone()).headers(HEADERS);
    budget.observe(
        "a",
        &headers(&[("x-ratelimit-max", "2"), ("x-ratelimit-interval-milliseconds", "4000")]),
    );
    assert_eq!(times(&budget, &clock, "a", 5).await, [0, 0, 4000, 4000, 8000]);
    budget.observe("a", &headers(&[("x-ratelimit-max", "many"), ("x-ratelimit-remaining", "-1")]));
    assert_eq!(times(&budget, &clock, "a", 1).await, [8000], "nonsense is ignored");
}

#[tokio::test]
async fn a_pause_holds_everybody_and_a_long_one_is_reported() {
    let clock = clock();
    let budget = Budget::per_endpoint(quota(5, None, 0), clock.clone());
    budget.pause("a", Duration::from_secs(7));
    assert_eq!(times(&budget, &clock, "a", 2).await, [7000, 7000]);
    budget.pause("a", Duration::from_secs(900));
    let error = budget.acquire("a", Lane::Normal).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
    assert_eq!(error.retry_advice(), Retry::After(Duration::from_secs(900)));
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_nobody_wait() {
    let clock = clock();
    let budget = Budget::per_endpoint(quota(1, None, 0), clock.clone());
    budget.acquire("a", Lane::Normal).await.unwrap();
    clock.set(start() - TimeDelta::hours(5));
    budget.acquire("a", Lane::Normal).await.unwrap();
    assert_eq!(clock.now(), start() - TimeDelta::hours(5) + TimeDelta::seconds(1));
}

#[tokio::test]
async fn the_reserve_is_a_share_of_the_vendors_own_day() {
    let budget = Budget::shared(quota(100, Some(200_000), 20_000), clock()).headers(HEADERS);
    let told =
        headers(&[("x-ratelimit-limit-daily", "10000"), ("x-ratelimit-daily-remaining", "1001")]);
    budget.observe("a", &told);
    budget.acquire("a", Lane::Normal).await.unwrap();
    let error = budget.acquire("a", Lane::Normal).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QuotaExhausted);
    budget.acquire("a", Lane::Urgent).await.unwrap();
}
