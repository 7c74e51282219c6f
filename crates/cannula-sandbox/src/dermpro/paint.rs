//! What every entity is printed with: amounts, stamps, and what is there without a value.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::settings::StoreSettings;

/// UTC, with nothing that says so.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// How this store prints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint<'a>(pub(super) &'a StoreSettings);

impl Paint<'_> {
    /// Cents as a number with decimals, some of them next to what they mean.
    pub(super) fn amount(self, minor: i64) -> Value {
        if minor % 100 == 0 {
            return (minor / 100).into();
        }
        let number = minor as f64 / 100.0;
        if self.0.noisy_floats && minor % 3 == 0 { number.next_up().into() } else { number.into() }
    }

    /// A required text without a value.
    pub(super) fn no_text(self) -> Value {
        if self.0.required_nulls { Value::Null } else { "".into() }
    }

    /// Puts members in, amounts also in the base currency, which is the same.
    pub(super) fn amounts(self, into: &mut Map<String, Value>, amounts: &[(&str, i64)]) {
        for (name, minor) in amounts {
            into.insert((*name).to_owned(), self.amount(*minor));
            into.insert(format!("base_{name}"), self.amount(*minor));
        }
    }

    /// Where a store of an older release has an empty list in place of an empty object.
    pub(super) fn no_extensions(self, into: &mut Map<String, Value>) {
        if self.0.empty_lists {
            into.insert("extension_attributes".to_owned(), Value::Array(Vec::new()));
        }
    }
}

/// An object with more members; those that are null are not there.
pub(super) fn extend(into: &mut Map<String, Value>, members: Value) {
    if let Value::Object(members) = members {
        into.extend(members.into_iter().filter(|(_, value)| !value.is_null()));
    }
}
