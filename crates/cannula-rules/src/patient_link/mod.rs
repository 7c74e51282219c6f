//! A CRM contact and a patient of an application's own list: are they one person, and what does
//! the contact change about the patient?
//!
//! [`Offer::read`] says what a contact has to offer, [`decide`] whom it is linked to, [`merge`]
//! what the patient holds afterwards, each field with its rule, and [`decide_push`] which contact
//! a patient is whom the CRM is to learn of. Anything that is not sure is a [`Question`].

mod decide;
mod merge;
mod offer;
mod policy;
mod question;
mod value;

pub use decide::{Candidate, Choice, LinkDecision, PushDecision, contact_of, decide, decide_push};
pub use merge::{FieldRule, Merge, MergeRules, is_another_person, merge};
pub use offer::Offer;
pub use policy::LinkPolicy;
pub use question::Question;

use cannula_core::{Person, Phi};

use crate::folds;

/// What all spellings of a whole name share: neither case nor accents, spaces, hyphens and
/// apostrophes count, nor where a double name is cut in two. Empty if there is no letter in it.
pub fn name_key(person: &Person) -> Phi<String> {
    Phi::new(folds::name(&person.first_name) + &folds::name(&person.last_name))
}

/// What a patient's [`name_key`] must contain to be found by a text: a part for each word.
pub fn name_words(text: &Phi<String>) -> Vec<Phi<String>> {
    let words = text.expose().split_whitespace().map(|word| Phi::new(word.to_owned()));
    let folded = words.map(|word| Phi::new(folds::name(&word)));
    folded.filter(|word| !word.expose().is_empty()).collect()
}
