#![doc = include_str!("../README.md")]

mod category;
mod config;
mod decide;
mod document;
mod effects;
mod folds;
pub mod intake;
mod ledger;
mod membership;
mod membership_telling;
mod merge;
mod newest;
mod note;
mod patient;
pub mod patient_link;
mod patient_telling;
mod payment;
mod payment_note;
mod payment_telling;
mod person;
mod plausible;
pub mod posting;
mod reading;
mod reason;
mod registration;
mod sentence;
mod settings;
mod table;
mod tally;
mod telling;
mod titles;
mod verdict;
mod walk;
mod worth;

pub use category::Category;
pub use config::{
    ContactsFor, FieldNames, MembershipConfig, NonSurgicalNames, PaymentConfig, PaymentPipelines,
    RulesConfig, StagePolicy, StatusMeaning, SurgicalNames, TagNames, ValuePolicy,
};
pub use decide::{Plan, Planned, Rules};
pub use document::{Categories, Spelling};
pub use ledger::Posting;
pub use person::PersonState;
pub use reason::Reason;
pub use tally::Unsummable;
pub use titles::{AppointmentTitles, TitleConfig};
pub use verdict::{Outcome, Verdict};
