//! A contact, and the directory that finds contacts by e-mail address and phone.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::{
    fields::Fields,
    options::Dedupe,
    validate::{Object, birth_date, text, texts, value_of},
};

/// Properties that are stored as they come; null removes them.
const PLAIN: [&str; 13] = [
    "address1",
    "city",
    "state",
    "postalCode",
    "country",
    "website",
    "timezone",
    "source",
    "companyName",
    "assignedTo",
    "dnd",
    "dndSettings",
    "inboundDndSettings",
];

/// A contact.
#[derive(Clone, Debug, Default)]
pub(super) struct Contact {
    pub(super) id: String,
    pub(super) location: String,
    /// Its place in the order of creation.
    pub(super) sequence: u64,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) birth_date: Option<NaiveDate>,
    /// Lower-case, each once, in the order they were added.
    pub(super) tags: Vec<String>,
    /// Values of custom fields by field id.
    pub(super) fields: Vec<(String, Value)>,
    pub(super) plain: BTreeMap<&'static str, Value>,
    pub(super) added: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
}

impl Contact {
    /// First and last name.
    pub(super) fn name(&self) -> String {
        let names: Vec<&str> =
            self.first_name.iter().chain(&self.last_name).map(String::as_str).collect();
        names.join(" ")
    }

    /// Writes what a create, update or upsert body says, except e-mail address and phone, which
    /// the [`Directory`] must know of too.
    pub(super) fn apply(&mut self, body: &Object, fields: &Fields, now: DateTime<Utc>) {
        self.apply_names(body);
        if let Some(date) = text(body, "dateOfBirth") {
            self.birth_date = date.and_then(birth_date);
        }
        for name in PLAIN {
            match body.get(name) {
                None => {}
                Some(Value::Null) => drop(self.plain.remove(name)),
                Some(value) => drop(self.plain.insert(name, value.clone())),
            }
        }
        // The list is replaced, and left alone when it is absent: the specification's own text
        // of update and upsert says so.
        if let Some(tags) = texts(body, "tags") {
            self.tags = tags_of(&tags);
        }
        if let Some(Value::Array(items)) = body.get("customFields") {
            fields.write(&mut self.fields, items, "contact");
        }
        self.updated = now;
    }

    fn apply_names(&mut self, body: &Object) {
        let first = text(body, "firstName");
        let last = text(body, "lastName");
        if let (None, None, Some(name)) = (first, last, value_of(body, "name")) {
            let (first, last) = name.split_once(' ').unwrap_or((name, ""));
            self.first_name = Some(first.to_owned());
            self.last_name = (!last.is_empty()).then(|| last.to_owned());
        }
        if let Some(first) = first {
            self.first_name = first.map(str::to_owned);
        }
        if let Some(last) = last {
            self.last_name = last.map(str::to_owned);
        }
    }

    /// Adds and removes tags; returns those that this changed.
    pub(super) fn edit_tags(&mut self, add: &[&str], remove: &[&str]) -> Vec<String> {
        let mut changed = tags_of(add);
        changed.retain(|tag| !self.tags.contains(tag));
        self.tags.extend_from_slice(&changed);
        for tag in tags_of(remove) {
            if let Some(index) = self.tags.iter().position(|have| *have == tag) {
                self.tags.remove(index);
                changed.push(tag);
            }
        }
        changed
    }
}

/// Tags as they are stored: trimmed, lower-case, each once.
fn tags_of(texts: &[&str]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::with_capacity(texts.len());
    for text in texts {
        let tag = text.trim().to_lowercase();
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    tags
}

impl Serialize for Contact {
    /// The read shape: absent values are left out, custom fields are `{id, value}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Field<'a> {
            id: &'a str,
            value: &'a Value,
        }
        let name = self.name();
        let fields: Vec<Field<'_>> =
            self.fields.iter().map(|(id, value)| Field { id, value }).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("locationId", &self.location)?;
        map.serialize_entry("type", "lead")?;
        map.serialize_entry("fullNameLowerCase", &name.to_lowercase())?;
        map.serialize_entry("name", &name)?;
        let texts = [
            ("firstName", "firstNameLowerCase", &self.first_name),
            ("lastName", "lastNameLowerCase", &self.last_name),
            ("email", "emailLowerCase", &self.email),
        ];
        for (key, lower_case_key, value) in texts {
            if let Some(value) = value {
                map.serialize_entry(key, value)?;
                map.serialize_entry(lower_case_key, &value.to_lowercase())?;
            }
        }
        if let Some(phone) = &self.phone {
            map.serialize_entry("phone", phone)?;
        }
        if let Some(date) = &self.birth_date {
            map.serialize_entry("dateOfBirth", date)?;
        }
        for (key, value) in &self.plain {
            map.serialize_entry(key, value)?;
        }
        map.serialize_entry("tags", &self.tags)?;
        map.serialize_entry("customFields", &fields)?;
        map.serialize_entry("dateAdded", &stamp(self.added))?;
        map.serialize_entry("dateUpdated", &stamp(self.updated))?;
        map.end()
    }
}

