//! A JSON object read by configured names. Numbers stay the digits they are in the answer.

use std::collections::HashMap;

use cannula_core::{Currency, Money};
use serde_json::{Value, value::RawValue};

/// Why a row cannot be used: where, and what would be right. Never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) path: String,
    pub(crate) what: String,
}

impl Problem {
    pub(crate) fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into() }
    }
}

/// The fields of one object, by their names in lower case. A `null` is as good as absent.
#[derive(Debug)]
pub(crate) struct Row<'a>(HashMap<String, &'a RawValue>);

impl<'a> Row<'a> {
    /// `None` if it is no object.
    pub(crate) fn read(json: &'a str) -> Option<Self> {
        let fields: HashMap<String, &'a RawValue> = serde_json::from_str(json).ok()?;
        let fields = fields.into_iter().filter(|(_, value)| value.get() != "null");
        Some(Self(fields.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.get(&name.to_ascii_lowercase()).map(|value| value.get())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_ascii_lowercase())
    }

    /// A text without the spaces around it, or a number's digits; a blank one is absent.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(self.get(name)?)
    }

    /// An id: a number or a text. Zero is no id.
    pub(crate) fn id(&self, name: &str) -> Option<String> {
        self.text(name).filter(|id| id != "0")
    }

    /// The objects of a list, or the one object that stands in place of a list.
    pub(crate) fn rows(&self, name: &str) -> Vec<Row<'a>> {
        let Some(json) = self.get(name) else { return Vec::new() };
        let items: Vec<&'a RawValue> = serde_json::from_str(json).unwrap_or_default();
        match items.is_empty() {
            true => Row::read(json).into_iter().collect(),
            false => items.into_iter().filter_map(|item| Row::read(item.get())).collect(),
        }
    }

    pub(crate) fn object(&self, name: &str) -> Option<Row<'a>> {
        Row::read(self.get(name)?)
    }

    /// `true`, `1` or `"true"`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"))
    }

    /// An amount, exactly as its digits are written.
    pub(crate) fn amount(&self, name: &str, currency: Currency) -> Result<Option<Money>, Problem> {
        let Some(digits) = self.text(name) else { return Ok(None) };
        let amount = Money::parse(&digits, currency);
        amount.map(Some).map_err(|error| Problem::new(name, error.message()))
    }
}

fn text(json: &str) -> Option<String> {
    let text = match json.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(json).ok()?,
        b'{' | b'[' => return None,
        _ => json.to_owned(),
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An id that stands alone as a JSON value.
pub(crate) fn bare_id(json: &str) -> Option<String> {
    let json = json.trim();
    let id = text(json).filter(|id| id != "0")?;
    let is_id = id.len() <= 64 && id.chars().all(|it| it.is_ascii_alphanumeric() || it == '-');
    let is_word = matches!(json, "true" | "false" | "null");
    (is_id && !is_word && serde_json::from_str::<Value>(json).is_ok()).then_some(id)
}

/// Digits as a number, anything else as a text.
pub(crate) fn number_or_text(text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) if number.to_string() == text => Value::from(number),
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbers_or_texts_and_zero_is_none() {
        let row = Row::read(r#"{"A":70011,"b":" 70011 ","C":0,"D":null,"E":"","F":{}}"#).unwrap();
        let ids = ["a", "B", "c", "d", "e", "f", "g"].map(|name| row.id(name));
        let id = Some("70011".to_owned());
        assert_eq!(ids, [id.clone(), id, None, None, None, None, None]);
    }

    #[test]
    fn amounts_keep_their_digits() {
        let row = Row::read(r#"{"a":600.10,"b":"1.5","c":0.005,"d":true}"#).unwrap();
        let minor = |name| row.amount(name, Currency::USD).map(|it| it.map(|it| it.minor()));
        assert_eq!(minor("a"), Ok(Some(60_010)));
        assert_eq!(minor("b"), Ok(Some(150)));
        assert_eq!(minor("e"), Ok(None));
        assert_eq!(minor("c").unwrap_err().what, "the amount has more than 2 decimal places");
        assert!(minor("d").is_err());
    }

    #[test]
    fn a_bare_id_is_told_from_other_answers() {
        let ids = ["70011", " \"70011\" ", "\"5b1-9\"", "true", "null", "0", "\"Not now.\"", "{}"];
        let read: Vec<_> = ids.into_iter().map(bare_id).collect();
        let id = |id: &str| Some(id.to_owned());
        assert_eq!(read, [id("70011"), id("70011"), id("5b1-9"), None, None, None, None, None]);
    }
}
