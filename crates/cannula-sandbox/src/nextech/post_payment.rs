//! `POST /Patient/{guid}/PaymentReconciliation`: money from outside, checked as the vendor's tables
//! of required fields say. A text that must be in a list of the practice's must be there letter
//! for letter. There is no key that tells a payment sent twice from two payments.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use cannula_core::{Currency, Money, PatientId};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::Value;

use super::{
    Api,
    form::{Read, invalid, list, missing, target, text},
    render_pp, render_select,
    reply::Refused,
};
use crate::{
    practice::{
        CARD_TYPES, LOCATIONS, Location, PAYMENT_CATEGORIES, PRACTITIONERS, PaymentState,
        Practitioner, Product, payment_methods,
    },
    quirks::{PaymentAnswer, Quirks},
};

/// The card types of Practice+.
static PLUS_CARDS: [&str; 4] = ["Visa", "MasterCard", "AmericanExpress", "Discover"];
/// So much of a description is kept; the rest is dropped without a word.
const DESCRIPTION: usize = 255;
const CHECK_NUMBER: usize = 50;
/// The claim that a payment goes to if it asks to be applied.
const OLDEST_CLAIM: u32 = 4_000;

/// `POST /Patient/{guid}/PaymentReconciliation`.
pub(super) async fn post(
    State(api): State<Api>,
    Path(patient): Path<String>,
    body: Bytes,
) -> Result<Response, Refused> {
    let practice = &api.server.practice;
    let quirks = api.server.quirks();
    let patient = practice
        .visible_patient(&patient.to_lowercase())
        .ok_or_else(|| Refused::empty(StatusCode::NOT_FOUND))?;
    let body: Value = serde_json::from_slice(&body)
        .map_err(|_| Refused::bad_request("The body is not valid JSON."))?;
    let slip = Slip { product: api.product, body: &body, quirks: &quirks };
    let state = slip.read(&PatientId::new(&*patient.id))?;
    let late = TimeDelta::seconds(i64::from(quirks.payment_lag_seconds));
    let id = practice.pay_late(state, late);
    let row = practice.visible_payment(id.as_str());
    Ok(match (quirks.payment_answer, api.product, row) {
        (PaymentAnswer::Resource, product, Some(row)) => {
            let status = match product {
                Product::Select => StatusCode::CREATED,
                Product::PracticePlus => StatusCode::OK,
            };
            (status, Json(api.render_payment(&row, &quirks))).into_response()
        }
        (_, Product::Select, _) => StatusCode::CREATED.into_response(),
        (_, Product::PracticePlus, _) => StatusCode::NO_CONTENT.into_response(),
    })
}

/// A body that asks for a payment.
struct Slip<'a> {
    product: Product,
    body: &'a Value,
    quirks: &'a Quirks,
}

