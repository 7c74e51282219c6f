//! What both products print alike: stamps, references, identifiers, and rows gone bad.

use cannula_core::{AppointmentStatus, Named};
use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeZone, Utc};
use serde_json::{Map, Value, json};

use crate::{
    practice::{Address, Spoil, ZONE},
    quirks::Quirks,
};

/// A number derived from an id, so that one record is spelt one way every time.
pub(crate) fn variant(id: &str) -> u32 {
    id.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
}

/// An instant in one of the spellings seen: `…11.27+00:00`, `…11.913Z`, seven digits, local.
pub(crate) fn stamp(at: DateTime<Utc>, variant: u32, quirks: &Quirks) -> String {
    let millis = at.format("%Y-%m-%dT%H:%M:%S%.3f");
    if !quirks.mixed_stamps {
        return format!("{millis}Z");
    }
    match variant % 4 {
        0 => {
            let text = millis.to_string();
            // At least one digit stays: `.0`.
            let cut = text.trim_end_matches('0');
            let cut = if cut.ends_with('.') { &text[..=cut.len()] } else { cut };
            format!("{cut}+00:00")
        }
        1 => format!("{millis}Z"),
        2 => format!("{millis}0000+00:00"),
        _ => at.with_timezone(&ZONE).format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
    }
}

/// An instant on the practice's wall with the offset of that day, as Practice+ prints the stamps
/// of payments, with one to seven fractional digits.
pub(crate) fn local_stamp(at: DateTime<Utc>, variant: u32, quirks: &Quirks) -> String {
    let local = at.with_timezone(&ZONE);
    let digits = local.format("%.3f").to_string();
    let digits = match variant % 3 {
        _ if !quirks.mixed_stamps => digits,
        // At least one digit stays: `.0`.
        0 => digits[..2].to_owned() + digits[2..].trim_end_matches('0'),
        1 => digits,
        _ => digits + "0000",
    };
    format!("{}{digits}{}", local.format("%Y-%m-%dT%H:%M:%S"), local.format("%:z"))
}

/// A wall-clock time with its right offset, or with −05:00 all year.
pub(crate) fn local_time(local: NaiveDateTime, fixed: bool) -> String {
    let offset = if fixed {
        FixedOffset::west_opt(5 * 3600)
    } else {
        ZONE.from_local_datetime(&local).earliest().map(|time| time.offset().fix())
    };
    let offset = offset.map_or_else(|| "-05:00".to_owned(), |offset| offset.to_string());
    format!("{}{offset}", local.format("%Y-%m-%dT%H:%M:%S"))
}

/// A GUID, now and then in upper case.
pub(crate) fn guid(id: &str, variant: u32, quirks: &Quirks) -> String {
    if quirks.mixed_case && variant % 3 == 1 { id.to_uppercase() } else { id.to_owned() }
}

/// `Patient/<guid>`, now and then `patient/<guid>`.
pub(crate) fn patient_reference(id: &str, variant: u32, quirks: &Quirks) -> String {
    let kind = if quirks.mixed_case && variant % 5 == 2 { "patient" } else { "Patient" };
    format!("{kind}/{}", guid(id, variant, quirks))
}

/// A reference to a lookup row; without an id only its name is there.
pub(crate) fn lookup(kind: &str, named: &Named) -> Value {
    match &named.id {
        Some(id) => json!({ "reference": format!("{kind}/{id}"), "display": named.name }),
        None => json!({ "display": named.name }),
    }
}

/// The FHIR code of a status; a status that the practice made up has none.
pub(crate) fn code(status: &AppointmentStatus) -> Option<&str> {
    Some(match status {
        AppointmentStatus::Proposed => "proposed",
        AppointmentStatus::Pending => "pending",
        AppointmentStatus::Confirmed => "booked",
        AppointmentStatus::Arrived => "arrived",
        AppointmentStatus::Fulfilled => "fulfilled",
        AppointmentStatus::Cancelled => "cancelled",
        AppointmentStatus::NoShow => "noshow",
        AppointmentStatus::EnteredInError => "entered-in-error",
        AppointmentStatus::Unknown(code) => code,
        // The type is non-exhaustive; what it gains later has no code here.
        _ => return None,
    })
}

/// A home address; what the practice does not know is not there.
pub(crate) fn address(address: &Address, country: Option<&str>) -> Value {
    let mut printed = Map::new();
    printed.insert("use".to_owned(), "home".into());
    printed.insert("type".to_owned(), "both".into());
    if !address.line.is_empty() {
        printed.insert("line".to_owned(), json!([address.line]));
    }
    for (key, value) in [
        ("city", address.city.as_str()),
        ("state", &address.state),
        ("postalCode", &address.postal_code),
        ("country", country.unwrap_or_default()),
    ] {
        if !value.is_empty() {
            printed.insert(key.to_owned(), value.into());
        }
    }
    Value::Object(printed)
}

/// The start of a resource: type, id and identifier, and `meta`.
pub(crate) fn head(kind: &str, id: &str, stamp: String, quirks: &Quirks) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("resourceType".to_owned(), kind.into());
    head.insert("id".to_owned(), id.into());
    if !quirks.absent_meta {
        head.insert("meta".to_owned(), json!({ "lastUpdated": stamp }));
    }
    head.insert("identifier".to_owned(), json!([{ "use": "official", "value": id }]));
    head
}

/// Adds the members of an object.
pub(crate) fn extend(target: &mut Map<String, Value>, more: Value) {
    if let Value::Object(more) = more {
        target.extend(more);
    }
}

/// The resource as it goes out, spoilt if it must be.
pub(crate) fn finish(mut resource: Map<String, Value>, spoil: Option<Spoil>) -> Value {
    match spoil {
        None => {}
        Some(Spoil::NotADate) => {
            for key in ["start", "birthDate"] {
                if let Some(value) = resource.get_mut(key) {
                    *value = "not a date".into();
                }
            }
        }
        Some(Spoil::NoId) => {
            resource.remove("id");
            resource.remove("identifier");
        }
        Some(Spoil::NotAnObject) => return "Internal error while rendering".into(),
    }
    Value::Object(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_stamp_is_the_same_instant() {
        for millis in [0, 270, 913, 5] {
            let at = DateTime::from_timestamp_millis(1_920_000_000_000 + millis).unwrap();
            for variant in 0..4 {
                let text = stamp(at, variant, &Quirks::default());
                assert_eq!(DateTime::parse_from_rfc3339(&text).unwrap(), at, "{text}");
            }
        }
    }

    #[test]
    fn local_stamps_follow_daylight_saving_time_to_the_same_instant() {
        for (at, offset) in
            [("2031-01-05T12:00:00.5Z", "-05:00"), ("2031-07-05T12:00:00Z", "-04:00")]
        {
            let at = at.parse().unwrap();
            for variant in 0..3 {
                let text = local_stamp(at, variant, &Quirks::default());
                assert_eq!(DateTime::parse_from_rfc3339(&text).unwrap(), at, "{text}");
                assert!(text.ends_with(offset), "{text}");
            }
        }
    }

    #[test]
    fn a_summer_time_is_printed_with_its_own_offset_or_with_the_winter_one() {
        let local = "2031-07-01T10:30:00".parse().unwrap();
        assert_eq!(local_time(local, false), "2031-07-01T10:30:00-04:00");
        assert_eq!(local_time(local, true), "2031-07-01T10:30:00-05:00");
    }
}
