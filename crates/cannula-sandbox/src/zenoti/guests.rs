//! Guests: search, list, read, create, replace.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use cannula_core::PhoneUse;
use serde_json::{Value, json};

use super::{
    Server, guest_body, guest_json, phone,
    query::Query,
    reply::{Refused, page},
};
use crate::practice::{PatientState, Visible};

type Answer = Result<Json<Value>, Refused>;

fn list(server: &Server, query: &Query, rows: Vec<&Visible<PatientState>>) -> Answer {
    let mixed = server.quirks().mixed_case;
    let slice = page(query, rows)?;
    let guests = slice.rows.iter().map(|row| guest_json::guest(&row.id, &row.version.state, mixed));
    let guests: Vec<Value> = guests.collect();
    Ok(Json(json!({ "guests": guests, "page_Info": slice.info })))
}

/// `GET /v1/guests/search`: everything that is given must fit. Phones are compared by their
/// national digits, as a whole.
pub(super) async fn search(State(server): State<Arc<Server>>, uri: Uri) -> Answer {
    let query = Query::of(&uri);
    let settings = server.settings();
    let here = if query.text("center_id").is_some() {
        query.center().map_err(|refused| refused.within(settings.errors_in_200))?
    } else if settings.search_across_centers {
        true
    } else {
        return Err(Refused::invalid(503, "center_id is missing."));
    };
    let same = |name: &str, value: &str| {
        query.text(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value.trim()))
    };
    let starts = |name: &str, value: &str| {
        let wanted = query.text(name).map(str::to_lowercase);
        wanted.is_none_or(|wanted| value.to_lowercase().starts_with(&wanted))
    };
    let fits = |state: &PatientState| {
        let phone = query.text("phone").is_none_or(|wanted| {
            state.phones.iter().any(|phone| {
                phone.usage != PhoneUse::Other && phone::parts(&phone.number).1 == wanted
            })
        });
        let email = state.emails.first().map_or("", |email| email.address.as_str());
        phone
            && same("email", email)
            && same("user_code", &state.chart.to_string())
            && same("user_name", "")
            && same("tags", "")
            && same("zip_code", &state.address.postal_code)
            && starts("first_name", &state.given)
            && starts("last_name", &state.family)
    };
    let view = server.practice.patients_view();
    let rows = view.rows.iter().filter(|row| here && fits(&row.version.state));
    list(&server, &query, rows.collect())
}

/// `GET /v1/guests`: the guests of a center that changed on a day or after it.
pub(super) async fn changed(State(server): State<Arc<Server>>, uri: Uri) -> Answer {
    let query = Query::of(&uri);
    let in_200 = server.settings().errors_in_200;
    let here = query.center().map_err(|refused| refused.within(in_200))?;
    let since = query.date("last_updated")?;
    let view = server.practice.patients_view();
    let rows = view
        .rows
        .iter()
        .filter(|row| here && since.is_none_or(|since| row.version.at.date_naive() >= since));
    list(&server, &query, rows.collect())
}

