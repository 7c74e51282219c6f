//! Everything the store keeps, and what can be done with it. Each deed is done at an instant that
//! is given, in the order of instants; stamps have whole seconds.

use std::collections::HashMap;

use cannula_core::OrderNumber;
use chrono::{DateTime, SubsecRound, Utc};

use super::{
    checkout::{Checkout, Totals},
    order::{Order, Origin, Paper, Relation, StoreState, Transaction, TxnKind},
    shopper::{Identity, Shopper},
};

/// An account of the store.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    pub(super) id: u32,
    pub(super) shopper: Shopper,
    pub(super) identity: Identity,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

/// What is counted up.
#[derive(Clone, Copy, Debug)]
enum Count {
    Order,
    Item,
    Invoice,
    Memo,
    Transaction,
    Gateway,
    /// Numbers on documents start anew in each store view.
    OrderIn(u32),
    InvoiceIn(u32),
    MemoIn(u32),
}

/// The store's tables.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) customers: Vec<Customer>,
    pub(super) orders: Vec<Order>,
    by_number: HashMap<OrderNumber, usize>,
    counts: HashMap<(u8, u32), u32>,
}

impl Book {
    fn next(&mut self, count: Count) -> u32 {
        let (key, first) = match count {
            Count::Order => ((0, 0), 4_101),
            Count::Item => ((1, 0), 9_001),
            Count::Invoice => ((2, 0), 3_001),
            Count::Memo => ((3, 0), 71),
            Count::Transaction => ((4, 0), 5_001),
            Count::Gateway => ((5, 0), 100_900_700),
            Count::OrderIn(view) => ((6, view), 4_101),
            Count::InvoiceIn(view) => ((7, view), 3_001),
            Count::MemoIn(view) => ((8, view), 71),
        };
        let next = self.counts.entry(key).or_insert(first);
        *next += 1;
        *next - 1
    }

    fn document(&mut self, count: Count) -> String {
        format!("{:09}", self.next(count))
    }

    pub(super) fn find(&self, number: &OrderNumber) -> Option<&Order> {
        self.orders.get(*self.by_number.get(number)?)
    }

    pub(super) fn by_id(&self, id: u32) -> Option<&Order> {
        self.orders.iter().find(|order| order.id == id)
    }

    pub(super) fn register(
        &mut self,
        shopper: Shopper,
        identity: Identity,
        at: DateTime<Utc>,
    ) -> u32 {
        let id = 811 + u32::try_from(self.customers.len()).unwrap_or(0);
        let at = at.trunc_subsecs(0);
        self.customers.push(Customer { id, shopper, identity, created_at: at, updated_at: at });
        id
    }

    pub(super) fn change_customer(
        &mut self,
        id: u32,
        at: DateTime<Utc>,
        change: impl FnOnce(&mut Customer),
    ) -> bool {
        let found = self.customers.iter_mut().find(|customer| customer.id == id);
        let Some(customer) = found else { return false };
        change(customer);
        customer.updated_at = at.trunc_subsecs(0);
        true
    }

    pub(super) fn place(&mut self, checkout: Checkout, at: DateTime<Utc>) -> OrderNumber {
        let increment = self.document(Count::OrderIn(checkout.view));
        let totals = checkout.totals();
        let (captured, risky) = (checkout.captured, checkout.risky);
        let number = self.enter(checkout, totals, increment, at);
        if totals.grand > 0 {
            if captured {
                self.capture(&number, totals.grand, at);
            } else {
                self.transact(&number, TxnKind::Authorization, at);
            }
        } else {
            self.change(&number, at, Self::settle);
        }
        if risky {
            // Before anybody can do anything, so that what is complete is held as well.
            self.change(&number, at, Self::suspend);
        }
        number
    }

