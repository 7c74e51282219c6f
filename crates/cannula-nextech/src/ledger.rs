//! Nextech as a ledger: its payments, and new ones.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cannula_core::{
    EmrSource, Error, ErrorKind, Event, LedgerInfo, LedgerOptions, LedgerRow, NewPayment,
    PatientId, PaymentLedger, Record, Rejected, Result, Retry,
};
use chrono::{NaiveDate, TimeDelta};

use crate::{
    config::NextechConfig, errors, ledger_requests, ledger_words, listing::Listing,
    mentions::Mentions, payment_body, registry_requests, requests, source::Nextech,
};

/// What Nextech keeps of a description: `processNote` in "Create Payment" of both products.
const DESCRIPTION_LIMIT: usize = 255;

/// How far back the practice's words are looked for, and on how many pages at most.
const RECENT: TimeDelta = TimeDelta::days(90);
const MAX_RECENT_PAGES: usize = 20;

pub(crate) fn info(config: &NextechConfig) -> LedgerInfo {
    let profile = config.product.profile();
    LedgerInfo {
        name: profile.connector,
        product: profile.name,
        practice: config.practice.clone(),
        currency: config.currency,
        description_limit: DESCRIPTION_LIMIT,
        methods: profile.payments.methods,
        card_types: profile.payments.card_types,
        category_required: profile.payments.category_required,
        card_type_required: profile.payments.card_type_required,
    }
}

#[async_trait]
impl PaymentLedger for Nextech {
    fn info(&self) -> &LedgerInfo {
        &self.ledger
    }

    /// Also says what of the configuration is missing for posting.
    async fn check(&self) -> Result<()> {
        if self.config.product.profile().payments.practice_required {
            payment_body::practice_reference(&self.config.new_payments)
                .map_err(|error| error.connector(self.ledger.name).operation("check access"))?;
        }
        EmrSource::check(self).await
    }

    async fn options(&self) -> Result<LedgerOptions> {
        let size = self.config.page_size;
        let mut options = LedgerOptions {
            locations: self.list("Location", registry_requests::locations(size)).await?,
            practitioners: self
                .list("Practitioner", registry_requests::practitioners(size))
                .await?,
            ..LedgerOptions::default()
        };
        self.add_words(&mut options).await?;
        Ok(options)
    }

    /// A row that cannot be read is left out, with a warning: it keeps nobody else's from being
    /// seen.
    async fn between(&self, from: NaiveDate, to: NaiveDate) -> Result<Vec<LedgerRow>> {
        let list = Listing {
            first: ledger_requests::between(from, to, self.config.page_size),
            name: "the practice's payments",
            max_pages: 2_000,
        };
        let found = self.listed(&list).await?;
        for Rejected { key, path, problem, .. } in &found.rejected {
            let row = key.as_ref().map(|key| key.id.as_str());
            tracing::warn!(row, path, problem, "a payment cannot be read and is left out");
        }
        let mut rows = rows(found.events);
        rows.retain(|row| row.payment.date.is_none_or(|date| (from..=to).contains(&date)));
        Ok(rows)
    }

    /// A row that cannot be read is an error: it may be the very payment that is looked for.
    async fn of_patient(&self, patient: &PatientId) -> Result<Vec<LedgerRow>> {
        let list = self.payments_of(patient);
        let found = self.listed(&list).await?;
        match found.rejected.into_iter().next() {
            None => Ok(rows(found.events)),
            Some(row) => {
                let mut error = Error::new(ErrorKind::Invalid, row.problem)
                    .connector(self.ledger.name)
                    .operation(list.first.operation())
                    .with("path", row.path);
                if let Some(key) = row.key {
                    error = error.with("row", key.id);
                }
                Err(error)
            }
        }
    }

    async fn post(&self, payment: &NewPayment) -> Result<()> {
        let (product, practice) = (self.config.product, &self.config.new_payments);
        let request = ledger_requests::post(product, &self.ledger, practice, payment)
            .map_err(|error| self.not_posted(error))?;
        let response =
            self.client.send(&request).await.map_err(|error| self.payment_refused(error))?;
        if errors::is_failure(&response.body) {
            let what =
                "Nextech answers that it took the payment, and not as it does when all is well";
            let error = Error::new(ErrorKind::Decode, what).status(response.status);
            return Err(self.not_posted(error.retry(Retry::Settle)));
        }
        Ok(())
    }
}

impl Nextech {
    /// Adds the categories and card types of recent payments.
    async fn add_words(&self, options: &mut LedgerOptions) -> Result<()> {
        let from = (self.clock.now() - RECENT).with_timezone(&self.config.zone).date_naive();
        let mut request = ledger_requests::recent(from, self.config.page_size);
        for _ in 0..MAX_RECENT_PAGES {
            let parse = |response: cannula_http::Response| ledger_words::parse(&response.body);
            let page = self.client.read(&request, parse).await?;
            options.categories.extend(page.categories);
            options.card_types.extend(page.card_types);
            let Some(link) = page.next else { break };
            request = requests::next(&request, self.check_link(&link)?);
        }
        Ok(())
    }

    /// A refusal in words that staff can act upon. The client has settled what may be sent again.
    fn payment_refused(&self, error: Error) -> Error {
        // Nothing that a payment could be a duplicate of is documented, so a 409 is as good.
        if !errors::is_refusal(&error) && error.http_status() != Some(409) {
            return error;
        }
        let message = match Mentions::of(&error).and_then(Mentions::of_payment) {
            Some(fields) => {
                format!("Nextech does not take the payment; its answer speaks of: {fields}")
            }
            None => "Nextech does not take the payment and names no field; check that the patient is still there, and that category and card type are spelled as in Nextech's own lists".to_owned(),
        };
        self.not_posted(errors::in_words(error, message))
    }

    fn not_posted(&self, error: Error) -> Error {
        error.connector(self.ledger.name).operation(ledger_requests::POST)
    }
}

/// The rows, each once: one that moved to another page while they were read came twice.
fn rows(events: Vec<Event>) -> Vec<LedgerRow> {
    let mut seen = BTreeSet::new();
    let row = |event: Event| match event.record {
        Record::Payment(payment) => Some(LedgerRow { id: event.key.id, payment }),
        _ => None,
    };
    events.into_iter().filter_map(row).filter(|row| seen.insert(row.id.clone())).collect()
}
