//! The store's own books: what is true of its orders.

use cannula_core::{Money, OrderNumber};
use chrono::{DateTime, Utc};

use super::{
    checkout::Article,
    order::{Order, Origin, StoreState},
    shopper::{Identity, Shopper},
};
use crate::practice::cents;

/// What truly became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBooks {
    /// Its number; of views other than the main one `<view>:<number>`.
    pub number: OrderNumber,
    /// The number it was first placed under.
    pub first_number: OrderNumber,
    /// The order it came from.
    pub origin: Option<Origin>,
    /// `entity_id`.
    pub entity_id: u32,
    /// The account; absent for a guest.
    pub customer: Option<u32>,
    /// Who bought, as typed.
    pub shopper: Shopper,
    /// Who that truly is.
    pub identity: Identity,
    /// Where it stands.
    pub state: StoreState,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// The articles, without rows of children.
    pub articles: Vec<(Article, String)>,
    /// What the customer owed in money.
    pub grand_total: Money,
    /// What a gift card paid.
    pub gift_card: Money,
    /// What rewards took off.
    pub rewards: Money,
    /// Money that was truly taken for this order, each time it was. What an edited order took over
    /// from the one before stays with that one.
    pub captured: Vec<(DateTime<Utc>, Money)>,
    /// Money that went back, credit memo by credit memo.
    pub refunded: Vec<RefundBooks>,
}

/// Money that went back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundBooks {
    /// The credit memo's number.
    pub memo: String,
    /// When.
    pub at: DateTime<Utc>,
    /// How much, as a positive amount.
    pub amount: Money,
    /// The gateway paid it.
    pub online: bool,
}

impl OrderBooks {
    /// All that was truly taken for it.
    pub fn taken(&self) -> Money {
        cents(self.captured.iter().map(|(_, amount)| amount.minor()).sum())
    }

    /// All that went back.
    pub fn given_back(&self) -> Money {
        cents(self.refunded.iter().map(|refund| refund.amount.minor()).sum())
    }

    pub(super) fn of(order: &Order) -> Self {
        let real = order.invoices.iter().filter(|invoice| invoice.txn.is_some());
        let done = order.memos.iter().filter(|memo| !memo.open);
        Self {
            number: order.number(),
            first_number: order.first_number(),
            origin: order.origin.clone(),
            entity_id: order.id,
            customer: order.customer,
            shopper: order.shopper.clone(),
            identity: order.identity.clone(),
            state: order.state,
            placed_at: order.placed_at,
            articles: order.lines.iter().map(|line| (line.article, line.sku.clone())).collect(),
            grand_total: cents(order.totals.grand),
            gift_card: cents(order.totals.gift_card),
            rewards: cents(order.totals.rewards),
            captured: real.map(|invoice| (invoice.at, cents(invoice.amount))).collect(),
            refunded: done
                .map(|memo| RefundBooks {
                    memo: memo.increment.clone(),
                    at: memo.at,
                    amount: cents(memo.amount),
                    online: memo.txn.is_some(),
                })
                .collect(),
        }
    }
}
