//! The filters of a contact search: conditions, and groups of them under AND or OR.
//!
//! The published specification has no schema for them. The grammar is that of the vendor's guide
//! "Search Contacts" as resellers reprint it (`help.hoopai.com/api-reference/overview/contacts-search`)
//! and of issues 31, 42 and 289 of `GoHighLevel/highlevel-api-docs`; what neither shows is
//! refused, so that nobody relies on a guess.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde_json::Value;

use super::{contact::Contact, reply::Refusal, search::MOST_CHARACTERS};

const CUSTOM: &str = "customFields.";

/// Fields that hold texts, apart from custom fields.
const TEXTS: [&str; 15] = [
    "id",
    "email",
    "phone",
    "tags",
    "firstName",
    "firstNameLowerCase",
    "lastName",
    "lastNameLowerCase",
    "address1",
    "city",
    "state",
    "country",
    "postalCode",
    "source",
    "assignedTo",
];

/// Fields that hold instants.
const INSTANTS: [&str; 2] = ["dateAdded", "dateUpdated"];

/// What contacts are held against.
#[derive(Debug)]
pub(super) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    One(Condition),
}

/// `{field, operator, value}`.
#[derive(Debug)]
pub(super) struct Condition {
    field: String,
    test: Test,
    /// The operator began with `not_`.
    negated: bool,
}

#[derive(Debug)]
enum Test {
    /// One of these, whatever the case.
    Equals(Vec<String>),
    /// One of these is a part of it. For tags too, as far as is known: `nxt` finds `nxt create`.
    Contains(Vec<String>),
    Exists,
    Range(Vec<(Bound, DateTime<Utc>)>),
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    Gt,
    Gte,
    Lt,
    Lte,
}

impl Filter {
    /// A list of filters, all of which must admit a contact.
    pub(super) fn all(items: &[Value]) -> Result<Self, Refusal> {
        items.iter().map(Self::read).collect::<Result<_, _>>().map(Self::All)
    }

    fn read(item: &Value) -> Result<Self, Refusal> {
        let Some(group) = item.get("group") else {
            return Condition::read(item).map(Self::One);
        };
        let items = item.get("filters").and_then(Value::as_array).ok_or_else(invalid)?;
        match (group.as_str(), Self::all(items)?) {
            (Some("OR"), Self::All(filters)) => Ok(Self::Any(filters)),
            (Some("AND"), filters) => Ok(filters),
            _ => Err(invalid()),
        }
    }

    pub(super) fn admits(&self, contact: &Contact) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.admits(contact)),
            Self::Any(filters) => filters.iter().any(|filter| filter.admits(contact)),
            Self::One(condition) => condition.admits(contact),
        }
    }
}

impl Condition {
    fn read(item: &Value) -> Result<Self, Refusal> {
        let part = |name| item.get(name).and_then(Value::as_str).ok_or_else(invalid);
        let (field, operator) = (part("field")?, part("operator")?);
        let instant = INSTANTS.contains(&field);
        if !instant && !TEXTS.contains(&field) && !field.starts_with(CUSTOM) {
            // The vendor's own words (issue 289).
            return Err(Refusal::bad_request(format!("Invalid field {field}")));
        }
        let (negated, name) = match operator.strip_prefix("not_") {
            Some(name) => (true, name),
            None => (false, operator),
        };
        let test = match name {
            "exists" => Test::Exists,
            "eq" if !instant => Test::Equals(words(item)?),
            "contains" if !instant => Test::Contains(plain(words(item)?, field)?),
            "range" if instant && !negated => Test::Range(bounds(item)?),
            _ => {
                let message = format!("Invalid operator {operator} for field {field}");
                return Err(Refusal::bad_request(message));
            }
        };
        Ok(Self { field: field.to_owned(), test, negated })
    }

    fn admits(&self, contact: &Contact) -> bool {
        let any = |matches: &dyn Fn(&str) -> bool| {
            texts(contact, &self.field).iter().any(|text| matches(text))
        };
        let met = match &self.test {
            Test::Equals(wanted) => any(&|text| wanted.iter().any(|word| word == text)),
            Test::Contains(wanted) => any(&|text| wanted.iter().any(|word| text.contains(word))),
            Test::Exists => INSTANTS.contains(&self.field.as_str()) || any(&|_| true),
            Test::Range(bounds) => {
                let instant =
                    if self.field == "dateAdded" { contact.added } else { contact.updated };
                bounds.iter().all(|(bound, limit)| bound.admits(instant, *limit))
            }
        };
        met != self.negated
    }
}

