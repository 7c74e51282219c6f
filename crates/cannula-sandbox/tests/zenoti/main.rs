//! The Zenoti fake over real HTTP.

// Everything here is a test or its helper; clippy knows only the tests by their attribute.
#![allow(clippy::unwrap_used)]

mod access;
mod appointments;
mod guests;
mod history;
mod invoices;
mod receiver;
mod support;
mod webhooks;
