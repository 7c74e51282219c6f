//! Posting: a store's payments go to the ledgers of the practice's patients.
//!
//! [`PostingRules::decide`] folds the orders of one customer of the store and plans what is left:
//! find out which patient the customer is, post the money that was taken, and have staff record
//! what was given back. [`PostingRules::standings`] says where each order stands and why.

mod config;
mod customer;
mod decide;
mod description;
mod due;
mod effect;
pub mod marker;
mod matching;
mod position;
pub mod report;
mod standing;
mod state;
mod terms;
mod verdict;

use cannula_core::{
    LedgerInfo, LedgerOptions, LedgerRow, NewPatient, Patient, PaymentKind, PaymentStatus, Person,
    PickLists, RegistryInfo, Result, StoreCustomer,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

pub use config::{NearMatch, PostingConfig, RefundPolicy};
pub use decide::PostingPlan;
pub use due::{Later, Nothing, Unclear};
pub use effect::{
    Identification, Identified, PostPayment, PostingEffect, PostingReceipt, RefundLookup,
};
pub use marker::Marker;
pub use standing::{FollowUp, OrderStanding, SyncStatus};
pub use state::{PostedPart, PostingState, RefundStanding, Seen};
pub use terms::Terms;
pub use verdict::{PostingReason, PostingVerdict};

use self::customer::Customers;
use crate::intake::Match;

/// The posting rules of one practice. Pure.
#[derive(Clone, Debug)]
pub struct PostingRules {
    config: PostingConfig,
    ledger: LedgerInfo,
    customers: Customers,
}

impl PostingRules {
    /// Rules from a checked configuration, for this ledger and this register of patients.
    pub fn new(config: PostingConfig, ledger: LedgerInfo, registry: RegistryInfo) -> Self {
        let customers = Customers::new(&config, registry);
        Self { config, ledger, customers }
    }

    /// The configuration.
    pub fn config(&self) -> &PostingConfig {
        &self.config
    }

    /// What the register of patients is and demands.
    pub fn registry(&self) -> &RegistryInfo {
        self.customers.registry()
    }

    /// Resolves the practice's words for payments and new patients.
    ///
    /// # Errors
    /// Everything that is wrong in one of the two, with what the practice has instead.
    pub fn terms(&self, options: &LedgerOptions, lists: &PickLists) -> Result<Terms> {
        let terms = self.config.terms(&self.ledger, options)?;
        self.customers.check(lists)?;
        Ok(terms)
    }

    /// Whom to search the register for.
    pub fn person(&self, customer: &StoreCustomer) -> Person {
        self.customers.person(customer)
    }

    /// Which of the patients that a search found is the customer.
    pub fn identify(&self, customer: &StoreCustomer, found: Vec<Patient>) -> Match {
        self.customers.identify(&self.config, customer, found)
    }

    /// The customer as a new patient. `today` is the last day somebody can be born on.
    ///
    /// # Errors
    /// A sentence for each field that is missing or wrong.
    pub fn new_patient(
        &self,
        customer: &StoreCustomer,
        lists: &PickLists,
        today: NaiveDate,
    ) -> Result<NewPatient, Vec<String>> {
        self.customers.draft(customer, lists, today)
    }

    /// The days around a payment's date whose rows it is compared with: clocks and people differ.
    pub fn days_around(&self, post: &PostPayment) -> (NaiveDate, NaiveDate) {
        let day = TimeDelta::days(1);
        (post.date - day, post.date + day)
    }

    /// The row that is this payment, by its marker, whatever became of it since. The row that
    /// voids it, or a refund that staff made out of it, may say the same, but goes the other way.
    pub fn posted<'a>(&self, post: &PostPayment, rows: &'a [LedgerRow]) -> Option<&'a LedgerRow> {
        let ours = Marker::parse(post.description.expose())?;
        rows.iter().find(|row| {
            let same_way = row.payment.amount.is_negative() == post.amount.is_negative();
            same_way && marker(row).as_ref() == Some(&ours)
        })
    }

    /// What a row says of a payment, which may be other than what was to be posted.
    pub fn part(&self, post: &PostPayment, row: &LedgerRow) -> PostedPart {
        let LedgerRow { id, payment } = row;
        PostedPart {
            seen: Seen::Row(id.clone()),
            patient: payment.patient.clone().unwrap_or_else(|| post.patient.clone()),
            amount: payment.amount,
            date: payment.date.unwrap_or(post.date),
        }
    }

    /// A row of somebody else's that may be this payment: the same patient, amount and date.
    pub fn looks_posted<'a>(
        &self,
        post: &PostPayment,
        rows: &'a [LedgerRow],
    ) -> Option<&'a LedgerRow> {
        let (from, to) = self.days_around(post);
        rows.iter().find(|row| {
            let payment = &row.payment;
            payment.counted() == Some(post.amount)
                && payment.patient.as_ref() == Some(&post.patient)
                && payment.date.is_some_and(|date| (from..=to).contains(&date))
                && marker(row).is_none()
        })
    }

    /// The row by which staff recorded a refund, the oldest of those that may be it; `taken` rows
    /// record something else.
    pub fn recorded<'a>(
        &self,
        refund: &RefundLookup,
        rows: &'a [LedgerRow],
        taken: &[&cannula_core::RecordId],
    ) -> Option<&'a LedgerRow> {
        let fitting = rows.iter().filter(|row| {
            let others = marker(row).is_some_and(|it| matches!(it.part, marker::Part::Refund(_)));
            !others
                && row.payment.counted() == Some(refund.amount.negated())
                && row.payment.date.is_none_or(|date| date >= refund.since)
                && !taken.contains(&&row.id)
        });
        fitting.min_by_key(|row| row.payment.date)
    }

    /// The rows that show that something else posts the store's orders: payments of our category
    /// that carry no marker of ours.
    pub fn of_other_posters<'a>(&self, rows: &'a [LedgerRow]) -> Vec<&'a LedgerRow> {
        let Some(category) = &self.config.category else { return Vec::new() };
        let ours = |row: &&LedgerRow| {
            let payment = &row.payment;
            payment.category.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(category))
                && (payment.status, payment.kind) == (PaymentStatus::Active, PaymentKind::Payment)
                && !payment.amount.is_negative()
                && marker(row).is_none()
        };
        rows.iter().filter(ours).collect()
    }

    /// The calendar day of an instant at the practice.
    fn day(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.config.zone).date_naive()
    }
}

fn marker(row: &LedgerRow) -> Option<Marker> {
    Marker::parse(row.payment.description.as_ref()?.expose())
}
