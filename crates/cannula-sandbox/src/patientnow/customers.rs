//! Customers, and what belongs to one.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, RawQuery, State},
    response::Response,
};
use cannula_core::{AppointmentStatus, PatientId};
use serde_json::Value;

use super::{
    Server, ids, lists,
    query::{Query, date},
    render,
    reply::Refusal,
};
use crate::practice::{PatientState, Visible, ZONE};

/// `GET /customers`: pages, filters by the start of `FirstName`, `LastName`, `Email` and `Phone`,
/// without regard to case, and by `CompanyId`.
pub(super) async fn list(State(server): State<Arc<Server>>, RawQuery(raw): RawQuery) -> Response {
    let query = Query::parse(raw.as_deref());
    let whole = !server.quirks().prefix_search;
    let now = server.practice.now();
    let inner = &mut *server.practice.lock();
    let view = inner.patients.view(now);
    let found = view.rows.iter().filter(|row| matches(&query, &row.version.state, whole));
    let customers = found.map(|row| render::customer(inner, row));
    let rows = customers.filter(|row| query.is("CompanyId", &row["CompanyId"])).collect();
    query.page(rows, 20, true)
}

fn matches(query: &Query, state: &PatientState, whole: bool) -> bool {
    let holds = |name: &str, values: &[&str], digits: bool| {
        let plain = |text: &str| if digits { national(text) } else { text.trim().to_lowercase() };
        query.text(name).is_none_or(|wanted| {
            let wanted = plain(&wanted);
            values
                .iter()
                .map(|value| plain(value))
                .any(|value| if whole { value == wanted } else { value.starts_with(&wanted) })
        })
    };
    let email = state.emails.first().map(|email| email.address.as_str());
    let phones: Vec<&str> = state.phones.iter().map(|phone| phone.number.as_str()).collect();
    holds("FirstName", &[&state.given], false)
        && holds("LastName", &[&state.family], false)
        && holds("Email", email.as_slice(), false)
        && holds("Phone", &phones, true)
}

/// The digits of a number without the country's.
fn national(number: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if digits.len() == 11 { digits.trim_start_matches('1').to_owned() } else { digits }
}

/// `GET /customers/{id}`.
pub(super) async fn get(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let (row, _) = find(&server, &id)?;
    Ok(Json(render::customer(&server.practice.lock(), &row)))
}

/// The customer of a number.
pub(super) fn find(
    server: &Server,
    id: &str,
) -> Result<(Visible<PatientState>, PatientId), Refusal> {
    let inner = server.practice.lock();
    let patient = ids::patient_of(&inner.patients, id);
    let row = patient.and_then(|id| inner.patients.get(&id, server.practice.now()));
    let row = row.ok_or_else(|| Refusal::unknown("Customer"))?;
    let id = PatientId::new(&*row.id);
    Ok((row, id))
}

/// `POST /customers/{id}/Appointments`: the customer's upcoming appointments, from `StartDate` of
/// the body or today, whichever is later, to `EndDate`. It reads, whatever the verb says.
pub(super) async fn appointments(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    body: Bytes,
) -> Result<Response, Refusal> {
    let (_, patient) = find(&server, &id)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let bound = |name: &str| body[name].as_str().and_then(date);
    let now = server.practice.now();
    let today = now.with_timezone(&ZONE).date_naive();
    let (start, end) = (bound("StartDate").unwrap_or(today).max(today), bound("EndDate"));
    let query = Query::parse(raw.as_deref());
    let rows = lists::visits(&server, |row| {
        let state = &row.version.state;
        let day = state.start.date();
        let upcoming = start <= day && state.status != AppointmentStatus::Fulfilled;
        state.patient.as_ref() == Some(&patient) && upcoming && end.is_none_or(|end| day <= end)
    });
    Ok(query.page(rows, 20, false))
}

/// `POST /customers/{id}/Purchases`: the lines of the customer's closed orders. It reads, too.
pub(super) async fn purchases(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Refusal> {
    let (_, patient) = find(&server, &id)?;
    let view = server.practice.lock().patientnow.orders.view(server.practice.now());
    let own = view.rows.iter().filter(|row| row.version.state.patient == patient);
    let rows = own.flat_map(|row| render::purchases(&row.id, &row.version.state)).collect();
    Ok(Query::parse(raw.as_deref()).page(rows, 20, false))
}

/// `GET /customers/{id}/Memberships`.
pub(super) async fn memberships(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Refusal> {
    let (_, patient) = find(&server, &id)?;
    let now = server.practice.now();
    let inner = &mut *server.practice.lock();
    let view = inner.patientnow.memberships.view(now);
    let own = view.rows.iter().filter(|row| row.version.state.patient == patient);
    let rows = own.map(|row| render::membership(inner, row)).collect();
    Ok(Query::parse(raw.as_deref()).page(rows, 20, false))
}
