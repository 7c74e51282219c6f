//! What it takes to put a payment on a patient's ledger.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::{Currency, Money, Named, PatientId, Payment, Phi, PracticeId, RecordId};

/// What a ledger is. Fixed at construction: asking for it does no I/O.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerInfo {
    /// The connector and product, for example `nextech-select`.
    pub name: &'static str,
    /// The product as staff call it: `Nextech Select`.
    pub product: &'static str,
    /// The practice whose ledger it is.
    pub practice: PracticeId,
    /// The only currency it keeps.
    pub currency: Currency,
    /// The longest description it keeps, in characters; what is longer it cuts without a word.
    pub description_limit: usize,
    /// The payment methods it takes, as it spells them.
    pub methods: &'static [&'static str],
    /// The card types it takes, if it has a fixed list; otherwise the practice has its own.
    pub card_types: Option<&'static [&'static str]>,
    /// A payment must have a category.
    pub category_required: bool,
    /// The methods that need a card type.
    pub card_type_required: &'static [&'static str],
}

/// What the practice has, for checking a configuration before anything is posted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerOptions {
    /// The locations a payment can be booked at.
    pub locations: Vec<Named>,
    /// The practitioners a payment can be credited to.
    pub practitioners: Vec<Named>,
    /// The categories on recent payments. No endpoint lists those that exist.
    pub categories: BTreeSet<String>,
    /// The card types on recent payments.
    pub card_types: BTreeSet<String>,
}

/// How a payment is booked: the practice's own words, resolved to the vendor's ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentTerms {
    /// The payment method.
    pub method: String,
    /// The category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The card type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_type: Option<String>,
    /// Where it is booked.
    pub location: Named,
    /// To whom it is credited.
    pub practitioner: Named,
}

/// A payment to be put on a patient's ledger, not applied to anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPayment {
    /// Whose ledger.
    pub patient: PatientId,
    /// How much; negative for a refund.
    pub amount: Money,
    /// The day on the practice's calendar.
    pub date: NaiveDate,
    /// What it is for, within [`LedgerInfo::description_limit`]. The first words are unique in the
    /// practice, so that the payment is found by them again.
    pub description: Phi<String>,
    /// How it is booked.
    pub terms: PaymentTerms,
}

/// A row of the practice's ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// The vendor's id of the row.
    pub id: RecordId,
    /// What it says.
    pub payment: Payment,
}
