//! Parts that the bodies we write have in common.

use cannula_core::{Error, ErrorKind, Named, Result};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Extension<'a> {
    url: String,
    #[serde(flatten)]
    value: Value<'a>,
}

/// A plain value: an old sample wraps texts in an object, and its vendor took it back.
#[derive(Serialize)]
pub(crate) enum Value<'a> {
    #[serde(rename = "valueString")]
    Text(&'a str),
    #[serde(rename = "valueDate")]
    Date(String),
    #[serde(rename = "valueReference")]
    Reference(Reference<'a>),
}

impl<'a> Extension<'a> {
    pub(crate) fn new(url: String, value: Value<'a>) -> Self {
        Self { url, value }
    }
}

#[derive(Serialize)]
pub(crate) struct Reference<'a> {
    pub(crate) reference: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display: Option<&'a str>,
}

/// A reference by id, such as `Location/3`.
pub(crate) fn reference<'a>(kind: &str, target: &Named) -> Result<Reference<'a>> {
    let Some(id) = &target.id else {
        return Err(
            Error::new(ErrorKind::Invalid, "an entry of a list has no id").with("list", kind)
        );
    };
    Ok(Reference { reference: format!("{kind}/{id}"), display: None })
}