/// `GET /v1/guests/{id}`. The id of a guest that was merged is dead, or leads to the one who is left.
pub(super) async fn read(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Answer {
    let id = server.practice.look(|inner, now| inner.zenoti.led_to(&id, now));
    let row = server.practice.visible_patient(id.as_str());
    let row = row.ok_or_else(|| Refused::no_guest().within(server.settings().errors_in_200))?;
    Ok(Json(guest_json::guest(&row.id, &row.version.state, server.quirks().mixed_case)))
}

/// `GET /v1/guests/merge_history`.
pub(super) async fn merges(State(server): State<Arc<Server>>, uri: Uri) -> Answer {
    let query = Query::of(&uri);
    let in_200 = server.settings().errors_in_200;
    let here = query.center().map_err(|refused| refused.within(in_200))?;
    let (from, to) = (query.need_date("start_date")?, query.need_date("end_date")?);
    let rows = server.practice.look(|inner, now| {
        let past = inner.zenoti.merges.iter().filter(|merge| {
            here && merge.at <= now && (from..=to).contains(&merge.at.date_naive())
        });
        let rows = past.map(|merge| {
            json!({
                "source_guest_id": merge.from.as_str(),
                "target_guest_id": merge.into.as_str(),
                "merged_date": merge.at.format("%Y-%m-%dT%H:%M:%S").to_string(),
            })
        });
        rows.collect::<Vec<_>>()
    });
    let slice = page(&query, rows)?;
    Ok(Json(json!({ "guests": slice.rows, "page_info": slice.info, "error": null })))
}

/// `POST /v1/guests`.
pub(super) async fn create(
    State(server): State<Arc<Server>>,
    body: Option<Json<Value>>,
) -> Response {
    let settings = server.settings();
    let entered =
        body.ok_or_else(|| Refused::invalid(503, "The body is missing.")).and_then(|Json(body)| {
            let state = guest_body::read(&body, &settings)?;
            unique(&server, &state, body["code"].as_str(), None)?;
            Ok(state)
        });
    match entered {
        Ok(state) => {
            let id = server.practice.enroll(state);
            let state = server.practice.patient(&id);
            let guest = state
                .map(|state| guest_json::guest(id.as_str(), &state, server.quirks().mixed_case));
            (StatusCode::OK, Json(guest)).into_response()
        }
        Err(refused) => refused.within(settings.errors_in_200).into_response(),
    }
}

/// `PUT /v1/guests/{id}`: the whole guest, so that what is left out is wiped.
pub(super) async fn replace(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    body: Option<Json<Value>>,
) -> Answer {
    let settings = server.settings();
    let refuse = |refused: Refused| refused.within(settings.errors_in_200);
    let id = id.to_lowercase();
    let Some(Json(body)) = body else {
        return Err(Refused::invalid(503, "The body is missing."));
    };
    let known = server.practice.visible_patient(&id).ok_or_else(|| refuse(Refused::no_guest()))?;
    let new = guest_body::read(&body, &settings).map_err(refuse)?;
    unique(&server, &new, None, Some(&id)).map_err(refuse)?;
    let old = &known.version.state;
    let (employee, referral) = (&body["primary_employee"], &body["referral"]);
    let new = PatientState {
        chart: old.chart,
        location: old.location,
        status: old.status,
        general_practitioner: old.general_practitioner.filter(|_| !employee.is_null()),
        referral_source: old.referral_source.filter(|_| !referral.is_null()),
        ..new
    };
    let guest = guest_json::guest(&id, &new, server.quirks().mixed_case);
    server.practice.update_patient(&id.as_str().into(), |state| *state = new);
    Ok(Json(guest))
}

/// Refuses a guest whose code, mobile number or e-mail address another one has.
fn unique(
    server: &Server,
    new: &PatientState,
    code: Option<&str>,
    own: Option<&str>,
) -> Result<(), Refused> {
    let mobile = |state: &PatientState| {
        let phone = state.phones.iter().find(|phone| phone.usage == PhoneUse::Mobile)?;
        Some(phone::international(&phone.number))
    };
    let email = |state: &PatientState| Some(state.emails.first()?.address.to_lowercase());
    let view = server.practice.patients_view();
    let others =
        || view.rows.iter().filter(|row| own != Some(&*row.id)).map(|row| &row.version.state);
    if code.is_some_and(|code| others().any(|other| other.chart.to_string() == code)) {
        return Err(Refused::guest(441, "The guest code already exists."));
    }
    if email(new).is_some() && others().any(|other| email(other) == email(new)) {
        return Err(Refused::guest(442, "The e-mail address already exists."));
    }
    let phones = server.settings().unique_phones;
    if phones && mobile(new).is_some() && others().any(|other| mobile(other) == mobile(new)) {
        return Err(Refused::guest(441, "The mobile number already exists."));
    }
    Ok(())
}
