//! `POST /Patient`: a new patient from outside, checked as the vendor's tables of required
//! fields say. A reference to nobody is refused; what is in no table is ignored, so that one
//! product's extensions mean nothing to the other.

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use cannula_core::PhoneUse;
use chrono::NaiveDate;
use serde_json::Value;

use super::{
    Api,
    form::{Read, invalid, list, missing, target, text},
    render_pp, render_select,
    reply::Refused,
};
use crate::practice::{
    Address, Email, LOCATIONS, Location, PRACTITIONERS, PatientState, PatientStatus, PhoneNumber,
    Practitioner, Product, REFERRAL_SOURCES, ReferralSource,
};

/// `POST /Patient` and `POST /Patient/`.
pub(crate) async fn create(State(api): State<Api>, body: Bytes) -> Result<Response, Refused> {
    let practice = &api.server.practice;
    let body: Value = serde_json::from_slice(&body)
        .map_err(|_| Refused::bad_request("The body is not valid JSON."))?;
    let state = Form { product: api.product, body: &body, today: practice.now().date_naive() };
    // The vendor gives no id of the patient that is there.
    let id = practice.register(state.read()?).map_err(|_| {
        Refused::conflict("A patient with the same details already exists in the practice.")
    })?;
    let row = practice
        .visible_patient(id.as_str())
        .ok_or_else(|| Refused::empty(StatusCode::INTERNAL_SERVER_ERROR))?;
    let status = match api.product {
        Product::Select => StatusCode::CREATED,
        Product::PracticePlus => StatusCode::OK,
    };
    let printed = api.render_patient(&row, &api.server.quirks());
    Ok((status, Json(printed)).into_response())
}

/// A body that asks for a patient.
struct Form<'a> {
    product: Product,
    body: &'a Value,
    today: NaiveDate,
}

