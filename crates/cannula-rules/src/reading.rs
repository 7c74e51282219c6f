//! What one state of an appointment means under the rules of today.

use std::borrow::Cow;

use cannula_core::{Appointment, AppointmentStatus, ParkReason};

use crate::{Categories, Category, Reason, RulesConfig, StatusMeaning};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A hold: not yet an appointment.
    Held,
    /// Cannot be read before a person has acted; until then it is as if it had not arrived.
    Parked(ParkReason),
    /// Not a visit of a patient.
    Block,
    /// Entered in error: it never was.
    Removed,
    /// A visit.
    Visit(Category, StatusMeaning),
}

/// Reads a state. What needs no category (holds and removals) is never parked for lack of one.
pub(crate) fn read(
    config: &RulesConfig,
    categories: &Categories,
    appointment: &Appointment,
) -> Reading {
    if appointment.status == AppointmentStatus::EnteredInError {
        return Reading::Removed;
    }
    let meaning = config.meaning(&appointment.status);
    if meaning == Some(StatusMeaning::Held) {
        return Reading::Held;
    }
    let category = match strongest(categories, appointment) {
        Ok(Some((_, category))) => category,
        Ok(None) => return Reading::Parked(ParkReason::MissingAppointmentType),
        Err(unmapped) => {
            return Reading::Parked(ParkReason::UnmappedAppointmentType {
                name: unmapped.to_owned(),
                purpose: first_purpose(appointment),
            });
        }
    };
    match meaning {
        _ if category == Category::Block => Reading::Block,
        Some(meaning) => Reading::Visit(category, meaning),
        None => Reading::Parked(unmapped_status(appointment)),
    }
}

/// Everything a person must mend about a state that is parked, not only the first thing.
pub(crate) fn gaps(
    config: &RulesConfig,
    categories: &Categories,
    appointment: &Appointment,
) -> Vec<Reason> {
    let mut gaps = Vec::new();
    let names = distinct_services(appointment);
    if names.is_empty() {
        gaps.push(Reason::MissingType);
    }
    for name in names {
        if categories.lookup(name, &appointment.purposes).is_some() {
            continue;
        }
        let purpose = first_purpose(appointment);
        gaps.push(Reason::UnmappedType { name: name.to_owned(), purpose });
        let near = categories.near_miss(name, &appointment.purposes);
        gaps.extend(near.map(|(name, near)| Reason::NearMiss {
            name: name.to_owned(),
            document: near.name.clone(),
            line: near.line,
        }));
    }
    if config.meaning(&appointment.status).is_none() {
        let name = appointment.status.label().to_owned();
        gaps.push(Reason::UnmappedStatus { name });
    }
    gaps
}

/// The names of the visit's services, in the vendor's order.
fn services(appointment: &Appointment) -> impl Iterator<Item = &str> {
    let all = appointment.kind.iter().chain(&appointment.also);
    all.map(|service| service.name.as_str()).filter(|name| !name.trim().is_empty())
}

/// Each name once: a service may be booked twice in one visit.
fn distinct_services(appointment: &Appointment) -> Vec<&str> {
    let mut names = Vec::new();
    for name in services(appointment) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What staff read as the type of a visit; `None` if it has none.
pub(crate) fn type_of(appointment: &Appointment) -> Option<Cow<'_, str>> {
    if appointment.also.is_empty() {
        return services(appointment).next().map(Cow::Borrowed);
    }
    let names = distinct_services(appointment);
    (!names.is_empty()).then(|| Cow::Owned(names.join(", ")))
}

/// Whether two visits are for the same services, in whatever order the vendor lists them.
pub(crate) fn same_services(a: &Appointment, b: &Appointment) -> bool {
    if a.also.is_empty() && b.also.is_empty() {
        return services(a).eq(services(b));
    }
    let names = |of| {
        let mut names = distinct_services(of);
        names.sort_unstable();
        names
    };
    names(a) == names(b)
}

/// The service whose category is the strongest, the first of several. `Ok(None)` for a visit
/// without any.
///
/// # Errors
/// The first service that has no category.
fn strongest<'a>(
    categories: &Categories,
    appointment: &'a Appointment,
) -> Result<Option<(&'a str, Category)>, &'a str> {
    let mut strongest: Option<(&str, Category)> = None;
    for name in services(appointment) {
        let category = categories.lookup(name, &appointment.purposes).ok_or(name)?;
        if strongest.is_none_or(|(_, known)| category.strength() > known.strength()) {
            strongest = Some((name, category));
        }
    }
    Ok(strongest)
}

/// Which of several services decides; `None` if the visit has only one.
pub(crate) fn deciding(categories: &Categories, appointment: &Appointment) -> Option<Reason> {
    if distinct_services(appointment).len() < 2 {
        return None;
    }
    let (name, category) = strongest(categories, appointment).ok().flatten()?;
    Some(Reason::StrongestService { name: name.to_owned(), category })
}

fn first_purpose(appointment: &Appointment) -> Option<String> {
    appointment.purposes.first().map(|purpose| purpose.name.clone())
}

fn unmapped_status(appointment: &Appointment) -> ParkReason {
    ParkReason::UnmappedStatus { name: appointment.status.label().to_owned() }
}
