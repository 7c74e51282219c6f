//! Percent-encoding in which only unreserved characters stand for themselves.

/// Encodes one path segment, such as an id, so that it cannot reach into the rest of the path.
///
/// ```
/// assert_eq!(cannula_http::segment("a/b c"), "a%2Fb%20c");
/// ```
pub fn segment(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    push(&mut text, value);
    text
}

/// Encodes pairs for a query or a form. A space is `%20` and a plus is `%2B`, which servers
/// decode alike, whether or not they take a bare plus for a space.
pub(crate) fn pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push('&');
        }
        push(&mut text, name);
        text.push('=');
        push(&mut text, value);
    }
    text
}

fn push(text: &mut String, value: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plus_space_and_non_ascii_are_escaped() {
        let pairs = pairs([("email", "ann+x@é.co"), ("_lastUpdated", "ge2031 1")].into_iter());
        assert_eq!(pairs, "email=ann%2Bx%40%C3%A9.co&_lastUpdated=ge2031%201");
    }
}
