//! The body of a new payment. Pure.

use cannula_core::{Error, ErrorKind, LedgerInfo, Money, NewPayment, PaymentTerms, Phi, Result};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    new_payments::NewPayments,
    profile::Profile,
    written::{Extension, Reference, Value, reference},
};

/// The body of `POST /Patient/{id}/PaymentReconciliation`, after "Create Payment" of each product's
/// API documentation. Without `apply-payment` the money stays an unapplied credit.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    resource_type: &'static str,
    extension: Vec<Extension<'a>>,
    request_provider: Reference<'a>,
    total: Total,
    process_note: [Note<'a>; 1],
}

#[derive(Serialize)]
struct Total {
    /// The digits themselves: no float comes near them.
    value: Box<RawValue>,
}

#[derive(Serialize)]
struct Note<'a> {
    #[serde(rename = "type")]
    kind: Concept,
    text: &'a Phi<String>,
}

#[derive(Serialize)]
struct Concept {
    coding: [Coding; 1],
}

#[derive(Serialize)]
struct Coding {
    system: &'static str,
    code: &'static str,
}

/// Writes the body, or says why Nextech would refuse the payment or keep less of it than is sent.
pub(crate) fn body<'a>(
    profile: &'static Profile,
    info: &LedgerInfo,
    practice: &'a NewPayments,
    payment: &'a NewPayment,
) -> Result<Body<'a>> {
    check_money(info, payment)?;
    check_terms(info, &payment.terms)?;
    let PaymentTerms { method, category, card_type, location, practitioner } = &payment.terms;
    let extension = |name, value| Extension::new(profile.extension(name), value);
    let text = |name, text: &'a Option<String>| {
        text.as_deref().map(|text| extension(name, Value::Text(text)))
    };
    let date = payment.date.format("%Y-%m-%d").to_string();
    let place = Extension::new(
        "http://hl7.org/fhir/StructureDefinition/location".to_owned(),
        Value::Reference(reference("Location", location)?),
    );
    let practice_number =
        profile.payments.practice_required.then(|| practice_reference(practice)).transpose()?;
    let extensions = [
        Some(extension("payment-method", Value::Text(method))),
        text(practice.card_type_extension, card_type),
        // A date alone: a moment in the evening would be the next day in UTC.
        Some(extension("payment-date", Value::Date(date))),
        text("payment-category", category),
        Some(place),
        practice_number.map(|it| extension("practice", Value::Reference(it))),
    ];
    Ok(Body {
        resource_type: "PaymentReconciliation",
        extension: extensions.into_iter().flatten().collect(),
        request_provider: reference("Practitioner", practitioner)?,
        total: Total { value: digits(payment.amount)? },
        process_note: [Note {
            kind: Concept { coding: [Coding { system: "NoteType", code: "display" }] },
            text: &payment.description,
        }],
    })
}

/// The reference to the practice, which Practice+ demands.
pub(crate) fn practice_reference<'a>(practice: &NewPayments) -> Result<Reference<'a>> {
    let Some(number) = &practice.practice else {
        return Err(Error::new(
            ErrorKind::Config,
            "Practice+ takes no payment without the practice's number: set `new_payments.practice`",
        ));
    };
    Ok(Reference { reference: format!("Practice/{number}"), display: None })
}

fn digits(amount: Money) -> Result<Box<RawValue>> {
    RawValue::from_string(amount.decimal())
        .map_err(|_| Error::new(ErrorKind::Invalid, "the amount cannot be written"))
}

fn invalid(what: String) -> Result<()> {
    Err(Error::new(ErrorKind::Invalid, what))
}

/// Nextech would take any currency for its own, and cut a description without a word.
fn check_money(info: &LedgerInfo, payment: &NewPayment) -> Result<()> {
    if payment.amount.currency() != info.currency {
        let (paid, kept) = (payment.amount.currency().code(), info.currency.code());
        return invalid(format!("the payment is in {paid} and the practice's ledger in {kept}"));
    }
    let description = payment.description.expose();
    if description.trim().is_empty() {
        return invalid("the payment has no description to be found by again".to_owned());
    }
    let length = description.chars().count();
    if length > info.description_limit {
        return invalid(format!(
            "the description has {length} characters and {} keeps {}",
            info.product, info.description_limit
        ));
    }
    Ok(())
}

fn check_terms(info: &LedgerInfo, terms: &PaymentTerms) -> Result<()> {
    let (product, method) = (info.product, terms.method.as_str());
    if !info.methods.contains(&method) {
        let methods = info.methods.join(", ");
        return invalid(format!("{product} has no payment method “{method}”, only {methods}"));
    }
    if info.category_required && terms.category.is_none() {
        return invalid(format!("{product} takes no payment without a category"));
    }
    match (&terms.card_type, info.card_types) {
        (None, _) if info.card_type_required.contains(&method) => {
            invalid(format!("{product} takes no payment by {method} without a card type"))
        }
        (Some(card), Some(known)) if !known.contains(&card.as_str()) => {
            let known = known.join(", ");
            invalid(format!("{product} has no card type “{card}”, only {known}"))
        }
        _ => Ok(()),
    }
}
