//! The order of a contact search, and the cursor that goes on after a row.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Value;

use super::{contact::Contact, reply::Refusal};

/// By what rows are sorted. The creation of the contact breaks ties.
#[derive(Debug)]
pub(super) struct Order(Vec<(Field, Direction)>);

#[derive(Clone, Copy, Debug)]
enum Field {
    Added,
    Updated,
    FirstName,
    LastName,
    Email,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// One part of a row's place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub(super) enum Key {
    Number(u64),
    Text(String),
}

/// A row's place: a key for each field of the order, and the contact's place among all.
///
/// It is a place and not a number of rows, so a row that moves while somebody pages is seen twice
/// or not at all, as with the vendor.
pub(super) type Place = Vec<Key>;

impl Order {
    /// `[{field, direction}]`; newest first where there is none.
    pub(super) fn read(items: &[Value]) -> Result<Self, Refusal> {
        if items.is_empty() {
            return Ok(Self(vec![(Field::Added, Direction::Descending)]));
        }
        let read = |item: &Value| {
            let part = |name| item.get(name).and_then(Value::as_str).unwrap_or_default();
            let direction = match part("direction") {
                "asc" => Direction::Ascending,
                "desc" => Direction::Descending,
                _ => return Err(Refusal::unprocessable(vec!["sort is not valid".to_owned()])),
            };
            let field = match part("field") {
                "dateAdded" => Field::Added,
                "dateUpdated" => Field::Updated,
                "firstNameLowerCase" => Field::FirstName,
                "lastNameLowerCase" => Field::LastName,
                "email" => Field::Email,
                other => return Err(Refusal::bad_request(format!("Invalid field {other}"))),
            };
            Ok((field, direction))
        };
        items.iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Where a contact stands.
    pub(super) fn place(&self, contact: &Contact) -> Place {
        let lower = |text: &Option<String>| {
            Key::Text(text.as_deref().map(str::to_lowercase).unwrap_or_default())
        };
        let number = |milliseconds: i64| Key::Number(u64::try_from(milliseconds).unwrap_or(0));
        let key = |(field, _): &(Field, Direction)| match field {
            Field::Added => number(contact.added.timestamp_millis()),
            Field::Updated => number(contact.updated.timestamp_millis()),
            Field::FirstName => lower(&contact.first_name),
            Field::LastName => lower(&contact.last_name),
            Field::Email => lower(&contact.email),
        };
        self.0.iter().map(key).chain([Key::Text(format!("{:020}", contact.sequence))]).collect()
    }

    /// Which of two places comes first.
    pub(super) fn compare(&self, a: &Place, b: &Place) -> Ordering {
        // Ties follow the direction of the last field.
        let last = self.0.last().map(|(_, direction)| *direction);
        let directions = self.0.iter().map(|(_, direction)| *direction).chain(last);
        let compared = a.iter().zip(b).zip(directions).map(|((a, b), direction)| {
            let ordering = a.cmp(b);
            if direction == Direction::Descending { ordering.reverse() } else { ordering }
        });
        compared.fold(Ordering::Equal, Ordering::then)
    }

    /// Reads the `searchAfter` of a row back.
    pub(super) fn cursor(&self, items: &[Value]) -> Result<Place, Refusal> {
        let key = |item: &Value| match item {
            Value::String(text) => Some(Key::Text(text.clone())),
            other => other.as_u64().map(Key::Number),
        };
        let place: Option<Place> = items.iter().map(key).collect();
        place
            .filter(|place| place.len() == self.0.len() + 1)
            .ok_or_else(|| Refusal::unprocessable(vec!["searchAfter is not valid".to_owned()]))
    }
}
