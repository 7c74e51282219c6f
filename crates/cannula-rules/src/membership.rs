//! A person's memberships: every state of each, and what the CRM is to show of them.

use std::collections::BTreeMap;

use cannula_core::{Event, EventId, Membership, MembershipStatus, RecordId, Version};
use serde::{Deserialize, Serialize};

use crate::{Outcome, person::NoteState};

/// Every state of every membership, oldest version first. It only grows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Memberships {
    entries: Vec<MembershipEntry>,
}

/// One state of one membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MembershipEntry {
    pub(crate) event: EventId,
    pub(crate) record: RecordId,
    pub(crate) version: Version,
    pub(crate) membership: Membership,
    #[serde(default)]
    pub(crate) note: NoteState,
    /// The outcome told last; `None` before the first decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Outcome>,
    /// Memberships were on when it was told.
    #[serde(default)]
    pub(crate) on: bool,
}

impl MembershipEntry {
    /// The same for every order of arrival.
    fn order(&self) -> (&Version, &RecordId) {
        (&self.version, &self.record)
    }

    fn is_active(&self) -> bool {
        self.membership.status == MembershipStatus::Active
    }
}

/// What one state does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MembershipStep {
    Noted,
    /// A later version that says the same arrived first and left the note.
    Repeated,
    /// Nothing that a note shows changed.
    Unchanged,
}

/// The memberships, walked through from the first state to the last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roll {
    /// One for each entry.
    pub(crate) steps: Vec<MembershipStep>,
    /// The entries that are their memberships' newest states.
    pub(crate) current: Vec<usize>,
    /// The one that the contact's fields show: the newest active membership, else the newest.
    pub(crate) shown: Option<usize>,
    /// At least one is active.
    pub(crate) any_active: bool,
}

impl Memberships {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn entries(&self) -> &[MembershipEntry] {
        &self.entries
    }

    pub(crate) fn entries_mut(&mut self) -> &mut [MembershipEntry] {
        &mut self.entries
    }

    pub(crate) fn take_in(&mut self, event: &Event, membership: &Membership) {
        if self.entries.iter().any(|entry| entry.event == event.id) {
            return;
        }
        let entry = MembershipEntry {
            event: event.id.clone(),
            record: event.key.id.clone(),
            version: event.version.clone(),
            membership: membership.clone(),
            note: NoteState::None,
            outcome: None,
            on: false,
        };
        let at = self.entries.partition_point(|other| other.order() < entry.order());
        self.entries.insert(at, entry);
    }

    /// A newer state of the same membership is known.
    pub(crate) fn is_late(&self, event: &Event) -> bool {
        let newer = self.entries.iter().rev().take_while(|entry| entry.version > event.version);
        newer.into_iter().any(|entry| entry.record == event.key.id)
    }

    /// The memberships as they are now.
    pub(crate) fn current(&self) -> BTreeMap<&RecordId, &MembershipEntry> {
        self.entries.iter().map(|entry| (&entry.record, entry)).collect()
    }

    /// Walks the entries from the first one: nothing is kept from one decision to the next.
    pub(crate) fn roll(&self) -> Roll {
        let mut steps = Vec::with_capacity(self.entries.len());
        // By membership: its newest state, and the one that its newest note tells.
        let mut known = BTreeMap::<&RecordId, (usize, usize)>::new();
        for (index, entry) in self.entries.iter().enumerate() {
            let before = known.get(&entry.record).copied();
            let told = before.map(|(_, told)| told);
            let step = match told.map(|told| &self.entries[told].membership) {
                Some(told) if same_note(told, &entry.membership) => MembershipStep::Unchanged,
                _ => MembershipStep::Noted,
            };
            steps.push(step);
            match (step, told) {
                (MembershipStep::Unchanged, Some(told)) => {
                    if entry.note == NoteState::Left {
                        steps[told] = MembershipStep::Repeated;
                    }
                    known.insert(&entry.record, (index, told));
                }
                _ => drop(known.insert(&entry.record, (index, index))),
            }
        }
        let current: Vec<usize> = known.into_values().map(|(newest, _)| newest).collect();
        let entry = |index: &usize| &self.entries[*index];
        let shown = current.iter().copied().max_by_key(|index| {
            let it = entry(index);
            (it.is_active(), it.membership.start, it.order())
        });
        let any_active = current.iter().any(|index| entry(index).is_active());
        Roll { steps, current, shown, any_active }
    }
}

/// Whether the notes of two states of one membership would say the same.
fn same_note(a: &Membership, b: &Membership) -> bool {
    a.name == b.name
        && a.status == b.status
        && a.start == b.start
        && a.end == b.end
        && a.price == b.price
}
