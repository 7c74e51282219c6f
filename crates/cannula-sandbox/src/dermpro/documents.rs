//! Invoices, credit memos and transactions as the store prints them, and the columns they are
//! searched by.

use serde_json::{Map, Value, json};

use super::{
    criteria::{Cell, Row},
    order::{Order, Paper, Transaction, TxnKind},
    paint::{Paint, extend, stamp},
};

/// Something of an order's.
#[derive(Debug)]
pub(super) struct Of<'a, T> {
    pub(super) order: &'a Order,
    pub(super) it: &'a T,
}

/// All of one kind, order by order.
pub(super) fn all<T>(orders: &[Order], of: impl Fn(&Order) -> &[T]) -> Vec<Of<'_, T>> {
    orders.iter().flat_map(|order| of(order).iter().map(move |it| Of { order, it })).collect()
}

impl Row for Of<'_, Paper> {
    fn cell(&self, column: &str) -> Option<Cell> {
        Some(match column {
            "entity_id" => Cell::id(Some(self.it.id)),
            "increment_id" => Cell::text(Some(&self.it.increment)),
            "state" => Cell::id(Some(self.it.state())),
            "transaction_id" => Cell::text(self.it.txn.as_deref()),
            "created_at" | "updated_at" => Cell::Time(stamp(self.it.at)),
            "grand_total" => Cell::amount(self.it.amount),
            "order_id" => Cell::id(Some(self.order.id)),
            "store_id" => Cell::id(Some(self.order.view)),
            _ => return None,
        })
    }
}

impl Row for Of<'_, Transaction> {
    fn cell(&self, column: &str) -> Option<Cell> {
        Some(match column {
            "transaction_id" => Cell::id(Some(self.it.id)),
            "parent_id" => Cell::id(self.it.parent.as_ref().map(|(id, _)| *id)),
            "payment_id" => Cell::id(Some(self.order.id)),
            "txn_id" => Cell::text(Some(&self.it.txn)),
            "txn_type" => Cell::text(Some(self.it.kind.code())),
            "is_closed" => Cell::id(Some(closed(self.it.kind))),
            "created_at" => Cell::Time(stamp(self.it.at)),
            "order_id" => Cell::id(Some(self.order.id)),
            _ => return None,
        })
    }
}

fn closed(kind: TxnKind) -> u32 {
    u32::from(kind == TxnKind::Refund)
}

/// What invoices and credit memos have in common.
fn document(of: &Of<'_, Paper>, items: Vec<Value>, paint: Paint<'_>) -> Map<String, Value> {
    let Of { order, it } = of;
    let (at, currency) = (stamp(it.at), &paint.0.currency);
    let mut json = Map::new();
    extend(
        &mut json,
        json!({
            "entity_id": it.id,
            "increment_id": it.increment,
            "order_id": order.id,
            "store_id": order.view,
            "state": it.state(),
            "transaction_id": it.txn,
            "created_at": at,
            "updated_at": at,
            "base_currency_code": currency,
            "order_currency_code": currency,
            "items": items,
            "comments": [],
        }),
    );
    paint.amounts(&mut json, &[("grand_total", it.amount)]);
    json
}

/// The rows of a document over the whole order; one over less has none.
fn rows(of: &Of<'_, Paper>, paint: Paint<'_>, cost: Option<Value>) -> Vec<Value> {
    let Of { order, it } = of;
    if it.amount != order.totals.grand {
        return Vec::new();
    }
    let rows = order.lines.iter().zip((order.first_item..).step_by(2));
    rows.map(|(line, id)| {
        let mut json = Map::new();
        extend(
            &mut json,
            json!({
                "entity_id": id,
                "order_item_id": id,
                "sku": line.sku,
                "name": line.name,
                "qty": line.quantity,
            }),
        );
        paint.amounts(&mut json, &[("price", line.price.minor()), ("row_total", line.total())]);
        json.extend(cost.clone().map(|cost| ("base_cost".to_owned(), cost)));
        Value::Object(json)
    })
    .collect()
}

/// An invoice.
pub(super) fn invoice(of: &Of<'_, Paper>, paint: Paint<'_>) -> Value {
    let mut json = document(of, rows(of, paint, None), paint);
    let quantity = of.order.lines.iter().map(|line| line.quantity).sum::<u32>();
    json.insert("total_qty".to_owned(), quantity.into());
    Value::Object(json)
}

/// A credit memo, which does not say whether the gateway paid. One over less than the order is an
/// adjustment.
pub(super) fn memo(of: &Of<'_, Paper>, paint: Paint<'_>) -> Value {
    let cost = if paint.0.required_nulls { Value::Null } else { 0.into() };
    let rows = rows(of, paint, Some(cost));
    let adjusted = if rows.is_empty() { of.it.amount } else { 0 };
    let mut json = document(of, rows, paint);
    if let Some(first) = of.order.invoices.first().filter(|_| of.it.txn.is_some()) {
        json.insert("invoice_id".to_owned(), first.id.into());
    }
    paint.amounts(&mut json, &[("adjustment_positive", adjusted), ("adjustment_negative", 0)]);
    Value::Object(json)
}

/// A transaction.
pub(super) fn transaction(of: &Of<'_, Transaction>, paint: Paint<'_>) -> Value {
    let Of { order, it } = of;
    let mut json = Map::new();
    extend(
        &mut json,
        json!({
            "transaction_id": it.id,
            "parent_id": it.parent.as_ref().map(|(id, _)| *id),
            "order_id": order.id,
            "payment_id": order.id,
            "txn_id": it.txn,
            "txn_type": it.kind.code(),
            "is_closed": closed(it.kind),
            "additional_information": ["raw_details_info"],
            "created_at": stamp(it.at),
            "child_transactions": [],
        }),
    );
    let parent = it.parent.as_ref().map(|(_, txn)| Value::from(txn.clone()));
    json.insert("parent_txn_id".to_owned(), parent.unwrap_or_else(|| paint.no_text()));
    Value::Object(json)
}
