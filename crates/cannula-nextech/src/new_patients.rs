use cannula_core::{Named, Settings};
use serde_json::Value;

use crate::profile::Product;

/// What a new patient gets besides what the contact holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPatients {
    /// The postal code for a contact without one.
    pub default_postal_code: Option<String>,
    /// The patient's status, one of those Nextech documents for the product.
    pub status: String,
    /// The country of every address, three letters as in ISO 3166.
    pub country: Option<String>,
    /// The practice's referral sources with their ids, by name: no endpoint lists them.
    pub referral_sources: Vec<Named>,
}

impl NewPatients {
    /// The product's usual status, and nothing else.
    pub fn new(product: Product) -> Self {
        let status = product.profile().statuses.first().map_or("", |(status, _)| *status);
        Self {
            default_postal_code: None,
            status: status.to_owned(),
            country: None,
            referral_sources: Vec::new(),
        }
    }

    /// Reads the sub-section `new_patients`; problems are noted in `settings`.
    pub(crate) fn from_settings(settings: &mut Settings, product: Option<Product>) -> Option<Self> {
        settings.within("new_patients", |section| {
            let default_postal_code = postal_code(section);
            let status = match product {
                Some(product) => section.choice("status", product.profile().statuses),
                // Which statuses there are depends on the product.
                None => section.take("status").and(None),
            };
            let (country, referral_sources) =
                (country(section), section.within("referral_sources", referral_sources));
            let status = status?.to_owned();
            Some(Self { default_postal_code, status, country, referral_sources })
        })
    }
}

fn postal_code(section: &mut Settings) -> Option<String> {
    let code = section.optional("default_postal_code")?.trim().to_owned();
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == ' ' || it == '-';
    if code.len() > 10 || !code.chars().all(is_part) {
        section.problem("default_postal_code", "must be a postal code such as `02840`");
        return None;
    }
    Some(code)
}

fn country(section: &mut Settings) -> Option<String> {
    let code = section.optional("country")?;
    if code.len() != 3 || !code.bytes().all(|it| it.is_ascii_uppercase()) {
        section.problem("country", "must be three capital letters as in ISO 3166, such as `USA`");
        return None;
    }
    Some(code)
}

/// Names and ids; the ids as texts or as whole numbers.
fn referral_sources(table: &mut Settings) -> Vec<Named> {
    let mut sources = Vec::new();
    for name in table.keys() {
        let id = match table.take(&name) {
            Some(Value::String(id)) => id.trim().to_owned(),
            Some(Value::Number(id)) if id.is_u64() => id.to_string(),
            _ => String::new(),
        };
        if name.trim() != name || name.is_empty() {
            table.problem(&name, "the name must not be blank or have spaces around it");
        } else if id.is_empty() || !id.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-') {
            table.problem(&name, "must be the id of the referral source in Nextech, such as 31");
        } else {
            sources.push(Named { id: Some(id), name });
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(product: Option<Product>, section: Value) -> Result<Option<NewPatients>, String> {
        let mut settings = Settings::new("nextech", json!({ "new_patients": section }));
        let read = NewPatients::from_settings(&mut settings, product);
        let problems = settings.finish();
        if problems.is_empty() { Ok(read) } else { Err(problems.to_string()) }
    }

    #[test]
    fn nothing_needs_to_be_configured() {
        for (product, status) in [(Product::Select, "prospect"), (Product::PracticePlus, "Active")]
        {
            let expected = NewPatients::new(product);
            assert_eq!(expected.status, status);
            assert_eq!(read(Some(product), Value::Null).unwrap(), Some(expected));
        }
    }

    #[test]
    fn ids_of_referral_sources_are_texts_or_whole_numbers() {
        let read = read(
            Some(Product::PracticePlus),
            json!({
                "default_postal_code": "00000", "status": "Not Yet Seen", "country": "USA",
                "referral_sources": { "Instagram": 6, "Online Store": "31" },
            }),
        );
        let named = |id: &str, name: &str| Named { id: Some(id.to_owned()), name: name.to_owned() };
        assert_eq!(
            read.unwrap().unwrap(),
            NewPatients {
                default_postal_code: Some("00000".to_owned()),
                status: "Not Yet Seen".to_owned(),
                country: Some("USA".to_owned()),
                referral_sources: vec![named("6", "Instagram"), named("31", "Online Store")],
            }
        );
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let text = read(
            Some(Product::Select),
            json!({
                "default_postal_code": "0284o?", "status": "Active", "country": "us",
                "referral_source": 3,
                "referral_sources": { "Instagram": "", "Friend ": 4, "Radio": 1.5, "TV": "a b" },
            }),
        )
        .unwrap_err();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn with_an_unknown_product_the_status_is_not_called_wrong() {
        assert_eq!(read(None, json!({ "status": "Active" })).unwrap(), None);
    }
}
