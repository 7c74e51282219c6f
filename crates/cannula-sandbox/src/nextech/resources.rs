//! Patients and appointments.

use axum::{
    Json,
    extract::{Path, RawQuery, State},
    http::StatusCode,
};
use cannula_core::PatientId;
use serde_json::Value;

use super::{
    Api, render, render_pp, render_select,
    reply::{Bundle, Refused, bundle},
    search::{Day, Query, TextFilter},
};
use crate::{
    practice::{AppointmentState, PatientState, Product, Visible},
    quirks::Quirks,
};

type Answer = Result<Json<Bundle<Value>>, Refused>;
pub(super) type Filter<S> = Box<dyn Fn(&Visible<S>) -> bool + Send + Sync>;

impl Api {
    pub(crate) fn query(&self, raw: Option<&str>) -> Result<Query, Refused> {
        Query::parse(raw, self.server.quirks(), self.product)
    }

    /// The practice works on while somebody reads the pages of a listing.
    pub(super) fn disturb(&self, query: &Query) {
        if query.offset > 0 && query.quirks.changes_between_pages > 0 {
            self.server.practice.hasten(query.quirks.changes_between_pages);
        }
    }

    pub(super) fn render_patient(&self, row: &Visible<PatientState>, quirks: &Quirks) -> Value {
        match self.product {
            Product::Select => render_select::patient(row, quirks),
            Product::PracticePlus => render_pp::patient(row, quirks),
        }
    }

    /// Whether a filter means this patient: by GUID in any case, in Select by chart number too.
    pub(super) fn is_patient(&self, filter: &TextFilter, id: &PatientId) -> bool {
        let chart = |id| self.server.practice.chart_of(id);
        filter.refers([id.as_str()])
            || (self.product == Product::Select && chart(id).is_some_and(|it| filter.holds(&it)))
    }

    fn render_appointment(&self, row: &Visible<AppointmentState>, quirks: &Quirks) -> Value {
        match self.product {
            Product::Select => render_select::appointment(row, quirks),
            Product::PracticePlus => render_pp::appointment(row, quirks),
        }
    }
}

/// `GET /Patient`.
pub(crate) async fn search_patients(State(api): State<Api>, RawQuery(raw): RawQuery) -> Answer {
    let query = api.query(raw.as_deref())?;
    api.disturb(&query);
    let filters = patient_filters(&query)?;
    let view = api.server.practice.patients_view();
    let found: Vec<_> =
        view.rows.iter().filter(|row| filters.iter().all(|holds| holds(row))).collect();
    let total = found.len();
    let page = query.page(found).map(|row| api.render_patient(row, &query.quirks)).collect();
    Ok(bundle(&api, "Patient", &query, total, page))
}

/// `GET /Patient/{id}`; Select takes a chart number too.
pub(crate) async fn read_patient(
    State(api): State<Api>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let quirks = api.server.quirks();
    let found = api.server.practice.visible_patient(&id.to_lowercase()).or_else(|| {
        let chart = id.parse::<u32>().ok().filter(|_| api.product == Product::Select)?;
        let view = api.server.practice.patients_view();
        view.rows.iter().find(|row| row.version.state.chart == chart).cloned()
    });
    let row = found.ok_or_else(|| Refused::empty(StatusCode::NOT_FOUND))?;
    Ok(Json(api.render_patient(&row, &quirks)))
}

