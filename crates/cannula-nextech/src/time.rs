//! Nextech's spellings of time.

use cannula_core::{VisitTime, YEARS};
use chrono::{
    DateTime, Datelike, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime,
    TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

/// A timestamp as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    wall: NaiveDateTime,
    offset: Option<FixedOffset>,
}

/// Reads `2031-05-20T10:30:00-04:00`, with or without seconds, with any number of fractional
/// digits, with `Z`, an offset or neither, or a date alone. No record is of a leap second: on the
/// walls of long ago, whose offsets have seconds, there is none.
fn parse(text: &str) -> Option<Stamp> {
    let is_leap = |wall: NaiveDateTime| wall.nanosecond() >= 1_000_000_000;
    let stamp = written(text.trim())?;
    (YEARS.contains(&stamp.wall.year()) && !is_leap(stamp.wall)).then_some(stamp)
}

fn written(text: &str) -> Option<Stamp> {
    // chrono's own readers are several times slower, and a page has three timestamps a row.
    if let Some(stamp) = usual(text) {
        return Some(stamp);
    }
    if let Ok(stamp) = DateTime::parse_from_rfc3339(text) {
        return Some(Stamp { wall: stamp.naive_local(), offset: Some(*stamp.offset()) });
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"] {
        if let Ok(stamp) = DateTime::parse_from_str(text, format) {
            return Some(Stamp { wall: stamp.naive_local(), offset: Some(*stamp.offset()) });
        }
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(wall) = NaiveDateTime::parse_from_str(text, format) {
            return Some(Stamp { wall, offset: None });
        }
    }
    let date = text.parse::<NaiveDate>().ok()?;
    Some(Stamp { wall: date.and_hms_opt(0, 0, 0)?, offset: None })
}

/// Reads the usual spelling, `2031-05-20T10:30:00` with or without a fraction and an offset;
/// `None` for any other, right or wrong.
fn usual(text: &str) -> Option<Stamp> {
    let (head, tail) = text.as_bytes().split_at_checked(19)?;
    let [y, e, a, r, b'-', m, o, b'-', d, t, b'T', h, u, b':', i, n, b':', s, c] = head else {
        return None;
    };
    let date = NaiveDate::from_ymd_opt(
        number(&[*y, *e, *a, *r])?.try_into().ok()?,
        number(&[*m, *o])?,
        number(&[*d, *t])?,
    )?;
    let (nano, tail) = fraction(tail)?;
    let (hour, minute, second) = (number(&[*h, *u])?, number(&[*i, *n])?, number(&[*s, *c])?);
    let time = NaiveTime::from_hms_nano_opt(hour, minute, second, nano)?;
    Some(Stamp { wall: date.and_time(time), offset: offset(tail)? })
}

/// The nanoseconds of a fraction of up to nine digits, if there is one, and what follows it.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let [b'.', text @ ..] = text else { return Some((0, text)) };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length).filter(|_| (1..=9).contains(&length))?;
    Some((number(digits)? * 10_u32.pow(9 - length as u32), rest))
}

/// `Z`, `+hh:mm`, `-hh:mm`, or nothing.
fn offset(text: &[u8]) -> Option<Option<FixedOffset>> {
    let seconds = match text {
        [] => return Some(None),
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h, u, b':', i, n] => {
            let (hours, minutes) = (number(&[*h, *u])?, number(&[*i, *n])?);
            let minutes = i32::try_from(Some(minutes).filter(|it| *it < 60)? + hours * 60).ok()?;
            if *sign == b'-' { -minutes * 60 } else { minutes * 60 }
        }
        _ => return None,
    };
    FixedOffset::east_opt(seconds).map(Some)
}

/// At most nine digits.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    })
}

/// A moment such as `meta.lastUpdated`; without an offset it is UTC.
pub(crate) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let stamp = parse(text)?;
    match stamp.offset {
        Some(offset) => {
            let instant = offset.from_local_datetime(&stamp.wall).single()?;
            Some(instant.with_timezone(&Utc))
        }
        None => Some(stamp.wall.and_utc()),
    }
}

/// The day of a date, of a wall clock, or, on the practice's calendar, of a moment.
pub(crate) fn day(text: &str, zone: Tz) -> Option<NaiveDate> {
    let stamp = parse(text)?;
    let Some(offset) = stamp.offset else { return Some(stamp.wall.date()) };
    let moment = offset.from_local_datetime(&stamp.wall).single()?;
    Some(moment.with_timezone(&zone).date_naive())
}

/// The start or end of a visit.
///
/// The wall clock as written is the practice's; its offset is not trusted, because Practice+
/// prints −05:00 all year (samples for `Appointment` in the Practice+ API documentation). A time
/// written in UTC is a moment and is shown on the practice's wall clock.
pub(crate) fn visit(text: &str, zone: Tz) -> Option<VisitTime> {
    let stamp = parse(text)?;
    match stamp.offset {
        Some(offset) if offset.local_minus_utc() == 0 => {
            Some(VisitTime::in_zone(stamp.wall.and_utc(), zone))
        }
        offset => Some(VisitTime { local: stamp.wall, instant: on_wall(stamp.wall, zone, offset) }),
    }
}

