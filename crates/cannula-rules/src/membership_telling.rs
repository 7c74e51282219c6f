//! The note a membership leaves on the contact, how its event ended, and why.

use cannula_core::{MembershipStatus, Note, ParkReason};

use crate::{
    Outcome, Reason, RulesConfig,
    decide::Gate,
    membership::{MembershipEntry, MembershipStep, Memberships, Roll},
    person::NoteState,
};

/// The note's first line.
fn title(config: &RulesConfig, entry: &MembershipEntry) -> String {
    let status = entry.membership.status.label();
    format!("{} {status}", config.titles.membership).trim().to_owned()
}

/// The note of an entry.
pub(crate) fn note(config: &RulesConfig, entry: &MembershipEntry) -> Note {
    let membership = &entry.membership;
    let mut lines = vec![title(config, entry)];
    let mut line = |label: &str, value: Option<String>| {
        lines.extend(value.filter(|v| !v.is_empty()).map(|value| format!("{label}: {value}")));
    };
    let day = |date: chrono::NaiveDate| date.format("%A, %B %-d, %Y").to_string();
    line("Name", Some(membership.name.clone()));
    line("Status", Some(membership.status.label().to_owned()));
    line("Start", membership.start.map(day));
    line("End", membership.end.map(day));
    line("Price", membership.price.map(|price| price.to_string()));
    let reference = entry.event.reference().to_owned();
    line("Ref", Some(reference.clone()));
    Note { body: lines.join("\n").into(), reference }
}

/// A person's memberships in the light of everything else that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MembershipTelling<'a> {
    pub(crate) config: &'a RulesConfig,
    pub(crate) roll: &'a Roll,
    pub(crate) gate: Gate,
    /// The name of the membership that the contact's fields show.
    pub(crate) shown: &'a str,
}

impl MembershipTelling<'_> {
    /// Whether the entry's note is still to be left.
    pub(crate) fn is_pending(&self, index: usize, entry: &MembershipEntry) -> bool {
        self.config.memberships.enabled
            && self.roll.steps[index] == MembershipStep::Noted
            && entry.note != NoteState::Left
    }

    pub(crate) fn outcome(&self, index: usize, entry: &MembershipEntry) -> Outcome {
        match self.gate {
            Gate::PatientUnknown if self.is_pending(index, entry) => Outcome::Waiting,
            Gate::NoContactDetails if self.is_pending(index, entry) => {
                Outcome::Parked(ParkReason::NoContactDetails)
            }
            _ => Outcome::Done,
        }
    }

    pub(crate) fn reasons(
        &self,
        index: usize,
        entry: &MembershipEntry,
        outcome: &Outcome,
        late: bool,
    ) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if late {
            reasons.push(Reason::ArrivedLate);
        }
        let step = self.roll.steps[index];
        match outcome {
            _ if !self.config.memberships.enabled => reasons.push(Reason::MembershipsOff),
            Outcome::Waiting => reasons.push(Reason::WaitingForPatient),
            Outcome::Parked(_) => reasons.push(Reason::NoContactDetails),
            Outcome::Done if step == MembershipStep::Unchanged => {
                reasons.push(Reason::NothingChanged);
            }
            Outcome::Done if self.gate == Gate::NoVisit => {
                reasons.push(Reason::MembershipWaitsForVisit);
            }
            Outcome::Done => self.consequences(index, entry, &mut reasons),
        }
        reasons
    }

    /// The note, the fields and the tag.
    fn consequences(&self, index: usize, entry: &MembershipEntry, reasons: &mut Vec<Reason>) {
        reasons.push(match self.roll.steps[index] {
            MembershipStep::Repeated => Reason::AlreadyNoted,
            _ => Reason::Noted { title: title(self.config, entry) },
        });
        if !self.roll.current.contains(&index) {
            return;
        }
        let field = self.config.fields.membership.clone();
        let (name, status) = (entry.membership.name.clone(), &entry.membership.status);
        reasons.push(if self.roll.shown == Some(index) {
            Reason::MembershipShown { field, name, status: status.label().to_owned() }
        } else {
            Reason::OtherMembershipShown { field, name: self.shown.to_owned() }
        });
        let tag = self.config.tags.member.clone();
        reasons.push(match (status, self.roll.any_active) {
            (MembershipStatus::Active, _) => Reason::MemberTagged { tag },
            (_, true) => Reason::MemberTagStays { tag },
            (_, false) => Reason::NoMemberTag { tag },
        });
    }
}

impl Memberships {
    /// The name of the membership that the contact's fields show.
    pub(crate) fn name_shown(&self, roll: &Roll) -> String {
        roll.shown.map_or_else(String::new, |index| self.entries()[index].membership.name.clone())
    }
}
