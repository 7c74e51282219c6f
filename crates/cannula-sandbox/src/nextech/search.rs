//! The search grammar: prefixes on dates, prefix match on texts, comma for OR, paging.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use url::form_urlencoded;

use super::reply::Refused;
use crate::{
    practice::{Product, instant_of},
    quirks::Quirks,
};

/// The offset parameter of page links; its name is what public clients were seen to send.
const OFFSET: &str = "_getpagesoffset";

/// A decoded query.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) pairs: Vec<(String, String)>,
    pub(crate) count: usize,
    pub(crate) offset: usize,
    pub(crate) quirks: Quirks,
    pub(crate) product: Product,
}

impl Query {
    pub(crate) fn parse(
        raw: Option<&str>,
        quirks: Quirks,
        product: Product,
    ) -> Result<Self, Refused> {
        let raw = raw.unwrap_or_default();
        let escaped = if quirks.plus_is_space { raw.to_owned() } else { raw.replace('+', "%2B") };
        let pairs: Vec<(String, String)> =
            form_urlencoded::parse(escaped.as_bytes()).into_owned().collect();
        let number = |name: &str, default: usize| {
            let given = pairs.iter().find(|(key, _)| key == name);
            given.map_or(Ok(default), |(_, value)| {
                value.parse().map_err(|_| Refused::bad_request(format!("{name} is not a number")))
            })
        };
        let count = number("_count", 10)?;
        let offset = number(OFFSET, 0)?;
        if count > 50 && quirks.refuse_large_pages {
            return Err(Refused::bad_request("_count may be 50 at most"));
        }
        Ok(Self { pairs, count: count.clamp(1, 50), offset, quirks, product })
    }

    /// The same query for another page, encoded.
    pub(crate) fn at_offset(&self, offset: usize) -> String {
        let mut encoded = form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(self.pairs.iter().filter(|(key, _)| key != OFFSET));
        if offset > 0 {
            encoded.append_pair(OFFSET, &offset.to_string());
        }
        encoded.finish()
    }

    /// All date filters on a parameter; all of them must hold.
    pub(crate) fn dates(&self, name: &str, day: Day) -> Result<Vec<DateFilter>, Refused> {
        let values = self.pairs.iter().filter(|(key, _)| key == name);
        values.map(|(_, value)| DateFilter::parse(name, value, day, &self.quirks)).collect()
    }

    /// All text filters on a parameter; all of them must hold.
    pub(crate) fn texts(&self, name: &str) -> Vec<TextFilter> {
        let wanted = self.pairs.iter().filter_map(|(key, value)| {
            let (bare, modifier) = key.split_once(':').unwrap_or((key, ""));
            (bare == name).then(|| self.text_filter(modifier, value))
        });
        wanted.collect()
    }

    /// Filters on codes and ids, which always match whole.
    pub(crate) fn tokens(&self, name: &str) -> Vec<TextFilter> {
        let wanted = self.pairs.iter().filter(|(key, _)| key == name);
        wanted.map(|(_, value)| TextFilter::new(Match::Whole, value)).collect()
    }

    /// Practice+ hides modifiers in its documents; here it ignores them.
    fn text_filter(&self, modifier: &str, value: &str) -> TextFilter {
        let how = match (modifier, self.product) {
            ("exact", Product::Select) => Match::Whole,
            ("contains", Product::Select) => Match::Within,
            _ if self.quirks.prefix_search => Match::Start,
            _ => Match::Whole,
        };
        TextFilter::new(how, value)
    }

    /// The rows of the wanted page.
    pub(crate) fn page<T>(&self, rows: Vec<T>) -> impl Iterator<Item = T> {
        rows.into_iter().skip(self.offset).take(self.count)
    }
}

#[derive(Clone, Copy, Debug)]
enum Match {
    Start,
    Whole,
    Within,
}

/// A condition on texts, without regard to case and outer spaces.
#[derive(Debug)]
pub(crate) struct TextFilter {
    how: Match,
    wanted: Vec<String>,
}

impl TextFilter {
    fn new(how: Match, value: &str) -> Self {
        // `system|value` and `Patient/id` are ways to write the value.
        let bare = |value: &str| {
            let value = value.rsplit_once('|').map_or(value, |(_, bare)| bare);
            value.trim().to_lowercase()
        };
        Self { how, wanted: value.split(',').map(bare).collect() }
    }

