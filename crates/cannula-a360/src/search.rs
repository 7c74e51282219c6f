use std::time::Duration;

use cannula_core::{CrmContact, Cursor, DirectorySearch, Error, ErrorKind, PatientId, Phi, Result};
use cannula_rules::patient_link::name_words;
use serde::Serialize;

use crate::{A360, CRATE, LinkFilter, LocalPatient, PatientQuery};

/// What to search for, or to browse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchRequest {
    /// A name or parts of one, or a contact's id. Blank browses the local list.
    pub text: Phi<String>,
    /// Narrows the local list while browsing; it cannot be combined with a text.
    pub filter: LinkFilter,
    /// Beside the CRM's, show patients of that name who are only in the local list.
    pub with_local: bool,
    /// [`Results::next`] of the page before, of the same request.
    pub after: Option<Phi<Cursor>>,
}

/// Where results come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The CRM.
    Crm,
    /// The local list.
    Local,
}

/// A contact that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// The contact as the index has it.
    pub contact: CrmContact,
    /// The patient it is linked to already.
    pub linked: Option<PatientId>,
}

/// What a person should know about results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// The index may not know of the newest changes.
    IndexMayLag {
        /// By how many seconds.
        seconds: u64,
    },
    /// The text was no name but the id of a contact, which was read.
    FoundById,
    /// The local list is empty, as it is after enabling.
    ListIsEmpty,
    /// The local list is empty, and the CRM's patients are not searched.
    ListIsEmptyWhileOff,
    /// Patients who are only in the local list were not looked at.
    LocalOnlyLeftOut,
    /// More patients who are only in the local list have the name than are shown.
    MoreLocalOnly,
    /// Many contacts look like what was typed, and those after these were not looked at.
    NotAllLookedAt,
}

impl Notice {
    /// The notice as a sentence.
    pub fn sentence(self) -> String {
        match self {
            Self::IndexMayLag { seconds } => format!(
                "The CRM's search may not show yet what was made or changed in the last {seconds} s; such a contact can be searched and selected by its id."
            ),
            Self::FoundById => "Read by its id, so it is as the CRM has it now.".to_owned(),
            Self::ListIsEmpty => {
                "The local list is empty. That is normal after enabling: patients come in when they are selected.".to_owned()
            }
            Self::ListIsEmptyWhileOff => {
                "The local list is empty, and the integration with the CRM is off. Enable it to search the CRM's patients, or add patients by hand.".to_owned()
            }
            Self::MoreLocalOnly => {
                "More patients of this name are only in the local list; type more of the name.".to_owned()
            }
            Self::NotAllLookedAt => {
                "None of the contacts that were looked at has this name, and there are more that may; go on to the next page, or type more of the name.".to_owned()
            }
            Self::LocalOnlyLeftOut => {
                "Results are the CRM's; patients who are only in the local list are not searched.".to_owned()
            }
        }
    }
}

/// A page of results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Where they come from.
    pub scope: Scope,
    /// Contacts of the CRM.
    pub hits: Vec<Hit>,
    /// Patients of the local list: all results where the scope is local, else those who are only
    /// there.
    pub patients: Vec<LocalPatient>,
    /// How many contacts there are in all, at most, where the CRM says.
    pub at_most: Option<u64>,
    /// Contacts that could not be read and are left out.
    pub unreadable: usize,
    /// Where the next page starts; `None` after the last one.
    pub next: Option<Phi<Cursor>>,
    /// What a person should know.
    pub notices: Vec<Notice>,
}

