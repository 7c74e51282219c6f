//! The registration of a patient: which event says it, and the note it leaves.

use cannula_core::{Event, EventId, Note, Version};
use serde::{Deserialize, Serialize};

use crate::{ContactsFor, Outcome, RulesConfig, person::NoteState};

/// The states that say that the patient was registered just now, oldest first. One of them leaves
/// a note.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Registrations {
    all: Vec<Registration>,
}

/// One such state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) event: EventId,
    version: Version,
    #[serde(default)]
    pub(crate) note: NoteState,
    /// The outcome told last; `None` before the first decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Outcome>,
}

impl Registrations {
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn all(&self) -> &[Registration] {
        &self.all
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Registration] {
        &mut self.all
    }

    pub(crate) fn take_in(&mut self, event: &Event) {
        if self.all.iter().any(|known| known.event == event.id) {
            return;
        }
        let registration = Registration {
            event: event.id.clone(),
            version: event.version.clone(),
            note: NoteState::None,
            outcome: None,
        };
        let at =
            self.all.partition_point(|it| (&it.version, &it.event) < (&event.version, &event.id));
        self.all.insert(at, registration);
    }

    /// The state whose note says it: the one that was noted already, else the first. `None` where
    /// registrations leave no note, or intake made the patient and leaves its own.
    pub(crate) fn noted(&self, config: &RulesConfig, by_intake: bool) -> Option<usize> {
        if config.contacts_for != ContactsFor::AnyRecord || self.all.is_empty() {
            return None;
        }
        let noted = self.all.iter().position(|it| it.note == NoteState::Left);
        noted.or((!by_intake).then_some(0))
    }
}

/// The note. It says nothing about the person that the contact does not say.
pub(crate) fn note(config: &RulesConfig, event: &EventId) -> Note {
    let reference = event.reference().to_owned();
    let title = &config.titles.patient_created;
    let body = format!("{title}\nThe patient was registered in the EMR.\nRef: {reference}");
    Note { body: body.into(), reference }
}
