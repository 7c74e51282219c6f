//! Creating, upserting, moving, reading and deleting opportunities.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::{
    contact::Contact,
    opportunity::{Card, Opportunity, Pipeline},
    reply::Refusal,
    state::{CrmState, Records},
    validate::{JsonBody, Kind, Object, Rule, check, may, must, value_of},
};

/// `all` is a search filter that the validators of writes let through.
const STATUS: Kind = Kind::OneOf(&["open", "won", "lost", "abandoned", "all"]);

const CREATE: [Rule; 9] = [
    must("pipelineId", Kind::Text),
    must("locationId", Kind::Text),
    must("name", Kind::Text),
    must("status", STATUS),
    must("contactId", Kind::Text),
    may("pipelineStageId", Kind::Text),
    may("monetaryValue", Kind::Number),
    may("assignedTo", Kind::Text),
    may("customFields", Kind::Objects),
];

/// No `contactId` and no `locationId`: an opportunity stays with its contact.
const UPDATE: [Rule; 7] = [
    may("pipelineId", Kind::Text),
    may("name", Kind::Text),
    may("pipelineStageId", Kind::Text),
    may("status", STATUS),
    may("monetaryValue", Kind::Number),
    may("assignedTo", Kind::Text),
    may("customFields", Kind::Objects),
];

/// The body that the live service takes: the published one has lost its `contactId`. No custom
/// fields.
const UPSERT: [Rule; 13] = [
    must("pipelineId", Kind::Text),
    must("locationId", Kind::Text),
    must("contactId", Kind::Text),
    may("id", Kind::Text),
    may("name", Kind::Text),
    may("status", STATUS),
    may("pipelineStageId", Kind::Text),
    may("monetaryValue", Kind::Number),
    may("assignedTo", Kind::Text),
    may("lostReasonId", Kind::Text),
    may("followers", Kind::Texts),
    may("isRemoveAllFollowers", Kind::Flag),
    may("followersActionType", Kind::OneOf(&["add", "remove"])),
];

const SET_STATUS: [Rule; 2] = [must("status", STATUS), may("lostReasonId", Kind::Text)];

/// An opportunity with the summary of its contact that the API shows beside it.
#[derive(Serialize)]
pub(super) struct WithContact<'a> {
    #[serde(flatten)]
    opportunity: &'a Opportunity,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<Summary<'a>>,
}

#[derive(Serialize)]
struct Summary<'a> {
    id: &'a str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    tags: &'a [String],
}

impl<'a> WithContact<'a> {
    pub(super) fn new(opportunity: &'a Opportunity, contact: Option<&'a Contact>) -> Self {
        let contact = contact.map(|contact| Summary {
            id: &contact.id,
            name: contact.name(),
            email: contact.email.as_deref(),
            phone: contact.phone.as_deref(),
            tags: &contact.tags,
        });
        Self { opportunity, contact }
    }
}

#[derive(Serialize)]
struct One<'a> {
    opportunity: WithContact<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<bool>,
}

impl CrmState {
    fn opportunity_answer(
        &self,
        status: StatusCode,
        opportunity: &Opportunity,
        new: Option<bool>,
    ) -> Response {
        let contact = self.lock().records.contacts.get(&opportunity.contact).cloned();
        let opportunity = WithContact::new(opportunity, contact.as_deref());
        self.answer(status, &One { opportunity, new })
    }
}

pub(super) async fn create(
    State(crm): State<Arc<CrmState>>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    crm.own_location(value_of(&body, "locationId"))?;
    check(&body, &CREATE)?;
    let opportunity = crm.lock().records.create_opportunity(&body, crm.now())?;
    Ok(crm.opportunity_answer(StatusCode::CREATED, &opportunity, None))
}

pub(super) async fn upsert(
    State(crm): State<Arc<CrmState>>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    crm.own_location(value_of(&body, "locationId"))?;
    check(&body, &UPSERT)?;
    let (status, new, opportunity) = {
        let records = &mut crm.lock().records;
        let (new, opportunity) = records.upsert_opportunity(&body, crm.now())?;
        (records.settings.upsert_status(new), new, opportunity)
    };
    Ok(crm.opportunity_answer(status, &opportunity, Some(new)))
}

pub(super) async fn get(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let opportunity = crm.lock().records.opportunity(&id)?;
    Ok(crm.opportunity_answer(StatusCode::OK, &opportunity, None))
}

pub(super) async fn update(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    check(&body, &UPDATE)?;
    let opportunity = crm.lock().records.update_opportunity(&id, &body, crm.now())?;
    Ok(crm.opportunity_answer(StatusCode::OK, &opportunity, None))
}

pub(super) async fn set_status(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    check(&body, &SET_STATUS)?;
    crm.lock().records.update_opportunity(&id, &body, crm.now())?;
    Ok(crm.answer(StatusCode::OK, &json!({ "succeded": true })))
}

pub(super) async fn delete(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    {
        let records = &mut crm.lock().records;
        let opportunity = records.opportunity(&id)?;
        records.opportunities.remove(&id, crm.now());
        records.cards.remove(&opportunity.contact, &id);
    }
    Ok(crm.answer(StatusCode::OK, &json!({ "succeded": true })))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Located<'a> {
    #[serde(flatten)]
    pipeline: &'a Pipeline,
    location_id: &'a str,
}

