//! Amounts: up to four decimals in JSON, rounded half up to the currency's cents. The digits are
//! read as they are written; no float comes near them.

use cannula_core::{Currency, Money};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::value::RawValue;

/// The number that stands in a field, quoted or not. `Ok(None)`: there is none.
///
/// # Errors
/// What is wrong, without the value.
pub(crate) fn number(json: Option<&RawValue>) -> Result<Option<Decimal>, &'static str> {
    let Some(json) = json else { return Ok(None) };
    let text = json.get().trim().trim_matches('"').trim();
    if text.is_empty() || text == "null" {
        return Ok(None);
    }
    Decimal::from_str_exact(text)
        .or_else(|_| Decimal::from_scientific(text))
        .map(Some)
        .map_err(|_| "expected an amount such as 149.5")
}

/// The amount in the currency's cents. Magento keeps four decimals in every currency, so half a
/// cent may be lost, and nothing more: 700.4 is no amount of yen.
///
/// # Errors
/// What is wrong, without the value.
pub(crate) fn money(number: Decimal, currency: Currency) -> Result<Money, &'static str> {
    let half_a_cent = Decimal::new(5, 3);
    let places = u32::from(currency.exponent().unwrap_or(0));
    let rounded = number.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    if (number - rounded).abs() > half_a_cent {
        return Err("the amount is finer than the currency's smallest unit");
    }
    Money::parse(&rounded.to_string(), currency).map_err(|_| "the amount is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, currency: Currency) -> Result<Option<i64>, &'static str> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        let number = number(Some(&raw))?;
        number.map(|it| money(it, currency).map(|money| money.minor())).transpose()
    }

    #[test]
    fn four_decimals_are_rounded_half_up_to_cents() {
        for (json, minor) in [
            ("207.55", 20_755),
            ("207.5500", 20_755),
            ("\"207.5500\"", 20_755),
            ("19.5449", 1_954),
            ("19.5450", 1_955),
            ("19.5451", 1_955),
            ("-19.5450", -1_955),
            ("250", 25_000),
            ("2.5e2", 25_000),
            // As a float this is 1.00499…
            ("1.005", 101),
        ] {
            assert_eq!(read(json, Currency::USD), Ok(Some(minor)), "{json}");
        }
    }

    #[test]
    fn more_than_half_a_cent_is_never_rounded_away() {
        assert_eq!(read("700.0000", Currency::JPY), Ok(Some(700)));
        assert_eq!(
            read("700.4", Currency::JPY),
            Err("the amount is finer than the currency's smallest unit")
        );
    }

    #[test]
    fn nothing_is_no_amount_and_words_are_an_error() {
        assert_eq!(read("null", Currency::USD), Ok(None));
        assert_eq!(read("\"\"", Currency::USD), Ok(None));
        assert!(read("\"ten\"", Currency::USD).is_err() && read("{}", Currency::USD).is_err());
        assert!(read("92233720368547758.08", Currency::USD).is_err());
    }
}