    fn enter(
        &mut self,
        checkout: Checkout,
        totals: Totals,
        increment: String,
        at: DateTime<Utc>,
    ) -> OrderNumber {
        let at = at.trunc_subsecs(0);
        let rows = checkout.lines.len() * 2;
        let first_item = self.next(Count::Item);
        for _ in 1..rows {
            self.next(Count::Item);
        }
        let order = Order {
            id: self.next(Count::Order),
            increment,
            view: checkout.view,
            original: None,
            edits: 0,
            origin: None,
            parent: None,
            child: None,
            state: StoreState::New,
            before_hold: StoreState::New,
            placed_at: at,
            updated_at: at,
            customer: checkout.customer,
            shopper: checkout.shopper,
            identity: checkout.identity,
            lines: checkout.lines,
            first_item,
            tender: checkout.tender,
            coupon: checkout.coupon.map(|(code, _)| code),
            totals,
            invoices: Vec::new(),
            memos: Vec::new(),
            transactions: Vec::new(),
        };
        let number = order.number();
        self.by_number.insert(number.clone(), self.orders.len());
        self.orders.push(order);
        number
    }

    /// Takes so many cents of what is due. `false` if that is not to be had.
    pub(super) fn capture(&mut self, number: &OrderNumber, amount: i64, at: DateTime<Utc>) -> bool {
        let takes = |order: &Order| {
            matches!(order.state, StoreState::New | StoreState::Processing)
                && amount > 0
                && amount <= order.totals.grand - order.paid()
        };
        if !self.find(number).is_some_and(takes) {
            return false;
        }
        let Some(txn) = self.transact(number, TxnKind::Capture, at) else { return false };
        self.invoice(number, amount, Some(txn), at)
    }

    fn invoice(
        &mut self,
        number: &OrderNumber,
        amount: i64,
        txn: Option<String>,
        at: DateTime<Utc>,
    ) -> bool {
        let Some(view) = self.find(number).map(|order| order.view) else { return false };
        let (id, increment) = (self.next(Count::Invoice), self.document(Count::InvoiceIn(view)));
        self.change(number, at, |order| {
            let at = at.trunc_subsecs(0);
            order.invoices.push(Paper { id, increment, amount, at, txn, open: false });
            Self::settle(order);
        })
    }

    /// Where an order stands by what was paid.
    fn settle(order: &mut Order) {
        order.state = if order.paid() < order.totals.grand || order.ships() {
            StoreState::Processing
        } else {
            StoreState::Complete
        };
    }

    fn transact(
        &mut self,
        number: &OrderNumber,
        kind: TxnKind,
        at: DateTime<Utc>,
    ) -> Option<String> {
        let (id, gateway) = (self.next(Count::Transaction), self.next(Count::Gateway).to_string());
        let txn = gateway.clone();
        self.change(number, at, |order| {
            let wanted = match kind {
                TxnKind::Authorization => None,
                TxnKind::Capture => Some(TxnKind::Authorization),
                TxnKind::Refund => Some(TxnKind::Capture),
            };
            let parent = order.transactions.iter().rev().find(|it| Some(it.kind) == wanted);
            let parent = parent.map(|it| (it.id, it.txn.clone()));
            let at = at.trunc_subsecs(0);
            order.transactions.push(Transaction { id, kind, txn: gateway, parent, at });
        })
        .then_some(txn)
    }

    /// Everything is shipped.
    pub(super) fn ship(&mut self, number: &OrderNumber, at: DateTime<Utc>) -> bool {
        let ready = |order: &Order| {
            order.state == StoreState::Processing && order.paid() == order.totals.grand
        };
        self.find(number).is_some_and(ready)
            && self.change(number, at, |order| order.state = StoreState::Complete)
    }

    pub(super) fn hold(&mut self, number: &OrderNumber, at: DateTime<Utc>) -> bool {
        let open = |order: &Order| matches!(order.state, StoreState::New | StoreState::Processing);
        self.find(number).is_some_and(open) && self.change(number, at, Self::suspend)
    }

    fn suspend(order: &mut Order) {
        order.before_hold = order.state;
        order.state = StoreState::Held;
    }

    pub(super) fn unhold(&mut self, number: &OrderNumber, at: DateTime<Utc>) -> bool {
        self.find(number).is_some_and(|order| order.state == StoreState::Held)
            && self.change(number, at, |order| order.state = order.before_hold)
    }

    /// Gives an order up that nothing was taken for.
    pub(super) fn cancel(&mut self, number: &OrderNumber, at: DateTime<Utc>) -> bool {
        let open = |order: &Order| {
            matches!(order.state, StoreState::New | StoreState::Processing)
                && order.invoices.is_empty()
        };
        self.find(number).is_some_and(open)
            && self.change(number, at, |order| order.state = StoreState::Canceled)
    }

