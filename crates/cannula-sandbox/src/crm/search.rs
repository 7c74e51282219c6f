//! Searches. All but the duplicate search read the index, which trails the writes.

use std::{cmp::Reverse, collections::HashMap, sync::Arc};

use axum::{
    extract::{Query, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    contact::{Contact, MatchingField},
    filter::Filter,
    opportunities::WithContact,
    opportunity::Opportunity,
    options::Dedupe,
    order::{Order, Place},
    reply::Refusal,
    state::{CrmState, Records},
    validate::{JsonBody, Kind, Object, Rule, check, may, must, unknown_property, value_of},
};

const CONTACTS: [Rule; 7] = [
    must("locationId", Kind::Text),
    must("pageLimit", Kind::Number),
    may("page", Kind::Number),
    may("query", Kind::Text),
    may("searchAfter", Kind::List),
    may("filters", Kind::Objects),
    may("sort", Kind::Objects),
];

const OPPORTUNITIES: [Rule; 6] = [
    must("locationId", Kind::Text),
    must("query", Kind::Text),
    must("limit", Kind::Number),
    must("page", Kind::Number),
    must("searchAfter", Kind::List),
    must("additionalDetails", Kind::Object),
];

/// Query parameters that are spelled with underscores before v3 and in camel case since.
const RENAMED: [(&str, &str); 5] = [
    ("location_id", "locationId"),
    ("pipeline_id", "pipelineId"),
    ("pipeline_stage_id", "pipelineStageId"),
    ("contact_id", "contactId"),
    ("assigned_to", "assignedTo"),
];

/// Query parameters that every version spells the same.
const SAME: [&str; 15] = [
    "campaignId",
    "q",
    "id",
    "status",
    "order",
    "date",
    "endDate",
    "startAfter",
    "startAfterId",
    "country",
    "page",
    "limit",
    "getTasks",
    "getNotes",
    "getCalendarEvents",
];

/// Pages of a contact search end here; past it only `searchAfter` goes on.
const LAST_BY_PAGE: usize = 10_000;
/// Rows on a page of a contact search.
const MOST_ROWS: usize = 500;
/// Characters of a search text, or of a filter's value.
pub(super) const MOST_CHARACTERS: usize = 75;

#[derive(Serialize)]
struct Hits {
    contacts: Vec<Value>,
    total: usize,
}

/// `POST /contacts/search`, newest first unless `sort` says otherwise. Rows show contacts as the
/// index has them, which may be as they were some seconds ago, and names in lower case. The limits
/// are those of the vendor's guide "Search Contacts"; what it answers beyond them is not shown, so
/// it is refused.
pub(super) async fn contacts(
    State(crm): State<Arc<CrmState>>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    crm.own_location(value_of(&body, "locationId"))?;
    check(&body, &CONTACTS)?;
    let filter = Filter::all(list(&body, "filters"))?;
    let order = Order::read(list(&body, "sort"))?;
    let limit = number(&body, "pageLimit").unwrap_or(0).max(1);
    let after = list(&body, "searchAfter");
    let long = value_of(&body, "query").is_some_and(|it| it.chars().count() > MOST_CHARACTERS);
    let violations = [
        (limit > MOST_ROWS, "pageLimit must not be greater than 500"),
        (long, "query must be shorter than or equal to 75 characters"),
        (!after.is_empty() && body.contains_key("page"), "page must not be sent with searchAfter"),
    ];
    let violations: Vec<_> =
        violations.into_iter().filter(|(met, _)| *met).map(|(_, it)| it.to_owned()).collect();
    if !violations.is_empty() {
        return Err(Refusal::unprocessable(violations));
    }
    let typed_names = crm.settings().search_shows_typed_names;
    let found = crm.find_contacts(&filter, value_of(&body, "query"), &order);
    let total = found.len();
    let skip = if after.is_empty() {
        let skip = (number(&body, "page").unwrap_or(1).max(1) - 1).saturating_mul(limit);
        if skip.saturating_add(limit) > LAST_BY_PAGE {
            return Err(Refusal::bad_request("page * pageLimit must not be greater than 10000"));
        }
        skip
    } else {
        let cursor = order.cursor(after)?;
        found.partition_point(|(place, _)| order.compare(place, &cursor).is_le())
    };
    let page = found.iter().skip(skip).take(limit);
    let contacts = page.map(|(place, contact)| row(contact, place, typed_names)).collect();
    Ok(crm.answer(StatusCode::OK, &Hits { contacts, total }))
}

fn row(contact: &Contact, place: &Place, typed_names: bool) -> Value {
    let mut row = json!(contact);
    row["searchAfter"] = json!(place);
    if let Some(row) = row.as_object_mut()
        && !typed_names
    {
        row.retain(|key, _| !matches!(key.as_str(), "firstName" | "lastName" | "name"));
    }
    row
}

impl CrmState {
    /// The contacts that the index shows, in order.
    fn find_contacts(
        &self,
        filter: &Filter,
        text: Option<&str>,
        order: &Order,
    ) -> Vec<(Place, Arc<Contact>)> {
        let text = text.map(str::to_lowercase);
        let indexed: Vec<Arc<Contact>> = {
            let records = &self.lock().records;
            let indexed = records.contacts.indexed(self.now());
            let matching = indexed.filter(|contact| {
                filter.admits(contact) && text.as_ref().is_none_or(|text| mentions(contact, text))
            });
            matching.cloned().collect()
        };
        let placed = indexed.into_iter().map(|contact| (order.place(&contact), contact));
        let mut found: Vec<(Place, Arc<Contact>)> = placed.collect();
        found.sort_by(|(a, _), (b, _)| order.compare(a, b));
        found
    }
}

fn list<'a>(body: &'a Object, name: &str) -> &'a [Value] {
    body.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn number(body: &Object, name: &str) -> Option<usize> {
    body.get(name)?.as_u64().and_then(|number| usize::try_from(number).ok())
}

