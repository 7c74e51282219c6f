#![doc = include_str!("../README.md")]

mod api;
mod auth;
mod complaint;
mod config;
mod create;
mod cursor;
mod dialect;
mod errors;
mod map;
mod membership;
mod order;
mod page;
mod phone;
mod product;
mod registry;
mod requests;
mod row;
mod signature;
mod source;
mod time;
mod webhook;
mod words;

pub use config::{Credentials, MembershipReads, PatientNowConfig, Sweeps};
pub use dialect::{Dialect, Fields, Filters, Paths};
pub use product::Product;
pub use signature::{DEFAULT_WEBHOOK_HEADER, Verifier, WebhookConfig};
pub use source::PatientNow;
pub use webhook::PatientNowWebhooks;
pub use words::{OrderState, WebhookEvent, Words};
