//! Opportunities, the pipelines they stand in, and the index from a contact to its own.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Number, Value};

use super::{
    contact::stamp,
    fields::Fields,
    ids::Ids,
    options::PipelineOptions,
    validate::{Object, value_of},
};

/// A pipeline.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pipeline {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) stages: Vec<Stage>,
    show_in_funnel: bool,
    show_in_pie_chart: bool,
}

/// A stage of a pipeline.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stage {
    pub(super) id: String,
    pub(super) name: String,
    position: usize,
    show_in_funnel: bool,
    show_in_pie_chart: bool,
}

impl Pipeline {
    pub(super) fn new(options: &PipelineOptions, ids: &mut Ids) -> Self {
        let id = ids.next();
        let stages = options.stages.iter().enumerate().map(|(position, name)| Stage {
            id: ids.next_uuid(),
            name: name.clone(),
            position,
            show_in_funnel: true,
            show_in_pie_chart: true,
        });
        Self {
            id,
            name: options.name.clone(),
            stages: stages.collect(),
            show_in_funnel: true,
            show_in_pie_chart: true,
        }
    }
}

/// An opportunity.
#[derive(Clone, Debug)]
pub(super) struct Opportunity {
    pub(super) id: String,
    pub(super) location: String,
    /// Its place in the order of creation.
    pub(super) sequence: u64,
    pub(super) contact: String,
    pub(super) pipeline: String,
    pub(super) stage: String,
    pub(super) name: String,
    pub(super) status: String,
    /// A bare number without a currency; `None` until somebody gives one, and shown as 0.
    pub(super) value: Option<Number>,
    pub(super) assigned_to: Option<String>,
    pub(super) lost_reason: Option<String>,
    pub(super) fields: Vec<(String, Value)>,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) stage_changed: DateTime<Utc>,
    pub(super) status_changed: DateTime<Utc>,
}

impl Opportunity {
    /// Writes what a body says. A stage is taken as it comes, of whatever pipeline: the vendor
    /// does not compare the two.
    pub(super) fn apply(&mut self, body: &Object, fields: &Fields, now: DateTime<Utc>) {
        if let Some(pipeline) = value_of(body, "pipelineId") {
            pipeline.clone_into(&mut self.pipeline);
        }
        if let Some(stage) = value_of(body, "pipelineStageId")
            && stage != self.stage
        {
            stage.clone_into(&mut self.stage);
            self.stage_changed = now;
        }
        if let Some(name) = value_of(body, "name") {
            name.clone_into(&mut self.name);
        }
        if let Some(status) = value_of(body, "status")
            && status != self.status
        {
            status.clone_into(&mut self.status);
            self.status_changed = now;
        }
        if let Some(Value::Number(value)) = body.get("monetaryValue") {
            self.value = Some(value.clone());
        }
        if let Some(user) = value_of(body, "assignedTo") {
            self.assigned_to = Some(user.to_owned());
        }
        if let Some(reason) = value_of(body, "lostReasonId") {
            self.lost_reason = Some(reason.to_owned());
        }
        if let Some(Value::Array(items)) = body.get("customFields") {
            fields.write(&mut self.fields, items, "opportunity");
        }
        self.updated = now;
    }
}

impl Serialize for Opportunity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Field<'a> {
            id: &'a str,
            field_value: &'a Value,
        }
        let fields: Vec<Field<'_>> =
            self.fields.iter().map(|(id, field_value)| Field { id, field_value }).collect();
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in [
            ("id", &self.id),
            ("name", &self.name),
            ("pipelineId", &self.pipeline),
            ("pipelineStageId", &self.stage),
            ("status", &self.status),
            ("contactId", &self.contact),
            ("locationId", &self.location),
        ] {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("monetaryValue", self.value.as_ref().unwrap_or(&Number::from(0)))?;
        for (key, value) in [("assignedTo", &self.assigned_to), ("lostReasonId", &self.lost_reason)]
        {
            if let Some(value) = value {
                map.serialize_entry(key, value)?;
            }
        }
        map.serialize_entry("customFields", &fields)?;
        for (key, instant) in [
            ("createdAt", self.created),
            ("updatedAt", self.updated),
            ("lastStageChangeAt", self.stage_changed),
            ("lastStatusChangeAt", self.status_changed),
        ] {
            map.serialize_entry(key, &stamp(instant))?;
        }
        map.end()
    }
}

/// The place of one opportunity.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) pipeline: String,
}

/// Each contact's opportunities, oldest first. A contact has about one per pipeline, so a
/// lookup is a hash and a glance.
#[derive(Debug, Default)]
pub(super) struct Cards(HashMap<String, Vec<Card>>);

impl Cards {
    pub(super) fn of(&self, contact: &str) -> &[Card] {
        self.0.get(contact).map_or(&[], Vec::as_slice)
    }

    /// The contact's oldest opportunity in a pipeline.
    pub(super) fn find(&self, contact: &str, pipeline: &str) -> Option<&str> {
        let mut cards = self.of(contact).iter();
        cards.find(|card| card.pipeline == pipeline).map(|card| card.id.as_str())
    }

    pub(super) fn put(&mut self, contact: &str, card: Card) {
        self.0.entry(contact.to_owned()).or_default().push(card);
    }

    /// Moves a card to another pipeline.
    pub(super) fn relocate(&mut self, contact: &str, id: &str, pipeline: &str) {
        let cards = self.0.get_mut(contact).map(|cards| cards.iter_mut());
        if let Some(card) = cards.into_iter().flatten().find(|card| card.id == id) {
            pipeline.clone_into(&mut card.pipeline);
        }
    }

    pub(super) fn remove(&mut self, contact: &str, id: &str) {
        if let Some(cards) = self.0.get_mut(contact) {
            cards.retain(|card| card.id != id);
        }
    }

    /// Takes all of a contact's cards away.
    pub(super) fn take(&mut self, contact: &str) -> Vec<Card> {
        self.0.remove(contact).unwrap_or_default()
    }
}
