#![doc = include_str!("../README.md")]

mod amount;
mod auth;
mod config;
mod create;
mod cursor;
mod errors;
mod ledger;
mod ledger_requests;
mod ledger_words;
mod listing;
mod lists;
mod map;
mod mentions;
mod new_patients;
mod new_payments;
mod page;
mod payment_body;
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
mod written;

pub use config::{Credentials, NextechConfig};
pub use new_patients::NewPatients;
pub use new_payments::NewPayments;
pub use page::{PageParser, ParsedPage};
pub use profile::Product;
pub use source::Nextech;
