//! From the store's order to ours.

use cannula_core::{
    Captured, Currency, Money, OrderLine, OrderNumber, OrderState, Phi, Problem, StoreOrder,
    StoreRefund, Tender,
};
use chrono::{DateTime, Utc};
use serde_json::value::RawValue;

use crate::{
    amount,
    config::DermproConfig,
    customer,
    lines::LineRules,
    time, totals,
    wire::{CreditMemo, Extensions, Item, Order, Transaction},
};

/// What belongs to an order and comes in answers of its own.
#[derive(Default)]
pub(crate) struct Attached {
    pub(crate) credit_memos: Vec<CreditMemo>,
    pub(crate) captures: Vec<Transaction>,
}

/// An order, and when it last changed.
pub(crate) fn order(
    order: &Order,
    attached: &Attached,
    config: &DermproConfig,
) -> Result<(StoreOrder, DateTime<Utc>), Problem> {
    let currency = config.currency;
    is_in(currency, order.order_currency_code.as_deref(), "order_currency_code")?;
    let number = required(&order.increment_id, "increment_id")?;
    if number.contains(|letter: char| letter == '/' || letter.is_whitespace()) {
        // A payment is found again by this number, as one word.
        let expected = "expected an order number without slashes and spaces";
        return Err(Problem::new("increment_id", expected));
    }
    let view = required(&order.store_id, "store_id")?;
    let numbered = |number: &str| order_number(number, view, config.store_id);
    let placed_at = instant(&order.created_at, "created_at")?;
    let extensions = extensions(order)?;
    let mapped = StoreOrder {
        number: numbered(number),
        first_number: numbered(first_number(order, number)),
        customer: customer::customer(order)?,
        state: state(required(&order.state, "state")?),
        placed_at,
        lines: lines(order.items.as_deref().unwrap_or_default(), &config.lines),
        tender: tender(order),
        totals: totals::totals(order, &extensions, currency)?,
        captured: captured(order, &attached.captures, placed_at, currency)?,
        refunds: refunds(&attached.credit_memos, currency)?,
    };
    Ok((mapped, instant(&order.updated_at, "updated_at")?))
}

/// A number is unique within its store view; those of other views than the main one say theirs.
pub(crate) fn order_number(number: &str, view: &str, main: u64) -> OrderNumber {
    let is_main = view.trim().parse() == Ok(main);
    OrderNumber::new(if is_main { number.to_owned() } else { format!("{}:{number}", view.trim()) })
}

/// An order that is edited or ordered again in the admin is canceled, and a new one is placed
/// with `-1` behind the number. It names the first one; some versions only name their parent.
fn first_number<'a>(order: &'a Order, number: &'a str) -> &'a str {
    if let Some(first) = &order.original_increment_id {
        return first.trim();
    }
    let Some(parent) = &order.relation_parent_real_id else { return number };
    let parent = parent.trim();
    let is_edit = |text: &str| text.parse::<u16>().is_ok();
    match parent.rsplit_once('-') {
        // `000004101-1` is the parent of `000004101-2`; `A-4101` of `A-4101-1` is the first.
        Some((first, edit))
            if is_edit(edit)
                && number
                    .strip_prefix(first)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(is_edit) =>
        {
            first
        }
        _ => parent,
    }
}

/// The state is one of a fixed set; a status is whatever a store calls it.
fn state(word: &str) -> OrderState {
    match word {
        "new" | "pending_payment" | "payment_review" => OrderState::Pending,
        "processing" => OrderState::Processing,
        "complete" => OrderState::Complete,
        "closed" => OrderState::Closed,
        "canceled" => OrderState::Canceled,
        "holded" => OrderState::Held,
        other => OrderState::Other(other.to_owned()),
    }
}

/// Rows with a parent are what a product with options or a bundle consists of. They repeat the
/// article number, and in some versions the price (magento2#21231, #22562, #38603).
fn lines(items: &[Item], rules: &LineRules) -> Vec<OrderLine> {
    let is_part = |item: &&Item| item.parent_item_id.as_deref().is_some_and(|id| id.trim() != "0");
    let (parts, whole): (Vec<_>, Vec<_>) = items.iter().partition(is_part);
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().trim().to_owned();
    let line = |line: &&Item| {
        let is_its = |part: &&&Item| line.item_id.is_some() && part.parent_item_id == line.item_id;
        let its: Vec<_> = parts.iter().filter(is_its).copied().collect();
        OrderLine {
            sku: Phi::new(text(&line.sku)),
            name: Phi::new(text(&line.name)),
            kind: rules.kind(line, &its),
        }
    };
    whole.iter().map(line).collect()
}

fn tender(order: &Order) -> Tender {
    let Some(payment) = &order.payment else { return Tender::default() };
    let text = |text: &Option<String>| text.as_deref().map(|it| it.trim().to_owned());
    Tender { method: text(&payment.method).unwrap_or_default(), card: text(&payment.cc_type) }
}

