use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};

use super::Payload;

/// Something that comes to be by itself as the sandbox's clock moves, to be told to a subscriber.
/// A vendor whose every change passes through its own API needs none.
pub(crate) trait Feed: fmt::Debug + Send + Sync + 'static {
    /// What is there now is known: a new subscriber hears of what follows.
    fn begin(&self);

    /// What came to be since it was last asked, oldest first.
    fn news(&self) -> Vec<News>;

    /// When the next thing comes to be.
    fn next(&self) -> Option<DateTime<Utc>>;
}

/// Something to tell.
#[derive(Clone, Debug)]
pub(crate) struct News {
    /// When it came to be.
    pub(crate) at: DateTime<Utc>,
    pub(crate) payload: Arc<dyn Payload>,
}
