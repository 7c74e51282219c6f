//! The DermPRO store over real HTTP.

// Everything here is a test or its helper; clippy knows only the tests by their attribute.
#![allow(clippy::unwrap_used)]

mod access;
mod hands;
mod orders;
mod search;
mod season;
mod support;
