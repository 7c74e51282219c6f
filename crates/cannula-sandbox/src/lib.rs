#![doc = include_str!("../README.md")]

mod access;
mod clock;
mod control;
mod crm;
pub mod dermpro;
mod faults;
mod nextech;
mod observe;
mod patientnow;
pub mod practice;
mod quirks;
mod sandbox;
mod server;
mod webhooks;
pub mod zenoti;

pub use access::{
    Access, CrmAccess, DermProAccess, NextechAccess, OAuthAccess, PatientNowAccess,
    PracticePlusAccess, SelectAccess, ZenotiAccess,
};
pub use clock::SandboxClock;
pub use crm::{
    ContactSnapshot, CrmOptions, CrmSettings, CrmSnapshot, CrmState, Dedupe, FieldOptions, Limits,
    NewContact, OAuthClient, OpportunitySnapshot, PipelineOptions,
};
pub use faults::{Fault, FaultRates, Faults};
pub use patientnow::{LineKind, OrderLine, OrderState, OrderStatus, PatientNowMembership};
pub use quirks::{CreatedAnswer, Links, PaymentAnswer, Quirks};
pub use sandbox::{Sandbox, SandboxConfig, Vendor};
pub use webhooks::{DeliveryState, Signing, WebhookDelivery, WebhookQuirks, WebhookVerb};
