//! Typed parameters to request values. No I/O, so that each request is tested as data.

use cannula_core::{ContactId, FieldKind, Money, OpportunityId, OpportunityStatus, Phi};
use cannula_http::{Request, segment};
use chrono::NaiveDate;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value, json};

use crate::{ApiVersion, FieldContent, content};

/// What is written to a contact. What is absent is left alone; tags, source and gender have no
/// place here, because this API replaces, overwrites or refuses them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContactParts {
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Phi<String>>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Phi<String>>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Phi<String>>,
    /// The phone number in E.164: anything else is dropped or not matched by the CRM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phi<String>>,
    /// Birth date.
    #[serde(rename = "dateOfBirth", skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Phi<NaiveDate>>,
    /// Custom field values.
    #[serde(skip)]
    pub fields: Vec<FieldWrite>,
}

impl ContactParts {
    /// There is nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A value for one custom field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldWrite {
    /// The field's id. Keys are not offered: an unknown key is ignored with a 2xx.
    pub id: String,
    /// The value in the shape the field's type takes.
    pub value: FieldContent,
}

/// Where an opportunity belongs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The pipeline. Always sent with the stage: the API does not check one against the other.
    pub pipeline_id: String,
    /// The stage.
    pub pipeline_stage_id: String,
    /// The status.
    pub status: OpportunityStatus,
}

/// An opportunity to create, or to move if the contact has one in the pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewOpportunity {
    /// The contact it is about.
    pub contact_id: ContactId,
    /// What it is called.
    pub name: Phi<String>,
    /// Where it belongs.
    #[serde(flatten)]
    pub placement: Placement,
}

/// What to search contacts for. The search is an index that trails writes by up to 20 seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactSearch {
    /// Free text.
    pub query: Option<Phi<String>>,
    /// Fields that must equal a value, such as `email`.
    pub equal: Vec<(String, Phi<String>)>,
    /// Tags of which the contact must have at least one, in lower case; none asks for no tag.
    pub any_tag: Vec<String>,
    /// Pieces of a name, in lower case and without special characters, each of which must be in
    /// the first or the last name. With them hits come in the order of last names.
    pub name_parts: Vec<Phi<String>>,
    /// Hits on a page, 1 to 500.
    pub limit: u16,
    /// [`ContactPage::after`](crate::ContactPage::after) of the page before.
    pub after: Option<Vec<Value>>,
}

/// What every request of a location shares.
#[derive(Clone, Debug)]
pub(crate) struct Requests {
    pub(crate) location: String,
    pub(crate) version: ApiVersion,
}

impl Requests {
    pub(crate) fn get_contact(&self, id: &ContactId) -> Request {
        Request::get("get contact", contact_path(id, ""))
    }

    pub(crate) fn create_contact(&self, parts: &ContactParts) -> Request {
        Request::post("create contact", "/contacts/").json(&self.contact_body(parts, true))
    }

    pub(crate) fn upsert_contact(&self, parts: &ContactParts) -> Request {
        Request::post("upsert contact", "/contacts/upsert")
            .json(&self.contact_body(parts, true))
            .repeatable()
    }

    pub(crate) fn update_contact(&self, id: &ContactId, parts: &ContactParts) -> Request {
        // `locationId` in the body of a PUT is refused with 422.
        Request::put("update contact", contact_path(id, ""))
            .json(&self.contact_body(parts, false))
            .repeatable()
    }

    pub(crate) fn find_duplicate(
        &self,
        email: Option<&Phi<String>>,
        phone: Option<&Phi<String>>,
    ) -> Request {
        let mut request = Request::get("find duplicate contact", "/contacts/search/duplicate")
            .query("locationId", &self.location);
        if let Some(email) = email {
            request = request.query("email", email.expose());
        }
        if let Some(phone) = phone {
            request = request.query("number", phone.expose());
        }
        request
    }

    pub(crate) fn search_contacts(&self, search: &ContactSearch) -> Request {
        let mut body = Map::new();
        body.insert("locationId".into(), json!(self.location));
        body.insert("pageLimit".into(), json!(search.limit.clamp(1, 500)));
        if let Some(query) = &search.query {
            body.insert("query".into(), json!(query));
        }
        let filters = filters(search);
        if !filters.is_empty() {
            body.insert("filters".into(), filters.into());
        }
        if !search.name_parts.is_empty() {
            let sort = json!([{ "field": "lastNameLowerCase", "direction": "asc" }]);
            body.insert("sort".into(), sort);
        }
        match &search.after {
            Some(after) => body.insert("searchAfter".into(), json!(after)),
            None => body.insert("page".into(), json!(1)),
        };
        Request::post("search contacts", "/contacts/search").json(&body).repeatable()
    }

    pub(crate) fn add_tags(&self, id: &ContactId, tags: &[String]) -> Request {
        let body = json!({ "tags": tags });
        Request::post("add tags", contact_path(id, "/tags")).json(&body).repeatable()
    }

    pub(crate) fn remove_tags(&self, id: &ContactId, tags: &[String]) -> Request {
        let body = json!({ "tags": tags });
        Request::delete("remove tags", contact_path(id, "/tags")).json(&body).repeatable()
    }

    pub(crate) fn list_notes(&self, id: &ContactId) -> Request {
        Request::get("list notes", contact_path(id, "/notes"))
    }

    pub(crate) fn create_note(&self, id: &ContactId, body: &Phi<String>) -> Request {
        // Nothing but `body`: `contactId` beside it is refused with 422.
        Request::post("create note", contact_path(id, "/notes")).json(&json!({ "body": body }))
    }

