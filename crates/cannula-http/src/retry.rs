//! Whether to send a request again: a pure function of what is known.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use cannula_core::{Error, ErrorKind, Retry};
use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::response::http_date;

/// How often and how long one call is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// No attempt starts later than this after the first.
    pub total: Duration,
    /// The wait before the second attempt; it doubles with each further one.
    pub base: Duration,
    /// The longest wait of the client's own choosing. A vendor's `Retry-After` may be longer.
    pub cap: Duration,
}

impl Default for RetryPolicy {
    /// Four attempts within a minute, waiting 250 ms, 500 ms and 1 s.
    fn default() -> Self {
        Self {
            attempts: 4,
            total: Duration::from_secs(60),
            base: Duration::from_millis(250),
            cap: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// One attempt only.
    pub const fn once() -> Self {
        Self { attempts: 1, total: Duration::ZERO, base: Duration::ZERO, cap: Duration::ZERO }
    }
}

/// What became of a call that did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The vendor did not apply it, and may do so later.
    NotApplied,
    /// Nobody knows whether it was applied.
    Unknown,
    /// It was applied, but the answer cannot be read, now or later.
    Lost,
    /// Another try would fail the same way.
    Final,
}

impl Fate {
    /// What an error of a vendor's table says about the call.
    pub(crate) fn of(error: &Error) -> Self {
        match (error.retry_advice(), error.kind()) {
            (_, ErrorKind::QuotaExhausted) => Self::Final,
            (Retry::Backoff | Retry::After(_), _) => Self::NotApplied,
            (Retry::Settle, _) => Self::Unknown,
            (Retry::Never, ErrorKind::Throttled) => Self::NotApplied,
            (Retry::Never, ErrorKind::Unavailable | ErrorKind::Connection) => Self::Unknown,
            (Retry::Never, _) => Self::Final,
        }
    }
}

/// All that the decision depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) fate: Fate,
    /// The request may be sent twice without harm.
    pub(crate) repeatable: bool,
    /// Attempts made so far, one or more.
    pub(crate) attempt: u32,
    /// Time since the first attempt started.
    pub(crate) elapsed: Duration,
    /// The vendor's wish.
    pub(crate) retry_after: Option<Duration>,
    /// Any number; spreads the waits of clients that fail together.
    pub(crate) jitter: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Wait, then send again.
    Again(Duration),
    /// Give the error back with this advice.
    Stop(Retry),
    /// Give the error back as it is.
    Final,
}

pub(crate) fn decide(policy: &RetryPolicy, now: &Situation) -> Decision {
    match now.fate {
        Fate::Final => return Decision::Final,
        Fate::Lost if now.repeatable => return Decision::Final,
        Fate::Lost => return Decision::Stop(Retry::Settle),
        Fate::Unknown if !now.repeatable => return Decision::Stop(Retry::Settle),
        Fate::Unknown | Fate::NotApplied => {}
    }
    let wait = now.retry_after.unwrap_or_else(|| backoff(policy, now.attempt, now.jitter));
    if now.attempt < policy.attempts && now.elapsed.saturating_add(wait) <= policy.total {
        Decision::Again(wait)
    } else {
        Decision::Stop(now.retry_after.map_or(Retry::Backoff, Retry::After))
    }
}

/// Doubles from the base to the cap; the jitter takes off up to half.
fn backoff(policy: &RetryPolicy, attempt: u32, jitter: u64) -> Duration {
    let doubled = policy.base.saturating_mul(1_u32 << attempt.saturating_sub(1).min(20));
    let whole = doubled.min(policy.cap);
    whole - (whole / 2).mul_f64((jitter % 1024) as f64 / 1024.0)
}

/// A number that differs between requests and attempts, and is the same in every run.
pub(crate) fn jitter(operation: &str, attempt: u32, request: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (operation, attempt, request).hash(&mut hasher);
    hasher.finish()
}

/// A `Retry-After` that is longer is a mistake, such as an instant in the place of seconds.
const LONGEST: Duration = Duration::from_secs(86_400);

