//! Amounts: up to four decimals in JSON, rounded half to even to the currency's cents. The digits
//! are read as they are written; no float comes near them.

use cannula_core::{Currency, Money};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::value::RawValue;

/// The amount that stands in a number, quoted or not. `Ok(None)`: there is none.
///
/// # Errors
/// What is wrong, without the value.
pub(crate) fn amount(
    json: Option<&RawValue>,
    currency: Currency,
) -> Result<Option<Money>, &'static str> {
    let Some(json) = json else { return Ok(None) };
    let text = json.get().trim().trim_matches('"').trim();
    if text.is_empty() || text == "null" {
        return Ok(None);
    }
    let number = Decimal::from_str_exact(text)
        .or_else(|_| Decimal::from_scientific(text))
        .map_err(|_| "expected an amount such as 149.5")?;
    let places = u32::from(currency.exponent().unwrap_or(0));
    let rounded = number.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven);
    Money::parse(&rounded.to_string(), currency).map(Some).map_err(|_| "the amount is too large")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_a_cent_go_to_the_even_cent() {
        for (json, minor) in [
            ("600.0", 60_000),
            ("441.3333", 44_133),
            ("12.505", 1_250),
            ("12.515", 1_252),
            ("12.5051", 1_251),
            ("-12.515", -1_252),
            ("0.0049", 0),
            ("1.5E2", 15_000),
            ("\"19.99\"", 1_999),
            // As a float this is 1.00499…, which would be rounded down from above the half.
            ("1.015", 102),
            ("1.00500000000000000000001", 101),
        ] {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            let money = amount(Some(&raw), Currency::USD).unwrap().unwrap();
            assert_eq!(money.minor(), minor, "{json}");
        }
    }

    #[test]
    fn nothing_is_no_amount_and_words_are_an_error() {
        let read = |json: &str| {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            amount(Some(&raw), Currency::USD)
        };
        assert_eq!(read("null"), Ok(None));
        assert_eq!(read("\"\""), Ok(None));
        assert!(read("\"ten\"").is_err() && read("{}").is_err());
        assert!(read("92233720368547758.08").is_err());
    }
}
