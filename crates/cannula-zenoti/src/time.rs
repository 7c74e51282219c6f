//! Zenoti's two times, which look alike: UTC in webhooks, the center's wall clock in REST. They
//! are different types, so that one cannot be taken for the other.

use cannula_core::{VisitTime, YEARS};
use chrono::{
    DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A moment, written in UTC with or without saying so: `start_time` of a webhook,
/// `start_time_utc` of REST.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UtcTime(pub(crate) DateTime<Utc>);

/// What a clock on the center's wall shows: `start_time` of REST, `start_time_in_center` of a
/// webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CenterTime(pub(crate) NaiveDateTime);

/// A time that may be absent in Zenoti's ways: null, blank, or in the year 1.
pub(crate) trait Written: Sized {
    fn read(text: &str) -> Option<Self>;
}

impl Written for UtcTime {
    fn read(text: &str) -> Option<Self> {
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Some(Self(moment.with_timezone(&Utc)));
        }
        wall(text).map(|wall| Self(wall.and_utc()))
    }
}

impl Written for CenterTime {
    fn read(text: &str) -> Option<Self> {
        wall(text).map(Self)
    }
}

/// `2026-03-04T15:30:00` with any number of decimals, or a date alone. An offset is not looked at:
/// what is a wall clock stays one.
fn wall(text: &str) -> Option<NaiveDateTime> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.naive_local());
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0))
}

impl UtcTime {
    fn year(&self) -> i32 {
        self.0.year()
    }
}

impl CenterTime {
    fn year(&self) -> i32 {
        self.0.year()
    }

    /// The moment the center's clock shows this. The hour that comes twice is taken as the first,
    /// the hour that never comes with the offset of before.
    pub(crate) fn instant(self, zone: Tz) -> DateTime<Utc> {
        match zone.from_local_datetime(&self.0) {
            MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => {
                moment.with_timezone(&Utc)
            }
            MappedLocalTime::None => {
                let before = self.0 - TimeDelta::hours(3);
                zone.from_local_datetime(&before).earliest().map_or_else(
                    || self.0.and_utc(),
                    |moment| moment.with_timezone(&Utc) + TimeDelta::hours(3),
                )
            }
        }
    }

    /// The time of a visit; `utc` is the same moment where Zenoti says it.
    pub(crate) fn visit(self, utc: Option<UtcTime>, zone: Tz) -> VisitTime {
        let instant = utc.map_or_else(|| self.instant(zone), |utc| utc.0);
        VisitTime { local: self.0, instant }
    }
}

/// Reads a time that may be absent.
pub(crate) fn absent<'de, D: Deserializer<'de>, T: Written + Dated>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    read(&text).map_err(|()| D::Error::custom("expected a time such as 2026-03-04T15:30:00"))
}

/// Reads a time from a text; `None` is absent, an error is no time.
pub(crate) fn read<T: Written + Dated>(text: &str) -> Result<Option<T>, ()> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let time = T::read(text).filter(|time| time.dated() <= *YEARS.end()).ok_or(())?;
    Ok((time.dated() > 1).then_some(time))
}

/// What has a year.
pub(crate) trait Dated {
    fn dated(&self) -> i32;
}

impl Dated for UtcTime {
    fn dated(&self) -> i32 {
        self.year()
    }
}

impl Dated for CenterTime {
    fn dated(&self) -> i32 {
        self.year()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_one_is_none_and_nonsense_is_an_error() {
        for nothing in ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "", " "] {
            assert_eq!(read::<CenterTime>(nothing), Ok(None), "{nothing}");
            assert_eq!(read::<UtcTime>(nothing), Ok(None), "{nothing}");
        }
        assert_eq!(read::<CenterTime>("soon"), Err(()));
        assert_eq!(read::<CenterTime>("+262142-12-31T23:59:59"), Err(()));
    }

    #[test]
    fn seven_decimals_are_read() {
        let time = read::<UtcTime>("2026-03-04T18:22:43.3847049Z").unwrap().unwrap();
        assert_eq!(time.0.timestamp_micros(), 1_772_648_563_384_704);
        let same = read::<UtcTime>("2026-03-04T18:22:43.3847049").unwrap().unwrap();
        assert_eq!(time, same);
    }

    #[test]
    fn a_wall_clock_is_a_moment_only_in_its_zone() {
        let zone = chrono_tz::America::Los_Angeles;
        for (text, expected) in [
            ("2026-03-04T15:30:00", "2026-03-04T23:30:00+00:00"),
            ("2026-07-04T15:30:00", "2026-07-04T22:30:00+00:00"),
            // The hour that never comes, and the one that comes twice.
            ("2026-03-08T02:30:00", "2026-03-08T10:30:00+00:00"),
            ("2026-11-01T01:30:00", "2026-11-01T08:30:00+00:00"),
        ] {
            let time = read::<CenterTime>(text).unwrap().unwrap();
            assert_eq!(time.instant(zone).to_rfc3339(), expected, "{text}");
        }
    }
}