/// Whether a contact has the text, which is lower-case, in a name, address or number.
fn mentions(contact: &Contact, text: &str) -> bool {
    contact.name().to_lowercase().contains(text)
        || contact.email.as_ref().is_some_and(|email| email.to_lowercase().contains(text))
        || contact.phone.as_ref().is_some_and(|phone| phone.contains(text))
}

/// `GET /contacts/search/duplicate`. With duplicates refused it looks by the location's
/// preference, else by e-mail address and then by phone.
pub(super) async fn duplicate(
    State(crm): State<Arc<CrmState>>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let location = query.get("locationId").map(String::as_str);
    crm.own_location(location)?;
    if location.is_none() {
        return Err(Refusal::unprocessable(vec!["locationId must be a string".to_owned()]));
    }
    let (email, number) = (query.get("email"), query.get("number"));
    if email.is_none() && number.is_none() {
        return Err(Refusal::bad_request("Pass at least one of number, email query parameter"));
    }
    let found = crm.lock().records.find_duplicate(email, number);
    Ok(crm.answer(StatusCode::OK, &json!({ "contact": found.as_deref() })))
}

impl Records {
    fn find_duplicate(
        &self,
        email: Option<&String>,
        number: Option<&String>,
    ) -> Option<Arc<Contact>> {
        let dedupe = if self.settings.allow_duplicate_contacts {
            Dedupe::EmailFirst
        } else {
            self.settings.dedupe
        };
        let id = dedupe.order().iter().find_map(|&field| {
            let value = match field {
                MatchingField::Email => email?,
                MatchingField::Phone => number?,
            };
            self.directory.find(field, value).first()
        })?;
        self.contacts.get(id).cloned()
    }
}

#[derive(Serialize)]
struct Cards<'a> {
    opportunities: Vec<WithContact<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<usize>,
    aggregations: Object,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    total: usize,
    current_page: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_page: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_after: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_after_id: Option<String>,
}

type Found = (Arc<Opportunity>, Option<Arc<Contact>>);

