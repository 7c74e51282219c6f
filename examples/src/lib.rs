//! What the examples share: the program from its options to its figures, why a contact looks as it
//! does, and both as tables for people and JSON for machines.

mod connect;
mod emr;
mod explain;
mod figures;
mod intake;
mod lead;
mod notes;
mod posting;
mod receiver;
mod service;
mod setup;
mod tables;
mod world;

pub use connect::{aesthetix_at, dermpro_at, nextech_at, patientnow_at, zenoti_at};
pub use emr::Emr;
pub use explain::{Explained, ExplainedEvent, explain};
pub use figures::{
    Board, DeadFigure, Figures, ParkedFigure, RejectedFigure, Run, StageFigure, VendorCalls,
};
pub use intake::intake_engine;
pub use lead::{birthday, lead, referral_sources};
pub use notes::print_notes;
pub use posting::{
    OrderFigure, Orders, Period, PostingOptions, posting, posting_rules, print_orders,
    print_report, reconcile, write_csv,
};
pub use service::{Options, service};
pub use tables::{print, print_explained, show};
