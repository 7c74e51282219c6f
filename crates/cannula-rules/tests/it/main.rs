//! The rules, shown by data files (`tests/cases`) and their snapshots, and by properties.

// The allowances for tests reach test functions only, not the helpers they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod convergence;
mod documents;
mod intake;
mod ledger;
mod merge;
mod patient_link;
mod pipelines;
mod posting;
mod scenarios;
mod sentences;
mod settings;
mod state;
mod support;
