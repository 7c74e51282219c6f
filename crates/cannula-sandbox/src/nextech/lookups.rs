//! Lists that change seldom: places, providers, types, purposes, statuses.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use serde_json::{Value, json};

use super::{
    Api, render_pp, render_select,
    reply::{Bundle, Refused, bundle},
};
use crate::practice::{KINDS, LOCATIONS, Location, PRACTITIONERS, Product};

type Answer = Result<Json<Bundle<Value>>, Refused>;
type One = Result<Json<Value>, Refused>;

/// A row of a list: what `identifier` and `name` are matched against, and the resource.
struct Item {
    id: u32,
    /// The parts of the name, each of which is matched for itself.
    names: Vec<&'static str>,
    resource: Value,
}

fn list(api: &Api, endpoint: &str, raw: Option<&str>, items: Vec<Item>) -> Answer {
    let query = api.query(raw)?;
    let (ids, names) = (query.tokens("identifier"), query.texts("name"));
    let mut found = items;
    found.retain(|item| {
        ids.iter().all(|filter| filter.holds(&item.id.to_string()))
            && names.iter().all(|filter| filter.any(item.names.iter().copied()))
    });
    let total = found.len();
    let page = query.page(found).map(|item| item.resource).collect();
    Ok(bundle(api, endpoint, &query, total, page))
}

fn one(items: Vec<Item>, id: &str) -> One {
    let found = items.into_iter().find(|item| item.id.to_string() == id);
    found.map(|item| Json(item.resource)).ok_or_else(|| Refused::empty(StatusCode::NOT_FOUND))
}

/// `GET /Location`: managed places, unless `includeAll=true`.
pub(crate) async fn locations(State(api): State<Api>, RawQuery(raw): RawQuery) -> Answer {
    let all = raw.as_deref().is_some_and(|raw| raw.contains("includeAll=true"));
    let mut items = places(&api);
    if !all {
        items.retain(|item| item.resource["extension"][0]["valueBoolean"] == true);
    }
    list(&api, "Location", raw.as_deref(), items)
}

/// `GET /Location/{id}`.
pub(crate) async fn location(State(api): State<Api>, Path(id): Path<String>) -> One {
    one(places(&api), &id)
}

fn places(api: &Api) -> Vec<Item> {
    let place = |place: &Location| Item {
        id: place.id,
        names: vec![place.name],
        resource: json!({
            "resourceType": "Location",
            "id": place.id.to_string(),
            "extension": [{ "url": extension(api, "managed"), "valueBoolean": place.managed }],
            "identifier": [{ "use": "official", "value": place.id.to_string() }],
            "status": "active",
            "name": place.name,
        }),
    };
    LOCATIONS.iter().map(place).collect()
}

/// `GET /Practitioner`: everybody, for the practice has nobody who is inactive or without a user.
pub(crate) async fn practitioners(State(api): State<Api>, RawQuery(raw): RawQuery) -> Answer {
    list(&api, "Practitioner", raw.as_deref(), people(&api))
}

/// `GET /Practitioner/{id}`.
pub(crate) async fn practitioner(State(api): State<Api>, Path(id): Path<String>) -> One {
    one(people(&api), &id)
}

fn people(api: &Api) -> Vec<Item> {
    let quirks = api.server.quirks();
    let item = |person| match api.product {
        Product::Select => render_select::practitioner(person, &quirks),
        Product::PracticePlus => render_pp::practitioner(person),
    };
    PRACTITIONERS
        .iter()
        .map(|person| Item {
            id: person.id,
            names: vec![person.given, person.family],
            resource: item(person),
        })
        .collect()
}

/// `GET /appointment-type`; its `resourceType` is no FHIR type.
pub(crate) async fn types(State(api): State<Api>, RawQuery(raw): RawQuery) -> Answer {
    let items = KINDS.iter().map(|kind| {
        let extensions = match api.product {
            Product::Select => json!([
                { "url": extension(&api, "appointment-type#name"), "valueString": kind.name },
                {
                    "url": extension(&api, "appointment-type#defaultDuration"),
                    "valueInteger": kind.minutes,
                },
            ]),
            Product::PracticePlus => {
                json!([{ "url": "appointment-type", "valueString": kind.name }])
            }
        };
        lookup_item("appointment-type", kind.id, kind.name, extensions)
    });
    list(&api, "appointment-type", raw.as_deref(), items.collect())
}

/// `GET /appointment-purpose`.
pub(crate) async fn purposes(State(api): State<Api>, RawQuery(raw): RawQuery) -> Answer {
    let mut known: Vec<_> = KINDS.iter().flat_map(|kind| kind.purposes).copied().collect();
    known.sort_unstable();
    known.dedup();
    let url = match api.product {
        Product::Select => extension(&api, "appointment-purpose"),
        Product::PracticePlus => "appointment-purpose".to_owned(),
    };
    let items = known.into_iter().map(|(id, name)| {
        lookup_item("appointment-purpose", id, name, json!([{ "url": url, "valueString": name }]))
    });
    list(&api, "appointment-purpose", raw.as_deref(), items.collect())
}

/// `GET /appointment-status` (Select).
pub(crate) async fn statuses(State(api): State<Api>, RawQuery(raw): RawQuery) -> Answer {
    let url = extension(&api, "appointment-status#name");
    let items = render_select::STATUSES.iter().map(|(id, name)| {
        lookup_item("appointment-status", *id, name, json!([{ "url": url, "valueString": name }]))
    });
    list(&api, "appointment-status", raw.as_deref(), items.collect())
}

fn lookup_item(kind: &str, id: u32, name: &'static str, extensions: Value) -> Item {
    Item {
        id,
        names: vec![name],
        resource: json!({
            "resourceType": kind,
            "id": id.to_string(),
            "extension": extensions,
            "identifier": [{ "use": "official", "value": id.to_string() }],
        }),
    }
}

fn extension(api: &Api, name: &str) -> String {
    let host = match api.product {
        Product::Select => "select.nextech-api.com",
        Product::PracticePlus => "api.pm.nextech.com",
    };
    format!("https://{host}/api/structuredefinition/{name}")
}
