//! What a refusal says, in any of the shapes it may come in. Never shown raw: it may hold the
//! patient's data.

use std::{fmt, time::Duration};

use cannula_core::Error;
use serde_json::Value;

/// How much of a text is kept.
const MAX_TEXT: usize = 2048;
/// How much of a body is read as JSON.
const MAX_JSON: usize = 64 * 1024;
/// How much is shown to staff.
const MAX_SHOWN: usize = 600;

/// The sentences of a refusal, as the source of an error. Neither `Debug` nor `Display` shows any.
pub(crate) struct Complaint {
    /// The field a sentence is about, and the sentence.
    said: Vec<(Option<String>, String)>,
    /// Whatever else the body held, for finding words in.
    text: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Complaint {
    /// Reads a body: an object with `Message` and `ModelState`, a JSON text, plain text, or a page
    /// of HTML. Never fails.
    pub(crate) fn read(body: &[u8], retry_after: Option<Duration>) -> Self {
        let text = String::from_utf8_lossy(body.get(..MAX_TEXT).unwrap_or(body)).into_owned();
        let json = (body.len() <= MAX_JSON).then(|| serde_json::from_slice(body).ok()).flatten();
        let mut said = Vec::new();
        match json {
            Some(Value::Object(fields)) => {
                for (key, value) in &fields {
                    match key.to_ascii_lowercase().as_str() {
                        "modelstate" | "errors" => fields_of(value, &mut said),
                        "message" | "messagedetail" | "title" | "detail" | "error"
                        | "error_description" => sentences(None, value, &mut said),
                        _ => {}
                    }
                }
            }
            Some(value) => sentences(None, &value, &mut said),
            None if text.trim_start().starts_with('<') => {}
            None => sentences(None, &Value::String(text.clone()), &mut said),
        }
        Self { said, text, retry_after }
    }

    /// What the refusal behind an error said.
    pub(crate) fn of(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// The whole text, for finding words in; it must not be shown.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it says which fields are wrong.
    pub(crate) fn names_fields(&self) -> bool {
        self.said.iter().any(|(field, _)| field.is_some())
    }

    /// The sentences with their fields, fit for staff: without anything that was `sent`, without
    /// addresses and long numbers. `None` if nothing is left.
    pub(crate) fn shown(&self, sent: &Sent) -> Option<String> {
        let mut shown = Vec::new();
        // Sentences about a field tell more than the general one.
        let (fields, general): (Vec<_>, Vec<_>) =
            self.said.iter().partition(|(field, _)| field.is_some());
        for (field, sentence) in if fields.is_empty() { general } else { fields } {
            let sentence = sent.strip(sentence);
            let entry = match field {
                Some(field) => format!("{}: {sentence}", sent.strip(field)),
                None => sentence,
            };
            if !shown.contains(&entry) {
                shown.push(entry);
            }
        }
        let text: String = shown.join(" ").chars().take(MAX_SHOWN).collect();
        (!text.trim().is_empty()).then_some(text)
    }
}

/// The sentences of each field: `{"customer.Birthday": ["…"]}`, or a list of them.
fn fields_of(value: &Value, said: &mut Vec<(Option<String>, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let field = key.rsplit('.').next().unwrap_or(key).trim();
                sentences((!field.is_empty()).then_some(field), value, said);
            }
        }
        other => sentences(None, other, said),
    }
}

fn sentences(field: Option<&str>, value: &Value, said: &mut Vec<(Option<String>, String)>) {
    match value {
        Value::String(text) => {
            let text: String =
                text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
            let text = text.trim();
            if !text.is_empty() && !text.starts_with('<') {
                said.push((field.map(str::to_owned), text.chars().take(MAX_TEXT).collect()));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| sentences(field, item, said)),
        Value::Object(fields) => {
            for (key, value) in fields {
                if key.to_ascii_lowercase().contains("message") {
                    sentences(field, value, said);
                }
            }
        }
        _ => {}
    }
}

impl fmt::Debug for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Complaint").field("sentences", &self.said.len()).finish_non_exhaustive()
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PatientNow's own words, {} sentences", self.said.len())
    }
}

impl std::error::Error for Complaint {}

/// The values that were sent, which no sentence may repeat.
pub(crate) struct Sent(Vec<String>);

