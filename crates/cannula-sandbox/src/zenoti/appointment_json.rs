//! Appointments as the vendor prints them.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::{Value, json};

use super::{
    centers::service_json,
    guest_json::{NEVER, gender},
    ids::{CENTER, guid_of, shown, therapist},
    phone,
    visit::Visit,
};
use crate::practice::{PatientState, ZONE, instant_of};

/// A time without its offset.
pub(super) fn plain(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// A time of the practice's wall, as UTC without its offset.
pub(super) fn utc(local: NaiveDateTime) -> String {
    plain(instant_of(local))
}

pub(super) fn wall(local: NaiveDateTime) -> String {
    local.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// One appointment of a group: here `start_time` is local and `start_time_utc` is not.
pub(super) fn appointment(
    visit: &Visit,
    index: usize,
    guest: Option<&PatientState>,
    mixed: bool,
) -> Value {
    let Some(service) = visit.services.get(index) else { return Value::Null };
    let entered = visit.entered.with_timezone(&ZONE).naive_local();
    let is_block = visit.guest.is_none();
    let (progress, status) = (visit.progress(), visit.status());
    let extended = index == 0 && visit.services.iter().any(|service| service.add_on);
    let name = service.name.as_deref().filter(|_| !is_block);
    let id = |id: &str| shown(id, mixed);
    let mut json = json!({
        "appointment_id": id(&service.id),
        "appointment_segment_id": null,
        "appointment_group_id": if is_block { Value::Null } else { json!(id(&visit.group())) },
        "invoice_id": if is_block { Value::Null } else { json!(id(&visit.invoice())) },
        "service": name.map(|name| service_json(name, service.add_on, extended, mixed)),
        "start_time": wall(service.start),
        "start_time_utc": utc(service.start),
        "end_time": wall(service.end),
        "end_time_utc": utc(service.end),
        "status": if is_block { 10 } else { status },
        "source": 0,
        "progress": progress,
        "locked": false,
        "invoice_locked": visit.paid,
        "guest": guest_block(visit, guest, mixed),
        "therapist": visit.state.practitioner.map(|who| json!({
            "id": id(&therapist(who.id)), "first_name": who.given, "last_name": who.family,
            "nick_name": null, "display_name": null,
        })),
        "room": null,
        "equipment": null,
        "service_custom_data_indicator": "1#1#0#0#0#1#1",
        "notes": null,
        "price": null,
        "actual_start_time": (progress > 0).then(|| wall(service.start)),
        "actual_completed_time": (progress == 2).then(|| wall(service.end)),
        "checkin_time": (status == 2).then(|| wall(service.start)),
        "therapist_preference_type": 0,
        "blockout": is_block.then(|| json!({
            "id": guid_of("blockout", &visit.record),
            "name": visit.state.kind.as_ref().map(|kind| kind.name.clone()),
        })),
        "creation_date": wall(entered),
        "creation_date_utc": plain(visit.entered),
        "show_in_calender": 1,
        "selected_time": NEVER,
        "error": null,
    });
    if service.add_on {
        let parent = visit.services.first().map(|first| id(&first.id));
        json["service"]["parent_appointment_id"] = json!(parent);
    }
    json
}

fn guest_block(visit: &Visit, guest: Option<&PatientState>, mixed: bool) -> Option<Value> {
    let (id, state) = (visit.named.as_ref()?, guest?);
    let mobile = state.phones.first().map(|phone| phone::display(&phone.number));
    Some(json!({
        "id": shown(id.as_str(), mixed),
        "first_name": state.given,
        "last_name": state.family,
        "gender": gender(state),
        "mobile": { "country_id": 0, "number": null, "display_number": mobile },
        "email": state.emails.first().map(|email| email.address.clone()),
        "indicator": "1@2@0@1@0@0@0@1@1@0@0@0@2@0",
        "GuestIndicatorValue": null,
    }))
}

/// A group as the list of a guest's appointments prints it.
pub(super) fn group(visit: &Visit, mixed: bool) -> Value {
    let services = visit.services.iter().map(|service| {
        let name = service.name.as_deref().unwrap_or_default();
        json!({
            "appointment_id": shown(&service.id, mixed),
            "invoice_item_id": guid_of("item", &service.id),
            "service": service_json(name, service.add_on, false, mixed),
            "start_time": wall(service.start),
            "end_time": wall(service.end),
            "room": null,
            "equipment": null,
            "appointment_status": visit.status(),
            "requested_therapist_id": visit.state.practitioner.map(|who| therapist(who.id)),
            "progress": visit.progress(),
            "parent_appointment_id": null,
            "service_custom_Data": null,
            "is_addon": service.add_on,
        })
    });
    json!({
        "appointment_group_id": shown(&visit.group(), mixed),
        "no_of_guests": 1,
        "invoice_id": shown(&visit.invoice(), mixed),
        "invoice_status": if visit.paid { 4 } else { 0 },
        "is_rebooking": false,
        "notes": null,
        "center_id": shown(CENTER, mixed),
        "appointment_services": services.collect::<Vec<_>>(),
        "appointment_packages": [],
        "price": { "currency_id": 0, "sales": 0, "tax": 0, "final": 0 },
        "group_invoice_id": null,
        "is_feedback_submitted": false,
    })
}
