#![doc = include_str!("../README.md")]

mod category;
mod config;
mod decide;
mod document;
mod effects;
mod note;
mod person;
mod reading;
mod reason;
mod settings;
mod table;
mod telling;
mod verdict;
mod walk;

pub use category::Category;
pub use config::{
    FieldNames, NonSurgicalNames, RulesConfig, StagePolicy, StatusMeaning, SurgicalNames, TagNames,
};
pub use decide::{Plan, Planned, Rules};
pub use document::{Categories, Spelling};
pub use person::PersonState;
pub use reason::Reason;
pub use verdict::{Outcome, Verdict};
