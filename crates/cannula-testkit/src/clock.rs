use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::Clock;
use chrono::{DateTime, TimeDelta, Utc};

/// A clock that stands still until a test moves it or somebody sleeps on it.
///
/// `sleep` moves the clock forward by the duration and returns after a yield. Tasks that sleep
/// side by side each move it, so time runs at least as fast as the slowest of them expects.
#[derive(Debug)]
pub struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    /// A clock that shows `start`.
    pub const fn at(start: DateTime<Utc>) -> Self {
        Self(Mutex::new(start))
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now += TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX);
    }

    /// Sets the clock; it may go backwards, as real ones do.
    pub fn set(&self, instant: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = instant;
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        self.advance(duration);
        tokio::task::yield_now().await;
    }
}
