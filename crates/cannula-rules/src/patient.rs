//! What is known of the patient's own data.

use cannula_core::{Event, EventId, Patient, Person, PersonName, Phi, Version};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// The newest known value of each part, so that what an EMR withholds later is not lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownPatient {
    pub(crate) event: EventId,
    version: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<Known<PersonName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<Known<Phi<String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<Known<Phi<String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    birth_date: Option<Known<Phi<NaiveDate>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known<T> {
    value: T,
    version: Version,
}

/// Keeps the value of the newest version that has one.
fn learn<T: Clone + PartialEq>(
    known: &mut Option<Known<T>>,
    value: Option<&T>,
    version: &Version,
) -> bool {
    let Some(value) = value else { return false };
    if known.as_ref().is_some_and(|known| known.version >= *version) {
        return false;
    }
    let changed = known.as_ref().is_none_or(|known| known.value != *value);
    *known = Some(Known { value: value.clone(), version: version.clone() });
    changed
}

/// The text unless it is blank.
fn filled(text: Option<&Phi<String>>) -> Option<&Phi<String>> {
    text.filter(|text| !text.expose().trim().is_empty())
}

impl KnownPatient {
    pub(crate) fn new(event: &Event, patient: &Patient) -> Self {
        let mut known = Self {
            event: event.id.clone(),
            version: event.version.clone(),
            name: None,
            email: None,
            phone: None,
            birth_date: None,
        };
        known.learn(event, patient);
        known
    }

    /// Takes in another state of the record; whether the person changed by it.
    pub(crate) fn learn(&mut self, event: &Event, patient: &Patient) -> bool {
        let version = &event.version;
        let name = Some(&patient.name).filter(|name| !name.full().expose().is_empty());
        let mut changed = learn(&mut self.name, name, version);
        changed |= learn(&mut self.email, filled(patient.best_email()), version);
        changed |= learn(&mut self.phone, filled(patient.best_phone()), version);
        changed |= learn(&mut self.birth_date, patient.birth_date.as_ref(), version);
        if *version > self.version {
            self.version = version.clone();
            self.event = event.id.clone();
        }
        changed
    }

    /// A CRM finds and creates contacts by e-mail and phone only.
    pub(crate) fn reachable(&self) -> bool {
        self.email.is_some() || self.phone.is_some()
    }

    pub(crate) fn is_newer_than(&self, version: &Version) -> bool {
        self.version > *version
    }

    pub(crate) fn birth_date(&self) -> Option<NaiveDate> {
        self.birth_date.as_ref().map(|known| *known.value.expose())
    }

    pub(crate) fn person(&self) -> Person {
        let name = self.name.as_ref().map(|known| known.value.clone()).unwrap_or_default();
        Person {
            first_name: name.given,
            last_name: name.family,
            email: self.email.as_ref().map(|known| known.value.clone()),
            phone: self.phone.as_ref().map(|known| known.value.clone()),
            birth_date: self.birth_date.as_ref().map(|known| known.value.clone()),
        }
    }
}
