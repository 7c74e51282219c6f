//! Domain values to what HighLevel wants to read.

use cannula_core::{FieldValue, Person, Phi};
use phonenumber::{Mode, country};

use crate::{ContactParts, CustomField, FieldContent};

/// A person as contact parts. Values the CRM would refuse or drop are left out, with a warning
/// that does not show them: a note and a stage are worth more than a bad number.
pub(crate) fn person(person: &Person, country: country::Id) -> ContactParts {
    ContactParts {
        first_name: present(&person.first_name),
        last_name: present(&person.last_name),
        email: person.email.as_ref().and_then(email),
        phone: person.phone.as_ref().and_then(|phone| e164(phone, country)),
        birth_date: person.birth_date.clone(),
        fields: Vec::new(),
    }
}

fn present(text: &Phi<String>) -> Option<Phi<String>> {
    let text = text.expose().trim();
    (!text.is_empty()).then(|| Phi::new(text.to_owned()))
}

/// The address, if it can be one: EMRs hold `none` and `declined` too, and one such value
/// would have the whole contact refused.
fn email(email: &Phi<String>) -> Option<Phi<String>> {
    let text = email.expose().trim();
    let plausible = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !domain.contains('@')
            && !text.contains(char::is_whitespace)
    });
    if !plausible {
        tracing::warn!("an e-mail address that cannot be one is left out");
        return None;
    }
    Some(Phi::new(text.to_owned()))
}

/// The number in E.164, if it is a number that can be called: 000-000-0000 and its like are
/// shared by many patients and would tie them to one contact.
fn e164(phone: &Phi<String>, country: country::Id) -> Option<Phi<String>> {
    let number = phonenumber::parse(Some(country), phone.expose())
        .ok()
        .filter(phonenumber::is_valid)
        .map(|number| Phi::new(number.format().mode(Mode::E164).to_string()));
    if number.is_none() {
        tracing::warn!("a phone number that cannot be called is left out");
    }
    number
}

/// A value in the shape the field's type takes. What clears a date or a number is `null`: an
/// empty text is ignored by a DATE and is no number. It clears everything else.
pub(crate) fn field_content(value: &FieldValue, field: &CustomField) -> FieldContent {
    match value {
        FieldValue::Text(text) => FieldContent::Text(text.clone()),
        FieldValue::Date(date) => FieldContent::Date(date.clone()),
        FieldValue::Money(money) if field.is_number() => FieldContent::Number(money.clone()),
        FieldValue::Money(money) => FieldContent::Text(Phi::new(money.expose().decimal())),
        FieldValue::Empty if field.is_number() || field.data_type == "DATE" => FieldContent::Null,
        FieldValue::Empty => FieldContent::Text(Phi::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phone(text: &str, country: country::Id) -> Option<String> {
        e164(&Phi::new(text.to_owned()), country).map(Phi::into_inner)
    }

    #[test]
    fn phones_become_e164_in_the_practices_country() {
        use country::Id::{GB, US};
        for spelling in ["(202) 456-1111", "202.456.1111", "1-202-456-1111", "+1 202 456 1111"] {
            assert_eq!(phone(spelling, US).as_deref(), Some("+12024561111"), "{spelling}");
        }
        // The numbers kept for fiction can be called as far as the plan is concerned.
        assert_eq!(phone("(480) 555-0143", US).as_deref(), Some("+14805550143"));
        assert_eq!(phone("+44 20 7946 0958", US).as_deref(), Some("+442079460958"));
        assert_eq!(phone("020 7946 0958", GB).as_deref(), Some("+442079460958"));
    }

    #[test]
    fn placeholder_numbers_are_left_out() {
        for text in ["000-000-0000", "555-5555", "none", "", "(999) 999-9999", "123"] {
            assert_eq!(phone(text, country::Id::US), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_left_out() {
        let keep = |text: &str| email(&Phi::new(text.to_owned())).map(Phi::into_inner);
        assert_eq!(keep(" mina@example.test ").as_deref(), Some("mina@example.test"));
        for text in ["none", "mina@", "@example.test", "a b@example.test", "a@b@c.test", "a@test"] {
            assert_eq!(keep(text), None, "{text}");
        }
    }

    fn field(data_type: &str) -> CustomField {
        CustomField { id: "f".into(), name: "n".into(), data_type: data_type.into() }
    }

    #[test]
    fn dates_and_numbers_are_cleared_by_null_and_texts_by_an_empty_text() {
        for data_type in ["DATE", "MONETORY", "NUMERICAL"] {
            let cleared = field_content(&FieldValue::Empty, &field(data_type));
            assert_eq!(cleared, FieldContent::Null, "{data_type}");
        }
        let cleared = field_content(&FieldValue::Empty, &field("TEXT"));
        assert_eq!(cleared, FieldContent::Text(Phi::new(String::new())));
        assert!(cleared.is_blank());
    }

    #[test]
    fn money_is_a_number_where_the_field_is_one_and_a_text_elsewhere() {
        use cannula_core::{Currency, Money};
        let money = Phi::new(Money::from_minor(14_950, Currency::USD));
        let written =
            |data_type| field_content(&FieldValue::Money(money.clone()), &field(data_type));
        assert_eq!(written("MONETORY"), FieldContent::Number(money.clone()));
        assert_eq!(written("NUMERICAL"), FieldContent::Number(money.clone()));
        assert_eq!(written("TEXT"), FieldContent::Text(Phi::new("149.50".into())));
    }
}
