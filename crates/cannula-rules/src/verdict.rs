use cannula_core::ParkReason;
use serde::{Deserialize, Serialize};

use crate::Reason;

/// How an event ended, as far as the rules go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "park", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is left to decide; its effects, if it has any, are planned.
    Done,
    /// A person must act first.
    Parked(ParkReason),
    /// The patient record named by [`Plan::wants`](crate::Plan::wants) must be read first.
    Waiting,
}

/// An event's outcome and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, in the order to read them.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    pub(crate) fn done(reasons: impl Into<Vec<Reason>>) -> Self {
        Self { outcome: Outcome::Done, reasons: reasons.into() }
    }
}
