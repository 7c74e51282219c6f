//! Sums by day and tender.

use std::collections::BTreeMap;

use cannula_core::{Currency, Money, StoreOrder};
use chrono::NaiveDate;
use serde::{Serialize, Serializer};

/// What both sides have. What was given back is a positive amount here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Taken by the store.
    #[serde(serialize_with = "decimal")]
    pub captured: Money,
    /// How much of that is tax.
    #[serde(serialize_with = "decimal")]
    pub tax: Money,
    /// How much of that is shipping.
    #[serde(serialize_with = "decimal")]
    pub shipping: Money,
    /// Given back by the store.
    #[serde(serialize_with = "decimal")]
    pub refunded: Money,
    /// The ledger's active payments.
    #[serde(serialize_with = "decimal")]
    pub payments: Money,
    /// The ledger's active refunds.
    #[serde(serialize_with = "decimal")]
    pub refunds: Money,
    /// What the store took less what it gave back, less the same of the ledger.
    #[serde(serialize_with = "decimal")]
    pub difference: Money,
}

/// The sums of a day and a tender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DaySums {
    /// The day on the practice's calendar; absent for rows of the ledger without one.
    pub date: Option<NaiveDate>,
    /// The store's payment method with its card, such as `bluepay_payment VI`; absent for rows
    /// of the ledger that belong to no order.
    pub tender: Option<String>,
    /// The sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// The sums of a tender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TenderSums {
    /// As in [`DaySums::tender`].
    pub tender: Option<String>,
    /// The sums.
    #[serde(flatten)]
    pub sums: Sums,
}

/// Amounts as plain decimal numbers, the way people and spreadsheets read them.
pub(super) fn decimal<S: Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&amount.decimal())
}

/// The same for an amount that may be absent.
pub(super) fn decimal_or_none<S: Serializer>(
    amount: &Option<Money>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    amount.map(|amount| amount.decimal()).serialize(serializer)
}

/// How an order was paid.
pub(super) fn tender(order: &StoreOrder) -> String {
    let tender = &order.tender;
    match &tender.card {
        Some(card) => format!("{} {card}", tender.method),
        None => tender.method.clone(),
    }
}

/// Both sides' money in minor units, wide enough for any number of amounts.
#[derive(Clone, Copy, Debug, Default)]
struct Minor {
    captured: i128,
    tax: i128,
    shipping: i128,
    refunded: i128,
    payments: i128,
    refunds: i128,
}

impl Minor {
    fn add(&mut self, other: &Self) {
        self.captured += other.captured;
        self.tax += other.tax;
        self.shipping += other.shipping;
        self.refunded += other.refunded;
        self.payments += other.payments;
        self.refunds += other.refunds;
    }

    /// A sum that no [`Money`] can hold is shown as the most it can.
    fn sums(&self, currency: Currency) -> Sums {
        let money = |minor: i128| {
            let limit = if minor.is_negative() { i64::MIN } else { i64::MAX };
            Money::from_minor(i64::try_from(minor).unwrap_or(limit), currency)
        };
        let (store, ledger) = (self.captured - self.refunded, self.payments - self.refunds);
        Sums {
            captured: money(self.captured),
            tax: money(self.tax),
            shipping: money(self.shipping),
            refunded: money(self.refunded),
            payments: money(self.payments),
            refunds: money(self.refunds),
            difference: money(store - ledger),
        }
    }
}

/// Adds up the money of a period.
#[derive(Debug, Default)]
pub(super) struct Adder(BTreeMap<(Option<NaiveDate>, Option<String>), Minor>);

impl Adder {
    /// Money that the store took or, as a negative amount, gave back.
    pub(super) fn store(&mut self, date: NaiveDate, tender: String, amount: Money) {
        let minor = i128::from(amount.minor());
        let sums = self.0.entry((Some(date), Some(tender))).or_default();
        if minor < 0 {
            sums.refunded -= minor;
        } else {
            sums.captured += minor;
        }
    }

    /// What of the money that the store took is tax and shipping.
    pub(super) fn included(&mut self, date: NaiveDate, order: &StoreOrder) {
        let sums = self.0.entry((Some(date), Some(tender(order)))).or_default();
        sums.tax += i128::from(order.totals.tax.minor());
        sums.shipping += i128::from(order.totals.shipping.minor());
    }

    /// Money on the ledger; a negative amount is a refund.
    pub(super) fn ledger(
        &mut self,
        date: Option<NaiveDate>,
        tender: Option<String>,
        amount: Money,
    ) {
        let minor = i128::from(amount.minor());
        let sums = self.0.entry((date, tender)).or_default();
        if minor < 0 {
            sums.refunds -= minor;
        } else {
            sums.payments += minor;
        }
    }

    pub(super) fn sums(self, currency: Currency) -> (Vec<DaySums>, Vec<TenderSums>, Sums) {
        let mut tenders: BTreeMap<Option<String>, Minor> = BTreeMap::new();
        let mut total = Minor::default();
        let mut days = Vec::new();
        for ((date, tender), minor) in self.0 {
            total.add(&minor);
            tenders.entry(tender.clone()).or_default().add(&minor);
            days.push(DaySums { date, tender, sums: minor.sums(currency) });
        }
        let tenders = tenders.into_iter();
        let tenders = tenders.map(|(tender, it)| TenderSums { tender, sums: it.sums(currency) });
        (days, tenders.collect(), total.sums(currency))
    }
}