/// The `Retry-After` header, in seconds or as a date, at most a day. A date is measured against the server's
/// own `Date` where it sends one, so that a clock that is off does no harm.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let until = http_date(headers, &RETRY_AFTER)?;
    let since = http_date(headers, &DATE).unwrap_or(now);
    Some((until - since).to_std().unwrap_or(Duration::ZERO).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        attempts: 3,
        total: Duration::from_secs(10),
        base: Duration::from_secs(1),
        cap: Duration::from_secs(3),
    };

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn the_decision_table() {
        use Decision::{Again, Final, Stop};
        use Fate::{NotApplied, Unknown};
        // fate, repeatable, attempt, elapsed, Retry-After => decision
        let table = [
            (Fate::Final, true, 1, 0, None, Final),
            (Fate::Final, false, 1, 0, Some(1), Final),
            (Fate::Lost, true, 1, 0, None, Final),
            (Fate::Lost, false, 1, 0, None, Stop(Retry::Settle)),
            (Unknown, false, 1, 0, None, Stop(Retry::Settle)),
            (Unknown, false, 1, 0, Some(1), Stop(Retry::Settle)),
            (Unknown, true, 1, 0, None, Again(secs(1))),
            (Unknown, true, 2, 0, None, Again(secs(2))),
            (Unknown, true, 2, 9, None, Stop(Retry::Backoff)),
            (Unknown, true, 3, 0, None, Stop(Retry::Backoff)),
            (NotApplied, false, 1, 0, None, Again(secs(1))),
            (NotApplied, false, 1, 0, Some(7), Again(secs(7))),
            (NotApplied, false, 1, 4, Some(7), Stop(Retry::After(secs(7)))),
            (NotApplied, true, 3, 0, Some(7), Stop(Retry::After(secs(7)))),
            (NotApplied, true, 1, 0, Some(0), Again(secs(0))),
        ];
        for (fate, repeatable, attempt, elapsed, after, expected) in table {
            let situation = Situation {
                fate,
                repeatable,
                attempt,
                elapsed: secs(elapsed),
                retry_after: after.map(secs),
                jitter: 0,
            };
            assert_eq!(decide(&POLICY, &situation), expected, "{situation:?}");
        }
    }

    #[test]
    fn back_off_doubles_up_to_the_cap_and_jitter_takes_off_at_most_half() {
        assert_eq!(backoff(&POLICY, 1, 0), secs(1));
        assert_eq!(backoff(&POLICY, 3, 0), secs(3));
        assert_eq!(backoff(&POLICY, 99, 0), secs(3));
        assert_eq!(backoff(&POLICY, 2, 512), Duration::from_millis(1500));
        assert!(backoff(&POLICY, 1, 1023) > Duration::from_millis(500));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_measured_on_the_servers_clock() {
        let now = DateTime::from_timestamp(0, 0).unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(retry_after(&headers, now), None);
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers, now), Some(secs(7)));
        headers.insert(RETRY_AFTER, "Wed, 07 May 2031 10:00:30 GMT".parse().unwrap());
        headers.insert(DATE, "Wed, 07 May 2031 10:00:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers, now), Some(secs(30)));
        headers.insert(DATE, "Wed, 07 May 2031 11:00:00 GMT".parse().unwrap());
        assert_eq!(retry_after(&headers, now), Some(secs(0)));
        for mistake in ["1936000000", "18446744073709551615", "Sat, 07 May 2050 10:00:30 GMT"] {
            headers.insert(RETRY_AFTER, mistake.parse().unwrap());
            assert_eq!(retry_after(&headers, now), Some(LONGEST), "{mistake}");
        }
        headers.insert(RETRY_AFTER, "soon".parse().unwrap());
        assert_eq!(retry_after(&headers, now), None);
    }

    #[test]
    fn a_tables_error_says_what_became_of_the_call() {
        let table = [
            (ErrorKind::Throttled, Retry::Never, Fate::NotApplied),
            (ErrorKind::Unavailable, Retry::Never, Fate::Unknown),
            (ErrorKind::Unavailable, Retry::Backoff, Fate::NotApplied),
            (ErrorKind::Invalid, Retry::Never, Fate::Final),
            (ErrorKind::Invalid, Retry::Settle, Fate::Unknown),
            (ErrorKind::QuotaExhausted, Retry::After(secs(9)), Fate::Final),
        ];
        for (kind, retry, fate) in table {
            assert_eq!(Fate::of(&Error::new(kind, "x").retry(retry)), fate, "{kind:?} {retry:?}");
        }
    }
}
