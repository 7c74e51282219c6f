#![doc = include_str!("../README.md")]

mod access;
mod clock;
mod control;
mod crm;
mod faults;
mod nextech;
mod observe;
pub mod practice;
mod quirks;
mod sandbox;
mod server;

pub use access::{Access, CrmAccess, NextechAccess, OAuthAccess, PracticePlusAccess, SelectAccess};
pub use clock::SandboxClock;
pub use crm::{
    ContactSnapshot, CrmOptions, CrmSettings, CrmSnapshot, CrmState, Dedupe, DeliveryState,
    FieldOptions, Limits, NewContact, OAuthClient, OpportunitySnapshot, PipelineOptions, Signing,
    WebhookDelivery, WebhookQuirks,
};
pub use faults::{Fault, FaultRates, Faults};
pub use quirks::{Links, Quirks};
pub use sandbox::{Sandbox, SandboxConfig, Vendor};
