//! Scripted scenes: what staff do in the EMR and in the CRM, and what the service makes of it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod contacts;
mod explain;
mod scene;
mod stages;
