//! The CRM as a source: contacts that staff tagged.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use async_trait::async_trait;
use cannula_core::{
    Clock, ContactId, CrmContact, CrmSource, Cursor, Error, ErrorKind, Event, Feed, Page, Phi,
    PracticeId, Record, RecordId, RecordKey, RecordKind, Rejected, Result, SourceInfo,
    TaggedContact,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, value::RawValue};

use crate::{Aesthetix, CONNECTOR, Contact, ContactSearch, wire};

/// Hits on a page: what the vendor's own examples ask for.
const PAGE: u16 = 100;

/// The contacts of a location that have one of some tags.
///
/// A listing of work and not a history: each sweep lists all of them anew, and a contact that did
/// not change is the same event again. The search behind it trails writes by up to 20 seconds, so
/// a hit says only that a contact was tagged; [`get`](CrmSource::get) reads the contact as it is.
///
/// Made by [`Aesthetix::tag_source`].
#[derive(Clone, Debug)]
pub struct TagSource {
    crm: Aesthetix,
    tags: Vec<String>,
    info: SourceInfo,
    clock: Arc<dyn Clock>,
    names: Arc<RwLock<Option<Arc<FieldNames>>>>,
}

/// The names of the custom fields.
#[derive(Debug)]
struct FieldNames {
    by_id: BTreeMap<String, String>,
    /// Ids that have no name even in a fresh list: fields that were deleted and left values.
    nameless: BTreeSet<String>,
}

impl FieldNames {
    fn know_all_of(&self, contact: &Contact) -> bool {
        contact.fields.keys().all(|id| self.by_id.contains_key(id) || self.nameless.contains(id))
    }
}

impl TagSource {
    pub(crate) fn new(crm: Aesthetix, tags: Vec<String>, clock: Arc<dyn Clock>) -> Self {
        let practice = PracticeId::new(crm.client.location());
        let feeds = vec![Feed { practice, kind: RecordKind::TaggedContact }];
        let info = SourceInfo { name: CONNECTOR, feeds };
        Self { crm, tags: folded(tags), info, clock, names: Arc::default() }
    }

    fn practice(&self) -> PracticeId {
        PracticeId::new(self.crm.client.location())
    }

    fn search(&self, limit: u16, after: Option<Vec<Value>>) -> ContactSearch {
        ContactSearch { any_tag: self.tags.clone(), limit, after, ..ContactSearch::default() }
    }

    /// The event of a hit; `None` if the index found it by something like a tag.
    fn event(&self, hit: wire::TaggedHit, read_at: DateTime<Utc>) -> Option<Event> {
        let tagged = tagged(&hit.id, hit.tags, &self.tags)?;
        let stamp = wire::instant(&hit.date_updated);
        Some(Event::new(self.practice(), RecordId::new(hit.id), tagged, stamp, read_at))
    }

    fn rejected(&self, index: usize, raw: &RawValue, path: &str) -> Rejected {
        let value: Value = serde_json::from_str(raw.get()).unwrap_or_default();
        let key = value["id"].as_str().map(|id| RecordKey {
            practice: self.practice(),
            kind: RecordKind::TaggedContact,
            id: RecordId::new(id),
        });
        Rejected {
            key,
            path: match path {
                "" | "." => format!("contacts[{index}]"),
                path => format!("contacts[{index}].{path}"),
            },
            problem: "a contact has an `id`, a text, and `tags`, a list of texts".to_owned(),
            raw: Phi::new(raw.get().to_owned()),
        }
    }

    /// Names for the fields of this contact. They are asked for once, and again when a field turns
    /// up that has none.
    async fn names(&self, contact: &Contact) -> Result<Arc<FieldNames>> {
        let known = self.names.read().unwrap_or_else(PoisonError::into_inner).clone();
        let known = known.or_else(|| self.prepared());
        if let Some(names) = &known
            && names.know_all_of(contact)
        {
            return Ok(Arc::clone(names));
        }
        let fields = self.crm.client.custom_fields().await?;
        let by_id: BTreeMap<_, _> = fields.into_iter().map(|it| (it.id, it.name)).collect();
        let mut nameless = known.map(|names| names.nameless.clone()).unwrap_or_default();
        nameless.extend(contact.fields.keys().cloned());
        nameless.retain(|id| !by_id.contains_key(id));
        let names = Arc::new(FieldNames { by_id, nameless });
        let mut slot = self.names.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Arc::clone(&names));
        Ok(names)
    }

    /// What the sink learned when it was prepared.
    fn prepared(&self) -> Option<Arc<FieldNames>> {
        let by_id = self.crm.catalog().ok()?.names();
        Some(Arc::new(FieldNames { by_id, nameless: BTreeSet::new() }))
    }
}

