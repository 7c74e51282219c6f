//! What goes into an order: articles, tender, and what comes off the price.

use cannula_core::Money;

use super::shopper::{Identity, Shopper};
use crate::practice::cents;

/// What an article is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Article {
    /// Something that is shipped.
    Simple,
    /// Something that is shipped and comes in variants: two rows, parent and child.
    Configurable,
    /// A treatment that is still to be given (`virtual`).
    Service,
    /// A membership, or a renewal of one (`virtual`, SKU `MEM-…`).
    Membership,
    /// A gift card (SKU `GC-…`), of the store's own gift card module.
    GiftCard,
}

impl Article {
    /// `product_type` on the wire.
    pub(super) const fn product_type(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Configurable => "configurable",
            Self::Service | Self::Membership => "virtual",
            Self::GiftCard => "mpgiftcard",
        }
    }

    pub(super) const fn ships(self) -> bool {
        matches!(self, Self::Simple | Self::Configurable)
    }
}

/// A line of an order as it was bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub article: Article,
    /// The article number.
    pub sku: String,
    /// The name.
    pub name: String,
    /// The price of one.
    pub price: Money,
    /// How many.
    pub quantity: u32,
}

impl Line {
    /// One of an article for so many cents.
    pub fn new(article: Article, sku: &str, name: &str, minor: i64) -> Self {
        let (sku, name) = (sku.to_owned(), name.to_owned());
        Self { article, sku, name, price: cents(minor), quantity: 1 }
    }

    pub(super) fn total(&self) -> i64 {
        self.price.minor() * i64::from(self.quantity)
    }
}

/// How an order is paid for, as far as it is not by gift card. An order that comes to nothing has
/// the method `free`, whatever is said here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreTender {
    /// A card, with its brand's code: `VI`, `MC`, `AE` or `DI`.
    Card(&'static str),
    /// PayPal.
    PayPal,
    /// Affirm.
    Affirm,
}

impl StoreTender {
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Card(_) => "bluepay_payment",
            Self::PayPal => "paypal_express",
            Self::Affirm => "affirm_gateway",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Card(_) => "Credit Card",
            Self::PayPal => "PayPal",
            Self::Affirm => "Affirm",
        }
    }
}

/// An order about to be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkout {
    /// Who buys, as typed.
    pub shopper: Shopper,
    /// The account that is signed in; absent for a guest.
    pub customer: Option<u32>,
    /// Who that truly is.
    pub identity: Identity,
    /// What is bought.
    pub lines: Vec<Line>,
    /// How it is paid for.
    pub tender: StoreTender,
    /// The money is taken at once. Off, it is only authorized, and taken when somebody
    /// [captures](super::Store::capture) it.
    pub captured: bool,
    /// The risk score is above the threshold: the order is on hold from the start.
    pub risky: bool,
    /// What there is on a gift card that is spent here.
    pub gift_card: Money,
    /// A coupon and what it is worth.
    pub coupon: Option<(String, Money)>,
    /// What rewards take off the price.
    pub rewards: Money,
    /// The store view: 1 is the main one.
    pub view: u32,
}

impl Checkout {
    /// A guest's order in the main view, paid at once with a Visa card.
    pub fn new(shopper: Shopper, lines: Vec<Line>) -> Self {
        Self {
            shopper,
            customer: None,
            identity: Identity::default(),
            lines,
            tender: StoreTender::Card("VI"),
            captured: true,
            risky: false,
            gift_card: cents(0),
            coupon: None,
            rewards: cents(0),
            view: 1,
        }
    }

    /// What the order comes to: tax on what is shipped, shipping for eight dollars.
    pub(super) fn totals(&self) -> Totals {
        let sum = |lines: &mut dyn Iterator<Item = &Line>| lines.map(Line::total).sum::<i64>();
        let subtotal = sum(&mut self.lines.iter());
        let goods = sum(&mut self.lines.iter().filter(|line| line.article.ships()));
        let discount = self.coupon.as_ref().map_or(0, |(_, worth)| worth.minor()).min(subtotal);
        let rewards = self.rewards.minor().min(subtotal - discount);
        let tax = (goods * 825 + 5_000) / 10_000;
        let shipping = if goods > 0 { 800 } else { 0 };
        let due = subtotal - discount - rewards + tax + shipping;
        let gift_card = self.gift_card.minor().min(due);
        Totals { subtotal, discount, rewards, tax, shipping, gift_card, grand: due - gift_card }
    }
}

/// The totals of an order in cents, none of them negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) subtotal: i64,
    pub(super) discount: i64,
    pub(super) rewards: i64,
    pub(super) tax: i64,
    pub(super) shipping: i64,
    pub(super) gift_card: i64,
    pub(super) grand: i64,
}
