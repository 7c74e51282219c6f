use cannula_core::{CrmContact, Person, Phi};
use chrono::NaiveDate;

use super::{
    FieldRule, LinkPolicy, name_key,
    value::{self, Reading, tidy},
};

/// What a contact has to offer to a patient: its values, each read for what it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// First and last name.
    pub(super) name: Reading<(Phi<String>, Phi<String>)>,
    pub(super) birth_date: Reading<Phi<NaiveDate>>,
    /// The rule a birth date that is taken over is taken over by.
    pub(super) birth_date_source: FieldRule,
    pub(super) phone: Reading<Phi<String>>,
    pub(super) email: Reading<Phi<String>>,
}

impl Offer {
    /// Reads a contact. `given` is a birth date that staff gave for a contact without a usable
    /// one.
    pub fn read(
        contact: &CrmContact,
        given: Option<NaiveDate>,
        policy: &LinkPolicy,
        today: NaiveDate,
    ) -> Self {
        let (birth_date, birth_date_source) = birth_date(contact, given, policy, today);
        let kept = |text: &str| Phi::new(text.to_owned());
        Self {
            name: name(contact),
            birth_date,
            birth_date_source,
            phone: Reading::of(contact.phone.as_ref(), |text| {
                value::phone(text, policy.country).map(|_| kept(text))
            }),
            email: Reading::of(contact.email.as_ref(), |text| {
                value::email(text).map(|_| kept(text))
            }),
        }
    }

    /// The birth date, if it can be one.
    pub fn birth_date(&self) -> Option<NaiveDate> {
        self.birth_date.usable().map(|date| *date.expose())
    }

    /// The [`name_key`] of the contact, if it has a whole name.
    pub fn name_key(&self) -> Option<Phi<String>> {
        let (first_name, last_name) = self.name.usable()?.clone();
        Some(name_key(&Person { first_name, last_name, ..Person::default() }))
    }
}

/// A name is taken whole or not at all: half of one put over half of another is nobody's.
fn name(contact: &CrmContact) -> Reading<(Phi<String>, Phi<String>)> {
    let part = |text: &Option<Phi<String>>| text.as_ref().map(|text| tidy(text.expose()));
    let [first, last] = [&contact.first_name, &contact.last_name].map(part);
    let [first, last] = [first, last].map(Option::unwrap_or_default);
    if first.is_empty() && last.is_empty() {
        return Reading::Missing;
    }
    let letters = |text: &str| text.chars().any(char::is_alphanumeric);
    if letters(&first) && letters(&last) {
        Reading::Usable((Phi::new(first), Phi::new(last)))
    } else {
        Reading::Unusable
    }
}

fn birth_date(
    contact: &CrmContact,
    given: Option<NaiveDate>,
    policy: &LinkPolicy,
    today: NaiveDate,
) -> (Reading<Phi<NaiveDate>>, FieldRule) {
    let own = contact.birth_date.as_ref().map(|date| *date.expose());
    let in_field = contact.fields.get(&policy.birthday_field);
    let in_field = in_field.filter(|text| !text.expose().trim().is_empty());
    let field_date = in_field.and_then(|text| value::typed_date(text.expose()));
    let sources =
        [(own, FieldRule::Crm), (field_date, FieldRule::CrmField), (given, FieldRule::Staff)];
    let usable = |date: &NaiveDate| policy.is_birth_date(*date, today);
    for (date, rule) in sources {
        if let Some(date) = date.filter(usable) {
            return (Reading::Usable(Phi::new(date)), rule);
        }
    }
    let nothing = own.is_none() && in_field.is_none();
    (if nothing { Reading::Missing } else { Reading::Unusable }, FieldRule::Crm)
}
