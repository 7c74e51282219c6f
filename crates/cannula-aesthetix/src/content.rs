//! Values as they stand in a request.

use cannula_core::{Money, Phi};
use chrono::NaiveDate;
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

/// A value in the shape a custom field's type takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldContent {
    /// A text; an empty one clears a field of text.
    Text(Phi<String>),
    /// A calendar date, `YYYY-MM-DD`.
    Date(Phi<NaiveDate>),
    /// A number with all the places of the amount's currency: `149.50`.
    Number(#[serde(serialize_with = "number")] Phi<Money>),
    /// `null`, which clears a field of dates or numbers.
    Null,
}

impl FieldContent {
    /// It clears the field.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.expose().is_empty(),
            Self::Date(_) | Self::Number(_) => false,
            Self::Null => true,
        }
    }
}

/// Writes an amount digit by digit: a float would not hold every one.
pub(crate) fn number<S: Serializer>(money: &Phi<Money>, serializer: S) -> Result<S::Ok, S::Error> {
    let digits = RawValue::from_string(money.expose().decimal()).map_err(S::Error::custom)?;
    digits.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use cannula_core::Currency;

    use super::*;

    #[test]
    fn amounts_are_numbers_exact_to_the_last_cent() {
        for (minor, currency, expected) in [
            (14_950, Currency::USD, "149.50"),
            (-5, Currency::USD, "-0.05"),
            (0, Currency::USD, "0.00"),
            (i64::MAX, Currency::USD, "92233720368547758.07"),
            (700, Currency::JPY, "700"),
        ] {
            let content = FieldContent::Number(Phi::new(Money::from_minor(minor, currency)));
            assert_eq!(serde_json::to_string(&content).unwrap(), expected);
        }
    }

    #[test]
    fn the_other_values_are_texts_or_null() {
        let json = |content| serde_json::to_string(&content).unwrap();
        assert_eq!(json(FieldContent::Text(Phi::new("a".into()))), "\"a\"");
        let date = FieldContent::Date(Phi::new("2026-03-09".parse().unwrap()));
        assert_eq!(json(date), "\"2026-03-09\"");
        assert_eq!(json(FieldContent::Null), "null");
    }
}
