//! Phone numbers in the forms that Nextech keeps.

use crate::profile::Product;

/// The ten digits of a North American number, however it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits(String);

impl Digits {
    /// `None` for a number of another country, one with an extension, or no number at all.
    fn of(number: &str) -> Option<Self> {
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
            (11, Some(ten)) => Some(Self(ten.to_owned())),
            (10, _) if !plus => Some(Self(digits)),
            _ => None,
        }
    }

    /// Area code, exchange and line.
    fn parts(&self) -> (&str, &str, &str) {
        let (area, rest) = self.0.split_at(3);
        let (exchange, line) = rest.split_at(3);
        (area, exchange, line)
    }
}

/// A number as the product's own samples of a new patient write it; one that is not North American
/// stays as staff typed it.
pub(crate) fn written(product: Product, number: &str) -> String {
    let Some(digits) = Digits::of(number) else { return number.trim().to_owned() };
    let (area, exchange, line) = digits.parts();
    match product {
        Product::Select => format!("({area}){exchange}-{line}"),
        Product::PracticePlus => format!("({area}) {exchange}-{line}"),
    }
}

/// The ways in which Nextech may have stored a number. Its search compares texts from the start,
/// and its samples do not agree on one form.
pub(crate) fn spellings(number: &str) -> Vec<String> {
    let Some(digits) = Digits::of(number) else {
        // A comma would make two numbers of one.
        let number = number.trim().replace(',', "");
        let bare: String = number.chars().filter(|it| it.is_ascii_digit() || *it == '+').collect();
        let mut spellings = vec![number, bare];
        spellings.dedup();
        spellings.retain(|it| it.chars().any(|it| it.is_ascii_digit()));
        return spellings;
    };
    let (area, exchange, line) = digits.parts();
    vec![
        format!("({area}) {exchange}-{line}"),
        format!("({area}){exchange}-{line}"),
        format!("{area}-{exchange}-{line}"),
        format!("{area}{exchange}{line}"),
        format!("{area}.{exchange}.{line}"),
        format!("{area} {exchange} {line}"),
        format!("+1{area}{exchange}{line}"),
        format!("1{area}{exchange}{line}"),
    ]
}

/// Whether two spellings are one number.
pub(crate) fn same(a: &str, b: &str) -> bool {
    match (Digits::of(a), Digits::of(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => {
            let (a, b) = (spellings(a).pop(), spellings(b).pop());
            a.is_some() && a == b
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_north_american_number_is_written_as_the_products_samples_have_it() {
        for typed in
            ["5550104477", "(555) 010-4477", "555.010.4477", " 1 555-010-4477", "+1 (555) 010-4477"]
        {
            assert_eq!(written(Product::Select, typed), "(555)010-4477", "{typed}");
            assert_eq!(written(Product::PracticePlus, typed), "(555) 010-4477", "{typed}");
        }
    }

    #[test]
    fn any_other_number_stays_as_it_was_typed() {
        for typed in
            ["+44 20 7946 0000", "+5550104477", "555 010 4477 x12", "010-4477", "25550104477"]
        {
            assert_eq!(written(Product::Select, typed), typed);
        }
    }

    #[test]
    fn a_number_is_looked_for_in_every_usual_spelling() {
        assert_eq!(
            spellings("+15550104477").join(","),
            "(555) 010-4477,(555)010-4477,555-010-4477,5550104477,555.010.4477,555 010 4477,+15550104477,15550104477"
        );
        assert_eq!(spellings("+44 20 7946 0000"), ["+44 20 7946 0000", "+442079460000"]);
        assert_eq!(spellings("5550104"), ["5550104"]);
        assert!(spellings("unknown").is_empty() && spellings(" ").is_empty());
    }

    #[test]
    fn spellings_of_one_number_are_the_same() {
        assert!(same("(555) 010-4477", "+15550104477"));
        assert!(same("+44 20 7946 0000", "+442079460000"));
        assert!(!same("(555) 010-4477", "(555) 010-4478"));
        assert!(!same("(555) 010-4477", "+5550104477"));
        assert!(!same("n/a", "unknown"));
    }
}
