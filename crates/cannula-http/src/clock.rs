use std::time::Duration;

use async_trait::async_trait;
use cannula_core::Clock;
use chrono::{DateTime, Utc};

/// The machine's clock and Tokio's timer: what everything but tests uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is where real time comes in")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    #[allow(clippy::disallowed_methods, reason = "this is where real time comes in")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
