//! What is asked of the store, as values. All of it reads; there is no request that writes.
//!
//! Lists are read by key: each page asks for rows with a greater id than the last one seen, always
//! for page one. So no edit can push a row out of the reader's way, and nobody asks for a page
//! past the end, for which old stores send the last page again (magento2#26986). No value holds a
//! space, which breaks the signature on some versions (magento2#37278): times are asked for by
//! their date, and the rest is done here.

use cannula_http::Request;
use chrono::{DateTime, Utc};

use crate::cursor::Changed;

/// The names of a filter's three parameters, for each group used. Groups are ANDed.
const FILTERS: [[&str; 3]; 4] = [
    [
        "searchCriteria[filterGroups][0][filters][0][field]",
        "searchCriteria[filterGroups][0][filters][0][value]",
        "searchCriteria[filterGroups][0][filters][0][conditionType]",
    ],
    [
        "searchCriteria[filterGroups][1][filters][0][field]",
        "searchCriteria[filterGroups][1][filters][0][value]",
        "searchCriteria[filterGroups][1][filters][0][conditionType]",
    ],
    [
        "searchCriteria[filterGroups][2][filters][0][field]",
        "searchCriteria[filterGroups][2][filters][0][value]",
        "searchCriteria[filterGroups][2][filters][0][conditionType]",
    ],
    [
        "searchCriteria[filterGroups][3][filters][0][field]",
        "searchCriteria[filterGroups][3][filters][0][value]",
        "searchCriteria[filterGroups][3][filters][0][conditionType]",
    ],
];

/// What is read of an order: no card data, no address of the buyer's machine, nothing of other
/// modules, which may put either anywhere.
const ORDER: &str = concat!(
    "items[entity_id,increment_id,original_increment_id,relation_parent_real_id,store_id,state,",
    "created_at,updated_at,customer_id,customer_email,customer_firstname,customer_lastname,",
    "customer_dob,customer_gender,order_currency_code,subtotal,discount_amount,",
    "discount_tax_compensation_amount,shipping_discount_tax_compensation_amount,coupon_code,",
    "discount_description,tax_amount,shipping_amount,grand_total,total_paid,",
    "billing_address[firstname,lastname,street,city,region,region_code,postcode,telephone,email],",
    "payment[method,cc_type,amount_paid],",
    "items[item_id,parent_item_id,product_type,sku,name],",
    "extension_attributes[gift_cards_amount,customer_balance_amount,reward_currency_amount]],",
    "search_criteria,total_count",
);

const CREDIT_MEMO: &str = "items[entity_id,increment_id,order_id,state,created_at,grand_total,order_currency_code,transaction_id],search_criteria,total_count";

const TRANSACTION: &str =
    "items[transaction_id,order_id,parent_id,txn_type,created_at],search_criteria,total_count";

/// Orders with an id greater than `after`, placed on or after the date of `placed`, in UTC; if
/// `changed` is given, only those that changed on or after its date and were known before.
pub(crate) fn orders(
    after: u64,
    placed: DateTime<Utc>,
    changed: Option<Changed>,
    page_size: u32,
) -> Request {
    let (after, placed) = (after.to_string(), day(placed));
    let mut filters = vec![("entity_id", "gt", &*after), ("created_at", "gteq", &placed)];
    let order = ("entity_id", "ASC");
    let Some(changed) = changed else {
        let request = Request::get("list new orders", "V1/orders");
        return list(request, &filters, order, page_size, ORDER);
    };
    let (since, known) = (day(changed.since), changed.known.to_string());
    filters.extend([("updated_at", "gteq", &*since), ("entity_id", "lteq", &known)]);
    let request = Request::get("list changed orders", "V1/orders");
    list(request, &filters, order, page_size, ORDER)
}

/// The order with a number, which is unique within a store view.
pub(crate) fn order(number: &str, store_id: &str) -> Request {
    let filters = [("increment_id", "eq", number), ("store_id", "eq", store_id)];
    list(Request::get("get order", "V1/orders"), &filters, ("entity_id", "ASC"), 1, ORDER)
}

/// The order that was placed last.
pub(crate) fn newest_order() -> Request {
    let request = Request::get("read the newest order", "V1/orders");
    let fields = "items[entity_id,created_at],search_criteria,total_count";
    list(request, &[], ("entity_id", "DESC"), 1, fields)
}

/// Credit memos of these orders with an id greater than `after`.
pub(crate) fn credit_memos(orders: &str, after: u64, page_size: u32) -> Request {
    let after = after.to_string();
    let filters = [("order_id", "in", orders), ("entity_id", "gt", &after)];
    let request = Request::get("list credit memos", "V1/creditmemos");
    list(request, &filters, ("entity_id", "ASC"), page_size, CREDIT_MEMO)
}

/// Captures of these orders with an id greater than `after`.
pub(crate) fn captures(orders: &str, after: u64, page_size: u32) -> Request {
    let after = after.to_string();
    let filters = [
        ("order_id", "in", orders),
        ("txn_type", "eq", "capture"),
        ("transaction_id", "gt", &after),
    ];
    let request = Request::get("list captures", "V1/transactions");
    list(request, &filters, ("transaction_id", "ASC"), page_size, TRANSACTION)
}

/// The settings of all store views.
pub(crate) fn store_configs() -> Request {
    Request::get("read the store's settings", "V1/store/storeConfigs")
}

fn list(
    mut request: Request,
    filters: &[(&str, &str, &str)],
    (sort, direction): (&str, &str),
    page_size: u32,
    fields: &str,
) -> Request {
    for ([field, value, condition], (column, test, wanted)) in FILTERS.iter().zip(filters) {
        request = request.query(field, *column).query(value, *wanted).query(condition, *test);
    }
    request
        .query("searchCriteria[sortOrders][0][field]", sort)
        // Whatever is not `ASC` is descending.
        .query("searchCriteria[sortOrders][0][direction]", direction)
        // Without a size the answer is everything.
        .query("searchCriteria[pageSize]", page_size.to_string())
        .query("searchCriteria[currentPage]", "1")
        .query("fields", fields)
}

/// The date of an instant, in UTC as the store's columns are.
fn day(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cannula_http::Method;

    #[test]
    fn requests_are_as_adobes_schema_has_them_and_none_writes() {
        let placed = "2031-05-01T05:00:00Z".parse().unwrap();
        let since = "2031-05-06T13:30:00Z".parse().unwrap();
        let changed = Changed { since, known: 4100 };
        let requests = [
            orders(4100, placed, None, 100),
            orders(0, placed, Some(changed), 100),
            order("000004101", "1"),
            newest_order(),
            credit_memos("4101,4102", 77, 100),
            captures("4101,4102", 0, 100),
            store_configs(),
        ];
        let shown = requests.map(|request| {
            assert_eq!(request.method(), Method::GET);
            let query: Vec<_> = request
                .query_pairs()
                .iter()
                .inspect(|(_, value)| assert!(!value.contains(' '), "{value}"))
                .map(|(name, value)| format!("  {name}={value}"))
                .collect();
            format!("{}: {}\n{}", request.operation(), request.path(), query.join("\n"))
        });
        insta::assert_snapshot!(shown.join("\n\n"));
    }

    #[test]
    fn card_data_is_not_asked_for() {
        for field in ["cc_last4", "cc_owner", "cc_exp", "remote_ip", "additional_information"] {
            assert!(!ORDER.contains(field), "{field}");
        }
    }
}
