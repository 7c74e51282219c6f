//! The rows of a contact search, read one by one, and how a listing of them goes on.

use cannula_core::{Cursor, Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};

use crate::CONNECTOR;

/// A hit, or the path of what cannot be read.
pub(crate) fn read<T: DeserializeOwned>(raw: &RawValue) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    serde_path_to_error::deserialize(&mut reader).map_err(|error| error.path().to_string())
}

/// Where the page after this hit starts.
pub(crate) fn search_after(raw: &RawValue) -> Option<Vec<Value>> {
    let value: Value = serde_json::from_str(raw.get()).ok()?;
    value.get("searchAfter")?.as_array().filter(|after| !after.is_empty()).cloned()
}

/// Where the page after these hits, asked for with `limit`, starts; `None` after the last one.
pub(crate) fn next_page(
    hits: &[Box<RawValue>],
    limit: u16,
    after: Option<&Vec<Value>>,
) -> Result<Option<Vec<Value>>> {
    let next = hits.last().and_then(|raw| search_after(raw));
    if hits.len() < usize::from(limit) || next.is_none() {
        return Ok(None);
    }
    if next.as_ref() == after {
        return Err(Error::new(ErrorKind::Decode, "the next page starts where this one does")
            .connector(CONNECTOR)
            .operation("search contacts"));
    }
    Ok(next)
}

pub(crate) fn to_cursor(after: Option<Vec<Value>>) -> Cursor {
    Cursor::new(after.map_or_else(String::new, |after| Value::Array(after).to_string()))
}

/// A cursor that cannot be read begins anew, which loses nothing.
pub(crate) fn from_cursor(cursor: &Cursor) -> Option<Vec<Value>> {
    serde_json::from_str(cursor.as_str()).ok()
}
