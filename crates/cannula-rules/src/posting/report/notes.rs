//! What lowers the money of an order and is no money.

use cannula_core::{Money, OrderState, StoreOrder};

use super::{Kind, Line, Reconciliation};

impl Reconciliation<'_> {
    /// The parts of an order's price that nobody paid in money.
    pub(super) fn notes(&self, order: &StoreOrder) -> Vec<Line> {
        if order.state == OrderState::Canceled && order.captured.is_none() {
            return Vec::new();
        }
        let date = self.day(order.captured.as_ref().map_or(order.placed_at, |it| it.at));
        let totals = &order.totals;
        let reason = totals.discount_reason.as_deref();
        let discounted = reason.map_or_else(
            || "was discounted; no money came in for that.".to_owned(),
            |reason| format!("was discounted (“{reason}”); no money came in for that."),
        );
        let parts: [(Kind, Money, &str); 4] = [
            (
                Kind::GiftCard,
                totals.gift_card,
                "was paid in part or whole by gift card or store credit: make the bill or quote and apply the gift card by hand.",
            ),
            (
                Kind::Unexplained,
                totals.unexplained,
                "has a part of its total that no money, tax, shipping or discount explains: look in the store whether a gift card paid it.",
            ),
            (Kind::Discount, totals.discount, &discounted),
            (
                Kind::Rewards,
                totals.rewards,
                "was paid in part by reward points; what the manufacturer pays for them does not come through the store.",
            ),
        ];
        let parts = parts.into_iter().filter(|(_, amount, _)| amount.minor() != 0);
        parts
            .map(|(kind, amount, clause)| {
                Line {
                    order: Some(order.number.clone()),
                    store_date: Some(date),
                    store_amount: Some(amount),
                    ..Line::new(kind)
                }
                .saying(clause)
            })
            .collect()
    }
}
