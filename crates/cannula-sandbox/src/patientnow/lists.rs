//! Lists and single records beside customers.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    Server,
    book::local_date,
    order::{PRODUCTS, cents, main_location},
    query::Query,
    register::list_price,
    render,
    reply::Refusal,
};
use crate::practice::{AppointmentState, KINDS, LOCATIONS, PRACTITIONERS, Visible, ZONE};

type Api = State<Arc<Server>>;
type Found = Result<Json<Value>, Refusal>;

/// `GET /status`.
pub(super) async fn status() -> Json<Value> {
    Json(json!({ "Status": "OK" }))
}

/// The appointments that are shown and wanted, in order of entry.
pub(super) fn visits(
    server: &Server,
    wanted: impl Fn(&Visible<AppointmentState>) -> bool,
) -> Vec<Value> {
    let (now, phantoms) = (server.practice.now(), server.quirks().bad_rows);
    let inner = &mut *server.practice.lock();
    let view = inner.appointments.view(now);
    let rows = view.rows.iter().filter(|row| (phantoms || !row.phantom) && wanted(row));
    rows.filter_map(|row| render::appointment(inner, row)).collect()
}

/// `GET /appointments`: filters by `CompanyId`, `CustomerId`, and by `StartDate` and `EndDate`
/// for the day of the visit.
pub(super) async fn appointments(State(server): Api, RawQuery(raw): RawQuery) -> Response {
    let query = Query::parse(raw.as_deref());
    let rows = visits(&server, |row| query.spans(row.version.state.start.date()));
    let own = rows.into_iter().filter(|row| {
        query.is("CompanyId", &row["CompanyId"]) && query.is("CustomerId", &row["CustomerId"])
    });
    query.page(own.collect(), 30, true)
}

/// `GET /appointments/{id}`.
pub(super) async fn appointment(State(server): Api, Path(id): Path<String>) -> Found {
    let inner = server.practice.lock();
    let row = inner.appointments.get(&id, server.practice.now());
    let shown = row.and_then(|row| render::appointment(&inner, &row));
    shown.map(Json).ok_or_else(|| Refusal::unknown("Appointment"))
}

/// `GET /orders`: filters by `CompanyId`, `CustomerId`, `Status`, and by `StartDate` and `EndDate`
/// for the day of the order.
pub(super) async fn orders(State(server): Api, RawQuery(raw): RawQuery) -> Response {
    let query = Query::parse(raw.as_deref());
    let status = query.text("Status").map(|status| status.to_lowercase());
    let now = server.practice.now();
    let inner = &mut *server.practice.lock();
    let view = inner.patientnow.orders.view(now);
    let spanned = view.rows.iter().filter(|row| query.spans(local_date(row.version.state.opened)));
    let rows = spanned.map(|row| render::order(inner, &row.id, &row.version));
    let wanted = rows.filter(|row| {
        let word = row["Status"].as_str().unwrap_or_default().to_lowercase();
        query.is("CompanyId", &row["CompanyId"])
            && query.is("CustomerId", &row["CustomerId"])
            && status.as_ref().is_none_or(|status| *status == word)
    });
    query.page(wanted.collect(), 20, true)
}

/// `GET /orders/{id}`.
pub(super) async fn order(State(server): Api, Path(id): Path<String>) -> Found {
    let inner = server.practice.lock();
    let row = inner.patientnow.orders.get(&id, server.practice.now());
    let row = row.ok_or_else(|| Refusal::unknown("Order"))?;
    Ok(Json(render::order(&inner, &row.id, &row.version)))
}

/// `GET /memberships`: filters by `CustomerId`.
pub(super) async fn memberships(State(server): Api, RawQuery(raw): RawQuery) -> Response {
    let query = Query::parse(raw.as_deref());
    let now = server.practice.now();
    let inner = &mut *server.practice.lock();
    let view = inner.patientnow.memberships.view(now);
    let rows = view.rows.iter().map(|row| render::membership(inner, row));
    let rows = rows.filter(|row| query.is("CustomerId", &row["CustomerId"]));
    query.page(rows.collect(), 20, false)
}

/// `GET /memberships/{id}`.
pub(super) async fn membership(State(server): Api, Path(id): Path<String>) -> Found {
    let inner = server.practice.lock();
    let row = inner.patientnow.memberships.get(&id, server.practice.now());
    let row = row.ok_or_else(|| Refusal::unknown("Membership"))?;
    Ok(Json(render::membership(&inner, &row)))
}

/// `GET /companies`: the locations. It does not tell how many there are.
pub(super) async fn companies(RawQuery(raw): RawQuery) -> Response {
    let company = |place: &crate::practice::Location| {
        json!({
            "CompanyId": place.id,
            "Name": place.name,
            "TimeZone": ZONE.name(),
            "City": "Albany",
            "State": "NY",
            "Active": true,
        })
    };
    Query::parse(raw.as_deref()).page(LOCATIONS.iter().map(company).collect(), 20, false)
}

/// `GET /employees`.
pub(super) async fn employees(RawQuery(raw): RawQuery) -> Response {
    let employee = |who: &crate::practice::Practitioner| {
        json!({
            "EmployeeId": who.id,
            "FirstName": who.given,
            "LastName": who.family,
            "CompanyId": main_location().id,
            "Active": true,
        })
    };
    Query::parse(raw.as_deref()).page(PRACTITIONERS.iter().map(employee).collect(), 20, true)
}

/// `GET /services`: the appointment types. It does not tell how many there are.
pub(super) async fn services(RawQuery(raw): RawQuery) -> Response {
    let services = KINDS.iter().map(|kind| {
        json!({
            "ServiceId": kind.id,
            "Name": kind.name,
            "CategoryName": "Treatments",
            "Duration": kind.minutes,
            "Price": render::amount(cents(list_price(kind.id))),
            "CompanyId": main_location().id,
            "Active": true,
        })
    });
    Query::parse(raw.as_deref()).page(services.collect(), 30, false)
}

/// `GET /products`.
pub(super) async fn products(RawQuery(raw): RawQuery) -> Response {
    let products = PRODUCTS.iter().map(|(id, name, minor)| {
        json!({
            "ProductId": id,
            "Name": name,
            "Price": render::amount(cents(*minor)),
            "Active": true,
        })
    });
    Query::parse(raw.as_deref()).page(products.collect(), 20, true)
}
