//! Times as chrono prints them, only faster: each appointment has four, and printing them through
//! the formatting machinery was most of what its digest cost.

use chrono::{DateTime, Datelike, NaiveDateTime, Timelike, Utc};
use serde::{Serialize, Serializer};

/// Serialises a wall clock as `2031-05-20T10:30:00`.
pub(crate) fn local<S: Serializer>(time: &NaiveDateTime, out: S) -> Result<S::Ok, S::Error> {
    match whole_seconds(*time) {
        Some(text) => out.serialize_str(ascii(&text[..19])),
        None => time.serialize(out),
    }
}

/// Serialises an instant as `2031-05-20T10:30:00Z`.
pub(crate) fn utc<S: Serializer>(time: &DateTime<Utc>, out: S) -> Result<S::Ok, S::Error> {
    match whole_seconds(time.naive_utc()) {
        Some(text) => out.serialize_str(ascii(&text)),
        None => time.serialize(out),
    }
}

/// `2031-05-20T10:30:00Z`, if the time has no fraction and its year has four digits, as usual.
fn whole_seconds(time: NaiveDateTime) -> Option<[u8; 20]> {
    let year = u32::try_from(time.year()).ok().filter(|year| *year <= 9_999)?;
    if time.nanosecond() != 0 {
        return None;
    }
    let mut text = *b"0000-00-00T00:00:00Z";
    let pairs = [
        (0, year / 100),
        (2, year % 100),
        (5, time.month()),
        (8, time.day()),
        (11, time.hour()),
        (14, time.minute()),
        (17, time.second()),
    ];
    for (at, number) in pairs {
        // Both are digits: every number here is below a hundred.
        text[at] += (number / 10) as u8;
        text[at + 1] += (number % 10) as u8;
    }
    Some(text)
}

fn ascii(text: &[u8]) -> &str {
    // Digits and punctuation are always text.
    std::str::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use serde_json::{Serializer, to_string};

    use super::*;

    #[test]
    fn every_time_is_printed_as_chrono_prints_it() {
        let times = [
            (2031, 5, 20, 10, 30, 0, 0),
            (1999, 12, 31, 23, 59, 59, 0),
            (2031, 5, 20, 10, 30, 7, 250_000_000),
            (2016, 12, 31, 23, 59, 59, 1_000_000_000),
            (812, 1, 2, 3, 4, 5, 0),
            (-44, 3, 15, 12, 0, 0, 0),
            (12_031, 5, 20, 10, 30, 0, 0),
        ];
        for (year, month, day, hour, minute, second, nano) in times {
            let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            let time = date.and_hms_nano_opt(hour, minute, second, nano).unwrap();
            let (mut ours, mut instant) = (Vec::new(), Vec::new());
            local(&time, &mut Serializer::new(&mut ours)).unwrap();
            utc(&time.and_utc(), &mut Serializer::new(&mut instant)).unwrap();
            assert_eq!(String::from_utf8(ours).unwrap(), to_string(&time).unwrap());
            assert_eq!(String::from_utf8(instant).unwrap(), to_string(&time.and_utc()).unwrap());
        }
    }
}
