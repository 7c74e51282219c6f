//! Which fields a refusal speaks of, in our words: Nextech's own may name the patient.

use std::fmt;

use cannula_core::{Error, PatientField};
use serde_json::Value;

/// The fields, as the source of an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mentions {
    of_patient: Vec<PatientField>,
    of_payment: Vec<&'static str>,
}

/// How the fields of a patient may be called. FHIR's names and staff's are both looked for.
const OF_PATIENT: [(PatientField, &[&str]); 12] = [
    (PatientField::FirstName, &["first name", "firstname", "given"]),
    (PatientField::LastName, &["last name", "lastname", "family"]),
    (PatientField::Email, &["email", "emails"]),
    (PatientField::Phone, &["phone", "mobile", "telephone"]),
    (PatientField::BirthDate, &["birth", "birthdate", "dob", "birthday"]),
    (PatientField::Street, &["street", "address"]),
    (PatientField::City, &["city"]),
    (PatientField::State, &["state"]),
    (PatientField::PostalCode, &["postal", "postalcode", "zip", "zipcode", "postcode"]),
    (PatientField::Location, &["location"]),
    (PatientField::ReferralSource, &["referral"]),
    (PatientField::GeneralPractitioner, &["practitioner", "provider", "physician"]),
];

/// How the fields of a payment may be called.
const OF_PAYMENT: [(&str, &[&str]); 9] = [
    ("category", &["category", "categories"]),
    ("card type", &["card type", "cardtype", "creditcard type", "creditcard", "credit card"]),
    ("payment method", &["payment method", "paymentmethod"]),
    ("payment date", &["payment date", "paymentdate"]),
    ("amount", &["amount", "total"]),
    ("location", &["location"]),
    ("practitioner", &["practitioner", "provider", "request provider"]),
    ("practice number", &["practice"]),
    ("description", &["note", "process note", "description"]),
];

impl Mentions {
    /// Looks for the fields in a body. `None` if there are none.
    pub(crate) fn in_body(body: &[u8]) -> Option<Self> {
        let mut said = String::new();
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => collect(&value, &mut said),
            // A page of HTML says nothing about the patient.
            Err(_) if body.trim_ascii_start().starts_with(b"<") => return None,
            Err(_) => said.push_str(&String::from_utf8_lossy(body)),
        }
        let words = normal(said.chars().take(2048));
        let (of_patient, of_payment) = (said_of(&OF_PATIENT, &words), said_of(&OF_PAYMENT, &words));
        let is_silent = of_patient.is_empty() && of_payment.is_empty();
        (!is_silent).then_some(Self { of_patient, of_payment })
    }

    /// The fields of a patient that are meant, if the request was about one.
    pub(crate) fn of_patient(&self) -> Option<String> {
        let fields: Vec<_> = self.of_patient.iter().map(ToString::to_string).collect();
        (!fields.is_empty()).then(|| fields.join(", "))
    }

    /// The fields of a payment that are meant, if the request was about one.
    pub(crate) fn of_payment(&self) -> Option<String> {
        (!self.of_payment.is_empty()).then(|| self.of_payment.join(", "))
    }

    /// What the refusal behind an error speaks of.
    pub(crate) fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
}

/// The fields of which one of the words is said.
fn said_of<F: Copy>(fields: &[(F, &[&str])], said: &str) -> Vec<F> {
    let is_said = |word: &&str| said.contains(&format!(" {word} "));
    let said = fields.iter().filter(|(_, words)| words.iter().any(is_said));
    said.map(|(field, _)| *field).collect()
}

/// The texts in a JSON value, and the keys that are paths, as in ASP.NET's `patient.birthDate`.
fn collect(value: &Value, said: &mut String) {
    match value {
        Value::String(text) => {
            said.push_str(text);
            said.push('\n');
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, said)),
        Value::Object(fields) => {
            for (key, value) in fields {
                if key.contains('.') {
                    said.push_str(key);
                    said.push('\n');
                }
                collect(value, said);
            }
        }
        _ => {}
    }
}

/// Lower-case words with one space around each; `birthDate` is two.
fn normal(text: impl Iterator<Item = char>) -> String {
    let mut words = " ".to_owned();
    let mut was_lower = false;
    for letter in text {
        let starts_word = letter.is_uppercase() && was_lower;
        if (starts_word || !letter.is_alphanumeric()) && !words.ends_with(' ') {
            words.push(' ');
        }
        if letter.is_alphanumeric() {
            words.extend(letter.to_lowercase());
        }
        was_lower = letter.is_lowercase();
    }
    words.push(' ');
    words.replace(" e mail ", " email ").replace(" email address ", " email ")
}

impl fmt::Display for Mentions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.of_patient().into_iter().chain(self.of_payment());
        f.write_str(&fields.collect::<Vec<_>>().join(", "))
    }
}

impl std::error::Error for Mentions {}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(body: &str) -> String {
        let mentions = Mentions::in_body(body.as_bytes());
        mentions.and_then(|it| it.of_patient()).unwrap_or_default()
    }

    #[test]
    fn fields_are_named_whatever_form_the_refusal_has() {
        for (body, expected) in [
            (
                r#"{"issue":[{"location":["x"],"diagnostics":"zip 02840 is wrong for Mina Varga"}]}"#,
                "postal code",
            ),
            (
                r#"{"Message":"The request is invalid.","ModelState":{"patient.birthDate":["too late"]}}"#,
                "birth date",
            ),
            (
                r#"{"message":"E-mail address and ReferralSource are required"}"#,
                "e-mail, referral source",
            ),
            (r#""General practitioner 418 has left""#, "general practitioner"),
            ("Phone required. First Name required.", "first name, phone"),
            (
                r#"{"issue":[{"expression":["Patient.address[0].postalCode"]}]}"#,
                "street address, postal code",
            ),
            ("<html><body>The state of the server</body></html>", ""),
            (
                r#"{"resourceType":"OperationOutcome","issue":[{"details":{"text":"Mina Varga"}}]}"#,
                "",
            ),
            ("", ""),
        ] {
            assert_eq!(mentions(body), expected, "{body}");
        }
    }

    #[test]
    fn a_payment_has_fields_of_its_own() {
        for (body, expected) in [
            (r#"{"message":"Payment category 'Store' does not exist"}"#, Some("category")),
            (
                r#"{"issue":[{"diagnostics":"creditcard-type and payment-date of Mina Varga"}]}"#,
                Some("card type, payment date"),
            ),
            (
                r#"{"ModelState":{"payment.requestProvider":["required"],"payment.total":["?"]}}"#,
                Some("amount, practitioner"),
            ),
            (r#""No Practice/1 and no Location/3""#, Some("location, practice number")),
            (r#""Mina Varga's e-mail""#, None),
        ] {
            let mentions = Mentions::in_body(body.as_bytes()).unwrap();
            assert_eq!(mentions.of_payment().as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn nothing_of_the_refusal_itself_is_shown() {
        let text = mentions(r#"{"message":"Mina Varga, phone (555) 010-4477, exists"}"#);
        assert_eq!(text, "phone");
    }
}