/// What was taken: `total_paid`, which is absent while it is null, else what the payment says.
/// The store does not tell the amount of a transaction.
///
/// It was taken with the order, unless an authorisation was captured later.
fn captured(
    order: &Order,
    captures: &[Transaction],
    placed_at: DateTime<Utc>,
    currency: Currency,
) -> Result<Option<Captured>, Problem> {
    let by_payment = order.payment.as_ref().and_then(|it| it.amount_paid.as_deref());
    let amount = match optional_money(order.total_paid.as_deref(), "total_paid", currency)? {
        Some(amount) => Some(amount),
        None => optional_money(by_payment, "payment.amount_paid", currency)?,
    };
    let Some(amount) = amount.filter(|it| it.minor() != 0) else { return Ok(None) };
    if amount.is_negative() {
        return Err(Problem::new("total_paid", "expected an amount of zero or more"));
    }
    let mut at = placed_at;
    for (index, capture) in captures.iter().enumerate() {
        let is_later = capture.parent_id.as_deref().is_some_and(|id| id.trim() != "0");
        if is_later && is_capture(capture) {
            at =
                at.max(instant(&capture.created_at, &format!("transactions[{index}].created_at"))?);
        }
    }
    let charged = captures.iter().any(is_capture);
    Ok(Some(Captured { amount, at, charged }))
}

/// A transaction that took money; one whose type the store leaves out is taken for one.
fn is_capture(transaction: &Transaction) -> bool {
    transaction.txn_type.as_deref().is_none_or(|it| it == "capture")
}

/// A credit memo that is carried out; 1 is open and 3 canceled.
const REFUNDED: &str = "2";

/// What was given back, oldest first. A credit memo over nothing gave nothing back.
fn refunds(memos: &[CreditMemo], currency: Currency) -> Result<Vec<StoreRefund>, Problem> {
    let mut refunds = Vec::new();
    for (index, memo) in memos.iter().enumerate() {
        if memo.state.as_deref().map(str::trim) != Some(REFUNDED) {
            continue;
        }
        let path = |field: &str| format!("creditmemos[{index}].{field}");
        if memo.order_currency_code.is_some() {
            is_in(currency, memo.order_currency_code.as_deref(), &path("order_currency_code"))?;
        }
        let amount = optional_money(memo.grand_total.as_deref(), &path("grand_total"), currency)?
            .ok_or_else(|| Problem::new(path("grand_total"), "is missing"))?;
        if amount.is_negative() {
            return Err(Problem::new(path("grand_total"), "expected an amount of zero or more"));
        }
        if amount.minor() == 0 {
            continue;
        }
        refunds.push(StoreRefund {
            number: required(&memo.increment_id, &path("increment_id"))?.to_owned(),
            amount,
            at: instant(&memo.created_at, &path("created_at"))?,
            online: memo.transaction_id.is_some(),
        });
    }
    refunds.sort_by(|a, b| (a.at, &a.number).cmp(&(b.at, &b.number)));
    Ok(refunds)
}

fn extensions(order: &Order) -> Result<Extensions, Problem> {
    match order.extension_attributes.as_deref().map(RawValue::get) {
        Some(object) if object.starts_with('{') => serde_json::from_str(object)
            .map_err(|_| Problem::new("extension_attributes", "is not of the expected shape")),
        _ => Ok(Extensions::default()),
    }
}

fn is_in(currency: Currency, code: Option<&str>, path: &str) -> Result<(), Problem> {
    let ours = currency.code();
    if code.is_some_and(|code| code.trim().eq_ignore_ascii_case(ours)) {
        return Ok(());
    }
    Err(Problem::new(path, format!("expected {ours}, the configured `currency`")))
}

fn optional_money(
    field: Option<&RawValue>,
    path: &str,
    currency: Currency,
) -> Result<Option<Money>, Problem> {
    amount::number(field)
        .and_then(|number| number.map(|it| amount::money(it, currency)).transpose())
        .map_err(|what| Problem::new(path, what))
}

fn required<'a>(field: &'a Option<String>, path: &str) -> Result<&'a str, Problem> {
    field.as_deref().map(str::trim).ok_or_else(|| Problem::new(path, "is missing"))
}

