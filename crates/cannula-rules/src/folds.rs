//! What two spellings of one name, e-mail address or phone number have in common.

use cannula_core::Phi;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::plausible::{self, Worth, digits, last_ten};

/// A name without case, accents, spaces, hyphens and apostrophes.
pub(crate) fn name(name: &Phi<String>) -> String {
    let letters = name.expose().nfd().filter(|letter| !is_combining_mark(*letter));
    letters.filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// An address without case; `None` if it is blank or a placeholder.
pub(crate) fn email(email: &Phi<String>) -> Option<String> {
    let email = email.expose().trim().to_lowercase();
    (!email.is_empty() && plausible::email(&email) != Worth::Placeholder).then_some(email)
}

/// The last ten digits; all of them where there are fewer, as in a number without its area code.
/// `None` if there are none or they are a placeholder.
pub(crate) fn phone(phone: &Phi<String>) -> Option<String> {
    let text = phone.expose().trim();
    let digits = digits(text);
    let number = last_ten(&digits).unwrap_or(&digits).to_owned();
    (!number.is_empty() && plausible::phone(text) != Worth::Placeholder).then_some(number)
}
