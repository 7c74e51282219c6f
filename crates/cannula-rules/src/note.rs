//! The note a noted state leaves on the contact.

use std::borrow::Cow;

use cannula_core::{Appointment, AppointmentStatus, Named, Note};

use crate::{
    AppointmentTitles, TitleConfig,
    person::Entry,
    reading::{same_services, type_of},
    table::Standing,
    walk::What,
};

/// Whether the notes of two states of one appointment would say the same.
pub(crate) fn same_note(a: &Appointment, b: &Appointment) -> bool {
    fn name(named: Option<&Named>) -> Option<&str> {
        named.map(|named| named.name.as_str())
    }
    a.status == b.status
        && same_services(a, b)
        && a.purposes.iter().map(|p| &p.name).eq(b.purposes.iter().map(|p| &p.name))
        && name(a.practitioner.as_ref()) == name(b.practitioner.as_ref())
        && name(a.location.as_ref()) == name(b.location.as_ref())
        && a.start.map(|start| start.local) == b.start.map(|start| start.local)
}

/// The note's first line; `None` for what is not noted.
pub(crate) fn title(titles: &TitleConfig, what: &What) -> Option<String> {
    match (titles.appointments, what) {
        (AppointmentTitles::ByStatus, What::Removed) => {
            Some("Appointment Entered in Error".to_owned())
        }
        (AppointmentTitles::ByStatus, What::Visit { meaning, rescheduled, .. }) => {
            let suffix = if *rescheduled { RESCHEDULED } else { "" };
            Some(format!("Appointment {}{suffix}", meaning.label()))
        }
        (AppointmentTitles::BookedThenUpdate, What::Visit { meaning, first: true, .. })
            if meaning.standing() == Some(Standing::Live) =>
        {
            Some("Appointment Booked".to_owned())
        }
        (AppointmentTitles::BookedThenUpdate, What::Removed | What::Visit { .. }) => {
            Some("Appointment Status Update".to_owned())
        }
        _ => None,
    }
}

const RESCHEDULED: &str = " (rescheduled)";

/// The note of an entry; `None` for what is not noted.
pub(crate) fn note(titles: &TitleConfig, entry: &Entry, what: &What) -> Option<Note> {
    let appointment = &entry.appointment;
    let mut lines = vec![title(titles, what)?];
    let mut line = |label: &str, value: Option<String>| {
        lines.extend(value.filter(|v| !v.is_empty()).map(|value| format!("{label}: {value}")));
    };
    let name = |named: &Option<Named>| named.as_ref().map(|named| named.name.clone());
    let purposes = appointment.purposes.iter().map(|purpose| purpose.name.as_str());
    let category = match what {
        What::Visit { category, .. } => Some(category.name().to_owned()),
        _ => None,
    };
    line("Status", status(titles, appointment, what));
    line("Type", type_of(appointment).map(Cow::into_owned));
    line("Purpose", Some(purposes.collect::<Vec<_>>().join(", ")));
    line("Practitioner", name(&appointment.practitioner));
    line("Location", name(&appointment.location));
    line(
        "Date",
        appointment.start.map(|s| s.local.format("%A, %B %-d, %Y at %-I:%M %p").to_string()),
    );
    line("Category", category);
    let reference = entry.event.reference().to_owned();
    line("Ref", Some(reference.clone()));
    Some(Note { body: lines.join("\n").into(), reference })
}

/// The status, and beside it the practice's own word for it where there is one. A title that is
/// the same for all changes leaves it to this line that the visit has moved to another time.
fn status(titles: &TitleConfig, appointment: &Appointment, what: &What) -> Option<String> {
    let label = appointment.status.label();
    let mut status = match (&appointment.status, what) {
        (
            AppointmentStatus::PracticeDefined(_) | AppointmentStatus::Unknown(_),
            What::Visit { meaning, .. },
        ) => format!("{} ({label})", meaning.label()),
        _ => label.to_owned(),
    };
    if titles.appointments == AppointmentTitles::BookedThenUpdate
        && matches!(what, What::Visit { rescheduled: true, .. })
    {
        status.push_str(RESCHEDULED);
    }
    Some(status)
}
