//! The CRM as a directory: contacts by name, for people who look one up.

use async_trait::async_trait;
use cannula_core::{
    ContactCreation, ContactDirectory, ContactId, CrmContact, DirectoryInfo, DirectoryPage,
    DirectorySearch, Error, ErrorKind, ParkReason, Person, Phi, PracticeId, Result,
};
use cannula_http::Lane;
use serde_json::{Value, value::RawValue};
use unicode_normalization::UnicodeNormalization;

use crate::{
    Aesthetix, CONNECTOR, Collision, Contact, ContactSearch, Duplicates,
    hits::{from_cursor, next_page, read, search_after, to_cursor},
    map,
    matching::fold,
    reader::{ContactReader, named},
    sink::INDEX_LAG,
    wire,
};

/// Rows to ask for at once: at least what the vendor's own examples do, at most what it allows.
const ROWS: (u16, u16) = (100, 500);
/// Pages to read for one page of ours, where many names contain the parts and few are meant. People
/// wait, so it is better to say then that there may be more.
const MOST_PAGES: usize = 10;
/// Characters of a filter's value that the vendor takes.
const MOST_CHARACTERS: usize = 75;
/// Characters of a contact's id in the vendor's specification and in every published answer.
const ID_LENGTH: usize = 20;
/// Parts of a name to ask for. Nobody has more, and each is a group of filters.
const MOST_PARTS: usize = 8;

/// The contacts of a location, to be searched by people.
///
/// The vendor's `contains` is documented for values without special characters, and what it makes
/// of accents is not known. So a name is cut at everything but plain letters and digits, contacts
/// are asked for that contain the pieces, and those that do not have the name as it was typed are
/// left out here: `O'Neil` asks for `neil`, and drops McNeil. So does `ONeil`, which may mean O'Neil.
///
/// Made by [`Aesthetix::directory`].
#[derive(Clone, Debug)]
pub struct Directory {
    crm: Aesthetix,
    info: DirectoryInfo,
    contacts: ContactReader,
}

impl Directory {
    pub(crate) fn new(crm: &Aesthetix) -> Self {
        // Somebody waits for the answer.
        let crm = crm.lane(Lane::Urgent);
        let location = PracticeId::new(crm.client.location());
        let info = DirectoryInfo { name: CONNECTOR, location, index_lag: INDEX_LAG };
        Self { contacts: ContactReader::new(crm.clone()), crm, info }
    }
}

#[async_trait]
impl ContactDirectory for Directory {
    fn info(&self) -> &DirectoryInfo {
        &self.info
    }

    async fn check(&self) -> Result<()> {
        let one = ContactSearch { limit: 1, ..ContactSearch::default() };
        self.crm.client.hits(&one).await?;
        // A scope of its own, without which contacts with custom fields could not be read.
        self.crm.client.custom_fields().await.map(drop)
    }

    async fn search(&self, search: &DirectorySearch) -> Result<DirectoryPage> {
        let words = words(&search.text);
        let Pieces { name_parts, exact } = pieces(&search.text);
        if words.is_empty() || name_parts.is_empty() {
            let message = "the search text has no letter or digit; write a name or a part of one";
            return Err(Error::new(ErrorKind::Invalid, message)
                .connector(CONNECTOR)
                .operation("search contacts"));
        }
        let rows = if exact { search.limit.clamp(ROWS.0, ROWS.1) } else { ROWS.1 };
        let wanted = usize::from(search.limit.max(1));
        let mut after = search.after.as_ref().and_then(|after| from_cursor(after.expose()));
        let mut page = DirectoryPage::default();
        for _ in 0..MOST_PAGES {
            let answer = self
                .crm
                .client
                .hits(&ContactSearch {
                    name_parts: name_parts.clone(),
                    limit: rows,
                    after: after.clone(),
                    ..ContactSearch::default()
                })
                .await?;
            page.at_most = page.at_most.or(answer.total);
            if let Some(full) = fill(&mut page, &answer.contacts, &words, wanted) {
                page.next = Some(Phi::new(to_cursor(Some(full))));
                return Ok(page);
            }
            after = next_page(&answer.contacts, rows, after.as_ref())?;
            if after.is_none() || page.hits.len() >= wanted {
                break;
            }
        }
        page.next = after.map(|after| Phi::new(to_cursor(Some(after))));
        Ok(page)
    }

    /// Twenty letters and digits at random. One in thirty has no digit, and practically none has
    /// its only capital in front, as a name does.
    fn id_in(&self, text: &Phi<String>) -> Option<ContactId> {
        let text = text.expose().trim();
        let behind = text.get(1..).unwrap_or_default();
        let is_one = text.len() == ID_LENGTH
            && text.bytes().all(|b| b.is_ascii_alphanumeric())
            && behind.bytes().any(|b| b.is_ascii_uppercase())
            && behind.bytes().any(|b| b.is_ascii_lowercase());
        is_one.then(|| ContactId::new(text))
    }

    async fn get(&self, id: &ContactId) -> Result<Option<CrmContact>> {
        Ok(self.contacts.read(id).await?.map(|(contact, _)| contact))
    }

