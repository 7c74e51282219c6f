//! The calls. Lists are searched, objects are read by their `entity_id`, never by the number on
//! the receipt.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use cannula_core::OrderNumber;
use serde_json::{Map, Value, json};

use super::{
    Server,
    book::{Book, Customer},
    criteria::{Cell, Criteria, Row},
    documents::{self, all},
    fields,
    guard::VIEWS,
    order::Order,
    order_json,
    paint::{Paint, extend, stamp},
    reply::{Refused, Segments},
    settings::StoreSettings,
};

type Answer = Result<Json<Value>, Refused>;
type Here = State<Arc<Server>>;

/// Answers a search.
fn list<R: Row>(
    raw: Option<&str>,
    settings: &StoreSettings,
    rows: Vec<R>,
    print: impl Fn(&R, Paint<'_>) -> Value,
) -> Answer {
    let mut criteria = Criteria::parse(raw.unwrap_or_default())?;
    let found = criteria.search(rows, settings)?;
    let items: Value = found.rows.iter().map(|row| print(row, Paint(settings))).collect();
    let answer = json!({
        "items": items,
        "search_criteria": criteria.echo(),
        "total_count": found.total,
    });
    Ok(Json(trimmed(answer, criteria.fields.as_deref(), settings)))
}

/// Answers with one object.
fn one<T>(
    Path(segments): &Segments,
    raw: Option<&str>,
    settings: &StoreSettings,
    find: impl Fn(u32) -> Option<T>,
    print: impl Fn(&T, Paint<'_>) -> Value,
) -> Answer {
    let id = segments.get("id").map_or("", String::as_str);
    let found = id.parse().ok().and_then(find).ok_or_else(Refused::not_found)?;
    let fields = Criteria::parse(raw.unwrap_or_default())?.fields;
    Ok(Json(trimmed(print(&found, Paint(settings)), fields.as_deref(), settings)))
}

fn trimmed(answer: Value, fields: Option<&str>, settings: &StoreSettings) -> Value {
    match fields {
        Some(fields) if settings.projection => fields::trim(answer, fields),
        _ => answer,
    }
}

/// `GET /V1/orders`.
pub(super) async fn orders(State(server): Here, RawQuery(raw): RawQuery) -> Answer {
    let shop = server.store.shop();
    let rows = shop.book.orders.iter().collect();
    list(raw.as_deref(), &server.store.settings(), rows, |row, paint| order_json::order(row, paint))
}

/// `GET /V1/orders/{id}`.
pub(super) async fn order(
    State(server): Here,
    segments: Segments,
    RawQuery(raw): RawQuery,
) -> Answer {
    let shop = server.store.shop();
    let find = |id| shop.book.by_id(id);
    one(&segments, raw.as_deref(), &server.store.settings(), find, |row, paint| {
        order_json::order(row, paint)
    })
}

/// `GET /V1/invoices`.
pub(super) async fn invoices(State(server): Here, RawQuery(raw): RawQuery) -> Answer {
    let shop = server.store.shop();
    let rows = all(&shop.book.orders, |order| &order.invoices);
    list(raw.as_deref(), &server.store.settings(), rows, documents::invoice)
}

/// `GET /V1/creditmemos`.
pub(super) async fn memos(State(server): Here, RawQuery(raw): RawQuery) -> Answer {
    let shop = server.store.shop();
    let rows = all(&shop.book.orders, |order| &order.memos);
    list(raw.as_deref(), &server.store.settings(), rows, documents::memo)
}

/// `GET /V1/creditmemo/{id}`.
pub(super) async fn memo(
    State(server): Here,
    segments: Segments,
    RawQuery(raw): RawQuery,
) -> Answer {
    let shop = server.store.shop();
    let find =
        |id| all(&shop.book.orders, |order| &order.memos).into_iter().find(|memo| memo.it.id == id);
    one(&segments, raw.as_deref(), &server.store.settings(), find, documents::memo)
}

/// `GET /V1/transactions`.
pub(super) async fn transactions(State(server): Here, RawQuery(raw): RawQuery) -> Answer {
    let shop = server.store.shop();
    let rows = all(&shop.book.orders, |order| &order.transactions);
    list(raw.as_deref(), &server.store.settings(), rows, documents::transaction)
}

/// `GET /V1/customers/search`.
pub(super) async fn customers(State(server): Here, RawQuery(raw): RawQuery) -> Answer {
    let shop = server.store.shop();
    let rows = shop.book.customers.iter().collect();
    list(raw.as_deref(), &server.store.settings(), rows, |row, _| customer(row))
}

/// `GET /V1/store/storeConfigs`.
pub(super) async fn configs(State(server): Here, RawQuery(raw): RawQuery) -> Answer {
    let settings = server.store.settings();
    let fields = Criteria::parse(raw.unwrap_or_default().as_str())?.fields;
    let all: Value =
        VIEWS.iter().zip(1_u32..).map(|(code, id)| config(id, code, &settings)).collect();
    Ok(Json(trimmed(all, fields.as_deref(), &settings)))
}

/// `POST /V1/orders/{id}/hold`.
pub(super) async fn hold(State(server): Here, segments: Segments) -> Answer {
    staff(&server, &segments, "A hold action is not available.", |store, order| store.hold(order))
}

/// `POST /V1/orders/{id}/unhold`.
pub(super) async fn unhold(State(server): Here, segments: Segments) -> Answer {
    staff(&server, &segments, "You cannot remove the hold.", |store, order| store.unhold(order))
}

fn staff(
    server: &Server,
    Path(segments): &Segments,
    refusal: &str,
    deed: impl Fn(&super::Store, &OrderNumber) -> bool,
) -> Answer {
    let id = segments.get("id").map_or("", String::as_str);
    let found = id
        .parse()
        .ok()
        .and_then(|id| server.store.with(|book: &mut Book, _| book.by_id(id).map(Order::number)));
    let number = found.ok_or_else(Refused::not_found)?;
    if deed(&server.store, &number) {
        return Ok(Json(true.into()));
    }
    Err(Refused::new(StatusCode::BAD_REQUEST, refusal))
}

impl Row for &Customer {
    fn cell(&self, column: &str) -> Option<Cell> {
        Some(match column {
            "entity_id" => Cell::id(Some(self.id)),
            "email" => Cell::text(Some(&self.shopper.email)),
            "firstname" => Cell::text(Some(&self.shopper.given)),
            "lastname" => Cell::text(Some(&self.shopper.family)),
            "created_at" => Cell::Time(stamp(self.created_at)),
            "updated_at" => Cell::Time(stamp(self.updated_at)),
            _ => return None,
        })
    }
}

fn customer(customer: &Customer) -> Value {
    let Customer { id, shopper, .. } = customer;
    let mut address = order_json::place(shopper);
    extend(&mut address, json!({ "id": id, "customer_id": id, "default_billing": true }));
    let mut json = Map::new();
    extend(
        &mut json,
        json!({
            "id": id,
            "group_id": 1,
            "default_billing": id.to_string(),
            "created_at": stamp(customer.created_at),
            "updated_at": stamp(customer.updated_at),
            "created_in": "Default Store View",
            "dob": shopper.birth_date.map(|date| date.to_string()),
            "email": shopper.email,
            "firstname": shopper.given,
            "lastname": shopper.family,
            "gender": order_json::gender(shopper.gender),
            "store_id": 1,
            "website_id": 1,
            "addresses": [address],
        }),
    );
    Value::Object(json)
}

fn config(id: u32, code: &str, settings: &StoreSettings) -> Value {
    let url = "https://shop.example.test/";
    json!({
        "id": id,
        "code": code,
        "website_id": 1,
        "locale": "en_US",
        "base_currency_code": settings.currency,
        "default_display_currency_code": settings.currency,
        "timezone": settings.time_zone,
        "weight_unit": "lbs",
        "base_url": url,
        "base_link_url": url,
        "base_static_url": format!("{url}static/"),
        "base_media_url": format!("{url}media/"),
        "secure_base_url": url,
        "secure_base_link_url": url,
        "secure_base_static_url": format!("{url}static/"),
        "secure_base_media_url": format!("{url}media/"),
    })
}
