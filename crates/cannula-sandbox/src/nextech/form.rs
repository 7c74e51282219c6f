//! What reads bodies that ask for something to be entered: refusals that name the field, and
//! values as lenient as the vendor takes them.

use serde_json::Value;

use super::reply::Refused;

pub(super) type Read<T> = Result<T, Refused>;

pub(super) fn missing<T>(what: &str) -> Read<T> {
    Err(Refused::bad_request(format!("{what} is required.")))
}

pub(super) fn invalid<T>(what: &str) -> Read<T> {
    Err(Refused::bad_request(format!("{what} is not valid.")))
}

/// A text with something in it.
pub(super) fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// The entries of a list; a single object will do for one.
pub(super) fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(entries) => entries,
        Value::Object(_) => std::slice::from_ref(value),
        _ => &[],
    }
}

/// The id in a reference to a resource of this kind, in any case.
pub(super) fn target(reference: &Value, kind: &str) -> Option<u32> {
    let (named, id) = text(&reference["reference"])?.rsplit_once('/')?;
    named.eq_ignore_ascii_case(kind).then(|| id.parse().ok())?
}
