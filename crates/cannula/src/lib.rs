#![doc = include_str!("../README.md")]

/// The workspace's README, so that its code is compiled too.
#[cfg(all(
    doctest,
    feature = "nextech",
    feature = "zenoti",
    feature = "aesthetix",
    feature = "sync",
    feature = "a360"
))]
#[doc = include_str!("../../../README.md")]
struct Workspace;

#[cfg(all(feature = "aesthetix", feature = "sync"))]
mod emr;
#[cfg(any(
    all(feature = "aesthetix", any(feature = "sync", feature = "a360")),
    all(feature = "dermpro", feature = "nextech", feature = "sync")
))]
mod file;
#[cfg(all(feature = "aesthetix", feature = "a360"))]
mod patient_search;
#[cfg(all(feature = "dermpro", feature = "nextech", feature = "sync"))]
mod posting;
#[cfg(all(
    feature = "sync",
    any(feature = "aesthetix", all(feature = "dermpro", feature = "nextech"))
))]
mod sections;
#[cfg(all(feature = "aesthetix", feature = "sync"))]
mod service;

#[cfg(feature = "a360")]
pub use cannula_a360 as a360;
#[cfg(feature = "aesthetix")]
pub use cannula_aesthetix as aesthetix;
pub use cannula_core as core;
#[cfg(feature = "dermpro")]
pub use cannula_dermpro as dermpro;
#[cfg(any(
    feature = "nextech",
    feature = "patientnow",
    feature = "zenoti",
    feature = "dermpro",
    feature = "aesthetix"
))]
pub use cannula_http as http;
#[cfg(feature = "nextech")]
pub use cannula_nextech as nextech;
#[cfg(feature = "patientnow")]
pub use cannula_patientnow as patientnow;
pub use cannula_rules as rules;
#[cfg(feature = "sync")]
pub use cannula_sync as sync;
#[cfg(feature = "zenoti")]
pub use cannula_zenoti as zenoti;
#[cfg(all(feature = "aesthetix", feature = "sync"))]
pub use emr::EmrSection;
#[cfg(all(feature = "aesthetix", feature = "a360"))]
pub use patient_search::PatientSearchConfig;
#[cfg(all(feature = "dermpro", feature = "nextech", feature = "sync"))]
pub use posting::PostingService;
#[cfg(all(feature = "aesthetix", feature = "sync"))]
pub use service::{IntakeService, ServiceConfig};
