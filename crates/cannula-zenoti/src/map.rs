//! From Zenoti's words to the field's.

use cannula_core::{
    Currency, Membership, MembershipStatus, Money, Named, Patient, PatientId, Payer, Payment,
    PaymentKind, PaymentStatus, PersonName, Phi, Phone, PhoneUse,
};
use chrono::{Datelike, NaiveDate};

use crate::{
    amount::amount,
    codes::{InvoiceCode, MembershipCode},
    phone::Dialling,
    wire::{self, AnyPhone, filled},
};

/// What is wrong with a record: the JSON path, and what would be right, without the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) path: String,
    pub(crate) what: String,
}

impl Problem {
    pub(crate) fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { path: path.into(), what: what.into() }
    }
}

fn text(value: Option<&Phi<String>>) -> Option<Phi<String>> {
    let text = value?.expose().trim();
    (!text.is_empty()).then(|| Phi::new(text.to_owned()))
}

/// A guest. The gender is not read: 0 is a woman and also what stands there when nobody asked.
pub(crate) fn guest(guest: &wire::Guest, dialling: &Dialling) -> Result<Patient, Problem> {
    let id = guest.id.as_ref().ok_or_else(|| Problem::new("id", "is missing"))?;
    let nobody = wire::PersonalInfo::default();
    let info = guest.personal_info.as_ref().unwrap_or(&nobody);
    let phones = [
        (PhoneUse::Mobile, &info.mobile_phone),
        (PhoneUse::Work, &info.work_phone),
        (PhoneUse::Home, &info.home_phone),
    ];
    let phones = phones.into_iter().filter_map(|(usage, phone)| {
        let number = number(phone.as_ref()?, dialling)?;
        Some(Phone { usage, number, preferred: false })
    });
    Ok(Patient {
        id: PatientId::new(&**id),
        chart_number: text(guest.code.as_ref()),
        name: PersonName {
            given: text(info.first_name.as_ref()).unwrap_or_default(),
            family: text(info.last_name.as_ref()).unwrap_or_default(),
        },
        birth_date: birth_date(info).map(Phi::new),
        emails: text(info.email.as_ref()).into_iter().collect(),
        phones: phones.collect(),
        is_new: false,
    })
}

fn birth_date(info: &wire::PersonalInfo) -> Option<NaiveDate> {
    let no_year = info.dob_incomplete_year.as_ref().is_some_and(|year| !year.expose().is_null());
    let date = info.date_of_birth?.0.date();
    // 1 January 1900 and earlier stand for a date nobody knows.
    let is_placeholder = date.year() < 1900 || (date.year() == 1900 && date.ordinal() == 1);
    (!no_year && !is_placeholder).then_some(date)
}

fn number(phone: &AnyPhone, dialling: &Dialling) -> Option<Phi<String>> {
    match phone {
        AnyPhone::Text(number) => text(Some(number)),
        AnyPhone::Object(phone) => {
            let has_digits = |it: &Phi<String>| it.expose().chars().any(|it| it.is_ascii_digit());
            let Some(number) = text(phone.number.as_ref()).filter(has_digits) else {
                return text(phone.display_number.as_ref()).filter(has_digits);
            };
            let code = phone.phone_code.as_ref().and_then(wire::NumberOrText::digits);
            let code = code.or_else(|| dialling.code(phone.country_code?).map(str::to_owned));
            Some(match code {
                Some(code) if !number.expose().starts_with('+') => {
                    let digits = number.expose().chars().filter(char::is_ascii_digit);
                    Phi::new(format!("+{code}{}", digits.collect::<String>()))
                }
                _ => number,
            })
        }
    }
}

/// An invoice as one row of its guest's ledger, and its center.
pub(crate) fn payment(
    invoice: &wire::Invoice,
    location: Option<Named>,
    currency: Currency,
) -> Result<Payment, Problem> {
    let guest = invoice.guest.as_ref().and_then(|guest| guest.id.clone());
    let guest = guest.or_else(|| invoice.guest_id.clone());
    let voided = invoice.status == Some(InvoiceCode::Voided);
    // What is told as closed need not be: the invoice itself decides.
    let closed = match invoice.is_closed {
        Some(closed) => closed,
        None => invoice.status == Some(InvoiceCode::Closed),
    };
    let total = invoice.total_price.as_ref().and_then(|price| price.sum_total.as_deref());
    let total = amount(total, currency)
        .map_err(|what| Problem::new("invoice.total_price.sum_total", what))?;
    let amount = match total {
        Some(total) if closed || voided => signed(total, invoice.is_refund == Some(true)),
        None if closed && !voided => {
            return Err(Problem::new("invoice.total_price.sum_total", "is missing"));
        }
        _ => Money::zero(currency),
    };
    let items = invoice.invoice_items.iter().flatten();
    Ok(Payment {
        patient: guest.map(PatientId::new),
        kind: PaymentKind::Payment,
        payer: Payer::Patient,
        status: if voided { PaymentStatus::Voided } else { PaymentStatus::Active },
        amount,
        date: invoice.invoice_date.map(|date| date.0.date()),
        method: None,
        category: Some("Invoice".to_owned()),
        items: items.filter_map(|item| filled(item.name.as_ref())).map(str::to_owned).collect(),
        description: None,
        practitioner: None,
        location,
        corrections: Vec::new(),
    })
}

