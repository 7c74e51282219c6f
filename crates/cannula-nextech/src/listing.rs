//! Lists of payments that are read whole, or begun again if they change on the way.

use std::collections::BTreeSet;

use cannula_core::{Error, ErrorKind, RecordKind, Result, Retry};
use cannula_http::Request;

use crate::{Nextech, ParsedPage, requests, source::is_stale};

/// How often a list is begun again because it changed on the way.
const MAX_RESTARTS: u32 = 3;

/// A list of payments.
#[derive(Debug)]
pub(crate) struct Listing {
    /// What asks for its first page.
    pub(crate) first: Request,
    /// Whose payments they are, for messages: `a patient's payments`.
    pub(crate) name: &'static str,
    /// More pages than this are no list but a fault.
    pub(crate) max_pages: usize,
}

impl Nextech {
    /// All rows of a list, as they stood while nothing changed.
    pub(crate) async fn listed(&self, list: &Listing) -> Result<ParsedPage> {
        for _ in 0..=MAX_RESTARTS {
            if let Some(rows) = self.undisturbed(list).await? {
                return Ok(rows);
            }
            tracing::info!("{} changed while they were read; once more", list.name);
        }
        let what = format!("{} keep changing while they are read", list.name);
        Err(self.list_error(list, ErrorKind::Unavailable, what).retry(Retry::Backoff))
    }

    /// All pages of a list; `None` if rows came, went or the link to the next page went stale
    /// meanwhile.
    async fn undisturbed(&self, list: &Listing) -> Result<Option<ParsedPage>> {
        let mut request = list.first.clone();
        let mut rows = ParsedPage::default();
        let mut links = BTreeSet::new();
        loop {
            let page = match self.page(RecordKind::Payment, &request).await {
                Ok((page, _)) => page,
                Err(error) if !links.is_empty() && is_stale(&error) => return Ok(None),
                Err(error) => return Err(error),
            };
            if matches!((rows.total, page.total), (Some(was), Some(is)) if was != is) {
                return Ok(None);
            }
            rows.total = page.total.or(rows.total);
            rows.events.extend(page.events);
            rows.rejected.extend(page.rejected);
            let Some(link) = page.next else { return Ok(Some(rows)) };
            let link = self.check_link(&link)?;
            if !links.insert(link.to_string()) {
                let what = "the link to the next page leads back to a page that was read";
                return Err(self.list_error(list, ErrorKind::Decode, what));
            }
            if links.len() >= list.max_pages {
                let what = format!("{} have no end", list.name);
                let error = self.list_error(list, ErrorKind::Decode, what);
                return Err(error.with("pages", list.max_pages));
            }
            request = requests::next(&request, link);
        }
    }

    fn list_error(&self, list: &Listing, kind: ErrorKind, what: impl Into<String>) -> Error {
        Error::new(kind, what)
            .connector(self.config.product.profile().connector)
            .operation(list.first.operation())
    }
}
