//! The practice's lists, read without I/O.

use std::collections::{BTreeMap, BTreeSet};

use cannula_core::{Error, ErrorKind, Named, Result, Retry};
use serde::Deserialize;

use crate::{
    errors,
    wire::{Answer, AnyName, Entry, HumanName, Identifier, Text, list, text},
};

/// A page of a list.
#[derive(Debug, Default)]
pub(crate) struct ListPage {
    /// The entries in use, as the vendor gives them.
    pub(crate) entries: Vec<Named>,
    /// The link to the next page, unchecked.
    pub(crate) next: Option<String>,
}

/// A location or a practitioner.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Row<'a> {
    #[serde(borrow)]
    resource_type: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    identifier: Option<Vec<Identifier<'a>>>,
    #[serde(borrow)]
    name: Option<AnyName<'a>>,
    /// A practitioner's.
    #[serde(borrow)]
    active: Option<Text<'a>>,
    /// A location's.
    #[serde(borrow)]
    status: Option<Text<'a>>,
}

/// Reads a page of `resource`. Entries that are not in use are left out, and so are those that
/// nobody could name or refer to.
pub(crate) fn parse(resource: &str, body: &[u8]) -> Result<ListPage> {
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    let answer: Answer<'_, Entry<Row<'_>>> = serde_json::from_slice(body).map_err(unreadable)?;
    if !answer.is_bundle() {
        return Err(errors::not_a_page(body));
    }
    let rows = list(&answer.entry).iter().filter_map(|entry| entry.resource.as_ref());
    let is_one = |row: &&Row<'_>| {
        text(&row.resource_type).is_none_or(|it| it.eq_ignore_ascii_case(resource)) && row.in_use()
    };
    Ok(ListPage {
        next: answer.next().map(str::to_owned),
        entries: rows.filter(is_one).filter_map(Row::named).collect(),
    })
}

pub(crate) fn unreadable(error: serde_json::Error) -> Error {
    if error.is_eof() {
        return Error::new(ErrorKind::Decode, "the answer ends early").retry(Retry::Backoff);
    }
    Error::new(ErrorKind::Decode, "the list does not have the expected shape")
        .with("at", format!("line {} column {}", error.line(), error.column()))
}

impl Row<'_> {
    fn in_use(&self) -> bool {
        text(&self.active).is_none_or(|it| !it.eq_ignore_ascii_case("false"))
            && text(&self.status).is_none_or(|it| it.eq_ignore_ascii_case("active"))
    }

    fn named(&self) -> Option<Named> {
        let id = text(&self.id).or_else(|| self.official()).map(str::to_owned);
        let name = self.name.as_ref().and_then(|name| displayed(&name.0));
        match (id, name) {
            (Some(id), Some(name)) => Some(Named { id: Some(id), name }),
            _ => {
                tracing::warn!("an entry without a name or an id cannot be offered to staff");
                None
            }
        }
    }

    fn official(&self) -> Option<&str> {
        let is_official = |it: &&Identifier<'_>| {
            text(&it.usage).is_some_and(|it| it.eq_ignore_ascii_case("official"))
        };
        list(&self.identifier).iter().find(is_official).and_then(|it| text(&it.value))
    }
}

/// The name as Nextech's screens have it: the text it sends, else `Family, Given` as its own
/// texts are written.
fn displayed(names: &[HumanName<'_>]) -> Option<String> {
    let is = |name: &HumanName<'_>, usage: &str| {
        text(&name.usage).is_some_and(|it| it.eq_ignore_ascii_case(usage))
    };
    let name = names
        .iter()
        .find(|name| is(name, "official"))
        .or_else(|| names.iter().find(|name| !is(name, "nickname")))?;
    if let Some(whole) = text(&name.text).map(str::trim).filter(|it| !it.is_empty()) {
        return Some(whole.to_owned());
    }
    let given: Vec<_> = list(&name.given).iter().filter_map(Text::get).collect();
    let parts = [text(&name.family).unwrap_or_default().to_owned(), given.join(" ")];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    Some(parts.join(", ")).filter(|name| !name.is_empty())
}

/// What staff can choose from. An entry that came twice is one: Select before 14.1 returns a
/// practitioner once for each linked user. Where two entries share a name, whatever its case and
/// spacing, neither is to be had by it: each is offered with its id behind it.
pub(crate) fn offered(entries: Vec<Named>) -> Vec<Named> {
    let mut seen = BTreeSet::new();
    let mut entries = entries;
    entries.retain(|entry| seen.insert(entry.id.clone()));
    let mut shared: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &entries {
        *shared.entry(folded(&entry.name)).or_default() += 1;
    }
    for entry in &mut entries {
        let is_shared = shared.get(&folded(&entry.name)).is_some_and(|count| *count > 1);
        if let (true, Some(id)) = (is_shared, &entry.id) {
            entry.name = format!("{} ({id})", entry.name);
        }
    }
    entries
}

fn folded(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: &str, name: &str) -> Named {
        Named { id: Some(id.to_owned()), name: name.to_owned() }
    }

    #[test]
    fn an_entry_that_came_twice_is_one() {
        let entries = vec![named("418", "Okafor, Lena"), named("418", "Okafor, Lena")];
        assert_eq!(offered(entries), [named("418", "Okafor, Lena")]);
    }

    #[test]
    fn two_entries_of_one_name_are_told_apart_by_their_ids() {
        let entries = vec![named("1", "Main"), named("2", "North"), named("3", "main")];
        let expected = [named("1", "Main (1)"), named("2", "North"), named("3", "main (3)")];
        assert_eq!(offered(entries), expected);
    }

    #[test]
    fn an_answer_that_is_no_list_is_an_error() {
        for (body, expected) in [
            ("", "the answer ends early (decode)"),
            (
                r#"{"resourceType":"OperationOutcome","issue":[{"code":"processing"}]}"#,
                "the answer is neither a Bundle nor a resource (decode, code processing)",
            ),
            (
                r#"{"entry":[{"resource":{"name":5}}]}"#,
                "the list does not have the expected shape (decode, at=line 1 column 31)",
            ),
        ] {
            assert_eq!(parse("Location", body.as_bytes()).unwrap_err().to_string(), expected);
        }
    }
}
