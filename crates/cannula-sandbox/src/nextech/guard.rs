//! What stands before every API call: token, practice, rate limits.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::{Api, reply::Refused};
use crate::practice::Product;

/// The documented default: 20 requests per second, user and endpoint.
const PER_SECOND: usize = 20;

/// Lets a request through or says why not.
pub(crate) async fn guard(State(api): State<Api>, request: Request, next: Next) -> Response {
    match check(&api, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    }
}

fn check(api: &Api, request: &Request) -> Result<(), Refused> {
    let server = &api.server;
    let quirks = server.quirks();
    let now = server.practice.now();
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let token = header(header::AUTHORIZATION.as_str())
        .and_then(|value| value.strip_prefix("Bearer "))
        .unwrap_or_default();
    if !server.tokens.accepts(token, api.product, now) {
        return Err(Refused::empty(StatusCode::UNAUTHORIZED));
    }
    if header("nx-practice-id") != Some(api.product.practice_id()) {
        return Err(Refused::forbidden("The practice is not licensed for this client."));
    }
    let endpoint = request.uri().path().split('/').nth(1).unwrap_or_default();
    if quirks.limits && !server.limits.admit(api.product, endpoint, now, quirks.daily_cap) {
        return Err(Refused::empty(StatusCode::TOO_MANY_REQUESTS));
    }
    Ok(())
}

/// Counts requests against the burst limit and the daily cap.
#[derive(Debug, Default)]
pub(crate) struct Limits(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    recent: HashMap<(Product, String), VecDeque<DateTime<Utc>>>,
    days: HashMap<Product, (NaiveDate, u64)>,
}

impl Limits {
    fn admit(
        &self,
        product: Product,
        endpoint: &str,
        now: DateTime<Utc>,
        cap: Option<u64>,
    ) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let today = now.date_naive();
        let day = counts.days.entry(product).or_insert((today, 0));
        if day.0 != today {
            *day = (today, 0);
        }
        if cap.is_some_and(|cap| day.1 >= cap) {
            return false;
        }
        day.1 += 1;
        let recent = counts.recent.entry((product, endpoint.to_owned())).or_default();
        // A clock that went back must not lock a client out.
        recent.retain(|at| (now - *at).abs() < TimeDelta::seconds(1));
        let admitted = recent.len() < PER_SECOND;
        if admitted {
            recent.push_back(now);
        }
        admitted
    }
}
