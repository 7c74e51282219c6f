//! What a source says happened.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Appointment, ContactLink, CrmContact, Error, ErrorKind, EventId, Membership, OrderDecision,
    Patient, PatientId, PatientMerge, Payment, PersonId, Phi, Pointer, PracticeId, RecordId,
    RecordKey, RecordKind, Result, StoreOrder, Subject, TaggedContact, id::hex,
};

/// One cursor's worth of a source: a record kind of a practice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Feed {
    /// The practice.
    pub practice: PracticeId,
    /// The kind of record.
    pub kind: RecordKind,
}

impl std::fmt::Display for Feed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.practice, self.kind)
    }
}

/// Where a feed has been read to. Only the source that made it can read it; others store it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// Wraps the source's own text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The source's own text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Writes a source's progress as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if the value has no form in JSON.
    pub fn write(progress: &impl Serialize) -> Result<Self> {
        serde_json::to_string(progress).map(Self).map_err(|error| {
            Error::new(ErrorKind::Storage, "the cursor cannot be written").source(error)
        })
    }

    /// Reads what [`Cursor::write`] wrote.
    ///
    /// # Errors
    /// [`ErrorKind::Storage`] if it is another source's, or another version's.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.0).map_err(|_| {
            Error::new(ErrorKind::Storage, "the stored cursor was not written by this source")
        })
    }
}

/// A record's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// A patient's demographics.
    Patient(Patient),
    /// An appointment.
    Appointment(Appointment),
    /// A row of a patient's ledger.
    Payment(Payment),
    /// A membership.
    Membership(Membership),
    /// A record that is to be read.
    Pointer(Pointer),
    /// A contact of the CRM.
    Contact(CrmContact),
    /// A contact that was tagged.
    TaggedContact(TaggedContact),
    /// A patient and a contact that are one person.
    ContactLink(ContactLink),
    /// Two patients that became one.
    PatientMerge(PatientMerge),
    /// An order of an online store.
    Order(Box<StoreOrder>),
    /// A decision of staff about an order.
    OrderDecision(OrderDecision),
}

impl Record {
    /// The kind of record this is.
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Patient(_) => RecordKind::Patient,
            Self::Appointment(_) => RecordKind::Appointment,
            Self::Payment(_) => RecordKind::Payment,
            Self::Membership(_) => RecordKind::Membership,
            Self::Pointer(_) => RecordKind::Pointer,
            Self::Contact(_) => RecordKind::Contact,
            Self::TaggedContact(_) => RecordKind::TaggedContact,
            Self::ContactLink(_) => RecordKind::ContactLink,
            Self::PatientMerge(_) => RecordKind::PatientMerge,
            Self::Order(_) => RecordKind::Order,
            Self::OrderDecision(_) => RecordKind::OrderDecision,
        }
    }

    /// The person the record is about, if it is about one: a patient, for the CRM's own records a
    /// contact, for a store's a customer.
    pub fn person(&self) -> Option<PersonId> {
        let patient = match self {
            Self::Patient(patient) => Some(&patient.id),
            Self::Appointment(appointment) => appointment.patient.as_ref(),
            Self::Payment(payment) => payment.patient.as_ref(),
            Self::ContactLink(link) => Some(&link.patient),
            Self::PatientMerge(merge) => Some(&merge.patient),
            Self::Membership(membership) => Some(&membership.patient),
            // Whose record it is, only reading it tells; until then it is about itself.
            Self::Pointer(Pointer { key, .. }) => {
                return Some(PersonId::new(format!("{}/{}", key.kind, key.id)));
            }
            Self::Contact(CrmContact { id, .. })
            | Self::TaggedContact(TaggedContact { id, .. }) => {
                return Some(PersonId::new(id.as_str()));
            }
            Self::Order(order) => return Some(order.customer.id.clone()),
            Self::OrderDecision(decision) => return Some(decision.customer.clone()),
        };
        patient.map(|id| PersonId::new(id.as_str()))
    }

    /// The same visit, payment or membership, but this patient's. Other records stay as they are.
    #[must_use]
    pub fn with_patient(mut self, patient: &PatientId) -> Self {
        match &mut self {
            Self::Appointment(it) => it.patient = Some(patient.clone()),
            Self::Payment(it) => it.patient = Some(patient.clone()),
            Self::Membership(it) => it.patient = patient.clone(),
            _ => {}
        }
        self
    }
}

/// Orders the states of one record. A newer `stamp` wins; states with one stamp are ordered by
/// `digest`, so that every order of arrival ends in the same state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// When the vendor last changed the record; the time of reading where it does not say.
    pub stamp: DateTime<Utc>,
    /// A digest of the record's content.
    pub digest: String,
}

/// The state of one record at one version, as a source saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Derived from practice, kind, id and version.
    pub id: EventId,
    /// The record.
    pub key: RecordKey,
    /// Which of its states this is.
    pub version: Version,
    /// The state; nested in JSON, because event and patient both have an `id`.
    pub record: Record,
}

impl Event {
    /// Makes the event of one record state. `stamp` is the vendor's own time of the change, or
    /// `None` where the vendor gives none; then `read_at` orders the states and only the content
    /// identifies them, so that reading the same state twice is one event.
    pub fn new(
        practice: PracticeId,
        id: RecordId,
        record: Record,
        stamp: Option<DateTime<Utc>>,
        read_at: DateTime<Utc>,
    ) -> Self {
        let key = RecordKey { practice, kind: record.kind(), id };
        let hash = Self::hash(&record);
        let id = match stamp {
            Some(stamp) => EventId::derive(&key, &[&micros(stamp)[..], &hash].concat()),
            None => EventId::derive(&key, &hash),
        };
        let version = Version { stamp: stamp.unwrap_or(read_at), digest: hex(&hash) };
        Self { id, key, version, record }
    }

