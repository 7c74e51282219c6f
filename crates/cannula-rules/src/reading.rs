//! What one state of an appointment means under the rules of today.

use cannula_core::{Appointment, AppointmentStatus, Named, ParkReason};

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
    let Some(kind) = kind(appointment) else {
        return Reading::Parked(ParkReason::MissingAppointmentType);
    };
    let Some(category) = categories.lookup(&kind.name, &appointment.purposes) else {
        return Reading::Parked(ParkReason::UnmappedAppointmentType {
            name: kind.name.clone(),
            purpose: first_purpose(appointment),
        });
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
    match kind(appointment) {
        None => gaps.push(Reason::MissingType),
        Some(kind) if categories.lookup(&kind.name, &appointment.purposes).is_none() => {
            let name = kind.name.clone();
            gaps.push(Reason::UnmappedType { name, purpose: first_purpose(appointment) });
            let near = categories.near_miss(&kind.name, &appointment.purposes);
            gaps.extend(near.map(|(name, near)| Reason::NearMiss {
                name: name.to_owned(),
                document: near.name.clone(),
                line: near.line,
            }));
        }
        Some(_) => {}
    }
    if config.meaning(&appointment.status).is_none() {
        let name = appointment.status.label().to_owned();
        gaps.push(Reason::UnmappedStatus { name });
    }
    gaps
}

fn kind(appointment: &Appointment) -> Option<&Named> {
    appointment.kind.as_ref().filter(|kind| !kind.name.trim().is_empty())
}

fn first_purpose(appointment: &Appointment) -> Option<String> {
    appointment.purposes.first().map(|purpose| purpose.name.clone())
}

fn unmapped_status(appointment: &Appointment) -> ParkReason {
    ParkReason::UnmappedStatus { name: appointment.status.label().to_owned() }
}
