//! What happens in a CRM without the API: leads from the website, staff who edit, merge and
//! delete.

use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{
    contact::Keys,
    opportunity::{Card, Pipeline},
    options::PipelineOptions,
    state::CrmState,
    validate::Object,
};

/// A contact that comes from elsewhere, for example a lead from the website.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewContact {
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// E-mail address.
    pub email: Option<String>,
    /// Phone in E.164; any other form is dropped.
    pub phone: Option<String>,
    /// Date of birth.
    pub birth_date: Option<NaiveDate>,
    /// Tags.
    pub tags: Vec<String>,
}

impl CrmState {
    /// Adds a contact, without looking for duplicates, and returns its id.
    pub fn add_contact(&self, contact: NewContact) -> String {
        let body = json!({
            "firstName": contact.first_name,
            "lastName": contact.last_name,
            "email": contact.email,
            "phone": contact.phone,
            "dateOfBirth": contact.birth_date,
            "tags": contact.tags,
        });
        let Value::Object(body) = body else { return String::new() };
        let keys = Keys::of(&body);
        self.lock().records.insert_contact(&body, keys, self.now()).id.clone()
    }

    /// Adds a pipeline.
    pub fn add_pipeline(&self, options: &PipelineOptions) {
        let records = &mut self.lock().records;
        let pipeline = Pipeline::new(options, &mut records.ids);
        records.pipelines.push(pipeline);
    }

    /// Puts a contact into a stage, both by name, as an opportunity that is open; returns its
    /// id, or `None` if one of the three does not exist.
    pub fn add_opportunity(&self, contact: &str, pipeline: &str, stage: &str) -> Option<String> {
        let records = &mut self.lock().records;
        let pipeline = records.pipelines.iter().find(|known| known.name == pipeline)?;
        let stage = pipeline.stages.iter().find(|known| known.name == stage)?;
        let pipeline_id = pipeline.id.clone();
        let body = Object::from_iter([("pipelineStageId".to_owned(), json!(stage.id))]);
        let planted = records.insert_opportunity(contact, &pipeline_id, &body, self.now());
        planted.ok().map(|opportunity| opportunity.id.clone())
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
        records.contacts.edit(master, now, |contact| {
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
        true
    }
}