impl Slip<'_> {
    fn read(&self, patient: &PatientId) -> Read<PaymentState> {
        if self.body["resourceType"] != "PaymentReconciliation" {
            return invalid("resourceType");
        }
        let amount = self.amount()?;
        let method = self.method()?;
        if self.product == Product::PracticePlus {
            self.practice()?;
        }
        for date in ["effective-date", "deposited-date"] {
            self.date(date)?;
        }
        let claims = if self.applies()? { vec![(OLDEST_CLAIM, amount)] } else { Vec::new() };
        let Some(date) = self.date("payment-date")? else { return missing("payment-date") };
        Ok(PaymentState {
            practitioner: Some(self.practitioner()?),
            location: Some(self.location()?),
            method: Some(method),
            card_type: self.card_type(method)?,
            check_number: self.check_number()?.filter(|_| method == "Check"),
            category: self.category()?,
            note: self.description(),
            claims,
            ..PaymentState::new(patient, amount.minor(), date)
        })
    }

    fn amount(&self) -> Read<Money> {
        let value = bare(&self.body["total"]["value"]);
        let Value::Number(number) = value else { return missing("total.value") };
        match Money::parse(&number.to_string(), Currency::USD) {
            Ok(amount) if amount.minor() > 0 => Ok(amount),
            Ok(amount) if amount.is_negative() && self.quirks.negative_payments => Ok(amount),
            _ => invalid("total.value"),
        }
    }

    fn practitioner(&self) -> Read<&'static Practitioner> {
        let reference = &self.body["requestProvider"];
        if reference.is_null() {
            return missing("requestProvider");
        }
        let id = target(reference, "Practitioner");
        let found = PRACTITIONERS.iter().find(|who| Some(who.id) == id);
        found.map_or_else(|| invalid("requestProvider"), Ok)
    }

    fn location(&self) -> Read<&'static Location> {
        let reference = self.reference("location")?;
        let id = target(reference, "Location");
        let found = LOCATIONS.iter().find(|place| Some(place.id) == id);
        found.map_or_else(|| invalid("location"), Ok)
    }

    fn practice(&self) -> Read<()> {
        let id = target(self.reference("practice")?, "Practice");
        if id == Some(1) { Ok(()) } else { invalid("practice") }
    }

    fn method(&self) -> Read<&'static str> {
        let Some(wanted) = self.text("payment-method")? else { return missing("payment-method") };
        let known = payment_methods(self.product).iter().find(|known| **known == wanted);
        known.map_or_else(|| invalid("payment-method"), |known| Ok(*known))
    }

    fn category(&self) -> Read<Option<String>> {
        match self.text("payment-category")? {
            None if self.product == Product::Select => missing("payment-category"),
            None => Ok(None),
            Some(wanted) if PAYMENT_CATEGORIES.contains(&wanted) => Ok(Some(wanted.to_owned())),
            Some(_) => invalid("payment-category"),
        }
    }

    /// Both spellings of the documents will do.
    fn card_type(&self, method: &str) -> Read<Option<String>> {
        let wanted = match self.text("creditcard-type")? {
            None => self.text("credit-cardtype")?,
            wanted => wanted,
        };
        let (known, needed): (&[&str], bool) = match self.product {
            Product::Select => (&CARD_TYPES, false),
            Product::PracticePlus => (&PLUS_CARDS, matches!(method, "Charge" | "CreditCard")),
        };
        match wanted {
            None if needed => missing("creditcard-type"),
            None => Ok(None),
            Some(wanted) if known.contains(&wanted) => Ok(Some(wanted.to_owned())),
            Some(_) => invalid("creditcard-type"),
        }
    }

    fn check_number(&self) -> Read<Option<String>> {
        let number = self.text("check-number")?;
        Ok(number.map(|number| number.chars().take(CHECK_NUMBER).collect()))
    }

    /// All notes in one, cut without a word.
    fn description(&self) -> Option<String> {
        let notes = list(&self.body["processNote"]).iter();
        let all = notes.filter_map(|note| text(bare(&note["text"]))).collect::<Vec<_>>().join(" ");
        Some(all.chars().take(DESCRIPTION).collect()).filter(|text: &String| !text.is_empty())
    }

    fn applies(&self) -> Read<bool> {
        let Some(extension) = self.extension("apply-payment") else { return Ok(false) };
        match bare(&extension["valueBoolean"]) {
            Value::Bool(wanted) => Ok(*wanted),
            _ => invalid("apply-payment"),
        }
    }

    /// A bare day is that day; an instant is its day in UTC, wherever the practice is.
    fn date(&self, name: &str) -> Read<Option<NaiveDate>> {
        let Some(extension) = self.extension(name) else { return Ok(None) };
        let value = ["valueDate", "valueDateTime"].into_iter().find_map(|key| extension.get(key));
        let Some(value) = value.and_then(|value| text(bare(value))) else { return invalid(name) };
        let day = NaiveDate::parse_from_str(value, "%Y-%m-%d").ok();
        let instant = || DateTime::parse_from_rfc3339(value).ok();
        match day.or_else(|| Some(instant()?.with_timezone(&Utc).date_naive())) {
            Some(day) => Ok(Some(day)),
            None => invalid(name),
        }
    }

    fn reference(&self, name: &str) -> Read<&Value> {
        match self.extension(name) {
            None => missing(name),
            Some(extension) => Ok(bare(&extension["valueReference"])),
        }
    }

    /// The text of an extension, letter for letter.
    fn text(&self, name: &str) -> Read<Option<&str>> {
        match self.extension(name).map(|extension| bare(&extension["valueString"])) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => invalid(name),
        }
    }

    /// The extension of this name, by the product's own URL or, for the location, HL7's.
    fn extension(&self, name: &str) -> Option<&Value> {
        let base = match self.product {
            Product::Select => render_select::EXTENSIONS,
            Product::PracticePlus => render_pp::EXTENSIONS,
        };
        let base =
            if name == "location" { "http://hl7.org/fhir/StructureDefinition" } else { base };
        let url = format!("{base}/{name}");
        list(&self.body["extension"])
            .iter()
            .find(|it| it["url"].as_str().is_some_and(|it| it.eq_ignore_ascii_case(&url)))
    }
}

/// A value that may be wrapped as in one sample: `{"value": x}`.
fn bare(value: &Value) -> &Value {
    value.get("value").unwrap_or(value)
}
