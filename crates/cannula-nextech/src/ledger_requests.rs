//! What the ledger is asked, as values.

use cannula_core::{LedgerInfo, NewPayment, Result};
use cannula_http::{Request, segment};
use chrono::{Days, NaiveDate};

use crate::{new_payments::NewPayments, payment_body, profile::Product, requests::PAYMENTS};

/// How many days a search reaches beyond the days that are meant. Nextech compares moments in UTC
/// and may take a date for its first moment, while the days meant are the practice's.
const MARGIN: Days = Days::new(2);

/// All payments dated `from` to `to` on the practice's calendar, and some more. No filter by
/// status: voided rows are wanted.
pub(crate) fn between(from: NaiveDate, to: NaiveDate, page_size: u32) -> Request {
    let first = from.checked_sub_days(MARGIN).unwrap_or(NaiveDate::MIN);
    let last = to.checked_add_days(MARGIN).unwrap_or(NaiveDate::MAX);
    dated("list the practice's payments", first, page_size)
        .query("payment-date", format!("le{last}"))
}

/// Payments dated `from` or later, for the words on them.
pub(crate) fn recent(from: NaiveDate, page_size: u32) -> Request {
    dated("list recent payments", from, page_size)
}

fn dated(operation: &'static str, from: NaiveDate, page_size: u32) -> Request {
    Request::get(operation, PAYMENTS)
        .endpoint(PAYMENTS)
        .query("_count", page_size.to_string())
        .query("payment-date", format!("ge{from}"))
}

/// Puts a payment on a patient's ledger. Not repeatable: nothing in it tells the server that it is
/// the same one.
pub(crate) fn post(
    product: Product,
    info: &LedgerInfo,
    practice: &NewPayments,
    payment: &NewPayment,
) -> Result<Request> {
    let body = payment_body::body(product.profile(), info, practice, payment)?;
    let path = format!("Patient/{}/{PAYMENTS}", segment(payment.patient.as_str()));
    Ok(Request::post(POST, path).endpoint(PAYMENTS).json(&body))
}

/// The operation of posting a payment.
pub(crate) const POST: &str = "post payment";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests;

    #[test]
    fn requests_are_as_nextechs_documentation_has_them() {
        let day = |text: &str| text.parse().unwrap();
        let link = "https://a.test/api/PaymentReconciliation?p=2".parse().unwrap();
        let requests = [
            between(day("2031-05-06"), day("2031-05-07"), 50),
            recent(day("2031-02-05"), 10),
            requests::next(&recent(day("2031-02-05"), 10), link),
        ];
        insta::assert_snapshot!(requests::shown(&requests));
    }
}
