//! What an online store knows of an order.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::{Money, OrderNumber, PatientId, PersonId, PersonName, Phi};

/// Where an order stands in its store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OrderState {
    /// Placed; the payment is not final.
    Pending,
    /// Paid at least in part, not shipped whole.
    Processing,
    /// Paid and shipped, or paid and nothing to ship.
    Complete,
    /// Refunded whole.
    Closed,
    /// Given up.
    Canceled,
    /// Put on hold, for example by the store's risk score. Its card may have been charged.
    Held,
    /// It is another customer's now.
    Moved,
    /// A state this version does not know, as the store spells it.
    Other(String),
}

/// What a line of an order is, as far as it matters to a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Something that is handed over or shipped.
    Product,
    /// A treatment that is still to be given.
    Service,
    /// A membership or a renewal of one.
    Membership,
    /// A gift card: its value is spent later, in the store.
    GiftCard,
}

/// A line of an order as it was bought; the parts of a bundle are not lines of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderLine {
    /// The store's article number.
    pub sku: Phi<String>,
    /// What it is called in the store.
    pub name: Phi<String>,
    /// What it is.
    pub kind: LineKind,
}

/// Who bought: as typed at the checkout, neither trimmed nor corrected.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoreCustomer {
    /// The same for every order of one customer of the store, and free of personal data.
    pub id: PersonId,
    /// The name.
    pub name: PersonName,
    /// E-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Phi<String>>,
    /// Phone number, free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phi<String>>,
    /// Birth date, if the store asked for it; placeholders are absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Phi<NaiveDate>>,
    /// Gender as `male` or `female`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gender: Option<Phi<String>>,
    /// Street and number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<Phi<String>>,
    /// City.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Phi<String>>,
    /// State or region, as its code where the store has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Phi<String>>,
    /// Postal code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<Phi<String>>,
}

/// How an order was paid, in the store's words. Card data never gets this far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tender {
    /// The payment method's code, for example `paypal_express` or `free`.
    pub method: String,
    /// The card's brand as a code, for example `VI`; absent for other tenders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<String>,
}

/// Money that was taken for an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Captured {
    /// All of it, whatever was given back later.
    pub amount: Money,
    /// When the last of it was taken.
    pub at: DateTime<Utc>,
    /// The store has a transaction by which the order itself took it. Without one, what an edited
    /// order shows as paid may have been taken for the form before.
    pub charged: bool,
}

/// Money given back for an order, by one credit memo that is carried out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoreRefund {
    /// The credit memo's number, unique within the store view.
    pub number: String,
    /// How much, as a positive amount.
    pub amount: Money,
    /// When.
    pub at: DateTime<Utc>,
    /// The gateway gave the money back. Otherwise the store only noted a refund, and the money
    /// went back on some other way, or did not.
    pub online: bool,
}

/// What makes up an order's total, for reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderTotals {
    /// What the customer owed: after discounts, with tax and shipping, less gift cards.
    pub grand_total: Money,
    /// Tax.
    pub tax: Money,
    /// Shipping.
    pub shipping: Money,
    /// Discounts, rewards among them where the store books them so; a positive amount.
    pub discount: Money,
    /// What the discount was for: a coupon code, or the store's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_reason: Option<String>,
    /// Paid by gift card or store credit: no money moved today.
    pub gift_card: Money,
    /// Paid by reward points.
    pub rewards: Money,
    /// What is left of subtotal, tax, shipping and discount over the grand total and is none of
    /// the above: a total of some other module, often a gift card's.
    pub unexplained: Money,
}

/// One state of an order of an online store, with everything that was paid and given back for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoreOrder {
    /// The number on the customer's receipt.
    pub number: OrderNumber,
    /// The number it was first placed under: another one if the order was edited or re-created.
    pub first_number: OrderNumber,
    /// Who bought.
    pub customer: StoreCustomer,
    /// Where it stands.
    pub state: OrderState,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// How it was paid.
    pub tender: Tender,
    /// The totals.
    pub totals: OrderTotals,
    /// The money that was taken; absent if none was, or if the store does not say yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured: Option<Captured>,
    /// The money that was given back, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<StoreRefund>,
}

impl StoreOrder {
    /// What was given back in the way it was paid, in the currency's smallest unit. A credit memo
    /// that was made offline moves no money.
    pub fn given_back(&self) -> i64 {
        let online = self.refunds.iter().filter(|refund| refund.online);
        online.fold(0, |sum, refund| sum.saturating_add(refund.amount.minor()))
    }
}

/// Which patient staff say an order belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatientChoice {
    /// This patient.
    Patient(PatientId),
    /// None of those that were found: a new patient is to be made.
    New,
}

/// A decision of staff about an order that could not be stored by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderDecision {
    /// The order.
    pub order: OrderNumber,
    /// Whose order it is.
    pub customer: PersonId,
    /// Whose ledger it goes to. It is posted there even if it looks posted already, unless it
    /// carries our own marker.
    pub choice: PatientChoice,
    /// The choice holds for the customer's other orders too.
    #[serde(default)]
    pub remember: bool,
}