impl Form<'_> {
    fn read(&self) -> Read<PatientState> {
        if self.body["resourceType"] != "Patient" {
            return invalid("resourceType");
        }
        let (given, family) = self.name()?;
        Ok(PatientState {
            given,
            family,
            birth_date: self.birth_date()?,
            gender: match text(&self.body["gender"]) {
                Some("female") => "female",
                Some("male") => "male",
                Some("other") => "other",
                _ => "unknown",
            },
            chart: 0,
            emails: self.emails()?,
            phones: self.phones()?,
            address: self.address()?,
            referral_source: self.referral_source()?,
            general_practitioner: self.general_practitioner()?,
            location: self.location()?,
            status: self.status()?,
        })
    }

    /// What only Practice+ demands.
    fn demands(&self) -> bool {
        self.product == Product::PracticePlus
    }

    fn name(&self) -> Read<(String, String)> {
        let names = list(&self.body["name"]);
        let Some(name) = names.iter().find(|name| name["use"] == "official") else {
            return missing("name with use official");
        };
        let given = list(&name["given"]).iter().filter_map(text).collect::<Vec<_>>().join(" ");
        match text(&name["family"]) {
            Some(family) if !given.is_empty() => Ok((given, family.to_owned())),
            Some(_) => missing("name.given"),
            None => missing("name.family"),
        }
    }

    fn birth_date(&self) -> Read<NaiveDate> {
        match text(&self.body["birthDate"]).map(|date| NaiveDate::parse_from_str(date, "%Y-%m-%d"))
        {
            None => missing("birthDate"),
            Some(Ok(date)) if date <= self.today => Ok(date),
            Some(_) => invalid("birthDate"),
        }
    }

    fn emails(&self) -> Read<Vec<Email>> {
        let mut emails = Vec::new();
        for entry in list(&self.body["telecom"]).iter().filter(|it| it["system"] == "email") {
            let Some(address) = text(&entry["value"]) else { continue };
            match address.split_once('@') {
                Some((name, host)) if !name.is_empty() && host.contains('.') => {}
                _ => return invalid("telecom of system email"),
            }
            emails.push(Email { address: address.to_owned(), private: self.is_private(entry) });
        }
        if emails.is_empty() { missing("telecom of system email") } else { Ok(emails) }
    }

    /// Home, work and mobile count; other numbers are kept and do not.
    fn phones(&self) -> Read<Vec<PhoneNumber>> {
        let mut phones = Vec::new();
        for entry in list(&self.body["telecom"]) {
            let usage = match (self.product, text(&entry["system"]), text(&entry["use"])) {
                (Product::PracticePlus, Some("sms"), Some("mobile"))
                | (_, Some("phone"), Some("mobile")) => PhoneUse::Mobile,
                (_, Some("phone"), Some("home")) => PhoneUse::Home,
                (_, Some("phone"), Some("work")) => PhoneUse::Work,
                (Product::PracticePlus, Some("phone"), Some("old"))
                | (Product::Select, Some("other"), _) => PhoneUse::Other,
                _ => continue,
            };
            let Some(number) = text(&entry["value"]) else { continue };
            if number.chars().filter(char::is_ascii_digit).count() < 7 {
                return invalid("telecom of system phone");
            }
            phones.push(PhoneNumber {
                usage,
                number: number.to_owned(),
                private: self.is_private(entry),
                preferred: entry["rank"] == 1,
                texts: entry["system"] == "sms",
            });
        }
        if phones.iter().all(|phone| phone.usage == PhoneUse::Other) {
            return missing("telecom of system phone with use home, work or mobile");
        }
        Ok(phones)
    }

    fn is_private(&self, contact: &Value) -> bool {
        let url = format!("{}/method-privacy", render_select::EXTENSIONS);
        self.product == Product::Select
            && list(&contact["extension"])
                .iter()
                .any(|it| it["url"] == *url && it["valueBoolean"] == true)
    }

    /// Select needs the postal code alone, Practice+ all of it.
    fn address(&self) -> Read<Address> {
        let Some(address) = list(&self.body["address"]).first() else { return missing("address") };
        let field = |value: &Value| text(value).unwrap_or_default().to_owned();
        let lines = match &address["line"] {
            Value::Array(lines) => lines.iter().filter_map(text).collect::<Vec<_>>().join(", "),
            line => field(line),
        };
        let read = Address {
            line: lines,
            city: field(&address["city"]),
            state: field(&address["state"]),
            postal_code: field(&address["postalCode"]),
        };
        if read.postal_code.is_empty() {
            return missing("address.postalCode");
        }
        for (part, name) in [(&read.line, "line"), (&read.city, "city"), (&read.state, "state")] {
            if self.demands() && part.is_empty() {
                return missing(&format!("address.{name}"));
            }
        }
        if self.product == Product::Select
            && text(&address["country"]).is_some_and(|country| country.len() != 3)
        {
            return invalid("address.country");
        }
        Ok(read)
    }

    /// The extension of this name, by the product's own URL.
    fn extension(&self, name: &str) -> Option<&Value> {
        let base = match self.product {
            Product::Select => render_select::EXTENSIONS,
            Product::PracticePlus => render_pp::EXTENSIONS,
        };
        let url = format!("{base}/{name}");
        list(&self.body["extension"]).iter().find(|extension| extension["url"] == *url)
    }

    fn referral_source(&self) -> Read<Option<&'static ReferralSource>> {
        let Some(extension) = self.extension("referral-source") else {
            return if self.demands() { missing("referral-source") } else { Ok(None) };
        };
        let id = target(&extension["valueReference"], "referral-source");
        match REFERRAL_SOURCES.iter().find(|source| Some(source.id) == id) {
            Some(source) => Ok(Some(source)),
            None => invalid("referral-source"),
        }
    }

    fn general_practitioner(&self) -> Read<Option<&'static Practitioner>> {
        let Some(reference) = list(&self.body["generalPractitioner"]).first() else {
            return if self.demands() { missing("generalPractitioner") } else { Ok(None) };
        };
        let id = target(reference, "practitioner");
        match PRACTITIONERS.iter().find(|who| Some(who.id) == id) {
            Some(who) => Ok(Some(who)),
            None => invalid("generalPractitioner"),
        }
    }

    fn location(&self) -> Read<Option<&'static Location>> {
        let Some(extension) = self.extension("patient-location") else { return Ok(None) };
        let id = target(&extension["valueReference"], "location");
        match LOCATIONS.iter().find(|place| Some(place.id) == id) {
            Some(place) => Ok(Some(place)),
            None => invalid("patient-location"),
        }
    }

    /// A plain text, or wrapped as in one sample. Select takes the practice's default for none.
    fn status(&self) -> Read<PatientStatus> {
        let word = self.extension("patient-status").and_then(|extension| {
            let value = &extension["valueString"];
            text(value).or_else(|| text(&value["value"]))
        });
        match word {
            None if self.demands() => missing("patient-status"),
            None => Ok(PatientStatus::Prospect),
            Some(word) => match PatientStatus::read(word, self.product) {
                Some(status) => Ok(status),
                None => invalid("patient-status"),
            },
        }
    }
}
