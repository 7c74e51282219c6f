//! A DermPRO store's payments on the patients' ledgers in Nextech, over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_hand;
mod convergence;
mod crashes;
