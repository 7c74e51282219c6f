#![doc = include_str!("../README.md")]

mod catalog;
mod client;
mod config;
mod contact;
mod content;
mod directory;
mod errors;
mod hits;
mod map;
mod matching;
mod model;
mod oauth;
mod reader;
mod requests;
mod signature;
mod sink;
mod source;
mod stage;
mod tokens;
mod webhook;
mod wire;

pub use client::CrmClient;
pub use config::{AesthetixConfig, ApiVersion, Credentials, DEFAULT_BASE_URL, Duplicates, OAuth};
pub use content::FieldContent;
pub use directory::Directory;
pub use errors::Collision;
pub use model::{
    Contact, ContactNote, ContactPage, CustomField, Opportunity, Pipeline, Stage, Upserted,
};
pub use requests::{ContactParts, ContactSearch, FieldWrite, NewOpportunity, Placement};
pub use sink::Aesthetix;
pub use source::TagSource;
pub use tokens::{FileTokenStore, MemoryTokenStore, TokenPair, TokenStore};
pub use webhook::{DEFAULT_ED25519_KEY, WebhookConfig, Webhooks};

/// The connector's name in errors, logs and tables.
const CONNECTOR: &str = "aesthetix";
