use cannula_core::{Person, Phi};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    LinkPolicy, Offer, name_key,
    value::{self, Reading, tidy},
};

/// Why a field holds what it holds after a merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldRule {
    /// The contact's value was taken over.
    Crm,
    /// The value of the contact's custom field was taken over.
    CrmField,
    /// What staff gave was taken over, because the contact has nothing usable.
    Staff,
    /// Both sides have it, at most in another spelling; the patient's is kept.
    Same,
    /// The contact has nothing; the patient's is kept.
    CrmMissing,
    /// What the contact has cannot be true; the patient's is kept.
    CrmUnusable,
    /// Both sides have a birth date, and not the same; the patient's is kept. A person should
    /// look which is right.
    Conflict,
}

impl FieldRule {
    /// The rule for tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crm => "taken from the CRM",
            Self::CrmField => "taken from the CRM's custom field",
            Self::Staff => "given by staff",
            Self::Same => "same",
            Self::CrmMissing => "kept: none in the CRM",
            Self::CrmUnusable => "kept: the CRM's is unusable",
            Self::Conflict => "kept: the CRM has another",
        }
    }
}

/// The rule of each field that a contact can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRules {
    /// First and last name, as one.
    pub name: FieldRule,
    /// Birth date.
    pub birth_date: FieldRule,
    /// Phone number.
    pub phone: FieldRule,
    /// E-mail address.
    pub email: FieldRule,
}

/// What a patient holds after a merge, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The patient's data.
    pub person: Person,
    /// The rule of each field.
    pub rules: MergeRules,
}

/// Merges what a contact offers into a patient; a new patient is one without data.
///
/// | field | contact | patient | holds |
/// |---|---|---|---|
/// | name | whole | anything | contact's |
/// | birth date | valid | valid | patient's, and a conflict if they differ |
/// | birth date | valid | none, placeholder, impossible | contact's |
/// | phone, e-mail | usable and different | anything | contact's |
/// | phone, e-mail | same in another spelling | | patient's |
/// | any | none, placeholder, impossible, half a name | anything | patient's |
pub fn merge(offer: &Offer, patient: &Person, policy: &LinkPolicy, today: NaiveDate) -> Merge {
    let mut person = patient.clone();
    let name = match &offer.name {
        Reading::Usable((first, last)) if same_name(first, last, patient) => FieldRule::Same,
        Reading::Usable((first, last)) => {
            person.first_name.clone_from(first);
            person.last_name.clone_from(last);
            FieldRule::Crm
        }
        nothing => kept(nothing),
    };
    let born = patient.birth_date.as_ref().map(|date| *date.expose());
    let born = born.filter(|date| policy.is_birth_date(*date, today));
    let birth_date = match (&offer.birth_date, born) {
        (Reading::Usable(date), Some(born)) if *date.expose() == born => FieldRule::Same,
        (Reading::Usable(_), Some(_)) => FieldRule::Conflict,
        (Reading::Usable(date), None) => {
            person.birth_date = Some(date.clone());
            offer.birth_date_source
        }
        (nothing, _) => kept(nothing),
    };
    let same_phone = |ours: &str, theirs: &str| {
        let number = |text| value::phone(text, policy.country);
        number(ours).is_some_and(|ours| Some(ours) == number(theirs))
    };
    let rules = MergeRules {
        name,
        birth_date,
        phone: take(&offer.phone, &mut person.phone, same_phone),
        email: take(&offer.email, &mut person.email, |ours, theirs| {
            ours.trim().to_lowercase() == theirs.to_lowercase()
        }),
    };
    Merge { person, rules }
}

/// Whether a contact that a patient is linked to has another name and another birth date: somebody
/// may have used it for the next person. A selection takes it as it is, because a person looked.
pub fn is_another_person(
    offer: &Offer,
    patient: &Person,
    policy: &LinkPolicy,
    today: NaiveDate,
) -> bool {
    offer.name_key().is_some_and(|key| key != name_key(patient))
        && merge(offer, patient, policy, today).rules.birth_date == FieldRule::Conflict
}

/// Takes the contact's text where it differs.
fn take(
    offer: &Reading<Phi<String>>,
    held: &mut Option<Phi<String>>,
    same: impl FnOnce(&str, &str) -> bool,
) -> FieldRule {
    match (offer, &held) {
        (Reading::Usable(theirs), Some(ours)) if same(ours.expose(), theirs.expose()) => {
            FieldRule::Same
        }
        (Reading::Usable(theirs), _) => {
            *held = Some(theirs.clone());
            FieldRule::Crm
        }
        (nothing, _) => kept(nothing),
    }
}

fn same_name(first: &Phi<String>, last: &Phi<String>, patient: &Person) -> bool {
    *first.expose() == tidy(patient.first_name.expose())
        && *last.expose() == tidy(patient.last_name.expose())
}

fn kept<T>(offer: &Reading<T>) -> FieldRule {
    match offer {
        Reading::Missing => FieldRule::CrmMissing,
        Reading::Unusable | Reading::Usable(_) => FieldRule::CrmUnusable,
    }
}
