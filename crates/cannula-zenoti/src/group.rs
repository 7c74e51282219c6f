//! A booking: several services of one visit, which Zenoti keeps as a group of appointments.

use std::collections::BTreeMap;

use cannula_core::{Appointment, AppointmentStatus, Named, PatientId, Phi};
use chrono::NaiveDate;
use chrono_tz::Tz;

use crate::{
    codes::{AppointmentCode, Progress},
    map::Problem,
    wire::{self, Labelled, Somebody, filled},
};

/// The services of one booking.
pub(crate) type Group = Vec<wire::Appointment>;

/// Sorts a center's list into bookings. Blocks have no guest or no group and are left out.
pub(crate) fn groups(rows: impl IntoIterator<Item = wire::Appointment>) -> BTreeMap<String, Group> {
    let mut groups = BTreeMap::<String, Group>::new();
    for row in rows {
        let is_guests = row.guest.as_ref().is_some_and(|guest| guest.id.is_some());
        if let (Some(id), true) = (row.appointment_group_id.clone(), is_guests) {
            groups.entry(id).or_default().push(row);
        }
    }
    groups
}

/// The guest of a booking.
pub(crate) fn guest(group: &Group) -> Option<String> {
    group.iter().find_map(|row| row.guest.as_ref()?.id.clone())
}

/// The day of a booking at its center.
pub(crate) fn day(group: &Group) -> Option<NaiveDate> {
    group.iter().filter_map(|row| row.start_time).min().map(|start| start.0.date())
}

/// The invoice of a booking.
pub(crate) fn invoice(group: &Group) -> Option<String> {
    group.iter().find_map(|row| row.invoice_id.clone())
}

/// Whether a booking is still to be seen in the book, so that its absence means something.
pub(crate) fn is_live(group: &Group) -> bool {
    let closed = |row: &wire::Appointment| row.status == Some(AppointmentCode::Closed);
    stands(group).any(|row| !closed(row))
}

/// The services that were not dropped.
fn stands(group: &Group) -> impl Iterator<Item = &wire::Appointment> {
    group.iter().filter(|row| !row.status.is_some_and(AppointmentCode::is_dropped))
}

/// One visit out of its services.
///
/// Services that were dropped are left out while others stand. The first service that is no
/// add-on is the visit's type, the rest is what is done besides; the earliest start is its start,
/// and the first service's therapist is its practitioner.
pub(crate) fn appointment(
    group: &Group,
    location: Option<&Named>,
    zone: Tz,
) -> Result<Appointment, Problem> {
    let mut rows: Vec<_> = stands(group).collect();
    if rows.is_empty() {
        rows = group.iter().collect();
    }
    let is_add_on = |row: &wire::Appointment| {
        row.service.as_ref().and_then(|service| service.is_addon).unwrap_or(false)
    };
    rows.sort_by_key(|row| (is_add_on(row), row.start_time, row.appointment_id.clone()));
    let missing = |key: &str| Problem::new(key, "is missing");
    let guest = guest(group).ok_or_else(|| missing("guest.id"))?;
    let start = rows.iter().filter_map(|row| Some((row.start_time?, row.start_time_utc))).min();
    let (start, start_utc) = start.ok_or_else(|| missing("start_time"))?;
    let end = rows.iter().filter_map(|row| Some((row.end_time?, row.end_time_utc))).max();
    let mut services = rows.iter().filter_map(|row| service(row.service.as_ref()?));
    let kind = services.next();
    Ok(Appointment {
        patient: Some(PatientId::new(guest)),
        status: status(group).ok_or_else(|| missing("status"))?,
        kind,
        also: services.collect(),
        purposes: Vec::new(),
        start: Some(start.visit(start_utc, zone)),
        end: end.map(|(end, utc)| end.visit(utc, zone)),
        practitioner: rows.first().and_then(|row| practitioner(row.therapist.as_ref()?)),
        location: location.cloned(),
    })
}

fn service(service: &Labelled) -> Option<Named> {
    let name = filled(service.name.as_ref())?.to_owned();
    Some(Named { id: service.id.clone(), name })
}

fn practitioner(therapist: &Somebody) -> Option<Named> {
    let names = [&therapist.first_name, &therapist.last_name]
        .map(|name| filled(name.as_ref().map(Phi::expose)));
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    (!name.is_empty()).then(|| Named { id: therapist.id.clone(), name })
}

/// Where a visit stands. `None` without any status.
///
/// Of services that were all dropped, a no-show says most. Of the others: all done is done, one
/// begun is a guest in the house, all confirmed is confirmed, and anything else is booked. A code
/// that is not known counts only where there is no other.
fn status(group: &Group) -> Option<AppointmentStatus> {
    let standing: Vec<_> = stands(group).filter_map(standing).collect();
    if standing.is_empty() {
        let dropped: Vec<_> = group.iter().filter_map(|row| row.status).collect();
        let no_show = dropped.contains(&AppointmentCode::NoShow);
        // Void and deleted bookings leave the book like cancelled ones.
        let status = if no_show { AppointmentStatus::NoShow } else { AppointmentStatus::Cancelled };
        return (!dropped.is_empty()).then_some(status);
    }
    let known: Vec<_> = standing.iter().filter_map(|it| it.as_ref().ok()).collect();
    let (Some(most), Some(least)) = (known.iter().max(), known.iter().min()) else {
        let word = standing.into_iter().find_map(Result::err);
        return word.map(AppointmentStatus::Unknown);
    };
    Some(match (most, least) {
        (_, Standing::Done) => AppointmentStatus::Fulfilled,
        (Standing::Done | Standing::Begun, _) => AppointmentStatus::Arrived,
        (Standing::Confirmed, Standing::Confirmed) => AppointmentStatus::Confirmed,
        _ => AppointmentStatus::Pending,
    })
}

