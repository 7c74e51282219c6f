//! What is done to every request of a vendor before its fake sees it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use cannula_core::Clock;

use crate::faults::{Faults, inject};

/// Requests by `METHOD /template`.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<BTreeMap<String, u64>>);

impl Calls {
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, request: &Request) {
        let path = request.extensions().get::<MatchedPath>().map_or("(no route)", |p| p.as_str());
        let call = format!("{} {path}", request.method());
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(call).or_default() += 1;
    }
}

/// One vendor seen from the listener.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) calls: Calls,
    pub(crate) faults: Arc<Faults>,
    clock: Arc<dyn Clock>,
}

impl Watch {
    pub(crate) fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self { calls: Calls::default(), faults: Arc::new(Faults::new(seed)), clock }
    }

    /// Puts the vendor's routes under counting, faults and the sandbox's clock.
    pub(crate) fn over(self: &Arc<Self>, router: Router) -> Router {
        router
            .layer(from_fn_with_state(Arc::clone(&self.faults), inject))
            .layer(from_fn_with_state(Arc::clone(self), observe))
    }
}

async fn observe(State(watch): State<Arc<Watch>>, request: Request, next: Next) -> Response {
    watch.calls.count(&request);
    let mut response = next.run(request).await;
    // Clients hold their own clock against this header, so it must tell the sandbox's time.
    let date = watch.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(date) = HeaderValue::try_from(date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
