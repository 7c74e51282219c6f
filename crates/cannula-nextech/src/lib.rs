#![doc = include_str!("../README.md")]

mod auth;
mod config;
mod cursor;
mod errors;
mod map;
mod page;
mod profile;
mod requests;
mod source;
mod time;
mod wire;

pub use config::{Credentials, NextechConfig};
pub use page::{PageParser, ParsedPage};
pub use profile::Product;
pub use source::Nextech;
