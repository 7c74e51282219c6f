//! Request bodies as HighLevel's validators see them: every violation of every rule at once,
//! and a property that is not in the table is one.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};
use chrono::NaiveDate;
use serde_json::{Map, Value};

use super::reply::Refusal;

/// A JSON object.
pub(super) type Object = Map<String, Value>;

/// What a property must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Text,
    TextOrNull,
    Number,
    Flag,
    Texts,
    Objects,
    Object,
    /// A list of whatever.
    List,
    /// One of the spellings of a birth date, or null.
    BirthDate,
    OneOf(&'static [&'static str]),
}

/// A property that a request may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    name: &'static str,
    kind: Kind,
    required: bool,
}

/// A property that may be absent.
pub(super) const fn may(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, required: false }
}

/// A property that may not.
pub(super) const fn must(name: &'static str, kind: Kind) -> Rule {
    Rule { name, kind, required: true }
}

/// Refuses with 422 what breaks any of the rules, naming all of it.
pub(super) fn check(body: &Object, rules: &[Rule]) -> Result<(), Refusal> {
    let unknown = body
        .keys()
        .filter(|name| rules.iter().all(|rule| rule.name != *name))
        .map(|name| unknown_property(name));
    let broken = rules.iter().filter_map(|rule| violation(rule, body.get(rule.name)));
    let violations: Vec<String> = unknown.chain(broken).collect();
    if violations.is_empty() { Ok(()) } else { Err(Refusal::unprocessable(violations)) }
}

/// The text that names a property nobody asked for.
pub(super) fn unknown_property(name: &str) -> String {
    format!("property {name} should not exist")
}

fn violation(rule: &Rule, value: Option<&Value>) -> Option<String> {
    let Some(value) = value else {
        return rule.required.then(|| complaint(rule));
    };
    let good = match rule.kind {
        Kind::Text => value.is_string(),
        Kind::TextOrNull => value.is_string() || value.is_null(),
        Kind::Number => value.is_number(),
        Kind::Flag => value.is_boolean(),
        Kind::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        Kind::Objects => value.as_array().is_some_and(|list| list.iter().all(Value::is_object)),
        Kind::Object => value.is_object(),
        Kind::List => value.is_array(),
        Kind::BirthDate => match value {
            Value::Null => true,
            Value::String(text) => text.is_empty() || birth_date(text).is_some(),
            _ => false,
        },
        Kind::OneOf(names) => value.as_str().is_some_and(|text| names.contains(&text)),
    };
    (!good).then(|| complaint(rule))
}

fn complaint(rule: &Rule) -> String {
    let name = rule.name;
    match rule.kind {
        Kind::Text | Kind::TextOrNull => format!("{name} must be a string"),
        Kind::Number => {
            format!("{name} must be a number conforming to the specified constraints")
        }
        Kind::Flag => format!("{name} must be a boolean value"),
        Kind::Texts => format!("each value in {name} must be a string"),
        Kind::Objects => format!("each value in {name} must be an object"),
        Kind::Object => format!("{name} must be an object"),
        Kind::List => format!("{name} must be an array"),
        Kind::BirthDate => format!("{name} must be a valid date"),
        Kind::OneOf(names) => {
            format!("{name} must be one of the following values: {}", names.join(", "))
        }
    }
}

/// Reads a birth date as the specification lists its spellings: year first or month first, with
/// `-`, `/`, `.` or `_` between the numbers.
pub(super) fn birth_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.trim().split(['-', '/', '.', '_']);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, month, day) =
        if first.len() == 4 { (first, second, third) } else { (third, first, second) };
    NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
}

/// A text property: absent, cleared (null or empty), or a value.
pub(super) fn text<'a>(body: &'a Object, name: &str) -> Option<Option<&'a str>> {
    match body.get(name)? {
        Value::String(text) if !text.is_empty() => Some(Some(text)),
        _ => Some(None),
    }
}

/// A text property's value, if it has one.
pub(super) fn value_of<'a>(body: &'a Object, name: &str) -> Option<&'a str> {
    text(body, name).flatten()
}

/// The texts of a property that was checked to be a list of them.
pub(super) fn texts<'a>(body: &'a Object, name: &str) -> Option<Vec<&'a str>> {
    Some(body.get(name)?.as_array()?.iter().filter_map(Value::as_str).collect())
}

/// A request's JSON body. A body of another content type is not read, as if nothing was sent.
#[derive(Debug)]
pub(super) struct JsonBody(pub(super) Object);

impl<S: Send + Sync> FromRequest<S> for JsonBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let is_json = request.headers().get(header::CONTENT_TYPE).is_some_and(|value| {
            value.to_str().is_ok_and(|value| value.starts_with("application/json"))
        });
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| Refusal::bad_request("request entity too large"))?;
        if !is_json || bytes.is_empty() {
            return Ok(Self(Object::new()));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Ok(Self(Object::new())),
            Err(_) => Err(Refusal::bad_request("Unexpected token in JSON")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birth_date_may_have_the_year_or_the_month_first() {
        let expected = NaiveDate::from_ymd_opt(1990, 9, 25);
        for text in ["1990-09-25", "1990/09/25", "09/25/1990", "09-25-1990", "09.25.1990"] {
            assert_eq!(birth_date(text), expected, "{text}");
        }
        for text in ["25/09/1990", "1990-09", "1990-09-25-1", "soon"] {
            assert_eq!(birth_date(text), None, "{text}");
        }
    }
}
