//! The practice's own words, as they stand on its payments: no endpoint lists them.

use std::collections::BTreeSet;

use cannula_core::Result;
use serde_json::value::RawValue;

use crate::{
    errors, lists,
    payment_wire::{Extension, Owned},
    wire::{Answer, Entry, list, text},
};

/// The words on a page of payments.
#[derive(Debug, Default)]
pub(crate) struct WordPage {
    pub(crate) categories: BTreeSet<String>,
    pub(crate) card_types: BTreeSet<String>,
    /// The link to the next page, unchecked.
    pub(crate) next: Option<String>,
}

/// The two spellings of the extension with the card type.
const CARD_TYPE: [&str; 2] = ["creditcard-type", "credit-cardtype"];

/// Reads the words of every row; one that cannot be read has none.
pub(crate) fn parse(body: &[u8]) -> Result<WordPage> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let answer: Answer<'_, &RawValue> = serde_json::from_slice(body).map_err(lists::unreadable)?;
    if !answer.is_bundle() {
        return Err(errors::not_a_page(body));
    }
    let mut page = WordPage { next: answer.next().map(str::to_owned), ..WordPage::default() };
    for row in list(&answer.entry) {
        let row: Option<Entry<Owned<'_>>> = serde_json::from_str(row.get()).ok();
        let Some(row) = row.and_then(|entry| entry.resource) else { continue };
        let extensions = list(&row.extension);
        page.categories.extend(words(extensions, &["payment-category"]));
        page.card_types.extend(words(extensions, &CARD_TYPE));
    }
    Ok(page)
}

fn words(extensions: &[Extension<'_>], names: &[&str]) -> Vec<String> {
    let is_one = |it: &&Extension<'_>| names.iter().any(|name| it.is(name));
    let words = extensions.iter().filter(is_one).filter_map(|it| text(&it.value_string));
    words.map(str::to_owned).collect()
}
