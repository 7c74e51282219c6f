#![doc = include_str!("../README.md")]

mod backoff;
mod crm_flow;
mod engine;
mod flow;
mod intake_flow;
mod posting_flow;
mod register;
mod rehearsal;
mod sqlite;
mod store;
mod webhook;
mod withdraw;

pub use crm_flow::CrmFlow;
pub use engine::{DrainReport, Engine, Line, PollReport, Progress};
pub use flow::{Decision, Flow, Ruling, Verdict};
pub use intake_flow::{IntakeFlow, LinkSink};
pub use posting_flow::PostingFlow;
pub use rehearsal::Rehearsal;
pub use sqlite::{SqliteStore, StoreFile};
pub use store::{
    Arrival, Claim, DeadLetter, EffectStatus, EventUpdate, FeedState, Forgotten, History,
    HistoryEntry, Ingest, Ingested, Next, OutboxRow, Outcome, Parked, RejectedRow, Replay,
    SETTLE_AFTER, Saved, Step, Store, Summary,
};
pub use webhook::{WebhookReceiver, webhook_router};
pub use withdraw::moved_away;
