//! Phone numbers: a country of the vendor's own numbering, and national digits.

/// A country by the vendor's own number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Country {
    pub(super) id: i64,
    pub(super) dial: i64,
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    /// How many national digits a number has.
    digits: (usize, usize),
}

const fn country(
    id: i64,
    dial: i64,
    code: &'static str,
    name: &'static str,
    digits: (usize, usize),
) -> Country {
    Country { id, dial, code, name, digits }
}

/// The United States, which is not 1.
pub(super) static HOME: Country = country(225, 1, "US", "United States", (10, 10));

/// What the organisation lists. Number 1 is somewhere else than a caller from the States thinks.
pub(super) static COUNTRIES: [Country; 4] = [
    country(1, 93, "AF", "Afghanistan", (9, 10)),
    country(95, 91, "IN", "India", (10, 10)),
    country(224, 44, "GB", "United Kingdom", (9, 10)),
    country(225, 1, "US", "United States", (10, 10)),
];

pub(super) fn by_id(id: i64) -> Option<&'static Country> {
    COUNTRIES.iter().find(|country| country.id == id)
}

impl Country {
    pub(super) fn fits(&self, number: &str) -> bool {
        let length = digits(number).len();
        (self.digits.0..=self.digits.1).contains(&length)
    }

    /// How the practice keeps a number of this country.
    pub(super) fn typed(&self, number: &str) -> String {
        let number = digits(number);
        if self.id == HOME.id { number } else { format!("+{} {number}", self.dial) }
    }
}

pub(super) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// The country and the national digits of a number as staff typed it.
pub(super) fn parts(typed: &str) -> (&'static Country, String) {
    let all = digits(typed);
    if typed.trim_start().starts_with('+') {
        for country in &COUNTRIES {
            if let Some(national) = all.strip_prefix(&country.dial.to_string()) {
                return (country, national.to_owned());
            }
        }
    }
    let national = all.get(all.len().saturating_sub(10)..).unwrap_or_default();
    (&HOME, national.to_owned())
}

/// The number with `+` and the dialling code, as E.164 writes it.
pub(super) fn international(typed: &str) -> String {
    let (country, national) = parts(typed);
    format!("+{}{national}", country.dial)
}

/// The number as the vendor displays it.
pub(super) fn display(typed: &str) -> String {
    let (country, national) = parts(typed);
    format!("+{} {national}", country.dial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_type_a_number_is_the_same_number() {
        for typed in ["(646) 555-0001", "+1 646 555 0001", "646.555.0001", "6465550001"] {
            assert_eq!(international(typed), "+16465550001", "{typed}");
        }
        assert_eq!(parts("+91 98855 17727").0.id, 95);
    }
}
