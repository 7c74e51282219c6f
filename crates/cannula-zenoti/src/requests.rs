//! What is asked of Zenoti, as values.

use cannula_http::{Request, segment};
use chrono::NaiveDate;

/// The largest page: a larger one is refused with 422.
pub(crate) const PAGE: u64 = 100;

/// The cheapest call that needs good credentials, and the names of the centers.
pub(crate) fn centers() -> Request {
    Request::get("list centers", "v1/centers").query("size", PAGE.to_string())
}

/// Zenoti's numbers of countries.
pub(crate) fn countries() -> Request {
    Request::get("list countries", "v1/countries")
}

/// A guest.
pub(crate) fn guest(id: &str) -> Request {
    Request::get("get guest", format!("v1/guests/{}", segment(id)))
}

/// Guests of a center that changed on or after a day.
pub(crate) fn changed_guests(center: &str, since: NaiveDate, page: u64) -> Request {
    Request::get("list changed guests", "v1/guests")
        .query("center_id", center)
        .query("last_updated", since.to_string())
        .query("page", page.to_string())
        .query("size", PAGE.to_string())
}

/// Guests of a center that were merged from one day to another.
pub(crate) fn merges(center: &str, from: NaiveDate, to: NaiveDate) -> Request {
    Request::get("list merged guests", "v1/guests/merge_history")
        .query("start_date", from.to_string())
        .query("end_date", to.to_string())
        .query("center_id", center)
}

/// Guests by one or two of their properties; without a center where the organisation allows it.
pub(crate) fn search(center: Option<&str>, by: Vec<(&'static str, String)>, page: u64) -> Request {
    let mut request = Request::get("search guests", "v1/guests/search");
    if let Some(center) = center {
        request = request.query("center_id", center);
    }
    for (name, value) in by {
        request = request.query(name, value);
    }
    request.query("page", page.to_string()).query("size", PAGE.to_string())
}

/// Makes a guest. Not repeatable: Zenoti has no idempotency keys.
pub(crate) fn create_guest(body: &impl serde::Serialize) -> Request {
    Request::post("create guest", "v1/guests").json(body)
}

/// The most days that one list may span.
pub(crate) const SPAN: u64 = 7;

/// All services at a center from one day to another, blocks and what was dropped included.
pub(crate) fn appointments(center: &str, from: NaiveDate, to: NaiveDate) -> Request {
    Request::get("list appointments", "v1/appointments")
        .query("center_id", center)
        .query("start_date", from.to_string())
        .query("end_date", to.to_string())
        .query("include_no_show_cancel", "true")
}

/// The bookings of a guest.
pub(crate) fn appointments_of(guest: &str, from: NaiveDate, to: NaiveDate, page: u64) -> Request {
    Request::get(
        "list a guest's appointments",
        format!("v1/guests/{}/appointments", segment(guest)),
    )
    .query("page", page.to_string())
    .query("size", PAGE.to_string())
    .query("start_date", from.to_string())
    .query("end_date", to.to_string())
}

/// An invoice with what was sold.
pub(crate) fn invoice(id: &str) -> Request {
    Request::get("get invoice", format!("v1/invoices/{}", segment(id)))
        .query("expand", "InvoiceItems")
        .query("expand", "Transactions")
}

/// An invoice with the services it is for.
pub(crate) fn invoice_with_appointments(id: &str) -> Request {
    Request::get("get an invoice's appointments", format!("v1/invoices/{}", segment(id)))
        .query("expand", "Appointments")
}

/// The memberships of a guest. An API key must name a center.
pub(crate) fn memberships(guest: &str, center: &str) -> Request {
    Request::get("list memberships", format!("v1/guests/{}/memberships", segment(guest)))
        .query("center_id", center)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_zenotis_documentation_has_them() {
        let day = |text: &str| text.parse().unwrap();
        let requests = [
            centers(),
            countries(),
            guest("50000000-0000-4000-8000-000000000001"),
            changed_guests("c-1", day("2026-03-01"), 2),
            merges("c-1", day("2026-03-01"), day("2026-03-05")),
            search(Some("c-1"), vec![("email", "a+b@example.test".to_owned())], 1),
            search(None, vec![("first_name", "Ada".into()), ("last_name", "Quill".into())], 1),
            create_guest(&serde_json::json!({ "center_id": "c-1" })),
            appointments("c-1", day("2026-03-01"), day("2026-03-07")),
            appointments_of("p/1", day("2026-03-01"), day("2026-09-07"), 1),
            invoice("i-1"),
            invoice_with_appointments("i-1"),
            memberships("p-1", "c-1"),
        ];
        let shown = requests.map(|request| {
            let query: Vec<_> =
                request.query_pairs().iter().map(|(name, it)| format!("{name}={it}")).collect();
            let again = if request.is_repeatable() { "" } else { ", once" };
            format!(
                "{}: {} {} [{}]{again}",
                request.operation(),
                request.method(),
                request.path(),
                query.join(" "),
            )
        });
        insta::assert_snapshot!(shown.join("\n"));
    }
}
