//! The vendors' published specifications as judge: the whole repertoire of a client, through Prism,
//! in front of the sandbox. Prism is an independent reader of OpenAPI files: it says which of our
//! requests, and which of the sandbox's answers, are not as the vendor describes them.
//!
//! Needs a folder of the files, named by `CANNULA_SPECS`, and Prism; without them the tests say so
//! and pass. `docs/testing.md` has the details.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod aesthetix;
mod dermpro;
mod effects;
mod judge;
mod known;
mod operations;
mod prism;
