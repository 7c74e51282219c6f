//! Appointments: the list of a center, one alone, those of a guest.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use serde_json::{Value, json};

use super::{
    Server, appointment_json, ids,
    query::Query,
    reply::{Refused, page},
    visit::Visit,
};
use crate::practice::Spoil;

type Answer = Result<Json<Value>, Refused>;

/// `GET /v1/appointments`: a bare array of everything that starts at a center on at most seven
/// days. Blocks come along, and what left the book only if asked for.
pub(super) async fn list(State(server): State<Arc<Server>>, uri: Uri) -> Answer {
    let query = Query::of(&uri);
    let in_200 = server.settings().errors_in_200;
    let here = query.center().map_err(|refused| refused.within(in_200))?;
    let (from, to) = (query.need_date("start_date")?, query.need_date("end_date")?);
    if to < from || (to - from).num_days() > 7 {
        return Err(Refused::invalid(422, "The dates must not be more than 7 days apart."));
    }
    let quirks = server.quirks();
    let all = query.is_true("include_no_show_cancel");
    let therapist = query.text("therapist_id").map(str::to_lowercase);
    let view = server.practice.appointments_view();
    let mut array = Vec::new();
    for row in view.rows.iter().filter(|row| here && (quirks.bad_rows || !row.phantom)) {
        let visit = server.practice.look(|inner, now| Visit::of(row, &inner.zenoti, now));
        let date = visit.state.start.date();
        let own = visit.state.practitioner.map(|who| ids::therapist(who.id));
        if !(from..=to).contains(&date)
            || (visit.off_the_book() && !all)
            || (therapist.is_some() && therapist != own)
        {
            continue;
        }
        let guest = visit.guest.as_ref().and_then(|guest| server.practice.patient(guest));
        for index in 0..visit.services.len() {
            let mut one =
                appointment_json::appointment(&visit, index, guest.as_ref(), quirks.mixed_case);
            spoil(&mut one, row.spoil);
            array.push(one);
        }
    }
    // As in the vendor's own sample, the last one spells it differently.
    if let Some(Value::Object(last)) = array.last_mut()
        && let Some(error) = last.remove("error")
    {
        last.insert("Error".to_owned(), error);
    }
    Ok(Json(Value::Array(array)))
}

/// Makes a row unreadable.
fn spoil(one: &mut Value, spoil: Option<Spoil>) {
    match spoil {
        Some(Spoil::NotADate) => {
            one["start_time"] = json!("not a date");
            one["start_time_utc"] = json!("not a date");
        }
        Some(Spoil::NoId) => {
            one["appointment_id"] = Value::Null;
            one["appointment_group_id"] = Value::Null;
        }
        Some(Spoil::NotAnObject) => *one = json!("unavailable"),
        None => {}
    }
}

/// `GET /v1/appointments/{id}`: an object, or an array of one.
pub(super) async fn read(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Answer {
    let id = id.to_lowercase();
    let settings = server.settings();
    let extras = server.practice.look(|inner, _| inner.zenoti.extras.clone());
    let visit = server.practice.find_visit(|record| {
        let count = extras.get(record).map_or(0, Vec::len);
        (0..=count).any(|index| ids::appointment(record, index) == id)
    });
    let found = visit.as_ref().and_then(|visit| {
        let index = visit.services.iter().position(|service| service.id == id)?;
        let guest = visit.guest.as_ref().and_then(|guest| server.practice.patient(guest));
        let mixed = server.quirks().mixed_case;
        Some(appointment_json::appointment(visit, index, guest.as_ref(), mixed))
    });
    let one = found.ok_or_else(|| Refused::no_appointment().within(settings.errors_in_200))?;
    let array = settings.mixed_shapes && ids::hash(&id).is_multiple_of(2);
    Ok(Json(if array { json!([one]) } else { one }))
}

/// `GET /v1/guests/{id}/appointments`: groups, those that left the book among them.
pub(super) async fn of_guest(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let query = Query::of(&uri);
    let in_200 = server.settings().errors_in_200;
    let guest = server.practice.look(|inner, now| inner.zenoti.led_to(&id, now));
    if server.practice.patient(&guest).is_none() {
        return Err(Refused::no_guest().within(in_200));
    }
    let (from, to) = (query.date("start_date")?, query.date("end_date")?);
    let view = server.practice.appointments_view();
    let visits: Vec<Visit> = server.practice.look(|inner, now| {
        let rows = view.rows.iter().filter(|row| !row.phantom);
        let visits = rows.map(|row| Visit::of(row, &inner.zenoti, now));
        visits.filter(|visit| visit.guest.as_ref() == Some(&guest)).collect()
    });
    let within = |visit: &Visit| {
        let date = visit.state.start.date();
        from.is_none_or(|from| from <= date) && to.is_none_or(|to| date <= to)
    };
    let slice = page(&query, visits.into_iter().filter(within).collect())?;
    let mixed = server.quirks().mixed_case;
    let groups = slice.rows.iter().map(|visit| appointment_json::group(visit, mixed));
    let groups: Vec<Value> = groups.collect();
    Ok(Json(json!({ "appointments": groups, "page_info": slice.info, "error": null })))
}
