//! Phone numbers as PatientNow is taken to keep them: ten digits.

/// The ten digits of a North American number, however it is written; any other number stays as it
/// was typed.
pub(crate) fn written(number: &str) -> String {
    ten_digits(number).unwrap_or_else(|| number.trim().to_owned())
}

/// Whether two spellings are one number.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let digits = |it: &str| {
        let bare = it.chars().filter(char::is_ascii_digit).collect();
        ten_digits(it).unwrap_or(bare)
    };
    let (a, b): (String, String) = (digits(a), digits(b));
    !a.is_empty() && a == b
}

/// `None` for a number of another country, one with an extension, or no number at all.
fn ten_digits(number: &str) -> Option<String> {
    let number = number.trim();
    let (plus, rest) = match number.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    if !rest.chars().all(|it| it.is_ascii_digit() || " ()-./\u{a0}".contains(it)) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    match (digits.len(), digits.strip_prefix('1')) {
        (11, Some(ten)) => Some(ten.to_owned()),
        (10, _) if !plus => Some(digits),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_north_american_number_is_ten_digits_and_any_other_is_left_alone() {
        for typed in ["5035550142", "(503) 555-0142", "503.555.0142", "+1 503-555-0142"] {
            assert_eq!(written(typed), "5035550142", "{typed}");
            assert!(same(typed, "1 503 555 0142"), "{typed}");
        }
        for typed in ["+44 20 7946 0000", "503 555 0142 x12", "555-0142", "+5035550142"] {
            assert_eq!(written(typed), typed);
        }
        assert!(same("+44 20 7946 0000", "+442079460000"));
        assert!(!same("5035550142", "5035550143"));
        assert!(!same("n/a", "unknown"));
    }
}
