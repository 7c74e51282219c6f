//! Centers and countries.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::Uri,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Server,
    ids::{CENTER, ORGANIZATION, guid_of, service, shown},
    phone::{COUNTRIES, Country, HOME},
    query::Query,
    reply::page,
};
use crate::practice::LOCATIONS;

/// The ids of all centers: the practice's first location is where everything happens.
pub(super) fn ids() -> impl Iterator<Item = String> {
    LOCATIONS.iter().map(|location| id_of(location.id))
}

fn id_of(location: u32) -> String {
    if LOCATIONS.first().is_some_and(|first| first.id == location) {
        CENTER.to_owned()
    } else {
        guid_of("center", &location.to_string())
    }
}

/// `GET /v1/centers`.
pub(super) async fn centers(State(server): State<Arc<Server>>, uri: Uri) -> Response {
    let zones = server.settings().time_zones;
    let mixed = server.quirks().mixed_case;
    let rows = LOCATIONS.iter().map(|location| {
        let id = id_of(location.id);
        // Windows knows the zone by another name than the rest of the world.
        let zone = zones.then(|| {
            json!({
                "id": 20, "name": "(UTC-05:00) Eastern Time (US & Canada)",
                "standard_name": "Eastern Standard Time", "symbol": "Eastern Standard Time",
            })
        });
        json!({
            "id": shown(&id, mixed),
            "code": format!("JA{}", location.id),
            "name": location.name,
            "display_name": null,
            "organization_id": ORGANIZATION,
            "country": country(&HOME),
            "state": { "id": 54, "code": "NY", "name": "New York", "short_name": "" },
            "location": { "lattitude": 0, "longitude": 0, "time_zone": zone },
            "currency": { "id": 148, "name": "US Dollar", "code": "USD", "symbol": "$" },
        })
    });
    match page(&Query::of(&uri), rows.collect()) {
        Ok(slice) => {
            let body = json!({ "centers": slice.rows, "page_info": slice.info, "error": null });
            Json(body).into_response()
        }
        Err(refused) => refused.into_response(),
    }
}

fn country(country: &Country) -> Value {
    json!({
        "id": country.id, "phone_code": country.dial,
        "country_code": country.code, "code": country.code, "name": country.name,
    })
}

/// `GET /v1/countries`.
pub(super) async fn countries() -> Json<Value> {
    let countries: Vec<Value> = COUNTRIES.iter().map(country).collect();
    Json(json!({ "countries": countries, "error": null }))
}

/// A service as an appointment names it.
pub(super) fn service_json(name: &str, add_on: bool, extended: bool, mixed: bool) -> Value {
    json!({
        "id": shown(&service(name), mixed),
        "name": name,
        "is_addon": add_on,
        "has_addons": extended,
        "parent_appointment_id": null,
        "category": { "id": guid_of("category", "services"), "name": "Services" },
        "sub_category": { "id": guid_of("category", "all"), "name": "All" },
    })
}
