//! Which fields of a patient a refusal speaks of, in our words: Nextech's own may name the patient.

use std::fmt;

use cannula_core::{Error, PatientField};
use serde_json::Value;

/// The fields, as the source of an error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mentions(Vec<PatientField>);

/// How the fields may be called. FHIR's names and staff's are both looked for.
const WORDS: [(PatientField, &[&str]); 12] = [
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
        let is_said = |word: &&str| words.contains(&format!(" {word} "));
        let mut fields: Vec<_> = WORDS
            .iter()
            .filter(|(_, words)| words.iter().any(is_said))
            .map(|(field, _)| *field)
            .collect();
        fields.dedup();
        (!fields.is_empty()).then_some(Self(fields))
    }

    /// What the refusal behind an error speaks of.
    pub(crate) fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }
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
        let fields: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&fields.join(", "))
    }
}

impl std::error::Error for Mentions {}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentions(body: &str) -> String {
        Mentions::in_body(body.as_bytes()).map_or_else(String::new, |it| it.to_string())
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
    fn nothing_of_the_refusal_itself_is_shown() {
        let text = mentions(r#"{"message":"Mina Varga, phone (555) 010-4477, exists"}"#);
        assert_eq!(text, "phone");
    }
}
