//! What is done with bytes from outside, as functions of bytes: the targets of `cargo fuzz`
//! (`tests/fuzz`), and of the test `fuzz`, which plays seeds and what was found before.
//!
//! A target fails by panicking. Vendors answer over real HTTP, so that all of a client takes part;
//! see [`Answer`] for how an input says what is answered.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod answer;
mod bench;
mod calls;
mod texts;
mod typed;
mod values;
mod webhooks;

pub use answer::Answer;

/// A name, which is that of the binary in `tests/fuzz`, and what it does with bytes.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// What is held to hold for all bytes.
    pub run: fn(&[u8]),
    /// Inputs to begin with, made from what the sandbox answers and from the samples.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All there are.
pub const TARGETS: [Target; 18] = [
    Target { name: "nextech_select", run: calls::nextech_select, seeds: calls::seeds_select },
    Target { name: "nextech_plus", run: calls::nextech_plus, seeds: calls::seeds_plus },
    Target { name: "patientnow", run: calls::patientnow, seeds: calls::seeds_patientnow },
    Target { name: "zenoti", run: calls::zenoti, seeds: calls::seeds_zenoti },
    Target { name: "dermpro", run: calls::dermpro, seeds: calls::seeds_dermpro },
    Target { name: "aesthetix", run: calls::aesthetix, seeds: calls::seeds_aesthetix },
    Target { name: "tokens", run: calls::tokens, seeds: calls::seeds_tokens },
    Target { name: "cursors", run: calls::cursors, seeds: calls::seeds_cursors },
    Target { name: "values", run: values::values, seeds: values::seeds },
    Target { name: "nextech_pages", run: texts::pages, seeds: texts::seeds_pages },
    Target { name: "webhooks", run: webhooks::webhooks, seeds: webhooks::seeds },
    Target { name: "configuration", run: texts::configuration, seeds: texts::seeds_configuration },
    Target { name: "categories", run: texts::categories, seeds: texts::seeds_categories },
    Target { name: "report", run: texts::report, seeds: texts::seeds_report },
    Target { name: "links", run: texts::links, seeds: texts::seeds_links },
    Target { name: "markers", run: texts::markers, seeds: texts::seeds_markers },
    Target { name: "typed", run: typed::typed, seeds: typed::seeds },
    Target { name: "money", run: texts::money, seeds: texts::seeds_money },
];

/// The target of a name.
///
/// # Panics
/// If there is none.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap().run)(data);
}
