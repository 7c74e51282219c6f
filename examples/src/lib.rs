//! What the examples share: the figures of a run, why a contact looks as it does, and both as
//! tables for people and JSON for machines.

mod connect;
mod explain;
mod figures;
mod intake;
mod lead;
mod notes;
mod tables;

pub use connect::{aesthetix_at, nextech_at};
pub use explain::{Explained, ExplainedEvent, explain};
pub use figures::{
    Board, DeadFigure, Figures, ParkedFigure, RejectedFigure, Run, StageFigure, VendorCalls,
};
pub use intake::intake_engine;
pub use lead::{birthday, create_tag, lead, referral_sources};
pub use notes::print_notes;
pub use tables::{print, print_explained, show};