impl A360 {
    /// Searches the CRM where the integration is on and there is a text, else the local list.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a text together with a filter; what the CRM answers. The local
    /// list can be browsed all the same.
    pub async fn search(&self, request: &SearchRequest) -> Result<Results> {
        let blank = request.text.expose().trim().is_empty();
        if !blank && request.filter != LinkFilter::All {
            let message = "a search text and a filter cannot be used together; clear one of them";
            return Err(Error::new(ErrorKind::Invalid, message)
                .connector(CRATE)
                .operation("search patients"));
        }
        let is_on = self.switched_on().await?.is_some();
        if blank || !is_on {
            return self.browse(request, is_on).await;
        }
        let mut results = self.search_crm(request).await?;
        if request.with_local {
            // On the first page only: they do not continue.
            if request.after.is_none() {
                let mut patients = self.local(request, LinkFilter::LocalOnly, 0).await?;
                if patients.len() > usize::from(self.config.page_size) {
                    patients.truncate(self.config.page_size.into());
                    results.notices.push(Notice::MoreLocalOnly);
                }
                results.patients = patients;
            }
        } else {
            results.notices.push(Notice::LocalOnlyLeftOut);
        }
        Ok(results)
    }

    async fn search_crm(&self, request: &SearchRequest) -> Result<Results> {
        let search = DirectorySearch {
            text: request.text.clone(),
            limit: self.config.page_size,
            after: request.after.clone(),
        };
        let page = self.look(self.directory.search(&search)).await?;
        let lag = self.directory.info().index_lag;
        let mut notices = Vec::new();
        let mut contacts = page.hits;
        if contacts.is_empty()
            && request.after.is_none()
            && let Some(contact) = self.by_id(&request.text).await?
        {
            contacts.push(contact);
            notices.push(Notice::FoundById);
        } else if lag > Duration::ZERO {
            notices.push(Notice::IndexMayLag { seconds: lag.as_secs() });
        }
        if contacts.is_empty() && page.next.is_some() {
            notices.push(Notice::NotAllLookedAt);
        }
        Ok(Results {
            scope: Scope::Crm,
            hits: self.marked(contacts).await?,
            patients: Vec::new(),
            at_most: page.at_most,
            unreadable: page.unreadable,
            next: page.next,
            notices,
        })
    }

    /// The contact whose id the text may be.
    async fn by_id(&self, text: &Phi<String>) -> Result<Option<CrmContact>> {
        let Some(id) = self.directory.id_in(text) else { return Ok(None) };
        match self.read(&id).await {
            // It only looks like an id.
            Err(error) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Forbidden) => {
                Ok(None)
            }
            read => read,
        }
    }

    /// Contacts with the patients they are linked to.
    async fn marked(&self, contacts: Vec<CrmContact>) -> Result<Vec<Hit>> {
        let ids: Vec<_> = contacts.iter().map(|contact| contact.id.clone()).collect();
        let location = self.location();
        let patients = self.store.linked(location, &ids).await?;
        let linked = |contact: &CrmContact| {
            let is = |it: &&LocalPatient| it.contact_in(location) == Some(&contact.id);
            patients.iter().find(is).map(|it| it.id.clone())
        };
        let hit = |contact| Hit { linked: linked(&contact), contact };
        Ok(contacts.into_iter().map(hit).collect())
    }

    async fn browse(&self, request: &SearchRequest, is_on: bool) -> Result<Results> {
        let after = request.after.as_ref().map(|after| after.expose().as_str());
        let skip = after.and_then(|after| after.parse().ok()).unwrap_or(0);
        let mut patients = self.local(request, request.filter, skip).await?;
        let page = usize::from(self.config.page_size);
        let next =
            (patients.len() > page).then(|| Phi::new(Cursor::new((skip + page).to_string())));
        patients.truncate(page);
        let mut notices = Vec::new();
        if self.store.counts(self.location()).await?.patients == 0 {
            notices.push(if is_on { Notice::ListIsEmpty } else { Notice::ListIsEmptyWhileOff });
        }
        Ok(Results {
            scope: Scope::Local,
            hits: Vec::new(),
            patients,
            at_most: None,
            unreadable: 0,
            next,
            notices,
        })
    }

    /// A page of the local list, and one patient more if there is one.
    async fn local(
        &self,
        request: &SearchRequest,
        filter: LinkFilter,
        skip: usize,
    ) -> Result<Vec<LocalPatient>> {
        let query = PatientQuery {
            location: self.location().clone(),
            filter,
            words: name_words(&request.text),
            skip,
            limit: usize::from(self.config.page_size) + 1,
        };
        self.store.patients(&query).await
    }
}
