//! Orders as the store prints them, and the columns they are searched by. What has no value and is
//! not required is absent.

use serde_json::{Map, Value, json};

use super::{
    checkout::{Article, Line, StoreTender},
    criteria::{Cell, Row},
    order::{Order, Relation, StoreState},
    paint::{Paint, extend, stamp},
};

impl Row for &Order {
    fn cell(&self, column: &str) -> Option<Cell> {
        Some(match column {
            "entity_id" => Cell::id(Some(self.id)),
            "increment_id" => Cell::text(Some(&self.increment)),
            "original_increment_id" => Cell::text(self.original.as_deref()),
            "relation_parent_id" => Cell::id(self.parent.as_ref().map(|it| it.id)),
            "store_id" => Cell::id(Some(self.view)),
            "state" => Cell::text(Some(self.state.code())),
            "status" => Cell::text(Some(self.state.status())),
            "created_at" => Cell::Time(stamp(self.placed_at)),
            "updated_at" => Cell::Time(stamp(self.updated_at)),
            "customer_id" => Cell::id(self.customer),
            "customer_is_guest" => Cell::id(Some(u32::from(self.customer.is_none()))),
            "customer_email" => Cell::text(Some(&self.shopper.email)),
            "coupon_code" => Cell::text(self.coupon.as_deref()),
            "grand_total" => Cell::amount(self.totals.grand),
            "total_paid" => some(self.paid()).map_or(Cell::Null, Cell::amount),
            "total_refunded" => some(self.refunded()).map_or(Cell::Null, Cell::amount),
            _ => return None,
        })
    }
}

/// An amount that is not there as long as it is nothing.
fn some(minor: i64) -> Option<i64> {
    (minor != 0).then_some(minor)
}

/// An order.
pub(super) fn order(order: &Order, paint: Paint<'_>) -> Value {
    let Order { shopper, totals, .. } = order;
    let mut json = Map::new();
    let account = |text: &str| order.customer.map(|_| text.to_owned());
    let relation = |it: &Option<Relation>| it.as_ref().map(|it| it.increment.clone());
    let relation_id = |it: &Option<Relation>| it.as_ref().map(|it| it.id.to_string());
    let before = (order.state == StoreState::Held).then_some(order.before_hold);
    extend(
        &mut json,
        json!({
            "entity_id": order.id,
            "increment_id": order.increment,
            "original_increment_id": order.original,
            "edit_increment": (order.edits > 0).then_some(order.edits),
            "relation_parent_id": relation_id(&order.parent),
            "relation_parent_real_id": relation(&order.parent),
            "relation_child_id": relation_id(&order.child),
            "relation_child_real_id": relation(&order.child),
            "store_id": order.view,
            "store_name": "Juniper Aesthetics\nDermPRO Store\nDefault Store View",
            "state": order.state.code(),
            "status": order.state.status(),
            "hold_before_state": before.map(StoreState::code),
            "hold_before_status": before.map(StoreState::status),
            "created_at": stamp(order.placed_at),
            "updated_at": stamp(order.updated_at),
            "customer_is_guest": u32::from(order.customer.is_none()),
            "customer_id": order.customer,
            "customer_group_id": u32::from(order.customer.is_some()),
            "customer_email": shopper.email,
            "customer_firstname": account(&shopper.given),
            "customer_lastname": account(&shopper.family),
            "customer_dob": shopper.birth_date.map(|date| format!("{date} 00:00:00")),
            "customer_gender": gender(shopper.gender),
            "remote_ip": "203.0.113.7",
            "is_virtual": u32::from(!order.ships()),
            "coupon_code": order.coupon,
            "discount_description": discount_reason(order, paint),
            "total_item_count": order.lines.len(),
            "items": items(order, paint),
            "billing_address": address(order, paint),
            "status_histories": [],
        }),
    );
    for name in ["base", "global", "order", "store"] {
        json.insert(format!("{name}_currency_code"), paint.0.currency.clone().into());
    }
    let rewards = if paint.0.commerce { 0 } else { totals.rewards };
    let paid = order.paid();
    paint.amounts(
        &mut json,
        &[
            ("subtotal", totals.subtotal),
            ("discount_amount", -totals.discount - rewards),
            ("tax_amount", totals.tax),
            ("shipping_amount", totals.shipping),
            ("shipping_tax_amount", 0),
            ("discount_tax_compensation_amount", 0),
            ("grand_total", totals.grand),
            ("total_due", totals.grand - paid),
        ],
    );
    json.insert("shipping_discount_tax_compensation_amount".to_owned(), 0.into());
    let offline = order.refunded() - order.refunded_online();
    for (name, minor) in [
        ("total_paid", paid),
        ("total_invoiced", paid),
        ("total_refunded", order.refunded()),
        ("total_online_refunded", order.refunded_online()),
        ("total_offline_refunded", offline),
    ] {
        if some(minor).is_some() {
            paint.amounts(&mut json, &[(name, minor)]);
        }
    }
    json.insert("payment".to_owned(), payment(order, paint));
    json.insert("extension_attributes".to_owned(), extensions(order, paint));
    Value::Object(json)
}

fn discount_reason(order: &Order, paint: Paint<'_>) -> Option<String> {
    let rewards = order.totals.rewards > 0 && !paint.0.commerce;
    let rewards = rewards.then(|| "Alle rewards".to_owned());
    let reasons: Vec<_> = order.coupon.clone().into_iter().chain(rewards).collect();
    Some(reasons.join(", ")).filter(|reasons| !reasons.is_empty())
}

