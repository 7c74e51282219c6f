//! What is plainly no e-mail address, phone number or birth date, placeholders above all: where a
//! form demands a value, somebody types one.

use chrono::NaiveDate;

/// What a value is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    Good,
    /// As good as missing.
    Placeholder,
    /// What is wrong with it, as the end of a sentence that begins with the field.
    Wrong(&'static str),
}

/// The last day that is a placeholder for an unknown birth date, not one: others fill in 1 January
/// 1900 (MyMedLeads manual), and nobody born by then is alive.
const LAST_PLACEHOLDER: NaiveDate = match NaiveDate::from_ymd_opt(1900, 1, 1) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

/// A mailbox or a domain that says "there is none".
const NO_MAILBOX: [&str; 10] = [
    "none", "noemail", "no-email", "no.email", "no_email", "nomail", "notgiven", "refused",
    "declined", "unknown",
];
const NO_DOMAIN: [&str; 9] =
    ["email", "mail", "none", "none.com", "noemail", "noemail.com", "nomail.com", "na", "na.com"];

pub(crate) fn email(text: &str) -> Worth {
    let text = text.to_lowercase();
    let (mailbox, domain) = match text.split_once('@') {
        None if NO_MAILBOX.contains(&&*text) || matches!(&*text, "n/a" | "na" | "no" | "-") => {
            return Worth::Placeholder;
        }
        None => return Worth::Wrong("has no @; write the person's e-mail address"),
        Some(parts) => parts,
    };
    if NO_MAILBOX.contains(&mailbox) || NO_DOMAIN.contains(&domain) || text == "no@email.com" {
        return Worth::Placeholder;
    }
    let labels_filled = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    let odd = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '<' | '>');
    if mailbox.is_empty() || domain.contains('@') || !labels_filled || text.contains(odd) {
        return Worth::Wrong("is not one complete e-mail address, such as name@host.com");
    }
    Worth::Good
}

pub(crate) fn phone(text: &str) -> Worth {
    let digits = digits(text);
    let national = last_ten(&digits);
    let first = digits.chars().next();
    let monotone = first.is_some_and(|first| digits.chars().all(|digit| digit == first));
    if matches!(text.to_lowercase().as_str(), "none" | "n/a" | "na" | "no" | "-" | "unknown")
        || monotone
        || national.is_some_and(|number| number.starts_with("000") || number == "1234567890")
    {
        return Worth::Placeholder;
    }
    if text.chars().any(char::is_alphabetic) {
        return Worth::Wrong("has letters in it; write the digits of one number only");
    }
    match digits.len() {
        0..10 => Worth::Wrong("has fewer than ten digits; write it with its area code"),
        10..=15 => Worth::Good,
        _ => Worth::Wrong("has more than fifteen digits; write one number only"),
    }
}

pub(crate) fn birth_date(date: NaiveDate, today: NaiveDate) -> Worth {
    if date <= LAST_PLACEHOLDER {
        Worth::Placeholder
    } else if date > today {
        Worth::Wrong("lies in the future")
    } else {
        Worth::Good
    }
}

/// Whether a birth date says anything, whenever it is asked.
pub(crate) fn is_birth_date(date: NaiveDate) -> bool {
    date > LAST_PLACEHOLDER
}

pub(crate) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// What two spellings of one number share, with or without the country's code.
pub(crate) fn last_ten(digits: &str) -> Option<&str> {
    digits.len().checked_sub(10).and_then(|start| digits.get(start..))
}
