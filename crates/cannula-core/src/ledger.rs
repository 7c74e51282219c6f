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
    /// What it is found by again: the description's first words, unique in the practice.
    pub marker: String,
    /// The whole description, the marker first, within [`LedgerInfo::description_limit`].
    pub description: Phi<String>,
    /// How it is booked.
    pub terms: PaymentTerms,
}

impl NewPayment {
    /// Whether a row's description carries this payment's marker.
    pub fn is_marked_on(&self, row: &Payment) -> bool {
        let Some(description) = &row.description else { return false };
        let rest = description.expose().trim_start().strip_prefix(self.marker.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    }
}

/// A row of the practice's ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRow {
    /// The vendor's id of the row.
    pub id: RecordId,
    /// What it says.
    pub payment: Payment,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Payer, PaymentKind, PaymentStatus};

    #[test]
    fn a_marker_is_whole_words_at_the_start_of_a_description() {
        let payment = NewPayment {
            patient: PatientId::new("p"),
            amount: Money::from_minor(100, Currency::USD),
            date: NaiveDate::default(),
            marker: "DP#41 R#7".to_owned(),
            description: Phi::new("DP#41 R#7 SER".to_owned()),
            terms: PaymentTerms {
                method: "Charge".to_owned(),
                category: None,
                card_type: None,
                location: Named::new("Main"),
                practitioner: Named::new("Rao"),
            },
        };
        let is_marked = |description: &str| {
            payment.is_marked_on(&Payment {
                patient: None,
                kind: PaymentKind::Payment,
                payer: Payer::Patient,
                status: PaymentStatus::Active,
                amount: payment.amount,
                date: None,
                method: None,
                category: None,
                items: Vec::new(),
                description: Some(Phi::new(description.to_owned())),
                practitioner: None,
                location: None,
                corrections: Vec::new(),
            })
        };
        assert!(is_marked("DP#41 R#7 SER"));
        assert!(is_marked(" DP#41 R#7"));
        assert!(!is_marked("DP#41 R#77 SER"));
        assert!(!is_marked("DP#41 SER"));
        assert!(!is_marked("see DP#41 R#7"));
    }
}