    /// The event that takes back a record which its source has no more: `record` is what is left
    /// of the last known state. No state that a source tells has its id.
    pub fn withdrawal(
        practice: PracticeId,
        id: RecordId,
        record: Record,
        stamp: DateTime<Utc>,
    ) -> Self {
        let key = RecordKey { practice, kind: record.kind(), id };
        let hash = Self::hash(&record);
        let id = withdrawal_id(&key, stamp, &hash);
        Self { id, key, version: Version { stamp, digest: hex(&hash) }, record }
    }

    /// Whether this is a [`Event::withdrawal`].
    pub fn is_withdrawal(&self) -> bool {
        self.id == withdrawal_id(&self.key, self.version.stamp, &Self::hash(&self.record))
    }

    /// The first half of a SHA-256 over the content.
    fn hash(record: &Record) -> [u8; 16] {
        use sha2::{Digest, Sha256};
        // Room for a usual record, which saves growing step by step.
        let mut content = Vec::with_capacity(512);
        if serde_json::to_writer(&mut content, record).is_err() {
            // Does not happen: no map in a record has a key that is not text.
            content.clear();
        }
        let mut hash = [0; 16];
        hash.copy_from_slice(&Sha256::digest(content)[..16]);
        hash
    }

    /// The event as it is if the record names this patient ([`Record::with_patient`]).
    #[must_use]
    pub fn with_patient(self, patient: &PatientId) -> Self {
        let is_withdrawal = self.is_withdrawal();
        let Self { id, key: RecordKey { practice, id: record_id, .. }, version, record } = self;
        if is_withdrawal {
            let record = record.with_patient(patient);
            return Self::withdrawal(practice, record_id, record, version.stamp);
        }
        let event = |record, stamp| {
            Self::new(practice.clone(), record_id.clone(), record, stamp, version.stamp)
        };
        // Whether the vendor gave a stamp, only the id tells.
        let stamp = (event(record.clone(), None).id != id).then_some(version.stamp);
        event(record.with_patient(patient), stamp)
    }

    /// The person the event is about, if it is about one.
    pub fn subject(&self) -> Option<Subject> {
        Some(Subject { practice: self.key.practice.clone(), person: self.record.person()? })
    }
}

fn withdrawal_id(key: &RecordKey, stamp: DateTime<Utc>, hash: &[u8; 16]) -> EventId {
    EventId::derive(key, &[&micros(stamp)[..], hash, b"withdrawn"].concat())
}

fn micros(instant: DateTime<Utc>) -> [u8; 8] {
    instant.timestamp_micros().to_be_bytes()
}

/// A row the source could not read. The page goes on without it, and it is not lost: the raw
/// text is kept in the store for a person to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The row's record, if its id could be read.
    pub key: Option<RecordKey>,
    /// The JSON path of what was wrong, such as `entry[3].resource.start`.
    pub path: String,
    /// What was wrong and what would be right, without the value.
    pub problem: String,
    /// The row as received.
    pub raw: Phi<String>,
}

/// One page of a feed: the only safe place to commit.
#[derive(Clone, Debug)]
pub struct Page {
    /// The record states on the page.
    pub events: Vec<Event>,
    /// The rows that could not be read.
    pub rejected: Vec<Rejected>,
    /// The cursor to store with them.
    pub next: Cursor,
    /// The sweep is over: the feed has nothing more for now.
    pub last: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_patient_survives_json() {
        let patient = Patient {
            id: crate::PatientId::new("p-1"),
            chart_number: None,
            name: crate::PersonName::default(),
            birth_date: None,
            emails: Vec::new(),
            phones: Vec::new(),
            is_new: false,
        };
        let (practice, id) = (PracticeId::new("practice"), RecordId::new("p-1"));
        let read_at = DateTime::UNIX_EPOCH;
        let event = Event::new(practice, id, Record::Patient(patient), None, read_at);
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }

    #[test]
    fn an_event_of_another_patient_is_the_one_that_the_vendor_would_have_told() {
        let membership = |patient: &str| {
            Record::Membership(Membership {
                patient: PatientId::new(patient),
                name: "Glow".to_owned(),
                status: crate::MembershipStatus::Active,
                start: None,
                end: None,
                price: None,
            })
        };
        for stamp in [None, Some(DateTime::UNIX_EPOCH)] {
            let event = |patient| {
                let (practice, id) = (PracticeId::new("practice"), RecordId::new("m-1"));
                Event::new(practice, id, membership(patient), stamp, DateTime::UNIX_EPOCH)
            };
            assert_eq!(event("p-1").with_patient(&PatientId::new("p-2")), event("p-2"));
        }
        let withdrawal = |patient: &str| {
            let (practice, id) = (PracticeId::new("practice"), RecordId::new("m-1"));
            Event::withdrawal(practice, id, membership(patient), DateTime::UNIX_EPOCH)
        };
        let moved = withdrawal("p-1").with_patient(&PatientId::new("p-2"));
        assert_eq!(moved, withdrawal("p-2"));
        assert!(moved.is_withdrawal());
    }

    #[test]
    fn a_cursor_reads_back_what_was_written_and_nothing_else() {
        let cursor = Cursor::write(&(7, "page 2")).unwrap();
        assert_eq!(cursor.read::<(u64, String)>().unwrap(), (7, "page 2".to_owned()));
        let error = Cursor::new("elsewhere").read::<u64>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage);
        assert!(!error.to_string().contains("elsewhere"), "{error}");
    }
}
