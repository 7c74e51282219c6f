//! Values that are recognised wherever and however they are written.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

/// What must not be found.
#[derive(Debug, Default)]
pub(crate) struct Canaries(Vec<Canary>);

#[derive(Debug)]
struct Canary {
    what: &'static str,
    /// Letters and digits in lower case: how it is written between them does not matter.
    plain: String,
    /// Its base64 at each offset in a longer text, without what its neighbours decide.
    encoded: Vec<String>,
}

impl Canaries {
    pub(crate) fn add(&mut self, what: &'static str, value: &str) {
        let plain = bare(value);
        assert!(plain.chars().count() >= 7, "“{value}” could be found by chance");
        let encoded = (0..3).map(|offset| encoded(value, offset)).collect();
        self.0.push(Canary { what, plain, encoded });
    }

    /// The canaries that a text holds, each with its surroundings.
    pub(crate) fn in_text(&self, text: &str) -> Vec<String> {
        let unescaped = unescaped(&percent_decoded(text));
        let describe = |canary: &Canary| format!("{}: {}", canary.what, canary.seen_in(&unescaped));
        self.found_in(text).map(describe).collect()
    }

    /// What there is.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|canary| canary.what)
    }

    /// What the canaries in a text are.
    pub(crate) fn kinds_in(&self, text: &str) -> BTreeSet<&'static str> {
        self.found_in(text).map(|canary| canary.what).collect()
    }

    fn found_in(&self, text: &str) -> impl Iterator<Item = &Canary> {
        let decoded = percent_decoded(text);
        let unescaped = unescaped(&decoded);
        let forms = [bare(text), bare(&decoded), bare(&unescaped)];
        // Both alphabets of base64 are one.
        let standard = text.replace('-', "+").replace('_', "/");
        let found = move |canary: &&Canary| {
            forms.iter().any(|form| form.contains(&canary.plain))
                || canary.encoded.iter().any(|it| standard.contains(it.as_str()))
        };
        self.0.iter().filter(found)
    }
}

impl Canary {
    /// The lines in which it is, for whoever has to find out where they come from.
    fn seen_in(&self, text: &str) -> String {
        let lines = text.lines().filter(|line| bare(line).contains(&self.plain));
        let short = |line: &str| line.chars().take(2_000).collect::<String>();
        lines.take(3).map(short).collect::<Vec<_>>().join("\n")
    }
}

fn bare(text: &str) -> String {
    text.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn encoded(value: &str, offset: usize) -> String {
    let padded = [vec![0; offset], value.as_bytes().to_vec()].concat();
    let whole = STANDARD_NO_PAD.encode(&padded);
    // The first characters depend on what is before, the last ones on what is behind.
    let first = [0, 2, 3][offset];
    let last = padded.len() / 3 * 4;
    whole[first..last].to_owned()
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte =
            hex.filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(byte.unwrap_or(bytes[at]));
        at += if byte.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Without the escapes of JSON and of `Debug`: `\u00eb`, `\u{eb}`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("\\u");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (hex, rest) = match part.strip_prefix('{').and_then(|part| part.split_once('}')) {
            Some((hex, rest)) => (hex, rest),
            None => part.split_at_checked(4).unwrap_or(("", part)),
        };
        plain.extend(u32::from_str_radix(hex, 16).ok().and_then(char::from_u32));
        plain.push_str(rest);
    }
    plain
}
