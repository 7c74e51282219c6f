//! The store itself: its clock, and hands for what shoppers and staff do.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use cannula_core::{Clock, Money, OrderNumber, RecordId};
use chrono::{DateTime, NaiveDate, Utc};

use super::{
    book::{Book, Refund},
    books::OrderBooks,
    checkout::{Article, Checkout},
    season::{Season, StoreConfig},
    settings::StoreSettings,
    shopper::{Identity, Shopper},
};
use crate::practice::{PaymentState, Practice, PracticeConfig};

/// An online store whose customers are, for the most part, patients of the practice. What was
/// planned for it happens as soon as the clock has reached it and somebody looks.
#[derive(Debug)]
pub struct Store {
    clock: Arc<dyn Clock>,
    practice: Arc<Practice>,
    settings: RwLock<StoreSettings>,
    shop: Mutex<Shop>,
}

#[derive(Debug)]
pub(super) struct Shop {
    pub(super) book: Book,
    season: Season,
}

impl Store {
    pub(crate) fn new(
        config: StoreConfig,
        of: PracticeConfig,
        practice: Arc<Practice>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let season = Season::plan(config, of, &practice);
        let shop = Mutex::new(Shop { book: Book::default(), season });
        Self { clock, practice, settings: RwLock::default(), shop }
    }

