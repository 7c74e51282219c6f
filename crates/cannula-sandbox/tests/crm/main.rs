//! What the fake CRM does, over real HTTP, one behaviour a test.

#![allow(clippy::unwrap_used, reason = "a helper that cannot go on fails its test")]

mod contacts;
mod fields;
mod guard;
mod oauth;
mod opportunities;
mod plant;
mod receiver;
mod search;
mod search_names;
mod search_tags;
mod staff;
mod support;
mod tags_notes;
mod upsert;
mod webhooks;
