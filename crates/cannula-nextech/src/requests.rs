//! What is asked of Nextech, as values.

use cannula_core::{PatientId, RecordKind};
use cannula_http::{Request, segment};
use chrono::{DateTime, SecondsFormat, Utc};
use url::Url;

/// Records of `kind` changed at or after `since`. No filter by status: that would drop rows
/// without one. Stamps are sent in whole seconds and in UTC, as a `+` in an offset is often read
/// as a space.
pub(crate) fn search(kind: RecordKind, since: DateTime<Utc>, page_size: u32) -> Request {
    let since = since.to_rfc3339_opts(SecondsFormat::Secs, true);
    Request::get(search_operation(kind), resource(kind))
        .endpoint(resource(kind))
        .query("_lastUpdated", format!("ge{since}"))
        .query("_count", page_size.to_string())
}

/// The next page, by the link of the page before.
pub(crate) fn next_page(kind: RecordKind, link: Url) -> Request {
    Request::link(search_operation(kind), link).endpoint(resource(kind))
}

/// A patient by id.
pub(crate) fn patient(id: &str) -> Request {
    Request::get("get patient", format!("Patient/{}", segment(id))).endpoint("Patient")
}

/// An appointment by id. Neither product documents a read by id; the search does the same.
pub(crate) fn appointment(id: &str) -> Request {
    Request::get("get appointment", "Appointment").endpoint("Appointment").query("identifier", id)
}

/// A payment by id. A read by id came to Select late; the search does the same.
pub(crate) fn payment(id: &str) -> Request {
    Request::get("get payment", PAYMENTS).endpoint(PAYMENTS).query("identifier", id)
}

pub(crate) const PAYMENTS: &str = "PaymentReconciliation";

/// All payments of a patient, whenever they changed.
pub(crate) fn payments_of(patient: &PatientId, page_size: u32) -> Request {
    Request::get("list a patient's payments", PAYMENTS)
        .endpoint(PAYMENTS)
        .query("patient", patient.as_str())
        .query("_count", page_size.to_string())
}

/// The next page of what `request` asked for, by a link that was checked.
pub(crate) fn next(request: &Request, link: Url) -> Request {
    Request::link(request.operation(), link).endpoint(request.endpoint_name())
}

/// The cheapest call that needs token and practice to be good.
pub(crate) fn check() -> Request {
    Request::get("check access", "Location").endpoint("Location").query("_count", "1")
}

fn resource(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Patient => "Patient",
        RecordKind::Payment => PAYMENTS,
        _ => "Appointment",
    }
}

fn search_operation(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::Patient => "search patients",
        RecordKind::Payment => "search payments",
        _ => "search appointments",
    }
}

/// Requests as snapshots have them.
#[cfg(test)]
pub(crate) fn shown(requests: &[Request]) -> String {
    let show = |request: &Request| {
        let query: Vec<_> =
            request.query_pairs().iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!(
            "{}: {} {} [{}] bucket {}",
            request.operation(),
            request.method(),
            request.path(),
            query.join(" "),
            request.endpoint_name()
        )
    };
    requests.iter().map(show).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_nextechs_documentation_has_them() {
        let since = "2031-05-06T13:53:00.999Z".parse().unwrap();
        let link = "https://select.nextech-api.com/api/Patient?_getpagesoffset=50";
        let requests = [
            search(RecordKind::Appointment, since, 50),
            search(RecordKind::Patient, since, 10),
            next_page(RecordKind::Patient, link.parse().unwrap()),
            patient("0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47"),
            appointment("70411"),
            check(),
            search(RecordKind::Payment, since, 50),
            payment("88120"),
            payments_of(&"0b6f3c1e-7d52-4c58-9a11-5f0e2ad91c47".into(), 50),
            next(
                &payments_of(&"p".into(), 50),
                link.replace("/Patient", "/PaymentReconciliation").parse().unwrap(),
            ),
        ];
        insta::assert_snapshot!(shown(&requests));
    }
}
