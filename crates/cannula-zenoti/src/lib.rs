#![doc = include_str!("../README.md")]

mod amount;
mod auth;
mod cache;
mod codes;
mod config;
mod create;
mod errors;
mod events;
mod group;
mod group_lookup;
mod locator;
mod map;
mod memory;
mod merge;
mod phone;
mod registry;
mod requests;
mod signature;
mod source;
mod sweep;
mod sweep_appointments;
mod sweep_rest;
mod time;
mod webhook;
mod wire;

/// What errors and metrics call this connector.
pub(crate) const CONNECTOR: &str = "zenoti";

pub use config::{Center, Credentials, Sweeps, WebhookConfig, ZenotiConfig};
pub use source::Zenoti;
pub use webhook::ZenotiWebhooks;
