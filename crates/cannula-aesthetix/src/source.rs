//! The CRM as a source: contacts that staff tagged.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use cannula_core::{
    Clock, ContactId, CrmSource, Cursor, Error, ErrorKind, Event, Feed, Page, Phi, PracticeId,
    Record, RecordId, RecordKey, RecordKind, Rejected, Result, SourceInfo, TaggedContact,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, value::RawValue};

use crate::{
    Aesthetix, CONNECTOR, ContactSearch,
    hits::{from_cursor, next_page, read, to_cursor},
    reader::ContactReader,
    wire,
};

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
    contacts: ContactReader,
}

impl TagSource {
    pub(crate) fn new(crm: Aesthetix, tags: Vec<String>, clock: Arc<dyn Clock>) -> Self {
        let practice = PracticeId::new(crm.client.location());
        let feeds = vec![Feed { practice, kind: RecordKind::TaggedContact }];
        let info = SourceInfo { name: CONNECTOR, feeds };
        Self { contacts: ContactReader::new(crm.clone()), crm, tags: folded(tags), info, clock }
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
        let Some(next) = next_page(&hits, PAGE, after.as_ref())? else { return Ok(page) };
        Ok(Page { next: to_cursor(Some(next)), last: false, ..page })
    }

    async fn get(&self, key: &RecordKey) -> Result<Option<Event>> {
        if key.kind != RecordKind::Contact {
            return Err(
                Error::new(ErrorKind::Unsupported, "there is no such record").connector(CONNECTOR)
            );
        }
        let id = ContactId::new(key.id.as_str());
        let Some((contact, stamp)) = self.contacts.read(&id).await? else { return Ok(None) };
        let record = Record::Contact(contact);
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
