//! The rate limits of one token: a burst window and a daily allowance.

use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::options::Limits;

/// What one token has used.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// The burst window opens with its first request and closes one interval later.
    opened: DateTime<Utc>,
    in_window: u32,
    /// When the day ends is not documented; here it is the UTC one.
    day: NaiveDate,
    today: u64,
}

impl Usage {
    /// Counts a request, or says how many seconds to wait. A refused request costs nothing.
    pub(super) fn spend(&mut self, limits: &Limits, now: DateTime<Utc>) -> Result<(), u64> {
        let window = TimeDelta::seconds(limits.interval_seconds.into());
        if now - self.opened >= window {
            self.opened = now;
            self.in_window = 0;
        }
        if now.date_naive() != self.day {
            self.day = now.date_naive();
            self.today = 0;
        }
        if self.today >= limits.daily {
            let midnight = now.date_naive().succ_opt().and_then(|day| day.and_hms_opt(0, 0, 0));
            return Err(seconds_until(midnight.map_or(now, |midnight| midnight.and_utc()), now));
        }
        if self.in_window >= limits.burst {
            return Err(seconds_until(self.opened + window, now));
        }
        self.in_window += 1;
        self.today += 1;
        Ok(())
    }

    /// The five headers that every answer carries, spelled as the vendor does.
    pub(super) fn write_headers(&self, limits: &Limits, headers: &mut HeaderMap) {
        let interval = u64::from(limits.interval_seconds) * 1000;
        let burst_left = limits.burst.saturating_sub(self.in_window);
        for (name, value) in [
            ("x-ratelimit-limit-daily", limits.daily),
            ("x-ratelimit-daily-remaining", limits.daily.saturating_sub(self.today)),
            ("x-ratelimit-interval-milliseconds", interval),
            ("x-ratelimit-max", limits.burst.into()),
            ("x-ratelimit-remaining", burst_left.into()),
        ] {
            headers.insert(name, HeaderValue::from(value));
        }
    }
}

/// Whole seconds, rounded up.
fn seconds_until(instant: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    let milliseconds = u64::try_from((instant - now).num_milliseconds()).unwrap_or(0);
    milliseconds.div_ceil(1000)
}
