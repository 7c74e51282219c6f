//! A row of the ledger as the practice knows it.

use cannula_core::{Currency, Money, PatientId, PaymentKind, PaymentStatus, RecordId};
use chrono::{DateTime, NaiveDate, Utc};

use super::model::{LOCATIONS, Location, PRACTITIONERS, Practitioner, Product};

/// So many cents.
pub(crate) const fn cents(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

/// What a link between two rows says of the row that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// It was voided by the other row.
    VoidedBy,
    /// It voids the other row.
    Voids,
    /// The other row stands in for it, corrected.
    RecreatedBy,
    /// It stands in for the other row, corrected.
    Recreates,
    /// It stands in for what the other row voids.
    RecreatesVoiding,
}

/// A link to another row. Only Practice+ prints links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentLink {
    /// What it says.
    pub kind: LinkKind,
    /// The other row's id as printed, which may be that of no row; absent if only the part that
    /// the row plays is printed.
    pub row: Option<RecordId>,
}

/// One state of one row of the ledger: a payment, a refund or an adjustment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentState {
    /// Whose ledger it is in; absent for money that nobody put to a patient.
    pub patient: Option<PatientId>,
    /// The provider it is credited to.
    pub practitioner: Option<&'static Practitioner>,
    /// Where it was taken.
    pub location: Option<&'static Location>,
    /// The signed amount in US dollars; what goes back is negative.
    pub amount: Money,
    /// Payment or adjustment.
    pub kind: PaymentKind,
    /// The code of the kind of adjustment that Practice+ prints: 1 for a payment, 2 to 9 for
    /// adjustments. Payments may have none.
    pub adjustment_code: Option<u8>,
    /// The insurer that paid; absent if the patient did.
    pub insurer: Option<&'static str>,
    /// Whether it counts.
    pub status: PaymentStatus,
    /// How it was paid, as Practice+ says it. Select knows `Cash`, `Check` and, for all else,
    /// `Charge`.
    pub method: Option<&'static str>,
    /// The card's type, an entry of the practice's list; of payments by `CreditCard` without one
    /// both products say `Visa`.
    pub card_type: Option<String>,
    /// The number of the check; payments by `Check` without one print some number.
    pub check_number: Option<String>,
    /// What for; an entry of the practice's list.
    pub category: Option<String>,
    /// The day it was paid, on the practice's calendar.
    pub date: NaiveDate,
    /// What staff or another system wrote beside it.
    pub note: Option<String>,
    /// The claims it was put to, with the amount for each. Empty for money not yet put to
    /// anything, which both products print without `detail`.
    pub claims: Vec<(u32, Money)>,
    /// Its links to other rows, in order of kind.
    pub links: Vec<PaymentLink>,
    /// What `meta.lastUpdated` says. A row that is voided keeps the one it had.
    pub updated: DateTime<Utc>,
}

impl PaymentState {
    /// A payment of so many cents by card at the first location, put to no claim.
    pub fn new(patient: &PatientId, minor: i64, date: NaiveDate) -> Self {
        Self {
            patient: Some(patient.clone()),
            practitioner: PRACTITIONERS.first(),
            location: LOCATIONS.first(),
            amount: cents(minor),
            kind: PaymentKind::Payment,
            adjustment_code: None,
            insurer: None,
            status: PaymentStatus::Active,
            method: Some("CreditCard"),
            card_type: None,
            check_number: None,
            category: Some("Services".to_owned()),
            date,
            note: None,
            claims: Vec::new(),
            links: Vec::new(),
            updated: DateTime::UNIX_EPOCH,
        }
    }

    /// The same money from an insurer.
    #[must_use]
    pub fn by_insurer(self) -> Self {
        let insurer = INSURERS.first().copied();
        Self { insurer, category: Some("Insurance".to_owned()), ..self }
    }

    /// An adjustment with a code of Practice+ from 2 to 9, put to a claim: nothing else tells an
    /// adjustment in Select. The timeline has none with 4, a return, of which the vendor does not
    /// say whether money moves.
    #[must_use]
    pub fn adjusting(self, code: u8) -> Self {
        Self {
            kind: PaymentKind::Adjustment,
            adjustment_code: Some(code),
            method: None,
            claims: vec![(7_000, self.amount)],
            ..self
        }
    }

    /// How it was paid, in the words of a product.
    pub(crate) fn method_in(&self, product: Product) -> Option<&'static str> {
        match (product, self.method?) {
            (Product::PracticePlus, method) => Some(method),
            (Product::Select, method @ ("Cash" | "Check")) => Some(method),
            (Product::Select, _) => Some("Charge"),
        }
    }

    /// Money out of the patient's own pocket or back into it, that counts.
    pub(super) fn counts(&self) -> bool {
        self.status == PaymentStatus::Active
            && self.kind == PaymentKind::Payment
            && self.insurer.is_none()
    }

    pub(super) fn link(&mut self, kind: LinkKind, row: Option<RecordId>) {
        self.links.push(PaymentLink { kind, row });
        self.links.sort_by_key(|link| link.kind);
    }
}

/// The insurers that pay some of the practice's patients' bills.
pub static INSURERS: [&str; 3] =
    ["Empire Mutual Health", "Hudson Valley Shield", "Cobalt Care Partners"];

/// The practice's list of payment categories, as staff spelt them. No endpoint lists them.
pub static PAYMENT_CATEGORIES: [&str; 6] =
    ["Services", "Products", "Online store", "Deposit", "Insurance", "DermPRO Store"];

/// The practice's list of card types in Select. No endpoint lists them.
pub static CARD_TYPES: [&str; 5] =
    ["American Express", "Discover", "MasterCard", "Other (Do not process)", "Visa"];

/// How a payment can be made, in the words of a product.
pub(crate) const fn payment_methods(product: Product) -> &'static [&'static str] {
    match product {
        Product::Select => &["Cash", "Check", "Charge"],
        Product::PracticePlus => {
            &["Cash", "Check", "Charge", "CreditCard", "ElectronicTransfer", "GiftCertificate"]
        }
    }
}
