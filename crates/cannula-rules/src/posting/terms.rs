//! The practice's words for a payment, checked against what its ledger has before anything is
//! posted: the EMR names no field when it refuses one, and some it takes and drops.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{LedgerInfo, LedgerOptions, Named, PaymentTerms, Problems, Result, nearest};

use super::PostingConfig;
use crate::document::fold;

/// How payments are booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    common: PaymentTerms,
    card_types: BTreeMap<String, String>,
}

impl Terms {
    /// The terms of a payment by this card, which is named by the store's code.
    pub fn of(&self, card: Option<&str>) -> PaymentTerms {
        let card_type = card.and_then(|code| self.card_types.get(code)).cloned();
        let card_type = card_type.or_else(|| self.common.card_type.clone());
        PaymentTerms { card_type, ..self.common.clone() }
    }
}

impl PostingConfig {
    /// Resolves the configuration's words.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](cannula_core::ErrorKind::Config) with every word that is wrong and
    /// what the practice has instead.
    pub fn terms(&self, ledger: &LedgerInfo, options: &LedgerOptions) -> Result<Terms> {
        let mut problems = Problems::new();
        let mut check = Check { config: self, ledger, problems: &mut problems };
        check.method();
        check.category(&options.categories);
        check.card_types(&options.card_types);
        let location = check.listed("location", self.location.as_deref(), &options.locations);
        let practitioner =
            check.listed("practitioner", self.practitioner.as_deref(), &options.practitioners);
        let common = PaymentTerms {
            method: self.method.clone(),
            category: self.category.clone(),
            card_type: self.card_type.clone(),
            location,
            practitioner,
        };
        let terms = Terms { common, card_types: self.card_types.clone() };
        problems.into_result("the configuration of payments", terms)
    }
}

struct Check<'a> {
    config: &'a PostingConfig,
    ledger: &'a LedgerInfo,
    problems: &'a mut Problems,
}

impl Check<'_> {
    fn method(&mut self) {
        let (method, known) = (self.config.method.as_str(), self.ledger.methods);
        if !known.contains(&method) {
            let known = known.join("`, `");
            let message = format!("{} takes `{known}`, spelled so", self.ledger.product);
            self.problems.add("method", message);
        }
    }

    fn category(&mut self, used: &BTreeSet<String>) {
        match &self.config.category {
            Some(category) => self.used("category", category, used),
            None if self.ledger.category_required => {
                let message = format!(
                    "is missing: {} demands one of the practice's categories; it has been seen to use {}",
                    self.ledger.product,
                    quoted(used)
                );
                self.problems.add("category", message);
            }
            None => {}
        }
    }

    fn card_types(&mut self, used: &BTreeSet<String>) {
        let config = self.config;
        let fixed = self.ledger.card_types;
        let each =
            config.card_types.iter().map(|(code, name)| (format!("card_types.{code}"), name));
        let default = config.card_type.iter().map(|name| ("card_type".to_owned(), name));
        for (key, name) in each.chain(default) {
            match fixed {
                Some(fixed) if !fixed.contains(&name.as_str()) => {
                    let fixed = fixed.join("`, `");
                    let message = format!("{} takes `{fixed}`, spelled so", self.ledger.product);
                    self.problems.add(key, message);
                }
                Some(_) => {}
                None => self.used(&key, name, used),
            }
        }
        let demanded = self.ledger.card_type_required.contains(&config.method.as_str());
        if demanded && config.card_type.is_none() {
            let message = format!(
                "is missing: {} demands one with the method `{}`, also of orders whose card has no entry in `card_types`",
                self.ledger.product, config.method
            );
            self.problems.add("card_type", message);
        }
    }

    /// A word that no endpoint lists: what is known of it is where it was used.
    fn used(&mut self, key: &str, word: &str, used: &BTreeSet<String>) {
        if used.contains(word) || self.config.accept_unused_words {
            return;
        }
        let meant = nearest(word, used.iter().map(String::as_str))
            .map(|near| format!("; did you mean `{near}`?"))
            .unwrap_or_default();
        let message = format!(
            "`{word}` has not been used by the practice in the last months, and a word that is not on its list is refused{meant} It has been seen to use {}. If the word is new there, set `accept_unused_words = true`",
            quoted(used)
        );
        self.problems.add(key, message);
    }

    fn listed(&mut self, key: &str, name: Option<&str>, list: &[Named]) -> Named {
        let names = || list.iter().map(|entry| entry.name.trim());
        let Some(name) = name else {
            if let [only] = list {
                return only.clone();
            }
            let known = quoted(&names().map(str::to_owned).collect());
            self.problems.add(key, format!("is missing: the practice has {known}"));
            return Named::new("");
        };
        let wanted = fold(name);
        let mut found = list.iter().filter(|entry| fold(entry.name.trim()) == wanted);
        match (found.next(), found.next()) {
            (Some(only), None) => return only.clone(),
            (Some(_), Some(_)) => {
                let message =
                    format!("`{name}` names several; give them different names in the EMR");
                self.problems.add(key, message);
            }
            (None, _) => {
                let meant = nearest(name, names())
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                let known = quoted(&names().map(str::to_owned).collect());
                self.problems.add(key, format!("`{name}` is none of {known}{meant}"));
            }
        }
        Named::new(name)
    }
}

fn quoted(words: &BTreeSet<String>) -> String {
    if words.is_empty() {
        return "none".to_owned();
    }
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
