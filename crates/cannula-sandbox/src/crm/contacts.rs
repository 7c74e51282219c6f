//! Creating, updating, upserting, reading and deleting contacts.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::json;

use super::{
    contact::{Contact, Keys, MatchingField},
    reply::Refusal,
    state::{CrmState, Records},
    validate::{JsonBody, Kind, Object, Rule, check, may, must, value_of},
    webhooks,
};

/// The properties of an upsert; a create has all but the last.
const UPSERT: [Rule; 24] = [
    must("locationId", Kind::Text),
    may("firstName", Kind::TextOrNull),
    may("lastName", Kind::TextOrNull),
    may("name", Kind::TextOrNull),
    may("email", Kind::TextOrNull),
    may("phone", Kind::TextOrNull),
    may("gender", Kind::Text),
    may("address1", Kind::TextOrNull),
    may("city", Kind::TextOrNull),
    may("state", Kind::TextOrNull),
    may("postalCode", Kind::Text),
    may("country", Kind::Text),
    may("website", Kind::TextOrNull),
    may("timezone", Kind::TextOrNull),
    may("dnd", Kind::Flag),
    may("dndSettings", Kind::Object),
    may("inboundDndSettings", Kind::Object),
    may("tags", Kind::Texts),
    may("customFields", Kind::Objects),
    may("source", Kind::Text),
    may("dateOfBirth", Kind::BirthDate),
    may("companyName", Kind::TextOrNull),
    may("assignedTo", Kind::Text),
    may("createNewIfDuplicateAllowed", Kind::Flag),
];

/// No `locationId`, `gender` or `companyName`: the update refuses them.
const UPDATE: [Rule; 20] = [
    may("firstName", Kind::TextOrNull),
    may("lastName", Kind::TextOrNull),
    may("name", Kind::TextOrNull),
    may("email", Kind::TextOrNull),
    may("phone", Kind::TextOrNull),
    may("address1", Kind::TextOrNull),
    may("city", Kind::TextOrNull),
    may("state", Kind::TextOrNull),
    may("postalCode", Kind::Text),
    may("country", Kind::Text),
    may("website", Kind::TextOrNull),
    may("timezone", Kind::TextOrNull),
    may("dnd", Kind::Flag),
    may("dndSettings", Kind::Object),
    may("inboundDndSettings", Kind::Object),
    may("tags", Kind::Texts),
    may("customFields", Kind::Objects),
    may("source", Kind::TextOrNull),
    may("dateOfBirth", Kind::BirthDate),
    may("assignedTo", Kind::TextOrNull),
];

#[derive(Serialize)]
struct One<'a> {
    contact: &'a Contact,
}

#[derive(Serialize)]
struct Updated<'a> {
    /// The vendor's own spelling.
    succeded: bool,
    contact: &'a Contact,
}

#[derive(Serialize)]
struct Upserted<'a> {
    new: bool,
    contact: &'a Contact,
}

pub(super) async fn create(
    State(crm): State<Arc<CrmState>>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    crm.own_location(value_of(&body, "locationId"))?;
    check(&body, &UPSERT[..UPSERT.len() - 1])?;
    let contact = crm.lock().records.create_contact(&body, crm.now())?;
    Ok(crm.answer(StatusCode::CREATED, &One { contact: &contact }))
}

pub(super) async fn upsert(
    State(crm): State<Arc<CrmState>>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    crm.own_location(value_of(&body, "locationId"))?;
    check(&body, &UPSERT)?;
    let create_anyway = body.get("createNewIfDuplicateAllowed").is_some_and(|flag| flag == true);
    let (status, new, contact) = {
        let records = &mut crm.lock().records;
        let (new, contact) = records.upsert_contact(&body, create_anyway, crm.now())?;
        (records.settings.upsert_status(new), new, contact)
    };
    Ok(crm.answer(status, &Upserted { new, contact: &contact }))
}

pub(super) async fn get(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let contact = crm.lock().records.contact(&id)?;
    Ok(crm.answer(StatusCode::OK, &One { contact: &contact }))
}

pub(super) async fn update(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    check(&body, &UPDATE)?;
    let contact = crm.lock().records.update_contact(&id, &body, crm.now())?;
    Ok(crm.answer(StatusCode::OK, &Updated { succeded: true, contact: &contact }))
}

pub(super) async fn delete(
    State(crm): State<Arc<CrmState>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    crm.lock().records.delete_contact(&id, crm.now())?;
    Ok(crm.answer(StatusCode::OK, &json!({ "succeded": true })))
}

impl Records {
    /// A contact by id.
    pub(super) fn contact(&self, id: &str) -> Result<Arc<Contact>, Refusal> {
        self.contacts.get(id).cloned().ok_or_else(|| self.unknown_id("Contact", id))
    }

    /// The first contact, other than `except`, that the location takes for the same person.
    fn match_contact(&self, keys: &Keys, except: Option<&str>) -> Option<(MatchingField, &str)> {
        self.settings.dedupe.order().iter().find_map(|&field| {
            let mut ids = self.directory.find(field, keys.value(field)?).iter();
            ids.find(|id| Some(id.as_str()) != except).map(|id| (field, id.as_str()))
        })
    }

