//! Quota as a budget: bursts and days, shared by everybody who sends with the same credentials.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cannula_core::{Clock, Error, ErrorKind, Result, Retry};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;

/// What a vendor allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests in any window of length `per`. Zero is read as one.
    pub burst: u32,
    /// The window.
    pub per: Duration,
    /// Requests in a UTC day over all endpoints; `None` if there is no daily limit.
    pub daily: Option<u64>,
    /// How many of the daily ones are kept for [`Lane::Urgent`].
    pub reserve: u64,
}

/// Who may use the last of a day's requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// Polling and everything else that can wait until tomorrow.
    #[default]
    Normal,
    /// Webhooks and people: may use the reserve.
    Urgent,
}

/// The names of a vendor's quota headers, in lower case; a blank name is never looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct QuotaHeaders {
    /// Requests allowed in a window.
    pub max: &'static str,
    /// The window in milliseconds.
    pub interval_ms: &'static str,
    /// Requests left in the present window.
    pub remaining: &'static str,
    /// Requests allowed in a day.
    pub daily_max: &'static str,
    /// Requests left today.
    pub daily_remaining: &'static str,
}

/// Hands out the right to send. Share it between all clients that use the same credentials.
///
/// Each caller books the next free moment under one short lock and sleeps until then, so callers
/// are served in order, nobody polls, and no window ever holds more than the quota.
#[derive(Debug)]
pub struct Budget {
    quota: Quota,
    shared: bool,
    headers: QuotaHeaders,
    clock: Arc<dyn Clock>,
    books: Mutex<Books>,
}

#[derive(Debug)]
struct Books {
    windows: HashMap<&'static str, Window>,
    day: i64,
    left_today: Option<u64>,
    reserve: u64,
}

impl Budget {
    /// A vendor's pause that is longer than this is reported rather than slept through.
    const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(60);
    /// More than any vendor allows in a window; keeps a mad header from eating memory.
    const LARGEST_BURST: u64 = 10_000;

    /// Each endpoint has the burst to itself; the day is common to all.
    pub fn per_endpoint(quota: Quota, clock: Arc<dyn Clock>) -> Self {
        Self::new(quota, false, clock)
    }

    /// One burst for all endpoints.
    pub fn shared(quota: Quota, clock: Arc<dyn Clock>) -> Self {
        Self::new(quota, true, clock)
    }

    fn new(quota: Quota, shared: bool, clock: Arc<dyn Clock>) -> Self {
        let books = Books {
            windows: HashMap::new(),
            day: day_of(clock.now()),
            left_today: quota.daily,
            reserve: quota.reserve,
        };
        Self { quota, shared, headers: QuotaHeaders::default(), clock, books: Mutex::new(books) }
    }

    /// Believes the vendor's own count where it sends one.
    #[must_use]
    pub fn headers(mut self, headers: QuotaHeaders) -> Self {
        self.headers = headers;
        self
    }

    /// Waits until one request may be sent to `endpoint`.
    ///
    /// Fails at once with [`ErrorKind::QuotaExhausted`] when the day's requests are used up, and
    /// with [`ErrorKind::Throttled`] when the vendor asked for a pause of more than a minute.
    pub async fn acquire(&self, endpoint: &'static str, lane: Lane) -> Result<()> {
        let now = self.clock.now();
        let slot = {
            let mut books = self.lock();
            books.new_day(now, self.quota.daily);
            let window = books.window(self.key(endpoint), self.quota, now);
            window.follow_the_clock(now);
            let pause = window.paused_until - now;
            if pause > Self::LONGEST_PAUSE {
                let wait = pause.to_std().unwrap_or_default();
                return Err(Error::new(ErrorKind::Throttled, "the vendor asked for a pause")
                    .retry(Retry::After(wait)));
            }
            books.spend_one(lane, now)?;
            books.window(self.key(endpoint), self.quota, now).book(now)
        };
        if let Ok(wait) = (slot - now).to_std()
            && !wait.is_zero()
        {
            self.clock.sleep(wait).await;
        }
        Ok(())
    }

