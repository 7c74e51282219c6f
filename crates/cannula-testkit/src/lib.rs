#![doc = include_str!("../README.md")]

pub mod client_laws;
mod clock;
mod crash;
mod gate;
mod laws;
pub mod ledger_laws;
mod memory_crm;
mod memory_ledger;
mod memory_registry;
pub mod patient_store_laws;
pub mod registry_laws;
mod sample;
mod scripted_source;
pub mod sink_laws;
pub mod source_laws;
pub mod store_laws;
pub mod webhook_laws;
mod write_faults;

pub use async_trait::async_trait;
pub use client_laws::ClientBench;
pub use clock::ManualClock;
pub use crash::{Crash, CrashEmr, CrashSink, CrashStore};
pub use gate::{Gate, Spoil};
pub use laws::{Law, Power, skipped};
pub use ledger_laws::LedgerBench;
pub use memory_crm::{MemoryContact, MemoryCrm};
pub use memory_ledger::MemoryLedger;
pub use memory_registry::MemoryRegistry;
pub use patient_store_laws::PatientStoreBench;
pub use registry_laws::RegistryBench;
pub use sample::{
    appointment, day_one, membership, patient, payment, pointer, practice, store_order, subject,
    without_stamp,
};
pub use scripted_source::ScriptedSource;
pub use sink_laws::SinkBench;
pub use source_laws::{RowsIn, SourceBench};
pub use store_laws::StoreBench;
pub use webhook_laws::{Delivered, WebhookBench};
