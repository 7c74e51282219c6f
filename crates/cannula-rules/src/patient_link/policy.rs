//! What a practice may set for linking.

use std::collections::BTreeSet;

use cannula_core::Settings;
use chrono::{Months, NaiveDate};
use phonenumber::country;
use serde_json::Value;

/// Nobody is older: the longest life on record lasted 122 years.
const OLDEST_YEARS: u32 = 130;

/// Dates that forms and imports fill in where the birth date is not known.
const PLACEHOLDERS: [(i32, u32, u32); 3] = [(1, 1, 1), (1900, 1, 1), (1970, 1, 1)];

/// What a practice may set for linking and merging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkPolicy {
    /// The country that phone numbers without a prefix belong to.
    pub country: country::Id,
    /// The contact's custom field that has the birth date where the contact itself has none, by
    /// its name in the CRM.
    pub birthday_field: String,
    /// A patient must have a birth date.
    pub birth_date_required: bool,
    /// Birth dates that mean "not known".
    pub placeholder_birth_dates: BTreeSet<NaiveDate>,
}

impl Default for LinkPolicy {
    fn default() -> Self {
        let date = |(year, month, day)| NaiveDate::from_ymd_opt(year, month, day);
        Self {
            country: country::Id::US,
            birthday_field: "NXT Birthday".to_owned(),
            birth_date_required: true,
            placeholder_birth_dates: PLACEHOLDERS.into_iter().filter_map(date).collect(),
        }
    }
}

impl LinkPolicy {
    /// Reads the keys `country`, `birthday_field`, `birth_date_required` and
    /// `placeholder_birth_dates`, all optional, noting every problem in `settings`.
    pub fn from_settings(settings: &mut Settings) -> Self {
        let default = Self::default();
        let country = settings.text("country", "US");
        Self {
            country: country.parse().unwrap_or_else(|_| {
                let message = format!("“{country}” is not a two-letter country code such as US");
                settings.problem("country", message);
                default.country
            }),
            birthday_field: settings.text("birthday_field", &default.birthday_field),
            birth_date_required: settings.flag("birth_date_required", default.birth_date_required),
            placeholder_birth_dates: dates(settings, "placeholder_birth_dates")
                .unwrap_or(default.placeholder_birth_dates),
        }
    }

    /// Whether a date can be somebody's birth date: no placeholder, not in the future, and not
    /// longer ago than anybody lives.
    pub fn is_birth_date(&self, date: NaiveDate, today: NaiveDate) -> bool {
        let earliest = today.checked_sub_months(Months::new(12 * OLDEST_YEARS));
        date <= today
            && earliest.is_none_or(|earliest| date >= earliest)
            && !self.placeholder_birth_dates.contains(&date)
    }
}

fn dates(settings: &mut Settings, key: &str) -> Option<BTreeSet<NaiveDate>> {
    let read = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
    let listed = settings.take(key)?;
    let dates = listed.as_array().and_then(|dates| dates.iter().map(read).collect());
    if dates.is_none() {
        settings.problem(key, "must be a list of dates such as [\"1900-01-01\"]");
    }
    dates
}
