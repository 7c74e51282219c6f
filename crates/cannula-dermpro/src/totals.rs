//! What makes up an order's total.

use cannula_core::{Currency, Money, OrderTotals, Problem};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::{
    amount,
    wire::{Extensions, Order},
};

/// The totals. What the grand total is made of is added up before anything is rounded; what then
/// is left over is another module's total, often a gift card's.
pub(crate) fn totals(
    order: &Order,
    extensions: &Extensions,
    currency: Currency,
) -> Result<OrderTotals, Problem> {
    let read = |field: &Option<Box<RawValue>>, path: &str| -> Result<Decimal, Problem> {
        let number = amount::number(field.as_deref()).map_err(|it| Problem::new(path, it))?;
        Ok(number.unwrap_or_default())
    };
    let money = |number: Decimal, path: &str| -> Result<Money, Problem> {
        amount::money(number, currency).map_err(|it| Problem::new(path, it))
    };
    let grand_total = amount::number(order.grand_total.as_deref())
        .and_then(|number| number.ok_or("is missing"))
        .map_err(|it| Problem::new("grand_total", it))?;
    let subtotal = read(&order.subtotal, "subtotal")?;
    let tax = read(&order.tax_amount, "tax_amount")?;
    let shipping = read(&order.shipping_amount, "shipping_amount")?;
    // Negative, as a discount is in the store.
    let discount = read(&order.discount_amount, "discount_amount")?;
    // Tax that was taken off with a discount on prices with tax, and comes back here.
    let compensation =
        read(&order.discount_tax_compensation_amount, "discount_tax_compensation_amount")?
            + read(
                &order.shipping_discount_tax_compensation_amount,
                "shipping_discount_tax_compensation_amount",
            )?;
    let gift_card = read(&extensions.gift_cards_amount, "extension_attributes.gift_cards_amount")?
        + read(
            &extensions.customer_balance_amount,
            "extension_attributes.customer_balance_amount",
        )?;
    let rewards =
        read(&extensions.reward_currency_amount, "extension_attributes.reward_currency_amount")?;
    let explained = subtotal + tax + shipping + discount + compensation - gift_card - rewards;
    Ok(OrderTotals {
        grand_total: money(grand_total, "grand_total")?,
        tax: money(tax, "tax_amount")?,
        shipping: money(shipping, "shipping_amount")?,
        discount: money(discount.abs(), "discount_amount")?,
        discount_reason: order.coupon_code.clone().or_else(|| order.discount_description.clone()),
        gift_card: money(gift_card, "extension_attributes.gift_cards_amount")?,
        rewards: money(rewards, "extension_attributes.reward_currency_amount")?,
        unexplained: money(explained - grand_total, "grand_total")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, extensions: &str) -> Result<OrderTotals, Problem> {
        let order = serde_json::from_str(json).unwrap();
        totals(&order, &serde_json::from_str(extensions).unwrap(), Currency::USD)
    }

    const ORDER: &str = r#"{"subtotal":250,"discount_amount":-20,"coupon_code":"GLOW20",
        "tax_amount":19.5463,"shipping_amount":8,"grand_total":257.5463}"#;

    #[test]
    fn a_total_that_adds_up_leaves_nothing_unexplained_whatever_its_decimals() {
        let totals = read(ORDER, "{}").unwrap();
        let minor =
            [totals.grand_total, totals.tax, totals.shipping, totals.discount].map(|it| it.minor());
        assert_eq!(minor, [25_755, 1_955, 800, 2_000]);
        assert_eq!(totals.discount_reason.as_deref(), Some("GLOW20"));
        assert_eq!((totals.gift_card.minor(), totals.rewards.minor()), (0, 0));
        assert_eq!(totals.unexplained.minor(), 0);
    }

    #[test]
    fn adobes_own_gift_card_and_rewards_are_named_and_another_modules_is_left_over() {
        let paid_so = ORDER.replace("257.5463", "142.5463");
        let own =
            r#"{"gift_cards_amount":70,"customer_balance_amount":30,"reward_currency_amount":15}"#;
        let totals = read(&paid_so, own).unwrap();
        assert_eq!((totals.gift_card.minor(), totals.rewards.minor()), (10_000, 1_500));
        assert_eq!(totals.unexplained.minor(), 0);
        let totals = read(&paid_so, r#"{"mp_gift_cards":[{"amount":115}]}"#).unwrap();
        assert_eq!((totals.gift_card.minor(), totals.unexplained.minor()), (0, 11_500));
    }

    #[test]
    fn tax_that_a_discount_took_off_is_part_of_the_total() {
        let order = r#"{"subtotal":100,"discount_amount":-12,"tax_amount":17.6,
            "discount_tax_compensation_amount":2,"shipping_discount_tax_compensation_amount":0.4,
            "grand_total":108}"#;
        assert_eq!(read(order, "{}").unwrap().unexplained.minor(), 0);
    }

    #[test]
    fn an_order_without_a_total_is_a_problem_with_its_path() {
        let missing = read("{}", "{}").unwrap_err();
        assert_eq!((&*missing.place, &*missing.message), ("grand_total", "is missing"));
        let words = read(r#"{"grand_total":1}"#, r#"{"gift_cards_amount":"ten"}"#).unwrap_err();
        assert_eq!(words.place, "extension_attributes.gift_cards_amount");
    }
}
