//! Single values: what they are worth, and whether two are the same.

use cannula_core::Phi;
use chrono::NaiveDate;
use phonenumber::{Mode, country};

use crate::plausible::{self, Worth};

/// What one side has in a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading<T> {
    /// Nothing, or blanks.
    Missing,
    /// Something that cannot be true: a placeholder, half a name, a number nobody can call.
    Unusable,
    Usable(T),
}

impl<T> Reading<T> {
    pub(super) fn usable(&self) -> Option<&T> {
        match self {
            Self::Usable(value) => Some(value),
            Self::Missing | Self::Unusable => None,
        }
    }

    /// Reads a text that `worth` says is usable.
    pub(super) fn of(text: Option<&Phi<String>>, read: impl FnOnce(&str) -> Option<T>) -> Self {
        match text.map(|text| text.expose().trim()).filter(|text| !text.is_empty()) {
            None => Self::Missing,
            Some(text) => read(text).map_or(Self::Unusable, Self::Usable),
        }
    }
}

/// Trimmed, with single spaces.
pub(super) fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A number that can be called, in E.164, and its extension.
pub(super) fn phone(text: &str, country: country::Id) -> Option<(String, Option<String>)> {
    if plausible::phone(text) == Worth::Placeholder {
        return None;
    }
    let number = phonenumber::parse(Some(country), text).ok().filter(phonenumber::is_valid)?;
    let extension = number.extension().map(ToString::to_string);
    Some((number.format().mode(Mode::E164).to_string(), extension))
}

/// An address without case.
pub(super) fn email(text: &str) -> Option<String> {
    (plausible::email(text) == Worth::Good).then(|| text.to_lowercase())
}

/// The date of a custom field, which may be of any type, in the forms that the CRM takes for birth
/// dates: the year first, or the month as people in the United States write, between `-`, `/`, `.`
/// or `_`.
pub(super) fn typed_date(text: &str) -> Option<NaiveDate> {
    let date = text.split('T').next()?.trim().replace(['/', '.', '_'], "-");
    let read = |form| NaiveDate::parse_from_str(&date, form).ok();
    read("%Y-%m-%d").or_else(|| read("%m-%d-%Y"))
}