fn patient_filters(query: &Query) -> Result<Vec<Filter<PatientState>>, Refused> {
    let mut filters: Vec<Filter<PatientState>> = Vec::new();
    for filter in query.dates("_lastUpdated", Day::Utc)? {
        filters.push(Box::new(move |row| filter.holds(row.version.at)));
    }
    for filter in query.dates("birthdate", Day::Utc)? {
        filters.push(Box::new(move |row| {
            let midnight = row.version.state.birth_date.and_time(chrono::NaiveTime::MIN);
            filter.holds(midnight.and_utc())
        }));
    }
    let product = query.product;
    for filter in query.tokens("identifier") {
        filters.push(Box::new(move |row| {
            filter.any([&*row.id, &row.version.state.chart.to_string()])
        }));
    }
    for filter in query.texts("family") {
        filters.push(Box::new(move |row| filter.holds(&row.version.state.family)));
    }
    for filter in query.texts("given") {
        filters.push(Box::new(move |row| filter.holds(&row.version.state.given)));
    }
    for filter in query.texts("address-city") {
        filters.push(Box::new(move |row| filter.holds(&row.version.state.address.city)));
    }
    for filter in query.texts("address-state") {
        filters.push(Box::new(move |row| filter.holds(&row.version.state.address.state)));
    }
    for filter in query.texts("address-postalcode") {
        filters.push(Box::new(move |row| filter.holds(&row.version.state.address.postal_code)));
    }
    for filter in query.texts("email") {
        filters.push(Box::new(move |row| {
            let emails = row.version.state.emails.iter();
            let seen = emails.filter(|email| product == Product::PracticePlus || !email.private);
            filter.any(seen.map(|email| email.address.as_str()))
        }));
    }
    for filter in query.texts("phone") {
        filters.push(Box::new(move |row| {
            let phones = row.version.state.phones.iter();
            let seen = phones.filter(|phone| product == Product::PracticePlus || !phone.private);
            filter.any(seen.map(|phone| phone.number.as_str()))
        }));
    }
    Ok(filters)
}

/// `GET /Appointment`.
pub(crate) async fn search_appointments(State(api): State<Api>, RawQuery(raw): RawQuery) -> Answer {
    let query = api.query(raw.as_deref())?;
    api.disturb(&query);
    let filters = appointment_filters(&query, &api)?;
    let view = api.server.practice.appointments_view();
    let phantoms = query.quirks.bad_rows;
    let found: Vec<_> = view
        .rows
        .iter()
        .filter(|row| (phantoms || !row.phantom) && filters.iter().all(|holds| holds(row)))
        .collect();
    let total = found.len();
    let page = query.page(found).map(|row| api.render_appointment(row, &query.quirks)).collect();
    Ok(bundle(&api, "Appointment", &query, total, page))
}

fn appointment_filters(query: &Query, api: &Api) -> Result<Vec<Filter<AppointmentState>>, Refused> {
    let mut filters: Vec<Filter<AppointmentState>> = Vec::new();
    for filter in query.dates("_lastUpdated", Day::Utc)? {
        filters.push(Box::new(move |row| filter.holds(row.version.at)));
    }
    for filter in query.dates("date", Day::Local)? {
        filters.push(Box::new(move |row| filter.holds(row.version.state.starts_at())));
    }
    for filter in query.dates("created", Day::Utc)? {
        filters.push(Box::new(move |row| filter.holds(row.entered)));
    }
    for filter in query.tokens("identifier") {
        filters.push(Box::new(move |row| filter.holds(&row.id)));
    }
    for filter in query.tokens("patient") {
        let api = api.clone();
        filters.push(Box::new(move |row| {
            row.version.state.patient.as_ref().is_some_and(|id| api.is_patient(&filter, id))
        }));
    }
    for filter in query.tokens("status") {
        let product = query.product;
        filters.push(Box::new(move |row| {
            let status = &row.version.state.status;
            match product {
                Product::Select => render::code(status).is_some_and(|code| filter.holds(code)),
                Product::PracticePlus => filter.holds(render_pp::shown_status(status)),
            }
        }));
    }
    place_filters(query, &mut filters);
    Ok(filters)
}

fn place_filters(query: &Query, filters: &mut Vec<Filter<AppointmentState>>) {
    let product = query.product;
    for filter in query.tokens("location.id") {
        filters.push(Box::new(move |row| {
            row.version.state.location.is_some_and(|place| filter.holds(&place.id.to_string()))
        }));
    }
    for filter in query.texts("location.name") {
        filters.push(Box::new(move |row| {
            row.version.state.location.is_some_and(|place| filter.holds(place.name))
        }));
    }
    for filter in query.tokens("practitioner.id") {
        filters.push(Box::new(move |row| {
            row.version.state.practitioner.is_some_and(|who| filter.holds(&who.id.to_string()))
        }));
    }
    for filter in query.texts("practitioner.name") {
        filters.push(Box::new(move |row| {
            row.version.state.practitioner.is_some_and(|who| filter.holds(&who.display(product)))
        }));
    }
}
