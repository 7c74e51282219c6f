//! A contact's tags, by the additive endpoints, and its notes.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    contact::{Contact, stamp},
    reply::Refusal,
    state::{CrmState, Records},
    validate::{JsonBody, Kind, Object, Rule, check, may, must, text, texts, value_of},
};

const TAGS: [Rule; 1] = [must("tags", Kind::Texts)];

/// No `contactId`: a note body that has one is refused.
const NOTE: [Rule; 5] = [
    must("body", Kind::Text),
    may("userId", Kind::Text),
    may("title", Kind::Text),
    may("color", Kind::Text),
    may("pinned", Kind::Flag),
];

pub(super) async fn add_tags(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    check(&body, &TAGS)?;
    let add = texts(&body, "tags").unwrap_or_default();
    let (contact, added) = crm.lock().records.edit_tags(&id, &add, &[], crm.now())?;
    let answer = json!({ "tags": contact.tags, "tagsAdded": added });
    Ok(crm.answer(StatusCode::CREATED, &answer))
}

pub(super) async fn remove_tags(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    check(&body, &TAGS)?;
    let remove = texts(&body, "tags").unwrap_or_default();
    let (contact, removed) = crm.lock().records.edit_tags(&id, &[], &remove, crm.now())?;
    let answer = json!({ "tags": contact.tags, "tagsRemoved": removed });
    Ok(crm.answer(StatusCode::OK, &answer))
}

impl Records {
    /// Adds and removes tags and leaves all others alone; returns the contact and the tags that
    /// this changed. Where it changes none the contact was not touched.
    pub(super) fn edit_tags(
        &mut self,
        id: &str,
        add: &[&str],
        remove: &[&str],
        now: DateTime<Utc>,
    ) -> Result<(Arc<Contact>, Vec<String>), Refusal> {
        let (mut had, mut changed) = (Vec::new(), Vec::new());
        let contact = self.contacts.edit(id, now, |contact| {
            had.clone_from(&contact.tags);
            changed = contact.edit_tags(add, remove);
            if !changed.is_empty() {
                contact.updated = now;
            }
        });
        let contact = contact.ok_or_else(|| self.unknown_id("Contact", id))?;
        if !changed.is_empty() {
            self.announce(&contact, &had, now);
        }
        Ok((contact, changed))
    }
}

/// A note.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) contact_id: String,
    pub(super) date_added: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<String>,
    pinned: bool,
}

impl Note {
    fn apply(&mut self, body: &Object) {
        if let Some(text) = body.get("body").and_then(Value::as_str) {
            text.clone_into(&mut self.body);
        }
        for (name, value) in
            [("userId", &mut self.user_id), ("title", &mut self.title), ("color", &mut self.color)]
        {
            if let Some(written) = text(body, name) {
                *value = written.map(str::to_owned);
            }
        }
        if let Some(pinned) = body.get("pinned").and_then(Value::as_bool) {
            self.pinned = pinned;
        }
    }
}

#[derive(Serialize)]
struct One<'a> {
    note: &'a Note,
}

#[derive(Serialize)]
struct Many<'a> {
    notes: Vec<&'a Note>,
}

pub(super) async fn create(
    State(crm): State<Arc<CrmState>>,
    Path(contact): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    check(&body, &NOTE)?;
    if value_of(&body, "body").is_none() {
        return Err(Refusal::unprocessable(vec!["body should not be empty".to_owned()]));
    }
    let note = crm.lock().records.add_note(&contact, &body, crm.now())?;
    Ok(crm.answer(StatusCode::CREATED, &One { note: &note }))
}

/// All of the contact's notes, newest first; there are no pages.
pub(super) async fn list(
    State(crm): State<Arc<CrmState>>,
    Path(contact): Path<String>,
) -> Result<Response, Refusal> {
    let notes = {
        let records = &crm.lock().records;
        records.contact(&contact)?;
        records.notes.get(&contact).cloned().unwrap_or_default()
    };
    let notes = notes.iter().rev().map(Arc::as_ref).collect();
    Ok(crm.answer(StatusCode::OK, &Many { notes }))
}

pub(super) async fn get(
    State(crm): State<Arc<CrmState>>,
    Path((contact, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let note = Arc::clone(crm.lock().records.note(&contact, &id)?);
    Ok(crm.answer(StatusCode::OK, &One { note: &note }))
}

pub(super) async fn update(
    State(crm): State<Arc<CrmState>>,
    Path((contact, id)): Path<(String, String)>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    check(&body, &[may("body", Kind::Text), NOTE[1], NOTE[2], NOTE[3], NOTE[4]])?;
    let note = {
        let records = &mut crm.lock().records;
        let note = records.note(&contact, &id)?;
        Arc::make_mut(note).apply(&body);
        Arc::clone(note)
    };
    Ok(crm.answer(StatusCode::OK, &One { note: &note }))
}

pub(super) async fn delete(
    State(crm): State<Arc<CrmState>>,
    Path((contact, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    {
        let records = &mut crm.lock().records;
        records.note(&contact, &id)?;
        if let Some(notes) = records.notes.get_mut(&contact) {
            notes.retain(|note| note.id != id);
        }
    }
    Ok(crm.answer(StatusCode::OK, &json!({ "succeded": true })))
}

impl Records {
    fn add_note(
        &mut self,
        contact: &str,
        body: &Object,
        now: DateTime<Utc>,
    ) -> Result<Arc<Note>, Refusal> {
        self.contact(contact)?;
        let mut note = Note {
            id: self.ids.next(),
            body: String::new(),
            contact_id: contact.to_owned(),
            date_added: stamp(now),
            user_id: None,
            title: None,
            color: None,
            pinned: false,
        };
        note.apply(body);
        let note = Arc::new(note);
        self.notes.entry(contact.to_owned()).or_default().push(Arc::clone(&note));
        Ok(note)
    }

    fn note(&mut self, contact: &str, id: &str) -> Result<&mut Arc<Note>, Refusal> {
        let refusal = self.unknown_id("Note", id);
        let notes = self.notes.get_mut(contact).map(|notes| notes.iter_mut());
        notes.into_iter().flatten().find(|note| note.id == id).ok_or(refusal)
    }
}
