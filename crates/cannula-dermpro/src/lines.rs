//! What a line of an order is, by product type and article number.

use cannula_core::{LineKind, Settings};
use serde_json::Value;

use crate::wire::Item;

/// Lines of one kind: those of a product type, and those whose article number begins so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineRule {
    /// The store's product types, such as `virtual`.
    pub types: Vec<String>,
    /// How article numbers begin, in any case.
    pub sku_prefixes: Vec<String>,
}

/// Which lines are more than products. The first that fits decides, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineRules {
    /// Gift cards.
    pub gift_cards: LineRule,
    /// Memberships and their renewals.
    pub memberships: LineRule,
    /// Treatments.
    pub services: LineRule,
}

impl Default for LineRules {
    /// Gift cards by the types of Adobe Commerce and Mageplaza, services by Magento's type for what
    /// is not shipped; memberships are not told apart.
    fn default() -> Self {
        let types = |types: &[&str]| LineRule {
            types: types.iter().map(|&it| it.to_owned()).collect(),
            sku_prefixes: Vec::new(),
        };
        Self {
            gift_cards: types(&["giftcard", "mpgiftcard"]),
            memberships: LineRule::default(),
            services: types(&["virtual"]),
        }
    }
}

impl LineRule {
    fn fits(&self, types: &[&str], sku: &str) -> bool {
        let begins = |prefix: &String| {
            sku.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        self.types.iter().any(|it| types.iter().any(|is| is.eq_ignore_ascii_case(it)))
            || self.sku_prefixes.iter().any(begins)
    }

    fn from_settings(settings: &mut Settings, types: &str, skus: &str, default: Self) -> Self {
        Self {
            types: words(settings, types).unwrap_or(default.types),
            sku_prefixes: words(settings, skus).unwrap_or(default.sku_prefixes),
        }
    }
}

impl LineRules {
    pub(crate) fn from_settings(settings: &mut Settings) -> Self {
        let default = Self::default();
        let mut rule =
            |types, skus, default| LineRule::from_settings(settings, types, skus, default);
        Self {
            gift_cards: rule("gift_card_types", "gift_card_skus", default.gift_cards),
            memberships: rule("membership_types", "membership_skus", default.memberships),
            services: rule("service_types", "service_skus", default.services),
        }
    }

    /// What a line is. A product with options is of a type of its own (`configurable`, `bundle`),
    /// and its parts say what it really is.
    pub(crate) fn kind(&self, line: &Item, parts: &[&Item]) -> LineKind {
        let types: Vec<_> = std::iter::once(line)
            .chain(parts.iter().copied())
            .filter_map(|item| item.product_type.as_deref())
            .map(str::trim)
            .collect();
        let sku = line.sku.as_deref().unwrap_or_default().trim();
        let rules = [
            (&self.gift_cards, LineKind::GiftCard),
            (&self.memberships, LineKind::Membership),
            (&self.services, LineKind::Service),
        ];
        let found = rules.iter().find(|(rule, _)| rule.fits(&types, sku));
        found.map_or(LineKind::Product, |(_, kind)| *kind)
    }
}

/// A list of words; `None` if the key is absent.
fn words(settings: &mut Settings, key: &str) -> Option<Vec<String>> {
    let words = match settings.take(key)? {
        Value::Array(list) => list
            .iter()
            .map(|word| word.as_str().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()))
            .collect(),
        _ => None,
    };
    if words.is_none() {
        settings.problem(key, "must be a list of texts such as [\"virtual\"], none of them blank");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(product_type: &str, sku: &str) -> Item {
        Item {
            product_type: Some(product_type.to_owned()),
            sku: Some(sku.to_owned()),
            ..Item::default()
        }
    }

    #[test]
    fn the_type_decides_unless_the_article_number_says_more() {
        let mut rules = LineRules::default();
        rules.memberships.sku_prefixes = vec!["MEM-".to_owned()];
        for (product_type, sku, kind) in [
            ("simple", "SER-30ML", LineKind::Product),
            ("virtual", "TX-FACIAL", LineKind::Service),
            ("virtual", "mem-GOLD", LineKind::Membership),
            ("mpgiftcard", "GIFT-100", LineKind::GiftCard),
            ("giftcard", "MEM-GIFT", LineKind::GiftCard),
            ("simple", "ME", LineKind::Product),
            ("simple", "MÉM", LineKind::Product),
        ] {
            assert_eq!(rules.kind(&item(product_type, sku), &[]), kind, "{product_type} {sku}");
        }
    }

    #[test]
    fn a_treatment_with_options_is_a_treatment_by_its_part() {
        let (line, part) = (item("configurable", "TX-3"), item("virtual", "TX-3"));
        assert_eq!(LineRules::default().kind(&line, &[&part]), LineKind::Service);
    }
}
