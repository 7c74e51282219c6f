//! What happens in a CRM without the API: leads from the website, pipelines and custom fields
//! that somebody sets up.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{
    contact::{Contact, Keys},
    fields::Fields,
    opportunity::Pipeline,
    options::{FieldOptions, PipelineOptions},
    state::{CrmState, Records},
    validate::Object,
};

/// A contact as somebody types it, for example a lead from the website.
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
    /// Gender, as the user interface has it under Additional Info.
    pub gender: Option<String>,
    /// Street and number.
    pub address1: Option<String>,
    /// City.
    pub city: Option<String>,
    /// State.
    pub state: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Tags, stored in lower case.
    pub tags: Vec<String>,
    /// Values of custom fields by the field's name. A field that does not exist is set up as
    /// text; a value that does not suit its field is dropped.
    pub fields: BTreeMap<String, Value>,
}

impl NewContact {
    /// A contact as it is.
    pub(super) fn of(contact: &Contact, fields: &Fields) -> Self {
        let plain = |name| contact.plain.get(name).and_then(Value::as_str).map(str::to_owned);
        let named = |(id, value): &(String, Value)| {
            fields.get(id).map(|field| (field.name.clone(), value.clone()))
        };
        Self {
            first_name: contact.first_name.clone().unwrap_or_default(),
            last_name: contact.last_name.clone().unwrap_or_default(),
            email: contact.email.clone(),
            phone: contact.phone.clone(),
            birth_date: contact.birth_date,
            gender: plain("gender"),
            address1: plain("address1"),
            city: plain("city"),
            state: plain("state"),
            postal_code: plain("postalCode"),
            tags: contact.tags.clone(),
            fields: contact.fields.iter().filter_map(named).collect(),
        }
    }

    /// The body of a write that leaves the contact just so.
    pub(super) fn body(&self) -> Object {
        let Value::Object(body) = json!({
            "firstName": self.first_name,
            "lastName": self.last_name,
            "email": self.email,
            "phone": self.phone,
            "dateOfBirth": self.birth_date,
            "gender": self.gender,
            "address1": self.address1,
            "city": self.city,
            "state": self.state,
            "postalCode": self.postal_code,
            "tags": self.tags,
        }) else {
            return Object::new();
        };
        body
    }
}

impl Records {
    /// Values of custom fields by name as the API takes them; sets up fields that are missing.
    pub(super) fn named_values(&mut self, values: &BTreeMap<String, Value>) -> Vec<Value> {
        let mut items = Vec::with_capacity(values.len());
        for (name, value) in values {
            let known = self.fields.named(name).map(|field| field.id.clone());
            let id = known.or_else(|| {
                let id = self.ids.next();
                self.fields.add(id, name, "TEXT", "contact").map(|field| field.id.clone())
            });
            items.extend(id.map(|id| json!({ "id": id, "value": value })));
        }
        items
    }
}

impl CrmState {
    /// Adds a contact, without looking for duplicates, and returns its id.
    pub fn add_contact(&self, contact: NewContact) -> String {
        let mut body = contact.body();
        let keys = Keys::of(&body);
        let records = &mut self.lock().records;
        let values = records.named_values(&contact.fields);
        body.insert("customFields".to_owned(), Value::Array(values));
        records.insert_contact(&body, keys, self.now()).id.clone()
    }

    /// Sets up a custom field of the contact and returns its id; `None` if its name is taken.
    pub fn add_field(&self, options: &FieldOptions) -> Option<String> {
        let records = &mut self.lock().records;
        let id = records.ids.next();
        let field = records.fields.add(id, &options.name, &options.data_type, "contact")?;
        Some(field.id.clone())
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
}
