//! What the contact's appointment fields show.

use std::borrow::Cow;

use cannula_core::Appointment;

use crate::{Category, reading::type_of};

/// The newest noted state, and for what that state does not say, the newest that does.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Newest<'a> {
    /// The entry, if any is noted.
    pub(crate) entry: Option<usize>,
    pub(crate) status: Option<&'a str>,
    /// The visit whose services are shown as the type.
    kind: Option<&'a Appointment>,
    pub(crate) category: Option<Category>,
    pub(crate) location: Option<&'a str>,
}

impl<'a> Newest<'a> {
    pub(crate) fn show(
        &mut self,
        index: usize,
        status: &'a str,
        category: Category,
        appointment: &'a Appointment,
    ) {
        self.entry = Some(index);
        self.status = Some(status);
        self.category = Some(category);
        self.kind = Some(appointment);
        let location = appointment.location.as_ref().map(|location| location.name.as_str());
        self.location = location.or(self.location);
    }

    /// The type, with all services of the visit.
    pub(crate) fn kind(&self) -> Option<Cow<'a, str>> {
        self.kind.and_then(type_of)
    }
}
