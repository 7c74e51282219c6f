#![doc = include_str!("../README.md")]

mod category;
mod config;
mod decide;
mod document;
mod effects;
pub mod intake;
mod ledger;
mod note;
mod payment;
mod payment_note;
mod payment_telling;
mod person;
mod reading;
mod reason;
mod settings;
mod table;
mod tally;
mod telling;
mod verdict;
mod walk;
mod worth;

pub use category::Category;
pub use config::{
    FieldNames, NonSurgicalNames, PaymentConfig, PaymentPipelines, RulesConfig, StagePolicy,
    StatusMeaning, SurgicalNames, TagNames, ValuePolicy,
};
pub use decide::{Plan, Planned, Rules};
pub use document::{Categories, Spelling};
pub use ledger::Posting;
pub use person::PersonState;
pub use reason::Reason;
pub use tally::Unsummable;
pub use verdict::{Outcome, Verdict};
