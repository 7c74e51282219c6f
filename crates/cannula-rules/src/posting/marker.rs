//! What a payment is found by again: the first words of its description.

use std::fmt;

use cannula_core::OrderNumber;

/// What a row of the ledger was posted for, as its description begins: `DP#000004101`,
/// `DP#000004101/2` for money that was taken later, `DP#000004101 R#000000077` for a refund. What
/// follows after a space is for people.
///
/// ```
/// use cannula_rules::posting::marker::{Marker, Part};
///
/// let marker = Marker { order: "000004101".into(), part: Part::Payment(2) };
/// assert_eq!(marker.to_string(), "DP#000004101/2");
/// assert_eq!(Marker::parse("DP#000004101/2 SERUM-30"), Some(marker));
/// assert_eq!(Marker::parse("paid by phone"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Marker {
    /// The order; its number has neither spaces nor slashes.
    pub order: OrderNumber,
    /// Which of its money.
    pub part: Part,
}

/// Which money of an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What was taken: 1 the first time, 2 and up for what was taken later.
    Payment(u32),
    /// What was given back by the credit memo of this number.
    Refund(String),
}

const ORDER: &str = "DP#";
const REFUND: &str = "R#";

impl Marker {
    /// Whether a word that follows a marker would be read as a part of it.
    pub(super) fn takes(word: &str) -> bool {
        word.starts_with(REFUND)
    }

    /// Reads the marker at the start of a description; `None` if it begins otherwise.
    pub fn parse(description: &str) -> Option<Self> {
        let mut words = description.split_whitespace();
        let order = words.next()?.strip_prefix(ORDER)?;
        let (order, part) = match order.split_once('/') {
            Some((order, number)) => (order, Part::Payment(later(number)?)),
            None => match words.next().and_then(|word| word.strip_prefix(REFUND)) {
                Some(memo) if !memo.is_empty() => (order, Part::Refund(memo.to_owned())),
                _ => (order, Part::Payment(1)),
            },
        };
        (!order.is_empty()).then(|| Self { order: OrderNumber::new(order), part })
    }
}

/// 2 and up, in the one way it is written.
fn later(number: &str) -> Option<u32> {
    let later = number.parse().ok().filter(|it| *it >= 2)?;
    (number == u32::to_string(&later)).then_some(later)
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ORDER}{}", self.order)?;
        match &self.part {
            Part::Payment(0 | 1) => Ok(()),
            Part::Payment(number) => write!(f, "/{number}"),
            Part::Refund(memo) => write!(f, " {REFUND}{memo}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written_whatever_follows() {
        for (order, part, written) in [
            ("000004101", Part::Payment(1), "DP#000004101"),
            ("000004101-1", Part::Payment(2), "DP#000004101-1/2"),
            ("2:000004101", Part::Payment(10), "DP#2:000004101/10"),
            ("000004101", Part::Refund("000000077".to_owned()), "DP#000004101 R#000000077"),
        ] {
            let marker = Marker { order: order.into(), part };
            assert_eq!(marker.to_string(), written);
            for tail in ["", " ", " SERUM-30 Rose serum", "\nstaff wrote this"] {
                let description = format!(" {written}{tail}");
                assert_eq!(Marker::parse(&description).as_ref(), Some(&marker), "{description}");
            }
        }
    }

    #[test]
    fn what_begins_otherwise_has_no_marker() {
        for description in [
            "",
            "DP#",
            "DP# 4101",
            "DP#/2",
            "dp#4101",
            "4101",
            "see DP#4101",
            "XDP#4101",
            // Nothing of ours is written like these.
            "DP#4101/1",
            "DP#4101/0",
            "DP#4101/02",
            "DP#4101/+2",
            "DP#4101/two",
            "DP#4101/2/3",
        ] {
            assert_eq!(Marker::parse(description), None, "{description}");
        }
    }

    #[test]
    fn a_refund_needs_the_number_of_its_credit_memo() {
        let plain = Marker { order: "4101".into(), part: Part::Payment(1) };
        for description in ["DP#4101 R#", "DP#4101 SER R#7", "DP#4101 r#7"] {
            assert_eq!(Marker::parse(description).as_ref(), Some(&plain), "{description}");
        }
    }
}
