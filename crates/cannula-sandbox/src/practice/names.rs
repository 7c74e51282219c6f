//! Invented people: names as real ones are spelt, and ways to type a phone number.

/// Given names with the gender the record shows.
pub(crate) static GIVEN: [(&str, &str); 24] = [
    ("Mara", "female"),
    ("Lena", "female"),
    ("Zoë", "female"),
    ("Inés", "female"),
    ("Priya", "female"),
    ("Hannah", "female"),
    ("Mary Ann", "female"),
    ("Chloe", "female"),
    ("Yuki", "female"),
    ("Amara", "female"),
    ("Sofia", "female"),
    ("Renée", "female"),
    ("Talia", "female"),
    ("Vera", "female"),
    ("Nadia", "female"),
    ("Ruth", "female"),
    ("Owen", "male"),
    ("Jürgen", "male"),
    ("Mateo", "male"),
    ("Elias", "male"),
    ("Tariq", "male"),
    ("Sean", "male"),
    ("Hugo", "male"),
    ("Noah", "male"),
];

/// Family names; some begin like others, so that prefix searches find too much.
pub(crate) static FAMILY: [&str; 24] = [
    "O'Neil",
    "O'Neill",
    "Smith",
    "Smith-Jones",
    "Smithson",
    "Núñez",
    "Nunez",
    "van der Berg",
    "St. Claire",
    "Okonkwo",
    "Lindqvist",
    "García Márquez",
    "Kowalski",
    "Abernathy",
    "Tanaka",
    "D'Angelo",
    "MacLeod",
    "Rossi",
    "Haddad",
    "Brandt",
    "Øster",
    "Ferreira",
    "Li",
    "Quigley",
];

/// Area codes: ten thousand numbers each.
static AREAS: [u32; 14] = [212, 305, 312, 404, 415, 512, 602, 617, 702, 713, 813, 917, 206, 303];

/// The `number`th phone number of the world, typed in one of five ways.
pub(crate) fn phone(number: u32, style: u64) -> String {
    let area = AREAS[(number / 10_000) as usize % AREAS.len()];
    let line = number % 10_000;
    match style % 5 {
        0 => format!("({area}) 555-{line:04}"),
        1 => format!("{area}-555-{line:04}"),
        2 => format!("{area}555{line:04}"),
        3 => format!("+1 {area} 555 {line:04}"),
        _ => format!("{area}.555.{line:04}"),
    }
}

/// The letters of a name that are safe in an address, in lower case.
pub(crate) fn ascii(name: &str) -> String {
    let plain = |letter: char| match letter {
        'á' | 'å' => 'a',
        'é' | 'ë' => 'e',
        'í' => 'i',
        'ñ' => 'n',
        'ø' => 'o',
        'ú' | 'ü' => 'u',
        other => other,
    };
    name.to_lowercase().chars().map(plain).filter(char::is_ascii_alphanumeric).collect()
}