    pub(crate) fn holds(&self, value: &str) -> bool {
        let value = value.trim().to_lowercase();
        self.wanted.iter().any(|wanted| match self.how {
            Match::Start => value.starts_with(wanted.as_str()),
            Match::Whole => value == *wanted,
            Match::Within => value.contains(wanted.as_str()),
        })
    }

    pub(crate) fn any<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> bool {
        values.into_iter().any(|value| self.holds(value))
    }

    /// Like [`TextFilter::any`], for references that may be written `Patient/id`.
    pub(crate) fn refers<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> bool {
        let id = |wanted: &str| wanted.rsplit('/').next().unwrap_or_default().to_owned();
        let wanted: Vec<_> = self.wanted.iter().map(|wanted| id(wanted)).collect();
        values.into_iter().any(|value| wanted.contains(&value.to_lowercase()))
    }
}

/// What a bare date means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Day {
    /// A day in UTC.
    Utc,
    /// A day at the practice.
    Local,
}

/// A condition on an instant: a prefix and the span that the value covers.
#[derive(Clone, Debug)]
pub(crate) struct DateFilter {
    prefix: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl DateFilter {
    fn parse(name: &str, value: &str, day: Day, quirks: &Quirks) -> Result<Self, Refused> {
        let bad = || Refused::bad_request(format!("{name}: not a valid date"));
        let split = value.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(0);
        let (prefix, rest) = value.split_at(split);
        if !["", "eq", "ne", "gt", "ge", "lt", "le"].contains(&prefix) {
            return Err(bad());
        }
        let (from, width) = if let Ok(date) = NaiveDate::parse_from_str(rest, "%Y-%m-%d") {
            let midnight = date.and_time(NaiveTime::MIN);
            let from = match day {
                Day::Utc => midnight.and_utc(),
                Day::Local => instant_of(midnight),
            };
            (from, TimeDelta::days(1))
        } else {
            let width = if quirks.second_precision && !rest.contains('.') {
                TimeDelta::seconds(1)
            } else {
                TimeDelta::milliseconds(1)
            };
            (instant(rest).ok_or_else(bad)?, width)
        };
        Ok(Self { prefix: prefix.to_owned(), from, to: from + width })
    }

    pub(crate) fn holds(&self, value: DateTime<Utc>) -> bool {
        let within = self.from <= value && value < self.to;
        match self.prefix.as_str() {
            "ne" => !within,
            "gt" => value >= self.to,
            "ge" => value >= self.from,
            "lt" => value < self.from,
            "le" => value < self.to,
            _ => within,
        }
    }
}

/// An instant with an offset, or in UTC without one.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.with_timezone(&Utc));
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|local| local.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(filter: &str, value: &str, quirks: &Quirks) -> bool {
        let filter = DateFilter::parse("d", filter, Day::Utc, quirks).unwrap();
        filter.holds(value.parse().unwrap())
    }

    #[test]
    fn filters_see_whole_seconds_while_data_has_milliseconds() {
        let mean = Quirks::default();
        let value = "2031-05-06T14:00:00.500Z";
        for (prefix, expected) in
            [("", true), ("eq", true), ("gt", false), ("ge", true), ("lt", false), ("le", true)]
        {
            let filter = format!("{prefix}2031-05-06T14:00:00Z");
            assert_eq!(holds(&filter, value, &mean), expected, "{filter}");
        }
        assert!(holds("gt2031-05-06T14:00:00Z", value, &Quirks::kind()));
        assert!(holds("2031-05-06", value, &mean));
        assert!(holds("lt2031-05-06T14:00:00-04:00", value, &mean));
    }

    #[test]
    fn a_plus_that_is_not_escaped_spoils_the_date() {
        let parse = |quirks| {
            let raw = Some("_lastUpdated=ge2031-05-06T14:00:00+00:00");
            Query::parse(raw, quirks, Product::Select).unwrap().dates("_lastUpdated", Day::Utc)
        };
        assert!(parse(Quirks::default()).is_err());
        assert!(parse(Quirks::kind()).is_ok());
    }

    #[test]
    fn pages_hold_ten_rows_unless_asked_and_fifty_at_most() {
        let count = |raw| Query::parse(raw, Quirks::default(), Product::Select).unwrap().count;
        assert_eq!(count(None), 10);
        assert_eq!(count(Some("_count=20")), 20);
        assert_eq!(count(Some("_count=200")), 50);
    }
}