#[async_trait]
impl CrmSource for TagSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        self.crm.client.hits(&self.search(1, None)).await.map(drop)
    }

    async fn poll(&self, feed: &Feed, cursor: Option<&Cursor>) -> Result<Page> {
        if !self.info.feeds.contains(feed) {
            return Err(Error::new(ErrorKind::Unsupported, "there is no such feed")
                .connector(CONNECTOR)
                .with("feed", feed));
        }
        let mut page =
            Page { events: Vec::new(), rejected: Vec::new(), next: to_cursor(None), last: true };
        // A search for no tag would find every contact.
        if self.tags.is_empty() {
            return Ok(page);
        }
        let after = cursor.and_then(from_cursor);
        let hits = self.crm.client.hits(&self.search(PAGE, after.clone())).await?.contacts;
        let read_at = self.clock.now();
        for (index, raw) in hits.iter().enumerate() {
            match read(raw) {
                Ok(hit) => page.events.extend(self.event(hit, read_at)),
                Err(path) => page.rejected.push(self.rejected(index, raw, &path)),
            }
        }
        let next = hits.last().and_then(|raw| search_after(raw));
        if hits.len() < usize::from(PAGE) || next.is_none() {
            return Ok(page);
        }
        if next == after {
            return Err(Error::new(ErrorKind::Decode, "the next page starts where this one does")
                .connector(CONNECTOR)
                .operation("search contacts"));
        }
        Ok(Page { next: to_cursor(next), last: false, ..page })
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        if key.kind != RecordKind::Contact {
            return Err(
                Error::new(ErrorKind::Unsupported, "there is no such record").connector(CONNECTOR)
            );
        }
        let contact = match self.crm.client.get_contact(&ContactId::new(key.id.as_str())).await {
            Ok(contact) => contact,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Nobody asked for another contact.
        if contact.id.as_str() != key.id.as_str() {
            return Ok(None);
        }
        let names = self.names(&contact).await?;
        let stamp = contact.updated_at;
        let record = Record::Contact(named(contact, &names.by_id));
        let id = key.id.clone();
        Ok(Some(Event::new(self.practice(), id, record, stamp, self.clock.now())))
    }
}

/// Tags as the CRM stores them: lower-case, trimmed, each once.
pub(crate) fn folded(tags: Vec<String>) -> Vec<String> {
    let tags = tags.into_iter().map(|tag| tag.trim().to_lowercase());
    tags.filter(|tag| !tag.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The record of a contact that has one of the wanted tags. The tags are in one order, so that the
/// same state is the same event.
pub(crate) fn tagged(id: &str, tags: Vec<String>, wanted: &[String]) -> Option<Record> {
    let tags = folded(tags);
    let asked_for = tags.iter().any(|tag| wanted.contains(tag));
    asked_for.then(|| Record::TaggedContact(TaggedContact { id: ContactId::new(id), tags }))
}

/// A hit, or the path of what cannot be read.
fn read(raw: &RawValue) -> Result<wire::TaggedHit, String> {
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    serde_path_to_error::deserialize(&mut reader).map_err(|error| error.path().to_string())
}

/// Where the page after this hit starts.
fn search_after(raw: &RawValue) -> Option<Vec<Value>> {
    let value: Value = serde_json::from_str(raw.get()).ok()?;
    value.get("searchAfter")?.as_array().filter(|after| !after.is_empty()).cloned()
}

fn to_cursor(after: Option<Vec<Value>>) -> Cursor {
    Cursor::new(after.map_or_else(String::new, |after| Value::Array(after).to_string()))
}

/// A cursor that cannot be read begins a new sweep, which loses nothing.
fn from_cursor(cursor: &Cursor) -> Option<Vec<Value>> {
    serde_json::from_str(cursor.as_str()).ok()
}

/// A contact with its custom fields by name; those that hold no text or number are left out.
fn named(contact: Contact, names: &BTreeMap<String, String>) -> CrmContact {
    let field = |(id, value): (String, Phi<Value>)| {
        let text = match value.into_inner() {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some((names.get(&id)?.clone(), Phi::new(text)))
    };
    CrmContact {
        id: contact.id,
        first_name: contact.first_name,
        last_name: contact.last_name,
        email: contact.email,
        phone: contact.phone,
        birth_date: contact.birth_date,
        gender: contact.gender,
        street: contact.street,
        city: contact.city,
        state: contact.state,
        postal_code: contact.postal_code,
        tags: contact.tags,
        fields: contact.fields.into_iter().filter_map(field).collect(),
    }
}