/// `GET /opportunities/search`, newest first unless `order` is `added_asc`.
pub(super) async fn opportunities(
    State(crm): State<Arc<CrmState>>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Refusal> {
    let v3 = headers.get("version").is_some_and(|version| version == "v3");
    let get = |name: &str| query.get(spelling(name, v3)).map(String::as_str);
    crm.own_location(get("location_id"))?;
    check_query(&query, v3)?;

    let mut found = crm.find_cards(get("q"), |card| {
        get("pipeline_id").is_none_or(|id| id == card.pipeline)
            && get("pipeline_stage_id").is_none_or(|id| id == card.stage)
            && get("contact_id").is_none_or(|id| id == card.contact)
            && get("assigned_to").is_none_or(|id| Some(id) == card.assigned_to.as_deref())
            && get("status").is_none_or(|status| status == "all" || status == card.status)
            && get("id").is_none_or(|id| id == card.id)
    });
    if get("order") == Some("added_asc") {
        found.reverse();
    }
    let total = found.len();
    let limit = get("limit").and_then(|text| text.parse().ok()).unwrap_or(20).max(1);
    let page: usize = get("page").and_then(|text| text.parse().ok()).unwrap_or(1).max(1);
    let skip = match get("startAfterId") {
        Some(id) => found.iter().position(|(card, _)| card.id == id).map_or(total, |at| at + 1),
        None => (page - 1).saturating_mul(limit),
    };
    let end = total.min(skip.saturating_add(limit));
    let rows = found.get(skip..end).unwrap_or_default();
    let more = end < total;
    let last = rows.last().filter(|_| more);
    let meta = Meta {
        total,
        current_page: page,
        next_page: more.then_some(page + 1),
        prev_page: (page > 1).then(|| page - 1),
        start_after: last.map(|(card, _)| card.created.timestamp_millis()),
        start_after_id: last.map(|(card, _)| card.id.clone()),
    };
    Ok(crm.answer(StatusCode::OK, &Cards::of(rows, Some(meta), None)))
}

/// The name of a parameter in a version, from its name before v3.
fn spelling(name: &str, v3: bool) -> &str {
    let renamed = RENAMED.iter().find(|(old, _)| v3 && *old == name);
    renamed.map_or(name, |(_, new)| new)
}

/// Wrong casing is refused like any other unknown parameter.
fn check_query(query: &HashMap<String, String>, v3: bool) -> Result<(), Refusal> {
    let location = spelling("location_id", v3);
    let known = |name: &str| {
        SAME.contains(&name)
            || RENAMED.iter().any(|(old, new)| name == if v3 { *new } else { *old })
    };
    let mut violations: Vec<String> =
        query.keys().filter(|name| !known(name)).map(|name| unknown_property(name)).collect();
    violations.sort_unstable();
    if !query.contains_key(location) {
        violations.push(format!("{location} must be a string"));
    }
    if query.get("limit").is_some_and(|limit| limit.parse().map_or(true, |limit: u64| limit > 100))
    {
        violations.push("limit must not be greater than 100".to_owned());
    }
    if violations.is_empty() { Ok(()) } else { Err(Refusal::unprocessable(violations)) }
}

/// `POST /opportunities/search`: no filters, a text only.
pub(super) async fn opportunities_by_body(
    State(crm): State<Arc<CrmState>>,
    JsonBody(body): JsonBody,
) -> Result<Response, Refusal> {
    crm.own_location(value_of(&body, "locationId"))?;
    check(&body, &OPPORTUNITIES)?;
    let found = crm.find_cards(value_of(&body, "query"), |_| true);
    let limit = number(&body, "limit").unwrap_or(20).clamp(1, 100);
    let skip = (number(&body, "page").unwrap_or(1).max(1) - 1).saturating_mul(limit);
    let end = found.len().min(skip.saturating_add(limit));
    let rows = found.get(skip..end).unwrap_or_default();
    Ok(crm.answer(StatusCode::OK, &Cards::of(rows, None, Some(found.len()))))
}

impl CrmState {
    /// The opportunities that the index shows, newest first.
    fn find_cards(&self, text: Option<&str>, wanted: impl Fn(&Opportunity) -> bool) -> Vec<Found> {
        let text = text.map(str::to_lowercase);
        let mut found: Vec<Found> = {
            let records = &self.lock().records;
            let cards = records.opportunities.indexed(self.now()).filter(|card| wanted(card));
            let with_contact =
                cards.map(|card| (card.clone(), records.contacts.get(&card.contact).cloned()));
            with_contact
                .filter(|(card, contact)| {
                    text.as_ref().is_none_or(|text| {
                        card.name.to_lowercase().contains(text)
                            || contact.as_ref().is_some_and(|contact| mentions(contact, text))
                    })
                })
                .collect()
        };
        found.sort_by_key(|(card, _)| Reverse(card.sequence));
        found
    }
}

impl<'a> Cards<'a> {
    fn of(rows: &'a [Found], meta: Option<Meta>, total: Option<usize>) -> Self {
        let opportunities =
            rows.iter().map(|(card, contact)| WithContact::new(card, contact.as_deref())).collect();
        Self { opportunities, meta, total, aggregations: Object::new() }
    }
}
