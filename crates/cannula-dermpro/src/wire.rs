//! The store's JSON. A field that is null may be absent or `null`, and nothing is said to be there
//! that the schema calls required. No field of these types can hold card data.

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, value::RawValue};

/// A search result. `total_count` has no default, so that the `[]` which Magento answers to a
/// `fields` it cannot follow is no empty page.
#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    pub(crate) items: Option<Vec<Box<RawValue>>>,
    pub(crate) total_count: u64,
}

/// What says which row it is, read even if the rest of it is unreadable.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Key {
    #[serde(deserialize_with = "scalar")]
    pub(crate) entity_id: Option<String>,
    #[serde(deserialize_with = "scalar")]
    pub(crate) increment_id: Option<String>,
    #[serde(deserialize_with = "scalar")]
    pub(crate) store_id: Option<String>,
    #[serde(deserialize_with = "scalar")]
    pub(crate) created_at: Option<String>,
    #[serde(deserialize_with = "scalar")]
    pub(crate) updated_at: Option<String>,
}

/// An order.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Order {
    #[serde(deserialize_with = "text")]
    pub(crate) increment_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) original_increment_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) relation_parent_real_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) store_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) state: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) created_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) updated_at: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) customer_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) customer_email: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) customer_firstname: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) customer_lastname: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) customer_dob: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) customer_gender: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) order_currency_code: Option<String>,
    pub(crate) subtotal: Option<Box<RawValue>>,
    pub(crate) discount_amount: Option<Box<RawValue>>,
    pub(crate) discount_tax_compensation_amount: Option<Box<RawValue>>,
    pub(crate) shipping_discount_tax_compensation_amount: Option<Box<RawValue>>,
    #[serde(deserialize_with = "text")]
    pub(crate) coupon_code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) discount_description: Option<String>,
    pub(crate) tax_amount: Option<Box<RawValue>>,
    pub(crate) shipping_amount: Option<Box<RawValue>>,
    pub(crate) grand_total: Option<Box<RawValue>>,
    pub(crate) total_paid: Option<Box<RawValue>>,
    pub(crate) billing_address: Option<Address>,
    pub(crate) payment: Option<Payment>,
    pub(crate) items: Option<Vec<Item>>,
    /// An object, or `[]` where there are none (magento2#7892).
    pub(crate) extension_attributes: Option<Box<RawValue>>,
}

/// Adobe Commerce's own totals. Other modules' names are not known.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Extensions {
    pub(crate) gift_cards_amount: Option<Box<RawValue>>,
    pub(crate) customer_balance_amount: Option<Box<RawValue>>,
    pub(crate) reward_currency_amount: Option<Box<RawValue>>,
}

/// The billing address.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    #[serde(deserialize_with = "text")]
    pub(crate) firstname: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) lastname: Option<String>,
    pub(crate) street: Option<Vec<Option<String>>>,
    #[serde(deserialize_with = "text")]
    pub(crate) city: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) region: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) region_code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) postcode: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) telephone: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) email: Option<String>,
}

/// How it was paid.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Payment {
    #[serde(deserialize_with = "text")]
    pub(crate) method: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) cc_type: Option<String>,
    pub(crate) amount_paid: Option<Box<RawValue>>,
}

/// A row of an order: what was bought, or a part of it that names its parent.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    #[serde(deserialize_with = "text")]
    pub(crate) item_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) parent_item_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) product_type: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) sku: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) name: Option<String>,
}

/// What belongs to an order and is read apart from it.
#[derive(Deserialize)]
pub(crate) struct OfOrder {
    #[serde(deserialize_with = "id")]
    pub(crate) order_id: u64,
    /// A credit memo's id.
    #[serde(default, deserialize_with = "text")]
    pub(crate) entity_id: Option<String>,
    /// A transaction's id.
    #[serde(default, deserialize_with = "text")]
    pub(crate) transaction_id: Option<String>,
}

/// A credit memo.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct CreditMemo {
    #[serde(deserialize_with = "text")]
    pub(crate) increment_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) state: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) created_at: Option<String>,
    pub(crate) grand_total: Option<Box<RawValue>>,
    #[serde(deserialize_with = "text")]
    pub(crate) order_currency_code: Option<String>,
    /// The gateway's, if the money went back through it.
    #[serde(deserialize_with = "text")]
    pub(crate) transaction_id: Option<String>,
}

/// A transaction with the gateway. Its amount is not told.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Transaction {
    /// The authorisation that was captured; absent if it was one step.
    #[serde(deserialize_with = "text")]
    pub(crate) parent_id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) txn_type: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) created_at: Option<String>,
}

/// A store view's settings.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct StoreConfig {
    #[serde(deserialize_with = "text")]
    pub(crate) id: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) base_currency_code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) default_display_currency_code: Option<String>,
    #[serde(deserialize_with = "text")]
    pub(crate) timezone: Option<String>,
}

/// A text, or a number as text. Blank is absent; the rest is as written.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::Null => return Ok(None),
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => u8::from(flag).to_string(),
        Value::Array(_) | Value::Object(_) => {
            return Err(de::Error::custom("expected a text or a number"));
        }
    };
    Ok(Some(text).filter(|text| !text.trim().is_empty()))
}

/// Like [`text`]; what is neither a text nor a number is absent.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(text(Value::deserialize(deserializer)?).unwrap_or_default())
}

/// An id: a number, quoted or not.
fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    text(deserializer)?
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| de::Error::custom("expected a number"))
}