/// The moment a practice's wall clock shows this time. The hour that comes twice in autumn is
/// decided by the written offset if it is one of the two, else it is the first; the hour that
/// never comes in spring is read with the offset of the winter before.
fn on_wall(wall: NaiveDateTime, zone: Tz, written: Option<FixedOffset>) -> DateTime<Utc> {
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(moment) => moment.with_timezone(&Utc),
        MappedLocalTime::Ambiguous(first, second) => {
            let second_is_meant = written.is_some_and(|it| {
                use chrono::Offset;
                second.offset().fix() == it
            });
            if second_is_meant { second } else { first }.with_timezone(&Utc)
        }
        MappedLocalTime::None => {
            let before = wall - chrono::TimeDelta::hours(3);
            zone.from_local_datetime(&before).earliest().map_or_else(
                || wall.and_utc(),
                |moment| moment.with_timezone(&Utc) + chrono::TimeDelta::hours(3),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_beyond_four_digits_is_no_time() {
        for text in ["-262143-01-01T00:00:00Z", "+262142-12-31T23:59:59", "-262143-01-01"] {
            assert_eq!(visit(text, chrono_tz::America::New_York), None, "{text}");
            assert_eq!((instant(text), day(text, chrono_tz::Asia::Tokyo)), (None, None), "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_no_time() {
        for text in ["2016-12-31T23:59:60Z", "2016-12-31T18:59:60.5-05:00", "2016-12-31T18:59:60"] {
            assert_eq!((visit(text, ZONE), instant(text)), (None, None), "{text}");
        }
    }

    const ZONE: Tz = chrono_tz::America::New_York;

    fn visit_text(text: &str) -> String {
        visit(text, ZONE).map_or_else(
            || "unreadable".to_owned(),
            |visit| format!("{} = {}", visit.local, visit.instant.format("%d %H:%M:%SZ")),
        )
    }

    #[test]
    fn the_written_wall_clock_is_the_practices_unless_it_is_utc() {
        let table = [
            ("2031-05-20T10:30:00-04:00", "2031-05-20 10:30:00 = 20 14:30:00Z"),
            // A fixed winter offset in summer: the wall clock is right, the offset is not.
            ("2031-05-20T10:30:00-05:00", "2031-05-20 10:30:00 = 20 14:30:00Z"),
            ("2031-05-20T10:30:00Z", "2031-05-20 06:30:00 = 20 10:30:00Z"),
            ("2031-05-20T02:30:00.5+00:00", "2031-05-19 22:30:00.500 = 20 02:30:00Z"),
            ("2031-05-20T10:30:00", "2031-05-20 10:30:00 = 20 14:30:00Z"),
            ("2031-05-20T10:30", "2031-05-20 10:30:00 = 20 14:30:00Z"),
            ("2031-05-20", "2031-05-20 00:00:00 = 20 04:00:00Z"),
            // The hour that comes twice, and the hour that never comes.
            ("2031-11-02T01:30:00-04:00", "2031-11-02 01:30:00 = 02 05:30:00Z"),
            ("2031-11-02T01:30:00-05:00", "2031-11-02 01:30:00 = 02 06:30:00Z"),
            ("2031-03-09T02:30:00-05:00", "2031-03-09 02:30:00 = 09 07:30:00Z"),
            ("5/20/2031", "unreadable"),
            ("", "unreadable"),
        ];
        for (text, expected) in table {
            assert_eq!(visit_text(text), expected, "{text}");
        }
    }

    #[test]
    fn a_day_is_the_practices_and_a_date_is_taken_as_written() {
        let table = [
            ("2031-05-06T04:00:00.000Z", Some((5, 6))),
            ("2031-05-06T03:59:59Z", Some((5, 5))),
            ("2031-05-06T23:30:00-04:00", Some((5, 6))),
            ("2031-05-06T23:30:00-07:00", Some((5, 7))),
            ("2031-05-06T00:00:00", Some((5, 6))),
            ("2031-05-06", Some((5, 6))),
            ("5/6/2031", None),
        ];
        for (text, expected) in table {
            let expected =
                expected.and_then(|(month, day)| NaiveDate::from_ymd_opt(2031, month, day));
            assert_eq!(day(text, ZONE), expected, "{text}");
        }
    }

    #[test]
    fn every_spelling_of_a_moment_is_read() {
        let table = [
            ("2031-05-06T14:03:11.27+00:00", 1_935_842_591_270),
            ("2031-05-06T14:03:11.270Z", 1_935_842_591_270),
            ("2031-05-06T10:03:11.2700000-04:00", 1_935_842_591_270),
            ("2031-05-06T10:03:11.27-0400", 1_935_842_591_270),
            ("2031-05-06T14:03:11.27", 1_935_842_591_270),
            ("2031-05-06T14:03:11Z", 1_935_842_591_000),
            ("2031-05-06T14:03Z", 1_935_842_580_000),
            ("2031-05-06", 1_935_792_000_000),
        ];
        for (text, millis) in table {
            assert_eq!(instant(text).map(|it| it.timestamp_millis()), Some(millis), "{text}");
        }
        assert_eq!(instant("soon"), None);
    }

    #[test]
    fn the_short_way_reads_as_chrono_does() {
        for text in [
            "2031-05-20T10:30:00Z",
            "2031-05-20T10:30:00.27-04:00",
            "2031-05-20T10:30:00.123456789+05:30",
            "2031-05-20T10:30:00-00:00",
            "2031-05-20T10:30:00+23:59",
            "2028-02-29T23:59:59.9Z",
        ] {
            let chronos = DateTime::parse_from_rfc3339(text).unwrap();
            let (wall, offset) = (chronos.naive_local(), Some(*chronos.offset()));
            assert_eq!(usual(text), Some(Stamp { wall, offset }), "{text}");
        }
        for text in [
            "2031-02-29T10:30:00Z",
            "2031-05-20T24:00:00Z",
            "2031-05-20T10:30:60Z",
            "2031-05-20T10:30:00+05:60",
            "2031-05-20T10:30:00+24:00",
            "2031-05-20T10:30:00.Z",
            "2031-05-20T10:30:00.1234567890Z",
            "2031-05-20T10:30:00 Z",
            "2031-05-20 10:30:00Z",
            "2031-05-2OT10:30:00Z",
        ] {
            assert_eq!(usual(text), None, "{text}");
        }
    }
}
