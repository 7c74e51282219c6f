use serde::{Deserialize, Serialize};

/// Settings of the store, and what differs from one release of Magento to the next. The default is
/// as mean as stores are known to be; [`StoreSettings::kind`] is as mild as the schema promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// The access token alone is good as a bearer token. Off since 2.4.4 unless a merchant turns
    /// it on.
    pub bearer: bool,
    /// ACL resources the integration was not granted, for example `Magento_Sales::transactions`.
    pub denied: Vec<String>,
    /// `fields` trims answers. Off, objects are whole: a validator that stands in between with the
    /// published schema knows nothing of `fields`.
    pub projection: bool,
    /// A page past the end is the last page again, as before 2020; off, it is empty.
    pub last_page_again: bool,
    /// The largest page; a request without a size then gets 20 rows, not all of them. Merchants
    /// turn the limit on, at 300 as a rule.
    pub page_limit: Option<usize>,
    /// Empty `extension_attributes` are `[]`.
    pub empty_lists: bool,
    /// Members that the schema requires are `null` if there is no value, whatever type it says.
    /// Off, only `payment.account_status` is.
    pub required_nulls: bool,
    /// A value with a space in a query makes the signature invalid, as in 2.4.6 with some
    /// libraries.
    pub spaces_break_signatures: bool,
    /// Amounts are now and then a rounding error away from what they mean.
    pub noisy_floats: bool,
    /// The child row of a configurable article repeats its parent's price; off, it has 0.
    pub child_prices: bool,
    /// The store is of the edition that has gift cards and reward points of its own and prints
    /// them. Off, they are another company's module: what a gift card paid is in no member, and
    /// rewards are a discount.
    pub commerce: bool,
    /// The zone the store says it is in, by its IANA name.
    pub time_zone: String,
    /// The currency of every order.
    pub currency: String,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            bearer: false,
            denied: Vec::new(),
            projection: true,
            last_page_again: true,
            page_limit: Some(300),
            empty_lists: true,
            required_nulls: true,
            spaces_break_signatures: true,
            noisy_floats: true,
            child_prices: true,
            commerce: false,
            time_zone: crate::practice::ZONE.name().to_owned(),
            currency: "USD".to_owned(),
        }
    }
}

impl StoreSettings {
    /// Everything as the schema promises, and as a store that grants everything.
    pub fn kind() -> Self {
        Self {
            bearer: true,
            last_page_again: false,
            page_limit: None,
            empty_lists: false,
            required_nulls: false,
            spaces_break_signatures: false,
            noisy_floats: false,
            child_prices: false,
            commerce: true,
            ..Self::default()
        }
    }
}
