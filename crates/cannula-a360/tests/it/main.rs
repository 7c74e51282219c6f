//! The list with and without a CRM, on both stores.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod pushing;
mod races;
mod refreshing;
mod searching;
mod selecting;
mod settings;
mod stores;
mod support;
mod switching;