/// An instant as the API writes it.
pub(super) fn stamp(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What two contacts can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MatchingField {
    Email,
    Phone,
}

impl MatchingField {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }
}

impl Dedupe {
    /// The fields to match by, in order.
    pub(super) const fn order(self) -> &'static [MatchingField] {
        match self {
            Self::EmailFirst => &[MatchingField::Email, MatchingField::Phone],
            Self::PhoneFirst => &[MatchingField::Phone, MatchingField::Email],
            Self::Off => &[],
        }
    }
}

/// The e-mail address and phone that a body carries: absent, cleared or a value.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    pub(super) email: Option<Option<String>>,
    pub(super) phone: Option<Option<String>>,
}

impl Keys {
    /// Reads them. A phone that is not E.164 is as good as absent: it is dropped silently.
    pub(super) fn of(body: &Object) -> Self {
        let email = text(body, "email").map(|email| email.map(|email| email.trim().to_owned()));
        let phone = match text(body, "phone") {
            Some(Some(phone)) if !is_e164(phone) => None,
            phone => phone.map(|phone| phone.map(str::to_owned)),
        };
        Self { email, phone }
    }

    /// The value to match by, if there is one.
    pub(super) fn value(&self, field: MatchingField) -> Option<&str> {
        let value = match field {
            MatchingField::Email => &self.email,
            MatchingField::Phone => &self.phone,
        };
        value.as_ref()?.as_deref()
    }
}

/// A plus, a country code that does not begin with 0, and 7 to 15 digits in all.
fn is_e164(phone: &str) -> bool {
    phone.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Contact ids by lower-case e-mail address and by phone; several only where the location
/// allows duplicates or contacts were merged or planted.
#[derive(Debug, Default)]
pub(super) struct Directory {
    emails: HashMap<String, Vec<String>>,
    phones: HashMap<String, Vec<String>>,
}

impl Directory {
    /// The contacts with this value, oldest first.
    pub(super) fn find(&self, field: MatchingField, value: &str) -> &[String] {
        match field {
            MatchingField::Email => self.emails.get(&value.to_lowercase()),
            MatchingField::Phone => self.phones.get(value),
        }
        .map_or(&[], Vec::as_slice)
    }

    /// Gives a contact the e-mail address and phone of a write, and remembers where it is.
    pub(super) fn assign(&mut self, contact: &mut Contact, keys: Keys) {
        if let Some(email) = keys.email {
            unlink(&mut self.emails, contact.email.as_ref().map(|old| old.to_lowercase()), contact);
            link(&mut self.emails, email.as_ref().map(|new| new.to_lowercase()), contact);
            contact.email = email;
        }
        if let Some(phone) = keys.phone {
            unlink(&mut self.phones, contact.phone.clone(), contact);
            link(&mut self.phones, phone.clone(), contact);
            contact.phone = phone;
        }
    }

    /// Forgets a contact.
    pub(super) fn remove(&mut self, contact: &Contact) {
        unlink(&mut self.emails, contact.email.as_ref().map(|old| old.to_lowercase()), contact);
        unlink(&mut self.phones, contact.phone.clone(), contact);
    }
}

fn link(index: &mut HashMap<String, Vec<String>>, key: Option<String>, contact: &Contact) {
    if let Some(key) = key {
        index.entry(key).or_default().push(contact.id.clone());
    }
}

fn unlink(index: &mut HashMap<String, Vec<String>>, key: Option<String>, contact: &Contact) {
    let Some(key) = key else { return };
    if let Some(ids) = index.get_mut(&key) {
        ids.retain(|id| *id != contact.id);
        if ids.is_empty() {
            index.remove(&key);
        }
    }
}