    /// Corrects the books from an answer's headers.
    pub fn observe(&self, endpoint: &'static str, headers: &HeaderMap) {
        let number = |name: &'static str| -> Option<u64> {
            if name.is_empty() {
                return None;
            }
            headers.get(name)?.to_str().ok()?.trim().parse().ok()
        };
        let max = number(self.headers.max).filter(|max| (1..=Self::LARGEST_BURST).contains(max));
        let per = number(self.headers.interval_ms).filter(|ms| (1..=86_400_000).contains(ms));
        let remaining = number(self.headers.remaining);
        let left_today = number(self.headers.daily_remaining);
        let daily_max = number(self.headers.daily_max);
        if max.is_none() && per.is_none() && remaining.is_none() && left_today.is_none() {
            return;
        }
        let now = self.clock.now();
        let mut books = self.lock();
        books.new_day(now, self.quota.daily);
        let window = books.window(self.key(endpoint), self.quota, now);
        if let Some(per) = per.and_then(|ms| i64::try_from(ms).ok()) {
            window.per = TimeDelta::milliseconds(per);
        }
        if let Some(max) = max.and_then(|max| usize::try_from(max).ok()) {
            window.resize(max);
        }
        if let Some(remaining) = remaining {
            window.leave_at_most(remaining, now);
        }
        if let (Some(max), Some(daily)) = (daily_max, self.quota.daily) {
            books.share_out(self.quota.reserve, daily, max);
        }
        if let Some(left) = left_today {
            books.left_today = Some(books.left_today.map_or(left, |ours| ours.min(left)));
        }
    }

    /// The vendor wants nothing sent to `endpoint` for this long.
    pub fn pause(&self, endpoint: &'static str, wait: Duration) {
        let now = self.clock.now();
        let until = TimeDelta::from_std(wait).ok().and_then(|wait| now.checked_add_signed(wait));
        let mut books = self.lock();
        let window = books.window(self.key(endpoint), self.quota, now);
        window.paused_until = window.paused_until.max(until.unwrap_or(DateTime::<Utc>::MAX_UTC));
    }

    /// Requests left today, as far as is known; `None` without a daily limit.
    pub fn left_today(&self) -> Option<u64> {
        let now = self.clock.now();
        let mut books = self.lock();
        books.new_day(now, self.quota.daily);
        books.left_today
    }

    fn key(&self, endpoint: &'static str) -> &'static str {
        if self.shared { "" } else { endpoint }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Books> {
        // The books hold plain numbers that are right after every statement.
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn new_day(&mut self, now: DateTime<Utc>, daily: Option<u64>) {
        let day = day_of(now);
        if day > self.day {
            self.day = day;
            self.left_today = daily;
        }
    }

    /// The vendor's day is shorter or longer than we were told: the reserve keeps its share of it,
    /// for otherwise it could be the whole of a short one.
    fn share_out(&mut self, reserve: u64, daily: u64, max: u64) {
        let share = u128::from(reserve) * u128::from(max) / u128::from(daily.max(1));
        self.reserve = u64::try_from(share).unwrap_or(u64::MAX);
    }

    fn spend_one(&mut self, lane: Lane, now: DateTime<Utc>) -> Result<()> {
        let Some(left) = &mut self.left_today else { return Ok(()) };
        let kept = if lane == Lane::Urgent { 0 } else { self.reserve };
        if *left <= kept {
            return Err(Error::new(ErrorKind::QuotaExhausted, "today's requests are used up")
                .with("left", *left)
                .retry(Retry::After(until_midnight(now))));
        }
        *left -= 1;
        Ok(())
    }

    fn window(&mut self, key: &'static str, quota: Quota, now: DateTime<Utc>) -> &mut Window {
        self.windows.entry(key).or_insert_with(|| Window::new(quota, now))
    }
}

/// The moments of the last `burst` requests, oldest first: the next may go out when the oldest
/// has left the window.
#[derive(Debug)]
struct Window {
    per: TimeDelta,
    slots: VecDeque<DateTime<Utc>>,
    paused_until: DateTime<Utc>,
    seen: DateTime<Utc>,
}

impl Window {
    fn new(quota: Quota, now: DateTime<Utc>) -> Self {
        let burst = u64::from(quota.burst).clamp(1, Budget::LARGEST_BURST);
        Self {
            per: TimeDelta::from_std(quota.per).unwrap_or(TimeDelta::days(1)),
            slots: (0..burst).map(|_| DateTime::<Utc>::MIN_UTC).collect(),
            paused_until: now,
            seen: now,
        }
    }

    /// The next free moment, which is then taken.
    fn book(&mut self, now: DateTime<Utc>) -> DateTime<Utc> {
        let oldest = self.slots.pop_front().unwrap_or(DateTime::<Utc>::MIN_UTC);
        let last = self.slots.back().copied().unwrap_or(DateTime::<Utc>::MIN_UTC);
        let free = oldest.checked_add_signed(self.per).unwrap_or(now);
        let slot = now.max(self.paused_until).max(free).max(last);
        self.slots.push_back(slot);
        slot
    }

    /// A clock that was set back must not make everybody wait for it to catch up.
    fn follow_the_clock(&mut self, now: DateTime<Utc>) {
        if now < self.seen {
            let back = self.seen - now;
            for slot in &mut self.slots {
                *slot = slot.checked_sub_signed(back).unwrap_or(DateTime::<Utc>::MIN_UTC);
            }
            self.paused_until = self.paused_until.checked_sub_signed(back).unwrap_or(now);
        }
        self.seen = now;
    }

    fn resize(&mut self, burst: usize) {
        while self.slots.len() > burst {
            self.slots.pop_front();
        }
        while self.slots.len() < burst {
            self.slots.push_front(DateTime::<Utc>::MIN_UTC);
        }
    }

    /// Somebody else uses the same credentials: takes what they used out of our window.
    fn leave_at_most(&mut self, remaining: u64, now: DateTime<Utc>) {
        let free =
            |slot: &DateTime<Utc>| slot.checked_add_signed(self.per).is_none_or(|end| end <= now);
        let ours = self.slots.iter().filter(|slot| free(slot)).count();
        let taken = ours.saturating_sub(usize::try_from(remaining).unwrap_or(usize::MAX));
        for _ in 0..taken {
            self.slots.pop_front();
            // Keeps the slots in order: those booked for later stay behind.
            let place = self.slots.partition_point(|slot| *slot <= now);
            self.slots.insert(place, now);
        }
    }
}

fn day_of(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(86_400)
}

fn until_midnight(now: DateTime<Utc>) -> Duration {
    let seconds = now.timestamp().rem_euclid(86_400).unsigned_abs();
    Duration::from_secs(86_400 - seconds)
}