/// How far one service has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Booked,
    Confirmed,
    Begun,
    Done,
}

/// `Err` is a code without a meaning, in Zenoti's word.
fn standing(row: &wire::Appointment) -> Option<Result<Standing, String>> {
    let by_progress = match row.progress {
        Some(Progress::Completed) => Some(Standing::Done),
        Some(Progress::Started) => Some(Standing::Begun),
        _ => None,
    };
    let by_status = row.status.map(|status| match status {
        AppointmentCode::New => Ok(Standing::Booked),
        AppointmentCode::Confirm => Ok(Standing::Confirmed),
        AppointmentCode::Checkin => Ok(Standing::Begun),
        AppointmentCode::Closed => Ok(Standing::Done),
        other => Err(other.word()),
    });
    match (by_status, by_progress) {
        (Some(Ok(status)), Some(progress)) => Some(Ok(status.max(progress))),
        (None | Some(Err(_)), Some(progress)) => Some(Ok(progress)),
        (status, None) => status,
    }
}

/// Where a booking can be found again: its day and what it is paid by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) center: String,
    pub(crate) day: NaiveDate,
    pub(crate) invoice: Option<String>,
    pub(crate) guest: String,
}

impl Place {
    pub(crate) fn of(group: &Group, center: &str) -> Option<Self> {
        Some(Self {
            center: center.to_owned(),
            day: day(group)?,
            invoice: invoice(group),
            guest: guest(group)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn group(codes: &[(i64, i64)]) -> Group {
        let row = |(index, (status, progress)): (usize, &(i64, i64))| {
            let row = json!({
                "appointment_id": format!("A{index}"), "appointment_group_id": "G", "status": status, "progress": progress,
                "service": { "id": "S", "name": format!("Service {index}") },
                "start_time": "2026-03-04T15:30:00", "guest": { "id": "P" },
            });
            serde_json::from_value(row).unwrap()
        };
        codes.iter().enumerate().map(row).collect()
    }

    #[test]
    fn every_code_alone() {
        use AppointmentStatus::*;
        for (code, progress, expected) in [
            (-2, 0, NoShow),
            (-1, 0, Cancelled),
            (0, 0, Pending),
            (4, 0, Confirmed),
            (2, 0, Arrived),
            (2, 1, Arrived),
            (2, 2, Fulfilled),
            (0, 1, Arrived),
            (0, 2, Fulfilled),
            (1, 0, Fulfilled),
            (21, 0, Cancelled),
            (-3, 0, Cancelled),
            (7, 0, Cancelled),
            (-1, 2, Cancelled),
            (8, 0, Unknown("Refund".into())),
            (11, 0, Unknown("NotSpecified".into())),
            (55, 9, Unknown("55".into())),
        ] {
            assert_eq!(status(&group(&[(code, progress)])), Some(expected), "{code}/{progress}");
        }
    }

    #[test]
    fn services_that_differ_make_one_status() {
        use AppointmentStatus::*;
        for (codes, expected) in [
            // Some dropped: the others decide.
            (&[(-1, 0), (4, 0)][..], Confirmed),
            (&[(-2, 0), (1, 2)], Fulfilled),
            (&[(-1, 0), (-2, 0)], NoShow),
            (&[(-1, 0), (21, 0)], Cancelled),
            // Some done: the guest is in the house.
            (&[(2, 2), (2, 0)], Arrived),
            (&[(2, 2), (4, 0)], Arrived),
            (&[(1, 0), (2, 2)], Fulfilled),
            // Confirmed is what is confirmed whole.
            (&[(4, 0), (0, 0)], Pending),
            (&[(4, 0), (4, 0)], Confirmed),
            // What is not known stays behind what is.
            (&[(55, 0), (4, 0)], Confirmed),
            (&[(55, 0), (11, 0)], Unknown("55".into())),
        ] {
            assert_eq!(status(&group(codes)), Some(expected), "{codes:?}");
        }
        assert_eq!(status(&Vec::new()), None);
    }

    #[test]
    fn a_booking_in_the_book_is_missed_and_one_that_left_it_is_not() {
        for (codes, live) in [
            (&[(4, 0)][..], true),
            (&[(2, 2)], true),
            (&[(1, 2)], false),
            (&[(-1, 0)], false),
            (&[(-1, 0), (0, 0)], true),
        ] {
            assert_eq!(is_live(&group(codes)), live, "{codes:?}");
        }
    }
}
