#![doc = include_str!("../README.md")]

mod clock;
mod crash;
mod memory_crm;
mod sample;
mod scripted_source;
pub mod store_laws;

pub use async_trait::async_trait;
pub use clock::ManualClock;
pub use crash::{Crash, CrashSink, CrashStore};
pub use memory_crm::{CrmContact, MemoryCrm};
pub use sample::{appointment, day_one, patient, practice, subject};
pub use scripted_source::ScriptedSource;
pub use store_laws::StoreBench;
