//! PatientNow's spellings of time. What has no offset is on the wall clock of the location.

use cannula_core::{VisitTime, YEARS};
use chrono::{
    DateTime, Datelike, FixedOffset, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta,
    TimeZone, Utc,
};
use chrono_tz::Tz;

/// A timestamp as written.
enum Written {
    Moment(DateTime<FixedOffset>),
    Wall(NaiveDateTime),
    Day(NaiveDate),
}

/// `2031-03-04T15:30:00` with `Z`, an offset or neither, or a date alone.
fn parse(text: &str) -> Option<Written> {
    let written = written(text.trim())?;
    let year = match &written {
        Written::Moment(moment) => moment.year(),
        Written::Wall(wall) => wall.year(),
        Written::Day(day) => day.year(),
    };
    YEARS.contains(&year).then_some(written)
}

fn written(text: &str) -> Option<Written> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(Written::Moment(moment));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"] {
        if let Ok(moment) = DateTime::parse_from_str(text, format) {
            return Some(Written::Moment(moment));
        }
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(wall) = NaiveDateTime::parse_from_str(text, format) {
            return Some(Written::Wall(wall));
        }
    }
    text.parse().ok().map(Written::Day)
}

/// A moment that is over, such as `UpdatedOn`, read at `now`. In the hour that comes twice it is the
/// second one as soon as that has come, so that no change is taken for older than one before it.
pub(crate) fn instant(text: &str, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    Some(match parse(text)? {
        Written::Moment(moment) => moment.with_timezone(&Utc),
        Written::Wall(wall) => match zone.from_local_datetime(&wall) {
            MappedLocalTime::Ambiguous(_, second) if second <= now => second.with_timezone(&Utc),
            _ => on_wall(wall, zone),
        },
        Written::Day(day) => VisitTime::midnight(day, zone).instant,
    })
}

/// The day of a moment on the location's calendar; a date is taken as written.
pub(crate) fn day(text: &str, zone: Tz) -> Option<NaiveDate> {
    Some(match parse(text)? {
        Written::Moment(moment) => moment.with_timezone(&zone).date_naive(),
        Written::Wall(wall) => wall.date(),
        Written::Day(day) => day,
    })
}

/// The start or end of a visit.
pub(crate) fn visit(text: &str, zone: Tz) -> Option<VisitTime> {
    Some(match parse(text)? {
        Written::Moment(moment) => VisitTime::in_zone(moment.with_timezone(&Utc), zone),
        Written::Wall(wall) => VisitTime { local: wall, instant: on_wall(wall, zone) },
        Written::Day(day) => VisitTime::midnight(day, zone),
    })
}

/// A birth date: the date as written. No zone moves it, even if it comes with a time.
pub(crate) fn calendar_date(text: &str) -> Option<NaiveDate> {
    Some(match parse(text)? {
        Written::Moment(moment) => moment.date_naive(),
        Written::Wall(wall) => wall.date(),
        Written::Day(day) => day,
    })
}

/// The moment the wall clock shows this time: in the hour that comes twice the first, and in the
/// hour that never comes as if the clock had not been changed yet.
fn on_wall(wall: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&wall) {
        MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => {
            moment.with_timezone(&Utc)
        }
        MappedLocalTime::None => {
            let before = zone.from_local_datetime(&(wall - TimeDelta::hours(3))).earliest();
            before.map_or_else(|| wall.and_utc(), |it| it.with_timezone(&Utc) + TimeDelta::hours(3))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONE: Tz = chrono_tz::America::Los_Angeles;

    #[test]
    fn a_year_beyond_four_digits_is_no_time() {
        for text in ["-262143-01-01T00:00:00Z", "+262142-12-31T23:59:59", "-262143-01-01"] {
            assert_eq!((visit(text, ZONE), day(text, ZONE)), (None, None), "{text}");
        }
    }

    #[test]
    fn a_time_without_an_offset_is_the_locations() {
        let table = [
            ("2031-03-04T15:30:00", "2031-03-04 15:30:00 = 23:30"),
            ("2031-03-04T15:30:00Z", "2031-03-04 07:30:00 = 15:30"),
            ("2031-03-04T15:30:00-05:00", "2031-03-04 12:30:00 = 20:30"),
            ("2031-03-04T15:30:00.1234567", "2031-03-04 15:30:00.123456700 = 23:30"),
            ("2031-03-04 15:30:00", "2031-03-04 15:30:00 = 23:30"),
            ("2031-03-04T15:30", "2031-03-04 15:30:00 = 23:30"),
            ("2031-03-04", "2031-03-04 00:00:00 = 08:00"),
            // The hour that comes twice, and the hour that never comes.
            ("2031-11-02T01:30:00", "2031-11-02 01:30:00 = 08:30"),
            ("2031-03-09T02:30:00", "2031-03-09 02:30:00 = 10:30"),
        ];
        for (text, expected) in table {
            let visit = visit(text, ZONE).unwrap();
            let shown = format!("{} = {}", visit.local, visit.instant.format("%H:%M"));
            assert_eq!(shown, expected, "{text}");
            let now = "2031-01-01T00:00:00Z".parse().unwrap();
            assert_eq!(instant(text, ZONE, now).unwrap(), visit.instant, "{text}");
            assert_eq!(day(text, ZONE).unwrap(), visit.date(), "{text}");
        }
        assert!(visit("3/4/2031", ZONE).is_none() && visit("", ZONE).is_none());
    }

    #[test]
    fn of_two_changes_in_the_hour_that_comes_twice_the_later_is_the_newer() {
        let read = |text: &str, now: &str| instant(text, ZONE, now.parse().unwrap()).unwrap();
        // Half past one, then, after the clocks went back, ten past one.
        let first = read("2031-11-02T01:30:00", "2031-11-02T08:31:00Z");
        let second = read("2031-11-02T01:10:00", "2031-11-02T09:11:00Z");
        assert!(first < second, "{first} {second}");
    }

    #[test]
    fn no_zone_moves_a_birth_date() {
        for text in ["1988-04-17", "1988-04-17T00:00:00", "1988-04-17T00:00:00Z"] {
            assert_eq!(calendar_date(text).unwrap().to_string(), "1988-04-17", "{text}");
        }
    }
}
