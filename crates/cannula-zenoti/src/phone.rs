//! Phone numbers: Zenoti keeps its own number of the country, and the national digits.

use std::collections::BTreeMap;

use cannula_core::{Error, ErrorKind, Phi, Result};

use crate::wire::Countries;

/// Zenoti's numbers of countries and the dialling codes they stand for.
#[derive(Clone, Debug)]
pub(crate) struct Dialling {
    home: i64,
    codes: BTreeMap<i64, String>,
    /// The vendor's own list was read.
    pub(crate) complete: bool,
}

/// A number as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) country: i64,
    pub(crate) digits: Phi<String>,
}

impl Dialling {
    /// The configured country alone.
    pub(crate) fn home(country: i64, code: &str) -> Self {
        Self { home: country, codes: BTreeMap::from([(country, code.to_owned())]), complete: false }
    }

    /// With the vendor's list.
    pub(crate) fn with(mut self, countries: Countries) -> Self {
        for country in countries.countries.into_iter().flatten() {
            if let (Some(id), Some(code)) = (country.id, country.phone_code)
                && let Some(code) = code.digits()
            {
                self.codes.entry(id).or_insert(code);
            }
        }
        self.complete = true;
        self
    }

    pub(crate) fn code(&self, country: i64) -> Option<&str> {
        self.codes.get(&country).map(String::as_str)
    }

    /// Whether a number names a country other than the configured one.
    pub(crate) fn is_foreign(&self, typed: &str) -> bool {
        let typed = typed.trim();
        let home = self.code(self.home).unwrap_or_default();
        typed.starts_with('+') && !digits(typed).starts_with(home)
    }

    /// The country's number and the national digits of a number as staff typed it. Without a plus
    /// it is the configured country's, with or without its dialling code.
    pub(crate) fn written(&self, typed: &str) -> Result<Written> {
        let all = digits(typed);
        if all.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the phone number has no digits"));
        }
        let home = self.code(self.home).unwrap_or_default();
        if !typed.trim().starts_with('+') {
            // Ten digits are a whole number in North America; elsewhere lengths differ.
            let national = all.strip_prefix(home).filter(|rest| home == "1" && rest.len() == 10);
            let national = national.map_or_else(|| all.clone(), str::to_owned);
            return Ok(Written { country: self.home, digits: Phi::new(national) });
        }
        // The longest code that fits; of several countries with one code, ours.
        let fits = self.codes.iter().filter(|(_, code)| all.starts_with(code.as_str()));
        let best = fits.max_by_key(|(id, code)| (code.len(), **id == self.home));
        let Some((country, code)) = best else {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the phone number's country is not one of Zenoti's",
            ));
        };
        let national = all.strip_prefix(code.as_str()).unwrap_or(&all).to_owned();
        Ok(Written { country: *country, digits: Phi::new(national) })
    }
}

pub(crate) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn dialling() -> Dialling {
        let countries = json!({ "countries": [
            { "id": 1, "phone_code": 93 }, { "id": 38, "phone_code": "1" },
            { "id": 95, "phone_code": 91 }, { "id": 224, "phone_code": 44 },
            { "id": 225, "phone_code": 1 }, { "id": 7, "phone_code": null },
        ] });
        Dialling::home(225, "1").with(serde_json::from_value(countries).unwrap())
    }

    #[test]
    fn a_number_is_sent_with_zenotis_number_of_its_country_and_never_with_the_dialling_code() {
        for (typed, country, digits) in [
            ("503-555-0142", 225, "5035550142"),
            ("1 (503) 555-0142", 225, "5035550142"),
            ("+1 503 555 0142", 225, "5035550142"),
            ("+44 20 7946 0000", 224, "2079460000"),
            ("+91 98765 43210", 95, "9876543210"),
            ("555-0142", 225, "5550142"),
        ] {
            let written = dialling().written(typed).unwrap();
            assert_eq!((written.country, written.digits.expose().as_str()), (country, digits));
        }
        assert!(dialling().written("+999 1").is_err());
        assert!(dialling().written("none").is_err());
    }

    #[test]
    fn only_a_foreign_number_needs_the_vendors_list() {
        let home = Dialling::home(225, "1");
        assert!(!home.is_foreign("+1 503 555 0142") && !home.is_foreign("503 555 0142"));
        assert!(home.is_foreign("+44 20 7946 0000"));
    }
}
