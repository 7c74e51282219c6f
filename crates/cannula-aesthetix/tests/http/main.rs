//! Sink and source over real HTTP, against raw answers; deliveries from raw files.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod contacts;
mod directory;
mod errors;
mod notes_and_tags;
mod oauth;
mod prepare;
mod quota;
mod stages;
mod support;
mod tagged;
mod values;
mod webhooks;
