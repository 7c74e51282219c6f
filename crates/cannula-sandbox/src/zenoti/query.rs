//! Query strings, whose names may repeat.

use axum::http::Uri;
use chrono::{NaiveDate, NaiveDateTime};
use url::form_urlencoded;

use super::{ids::CENTER, reply::Refused};

/// The parameters of a request; names without regard to case.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Self {
        let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        Self(pairs.map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A parameter that says something.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(str::trim).filter(|text| !text.is_empty())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Whether a block is asked for, by one of several `expand` or in a list.
    pub(super) fn expands(&self, block: &str) -> bool {
        let lists = self.0.iter().filter(|(name, _)| name == "expand");
        lists
            .flat_map(|(_, value)| value.split(','))
            .any(|it| it.trim().eq_ignore_ascii_case(block))
    }

    /// A date, or a time of which the date counts.
    pub(super) fn date(&self, name: &str) -> Result<Option<NaiveDate>, Refused> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let date = text.parse::<NaiveDate>().ok();
        match date.or_else(|| Some(text.parse::<NaiveDateTime>().ok()?.date())) {
            Some(date) => Ok(Some(date)),
            None => Err(Refused::invalid(400, format!("{name} is not a date."))),
        }
    }

    pub(super) fn need_date(&self, name: &str) -> Result<NaiveDate, Refused> {
        self.date(name)?.ok_or_else(|| Refused::invalid(503, format!("{name} is missing.")))
    }

    /// The center, which must be there and one of the organisation's; whether it is the busy one.
    pub(super) fn center(&self) -> Result<bool, Refused> {
        let Some(center) = self.text("center_id") else {
            return Err(Refused::invalid(503, "center_id is missing."));
        };
        center_of(center).ok_or_else(Refused::wrong_center)
    }
}

/// Whether a center is the one where everything happens; `None` for one that nobody knows.
pub(super) fn center_of(id: &str) -> Option<bool> {
    if id.eq_ignore_ascii_case(CENTER) {
        return Some(true);
    }
    let known = super::centers::ids().any(|known| known.eq_ignore_ascii_case(id));
    known.then_some(false)
}
