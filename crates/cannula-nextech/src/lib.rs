#![doc = include_str!("../README.md")]

mod amount;
mod auth;
mod config;
mod create;
mod cursor;
mod errors;
mod lists;
mod map;
mod mentions;
mod new_patients;
mod page;
mod payment_map;
mod payment_wire;
mod payments;
mod phone;
mod profile;
mod registry;
mod registry_requests;
mod repeated;
mod requests;
mod source;
mod time;
mod wire;

pub use config::{Credentials, NextechConfig};
pub use new_patients::NewPatients;
pub use page::{PageParser, ParsedPage};
pub use profile::Product;
pub use source::Nextech;
