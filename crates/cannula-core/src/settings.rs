//! Reads a configuration section key by key, collecting every problem.

use std::fmt;

use chrono::{DateTime, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use iso_currency::Currency;
use serde_json::{Map, Value};

use crate::{Problems, Secret, VisitTime, nearest};

/// A section of a configuration file, whatever its format, as JSON values.
///
/// Each getter takes its key out and notes a problem if the value is missing or of the wrong
/// type; [`Settings::finish`] reports the keys nobody asked for. So a configuration is checked
/// whole, and every problem names the key's path.
///
/// ```
/// use cannula_core::Settings;
/// let file = serde_json::json!({ "page_size": 50, "practise_id": "p" });
/// let mut settings = Settings::new("nextech", file);
/// let size = settings.integer("page_size", 50);
/// let practice = settings.required("practice_id");
/// let problems = settings.finish();
/// assert_eq!(size, 50);
/// assert_eq!(practice, None);
/// assert_eq!(problems.iter().count(), 2);
/// assert!(problems.to_string().contains("nextech.practise_id: unknown key; did you mean `practice_id`?"));
/// ```
///
/// `Debug` shows keys and no values, because some of them are secrets.
pub struct Settings {
    path: String,
    values: Map<String, Value>,
    asked: Vec<String>,
    problems: Problems,
}

impl Settings {
    /// Opens a section; `path` is what its keys are reported under.
    pub fn new(path: impl Into<String>, section: Value) -> Self {
        let path = path.into();
        let mut problems = Problems::new();
        let values = match section {
            Value::Object(values) => values,
            Value::Null => Map::new(),
            other => {
                problems.add(path.clone(), format!("must be a section, not {}", type_name(&other)));
                Map::new()
            }
        };
        Self { path, values, asked: Vec::new(), problems }
    }

    /// The full path of a key.
    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Notes a problem with a key's value.
    pub fn problem(&mut self, key: &str, message: impl Into<String>) {
        let place = self.path_of(key);
        self.problems.add(place, message);
    }

    /// Whether the key is there; asking does not take it out.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// The raw value, if the key is there.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.asked.push(key.to_owned());
        self.values.remove(key)
    }

    /// A text that may be absent. A blank one is a problem.
    pub fn optional(&mut self, key: &str) -> Option<String> {
        match self.take(key)? {
            Value::String(text) if text.trim().is_empty() => {
                self.problem(key, "must not be blank");
                None
            }
            Value::String(text) => Some(text),
            other => {
                self.problem(key, format!("must be a text, not {}", type_name(&other)));
                None
            }
        }
    }

    /// A text with a default.
    pub fn text(&mut self, key: &str, default: &str) -> String {
        self.optional(key).unwrap_or_else(|| default.to_owned())
    }

    /// A text that must be there.
    pub fn required(&mut self, key: &str) -> Option<String> {
        if !self.values.contains_key(key) {
            self.asked.push(key.to_owned());
            self.problem(key, "is missing");
            return None;
        }
        self.optional(key)
    }

    /// A secret that must be there: the text itself, or `env:NAME` to read it from the
    /// environment through `lookup`.
    pub fn secret(&mut self, key: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Option<Secret> {
        let text = self.required(key)?;
        let Some(name) = text.strip_prefix("env:") else {
            return Some(Secret::new(text));
        };
        match lookup(name).filter(|value| !value.is_empty()) {
            Some(value) => Some(Secret::new(value)),
            None => {
                self.problem(key, format!("the environment variable {name} is not set"));
                None
            }
        }
    }

    /// A whole number that is not negative, with a default.
    pub fn integer(&mut self, key: &str, default: u64) -> u64 {
        match self.take(key) {
            None => default,
            Some(value) => value.as_u64().unwrap_or_else(|| {
                self.problem(
                    key,
                    format!("must be a whole number, zero or more, not {}", type_name(&value)),
                );
                default
            }),
        }
    }

    /// A yes or no with a default.
    pub fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.take(key) {
            None => default,
            Some(Value::Bool(flag)) => flag,
            Some(other) => {
                self.problem(key, format!("must be true or false, not {}", type_name(&other)));
                default
            }
        }
    }

    /// One of a fixed set of words; the first is the default.
    pub fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let Some(text) = self.optional(key) else {
            return choices.first().map(|(_, value)| *value);
        };
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words = choices.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            self.problem(key, format!("“{text}” is not one of: {words}"));
        }
        found
    }

    /// An IANA time zone that must be there.
    pub fn zone(&mut self, key: &str) -> Option<Tz> {
        let name = self.required(key)?;
        let zone = name.parse().ok();
        if zone.is_none() {
            // Short names such as `CET` are like too much.
            let names = || TZ_VARIANTS.iter().map(|zone| zone.name()).filter(|it| it.contains('/'));
            let city = name.trim().replace(' ', "_");
            let is_city = |zone: &&str| {
                zone.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(&city))
            };
            let hint = nearest(&name, names()).or_else(|| names().find(is_city)).map_or_else(
                || "write an IANA name such as `America/New_York`".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.problem(key, format!("“{name}” is not a time zone; {hint}"));
        }
        zone
    }

    /// An instant that must be there: as RFC 3339, or as a date, which begins at midnight in `zone`.
    pub fn instant(&mut self, key: &str, zone: Tz) -> Option<DateTime<Utc>> {
        let text = self.required(key)?;
        if let Ok(instant) = DateTime::parse_from_rfc3339(&text) {
            return Some(instant.with_timezone(&Utc));
        }
        if let Ok(date) = text.parse() {
            return Some(VisitTime::midnight(date, zone).instant);
        }
        self.problem(
            key,
            "must be a date such as `2031-05-01` or an instant such as `2031-05-01T12:00:00Z`",
        );
        None
    }

    /// A currency by its ISO 4217 code; US dollars if absent.
    pub fn currency(&mut self, key: &str) -> Option<Currency> {
        let currency = Currency::from_code(&self.text(key, "USD"));
        if currency.is_none() {
            self.problem(key, "must be an ISO 4217 code such as `USD`");
        }
        currency
    }

    /// A list of texts; `None` if the key is absent or, which is noted, is no such list.
    pub fn texts(&mut self, key: &str) -> Option<Vec<String>> {
        let list = serde_json::from_value(self.take(key)?).ok();
        if list.is_none() {
            self.problem(key, "must be a list of texts");
        }
        list
    }

    /// A key that goes with another choice than the one that was made: a problem if it is there.
    pub fn misplaced(&mut self, key: &str, why: &str) {
        if self.take(key).is_some() {
            self.problem(key, why);
        }
    }

    /// Reads a sub-section to its end; absent is empty.
    pub fn within<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let value = self.take(key).unwrap_or(Value::Null);
        let mut section = Self::new(self.path_of(key), value);
        let value = read(&mut section);
        self.absorb(section.finish());
        value
    }

    /// Takes over problems that were found elsewhere, such as in a document that the section names.
    pub fn absorb(&mut self, problems: Problems) {
        self.problems.extend(problems);
    }

    /// The keys that were not asked for yet, for sections whose keys are data.
    pub fn keys(&self) -> Vec<String> {
        self.values.keys().cloned().collect()
    }

    /// Ends the section: keys nobody asked for are problems too.
    pub fn finish(mut self) -> Problems {
        for key in self.keys() {
            let hint = nearest(&key, self.asked.iter().map(String::as_str)).map_or_else(
                || format!("known keys: {}", self.asked.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.problem(&key, format!("unknown key; {hint}"));
        }
        self.problems
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("path", &self.path)
            .field("keys", &self.keys())
            .finish_non_exhaustive()
    }
}

/// What a value is, in words.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a section",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn all_problems_are_reported_at_once_with_their_paths() {
        let mut settings = Settings::new(
            "nextech",
            json!({ "base_url": 3, "daily": -1, "strict": "yes", "grant": "pasword", "extra": 1, "id": "  " }),
        );
        settings.optional("base_url");
        settings.integer("daily", 0);
        settings.flag("strict", false);
        settings.choice("grant", &[("password", 1), ("client", 2)]);
        settings.required("id");
        settings.secret("key", &|_| None);
        let text = settings.finish().to_string();
        for expected in [
            "nextech.base_url: must be a text, not a number",
            "nextech.daily: must be a whole number, zero or more, not a number",
            "nextech.strict: must be true or false, not a text",
            "nextech.grant: “pasword” is not one of: password, client",
            "nextech.id: must not be blank",
            "nextech.key: is missing",
            "nextech.extra: unknown key; known keys: ",
        ] {
            assert!(text.contains(expected), "{expected} not in\n{text}");
        }
    }

    #[test]
    fn a_zone_is_known_by_its_city_and_by_a_slip_of_the_pen() {
        let problem = |zone: &str| {
            let mut settings = Settings::new("", json!({ "zone": zone }));
            assert_eq!(settings.zone("zone"), None);
            settings.finish().to_string()
        };
        for slip in ["new york", "America/New York", "America/NewYork"] {
            assert!(problem(slip).ends_with("did you mean `America/New_York`?"), "{slip}");
        }
        assert!(problem("Central Time").ends_with("write an IANA name such as `America/New_York`"));
    }

    #[test]
    fn debug_shows_no_value() {
        let settings = Settings::new("nextech", json!({ "password": "hush" }));
        let text = format!("{settings:?}");
        assert!(text.contains("password") && !text.contains("hush"), "{text}");
    }

    #[test]
    fn a_secret_may_come_from_the_environment() {
        let lookup = |name: &str| (name == "KEY").then(|| "s3cret".to_owned());
        let mut settings = Settings::new("", json!({ "a": "env:KEY", "b": "env:NOPE" }));
        assert_eq!(settings.secret("a", &lookup).unwrap().expose(), "s3cret");
        assert!(settings.secret("b", &lookup).is_none());
        assert!(
            settings.finish().to_string().contains("b: the environment variable NOPE is not set")
        );
    }
}
