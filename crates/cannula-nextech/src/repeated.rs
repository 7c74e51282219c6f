//! JSON objects whose keys repeat, which are in Nextech's own samples.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

/// Deeper than any row is; what is below is left as it is.
const MAX_DEPTH: u32 = 32;

/// The same JSON with every key once, the last of each: that is how JavaScript reads it. Numbers
/// keep their digits.
pub(crate) fn last_wins(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    write(json.trim(), 0, &mut out);
    out
}

fn write(json: &str, depth: u32, out: &mut String) {
    if depth < MAX_DEPTH {
        if let Some(fields) = json.starts_with('{').then(|| object(json)).flatten() {
            let fields = fields.iter().map(|(key, value)| (Some(&**key), *value));
            return write_all(['{', '}'], fields, depth, out);
        }
        if let Some(items) = json.starts_with('[').then(|| array(json)).flatten() {
            return write_all(['[', ']'], items.into_iter().map(|it| (None, it)), depth, out);
        }
    }
    out.push_str(json);
}

fn object(json: &str) -> Option<BTreeMap<Cow<'_, str>, &RawValue>> {
    serde_json::from_str(json).ok()
}

fn array(json: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(json).ok()
}

fn write_all<'j>(
    [open, close]: [char; 2],
    items: impl Iterator<Item = (Option<&'j str>, &'j RawValue)>,
    depth: u32,
    out: &mut String,
) {
    out.push(open);
    for (index, (key, value)) in items.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if let Some(key) = key {
            out.push_str(&serde_json::Value::from(key).to_string());
            out.push(':');
        }
        write(value.get(), depth + 1, out);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_repeated_key_counts_at_any_depth_and_digits_stay() {
        let table = [
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (
                r#" {"b": 50.00, "a": [{"k": 1e2, "k": 50.10}]} "#,
                r#"{"a":[{"k":50.10}],"b":50.00}"#,
            ),
            (r#"{"q\"":"x\ny"}"#, r#"{"q\"":"x\ny"}"#),
            ("92233720368547758.07", "92233720368547758.07"),
            ("[]", "[]"),
            ("nonsense", "nonsense"),
        ];
        for (json, expected) in table {
            assert_eq!(last_wins(json), expected, "{json}");
        }
    }

    #[test]
    fn what_is_deeper_than_any_row_is_left_as_it_is() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        assert_eq!(last_wins(&deep), deep);
    }
}
