//! Invoices and memberships.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
};
use cannula_core::RecordId;
use serde_json::{Value, json};

use super::{
    Server, book::InvoiceState, ids, invoice_json, membership_json, query::Query, reply::Refused,
    visit::Visit,
};

type Answer = Result<Json<Value>, Refused>;

/// `GET /v1/invoices/{id}`: blocks come only when they are asked for.
pub(super) async fn read(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let (query, id) = (Query::of(&uri), id.to_lowercase());
    let Some((state, visit)) = find(&server, &id) else {
        return Err(Refused::no_invoice().within(server.settings().errors_in_200));
    };
    let left = server.practice.look(|inner, now| inner.zenoti.survivor(&state.guest, now));
    let guest = server.practice.patient(&left);
    let mixed = server.quirks().mixed_case;
    let mut invoice = invoice_json::invoice(&id, &state, guest.as_ref(), mixed);
    if query.expands("InvoiceItems") {
        invoice["invoice_items"] = invoice_json::items(&id, &state, mixed);
    }
    if query.expands("Transactions") {
        invoice["transactions"] = invoice_json::transactions(&state);
    }
    if query.expands("Appointments") {
        invoice["appointments"] = invoice_json::appointments(visit.as_ref(), mixed);
    }
    Ok(Json(json!({ "invoice": invoice, "error": null })))
}

/// An invoice as it is now, with the visit that it is for. Those that nobody touched are open and
/// follow from their visit.
pub(super) fn find(server: &Server, id: &str) -> Option<(InvoiceState, Option<Visit>)> {
    let known = server.practice.look(|inner, now| {
        let state = inner.zenoti.invoice(id, now)?;
        let guest = inner.zenoti.named(&state.guest, now);
        Some(InvoiceState { guest, ..state })
    });
    let Some(state) = known else {
        let visit = server.practice.find_visit(|record| ids::invoice(record) == id)?;
        return Some((visit.open_invoice()?, Some(visit)));
    };
    let visit = state.appointment.as_ref().and_then(|appointment: &RecordId| {
        server.practice.find_visit(|record| record == appointment.as_str())
    });
    Some((state, visit))
}

/// `GET /v1/guests/{id}/memberships`.
pub(super) async fn memberships(
    State(server): State<Arc<Server>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let in_200 = server.settings().errors_in_200;
    let here = Query::of(&uri).center().map_err(|refused| refused.within(in_200))?;
    let guest = server.practice.look(|inner, now| inner.zenoti.led_to(&id, now));
    let Some(state) = server.practice.patient(&guest) else {
        return Err(Refused::no_guest().within(in_200));
    };
    let mixed = server.quirks().mixed_case;
    let rows = server.practice.look(|inner, now| {
        let view = inner.zenoti.memberships.view(now);
        let own = view
            .rows
            .iter()
            .filter(|row| here && inner.zenoti.survivor(&row.version.state.guest, now) == guest);
        let rows = own.map(|row| {
            let seller = inner.zenoti.invoice(row.version.state.invoice.as_str(), now);
            let number = seller.map_or(0, |invoice| invoice.number);
            let named = inner.zenoti.named(&row.version.state.guest, now);
            membership_json::membership(&row.id, &row.version.state, &named, &state, number, mixed)
        });
        rows.collect::<Vec<_>>()
    });
    Ok(Json(json!({ "guest_memberships": rows, "error": null })))
}
