//! All payments of the patients on a page.
//!
//! A voided payment keeps its old time of change, so the search by time of change finds the row
//! that voids it and never the row that was voided. Whenever a patient has a row on a page, all
//! rows of that patient are read again and put on the page too.

use std::collections::BTreeSet;

use cannula_core::{Error, ErrorKind, PatientId, Record, RecordKind, Result, Retry};

use crate::{Nextech, ParsedPage, requests, source::is_stale};

/// How often the list of a patient's payments is begun again because it changed on the way.
const MAX_RESTARTS: u32 = 3;

/// Pages of one patient's payments; more than this is no list but a fault.
const MAX_PAGES: usize = 200;

impl Nextech {
    /// Adds the payments of everybody who has a row on the page. One that fails fails the page.
    pub(crate) async fn add_ledgers(&self, page: &mut ParsedPage) -> Result<()> {
        for patient in owners(page) {
            let ledger = self.ledger(&patient).await?;
            merge(page, ledger);
        }
        Ok(())
    }

    async fn ledger(&self, patient: &PatientId) -> Result<ParsedPage> {
        for _ in 0..=MAX_RESTARTS {
            if let Some(ledger) = self.undisturbed_ledger(patient).await? {
                return Ok(ledger);
            }
            tracing::info!("a patient's payments changed while they were read; once more");
        }
        let what = "a patient's payments keep changing while they are read";
        Err(self.ledger_error(ErrorKind::Unavailable, what).retry(Retry::Backoff))
    }

    /// All pages of a patient's payments; `None` if rows came, went or the link to the next page
    /// went stale meanwhile.
    async fn undisturbed_ledger(&self, patient: &PatientId) -> Result<Option<ParsedPage>> {
        let mut request = requests::payments_of(patient, self.config.page_size);
        let mut ledger = ParsedPage::default();
        let mut links = BTreeSet::new();
        loop {
            let page = match self.page(RecordKind::Payment, &request).await {
                Ok((page, _)) => page,
                Err(error) if !links.is_empty() && is_stale(&error) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    // Nobody is there to have more rows; everybody else's must still be read.
                    tracing::warn!("a payment's patient is not known to Nextech");
                    return Ok(Some(ledger));
                }
                Err(error) => return Err(error),
            };
            if matches!((ledger.total, page.total), (Some(was), Some(is)) if was != is) {
                return Ok(None);
            }
            ledger.total = page.total.or(ledger.total);
            ledger.events.extend(page.events);
            ledger.rejected.extend(page.rejected);
            let Some(link) = page.next else { return Ok(Some(ledger)) };
            let link = self.check_link(&link)?;
            if !links.insert(link.to_string()) {
                let what = "the link to the next page leads back to a page that was read";
                return Err(self.ledger_error(ErrorKind::Decode, what));
            }
            if links.len() >= MAX_PAGES {
                let what = "a patient's payments have no end";
                return Err(self.ledger_error(ErrorKind::Decode, what).with("pages", MAX_PAGES));
            }
            request = requests::more_payments_of(link);
        }
    }

    fn ledger_error(&self, kind: ErrorKind, what: &str) -> Error {
        Error::new(kind, what)
            .connector(self.config.product.profile().connector)
            .operation(requests::PAYMENTS_OF)
    }
}

/// Whose rows are on the page, each once, rows that cannot be read included.
fn owners(page: &ParsedPage) -> Vec<PatientId> {
    let of_events = page.events.iter().filter_map(|event| match &event.record {
        Record::Payment(payment) => payment.patient.clone(),
        _ => None,
    });
    let mut seen = BTreeSet::new();
    of_events
        .chain(page.rejected_owners.iter().cloned())
        .filter(|patient| seen.insert(patient.clone()))
        .collect()
}

/// Adds the rows that are not on the page yet. What the page says about the search stays.
fn merge(page: &mut ParsedPage, ledger: ParsedPage) {
    let known: BTreeSet<_> = page.events.iter().map(|event| event.id.clone()).collect();
    let new = ledger.events.into_iter().filter(|event| !known.contains(&event.id));
    page.events.extend(new);
    for row in ledger.rejected {
        if !page.rejected.iter().any(|it| it.raw == row.raw) {
            page.rejected.push(row);
        }
    }
}