impl Sent {
    /// In whatever spellings they may come back.
    pub(crate) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let trimmed = values.into_iter().map(|value| value.trim().to_lowercase());
        let mut values: Vec<_> = trimmed.filter(|value| !value.is_empty()).collect();
        // The longest first: a name may be part of an address.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values)
    }

    /// The text without them, without e-mail addresses and without numbers of seven digits and
    /// more, be they anybody's.
    fn strip(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.0 {
            text = without(&text, value);
        }
        let words: Vec<_> = text
            .split_whitespace()
            .map(|word| if word.contains('@') { "…" } else { word })
            .collect();
        without_numbers(&words.join(" "))
    }
}

/// Replaces a value wherever it stands as words of its own, in any case.
fn without(text: &str, value: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let wanted: Vec<char> = value.chars().collect();
    let is_word = |at: Option<&char>| at.is_some_and(|it| it.is_alphanumeric());
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let end = at + wanted.len();
        let same = letters.get(at..end).is_some_and(|part| {
            part.iter().zip(&wanted).all(|(a, b)| a.to_lowercase().eq(b.to_lowercase()))
        });
        let alone = (at == 0 || !is_word(letters.get(at - 1))) && !is_word(letters.get(end));
        if same && alone {
            out.push('…');
            at = end;
        } else {
            out.extend(letters.get(at));
            at += 1;
        }
    }
    out
}

/// Replaces runs of seven digits and more, with whatever phone numbers and dates have in between.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut String| {
        let digits = run.chars().filter(char::is_ascii_digit).count();
        if digits >= 7 {
            let spaces = run.len() - run.trim_end_matches(' ').len();
            out.push('…');
            out.push_str(&" ".repeat(spaces));
        } else {
            out.push_str(run);
        }
        run.clear();
    };
    for letter in text.chars() {
        let starts = letter.is_ascii_digit() || matches!(letter, '+' | '(');
        let goes_on = !run.is_empty() && matches!(letter, ' ' | '-' | '.' | '/' | ')');
        if starts || goes_on {
            run.push(letter);
        } else {
            flush(&mut run, &mut out);
            out.push(letter);
        }
    }
    flush(&mut run, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Sent {
        Sent::new(
            ["Ada", "Quill", "ada.quill@example.test", "5035550142", "Female"].map(Into::into),
        )
    }

    fn shown(body: &str) -> Option<String> {
        Complaint::read(body.as_bytes(), None).shown(&sent())
    }

    #[test]
    fn the_sentences_about_fields_are_shown_in_full() {
        let body = r#"{"Message":"The request is invalid.","ModelState":{"customer.Birthday":["The Birthday field is required."],"customer.Gender":["Use Female, Male or Other."]}}"#;
        assert_eq!(
            shown(body).unwrap(),
            "Birthday: The Birthday field is required. Gender: Use …, Male or Other."
        );
    }

    #[test]
    fn every_shape_of_a_refusal_is_read() {
        for (body, expected) in [
            (r#"{"Message":"No."}"#, Some("No.")),
            (
                r#"{"title":"Bad","errors":[{"message":"State is unknown."}]}"#,
                Some("State is unknown. Bad"),
            ),
            (r#""Sorry, not now.""#, Some("Sorry, not now.")),
            ("Sorry, not now.", Some("Sorry, not now.")),
            (r#"["One.","Two."]"#, Some("One. Two.")),
            ("<html><body>Ada Quill</body></html>", None),
            (r#"{"Ada":"Quill"}"#, None),
            (r#"{"Message":"#, Some(r#"{"Message":"#)),
            ("", None),
            ("12", None),
        ] {
            assert_eq!(shown(body).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn nothing_that_was_sent_and_nobodys_address_or_number_is_shown() {
        let body = r#"{"Message":"ADA QUILL (ada.quill@example.test, (503) 555-0142) is like bo@x.test, 555-123-4567, born 04/17/1988; Adams is 12."}"#;
        let expected = "… … (…, … is like … …, born …; Adams is 12.";
        assert_eq!(shown(body).unwrap(), expected);
    }

    #[test]
    fn neither_debug_nor_display_shows_a_word() {
        let complaint = Complaint::read(b"Ada Quill", None);
        let text = format!("{complaint:?} {complaint}");
        assert!(!text.contains("Ada"), "{text}");
    }
}
