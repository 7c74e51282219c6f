//! What an error means for the work at hand. Pure.

use std::time::Duration;

use cannula_core::{Error, ErrorKind, ParkReason, Retry};

/// The daily allowance is counted anew at some hour the vendor did not tell.
const UNTOLD_PAUSE: Duration = Duration::from_secs(3600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing can go on, whoever it is about: stop and say so.
    Halt,
    /// Nothing can be sent for so long, whoever it is about.
    Pause(Duration),
    /// Not applied; try this subject again, no sooner than told.
    Later(Option<Duration>),
    /// Perhaps applied; find out before anything else of this subject.
    Unknown,
    /// The linked record is gone: plan again without the link.
    Relink,
    /// A person must act.
    Park(ParkReason),
    /// It will never go through.
    Dead,
}

impl Fate {
    pub(super) fn of(error: &Error) -> Self {
        if let Some(reason) = error.park_reason() {
            return Self::Park(reason.clone());
        }
        match (error.kind(), error.retry_advice()) {
            // What the credentials may not do, they may not do for anybody: a scope is missing,
            // or the practice is not licensed. Dead letters would be the whole inbox.
            (ErrorKind::Auth | ErrorKind::Config | ErrorKind::Forbidden, _) => Self::Halt,
            (_, Retry::Settle) => Self::Unknown,
            (ErrorKind::QuotaExhausted, Retry::After(wait)) => Self::Pause(wait),
            (ErrorKind::QuotaExhausted, _) => Self::Pause(UNTOLD_PAUSE),
            (ErrorKind::LinkBroken, _) => Self::Relink,
            (_, Retry::After(wait)) => Self::Later(Some(wait)),
            (_, Retry::Backoff) => Self::Later(None),
            // Our own disk, not the vendor: every other subject would fail the same way.
            (ErrorKind::Storage | ErrorKind::Contended, Retry::Never) => Self::Halt,
            (_, Retry::Never) => Self::Dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(kind: ErrorKind, retry: Retry) -> Fate {
        Fate::of(&Error::new(kind, "x").retry(retry))
    }

    #[test]
    fn each_error_has_one_fate() {
        let minute = Duration::from_secs(60);
        assert_eq!(fate(ErrorKind::Auth, Retry::Never), Fate::Halt);
        assert_eq!(fate(ErrorKind::Config, Retry::Never), Fate::Halt);
        assert_eq!(fate(ErrorKind::Storage, Retry::Never), Fate::Halt);
        assert_eq!(fate(ErrorKind::Unavailable, Retry::Settle), Fate::Unknown);
        assert_eq!(fate(ErrorKind::Unavailable, Retry::Backoff), Fate::Later(None));
        assert_eq!(fate(ErrorKind::Throttled, Retry::After(minute)), Fate::Later(Some(minute)));
        assert_eq!(fate(ErrorKind::QuotaExhausted, Retry::After(minute)), Fate::Pause(minute));
        assert_eq!(fate(ErrorKind::QuotaExhausted, Retry::Never), Fate::Pause(UNTOLD_PAUSE));
        assert_eq!(fate(ErrorKind::LinkBroken, Retry::Never), Fate::Relink);
        assert_eq!(fate(ErrorKind::Invalid, Retry::Never), Fate::Dead);
        assert_eq!(fate(ErrorKind::Forbidden, Retry::Never), Fate::Halt);
        assert_eq!(
            Fate::of(&Error::needs_person(ParkReason::NoContactDetails)),
            Fate::Park(ParkReason::NoContactDetails)
        );
    }
}
