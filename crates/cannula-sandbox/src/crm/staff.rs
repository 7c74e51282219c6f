//! What staff and workflows do to contacts in the CRM itself: tag, edit, merge, delete. The
//! subscriber of webhooks hears of it.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use super::{contact::Keys, opportunity::Card, plant::NewContact, state::CrmState};

impl CrmState {
    /// Adds tags as staff do, in lower case; `false` if there is no such contact.
    pub fn tag(&self, contact: &str, tags: &[&str]) -> bool {
        self.edit_tags(contact, tags, &[])
    }

    /// Removes tags as staff do; `false` if there is no such contact.
    pub fn untag(&self, contact: &str, tags: &[&str]) -> bool {
        self.edit_tags(contact, &[], tags)
    }

    /// Changes a contact as staff do, without looking for duplicates; `false` if there is no such
    /// contact. An edit that changes nothing is none.
    pub fn edit_contact(&self, contact: &str, change: impl FnOnce(&mut NewContact)) -> bool {
        let records = &mut self.lock().records;
        let Some(before) = records.contacts.get(contact) else { return false };
        let before = NewContact::of(before, &records.fields);
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return true;
        }
        // A value that is gone from the edited contact is cleared.
        let cleared = before.fields.into_keys().map(|name| (name, Value::Null));
        let mut values: BTreeMap<String, Value> = cleared.collect();
        values.extend(std::mem::take(&mut after.fields));
        let mut body = after.body();
        body.insert("customFields".to_owned(), json!(records.named_values(&values)));
        let keys = Keys::of(&body);
        if after.gender != before.gender {
            // Staff can; the API cannot.
            let gender = after.gender.map(Value::from);
            records.contacts.edit(contact, self.now(), |contact| match gender {
                Some(gender) => drop(contact.plain.insert("gender", gender)),
                None => drop(contact.plain.remove("gender")),
            });
        }
        records.write_contact(contact, &body, keys, self.now()).is_ok()
    }

    /// Adds and removes tags as staff or a workflow would; `false` if there is no such contact.
    pub fn edit_tags(&self, contact: &str, add: &[&str], remove: &[&str]) -> bool {
        self.lock().records.edit_tags(contact, add, remove, self.now()).is_ok()
    }

    /// Deletes a contact with its notes and opportunities; `false` if there is no such contact.
    pub fn delete_contact(&self, contact: &str) -> bool {
        self.lock().records.delete_contact(contact, self.now()).is_ok()
    }

    /// Merges one contact into another, the master: blank values are filled from it, its tags,
    /// notes and opportunities move, and its id is gone. `false` if one of the two is missing.
    pub fn merge_contacts(&self, master: &str, merged: &str) -> bool {
        let now = self.now();
        let records = &mut self.lock().records;
        if master == merged || records.contacts.get(master).is_none() {
            return false;
        }
        let Some(gone) = records.contacts.remove(merged, now) else { return false };
        records.directory.remove(&gone);
        let directory = &mut records.directory;
        let mut had = Vec::new();
        let kept = records.contacts.edit(master, now, |contact| {
            had.clone_from(&contact.tags);
            let keys = Keys {
                email: contact.email.is_none().then(|| gone.email.clone()),
                phone: contact.phone.is_none().then(|| gone.phone.clone()),
            };
            directory.assign(contact, keys);
            contact.birth_date = contact.birth_date.or(gone.birth_date);
            let tags: Vec<&str> = gone.tags.iter().map(String::as_str).collect();
            contact.edit_tags(&tags, &[]);
            for (id, value) in &gone.fields {
                if contact.fields.iter().all(|(have, _)| have != id) {
                    contact.fields.push((id.clone(), value.clone()));
                }
            }
            contact.updated = now;
        });
        let mut moved = records.notes.remove(merged).unwrap_or_default();
        for note in &mut moved {
            master.clone_into(&mut Arc::make_mut(note).contact_id);
        }
        let notes = records.notes.entry(master.to_owned()).or_default();
        notes.append(&mut moved);
        notes.sort_by(|a, b| a.date_added.cmp(&b.date_added));
        for Card { id, pipeline } in records.cards.take(merged) {
            records.opportunities.edit(&id, now, |card| master.clone_into(&mut card.contact));
            records.cards.put(master, Card { id, pipeline });
        }
        if let Some(kept) = kept {
            records.announce(&kept, &had, now);
        }
        records.announce_end(&gone, now);
        true
    }
}
