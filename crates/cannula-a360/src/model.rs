//! The application's own list, in our words.

use std::collections::BTreeMap;

use cannula_core::{ContactId, Error, ErrorKind, PatientId, Person, Phi, PracticeId, Result};
use cannula_rules::patient_link::MergeRules;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::CRATE;

/// A patient of the application's own list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LocalPatient {
    /// Its id in the list.
    pub id: PatientId,
    /// Grows by one with each change of the person or a link.
    pub version: u64,
    /// What the CRM may change.
    pub person: Person,
    /// What else the application holds, by its own names: middle name, title, occupation. The CRM
    /// never changes any of it.
    pub details: BTreeMap<String, Phi<String>>,
    /// The contact it is linked to in each location of the CRM.
    pub links: BTreeMap<PracticeId, Link>,
}

impl LocalPatient {
    /// The contact it is linked to in a location, unless that link is broken.
    pub fn contact_in(&self, location: &PracticeId) -> Option<&ContactId> {
        let link = self.links.get(location).filter(|link| link.broken_at.is_none());
        link.map(|link| &link.contact)
    }
}

/// A contact that is the patient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// The contact.
    pub contact: ContactId,
    /// Since when they are linked.
    pub since: DateTime<Utc>,
    /// When the contact was last read for the patient.
    pub checked_at: DateTime<Utc>,
    /// When the contact was found to be gone: deleted, or merged into another.
    pub broken_at: Option<DateTime<Utc>>,
}

/// A contact of a location: its id alone is unique only there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LinkKey {
    /// The location of the CRM.
    pub location: PracticeId,
    /// The contact.
    pub contact: ContactId,
}

/// Whose patients to list, by their link to the location at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkFilter {
    /// All.
    #[default]
    All,
    /// Those that are linked.
    Linked,
    /// Those that are only in the local list; a broken link is none.
    LocalOnly,
    /// Those whose link is broken.
    Broken,
}

impl LinkFilter {
    /// Whether it lets a patient with this link through.
    pub fn admits(self, link: Option<&Link>) -> bool {
        let broken = link.is_some_and(|link| link.broken_at.is_some());
        match self {
            Self::All => true,
            Self::Linked => link.is_some() && !broken,
            Self::LocalOnly => link.is_none() || broken,
            Self::Broken => broken,
        }
    }
}

/// How many patients there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// In all.
    pub patients: u64,
    /// Linked to the location.
    pub linked: u64,
    /// With a broken link to the location.
    pub broken: u64,
}

/// The switch of a practice, for one location of the CRM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Integration {
    /// Searches go to the CRM.
    pub enabled: bool,
    /// Patients that were added by hand may be pushed to the CRM.
    pub push: bool,
    /// Linked patients may be synchronised without selecting them.
    pub refresh: bool,
    /// When it was switched.
    pub changed_at: DateTime<Utc>,
    /// Who did.
    pub changed_by: String,
}

/// Who acts, and what that person may do in the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The name for the audit.
    pub name: String,
    /// May edit patients, and read what was done to them. To select is to edit.
    pub may_edit: bool,
    /// May switch integrations on and off.
    pub may_administer: bool,
}

impl Actor {
    pub(crate) fn must_edit(&self) -> Result<()> {
        self.must(self.may_edit, "this writes to the patient list, and you may not edit patients")
    }

    pub(crate) fn must_read_audits(&self) -> Result<()> {
        self.must(self.may_edit, "the audit is for those who may edit patients")
    }

    pub(crate) fn must_administer(&self) -> Result<()> {
        self.must(self.may_administer, "only an administrator of the practice may switch this")
    }

    fn must(&self, may: bool, message: &str) -> Result<()> {
        if may { Ok(()) } else { Err(Error::new(ErrorKind::Forbidden, message).connector(CRATE)) }
    }
}

/// What was done to a patient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Added by hand.
    Added,
    /// Made from a contact.
    Created,
    /// Linked to a contact, or linked again, and merged.
    Linked,
    /// Merged with its contact, which changed something.
    Updated,
    /// Merged with its contact, which changed nothing.
    Unchanged,
    /// Made a contact of.
    Pushed,
    /// Its contact was found to be gone.
    Broken,
}

impl Action {
    /// The action as one word for tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Created => "created",
            Self::Linked => "linked",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Pushed => "pushed",
            Self::Broken => "link broken",
        }
    }
}

/// One change of a patient, or one look at its contact that changed nothing. It holds personal
/// data, which is stored and not printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// What was done.
    pub action: Action,
    /// The contact it was done with.
    pub contact: Option<LinkKey>,
    /// What the patient held before; `None` if it is new.
    pub before: Option<Person>,
    /// What it held afterwards.
    pub after: Person,
    /// Why each field holds what it does, if there was a merge.
    pub rules: Option<MergeRules>,
}
