//! The CRM's state as tests compare it: by names, not ids.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Number, Value};

use super::{
    contact::Contact,
    state::{CrmState, Records},
};

/// Everything in the location. The people are invented, so nothing here is redacted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CrmSnapshot {
    /// All contacts, sorted by id.
    pub contacts: Vec<ContactSnapshot>,
}

/// One contact.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContactSnapshot {
    /// Its id.
    pub id: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone in E.164.
    pub phone: Option<String>,
    /// Date of birth.
    pub birth_date: Option<NaiveDate>,
    /// Tags, sorted.
    pub tags: Vec<String>,
    /// Values of custom fields by the field's name.
    pub fields: BTreeMap<String, Value>,
    /// The bodies of the notes, oldest first.
    pub notes: Vec<String>,
    /// Opportunities, sorted by the name of their pipeline, then by their stage's.
    pub opportunities: Vec<OpportunitySnapshot>,
}

/// One opportunity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OpportunitySnapshot {
    /// The name of its pipeline.
    pub pipeline: String,
    /// The name of its stage.
    pub stage: String,
    /// Its status, for example `open` or `won`.
    pub status: String,
    /// Its value, if anybody has given it one: decimal text without needless zeros, for example
    /// `149.5`. It is what was sent, up to 15 digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl CrmState {
    /// The state at this moment, without the searches' lag.
    pub fn snapshot(&self) -> CrmSnapshot {
        let records = &self.lock().records;
        let mut contacts: Vec<ContactSnapshot> =
            records.contacts.all().map(|contact| records.show(contact)).collect();
        contacts.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        CrmSnapshot { contacts }
    }
}

impl Records {
    fn show(&self, contact: &Contact) -> ContactSnapshot {
        let mut tags = contact.tags.clone();
        tags.sort_unstable();
        let named = |(id, value): &(String, Value)| {
            self.fields.get(id).map(|field| (field.name.clone(), value.clone()))
        };
        let notes = self.notes.get(&contact.id).map_or(&[][..], Vec::as_slice);
        let cards = self.cards.of(&contact.id).iter();
        let mut opportunities: Vec<OpportunitySnapshot> =
            cards.filter_map(|card| self.show_opportunity(&card.id)).collect();
        opportunities.sort_unstable();
        ContactSnapshot {
            id: contact.id.clone(),
            first_name: contact.first_name.clone(),
            last_name: contact.last_name.clone(),
            email: contact.email.clone(),
            phone: contact.phone.clone(),
            birth_date: contact.birth_date,
            tags,
            fields: contact.fields.iter().filter_map(named).collect(),
            notes: notes.iter().map(|note| note.body.clone()).collect(),
            opportunities,
        }
    }

    fn show_opportunity(&self, id: &str) -> Option<OpportunitySnapshot> {
        let card = self.opportunities.get(id)?;
        let pipeline = self.pipelines.iter().find(|pipeline| pipeline.id == card.pipeline)?;
        // A stage may be another pipeline's: the API stores it, so it is shown.
        let mut stages = self.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
        let stage = stages.find(|stage| stage.id == card.stage)?;
        Some(OpportunitySnapshot {
            pipeline: pipeline.name.clone(),
            stage: stage.name.clone(),
            status: card.status.clone(),
            value: card.value.as_ref().map(decimal),
        })
    }
}

/// A number as people write it: no exponent and no zeros at the end.
fn decimal(number: &Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) => float.to_string(),
        None => number.to_string(),
    }
}
