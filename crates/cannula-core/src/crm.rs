//! What the engine writes to a CRM, as data.

use std::{collections::BTreeMap, fmt};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{ContactId, Money, OpportunityId, Phi};

/// The identity a contact is created from and compared by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Given name or names.
    pub first_name: Phi<String>,
    /// Family name.
    pub last_name: Phi<String>,
    /// The best e-mail address, as the EMR spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Phi<String>>,
    /// The best phone number, as the EMR spells it; the sink normalises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phi<String>>,
    /// Birth date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Phi<NaiveDate>>,
}

/// The value of a custom field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldValue {
    /// A line of text.
    Text(Phi<String>),
    /// A calendar date of the practice.
    Date(Phi<NaiveDate>),
    /// An amount of money.
    Money(Phi<Money>),
    /// No value: what stands there is removed.
    Empty,
}

/// The type of a custom field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// A calendar date.
    Date,
    /// An amount of money.
    Money,
}

/// What is written to a contact. Values that are absent are left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactWrite {
    /// The person, always whole: a contact that must be created, or compared, needs all of it.
    pub person: Person,
    /// The person changed (or has never been written), so it is written and not only compared.
    pub write_person: bool,
    /// Custom fields by their names in the CRM.
    pub fields: BTreeMap<String, FieldValue>,
}

/// A note on a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The text; its first line is its title, its last the reference.
    pub body: Phi<String>,
    /// Identifies the note among the contact's notes; it stands in `body`.
    pub reference: String,
}

/// The status of an opportunity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OpportunityStatus {
    /// In play.
    Open,
    /// Won.
    Won,
}

/// Where a person's opportunity in one pipeline belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageMove {
    /// The pipeline's name in the CRM.
    pub pipeline: String,
    /// The stage's name in the CRM.
    pub stage: String,
    /// The opportunity's status there.
    pub status: OpportunityStatus,
    /// What a new opportunity is called.
    pub title: Phi<String>,
    /// Create the opportunity if the person has none in this pipeline.
    pub create: bool,
}

/// What a person's opportunity in one pipeline is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpportunityValue {
    /// The pipeline's name in the CRM.
    pub pipeline: String,
    /// The value.
    pub value: Phi<Money>,
}

/// One outward write to a CRM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum CrmEffect {
    /// Create the contact or write to it.
    Contact(ContactWrite),
    /// Add tags and leave all others alone.
    AddTags {
        /// The tags.
        tags: Vec<String>,
    },
    /// Remove tags and leave all others alone.
    RemoveTags {
        /// The tags.
        tags: Vec<String>,
    },
    /// Leave a note.
    Note(Note),
    /// Move or create the opportunity.
    Stage(StageMove),
    /// Set the opportunity's value and leave everything else about it alone.
    Value(OpportunityValue),
}

impl CrmEffect {
    /// The effect as one or two words for tables and metrics.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Contact(_) => "contact",
            Self::AddTags { .. } => "add tags",
            Self::RemoveTags { .. } => "remove tags",
            Self::Note(_) => "note",
            Self::Stage(_) => "stage",
            Self::Value(_) => "value",
        }
    }
}

impl fmt::Display for CrmEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What we know of a person's records in the CRM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrmLinks {
    /// The contact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
    /// The opportunity by pipeline name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub opportunities: BTreeMap<String, OpportunityId>,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivered {
    /// The CRM holds what the effect says.
    Applied,
    /// The person has no opportunity in the pipeline and the effect must not create one.
    OpportunityMissing,
}

/// What a sink learned while delivering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// How it ended.
    pub delivered: Delivered,
    /// The contact written to or created.
    pub contact: Option<ContactId>,
    /// The opportunity written to or created, by pipeline name.
    pub opportunity: Option<(String, OpportunityId)>,
    /// What of the person was left out, because another contact has it. All else was written.
    pub taken: Vec<Taken>,
}

impl Receipt {
    /// Applied, and nothing new was learned.
    pub const fn applied() -> Self {
        Self { delivered: Delivered::Applied, contact: None, opportunity: None, taken: Vec::new() }
    }
}

/// A detail that another contact has, in a CRM that lets only one contact have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Which.
    pub detail: ContactDetail,
    /// The contact that has it.
    pub by: ContactId,
}

/// What a CRM tells contacts apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactDetail {
    /// The e-mail address.
    Email,
    /// The phone number.
    Phone,
}

impl fmt::Display for ContactDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Email => "e-mail address",
            Self::Phone => "phone number",
        })
    }
}

/// The answer to "did that write of unknown outcome land?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It did; this is what delivering it would have returned.
    Landed(Receipt),
    /// It did not, or sending it again does no harm.
    SendAgain,
}

/// A custom field the rules write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its name in the CRM.
    pub name: String,
    /// Its type, for creating it.
    pub kind: FieldKind,
    /// The configuration key that names it, for error messages.
    pub config_key: String,
}

/// A pipeline the rules move opportunities in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineSpec {
    /// Its name in the CRM.
    pub name: String,
    /// The configuration key that names it, for error messages.
    pub config_key: String,
    /// Its stages: configuration key and name.
    pub stages: Vec<(String, String)>,
}

/// What the rules need to find in the CRM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrmNeeds {
    /// Custom fields of the contact.
    pub fields: Vec<FieldSpec>,
    /// Pipelines with their stages.
    pub pipelines: Vec<PipelineSpec>,
}
