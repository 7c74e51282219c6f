//! Pages and filters.

use axum::{
    Json,
    http::HeaderValue,
    response::{IntoResponse, Response},
};
use chrono::NaiveDate;
use serde_json::Value;

/// No page has more rows than this, whatever is asked for.
const MOST_ROWS: usize = 100;

/// The parameters of a query; names in any case.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(raw: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(raw.unwrap_or_default().as_bytes());
        Self(pairs.map(|(name, value)| (name.to_lowercase(), value.into_owned())).collect())
    }

    /// A parameter that says something.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let name = name.to_lowercase();
        let value = self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    }

    /// Whether a filter, if there is one, is this number.
    pub(super) fn is(&self, name: &str, number: &Value) -> bool {
        let number = number.to_string();
        self.text(name).is_none_or(|wanted| wanted == number)
    }

    /// Whether a day is within `StartDate` and `EndDate`, both included.
    pub(super) fn spans(&self, day: NaiveDate) -> bool {
        let bound = |name| self.text(name).as_deref().and_then(date);
        bound("StartDate").is_none_or(|start| start <= day)
            && bound("EndDate").is_none_or(|end| day <= end)
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.text(name)?.parse().ok().filter(|number| *number > 0)
    }

    /// One page of `rows` as a bare array. `rows_by_default` is the resource's own; not every
    /// resource tells how many there are.
    pub(super) fn page(&self, rows: Vec<Value>, rows_by_default: usize, counted: bool) -> Response {
        let size = self.number("Rows").unwrap_or(rows_by_default).min(MOST_ROWS);
        let page = self.number("Page").unwrap_or(1);
        let (total, pages) = (rows.len(), rows.len().div_ceil(size));
        let skipped = size.saturating_mul(page - 1);
        let shown: Vec<Value> = rows.into_iter().skip(skipped).take(size).collect();
        let mut response = Json(shown).into_response();
        if counted {
            let headers = response.headers_mut();
            headers.insert("DataTotalRows", HeaderValue::from(total));
            headers.insert("DataTotalPages", HeaderValue::from(pages));
        }
        response
    }
}

/// A date, or the date of a date and time.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()
}
