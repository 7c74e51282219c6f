//! What an event says: a flat object, the envelope beside the contact's values.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use crate::{
    crm::contact::{Contact, stamp},
    webhooks::Payload,
};

/// The types of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Update,
    TagUpdate,
    Delete,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Create => "ContactCreate",
            Self::Update => "ContactUpdate",
            Self::TagUpdate => "ContactTagUpdate",
            Self::Delete => "ContactDelete",
        }
    }
}

/// Properties of a contact that its events repeat, beside those that are written below.
const PLAIN: [&str; 9] = [
    "address1",
    "city",
    "state",
    "country",
    "postalCode",
    "companyName",
    "source",
    "website",
    "assignedTo",
];

/// One event.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) kind: Kind,
    /// The application it is for.
    pub(super) app: String,
    /// When the change was made.
    pub(super) at: DateTime<Utc>,
    /// The contact as the change left it.
    pub(super) contact: Arc<Contact>,
}

impl Payload for Event {
    fn event(&self) -> &str {
        self.kind.name()
    }

    fn record(&self) -> &str {
        &self.contact.id
    }

    fn body(&self, event_id: &str) -> Vec<u8> {
        let mut body = self.envelope(event_id);
        self.write_contact(&mut body);
        Value::Object(body).to_string().into_bytes()
    }
}

impl Event {
    fn envelope(&self, webhook_id: &str) -> Map<String, Value> {
        let version = format!("{}-version-1", self.app);
        Map::from_iter([
            ("type".to_owned(), json!(self.kind.name())),
            ("locationId".to_owned(), json!(self.contact.location)),
            ("id".to_owned(), json!(self.contact.id)),
            ("timestamp".to_owned(), json!(stamp(self.at))),
            ("webhookId".to_owned(), json!(webhook_id)),
            ("appId".to_owned(), json!(self.app)),
            ("versionId".to_owned(), json!(version)),
        ])
    }

    fn write_contact(&self, body: &mut Map<String, Value>) {
        let contact = &*self.contact;
        for (name, value) in [
            ("firstName", &contact.first_name),
            ("lastName", &contact.last_name),
            ("email", &contact.email),
            ("phone", &contact.phone),
        ] {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        for name in PLAIN {
            if let Some(value) = contact.plain.get(name) {
                body.insert(name.to_owned(), value.clone());
            }
        }
        // An instant here, a date in the API.
        if let Some(date) = contact.birth_date {
            body.insert("dateOfBirth".to_owned(), json!(format!("{date}T00:00:00.000Z")));
        }
        let fields: Vec<Value> =
            contact.fields.iter().map(|(id, value)| json!({ "id": id, "value": value })).collect();
        for (name, value) in [
            ("name", json!(contact.name())),
            ("dateAdded", json!(stamp(contact.added))),
            ("dnd", contact.plain.get("dnd").cloned().unwrap_or(Value::Bool(false))),
            ("tags", json!(contact.tags)),
            ("customFields", Value::Array(fields)),
            ("attachments", json!([])),
        ] {
            body.insert(name.to_owned(), value);
        }
    }
}