fn instant(field: &Option<String>, path: &str) -> Result<DateTime<Utc>, Problem> {
    time::utc(required(field, path)?).map_err(|what| Problem::new(path, what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credentials;
    use cannula_core::Secret;

    fn config() -> DermproConfig {
        DermproConfig::new(
            "https://shop.example.test/rest/default".parse().unwrap(),
            "p".into(),
            Credentials::Bearer(Secret::new("hush")),
            chrono_tz::America::Chicago,
            DateTime::UNIX_EPOCH,
        )
    }

    /// An order with these fields besides those it needs.
    fn mapped(fields: &str, attached: &Attached) -> Result<StoreOrder, Problem> {
        let json = format!(
            r#"{{"store_id":1,"created_at":"2031-05-03 01:10:00","updated_at":"2031-05-03 01:10:00",
            "customer_id":7,"order_currency_code":"USD","grand_total":60,"state":"new",
            "increment_id":"000000009",{fields}}}"#
        );
        order(&serde_json::from_str(&with_last_of_each(&json)).unwrap(), attached, &config())
            .map(|(order, _)| order)
    }

    /// A key that is written twice has its last value, as in most readers of JSON.
    fn with_last_of_each(json: &str) -> String {
        serde_json::from_str::<serde_json::Value>(json).unwrap().to_string()
    }

    #[test]
    fn the_state_decides_and_one_that_is_not_known_is_kept() {
        let shown = [
            "new",
            "pending_payment",
            "payment_review",
            "processing",
            "complete",
            "closed",
            "canceled",
            "holded",
            "on_the_moon",
        ]
        .map(|word| {
            let fields = format!(r#""state":"{word}","status":"complete""#);
            format!("{word}: {:?}", mapped(&fields, &Attached::default()).unwrap().state)
        });
        insta::assert_snapshot!(shown.join("\n"));
        let missing = mapped(r#""state":null"#, &Attached::default()).unwrap_err();
        assert_eq!((&*missing.place, &*missing.message), ("state", "is missing"));
    }

    #[test]
    fn an_edited_order_says_where_it_began() {
        for (number, relation, first) in [
            ("000000009", r#""relation_child_id":null"#, "000000009"),
            ("000000009-1", r#""original_increment_id":"000000009""#, "000000009"),
            (
                "000000009-2",
                r#""original_increment_id":"000000009","relation_parent_real_id":"000000009-1""#,
                "000000009",
            ),
            ("000000009-1", r#""relation_parent_real_id":"000000009""#, "000000009"),
            ("000000009-2", r#""relation_parent_real_id":"000000009-1""#, "000000009"),
            // A hyphen that is the store's own.
            ("A-000000009-1", r#""relation_parent_real_id":"A-000000009""#, "A-000000009"),
            ("A-09-1", r#""relation_parent_real_id":"A-09""#, "A-09"),
        ] {
            let fields = format!(r#"{relation},"increment_id":"{number}""#);
            let order = mapped(&fields, &Attached::default()).unwrap();
            assert_eq!(order.first_number.as_str(), first, "{number} {relation}");
            assert_eq!(order.number.as_str(), number);
        }
    }

    #[test]
    fn what_was_taken_is_what_the_store_says_was_paid_and_never_what_was_owed() {
        for (fields, minor) in [
            (r#""total_paid":60"#, Some(6_000)),
            (r#""total_paid":25.5,"payment":{"amount_paid":60}"#, Some(2_550)),
            (r#""total_paid":null,"payment":{"amount_paid":"60.0000"}"#, Some(6_000)),
            (r#""payment":{"amount_ordered":60}"#, None),
            (r#""total_paid":0,"payment":{"method":"free"}"#, None),
            (r#""total_due":60"#, None),
        ] {
            let captured = mapped(fields, &Attached::default()).unwrap().captured;
            assert_eq!(captured.map(|it| it.amount.minor()), minor, "{fields}");
        }
        let negative = mapped(r#""total_paid":-1"#, &Attached::default()).unwrap_err();
        assert_eq!(negative.place, "total_paid");
    }

    #[test]
    fn money_that_was_authorised_first_is_taken_when_the_last_of_it_is_captured() {
        let attached = |json: &str| Attached {
            captures: serde_json::from_str(json).unwrap(),
            ..Attached::default()
        };
        let at = |attached: &Attached| {
            let order = mapped(r#""total_paid":60"#, attached)?;
            Ok(order.captured.unwrap().at.to_rfc3339())
        };
        let (placed, later) = ("2031-05-03T01:10:00+00:00", "2031-05-05T14:20:00+00:00");
        let with_the_order = r#"[{"txn_type":"capture","created_at":"2031-05-03 05:00:01"}]"#;
        assert_eq!(at(&attached(with_the_order)), Ok(placed.to_owned()));
        let twice = r#"[{"parent_id":3,"created_at":"2031-05-05 14:20:00"},{"parent_id":3,"created_at":"2031-05-04 10:00:00"}]"#;
        assert_eq!(at(&attached(twice)), Ok(later.to_owned()));
        let soon: Result<String, Problem> =
            at(&attached(r#"[{"parent_id":3,"created_at":"soon"}]"#));
        assert_eq!(soon.unwrap_err().place, "transactions[0].created_at");
    }
}
