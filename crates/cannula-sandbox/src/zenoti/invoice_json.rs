//! Invoices as the vendor prints them, in its API and in its webhooks.

use serde_json::{Value, json};

use super::{
    appointment_json::{utc, wall},
    book::{InvoiceItem, InvoiceState, ItemKind},
    ids::{CENTER, group, guid_of, service, shown, therapist},
    phone,
    visit::Visit,
};
use crate::practice::{PatientState, instant_of};

/// An invoice without the blocks that have to be asked for.
pub(super) fn invoice(
    id: &str,
    state: &InvoiceState,
    guest: Option<&PatientState>,
    mixed: bool,
) -> Value {
    let midnight = instant_of(state.date.and_time(chrono::NaiveTime::MIN));
    let group = state.appointment.as_ref().map(|it| shown(&group(it.as_str()), mixed));
    let net = state.items.iter().map(|item| item.price).sum::<super::Amount>();
    let tax = state.items.iter().map(|item| item.tax).sum::<super::Amount>();
    json!({
        "id": shown(id, mixed),
        "invoice_number": state.number.to_string(),
        "receipt_number": receipt(state),
        "appointment_group_id": group,
        "lock": state.closed,
        "is_closed": state.closed,
        "is_refund": state.refund,
        "invoice_date": super::appointment_json::plain(midnight),
        "center_id": shown(CENTER, mixed),
        "total_price": {
            "currency_id": 0, "net_price": net.json(), "tax": tax.json(),
            "rounding_adjustment": 0, "sum_total": state.total().json(),
        },
        "guest": guest.map(|guest| guest_block(state, guest, mixed)),
    })
}

fn receipt(state: &InvoiceState) -> String {
    if state.closed { format!("R{}", state.number) } else { "0".to_owned() }
}

fn guest_block(state: &InvoiceState, guest: &PatientState, mixed: bool) -> Value {
    json!({
        "id": shown(state.guest.as_str(), mixed),
        "first_name": guest.given,
        "last_name": guest.family,
        "gender": super::guest_json::gender(guest),
        "code": guest.chart.to_string(),
        "mobile_phone": guest.phones.first().map(|it| phone::display(&it.number)),
        "guest_email": guest.emails.first().map(|it| it.address.clone()),
    })
}

/// What is on it, each with its price as numbers with up to four decimals.
pub(super) fn items(id: &str, state: &InvoiceState, mixed: bool) -> Value {
    let items = state.items.iter().enumerate().map(|(index, item)| {
        let InvoiceItem { name, kind, price, tax } = item;
        let sold = match kind {
            ItemKind::Service => service(name),
            ItemKind::Product | ItemKind::Membership => guid_of("article", name),
        };
        json!({
            "invoice_item_id": shown(&guid_of("item", &format!("{id}/{index}")), mixed),
            "id": shown(&sold, mixed),
            "name": name,
            "type": kind.code(),
            "code": format!("C{}", super::ids::hash(name) % 10_000),
            "price": {
                "currency_id": 148, "sales": price.json(), "tax": tax.json(),
                "final": super::Amount(price.0 + tax.0).json(), "discount": 0,
            },
            "quantity": 1,
        })
    });
    Value::Array(items.collect())
}

/// How it was paid: one sum, or nothing yet.
pub(super) fn transactions(state: &InvoiceState) -> Value {
    let paid = state.total().json();
    if state.closed {
        json!([{ "amount_paid": paid, "total_amount_paid": paid }])
    } else {
        json!([])
    }
}

/// The appointments of its visit: here `start_time` is UTC, as in webhooks.
pub(super) fn appointments(visit: Option<&Visit>, mixed: bool) -> Value {
    let Some(visit) = visit else { return json!([]) };
    Value::Array((0..visit.services.len()).map(|index| line(visit, index, mixed)).collect())
}

/// One appointment as events of invoices and of progress have it, misspelt as it is.
pub(super) fn line(visit: &Visit, index: usize, mixed: bool) -> Value {
    let Some(service) = visit.services.get(index) else { return Value::Null };
    let minutes = (service.end - service.start).num_minutes();
    let who = visit.state.practitioner;
    json!({
        "id": shown(&service.id, mixed),
        "invoice_item_id": shown(&guid_of("item", &service.id), mixed),
        "service_name": service.name,
        "service_id": service.name.as_deref().map(|name| shown(&super::ids::service(name), mixed)),
        "start_time": utc(service.start),
        "end_time": utc(service.end),
        "serviceduration_in_miutes": minutes,
        "has_add_ons": index == 0 && visit.services.iter().any(|it| it.add_on),
        "is_add_on": service.add_on,
        "therapist_name": who.map(|who| format!("{} {}", who.given, who.family)),
        "TherapistId": who.map(|who| shown(&therapist(who.id), mixed)),
        "is_recurring": false,
        "appointment_type": 2,
        "therapist_request_type": 3,
        "room_name": "",
        "equipment_name": "",
    })
}

/// One appointment as events of groups have it: UTC, and the center's own time beside it.
pub(super) fn booked(visit: &Visit, index: usize, mixed: bool) -> Value {
    let Some(service) = visit.services.get(index) else { return Value::Null };
    let mut line = line(visit, index, mixed);
    if let Value::Object(line) = &mut line {
        let minutes = line.remove("serviceduration_in_miutes");
        let who = line.remove("TherapistId");
        line.insert("service_duration_in_minutes".to_owned(), minutes.unwrap_or_default());
        line.insert("therapist_id".to_owned(), who.unwrap_or_default());
    }
    line["start_time_in_center"] = json!(wall(service.start));
    line["end_time_in_center"] = json!(wall(service.end));
    line["creation_date"] = json!(super::appointment_json::plain(visit.entered));
    line["last_updated_on"] = json!(super::appointment_json::plain(visit.changed));
    line["show_in_calendar"] = json!(true);
    line["room_id"] = Value::Null;
    line
}