    /// Refuses keys that another contact has, where the location does not allow that.
    fn refuse_collision(&self, keys: &Keys, except: Option<&str>) -> Result<(), Refusal> {
        if self.settings.allow_duplicate_contacts {
            return Ok(());
        }
        self.match_contact(keys, except).map_or(Ok(()), |(field, id)| {
            let name = self.contacts.get(id).map(|contact| contact.name()).unwrap_or_default();
            Err(Refusal::duplicate_contact(id, &name, field.name()))
        })
    }

    fn create_contact(
        &mut self,
        body: &Object,
        now: DateTime<Utc>,
    ) -> Result<Arc<Contact>, Refusal> {
        let keys = Keys::of(body);
        self.refuse_collision(&keys, None)?;
        Ok(self.insert_contact(body, keys, now))
    }

    /// Stores a new contact without looking for another.
    pub(super) fn insert_contact(
        &mut self,
        body: &Object,
        keys: Keys,
        now: DateTime<Utc>,
    ) -> Arc<Contact> {
        let mut contact = Contact {
            id: self.ids.next(),
            location: self.location.clone(),
            sequence: self.ids.count(),
            added: now,
            ..Contact::default()
        };
        contact.apply(body, &self.fields, now);
        // Gender can be given at creation and never again (issue 313 of the vendor's docs).
        if let Some(gender) = body.get("gender").filter(|gender| !gender.is_null()) {
            contact.plain.insert("gender", gender.clone());
        }
        self.directory.assign(&mut contact, keys);
        let contact = self.contacts.insert(contact.id.clone(), contact, now);
        // One change, several events (issue 27 of the vendor's docs). That the tags of a new
        // contact are not told on their own is assumed.
        self.outbox.record(&[webhooks::Kind::Create, webhooks::Kind::Update], &contact, now);
        contact
    }

    /// Says whether the contact is new.
    fn upsert_contact(
        &mut self,
        body: &Object,
        create_anyway: bool,
        now: DateTime<Utc>,
    ) -> Result<(bool, Arc<Contact>), Refusal> {
        if value_of(body, "email").is_none() && value_of(body, "phone").is_none() {
            return Err(Refusal::bad_request("Pass at least one of number, email"));
        }
        let mut keys = Keys::of(body);
        let create_anyway = create_anyway && self.settings.allow_duplicate_contacts;
        let matched = if create_anyway { None } else { self.match_contact(&keys, None) };
        let Some(id) = matched.map(|(_, id)| id.to_owned()) else {
            return Ok((true, self.insert_contact(body, keys, now)));
        };
        // The other value belongs to somebody else: it is ignored without a word (issue 37 of
        // the vendor's docs).
        if !self.settings.allow_duplicate_contacts {
            let of_another = |field| {
                keys.value(field).is_some_and(|value| {
                    self.directory.find(field, value).iter().any(|other| *other != id)
                })
            };
            let (email, phone) =
                (of_another(MatchingField::Email), of_another(MatchingField::Phone));
            if email {
                keys.email = None;
            }
            if phone {
                keys.phone = None;
            }
        }
        self.write_contact(&id, body, keys, now).map(|contact| (false, contact))
    }

    fn update_contact(
        &mut self,
        id: &str,
        body: &Object,
        now: DateTime<Utc>,
    ) -> Result<Arc<Contact>, Refusal> {
        self.contact(id)?;
        let keys = Keys::of(body);
        self.refuse_collision(&keys, Some(id))?;
        self.write_contact(id, body, keys, now)
    }

    /// Writes to a contact without looking for another.
    pub(super) fn write_contact(
        &mut self,
        id: &str,
        body: &Object,
        keys: Keys,
        now: DateTime<Utc>,
    ) -> Result<Arc<Contact>, Refusal> {
        let Self { contacts, directory, fields, .. } = self;
        let mut tags = Vec::new();
        let written = contacts.edit(id, now, |contact| {
            tags.clone_from(&contact.tags);
            contact.apply(body, fields, now);
            directory.assign(contact, keys);
        });
        let contact = written.ok_or_else(|| self.unknown_id("Contact", id))?;
        self.announce(&contact, &tags, now);
        Ok(contact)
    }

    /// Tells of a contact that was changed and of its tags, if they are not those it had.
    pub(super) fn announce(&mut self, contact: &Arc<Contact>, had: &[String], now: DateTime<Utc>) {
        use webhooks::Kind::{TagUpdate, Update};
        let same =
            had.len() == contact.tags.len() && had.iter().all(|tag| contact.tags.contains(tag));
        let kinds: &[webhooks::Kind] = if same { &[Update] } else { &[Update, TagUpdate] };
        self.outbox.record(kinds, contact, now);
    }

    /// Deletes a contact with its notes and opportunities.
    pub(super) fn delete_contact(&mut self, id: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        let contact =
            self.contacts.remove(id, now).ok_or_else(|| self.unknown_id("Contact", id))?;
        self.directory.remove(&contact);
        self.notes.remove(id);
        for card in self.cards.take(id) {
            self.opportunities.remove(&card.id, now);
        }
        self.announce_end(&contact, now);
        Ok(())
    }

    /// Tells of a contact that is gone, with an update as well (issue 27 of the vendor's docs).
    pub(super) fn announce_end(&mut self, contact: &Arc<Contact>, now: DateTime<Utc>) {
        self.outbox.record(&[webhooks::Kind::Delete, webhooks::Kind::Update], contact, now);
    }
}
