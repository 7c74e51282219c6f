#![doc = include_str!("../README.md")]

mod app;
mod config;
mod integration;
mod local;
mod memory;
mod model;
mod push;
mod refresh;
mod search;
mod select;
mod sqlite;
mod store;

pub use app::A360;
pub use config::A360Config;
pub use integration::{Connection, Options, Status};
pub use local::Added;
pub use memory::MemoryStore;
pub use model::{
    Action, Actor, AuditRow, Counts, Integration, Link, LinkFilter, LinkKey, LocalPatient,
};
pub use push::Pushed;
pub use refresh::Refreshed;
pub use search::{Hit, Notice, Results, Scope, SearchRequest};
pub use select::{Answer, Duplicate, Outcome, Said, Selection};
pub use sqlite::SqlitePatients;
pub use store::{Change, LinkChange, PatientQuery, PatientStore, Target, contended};

/// The crate's name in errors.
const CRATE: &str = "a360";
