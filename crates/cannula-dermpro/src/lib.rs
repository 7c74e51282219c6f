#![doc = include_str!("../README.md")]

mod amount;
mod config;
mod cursor;
mod customer;
mod errors;
mod lines;
mod map;
mod oauth;
mod page;
mod requests;
mod source;
mod time;
mod totals;
mod wire;

/// What errors and metrics call this connector.
pub(crate) const CONNECTOR: &str = "dermpro";

pub use config::{Credentials, DermproConfig};
pub use lines::{LineRule, LineRules};
pub use source::Dermpro;
