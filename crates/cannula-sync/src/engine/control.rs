//! What makes all of the engine's tasks hold still.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use cannula_core::Error;
use chrono::{DateTime, Utc};

#[derive(Debug, Default)]
pub(super) struct Control {
    /// Somebody wants everything to end. It outlasts a drain.
    stopping: AtomicBool,
    brakes: Mutex<Brakes>,
}

#[derive(Debug, Default)]
struct Brakes {
    /// An error nobody can get past, such as refused credentials.
    error: Option<Error>,
    /// The sink's allowance is used up until then.
    paused_until: Option<DateTime<Utc>>,
}

impl Control {
    /// Lets a new drain run. A pause outlasts it.
    pub(super) fn begin(&self) {
        self.brakes().error = None;
    }

    /// Begins nothing more for as long as the answer lives.
    pub(super) fn stop(&self) -> Stop<'_> {
        self.stopping.store(true, Ordering::Relaxed);
        Stop(self)
    }

    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Sends nothing more in this drain because of `error`; the first one is kept.
    pub(super) fn halt(&self, error: Error) {
        self.brakes().error.get_or_insert(error);
    }

    pub(super) fn halted(&self) -> bool {
        self.brakes().error.is_some()
    }

    /// The error that halted the drain.
    pub(super) fn take_error(&self) -> Option<Error> {
        self.brakes().error.take()
    }

    /// Sends nothing before `until`.
    pub(super) fn pause(&self, until: DateTime<Utc>) {
        let mut brakes = self.brakes();
        brakes.paused_until = brakes.paused_until.max(Some(until));
    }

    /// Until when nothing may be sent.
    pub(super) fn paused(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.brakes().paused_until.filter(|until| *until > now)
    }

    /// If nothing may be sent now: when to look again.
    pub(super) fn held(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.stopping() || self.halted() { Some(now) } else { self.paused(now) }
    }

    fn brakes(&self) -> MutexGuard<'_, Brakes> {
        self.brakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody wants everything to end.
pub(super) struct Stop<'a>(&'a Control);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.stopping.store(false, Ordering::Relaxed);
    }
}
