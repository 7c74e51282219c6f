//! What the examples share: the figures of a run, as tables for people and JSON for machines.

mod figures;
mod tables;

pub use figures::{Figures, Totals};
pub use tables::print;
