//! Bad input, reported whole: every problem at once, each with its place and the right spelling.

use std::fmt;

use crate::{Error, ErrorKind, Result};

/// One thing wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: a configuration key's path (`nextech.client_id`), a line (`line 7`) or a JSON path.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// What is wrong, and where.
    pub fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Collects problems until the whole input has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// None so far.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    pub fn add(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem::new(place, message));
    }

    /// Takes over another collection.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Nothing was wrong.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was wrong, in the order it was found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// `Ok(value)` if nothing was wrong, else one error of kind [`ErrorKind::Config`] whose
    /// message lists every problem on a line of its own.
    pub fn into_result<T>(self, what: &str, value: T) -> Result<T> {
        if self.is_empty() {
            return Ok(value);
        }
        let count = self.0.len();
        let plural = if count == 1 { "problem" } else { "problems" };
        Err(Error::new(ErrorKind::Config, format!("{what} has {count} {plural}\n{self}")))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "  {problem}")?;
        }
        Ok(())
    }
}

/// The candidate most like `wanted`, if any is like enough to be what was meant.
///
/// ```
/// assert_eq!(cannula_core::nearest("consult  booked", ["Consult Booked", "Patient"]), Some("Consult Booked"));
/// assert_eq!(cannula_core::nearest("xyz", ["Consult Booked", "Patient"]), None);
/// ```
pub fn nearest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let fold = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let wanted = fold(wanted);
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&wanted, &fold(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
