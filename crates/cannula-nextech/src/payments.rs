//! All payments of the patients on a page.
//!
//! A voided payment keeps its old time of change, so the search by time of change finds the row
//! that voids it and never the row that was voided. Whenever a patient has a row on a page, all
//! rows of that patient are read again and put on the page too.

use std::collections::BTreeSet;

use cannula_core::{ErrorKind, PatientId, Record, Result};

use crate::{Nextech, ParsedPage, listing::Listing, requests};

impl Nextech {
    /// Adds the payments of everybody who has a row on the page. One that fails fails the page.
    pub(crate) async fn add_ledgers(&self, page: &mut ParsedPage) -> Result<()> {
        for patient in owners(page) {
            match self.listed(&self.payments_of(&patient)).await {
                Ok(ledger) => merge(page, ledger),
                // Nobody is there to have more rows; everybody else's must still be read.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    tracing::warn!("a payment's patient is not known to Nextech");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The list of a patient's payments.
    pub(crate) fn payments_of(&self, patient: &PatientId) -> Listing {
        Listing {
            first: requests::payments_of(patient, self.config.page_size),
            name: "a patient's payments",
            max_pages: 200,
        }
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