    pub(crate) fn get_opportunity(&self, id: &OpportunityId) -> Request {
        Request::get("get opportunity", opportunity_path(id))
    }

    pub(crate) fn create_opportunity(&self, new: &NewOpportunity) -> Request {
        Request::post("create opportunity", "/opportunities/").json(&self.located(new))
    }

    pub(crate) fn upsert_opportunity(&self, new: &NewOpportunity) -> Request {
        // The published schema lost `contactId` in 2026-05; the servers still want it.
        Request::post("upsert opportunity", "/opportunities/upsert")
            .json(&self.located(new))
            .repeatable()
    }

    pub(crate) fn update_opportunity(&self, id: &OpportunityId, placement: &Placement) -> Request {
        Request::put("update opportunity", opportunity_path(id)).json(placement).repeatable()
    }

    pub(crate) fn set_opportunity_value(&self, id: &OpportunityId, value: &Phi<Money>) -> Request {
        // A PUT is partial: nothing else about the card is touched.
        Request::put("set opportunity value", opportunity_path(id))
            .json(&ValueBody { monetary_value: value })
            .repeatable()
    }

    pub(crate) fn find_opportunities(&self, contact: &ContactId, pipeline: &str) -> Request {
        // The wrong casing is refused with 422, and it differs by version.
        let (location_key, contact_key, pipeline_key) = match self.version {
            ApiVersion::V3 => ("locationId", "contactId", "pipelineId"),
            _ => ("location_id", "contact_id", "pipeline_id"),
        };
        Request::get("search opportunities", "/opportunities/search")
            .query(location_key, &self.location)
            .query(contact_key, contact.as_str())
            .query(pipeline_key, pipeline)
    }

    pub(crate) fn list_pipelines(&self) -> Request {
        Request::get("list pipelines", "/opportunities/pipelines")
            .query("locationId", &self.location)
    }

    pub(crate) fn list_fields(&self) -> Request {
        Request::get("list custom fields", self.fields_path()).query("model", "contact")
    }

    pub(crate) fn create_field(&self, name: &str, kind: FieldKind) -> Request {
        let data_type = match kind {
            FieldKind::Text => "TEXT",
            FieldKind::Date => "DATE",
            FieldKind::Money => "MONETORY",
        };
        Request::post("create custom field", self.fields_path())
            .json(&json!({ "name": name, "dataType": data_type, "model": "contact" }))
    }

    fn fields_path(&self) -> String {
        format!("/locations/{}/customFields", segment(&self.location))
    }

    fn contact_body<'a>(&'a self, parts: &'a ContactParts, located: bool) -> ContactBody<'a> {
        let value_key = match self.version {
            ApiVersion::V3 => "fieldValue",
            _ => "field_value",
        };
        ContactBody {
            location_id: located.then_some(self.location.as_str()),
            parts,
            custom_fields: parts
                .fields
                .iter()
                .map(|field| FieldBody { id: &field.id, value_key, value: &field.value })
                .collect(),
        }
    }

    fn located<'a, T>(&'a self, body: &'a T) -> Located<'a, T> {
        Located { location_id: &self.location, body }
    }
}

/// Exchanges a refresh token, which works once, for a new pair.
///
/// Marked repeatable because the same exchange within 30 seconds returns the same pair; the
/// caller keeps its retries inside that window.
pub(crate) fn refresh_token(
    version: ApiVersion,
    client_id: &str,
    client_secret: &str,
    refresh_token: &str,
) -> Request {
    let keys = match version {
        ApiVersion::V3 => ["clientId", "clientSecret", "grantType", "refreshToken"],
        _ => ["client_id", "client_secret", "grant_type", "refresh_token"],
    };
    let values = [client_id, client_secret, "refresh_token", refresh_token];
    Request::post("refresh token", "/oauth/token")
        .form(keys.into_iter().zip(values.map(str::to_owned)).collect())
        .repeatable()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContactBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<&'a str>,
    #[serde(flatten)]
    parts: &'a ContactParts,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    custom_fields: Vec<FieldBody<'a>>,
}

struct FieldBody<'a> {
    id: &'a str,
    value_key: &'static str,
    value: &'a FieldContent,
}

impl Serialize for FieldBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(Some(2))?;
        body.serialize_entry("id", self.id)?;
        body.serialize_entry(self.value_key, self.value)?;
        body.end()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ValueBody<'a> {
    #[serde(serialize_with = "content::number")]
    monetary_value: &'a Phi<Money>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Located<'a, T> {
    location_id: &'a str,
    #[serde(flatten)]
    body: &'a T,
}

/// Filters beside each other must all hold; of those in an `OR` group, one.
fn filters(search: &ContactSearch) -> Vec<Value> {
    let equals =
        |field: &str, value: &str| json!({ "field": field, "operator": "eq", "value": value });
    let tags: Vec<_> = search.any_tag.iter().map(|tag| equals("tags", tag)).collect();
    let mut filters: Vec<_> =
        search.equal.iter().map(|(field, value)| equals(field, value.expose())).collect();
    match tags.len() {
        0 | 1 => filters.extend(tags),
        _ => filters.push(json!({ "group": "OR", "filters": tags })),
    }
    filters.extend(search.name_parts.iter().map(|part| {
        let contains = ["firstNameLowerCase", "lastNameLowerCase"]
            .map(|field| json!({ "field": field, "operator": "contains", "value": part }));
        json!({ "group": "OR", "filters": contains })
    }));
    filters
}

fn contact_path(id: &ContactId, rest: &str) -> String {
    format!("/contacts/{}{rest}", segment(id.as_str()))
}

fn opportunity_path(id: &OpportunityId) -> String {
    format!("/opportunities/{}", segment(id.as_str()))
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
