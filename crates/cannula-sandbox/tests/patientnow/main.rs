//! The PatientNow fake over real HTTP.

// Everything here is a test or its helper; clippy knows only the tests by their attribute.
#![allow(clippy::unwrap_used)]

mod guard;
mod intake;
mod orders;
mod records;
mod support;
mod webhooks;