pub(super) fn gender(gender: &str) -> Option<u32> {
    match gender {
        "male" => Some(1),
        "female" => Some(2),
        _ => None,
    }
}

fn address(order: &Order, paint: Paint<'_>) -> Value {
    let mut json = place(&order.shopper);
    extend(
        &mut json,
        json!({
            "address_type": "billing",
            "email": order.shopper.email,
            "entity_id": order.id * 2,
            "parent_id": order.id,
            "region_code": order.shopper.address.state,
        }),
    );
    paint.no_extensions(&mut json);
    Value::Object(json)
}

/// What all addresses have.
pub(super) fn place(shopper: &super::shopper::Shopper) -> Map<String, Value> {
    let mut json = Map::new();
    extend(
        &mut json,
        json!({
            "firstname": shopper.given,
            "lastname": shopper.family,
            "street": [shopper.address.line],
            "city": shopper.address.city,
            "postcode": shopper.address.postal_code,
            "country_id": "US",
            "telephone": shopper.phone,
        }),
    );
    json
}

/// A line of its own for each article, and a second for the variant of a configurable one.
fn items(order: &Order, paint: Paint<'_>) -> Vec<Value> {
    let mut items = Vec::new();
    for (line, id) in order.lines.iter().zip((order.first_item..).step_by(2)) {
        let mut parent = item(order, line, paint, id, line.article.product_type());
        paint.amounts(&mut parent, &[("price", line.price.minor()), ("row_total", line.total())]);
        let tax = if line.article.ships() { 1.0825 } else { 1.0 };
        // Four decimals, as the database has them.
        let with_tax = (line.price.minor() as f64 * tax * 100.0).round() / 10_000.0;
        parent.insert("price_incl_tax".to_owned(), with_tax.into());
        if line.article != Article::Configurable {
            items.push(Value::Object(parent));
            continue;
        }
        let mut child = item(order, line, paint, id + 1, "simple");
        let price = if paint.0.child_prices { line.price.minor() } else { 0 };
        let times = i64::from(line.quantity);
        paint.amounts(&mut child, &[("price", price), ("row_total", price * times)]);
        child.insert("parent_item_id".to_owned(), id.into());
        child.insert("parent_item".to_owned(), Value::Object(parent.clone()));
        items.extend([Value::Object(parent), Value::Object(child)]);
    }
    items
}

fn item(
    order: &Order,
    line: &Line,
    paint: Paint<'_>,
    id: u32,
    product_type: &str,
) -> Map<String, Value> {
    let mut json = Map::new();
    extend(
        &mut json,
        json!({
            "item_id": id,
            "order_id": order.id,
            "store_id": order.view,
            "product_type": product_type,
            "sku": line.sku,
            "name": line.name,
            "qty_ordered": line.quantity,
            "is_virtual": u32::from(!line.article.ships()),
            "created_at": stamp(order.placed_at),
            "updated_at": stamp(order.updated_at),
        }),
    );
    paint.no_extensions(&mut json);
    json
}

fn method(order: &Order) -> &'static str {
    if order.totals.grand == 0 { "free" } else { order.tender.method() }
}

/// With card data, for whoever does not ask for less.
fn payment(order: &Order, paint: Paint<'_>) -> Value {
    let card = match order.tender {
        StoreTender::Card(brand) if order.totals.grand > 0 => Some(brand),
        _ => None,
    };
    let mut json = Map::new();
    extend(
        &mut json,
        json!({
            "entity_id": order.id,
            "parent_id": order.id,
            "method": method(order),
            "additional_information": [order.tender.title(), card.unwrap_or("-")],
            "cc_type": card,
            "cc_exp_month": card.map(|_| "4"),
            "cc_exp_year": card.map(|_| "2034"),
            "cc_owner": card.map(|_| format!("{} {}", order.shopper.given, order.shopper.family)),
            "last_trans_id": order.transactions.last().map(|it| it.txn.clone()),
        }),
    );
    json.insert("account_status".to_owned(), Value::Null);
    json.insert("cc_last4".to_owned(), card.map_or_else(|| paint.no_text(), |_| "1111".into()));
    paint.amounts(&mut json, &[("amount_ordered", order.totals.grand)]);
    for (name, minor) in [("amount_paid", order.paid()), ("amount_refunded", order.refunded())] {
        if some(minor).is_some() {
            paint.amounts(&mut json, &[(name, minor)]);
        }
    }
    Value::Object(json)
}

/// What the edition with gift cards and reward points of its own has more.
fn extensions(order: &Order, paint: Paint<'_>) -> Value {
    let mut json = Map::new();
    extend(
        &mut json,
        json!({
            "shipping_assignments": [],
            "payment_additional_info": [{ "key": "method_title", "value": order.tender.title() }],
        }),
    );
    if paint.0.commerce {
        let (gift_card, rewards) = (order.totals.gift_card, order.totals.rewards);
        if gift_card > 0 {
            paint.amounts(&mut json, &[("gift_cards_amount", gift_card)]);
            let amount = paint.amount(gift_card);
            let card =
                json!({ "id": 7, "code": "GC7K2M9Q4T1Z", "amount": amount, "base_amount": amount });
            json.insert("gift_cards".to_owned(), json!([card]));
        }
        if rewards > 0 {
            paint.amounts(&mut json, &[("reward_currency_amount", rewards)]);
            json.insert("reward_points_balance".to_owned(), rewards.into());
        }
    }
    Value::Object(json)
}
