//! The practice in PatientNow's shapes: PascalCase, local times without an offset, money as
//! decimal numbers.

use cannula_core::{AppointmentStatus, MembershipStatus, Money, Named, PatientId, PhoneUse};
use chrono::{DateTime, Months, NaiveDateTime, Utc};
use serde_json::{Map, Value, json};

use super::{
    ids,
    order::{OrderState, OrderStatus, PatientNowMembership, cents, main_location},
};
use crate::practice::{AppointmentState, Inner, PatientState, Spoil, Version, Visible, ZONE};

/// A local date and time, with milliseconds only where there are some.
pub(super) fn local(at: NaiveDateTime) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.f").to_string()
}

/// An instant on the practice's wall.
pub(super) fn wall(at: DateTime<Utc>) -> String {
    local(at.with_timezone(&ZONE).naive_local())
}

/// A number with the digits of the amount.
pub(super) fn amount(money: Money) -> Value {
    // Reading it as a float and printing the shortest text gives the same digits again.
    json!(money.decimal().parse::<f64>().unwrap_or_default())
}

/// An id as the number it is.
pub(super) fn number(id: &str) -> Value {
    id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number))
}

pub(super) fn customer_id(inner: &Inner, id: &PatientId) -> Value {
    ids::customer_of(&inner.patients, id.as_str()).map_or(Value::Null, |id| number(&id))
}

pub(super) fn customer(inner: &Inner, row: &Visible<PatientState>) -> Value {
    let state = &row.version.state;
    let phone = |usage| {
        let phone = state.phones.iter().find(|phone| phone.usage == usage);
        json!(phone.map(|phone| &phone.number))
    };
    let text = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
    let customer = json!({
        "CustomerId": customer_id(inner, &PatientId::new(&*row.id)),
        "CompanyId": state.location.unwrap_or_else(main_location).id,
        "FirstName": state.given,
        "LastName": state.family,
        "MiddleName": null,
        "Email": state.emails.first().map(|email| &email.address),
        "MobilePhone": phone(PhoneUse::Mobile),
        "HomePhone": phone(PhoneUse::Home),
        "WorkPhone": phone(PhoneUse::Work),
        "Birthday": format!("{}T00:00:00", state.birth_date),
        "Gender": gender(state.gender),
        "Addr1": text(&state.address.line),
        "Addr2": null,
        "City": text(&state.address.city),
        "State": text(&state.address.state),
        "Zipcode": text(&state.address.postal_code),
        "Deleted": false,
        "CreatedOn": wall(row.entered),
        "UpdatedOn": wall(row.version.at),
    });
    spoilt(customer, row.spoil, "CustomerId", "Birthday")
}

fn gender(gender: &str) -> &str {
    match gender {
        "female" => "Female",
        "male" => "Male",
        "other" => "Other",
        _ => "Unknown",
    }
}

/// The status in PatientNow's word; `None` for a booking that is only held, which is not shown.
/// Every third patient who is there is in a treatment room already.
pub(super) fn status(id: &str, state: &AppointmentState) -> Option<&'static str> {
    Some(match &state.status {
        AppointmentStatus::Proposed => return None,
        AppointmentStatus::Confirmed => "Confirmed",
        AppointmentStatus::Arrived if number(id).as_u64().is_some_and(|id| id % 3 == 0) => {
            "InService"
        }
        AppointmentStatus::Arrived => "CheckedIn",
        AppointmentStatus::Fulfilled => "Completed",
        AppointmentStatus::NoShow => "NoShow",
        AppointmentStatus::Cancelled | AppointmentStatus::EnteredInError => "Cancelled",
        _ => "Booked",
    })
}

/// The services of a visit, first the one it was booked for.
pub(super) fn services(inner: &Inner, id: &str, state: &AppointmentState) -> Vec<Named> {
    state.kind.iter().chain(inner.patientnow.also.get(id)).cloned().collect()
}

