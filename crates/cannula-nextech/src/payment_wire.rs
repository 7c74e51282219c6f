//! `PaymentReconciliation` as Nextech writes it. Amounts stay the text they are in the answer.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::wire::{Meta, Reference, Text, list, names, text};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Payment<'a> {
    #[serde(borrow)]
    pub(crate) resource_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) meta: Option<Meta<'a>>,
    /// Identifiers, read only where the id is missing.
    #[serde(borrow)]
    pub(crate) identifier: Option<&'a RawValue>,
    /// Resources, read only where a reference leads to one.
    #[serde(borrow)]
    pub(crate) contained: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) extension: Option<Vec<Extension<'a>>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    /// The insurer. Only whether there is one matters.
    #[serde(borrow)]
    pub(crate) organization: Option<&'a RawValue>,
    /// The provider; one that cannot be read does not spoil the row.
    #[serde(borrow)]
    pub(crate) request_provider: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) detail: Option<Vec<Detail<'a>>>,
    #[serde(borrow)]
    pub(crate) total: Option<&'a RawValue>,
    /// Notes; ones that cannot be read do not spoil the row.
    #[serde(borrow)]
    pub(crate) process_note: Option<&'a RawValue>,
}

/// The part of a payment that says whose it is, for rows of which the rest cannot be read.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Owned<'a> {
    #[serde(borrow)]
    pub(crate) extension: Option<Vec<Extension<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Extension<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
    /// What Practice+ sends.
    #[serde(borrow)]
    value_reference: Option<Reference<'a>>,
    /// Not FHIR, but what Select sends.
    #[serde(borrow)]
    value_resource_reference: Option<Reference<'a>>,
    #[serde(borrow)]
    pub(crate) value_string: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value_date: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) value_date_time: Option<Text<'a>>,
    #[serde(borrow)]
    value_codeable_concept: Option<Concept<'a>>,
}

impl Extension<'_> {
    /// Whether this is the extension `name`, in any case and below any address.
    pub(crate) fn is(&self, name: &str) -> bool {
        names(&self.url, name)
    }

    /// The reference, under either of its keys.
    pub(crate) fn reference(&self) -> Option<&Reference<'_>> {
        self.value_reference.as_ref().or(self.value_resource_reference.as_ref())
    }

    /// The codes of a coded value; a plain text stands for one.
    pub(crate) fn codes(&self) -> Vec<&str> {
        match &self.value_codeable_concept {
            Some(concept) => concept.codes(),
            None => text(&self.value_string).into_iter().collect(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Concept<'a> {
    #[serde(borrow)]
    coding: Option<Vec<Coding<'a>>>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
}

impl Concept<'_> {
    /// The code of each coding, or what is shown where there is no code; else the concept's text.
    pub(crate) fn codes(&self) -> Vec<&str> {
        let codings = list(&self.coding).iter();
        let codes: Vec<_> =
            codings.filter_map(|it| text(&it.code).or_else(|| text(&it.display))).collect();
        if codes.is_empty() { text(&self.text).into_iter().collect() } else { codes }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Coding<'a> {
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    display: Option<Text<'a>>,
}

/// What a part of the money was used for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Detail<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Concept<'a>>,
    #[serde(borrow)]
    pub(crate) amount: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Note<'a> {
    #[serde(borrow)]
    pub(crate) text: Option<Text<'a>>,
}

/// FHIR's Money. `code` is the currency in STU3, `currency` in later versions; Nextech's samples
/// have neither.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Amount<'a> {
    #[serde(borrow)]
    pub(crate) value: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) code: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) currency: Option<Text<'a>>,
}
