#![doc = include_str!("../README.md")]

/// The workspace's README, so that its code is compiled too.
#[cfg(all(doctest, feature = "nextech", feature = "aesthetix", feature = "sync"))]
#[doc = include_str!("../../../README.md")]
struct Workspace;

#[cfg(all(feature = "nextech", feature = "aesthetix", feature = "sync"))]
mod service;

#[cfg(feature = "aesthetix")]
pub use cannula_aesthetix as aesthetix;
pub use cannula_core as core;
#[cfg(any(feature = "nextech", feature = "aesthetix"))]
pub use cannula_http as http;
#[cfg(feature = "nextech")]
pub use cannula_nextech as nextech;
pub use cannula_rules as rules;
#[cfg(feature = "sync")]
pub use cannula_sync as sync;
#[cfg(all(feature = "nextech", feature = "aesthetix", feature = "sync"))]
pub use service::{IntakeService, ServiceConfig};
