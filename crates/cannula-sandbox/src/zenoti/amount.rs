//! Amounts with four decimals, as the vendor keeps them, and the cents they mean.

use cannula_core::{Currency, Money};
use serde_json::{Value, json};

/// So many ten-thousandths of a dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub i64);

impl Amount {
    /// So many cents.
    pub const fn cents(minor: i64) -> Self {
        Self(minor * 100)
    }

    /// The amount in whole cents, halves to the even cent.
    pub const fn money(self) -> Money {
        let (cents, rest) = (self.0.div_euclid(100), self.0.rem_euclid(100));
        let up = rest > 50 || (rest == 50 && cents % 2 != 0);
        Money::from_minor(if up { cents + 1 } else { cents }, Currency::USD)
    }

    /// The amount as a JSON number, with as many decimals as it needs.
    pub(crate) fn json(self) -> Value {
        let (whole, rest) = (self.0.unsigned_abs() / 10_000, self.0.unsigned_abs() % 10_000);
        let sign = if self.0 < 0 { "-" } else { "" };
        // The shortest text of the nearest float is this text again: it has few enough digits.
        json!(format!("{sign}{whole}.{rest:04}").parse::<f64>().unwrap_or_default())
    }

    /// The opposite amount.
    pub(crate) const fn back(self) -> Self {
        Self(-self.0)
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_cent_go_to_the_even_cent() {
        for (amount, cents) in
            [(1_250_050, 12_500), (1_250_150, 12_502), (1_250_051, 12_501), (-1_250_150, -12_502)]
        {
            assert_eq!(Amount(amount).money().minor(), cents, "{amount}");
        }
    }

    #[test]
    fn numbers_print_their_decimals_exactly() {
        let texts = [6_000_000, 4_413_333, -125_050, 1, 0].map(|it| Amount(it).json().to_string());
        assert_eq!(texts, ["600.0", "441.3333", "-12.505", "0.0001", "0.0"]);
    }
}
