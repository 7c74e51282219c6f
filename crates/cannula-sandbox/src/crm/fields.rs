//! Custom fields: their definitions, and writing values the way HighLevel does.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Number, Value, json};

use super::{
    reply::Refusal,
    state::CrmState,
    validate::{JsonBody, Kind, Object, Rule, check, may, must, value_of},
};

const DATA_TYPES: [&str; 13] = [
    "TEXT",
    "LARGE_TEXT",
    "NUMERICAL",
    "PHONE",
    "MONETORY",
    "CHECKBOX",
    "SINGLE_OPTIONS",
    "MULTIPLE_OPTIONS",
    "DATE",
    "TEXTBOX_LIST",
    "FILE_UPLOAD",
    "RADIO",
    "EMAIL",
];

const CREATE: [Rule; 9] = [
    must("name", Kind::Text),
    must("dataType", Kind::OneOf(&DATA_TYPES)),
    may("placeholder", Kind::Text),
    may("acceptedFormat", Kind::Texts),
    may("isMultipleFile", Kind::Flag),
    may("maxNumberOfFiles", Kind::Number),
    may("textBoxListOptions", Kind::List),
    may("position", Kind::Number),
    may("model", Kind::OneOf(&["contact", "opportunity"])),
];

/// Keys of standard fields; a custom field cannot have one of them.
const STANDARD: [&str; 14] = [
    "first_name",
    "last_name",
    "name",
    "email",
    "phone",
    "date_of_birth",
    "address1",
    "city",
    "state",
    "country",
    "postal_code",
    "website",
    "source",
    "company_name",
];

/// The definition of a custom field.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    pub(super) id: String,
    pub(super) name: String,
    /// `contact.` and the name in lower case without punctuation.
    field_key: String,
    data_type: String,
    position: usize,
    model: &'static str,
    picklist_options: [&'static str; 0],
}

/// All definitions, found by id and by key.
#[derive(Debug, Default)]
pub(super) struct Fields {
    list: Vec<Arc<Field>>,
    by_id: HashMap<String, usize>,
    by_key: HashMap<String, usize>,
}

impl Fields {
    /// Defines a field; `None` if its key, and so in effect its name, is taken.
    pub(super) fn add(
        &mut self,
        id: String,
        name: &str,
        data_type: &str,
        model: &'static str,
    ) -> Option<Arc<Field>> {
        let key = key_of(name);
        let field_key = format!("{model}.{key}");
        if STANDARD.contains(&key.as_str()) || self.by_key.contains_key(&field_key) {
            return None;
        }
        let position = self.list.len();
        let field = Arc::new(Field {
            id: id.clone(),
            name: name.to_owned(),
            field_key: field_key.clone(),
            data_type: data_type.to_owned(),
            position: position * 50,
            model,
            picklist_options: [],
        });
        self.by_id.insert(id, position);
        self.by_key.insert(field_key, position);
        self.list.push(Arc::clone(&field));
        Some(field)
    }

    pub(super) fn get(&self, id: &str) -> Option<&Arc<Field>> {
        self.by_id.get(id).and_then(|&index| self.list.get(index))
    }

    /// The contact's field of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Arc<Field>> {
        self.list.iter().find(|field| field.name == name && field.model == "contact")
    }

    /// Merges written items into values by field id. Items for fields that do not exist, and
    /// values that do not suit their field, are ignored without a word.
    pub(super) fn write(&self, values: &mut Vec<(String, Value)>, items: &[Value], model: &str) {
        for item in items {
            let Some((field, value)) = self.find(item, model).zip(written_value(item)) else {
                continue;
            };
            match change_of(&field.data_type, value) {
                Change::Keep => {}
                Change::Clear => values.retain(|(id, _)| *id != field.id),
                Change::Set(value) => match values.iter_mut().find(|(id, _)| *id == field.id) {
                    Some((_, old)) => *old = value,
                    None => values.push((field.id.clone(), value)),
                },
            }
        }
    }

    /// The field that an item names by `id`, or else by `key` with or without its model.
    fn find(&self, item: &Value, model: &str) -> Option<&Field> {
        let field = if let Some(id) = item.get("id").and_then(Value::as_str) {
            self.get(id)
        } else {
            let key = item.get("key").and_then(Value::as_str)?;
            let key = key.strip_prefix(model).and_then(|key| key.strip_prefix('.')).unwrap_or(key);
            let index = *self.by_key.get(&format!("{model}.{key}"))?;
            self.list.get(index)
        };
        field.map(Arc::as_ref).filter(|field| field.model == model)
    }
}

