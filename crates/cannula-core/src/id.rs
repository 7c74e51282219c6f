//! Identifiers: each kind its own type, so that one cannot stand in for another.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the vendor's spelling.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self::new(value)
            }
        }
    )*};
}

ids! {
    /// A practice: one tenant of one EMR product.
    PracticeId;
    /// A patient in the EMR, in the one spelling the connector chose (GUIDs in lower case).
    PatientId;
    /// A record in the EMR; unique only within its practice and [`RecordKind`].
    RecordId;
    /// A contact in the CRM.
    ContactId;
    /// The person events are about, by the id their source knows: a [`PatientId`] in what an EMR
    /// says, a [`ContactId`] in what a CRM says, a customer's in what a store says.
    PersonId;
    /// An opportunity in the CRM.
    OpportunityId;
    /// An order of an online store, as staff and customers know it; unique within the practice.
    OrderNumber;
    /// Identifies one version of one record: the same change seen twice, by poll and by webhook,
    /// has the same id.
    EventId;
    /// The same for every attempt at one write, also after a restart.
    IdempotencyKey;
}

/// What kind of record an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecordKind {
    /// A patient's demographics.
    Patient,
    /// An appointment.
    Appointment,
    /// A payment, refund or adjustment.
    Payment,
    /// A membership.
    Membership,
    /// A record that is to be read.
    Pointer,
    /// A contact of the CRM.
    Contact,
    /// A contact that was tagged.
    TaggedContact,
    /// A patient and a contact that are one person.
    ContactLink,
    /// Two patients that became one.
    PatientMerge,
    /// An order of an online store.
    Order,
    /// A decision of staff about an order.
    OrderDecision,
}

impl RecordKind {
    /// The kind as one lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Appointment => "appointment",
            Self::Payment => "payment",
            Self::Membership => "membership",
            Self::Pointer => "pointer",
            Self::Contact => "contact",
            Self::TaggedContact => "tagged_contact",
            Self::ContactLink => "contact_link",
            Self::PatientMerge => "patient_merge",
            Self::Order => "order",
            Self::OrderDecision => "order_decision",
        }
    }
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A record of a practice: ids alone are unique only within practice and kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// The practice the record belongs to.
    pub practice: PracticeId,
    /// What kind of record it is.
    pub kind: RecordKind,
    /// Its id within practice and kind.
    pub id: RecordId,
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.practice, self.kind, self.id)
    }
}

/// The person an event is about. Work on one subject is serial, on many parallel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The practice that knows the person.
    pub practice: PracticeId,
    /// The person's id where the events come from.
    pub person: PersonId,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.practice, self.person)
    }
}

impl EventId {
    /// Derives the id from what identifies a version of a record.
    pub(crate) fn derive(key: &RecordKey, version: &[u8]) -> Self {
        Self(digest(&[
            key.practice.as_str().as_bytes(),
            key.kind.as_str().as_bytes(),
            key.id.as_str().as_bytes(),
            version,
        ]))
    }

    /// The first twelve hexadecimal digits: short enough to read out, and unique within a contact.
    pub fn reference(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl IdempotencyKey {
    /// Derives the key of an effect of an event from the effect's text: the same however often
    /// and in whatever company it is planned. (Its place in the plan would change when the ones
    /// before it are delivered.)
    pub fn derive(event: &EventId, effect: &str) -> Self {
        Self(format!("{event}-{}", hex(&Sha256::digest(effect)[..8])))
    }
}

/// The first 128 bits of a SHA-256 over length-prefixed parts, in hexadecimal.
fn digest(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize()[..16])
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str) -> RecordKey {
        RecordKey { practice: "p".into(), kind: RecordKind::Appointment, id: id.into() }
    }

    #[test]
    fn event_ids_differ_by_record_and_by_version() {
        let first = EventId::derive(&key("1"), b"v1");
        assert_eq!(first, EventId::derive(&key("1"), b"v1"));
        assert_ne!(first, EventId::derive(&key("1"), b"v2"));
        assert_ne!(first, EventId::derive(&key("2"), b"v1"));
        assert_eq!(first.as_str().len(), 32);
        assert_eq!(first.reference().len(), 12);
    }

    #[test]
    fn parts_cannot_run_into_each_other() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }
}