pub(super) async fn pipelines(
    State(crm): State<Arc<CrmState>>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let Some(location_id) = query.get("locationId") else {
        return Err(Refusal::unprocessable(vec!["locationId must be a string".to_owned()]));
    };
    crm.own_location(Some(location_id))?;
    let pipelines = crm.lock().records.pipelines.clone();
    let pipelines: Vec<Located<'_>> =
        pipelines.iter().map(|pipeline| Located { pipeline, location_id }).collect();
    Ok(crm.answer(StatusCode::OK, &json!({ "pipelines": pipelines })))
}

impl Records {
    fn opportunity(&self, id: &str) -> Result<Arc<Opportunity>, Refusal> {
        self.opportunities.get(id).cloned().ok_or_else(|| self.unknown_id("Opportunity", id))
    }

    fn create_opportunity(
        &mut self,
        body: &Object,
        now: DateTime<Utc>,
    ) -> Result<Arc<Opportunity>, Refusal> {
        let contact = value_of(body, "contactId").unwrap_or_default();
        let pipeline = value_of(body, "pipelineId").unwrap_or_default();
        self.refuse_second(contact, pipeline, None)?;
        self.insert_opportunity(contact, pipeline, body, now)
    }

    /// Says whether the opportunity is new. The contact and the pipeline find it, or its `id`
    /// if that is sent. Which of several is found is the oldest here; the vendor does not say.
    fn upsert_opportunity(
        &mut self,
        body: &Object,
        now: DateTime<Utc>,
    ) -> Result<(bool, Arc<Opportunity>), Refusal> {
        let contact = value_of(body, "contactId").unwrap_or_default();
        let pipeline = value_of(body, "pipelineId").unwrap_or_default();
        let found = value_of(body, "id").or_else(|| self.cards.find(contact, pipeline));
        match found.map(str::to_owned) {
            Some(id) => Ok((false, self.update_opportunity(&id, body, now)?)),
            None => Ok((true, self.insert_opportunity(contact, pipeline, body, now)?)),
        }
    }

    /// Refuses a second opportunity in the pipeline, whatever the status of the first, where
    /// the location does not allow that.
    fn refuse_second(
        &self,
        contact: &str,
        pipeline: &str,
        except: Option<&str>,
    ) -> Result<(), Refusal> {
        match self.cards.find(contact, pipeline) {
            Some(id) if Some(id) != except && !self.settings.allow_duplicate_opportunities => {
                Err(Refusal::duplicate_opportunity(id))
            }
            _ => Ok(()),
        }
    }

    /// Stores a new opportunity without looking for another.
    pub(super) fn insert_opportunity(
        &mut self,
        contact: &str,
        pipeline: &str,
        body: &Object,
        now: DateTime<Utc>,
    ) -> Result<Arc<Opportunity>, Refusal> {
        let name = self.contact(contact)?.name();
        let stages = self.pipeline(pipeline)?.stages.as_slice();
        let stage = stages.first().map(|stage| stage.id.clone()).unwrap_or_default();
        self.refuse_unknown_stage(body)?;
        let mut opportunity = Opportunity {
            id: self.ids.next(),
            location: self.location.clone(),
            sequence: self.ids.count(),
            contact: contact.to_owned(),
            pipeline: pipeline.to_owned(),
            stage,
            name,
            status: "open".to_owned(),
            value: None,
            assigned_to: None,
            lost_reason: None,
            fields: Vec::new(),
            created: now,
            updated: now,
            stage_changed: now,
            status_changed: now,
        };
        opportunity.apply(body, &self.fields, now);
        let card = Card { id: opportunity.id.clone(), pipeline: pipeline.to_owned() };
        self.cards.put(contact, card);
        Ok(self.opportunities.insert(opportunity.id.clone(), opportunity, now))
    }

    fn update_opportunity(
        &mut self,
        id: &str,
        body: &Object,
        now: DateTime<Utc>,
    ) -> Result<Arc<Opportunity>, Refusal> {
        let current = self.opportunity(id)?;
        self.refuse_unknown_stage(body)?;
        if let Some(pipeline) = value_of(body, "pipelineId") {
            self.pipeline(pipeline)?;
            self.refuse_second(&current.contact, pipeline, Some(id))?;
            self.cards.relocate(&current.contact, id, pipeline);
        }
        // Given back before the edit, which would otherwise copy the record.
        drop(current);
        let Self { opportunities, fields, .. } = self;
        let written = opportunities.edit(id, now, |record| record.apply(body, fields, now));
        written.ok_or_else(|| self.unknown_id("Opportunity", id))
    }

    fn pipeline(&self, id: &str) -> Result<&Pipeline, Refusal> {
        let pipeline = self.pipelines.iter().find(|pipeline| pipeline.id == id);
        pipeline.ok_or_else(|| self.unknown_id("Pipeline", id))
    }

    /// A stage of another pipeline passes; one of no pipeline does not.
    fn refuse_unknown_stage(&self, body: &Object) -> Result<(), Refusal> {
        let Some(id) = value_of(body, "pipelineStageId") else { return Ok(()) };
        let mut stages = self.pipelines.iter().flat_map(|pipeline| &pipeline.stages);
        if stages.any(|stage| stage.id == id) {
            Ok(())
        } else {
            Err(Refusal::bad_request("The pipeline stage id is invalid."))
        }
    }
}