    /// The settings as they are.
    pub fn settings(&self) -> StoreSettings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes settings, for what is answered from now on.
    pub fn change_settings(&self, change: impl FnOnce(&mut StoreSettings)) {
        change(&mut self.settings.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Opens an account; returns its id.
    pub fn register(&self, shopper: Shopper, identity: Identity) -> u32 {
        self.with(|book, at| book.register(shopper, identity, at))
    }

    /// Places an order; returns its number. It is on hold from the start if it is
    /// [risky](Checkout::risky).
    pub fn place(&self, checkout: Checkout) -> OrderNumber {
        self.with(|book, at| book.place(checkout, at))
    }

    /// Takes some of what is due for an order, or all of it. `false` if that is not to be had: the
    /// order is on hold, given up or unknown, or so much is not due.
    pub fn capture(&self, order: &OrderNumber, amount: Option<Money>) -> bool {
        self.with(|book, at| {
            let due = book.find(order).map_or(0, |order| order.totals.grand - order.paid());
            book.capture(order, amount.map_or(due, |amount| amount.minor()), at)
        })
    }

    /// Ships everything: a paid order is complete. `false` if it cannot be.
    pub fn ship(&self, order: &OrderNumber) -> bool {
        self.with(|book, at| book.ship(order, at))
    }

    /// Puts an order on hold. `false` if that cannot be: it is complete, closed or given up.
    pub fn hold(&self, order: &OrderNumber) -> bool {
        self.with(|book, at| book.hold(order, at))
    }

    /// Releases an order from its hold, into the state it had before.
    pub fn unhold(&self, order: &OrderNumber) -> bool {
        self.with(|book, at| book.unhold(order, at))
    }

    /// Gives an order up for which nothing was taken yet.
    pub fn cancel(&self, order: &OrderNumber) -> bool {
        self.with(|book, at| book.cancel(order, at))
    }

    /// Enters a credit memo over some of an order's money, or all that is left of it; returns its
    /// number. `None` if that cannot be, for example on hold.
    pub fn refund(
        &self,
        order: &OrderNumber,
        amount: Option<Money>,
        how: Refund,
    ) -> Option<String> {
        self.with(|book, at| {
            let left = book.find(order).map_or(0, |order| order.paid() - order.refunded());
            book.refund(order, amount.map_or(left, |amount| amount.minor()), how, at)
        })
    }

    /// Edits an order, which gives it up and enters it again as `…-1`. What was taken for it is
    /// then shown by both, although it was taken once; what was not can be captured for the new
    /// one only. `None` if it is not open.
    pub fn edit(&self, order: &OrderNumber) -> Option<OrderNumber> {
        self.with(|book, at| book.edit(order, at))
    }

    /// Orders the same again and pays again, under `…-1` as some releases do.
    pub fn reorder(&self, order: &OrderNumber) -> Option<OrderNumber> {
        self.with(|book, at| book.reorder(order, at))
    }

    /// Renews the memberships of an order: an order of its own with nothing else on it, paid at
    /// once. `None` if it has none.
    pub fn renew(&self, order: &OrderNumber) -> Option<OrderNumber> {
        self.with(|book, at| {
            let checkout = renewal(book, order)?;
            Some(book.place(checkout, at))
        })
    }

    /// Somebody prints a label, or a job runs: `updated_at` moves and nothing else does.
    pub fn touch(&self, order: &OrderNumber) -> bool {
        self.with(|book, at| book.change(order, at, |_| ()))
    }

    /// A customer has another e-mail address from now on; orders keep theirs.
    pub fn change_email(&self, customer: u32, email: &str) -> bool {
        self.with(|book, at| {
            book.change_customer(customer, at, |it| it.shopper.email = email.to_owned())
        })
    }

    /// A customer has another birth date, or none, from now on; orders keep theirs.
    pub fn change_birth_date(&self, customer: u32, birth_date: Option<NaiveDate>) -> bool {
        self.with(|book, at| {
            book.change_customer(customer, at, |it| it.shopper.birth_date = birth_date)
        })
    }

    /// The account as it is, for its next order.
    pub fn customer(&self, id: u32) -> Option<(Shopper, Identity)> {
        self.with(|book, _| {
            let found = book.customers.iter().find(|customer| customer.id == id)?;
            Some((found.shopper.clone(), found.identity.clone()))
        })
    }

    /// Posts an order as DermPRO's own integration does: on the patient whose it truly is, by SKU,
    /// with the day in UTC and no marker. `None` if it is nobody's or nothing was taken for it.
    pub fn post_as_dermpro(&self, order: &OrderNumber) -> Option<RecordId> {
        let (patient, paid, date, skus) = self.with(|book, _| {
            let order = book.find(order)?;
            let first = order.invoices.first()?;
            let skus: Vec<_> = order.lines.iter().map(|line| line.sku.as_str()).collect();
            Some((
                order.identity.patient.clone()?,
                order.paid(),
                first.at.date_naive(),
                skus.join(" "),
            ))
        })?;
        Some(self.practice.pay(PaymentState {
            method: Some("Charge"),
            card_type: Some("Other (Do not process)".to_owned()),
            category: Some("DermPRO Store".to_owned()),
            note: Some(skus),
            ..PaymentState::new(&patient, paid, date)
        }))
    }

    /// What truly became of every order, in the order in which they were placed. Kept beside what
    /// the store prints and not made from it.
    pub fn books(&self) -> Vec<OrderBooks> {
        self.with(|book, _| book.orders.iter().map(OrderBooks::of).collect())
    }

    /// [`Store::books`] of one order.
    pub fn order(&self, number: &OrderNumber) -> Option<OrderBooks> {
        self.with(|book, _| book.find(number).map(OrderBooks::of))
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The tables as they are now.
    pub(super) fn shop(&self) -> MutexGuard<'_, Shop> {
        let mut shop = self.shop.lock().unwrap_or_else(PoisonError::into_inner);
        let Shop { book, season } = &mut *shop;
        season.live(book, &self.practice, self.clock.now());
        shop
    }

    pub(super) fn with<T>(&self, deed: impl FnOnce(&mut Book, DateTime<Utc>) -> T) -> T {
        let at = self.clock.now();
        deed(&mut self.shop().book, at)
    }
}

/// The next order of somebody whose order has memberships on it.
pub(super) fn renewal(book: &Book, number: &OrderNumber) -> Option<Checkout> {
    let order = book.find(number)?;
    let mut lines = order.lines.clone();
    lines.retain(|line| line.article == Article::Membership);
    (!lines.is_empty()).then(|| Checkout {
        customer: order.customer,
        identity: order.identity.clone(),
        tender: order.tender,
        view: order.view,
        ..Checkout::new(order.shopper.clone(), lines)
    })
}
