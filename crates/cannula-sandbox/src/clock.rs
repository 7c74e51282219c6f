use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use cannula_core::Clock;
use chrono::{DateTime, TimeDelta, Utc};

/// The one clock of a sandbox: another clock, made faster and moved forward on demand.
#[derive(Debug)]
pub struct SandboxClock {
    base: Arc<dyn Clock>,
    epoch: DateTime<Utc>,
    speed: f64,
    ahead: Mutex<TimeDelta>,
}

impl SandboxClock {
    /// A clock that shows what `base` shows now and runs `speed` times as fast from here on.
    pub fn new(base: Arc<dyn Clock>, speed: f64) -> Self {
        let epoch = base.now();
        Self { base, epoch, speed, ahead: Mutex::new(TimeDelta::zero()) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        *ahead += TimeDelta::from_std(duration).unwrap_or_default();
    }
}

#[async_trait]
impl Clock for SandboxClock {
    fn now(&self) -> DateTime<Utc> {
        let ahead = *self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let base = self.base.now();
        if (self.speed - 1.0).abs() < f64::EPSILON {
            return base + ahead;
        }
        let passed = (base - self.epoch).num_milliseconds() as f64 * self.speed;
        self.epoch + TimeDelta::milliseconds(passed as i64) + ahead
    }

    async fn sleep(&self, duration: Duration) {
        self.base.sleep(duration.div_f64(self.speed)).await;
    }
}
