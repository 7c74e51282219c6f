//! What the CRM answers, in our words.

use std::collections::BTreeMap;

use cannula_core::{ContactId, OpportunityId, Phi};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;

/// A contact as the CRM holds it: texts as typed, neither trimmed nor corrected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// Given name.
    pub first_name: Option<Phi<String>>,
    /// Family name.
    pub last_name: Option<Phi<String>>,
    /// The whole name, for contacts that came in with nothing else.
    pub name: Option<Phi<String>>,
    /// The primary e-mail address.
    pub email: Option<Phi<String>>,
    /// The primary phone number, E.164.
    pub phone: Option<Phi<String>>,
    /// Birth date.
    pub birth_date: Option<Phi<NaiveDate>>,
    /// Gender, in the CRM's word.
    pub gender: Option<Phi<String>>,
    /// Street and number.
    pub street: Option<Phi<String>>,
    /// City.
    pub city: Option<Phi<String>>,
    /// State or region.
    pub state: Option<Phi<String>>,
    /// Postal code.
    pub postal_code: Option<Phi<String>>,
    /// When it was last changed, if the CRM says.
    pub updated_at: Option<DateTime<Utc>>,
    /// Tags; the CRM stores them in lower case.
    pub tags: Vec<String>,
    /// Custom field values by field id.
    pub fields: BTreeMap<String, Phi<Value>>,
}

/// The answer to a contact upsert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upserted {
    /// The contact was created by this call.
    pub created: bool,
    /// The contact after the call.
    pub contact: Contact,
}

/// One page of a contact search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactPage {
    /// The hits.
    pub contacts: Vec<Contact>,
    /// How many there are in all, where the CRM says.
    pub total: Option<u64>,
    /// Where the next page starts; `None` after the last hit.
    pub after: Option<Vec<Value>>,
}

/// A note on a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactNote {
    /// Its id.
    pub id: String,
    /// Its text.
    pub body: Phi<String>,
}

/// An opportunity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opportunity {
    /// Its id.
    pub id: OpportunityId,
    /// The contact it is about.
    pub contact: Option<ContactId>,
    /// The pipeline it is in.
    pub pipeline_id: Option<String>,
    /// The stage it is in.
    pub stage_id: Option<String>,
    /// `open`, `won`, `lost` or `abandoned`.
    pub status: Option<String>,
}

/// A pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Its id.
    pub id: String,
    /// Its name, as staff see it.
    pub name: String,
    /// Its stages in board order.
    pub stages: Vec<Stage>,
}

/// A stage of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its id.
    pub id: String,
    /// Its name, as staff see it.
    pub name: String,
}

/// A custom field of the contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomField {
    /// Its id: what values are written by.
    pub id: String,
    /// Its name, as staff see it.
    pub name: String,
    /// The vendor's type: `TEXT`, `DATE`, `NUMERICAL` …
    pub data_type: String,
}

impl CustomField {
    /// Its values are numbers; `MONETORY` is the vendor's spelling.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.data_type.as_str(), "MONETORY" | "NUMERICAL")
    }
}
