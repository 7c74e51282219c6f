//! One contact as it is, in the words of the core.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError, RwLock},
};

use cannula_core::{ContactId, CrmContact, Error, ErrorKind, Phi, Result, Retry};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::{Aesthetix, CONNECTOR, Contact, errors::Missing};

/// Reads contacts by id, with their custom fields by name.
#[derive(Clone, Debug)]
pub(crate) struct ContactReader {
    crm: Aesthetix,
    names: Arc<RwLock<Option<Arc<FieldNames>>>>,
}

/// The names of the custom fields.
#[derive(Debug, Default)]
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

impl ContactReader {
    pub(crate) fn new(crm: Aesthetix) -> Self {
        Self { crm, names: Arc::default() }
    }

    /// The contact, and when it was last changed; `None` if the CRM does not have it.
    pub(crate) async fn read(
        &self,
        id: &ContactId,
    ) -> Result<Option<(CrmContact, Option<DateTime<Utc>>)>> {
        let contact = match self.crm.client.get_contact(id).await {
            Ok(contact) => contact,
            Err(error) if Missing::of(&error) == Some(Missing::Contact) => return Ok(None),
            // A gateway's: the contact may be there all the same.
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_the_crms(error)),
            Err(error) => return Err(error),
        };
        // Nobody asked for another contact.
        if contact.id != *id {
            return Ok(None);
        }
        let names = self.names(&contact).await?;
        let stamp = contact.updated_at;
        Ok(Some((named(contact, &names.by_id), stamp)))
    }

    /// Names for the fields of this contact. They are asked for once, and again when a field turns
    /// up that has none.
    async fn names(&self, contact: &Contact) -> Result<Arc<FieldNames>> {
        let known = self.names.read().unwrap_or_else(PoisonError::into_inner).clone();
        let known = known.or_else(|| self.prepared());
        if contact.fields.is_empty() {
            return Ok(known.unwrap_or_else(|| Arc::new(FieldNames::default())));
        }
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

fn not_the_crms(error: Error) -> Error {
    let message =
        "something answered that it does not know, and not that the CRM lacks the contact";
    Error::new(ErrorKind::Unavailable, message)
        .connector(CONNECTOR)
        .operation("get contact")
        .retry(Retry::Backoff)
        .source(error)
}

/// A contact with its custom fields by name; those that hold no text or number are left out.
pub(crate) fn named(contact: Contact, names: &BTreeMap<String, String>) -> CrmContact {
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