/// `field_value` is the word of 2021-07-28 and `fieldValue` that of v3; `value` works too.
fn written_value(item: &Value) -> Option<&Value> {
    ["field_value", "fieldValue", "value"].iter().find_map(|name| item.get(name))
}

enum Change {
    Keep,
    Clear,
    Set(Value),
}

fn change_of(data_type: &str, value: &Value) -> Change {
    match (data_type, value) {
        (_, Value::Null) => Change::Clear,
        ("DATE", Value::String(text)) => date_of(text).map_or(Change::Keep, Change::Set),
        ("NUMERICAL" | "MONETORY", Value::Number(_)) => Change::Set(value.clone()),
        ("NUMERICAL" | "MONETORY", Value::String(text)) => {
            let number = text.trim().parse().ok().and_then(Number::from_f64);
            number.map_or(Change::Keep, |number| Change::Set(Value::Number(number)))
        }
        // Reported as never stored through the API.
        ("CHECKBOX" | "MULTIPLE_OPTIONS" | "TEXTBOX_LIST", _)
        | ("DATE" | "NUMERICAL" | "MONETORY", _) => Change::Keep,
        ("FILE_UPLOAD", value) => Change::Set(value.clone()),
        (_, Value::String(text)) if text.is_empty() => Change::Clear,
        (_, Value::String(_)) => Change::Set(value.clone()),
        (_, Value::Number(number)) => Change::Set(Value::String(number.to_string())),
        (_, _) => Change::Keep,
    }
}

/// A date without its time of day. The empty text is no date: only null clears one.
fn date_of(text: &str) -> Option<Value> {
    let date = text.get(..10)?;
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    Some(Value::String(date.to_string()))
}

/// Lower case, spaces to underscores, punctuation dropped: `RTP - Portal Link` becomes
/// `rtp__portal_link`.
fn key_of(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let kept = name.chars().filter(|c| c.is_alphanumeric() || [' ', '_'].contains(c));
    kept.map(|c| if c == ' ' { '_' } else { c }).collect()
}

#[derive(Serialize)]
struct Located<'a> {
    #[serde(flatten)]
    field: &'a Field,
    #[serde(rename = "locationId")]
    location: &'a str,
}

impl CrmState {
    fn field_answer(&self, status: StatusCode, field: &Field) -> Response {
        let field = Located { field, location: &self.location };
        self.answer(status, &json!({ "customField": field }))
    }
}

pub(super) async fn list(
    State(crm): State<Arc<CrmState>>,
    Path(location): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    crm.own_location(Some(&location))?;
    let model = query.get("model").map_or("all", String::as_str);
    let mut fields = crm.lock().records.fields.list.clone();
    fields.retain(|field| model == "all" || field.model == model);
    let fields: Vec<Located<'_>> =
        fields.iter().map(|field| Located { field, location: &crm.location }).collect();
    Ok(crm.answer(StatusCode::OK, &json!({ "customFields": fields })))
}

pub(super) async fn get(
    State(crm): State<Arc<CrmState>>,
    Path((location, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    crm.own_location(Some(&location))?;
    let field = {
        let records = &crm.lock().records;
        records.fields.get(&id).cloned().ok_or_else(|| records.unknown_id("Custom field", &id))?
    };
    Ok(crm.field_answer(StatusCode::OK, &field))
}

pub(super) async fn create(
    State(crm): State<Arc<CrmState>>,
    Path(location): Path<String>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    crm.own_location(Some(&location))?;
    check(&body, &CREATE)?;
    let field = crm.define_field(&body)?;
    Ok(crm.field_answer(StatusCode::CREATED, &field))
}

impl CrmState {
    fn define_field(&self, body: &Object) -> Result<Arc<Field>, Refusal> {
        let name = value_of(body, "name").unwrap_or_default().trim();
        if key_of(name).is_empty() {
            return Err(Refusal::unprocessable(vec!["name should not be empty".to_owned()]));
        }
        let data_type = value_of(body, "dataType").unwrap_or_default();
        let model =
            if value_of(body, "model") == Some("opportunity") { "opportunity" } else { "contact" };
        let records = &mut self.lock().records;
        let id = records.ids.next();
        records
            .fields
            .add(id, name, data_type, model)
            .ok_or_else(|| Refusal::bad_request(format!("{name} already exists")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_key_is_the_name_in_lower_case_without_punctuation() {
        assert_eq!(key_of("RTP - Portal Link"), "rtp__portal_link");
        assert_eq!(key_of("NXT Appointment Type"), "nxt_appointment_type");
    }
}