/// What goes back is negative, also where only a flag says that it goes back.
fn signed(total: Money, is_refund: bool) -> Money {
    if is_refund && !total.is_negative() {
        Money::from_minor(-total.minor(), total.currency())
    } else {
        total
    }
}

/// A membership. `guest` is whose list it is on.
pub(crate) fn membership(
    row: &wire::Membership,
    guest: &str,
    currency: Currency,
) -> Result<Membership, Problem> {
    let name = row.membership.as_ref().and_then(|it| filled(it.name.as_ref()));
    let name = name.ok_or_else(|| Problem::new("membership.name", "is missing"))?;
    let status = row.status.ok_or_else(|| Problem::new("status", "is missing"))?;
    let price = row.purchase.as_ref().and_then(|purchase| purchase.price.as_ref());
    let price = price.and_then(|price| price.last.as_deref().or(price.sales.as_deref()));
    let price =
        amount(price, currency).map_err(|what| Problem::new("purchase.price.final", what))?;
    Ok(Membership {
        patient: PatientId::new(row.guest_id.as_deref().unwrap_or(guest)),
        name: name.to_owned(),
        status: match status {
            MembershipCode::Active => MembershipStatus::Active,
            MembershipCode::Frozen => MembershipStatus::Frozen,
            MembershipCode::Cancelled => MembershipStatus::Cancelled,
            MembershipCode::Expired => MembershipStatus::Expired,
            other => MembershipStatus::Other(other.word()),
        },
        start: row.purchase.as_ref().and_then(|it| it.date).map(|date| date.0.date()),
        end: row.expiry_date.map(|date| date.0.date()),
        price,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn invoice(json: serde_json::Value) -> Result<Payment, Problem> {
        let invoice: wire::Invoice = serde_json::from_str(&json.to_string()).unwrap();
        payment(&invoice, None, Currency::USD)
    }

    #[test]
    fn only_a_closed_invoice_is_worth_something() {
        let minor = |json| invoice(json).map(|it| (it.amount.minor(), it.status)).ok();
        let total = json!({ "sum_total": 441.3333 });
        use PaymentStatus::{Active, Voided};
        for (json, expected) in [
            (json!({ "is_closed": true, "total_price": total }), Some((44_133, Active))),
            (json!({ "is_closed": false, "total_price": total }), Some((0, Active))),
            (json!({ "is_closed": false, "status": 4, "total_price": total }), Some((0, Active))),
            (json!({ "status": 4, "total_price": total }), Some((44_133, Active))),
            (json!({ "status": "CLOSED", "total_price": total }), Some((44_133, Active))),
            (json!({ "status": "OPEN", "total_price": total }), Some((0, Active))),
            (json!({ "total_price": total }), Some((0, Active))),
            (
                json!({ "is_closed": true, "status": 99, "total_price": total }),
                Some((44_133, Voided)),
            ),
            (json!({ "is_closed": false, "invoice_status": 99 }), Some((0, Voided))),
            (
                json!({ "is_closed": true, "is_refund": true, "total_price": { "sum_total": -12.515 } }),
                Some((-1_252, Active)),
            ),
            (
                json!({ "is_closed": true, "is_refund": true, "total_price": { "sum_total": 20 } }),
                Some((-2_000, Active)),
            ),
            (json!({ "is_closed": true }), None),
            (json!({ "is_closed": true, "total_price": { "sum_total": "ten" } }), None),
        ] {
            assert_eq!(minor(json.clone()), expected, "{json}");
        }
    }

    #[test]
    fn a_phone_number_is_written_with_its_dialling_code() {
        let dialling = Dialling::home(225, "1");
        let show = |json: serde_json::Value| {
            let phone: AnyPhone = serde_json::from_value(json).unwrap();
            number(&phone, &dialling).map(Phi::into_inner)
        };
        for (json, expected) in [
            (
                json!({ "country_code": 225, "phone_code": 1, "number": "5035550142" }),
                Some("+15035550142"),
            ),
            (json!({ "country_code": 225, "number": "(503) 555-0142" }), Some("+15035550142")),
            (
                json!({ "country_code": 224, "phone_code": "44", "number": "2079460000" }),
                Some("+442079460000"),
            ),
            // A country that nobody knows: the number as it is.
            (json!({ "country_code": 999, "number": "2079460000" }), Some("2079460000")),
            (
                json!({ "country_id": 0, "number": null, "display_number": "+1 5035550142" }),
                Some("+1 5035550142"),
            ),
            (json!("+1 5035550142"), Some("+1 5035550142")),
            (json!({ "country_code": 225, "number": "" }), None),
            (json!(""), None),
        ] {
            assert_eq!(show(json.clone()).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn a_birth_date_is_one_or_absent() {
        let date = |text: &str, year: serde_json::Value| {
            let json = json!({ "date_of_birth": text, "dob_incomplete_year": year });
            let info: wire::PersonalInfo = serde_json::from_value(json).unwrap();
            birth_date(&info).map(|date| date.to_string())
        };
        assert_eq!(date("1988-04-17T00:00:00", json!(null)).as_deref(), Some("1988-04-17"));
        assert_eq!(date("1988-04-17T00:00:00", json!("04-17")), None);
        assert_eq!(date("0001-01-01T00:00:00", json!(null)), None);
        assert_eq!(date("1900-01-01T00:00:00", json!(null)), None);
    }
}
