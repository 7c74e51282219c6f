//! Are a patient and a contact the same person?

use cannula_core::{Person, Phi};
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::Contact;

/// Nothing known of both contradicts.
///
/// Names are compared without case, accents, spaces and punctuation; a part of the name that the
/// contact does not have contradicts nothing (leads often come in with a first name or only a
/// number). Nicknames and middle names do contradict: a person decides. So do birth dates that
/// differ, whatever the names.
pub(crate) fn same_person(person: &Person, contact: &Contact) -> bool {
    let birth_dates_agree = match (&person.birth_date, &contact.birth_date) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    };
    birth_dates_agree && names_agree(person, contact)
}

fn names_agree(person: &Person, contact: &Contact) -> bool {
    let (ours_first, ours_last) = (fold(&person.first_name), fold(&person.last_name));
    let theirs = |part: &Option<Phi<String>>| part.as_ref().map(fold).unwrap_or_default();
    let (first, last) = (theirs(&contact.first_name), theirs(&contact.last_name));
    let ours_whole = format!("{ours_first}{ours_last}");
    if first.is_empty() && last.is_empty() {
        let whole = theirs(&contact.name);
        return whole.is_empty() || whole == ours_whole;
    }
    // Where a double name is cut in two differs between people who type it in.
    ours_whole == format!("{first}{last}")
        || ((first.is_empty() || first == ours_first) && (last.is_empty() || last == ours_last))
}

/// A name without case, accents, spaces and punctuation.
pub(crate) fn fold(name: &Phi<String>) -> String {
    let letters = name.expose().nfd().filter(|letter| !is_combining_mark(*letter));
    letters.filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn person(first: &str, last: &str, born: Option<&str>) -> Person {
        Person {
            first_name: Phi::new(first.to_owned()),
            last_name: Phi::new(last.to_owned()),
            birth_date: born.map(|date| Phi::new(date.parse().unwrap())),
            ..Person::default()
        }
    }

    fn contact(first: &str, last: &str, name: &str, born: Option<&str>) -> Contact {
        let text = |text: &str| (!text.is_empty()).then(|| Phi::new(text.to_owned()));
        Contact {
            id: "c1".into(),
            first_name: text(first),
            last_name: text(last),
            name: text(name),
            email: None,
            phone: None,
            birth_date: born.map(|date| Phi::new(date.parse().unwrap())),
            gender: None,
            street: None,
            city: None,
            state: None,
            postal_code: None,
            updated_at: None,
            tags: Vec::new(),
            fields: BTreeMap::new(),
        }
    }

    #[test]
    fn case_accents_spaces_and_punctuation_do_not_tell_people_apart() {
        for (ours, theirs) in [
            (("Mina", "Park"), ("mina", "PARK ")),
            (("Zoë", "O’Brien"), ("Zoe", "O'Brien")),
            (("Ana Maria", "de la Cruz"), ("ana maria", "De La Cruz")),
            (("Ana", "Smith-Jones"), ("Ana", "Smith Jones")),
            (("Ana Lee", "Park"), ("Ana", "Lee Park")),
        ] {
            let contact = contact(theirs.0, theirs.1, "", None);
            assert!(same_person(&person(ours.0, ours.1, None), &contact), "{ours:?} {theirs:?}");
        }
    }

    #[test]
    fn another_first_name_is_another_person() {
        for other in ["Jun", "Min", "Mina Jo"] {
            assert!(!same_person(&person("Mina", "Park", None), &contact(other, "Park", "", None)));
        }
    }

    #[test]
    fn a_part_the_contact_does_not_have_contradicts_nothing() {
        let mina = person("Mina", "Park", None);
        assert!(same_person(&mina, &contact("mina", "", "", None)));
        assert!(same_person(&mina, &contact("", "", "", None)));
        assert!(same_person(&mina, &contact("", "", "mina park", None)));
        assert!(!same_person(&mina, &contact("", "", "jun park", None)));
        assert!(!same_person(&mina, &contact("jun", "", "", None)));
    }

    #[test]
    fn birth_dates_count_when_both_are_known() {
        let mina = person("Mina", "Park", Some("1990-09-25"));
        assert!(same_person(&mina, &contact("Mina", "Park", "", Some("1990-09-25"))));
        assert!(same_person(&mina, &contact("Mina", "Park", "", None)));
        assert!(!same_person(&mina, &contact("Mina", "Park", "", Some("1962-01-02"))));
        assert!(!same_person(&mina, &contact("", "", "", Some("1962-01-02"))));
    }
}
