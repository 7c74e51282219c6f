//! HighLevel's JSON: lenient, and private to this crate.

use cannula_core::{ContactId, OpportunityId, Phi, YEARS};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, value::RawValue};

use crate::model;

/// Takes `null`, and anything of the wrong type, as absent. For values we could do without.
pub(crate) fn lenient<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    Ok(T::deserialize(Value::deserialize(deserializer)?).ok())
}

/// Takes `null` as empty.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Contact {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    first_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    last_name: Option<String>,
    // What some copies of the vendor's reference show of a search's rows instead.
    #[serde(default, deserialize_with = "lenient")]
    first_name_lower_case: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    last_name_lower_case: Option<String>,
    // Which of the two whole names is there differs by endpoint.
    #[serde(default, deserialize_with = "lenient")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    contact_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    phone: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    date_of_birth: Option<String>,
    /// Not in the documented answer; the user interface has it under Additional Info.
    #[serde(default, deserialize_with = "lenient")]
    gender: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    address1: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    city: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    state: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    postal_code: Option<String>,
    #[serde(default)]
    date_updated: Value,
    #[serde(default, deserialize_with = "nullable")]
    tags: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    custom_fields: Vec<FieldValue>,
    #[serde(default, deserialize_with = "lenient")]
    search_after: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct FieldValue {
    id: String,
    #[serde(default)]
    value: Value,
}

impl From<Contact> for model::Contact {
    fn from(wire: Contact) -> Self {
        // Blanks stay as typed: whoever asks for a value is told that it is blank.
        let text = |value: Option<String>| value.filter(|text| !text.is_empty()).map(Phi::new);
        Self {
            id: ContactId::new(wire.id),
            first_name: text(wire.first_name).or_else(|| text(wire.first_name_lower_case)),
            last_name: text(wire.last_name).or_else(|| text(wire.last_name_lower_case)),
            name: text(wire.name).or_else(|| text(wire.contact_name)),
            email: text(wire.email),
            phone: text(wire.phone),
            birth_date: wire.date_of_birth.as_deref().and_then(date).map(Phi::new),
            gender: text(wire.gender),
            street: text(wire.address1),
            city: text(wire.city),
            state: text(wire.state),
            postal_code: text(wire.postal_code),
            updated_at: instant(&wire.date_updated),
            tags: wire.tags,
            fields: wire.custom_fields.into_iter().map(|f| (f.id, Phi::new(f.value))).collect(),
        }
    }
}

/// The calendar date of a date or an instant; webhooks and answers differ in which they print.
fn date(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

/// An instant as text, or as milliseconds since 1970.
pub(crate) fn instant(value: &Value) -> Option<DateTime<Utc>> {
    let instant: Option<DateTime<Utc>> = match value {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(millis) => DateTime::from_timestamp_millis(millis.as_i64()?),
        _ => None,
    };
    instant.filter(|instant| YEARS.contains(&instant.year()))
}

/// What is looked at where nothing is asked for: an error says its status.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) status_code: Option<u16>,
}

#[derive(Deserialize)]
pub(crate) struct ContactAnswer {
    pub(crate) contact: Contact,
}

#[derive(Deserialize)]
pub(crate) struct UpsertAnswer {
    #[serde(default)]
    new: bool,
    contact: Contact,
}

impl From<UpsertAnswer> for model::Upserted {
    fn from(wire: UpsertAnswer) -> Self {
        Self { created: wire.new, contact: wire.contact.into() }
    }
}

#[derive(Deserialize)]
pub(crate) struct DuplicateAnswer {
    #[serde(default)]
    pub(crate) contact: Option<Contact>,
}

#[derive(Deserialize)]
pub(crate) struct ContactPage {
    contacts: Vec<Contact>,
    #[serde(default, deserialize_with = "lenient")]
    total: Option<u64>,
}

impl From<ContactPage> for model::ContactPage {
    fn from(wire: ContactPage) -> Self {
        Self {
            after: wire.contacts.last().and_then(|contact| contact.search_after.clone()),
            total: wire.total,
            contacts: wire.contacts.into_iter().map(Into::into).collect(),
        }
    }
}

/// A page of a search whose hits are read one by one, so that a bad one harms no other.
#[derive(Deserialize)]
pub(crate) struct Hits {
    pub(crate) contacts: Vec<Box<RawValue>>,
    #[serde(default, deserialize_with = "lenient")]
    pub(crate) total: Option<u64>,
}

/// What a search for tags is asked for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaggedHit {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) date_updated: Value,
}

#[derive(Deserialize)]
pub(crate) struct NotesAnswer {
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) notes: Vec<Note>,
}

#[derive(Deserialize)]
pub(crate) struct Note {
    id: String,
    #[serde(default, deserialize_with = "nullable")]
    body: String,
}

impl From<Note> for model::ContactNote {
    fn from(wire: Note) -> Self {
        Self { id: wire.id, body: Phi::new(wire.body) }
    }
}

#[derive(Deserialize)]
pub(crate) struct OpportunityAnswer {
    pub(crate) opportunity: Opportunity,
}

#[derive(Deserialize)]
pub(crate) struct OpportunitiesAnswer {
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) opportunities: Vec<Opportunity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Opportunity {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    contact_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pipeline_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    pipeline_stage_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    status: Option<String>,
}

impl From<Opportunity> for model::Opportunity {
    fn from(wire: Opportunity) -> Self {
        Self {
            id: OpportunityId::new(wire.id),
            contact: wire.contact_id.map(ContactId::new),
            pipeline_id: wire.pipeline_id,
            stage_id: wire.pipeline_stage_id,
            status: wire.status,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct PipelinesAnswer {
    pub(crate) pipelines: Vec<Pipeline>,
}

#[derive(Deserialize)]
pub(crate) struct Pipeline {
    id: String,
    name: String,
    // The specification says "array of arrays"; the servers send objects.
    #[serde(default, deserialize_with = "nullable")]
    stages: Vec<Stage>,
}

#[derive(Deserialize)]
struct Stage {
    id: String,
    name: String,
}

impl From<Pipeline> for model::Pipeline {
    fn from(wire: Pipeline) -> Self {
        let stages = wire.stages.into_iter();
        Self {
            id: wire.id,
            name: wire.name,
            stages: stages.map(|stage| model::Stage { id: stage.id, name: stage.name }).collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldsAnswer {
    #[serde(default, deserialize_with = "nullable")]
    pub(crate) custom_fields: Vec<CustomField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FieldAnswer {
    pub(crate) custom_field: CustomField,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomField {
    id: String,
    name: String,
    #[serde(default, deserialize_with = "nullable")]
    data_type: String,
    #[serde(default, deserialize_with = "lenient")]
    model: Option<String>,
}

impl CustomField {
    /// A field of the opportunity is not one of the contact, whatever was asked for.
    pub(crate) fn of_contact(&self) -> bool {
        self.model.as_deref().is_none_or(|model| model == "contact")
    }
}

impl From<CustomField> for model::CustomField {
    fn from(wire: CustomField) -> Self {
        Self { id: wire.id, name: wire.name, data_type: wire.data_type }
    }
}

/// The answer of the token endpoint; v3 spells its keys in camel case.
#[derive(Deserialize)]
pub(crate) struct TokenAnswer {
    #[serde(alias = "accessToken")]
    pub(crate) access_token: String,
    #[serde(alias = "refreshToken")]
    pub(crate) refresh_token: String,
    /// Seconds.
    #[serde(alias = "expiresIn")]
    pub(crate) expires_in: u32,
}