pub(super) fn appointment(inner: &Inner, row: &Visible<AppointmentState>) -> Option<Value> {
    let state = &row.version.state;
    let status = status(&row.id, state)?;
    let who = state.practitioner;
    let services = services(inner, &row.id, state).into_iter().map(|service| {
        json!({
            "ServiceId": service.id.as_deref().map(number),
            "ServiceName": service.name,
            "EmployeeId": who.map(|who| who.id),
            "EmployeeName": who.map(|who| format!("{} {}", who.given, who.family)),
        })
    });
    let place = state.location.unwrap_or_else(main_location);
    let appointment = json!({
        "AppointmentId": number(&row.id),
        "CustomerId": state.patient.as_ref().map(|id| customer_id(inner, id)),
        "CompanyId": place.id,
        "CompanyName": place.name,
        "Status": status,
        "StartTime": local(state.start),
        "EndTime": local(state.end()),
        "Services": services.collect::<Vec<_>>(),
        "CreatedOn": wall(row.entered),
        "UpdatedOn": wall(row.version.at),
    });
    Some(spoilt(appointment, row.spoil, "AppointmentId", "StartTime"))
}

fn spoilt(mut record: Value, spoil: Option<Spoil>, id: &str, date: &str) -> Value {
    match spoil {
        None => {}
        Some(Spoil::NotADate) => record[date] = json!("not a date"),
        Some(Spoil::NoId) => {
            record.as_object_mut().and_then(|record| record.remove(id));
        }
        Some(Spoil::NotAnObject) => record = json!("(record could not be read)"),
    }
    record
}

pub(super) fn order(inner: &Inner, id: &str, version: &Version<OrderState>) -> Value {
    let state = &version.state;
    let (full, net) = state.subtotals();
    let (paid, due) = match state.status {
        OrderStatus::Open => (cents(0), state.total()),
        OrderStatus::Closed => (cents(state.total().minor() - state.due.minor()), state.due),
        OrderStatus::Voided | OrderStatus::Refunded => (cents(0), cents(0)),
    };
    json!({
        "OrderId": number(id),
        "CustomerId": customer_id(inner, &state.patient),
        "CompanyId": state.location.id,
        "Status": state.status.word(),
        "OrderDate": wall(state.opened),
        "ClosedOn": state.closed.map(wall),
        "SubTotal": amount(full),
        "Discount": amount(cents(full.minor() - net.minor())),
        "Tax": amount(cents(0)),
        "Tip": amount(state.tip),
        "Total": amount(state.total()),
        "AmountPaid": amount(paid),
        "BalanceDue": amount(due),
        "Lines": lines(state),
        "UpdatedOn": wall(version.at),
    })
}

fn lines(state: &OrderState) -> Vec<Value> {
    let numbered = state.lines.iter().zip(1..);
    let line = numbered.map(|(line, number): (_, u32)| {
        json!({
            "LineId": number,
            "Type": line.kind.word(),
            "ItemId": line.item,
            "Name": line.name,
            "Quantity": line.quantity,
            "UnitPrice": amount(line.price),
            "Total": amount(line.total()),
        })
    });
    line.collect()
}

/// What a closed order adds to the purchases of its customer: a row for each line.
pub(super) fn purchases(id: &str, state: &OrderState) -> Vec<Value> {
    let row = |line: &super::order::OrderLine| {
        json!({
            "OrderId": number(id),
            "Date": state.closed.map(|at| super::book::local_date(at).to_string()),
            "Description": line.name,
            "Quantity": line.quantity,
            "Amount": amount(line.total()),
            "Type": line.kind.word(),
        })
    };
    let closed = state.status == OrderStatus::Closed;
    state.lines.iter().filter(|_| closed).map(row).collect()
}

pub(super) fn membership(inner: &Inner, row: &Visible<PatientNowMembership>) -> Value {
    let state = &row.version.state;
    let next = state.start.checked_add_months(Months::new(1));
    let next = next.filter(|_| state.status == MembershipStatus::Active);
    let mut membership = Map::new();
    for (name, value) in [
        ("CustomerMembershipId", number(&row.id)),
        ("CustomerId", customer_id(inner, &state.patient)),
        ("MembershipId", json!(state.plan)),
        ("Name", json!(state.name)),
        ("Status", json!(state.status.label())),
        ("StartDate", json!(state.start)),
        ("NextBillDate", json!(next)),
        ("EndDate", json!(state.end)),
        ("Price", amount(state.price)),
        ("OrderId", number(state.order.as_str())),
        ("UpdatedOn", json!(wall(row.version.at))),
    ] {
        membership.insert(name.to_owned(), value);
    }
    Value::Object(membership)
}
