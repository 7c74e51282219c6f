//! Money: whole minor units of a currency, exact to the cent.

use std::fmt;

use iso_currency::Currency;
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind, Result};

/// An amount, possibly negative, in whole minor units of an ISO 4217 currency. Never a float.
/// What a person paid is nobody's business: `Debug` shows the currency only.
///
/// ```
/// use cannula_core::{Currency, Money};
/// let paid = Money::parse("149.5", Currency::USD)?;
/// let back = Money::parse("-20.00", Currency::USD)?;
/// assert_eq!(paid.minor(), 14_950);
/// assert_eq!(paid.checked_add(back).map(|sum| sum.to_string()).as_deref(), Some("$129.50"));
/// assert_eq!(back.to_string(), "-$20.00");
/// assert_eq!(paid.decimal(), "149.50");
/// assert!(Money::parse("1.005", Currency::USD).is_err());
/// # Ok::<(), cannula_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units: 14950 is $149.50.
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing.
    pub const fn zero(currency: Currency) -> Self {
        Self::from_minor(0, currency)
    }

    /// Reads a decimal number such as `149.5`, `-80.0` or `1.5E2`.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for what is no number, is too large, or is finer than the currency's
    /// minor unit: money is never rounded.
    pub fn parse(text: &str, currency: Currency) -> Result<Self> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Decode, format!("the amount {what}")));
        let text = text.trim();
        let Ok(number) = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text))
        else {
            return wrong("is not a decimal number such as 149.50");
        };
        let digits = exponent(currency);
        let number = number.normalize();
        if number.scale() > digits {
            return wrong(&format!("has more than {digits} decimal places"));
        }
        let scale = Decimal::from(10_i64.pow(digits));
        match number.checked_mul(scale).and_then(|minor| minor.to_i64()) {
            Some(minor) => Ok(Self { minor, currency }),
            None => wrong("is too large"),
        }
    }

    /// The amount in minor units.
    pub const fn minor(&self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// Less than nothing.
    pub const fn is_negative(&self) -> bool {
        self.minor < 0
    }

    /// The same amount the other way: what was paid as what goes back.
    pub const fn negated(self) -> Self {
        // The one amount that has no opposite stays the nearest to it.
        Self { minor: self.minor.saturating_neg(), ..self }
    }

    /// The sum; `None` if the currencies differ or the sum is too large to be held.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let minor = self.minor.checked_add(other.minor)?;
        (self.currency == other.currency).then_some(Self { minor, ..self })
    }

    /// The amount as a plain decimal number with all the currency's places: `-149.50`.
    pub fn decimal(&self) -> String {
        Decimal::new(self.minor, exponent(self.currency)).to_string()
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Money(… {})", self.currency.code())
    }
}

/// With the currency's symbol: `$149.50`, `-$20.00`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = self.decimal();
        let (sign, digits) =
            decimal.strip_prefix('-').map_or(("", decimal.as_str()), |rest| ("-", rest));
        write!(f, "{sign}{}{digits}", self.currency.symbol())
    }
}

/// Decimal places of the minor unit; a few units of account have none.
fn exponent(currency: Currency) -> u32 {
    currency.exponent().unwrap_or(0).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let minor = |text: &str, currency| Money::parse(text, currency).ok().map(|it| it.minor());
        for (text, expected) in [
            ("0", Some(0)),
            ("50.00", Some(5_000)),
            ("149.5", Some(14_950)),
            (" -80.0 ", Some(-8_000)),
            ("1.50000", Some(150)),
            ("1.5E2", Some(15_000)),
            ("1e-2", Some(1)),
            ("92233720368547758.07", Some(i64::MAX)),
            ("92233720368547758.08", None),
            ("1.005", None),
            ("1.00000000000000000000000000001", None),
            ("", None),
            ("ten", None),
            ("1,50", None),
            ("NaN", None),
        ] {
            assert_eq!(minor(text, Currency::USD), expected, "{text}");
        }
        assert_eq!(minor("500", Currency::JPY), Some(500));
        assert_eq!(minor("500.5", Currency::JPY), None);
        assert_eq!(minor("0.125", Currency::KWD), Some(125));
    }

    #[test]
    fn sums_refuse_what_cannot_be_added() {
        let usd = |minor| Money::from_minor(minor, Currency::USD);
        assert_eq!(usd(1).checked_add(usd(-3)), Some(usd(-2)));
        assert_eq!(usd(i64::MAX).checked_add(usd(1)), None);
        assert_eq!(usd(1).checked_add(Money::zero(Currency::EUR)), None);
    }

    #[test]
    fn display_puts_the_sign_before_the_symbol() {
        let shown = [
            Money::from_minor(5, Currency::USD),
            Money::from_minor(-123_456, Currency::CAD),
            Money::from_minor(700, Currency::JPY),
        ]
        .map(|money| money.to_string());
        assert_eq!(shown, ["$0.05", "-$1234.56", "¥700"]);
    }
}