    /// Pays so many cents back, or says so. Nothing can be refunded on hold.
    pub(super) fn refund(
        &mut self,
        number: &OrderNumber,
        amount: i64,
        how: Refund,
        at: DateTime<Utc>,
    ) -> Option<String> {
        let order = self.find(number)?;
        let view = order.view;
        let refunds = matches!(order.state, StoreState::Processing | StoreState::Complete);
        if !refunds || amount <= 0 || amount > order.paid() - order.refunded() {
            return None;
        }
        let txn = match how {
            Refund::Online => self.transact(number, TxnKind::Refund, at),
            Refund::Offline | Refund::Open => None,
        };
        let (id, increment) = (self.next(Count::Memo), self.document(Count::MemoIn(view)));
        let memo = Paper {
            id,
            increment: increment.clone(),
            amount,
            at: at.trunc_subsecs(0),
            txn,
            open: how == Refund::Open,
        };
        self.change(number, at, |order| {
            order.memos.push(memo);
            if order.refunded() == order.totals.grand {
                order.state = StoreState::Closed;
            }
        });
        Some(increment)
    }

    /// Gives an order up and enters it again under its number with a suffix. What was taken for
    /// it is the new order's, without having been taken again.
    pub(super) fn edit(&mut self, number: &OrderNumber, at: DateTime<Utc>) -> Option<OrderNumber> {
        let before = self.find(number)?.clone();
        if !matches!(before.state, StoreState::New | StoreState::Processing)
            || !before.memos.is_empty()
        {
            return None;
        }
        let paid = before.paid();
        let again = self.repeat(&before, Origin::Edited(number.clone()), at);
        self.change(number, at, |order| order.state = StoreState::Canceled);
        if paid > 0 {
            self.invoice(&again, paid, None, at);
        } else {
            self.transact(&again, TxnKind::Authorization, at);
        }
        Some(again)
    }

    /// Orders the same again, which some releases number like an edited order. The money is taken
    /// once more.
    pub(super) fn reorder(
        &mut self,
        number: &OrderNumber,
        at: DateTime<Utc>,
    ) -> Option<OrderNumber> {
        let before = self.find(number)?.clone();
        let again = self.repeat(&before, Origin::Reordered(number.clone()), at);
        self.capture(&again, before.totals.grand, at);
        Some(again)
    }

    fn repeat(&mut self, before: &Order, origin: Origin, at: DateTime<Utc>) -> OrderNumber {
        let original = before.original.clone().unwrap_or_else(|| before.increment.clone());
        let edits = self
            .orders
            .iter()
            .filter(|order| order.view == before.view && order.original.as_ref() == Some(&original))
            .count();
        let edits = u32::try_from(edits).unwrap_or(0) + 1;
        let increment = format!("{original}-{edits}");
        let checkout = Checkout {
            customer: before.customer,
            identity: before.identity.clone(),
            tender: before.tender,
            coupon: before.coupon.clone().map(|code| (code, crate::practice::cents(0))),
            view: before.view,
            ..Checkout::new(before.shopper.clone(), before.lines.clone())
        };
        let again = self.enter(checkout, before.totals, increment.clone(), at);
        let parent = Relation { id: before.id, increment: before.increment.clone() };
        let mut child = None;
        self.change(&again, at, |order| {
            order.original = Some(original);
            order.edits = edits;
            order.origin = Some(origin);
            order.parent = Some(parent);
            child = Some(Relation { id: order.id, increment });
        });
        self.change(&before.number(), at, |order| order.child = child);
        again
    }

    /// Changes an order and stamps it. `false` if there is none.
    pub(super) fn change(
        &mut self,
        number: &OrderNumber,
        at: DateTime<Utc>,
        change: impl FnOnce(&mut Order),
    ) -> bool {
        let index = self.by_number.get(number).copied();
        let Some(order) = index.and_then(|index| self.orders.get_mut(index)) else {
            return false;
        };
        change(order);
        order.updated_at = order.updated_at.max(at.trunc_subsecs(0));
        true
    }
}

/// How a credit memo is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refund {
    /// The gateway pays the money back.
    Online,
    /// The store notes it; no money moves through it.
    Offline,
    /// Entered and not carried out: it counts for nothing.
    Open,
}
