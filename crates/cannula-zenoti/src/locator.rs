//! What a pointer's record id carries besides the id.
//!
//! A webhook says where its record is: the day of a booking, its invoice, whose membership it is.
//! Without that REST cannot find them. The id of a pointer's key is therefore the record's id and,
//! behind semicolons, what is needed to read it: `…;center=…;day=2026-03-04`. Records themselves
//! have their bare ids, and so have pointers to what is gone.

use std::fmt;

use cannula_core::RecordId;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};

use crate::wire;

/// An id, and where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locator {
    pub(crate) id: String,
    /// The center.
    pub(crate) center: Option<String>,
    /// The day at the center.
    pub(crate) day: Option<NaiveDate>,
    /// The day, give or take one.
    pub(crate) near: Option<NaiveDate>,
    pub(crate) invoice: Option<String>,
    pub(crate) guest: Option<String>,
    /// Guests that this one was merged with.
    pub(crate) merged: Vec<String>,
    /// When the record was made: it is new.
    pub(crate) created: Option<DateTime<Utc>>,
    /// Somebody says that the record changed: it must be read and not remembered.
    pub(crate) changed: bool,
}

impl Locator {
    pub(crate) fn to(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Reads an id; what is not understood of it is passed over.
    pub(crate) fn read(id: &RecordId) -> Self {
        let mut parts = id.as_str().split(';');
        let mut locator = Self::to(parts.next().and_then(wire::id).unwrap_or_default());
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name {
                "center" => locator.center = wire::id(value),
                "day" => locator.day = value.parse().ok(),
                "near" => locator.near = value.parse().ok(),
                "invoice" => locator.invoice = wire::id(value),
                "guest" => locator.guest = wire::id(value),
                "merged" => locator.merged = value.split('+').filter_map(wire::id).collect(),
                "created" => locator.created = value.parse().ok(),
                "changed" => locator.changed = true,
                _ => {}
            }
        }
        locator
    }

    pub(crate) fn record_id(&self) -> RecordId {
        RecordId::new(self.to_string())
    }

    /// It was made by a webhook, or by hand with more than an id.
    pub(crate) fn is_told(&self) -> bool {
        *self != Self::to(&*self.id)
    }
}

impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        let texts = [("center", &self.center), ("invoice", &self.invoice), ("guest", &self.guest)];
        for (name, value) in texts {
            if let Some(value) = value {
                write!(f, ";{name}={value}")?;
            }
        }
        for (name, day) in [("day", self.day), ("near", self.near)] {
            if let Some(day) = day {
                write!(f, ";{name}={day}")?;
            }
        }
        if !self.merged.is_empty() {
            write!(f, ";merged={}", self.merged.join("+"))?;
        }
        if let Some(created) = self.created {
            write!(f, ";created={}", created.to_rfc3339_opts(SecondsFormat::Micros, true))?;
        }
        if self.changed { f.write_str(";changed") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let whole = Locator {
            id: "g-1".to_owned(),
            center: Some("c-1".to_owned()),
            day: "2026-03-04".parse().ok(),
            near: "2026-03-05".parse().ok(),
            invoice: Some("i-1".to_owned()),
            guest: Some("p-1".to_owned()),
            merged: vec!["p-2".to_owned(), "p-3".to_owned()],
            created: "2026-02-03T17:12:44.874583Z".parse().ok(),
            changed: true,
        };
        let text = "g-1;center=c-1;invoice=i-1;guest=p-1;day=2026-03-04;near=2026-03-05;merged=p-2+p-3;created=2026-02-03T17:12:44.874583Z;changed";
        assert_eq!(whole.to_string(), text);
        assert_eq!(Locator::read(&whole.record_id()), whole);
        assert!(whole.is_told());
    }

    #[test]
    fn a_bare_id_is_one_in_lower_case() {
        let bare = Locator::read(&RecordId::new(" G-1 "));
        assert_eq!(bare, Locator::to("g-1"));
        assert!(!bare.is_told());
        assert_eq!(Locator::read(&RecordId::new("g-1;odd;x=y;day=soon")), Locator::to("g-1"));
    }
}