    async fn create(&self, person: &Person) -> Result<ContactCreation> {
        let parts = map::person(person, self.crm.country);
        if parts.email.is_none() && parts.phone.is_none() {
            return Err(Error::needs_person(ParkReason::NoContactDetails).connector(CONNECTOR));
        }
        if self.crm.duplicates == Duplicates::Allowed
            && let Some(found) = self.crm.find(&parts).await?
        {
            let shared = if found.email_is(&parts) { "email" } else { "phone" };
            return Ok(ContactCreation::Taken { by: found.id, shared: shared.to_owned() });
        }
        match self.crm.client.create_contact(&parts).await {
            Ok(contact) => Ok(ContactCreation::Created(contact.id)),
            Err(error) => match Collision::of(&error) {
                Some(Collision::Contact { contact, field }) => {
                    Ok(ContactCreation::Taken { by: contact.clone(), shared: field.clone() })
                }
                _ => Err(error),
            },
        }
    }
}

/// Adds the rows that have the name. If not all of them fit, returns where to go on.
fn fill(
    page: &mut DirectoryPage,
    rows: &[Box<RawValue>],
    words: &[String],
    wanted: usize,
) -> Option<Vec<Value>> {
    let mut place = None;
    for raw in rows {
        let Ok(row) = read::<wire::Contact>(raw) else {
            page.unreadable += 1;
            continue;
        };
        let contact = Contact::from(row);
        if !has_name(&contact, words) {
            continue;
        }
        if page.hits.len() >= wanted && place.is_some() {
            return place;
        }
        // The index has no names of custom fields.
        page.hits.push(named(contact, &Default::default()));
        place = search_after(raw);
    }
    None
}

/// The words of a text as names are compared.
fn words(text: &Phi<String>) -> Vec<String> {
    let words = text.expose().split_whitespace();
    let folded = words.map(|word| fold(&Phi::new(word.to_owned())));
    folded.filter(|word| !word.is_empty()).collect()
}

/// Whether the contact's name has all the words, in whichever half.
fn has_name(contact: &Contact, words: &[String]) -> bool {
    let part = |part: &Option<Phi<String>>| part.as_ref().map(fold).unwrap_or_default();
    let name = part(&contact.first_name) + &part(&contact.last_name);
    words.iter().all(|word| name.contains(word.as_str()))
}

/// What to ask the index for.
struct Pieces {
    /// Pieces that it surely has as they are, the longest first.
    name_parts: Vec<Phi<String>>,
    /// They are the whole words, so that most of what contains them is meant.
    exact: bool,
}

fn pieces(text: &Phi<String>) -> Pieces {
    let text: String = text.expose().nfc().flat_map(char::to_lowercase).collect();
    let split = |plain: fn(&char) -> bool| {
        let pieces = text.split(move |letter: char| !plain(&letter));
        pieces.filter(|piece| !piece.is_empty()).map(|piece| cut(without_o(piece)))
    };
    let mut parts: Vec<_> = split(char::is_ascii_alphanumeric).collect();
    if parts.is_empty() {
        // A script without any plain letter cannot be cut further.
        parts = split(|letter| letter.is_alphanumeric()).collect();
    }
    parts.sort_by_key(|part| std::cmp::Reverse(part.chars().count()));
    parts.dedup();
    parts.truncate(MOST_PARTS);
    // A single letter narrows nothing, and an index of longer pieces would not know it.
    if parts.first().is_some_and(|longest| longest.chars().count() > 1) {
        parts.retain(|part| part.chars().count() > 1);
    }
    let exact = text.split_whitespace().all(|word| parts.iter().any(|part| part == word));
    Pieces { name_parts: parts.into_iter().map(Phi::new).collect(), exact }
}

/// `oneil` may be typed for O'Neil, and what contains `neil` contains either.
fn without_o(piece: &str) -> &str {
    let vowel = |letter: char| "aeiouy".contains(letter);
    match piece.strip_prefix('o') {
        Some(rest) if rest.len() > 3 && !rest.starts_with(vowel) => rest,
        _ => piece,
    }
}

fn cut(piece: &str) -> String {
    piece.chars().take(MOST_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Vec<String> {
        pieces(&Phi::new(text.to_owned())).name_parts.into_iter().map(Phi::into_inner).collect()
    }

    #[test]
    fn names_are_asked_for_in_pieces_of_plain_letters() {
        assert_eq!(asked("Mara"), ["mara"]);
        assert_eq!(asked("  O'Neil "), ["neil"]);
        assert_eq!(asked("O’Neil"), ["neil"]);
        assert_eq!(asked("ONeil Oyelaran Omar"), ["oyelaran", "neil", "omar"]);
        assert_eq!(asked("Ana Smith-Jones"), ["smith", "jones", "ana"]);
        assert_eq!(asked("Núñez"), ["ez"]);
        assert_eq!(asked("Nun\u{303}ez"), ["nu", "ez"], "composed first");
        assert_eq!(asked("J B"), ["j", "b"]);
        assert_eq!(asked("李 小龙"), ["小龙"]);
        assert_eq!(asked("?! -"), [""; 0]);
    }

    #[test]
    fn a_search_is_exact_if_no_word_was_cut() {
        for (text, exact) in [
            ("Mara", true),
            (" mara  LEE", true),
            ("Núñez", false),
            ("Ana Núñez", false),
            ("Smith-Jones", false),
            ("ONeil", false),
            ("李", true),
        ] {
            assert_eq!(pieces(&Phi::new(text.to_owned())).exact, exact, "{text}");
        }
    }

    #[test]
    fn no_piece_is_longer_and_no_search_has_more_pieces_than_the_vendor_takes() {
        let long = "x".repeat(200);
        assert_eq!(asked(&long), ["x".repeat(75)]);
        let many = "aa bb cc dd ee ff gg hh ii jj kk";
        assert_eq!(asked(many).len(), MOST_PARTS);
    }
}
