//! The sandbox over real HTTP: the Nextech fakes, faults, control and life cycle.

// Everything here is a test or its helper; clippy knows only the tests by their attribute.
#![allow(clippy::unwrap_used)]

mod intake;
mod nextech;
mod payments;
mod post_payment;
mod server;
mod support;