impl Bound {
    fn admits(self, instant: DateTime<Utc>, limit: DateTime<Utc>) -> bool {
        match self {
            Self::Gt => instant > limit,
            Self::Gte => instant >= limit,
            Self::Lt => instant < limit,
            Self::Lte => instant <= limit,
        }
    }
}

/// What a contact has in a field, in lower case; several for tags only.
fn texts(contact: &Contact, field: &str) -> Vec<String> {
    let one = |text: &Option<String>| text.iter().map(|text| text.to_lowercase()).collect();
    let lower = |value: &Value| match value {
        Value::String(text) => text.to_lowercase(),
        other => other.to_string(),
    };
    match field {
        "id" => vec![contact.id.to_lowercase()],
        "email" => one(&contact.email),
        "phone" => one(&contact.phone),
        "firstName" | "firstNameLowerCase" => one(&contact.first_name),
        "lastName" | "lastNameLowerCase" => one(&contact.last_name),
        "tags" => contact.tags.clone(),
        _ => match field.strip_prefix(CUSTOM) {
            Some(id) => {
                let held = contact.fields.iter().filter(|(have, _)| have == id);
                held.map(|(_, value)| lower(value)).collect()
            }
            None => contact.plain.get(field).iter().map(|value| lower(value)).collect(),
        },
    }
}

/// The value of a condition: a text, or a list of texts any of which will do.
fn words(item: &Value) -> Result<Vec<String>, Refusal> {
    let field = item.get("field").and_then(Value::as_str);
    let as_it_stands = field.is_some_and(|field| field.ends_with("LowerCase"));
    let text = |value: &Value| match value {
        Value::String(text) if text.chars().count() > MOST_CHARACTERS => {
            Err(Refusal::unprocessable(vec![
                "value must be shorter than or equal to 75 characters".to_owned(),
            ]))
        }
        // These fields are compared as they stand, so another case finds nothing.
        Value::String(text) if as_it_stands => Ok(text.trim().to_owned()),
        Value::String(text) => Ok(text.trim().to_lowercase()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        _ => Err(invalid()),
    };
    match item.get("value") {
        Some(Value::Array(values)) => values.iter().map(text).collect(),
        Some(value) => text(value).map(|text| vec![text]),
        None => Err(invalid()),
    }
}

/// The guide documents `contains` for values without special characters, and does not say which
/// those are. Tags are told apart by spaces and hyphens, so these are let through in tags.
fn plain(words: Vec<String>, field: &str) -> Result<Vec<String>, Refusal> {
    let tags = field == "tags";
    let plain = |c: char| c.is_alphanumeric() || c == ' ' || tags && c == '-';
    if !words.iter().all(|word| word.chars().all(plain)) {
        return Err(Refusal::bad_request("Special characters are not allowed with contains"));
    }
    Ok(words)
}

/// `{gt, gte, lt, lte}`, each an instant, a date or milliseconds since 1970.
fn bounds(item: &Value) -> Result<Vec<(Bound, DateTime<Utc>)>, Refusal> {
    let limits = item.get("value").and_then(Value::as_object).ok_or_else(invalid)?;
    let read = |(name, limit): (&String, &Value)| {
        let bound = match name.as_str() {
            "gt" => Bound::Gt,
            "gte" => Bound::Gte,
            "lt" => Bound::Lt,
            "lte" => Bound::Lte,
            _ => return Err(invalid()),
        };
        Ok((bound, instant(limit).ok_or_else(invalid)?))
    };
    limits.iter().map(read).collect()
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    if let Some(milliseconds) = value.as_i64() {
        return DateTime::from_timestamp_millis(milliseconds);
    }
    let text = value.as_str()?;
    let date =
        || text.parse::<NaiveDate>().ok().map(|date| date.and_time(NaiveTime::MIN).and_utc());
    text.parse().ok().or_else(date)
}

fn invalid() -> Refusal {
    Refusal::unprocessable(vec!["filters are not valid".to_owned()])
}
