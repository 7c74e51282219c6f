//! What the contacts of a CRM are looked up with, for people who search them.

use std::time::Duration;

use crate::{ContactId, CrmContact, Cursor, Phi, PracticeId};

/// What a directory is. Fixed at construction: asking for it does no I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryInfo {
    /// The connector, for example `aesthetix`.
    pub name: &'static str,
    /// The part of the CRM whose contacts these are: contact ids are unique only within it.
    pub location: PracticeId,
    /// How long a search may not know yet of a contact that was made or changed. Reading by id is
    /// current.
    pub index_lag: Duration,
}

/// What to search a directory for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectorySearch {
    /// A name or parts of one, as typed.
    pub text: Phi<String>,
    /// The most hits to return; a directory may return fewer and still have more.
    pub limit: u16,
    /// [`DirectoryPage::next`] of the page before, of a search for the same text.
    pub after: Option<Phi<Cursor>>,
}

/// One page of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryPage {
    /// The contacts as the index has them: perhaps as they were some time ago, without custom
    /// fields, and with names in lower case where the CRM shows no others.
    pub hits: Vec<CrmContact>,
    /// How many there are in all, at most: those that only look alike to the CRM count as well.
    pub at_most: Option<u64>,
    /// Rows that could not be read and are left out.
    pub unreadable: usize,
    /// Where the next page starts; `None` after the last one. It may hold a name to go on after.
    pub next: Option<Phi<Cursor>>,
}

/// How creating a contact ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactCreation {
    /// There is one contact more.
    Created(ContactId),
    /// Nothing was written, because another contact has this e-mail address or phone number.
    Taken {
        /// The contact in the way.
        by: ContactId,
        /// What they share: `email` or `phone`.
        shared: String,
    },
}
