//! `fields=items[increment_id,payment[method]],total_count`: what an answer is trimmed to.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Names, and what is wanted of each; of a name without brackets all is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted(BTreeMap<String, Option<Wanted>>);

/// Trims an answer. Names that are not there are left out; a list is trimmed row by row, so that
/// names of its rows must be nested in brackets. Nothing at all is an empty list.
pub(super) fn trim(answer: Value, fields: &str) -> Value {
    let mut letters = fields.chars().filter(|letter| !letter.is_whitespace()).peekable();
    keep(answer, &wanted(&mut letters))
}

fn wanted(letters: &mut impl Iterator<Item = char>) -> Wanted {
    let mut all = Wanted::default();
    let mut name = String::new();
    let mut add = |name: &mut String, of: Option<Wanted>| {
        if !name.is_empty() {
            all.0.insert(std::mem::take(name), of);
        }
    };
    while let Some(letter) = letters.next() {
        match letter {
            ',' => add(&mut name, None),
            '[' => {
                let of = wanted(letters);
                add(&mut name, Some(of));
            }
            ']' => break,
            letter => name.push(letter),
        }
    }
    add(&mut name, None);
    all
}

fn keep(value: Value, wanted: &Wanted) -> Value {
    match value {
        Value::Array(rows) => rows.into_iter().map(|row| keep(row, wanted)).collect(),
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, value) in members {
                match wanted.0.get(&name) {
                    None => {}
                    Some(None) => drop(kept.insert(name, value)),
                    Some(Some(of)) => drop(kept.insert(name, keep(value, of))),
                }
            }
            // The server's language does not tell an empty object from an empty list.
            if kept.is_empty() { Value::Array(Vec::new()) } else { Value::Object(kept) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_trimmed_row_by_row() {
        let answer = || {
            json!({
                "items": [
                    { "id": 1, "payment": { "method": "free", "cc_last4": "1111" }, "more": {} },
                    { "id": 2, "payment": { "cc_last4": "1111" }, "more": { "a": 1 } },
                ],
                "total_count": 2,
            })
        };
        let trimmed = trim(answer(), "items[id, payment[method],more[b],none],total_count");
        let expected = json!({
            "items": [
                { "id": 1, "payment": { "method": "free" }, "more": [] },
                { "id": 2, "payment": [], "more": [] },
            ],
            "total_count": 2,
        });
        assert_eq!(trimmed, expected);
        assert_eq!(trim(answer(), "id"), json!([]), "names of rows must be nested");
    }
}
