//! `PaymentReconciliation`: the ledger as it is read.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use serde_json::value::RawValue;

use super::{
    Api, render_payment,
    reply::{Bundle, Refused, bundle},
    resources::Filter,
    search::{Day, Query},
};
use crate::{
    practice::{PaymentState, Product, Visible, instant_of},
    quirks::Quirks,
};

impl Api {
    pub(super) fn render_payment(
        &self,
        row: &Visible<PaymentState>,
        quirks: &Quirks,
    ) -> Box<RawValue> {
        let patient = row.version.state.patient.as_ref();
        let chart = patient.and_then(|id| self.server.practice.chart_of(id));
        render_payment::payment(row, chart, self.product, quirks)
    }
}

/// `GET /PaymentReconciliation`.
pub(crate) async fn search(
    State(api): State<Api>,
    RawQuery(raw): RawQuery,
) -> Result<Json<Bundle<Box<RawValue>>>, Refused> {
    let query = api.query(raw.as_deref())?;
    api.disturb(&query);
    let filters = filters(&query, &api)?;
    let view = api.server.practice.payments_view();
    let found: Vec<_> =
        view.rows.iter().filter(|row| filters.iter().all(|holds| holds(row))).collect();
    let total = found.len();
    let page = query.page(found).map(|row| api.render_payment(row, &query.quirks)).collect();
    Ok(bundle(&api, "PaymentReconciliation", &query, total, page))
}

/// `GET /PaymentReconciliation/{id}`.
pub(crate) async fn read(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Box<RawValue>>, Refused> {
    let found = api.server.practice.visible_payment(&id);
    let row = found.ok_or_else(|| Refused::empty(StatusCode::NOT_FOUND))?;
    Ok(Json(api.render_payment(&row, &api.server.quirks())))
}

fn filters(query: &Query, api: &Api) -> Result<Vec<Filter<PaymentState>>, Refused> {
    let mut filters: Vec<Filter<PaymentState>> = Vec::new();
    for filter in query.dates("_lastUpdated", Day::Utc)? {
        // By what a row says of itself: one that was voided does not come back.
        filters.push(Box::new(move |row| filter.holds(row.version.state.updated)));
    }
    for filter in query.dates("created", Day::Utc)? {
        filters.push(Box::new(move |row| filter.holds(row.entered)));
    }
    let product = query.product;
    for filter in query.dates("payment-date", Day::Utc)? {
        filters.push(Box::new(move |row| {
            let midnight = row.version.state.date.and_time(chrono::NaiveTime::MIN);
            filter.holds(match product {
                Product::Select => instant_of(midnight),
                Product::PracticePlus => midnight.and_utc(),
            })
        }));
    }
    for filter in query.tokens("identifier") {
        filters.push(Box::new(move |row| filter.holds(&row.id)));
    }
    for filter in query.tokens("status") {
        filters.push(Box::new(move |row| {
            filter.holds(render_payment::status(row.version.state.status))
        }));
    }
    for filter in query.tokens("patient") {
        let api = api.clone();
        filters.push(Box::new(move |row| {
            row.version.state.patient.as_ref().is_some_and(|id| api.is_patient(&filter, id))
        }));
    }
    for filter in query.tokens("location.id") {
        filters.push(Box::new(move |row| {
            row.version.state.location.is_some_and(|place| filter.holds(&place.id.to_string()))
        }));
    }
    for filter in query.tokens("request-provider") {
        filters.push(Box::new(move |row| {
            let who = row.version.state.practitioner;
            who.is_some_and(|who| filter.refers([who.id.to_string().as_str()]))
        }));
    }
    Ok(filters)
}
