//! The store's times: `2031-05-06 14:00:00`, in UTC and without saying so, whatever the store's own
//! time zone (magento2#24985, closed as by design).

use cannula_core::YEARS;
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};

/// Reads a time.
///
/// # Errors
/// What would be right.
pub(crate) fn utc(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let time = NaiveDateTime::parse_from_str(text.trim(), "%Y-%m-%d %H:%M:%S").ok();
    time.filter(|time| YEARS.contains(&time.year()))
        .map(|time| time.and_utc())
        .ok_or("expected a time in UTC such as `2031-05-06 14:00:00`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc() {
        assert_eq!(utc("2026-07-15 01:00:00").unwrap().to_rfc3339(), "2026-07-15T01:00:00+00:00");
        for nonsense in ["", "0000-00-00 00:00:00", "-262143-01-01 00:00:00", "soon", "2026-07-15"]
        {
            assert!(utc(nonsense).is_err(), "{nonsense}");
        }
    }
}
